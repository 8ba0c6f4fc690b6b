//! `tidegate init`: a project to start from.

use std::path::Path;
use std::process::ExitCode;

use crate::cli;
use crate::config::Config;
use crate::failure::{Failure, Result};

const CONFIG: &str = "\
# Settings of this Tidegate project. Every one has a default.

[storage]
# Where state, log and released files lie, relative to this file.
root = \".\"

[params]
# Values for $parameters in SQL, as in: path = $landing
# landing = \"landing/decisions/\"

[epoch]
# An epoch ends after so much Arrow memory or so many files.
# max_mib = 64
# max_files = 1000
# threads = 4
";

const STREAMS: &str = "\
-- Where telemetry lands. A stream with a privacy unit is protected: signals over it need a privacy clause.
-- Declared columns let `tidegate check` work before the first file has landed; left out, they are read off the files.
CREATE STREAM decisions (
  event_time TIMESTAMP, tenant_id VARCHAR, user_token VARCHAR, task_class VARCHAR, outcome VARCHAR, latency_us BIGINT
) WITH (
  path = 'landing/decisions/', format = 'parquet',
  event_time = 'event_time', watermark = INTERVAL '10 minutes',
  tenant = 'tenant_id', privacy_unit = 'user_token');
";

const SIGNALS: &str = "\
-- What is released: groups of fewer than 20 people are withheld.
CREATE SIGNAL outcomes WITH (version = '1.0.0', owner = 'me') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20, privacy_unit_column = user_token)
  window_start, window_end, task_class,
  COUNT(*) AS decisions,
  AVG(CAST(outcome = 'edited' AS INT)) AS edit_rate
FROM TUMBLE(decisions, event_time, INTERVAL '1 hour')
GROUP BY window_start, window_end, task_class;
";

pub(crate) fn run(options: &cli::Init) -> Result<ExitCode> {
    let folder = &options.dir;
    if folder.join(Config::FILE).exists() || folder.join("sql").exists() {
        let cause = format!("{} already is a project", folder.display());
        return Err(Failure::usage("TG303", cause, "choose another folder"));
    }
    write_new(&folder.join(Config::FILE), CONFIG)?;
    write_new(&folder.join("sql/streams.sql"), STREAMS)?;
    write_new(&folder.join("sql/signals.sql"), SIGNALS)?;
    make_folder(&folder.join("landing/decisions"))?;
    eprintln!(
        "a project is ready in {0}: put Parquet files into {0}/landing/decisions (or make some with\n  \
         tidegate generate --out {0}/landing), then\n  tidegate run --until-end --project {0}\n  \
         tidegate sql --project {0} 'SELECT * FROM released.outcomes LIMIT 10'",
        folder.display()
    );
    Ok(ExitCode::SUCCESS)
}

/// Writes a file that is not there yet, with its folders; leaves one that is there alone.
pub(crate) fn write_new(path: &Path, text: &str) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        make_folder(folder)?;
    }
    std::fs::write(path, text).map_err(|error| Failure::io("write", path.display(), &error))
}

fn make_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| Failure::io("create", folder.display(), &error))
}
