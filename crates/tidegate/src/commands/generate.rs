//! `tidegate generate`: decision traces and late labels, the same for the same seed.

use std::process::ExitCode;
use std::time::Instant;

use tidegate_testkit::generate::{Config, Drift, Format, Generator, Layout, Regression, Written};

use crate::cli::{self, FileFormat};
use crate::failure::{Failure, Result};

pub(crate) fn run(options: &cli::Generate) -> Result<ExitCode> {
    let config = Config {
        seed: options.seed,
        rows: options.rows,
        days: options.days,
        tenants: options.tenants,
        users: options.users,
        regression: options.regression.then(Regression::default),
        drift: options.drift.then(|| Drift { from_day: options.days / 2, ..Drift::default() }),
        layout: if options.by_tenant { Layout::Hive } else { Layout::ByDay },
        format: match options.format {
            FileFormat::Parquet => Format::Parquet,
            FileFormat::Ndjson => Format::Ndjson,
            FileFormat::Csv => Format::Csv,
            FileFormat::Arrow => Format::ArrowIpc,
        },
        ..Config::default()
    };
    let started = Instant::now();
    let written = write(config, &options.out, options.threads)?;
    eprintln!(
        "{} decision traces and their labels in {} files ({} bytes) below {} in {:.1} s",
        written.rows,
        written.files,
        written.bytes,
        options.out.display(),
        started.elapsed().as_secs_f64()
    );
    Ok(ExitCode::SUCCESS)
}

/// Writes what `config` describes below `folder`; files that are there already stay as they are.
pub(crate) fn write(config: Config, folder: &std::path::Path, threads: Option<usize>) -> Result<Written> {
    let explain = |error: tidegate_testkit::generate::Error| {
        Failure::usage("TG304", error.to_string(), "see `tidegate generate --help` for what can be generated")
    };
    let threads = threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let generator = Generator::new(config).map_err(explain)?;
    generator.write(folder, threads, |_| {}).map_err(explain)
}
