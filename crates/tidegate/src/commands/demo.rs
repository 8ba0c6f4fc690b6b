//! `tidegate demo`: the whole way, from generated telemetry to a verdict, on embedded definitions.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use tidegate_stream::{InputEnd, Summary};
use tidegate_testkit::generate::{Config as Traces, Regression};

use super::init::write_new;
use super::run::drain;
use super::{gate, generate};
use crate::cli::{self, Place};
use crate::config::Config;
use crate::failure::{Failure, Result};
use crate::output::print;
use crate::project::Project;

/// The demo's definitions, as they stand in the repository.
const FILES: [(&str, &str); 4] = [
    ("sql/streams.sql", include_str!("../../../../sql/demo/streams.sql")),
    ("sql/outcomes_by_task.sql", include_str!("../../../../sql/demo/outcomes_by_task.sql")),
    ("sql/edit_rate_by_arm.sql", include_str!("../../../../sql/demo/edit_rate_by_arm.sql")),
    (GATE, include_str!("../../../../sql/demo/gates/assistant-v1.5.yaml")),
];

const GATE: &str = "gates/assistant-v1.5.yaml";

const CONFIG: &str = "# The Tidegate demo. `tidegate run`, `sql` and `explain` work here with --project.\n";

pub(crate) async fn run(options: cli::Demo) -> Result<ExitCode> {
    let folder = options.dir.as_path();
    refuse_foreign(folder)?;
    write_new(&folder.join(Config::FILE), CONFIG)?;
    for (name, text) in FILES {
        write_new(&folder.join(name), text)?;
    }
    eprintln!("generating {} decision traces (seed {}) ...", options.rows, options.seed);
    let traces =
        Traces { seed: options.seed, rows: options.rows, regression: Some(Regression::default()), ..Traces::default() };
    generate::write(traces, &folder.join("landing"), None)?;

    let place = Place { project: folder.to_path_buf(), root: None, parameters: Vec::new() };
    let project = Project::load(&place).await?;
    let summary = drain(&project, InputEnd::End).await?;
    let gate_file = gate::read(&folder.join(GATE))?;
    let verdict = gate::evaluate(&project.store()?, &gate_file, &BTreeSet::new(), None).await?;
    print(&story(folder, &summary, &verdict))?;
    Ok(ExitCode::SUCCESS)
}

/// A folder with something else in it is not ours to fill.
fn refuse_foreign(folder: &Path) -> Result<()> {
    let mut entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Failure::io("list", folder.display(), &error)),
    };
    if entries.next().is_none() || folder.join(GATE).exists() {
        return Ok(());
    }
    let cause = format!("{} is not empty and no demo", folder.display());
    Err(Failure::usage("TG303", cause, "choose an empty folder with --dir"))
}

fn story(folder: &Path, summary: &Summary, verdict: &tidegate_gate::Verdict) -> String {
    let mut text = String::new();
    let mut line = |part: String| {
        let _ = writeln!(text, "{part}");
    };
    let folder = folder.display();
    line(String::new());
    if summary.is_idle() {
        line("Read      nothing new: an earlier run has read and released everything.".to_owned());
    }
    for (name, stream) in summary.streams.iter().filter(|(_, stream)| stream.rows > 0) {
        line(format!(
            "Read      {} decision traces in {} files of the stream `{name}`, once for all signals.",
            stream.rows, stream.files
        ));
    }
    for (name, signal) in summary.signals.iter().filter(|(_, signal)| signal.days > 0) {
        line(format!(
            "Released  {name}: {} groups over {} days; withheld {} groups with fewer than 20 people behind them.",
            signal.rows_released, signal.days, signal.withheld
        ));
    }
    line(format!("Parquet   {folder}/released/signal=<name>/date=<day>/part-0.parquet"));
    line(String::new());
    line("Look at it with DuckDB or with Tidegate itself:".to_owned());
    line(format!(
        "  duckdb -c \"FROM read_parquet('{folder}/released/signal=outcomes_by_task/**/*.parquet', hive_partitioning = true) LIMIT 10\""
    ));
    line(format!("  tidegate sql --project {folder} \"SELECT * FROM released.outcomes_by_task LIMIT 10\""));
    line(String::new());
    line(format!("Verdict   {} for the new version: {}", verdict.verdict, verdict.reason));
    line(format!("          {}", verdict.what_happened));
    line(format!("          next: {}", verdict.what_next));
    line(format!("          again with: tidegate gate evaluate {GATE} --project {folder}"));
    text
}
