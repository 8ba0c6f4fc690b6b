//! `tidegate run`: read what has landed, commit it, release what is closed.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::ExitCode;

use serde::Serialize;
use tidegate_stream::{InputEnd, RowAccount, StreamAccount, Summary};

use super::follow;
use crate::cli::{self, Place};
use crate::failure::{Failure, Result};
use crate::instants;
use crate::labels::settle::settle_if_declared;
use crate::lineage::Lineage;
use crate::output::print;
use crate::progress::Bar;
use crate::project::Project;
use crate::signals::Signals;
use crate::words::{counted, signal_account, stream_account};

pub(crate) async fn run(place: &Place, options: &cli::Run) -> Result<ExitCode> {
    settle_if_declared(place).await?;
    if options.follow {
        return follow::run(place, options).await;
    }
    let project = Project::load(place).await?;
    let end = if options.until_end { InputEnd::End } else { InputEnd::Pause };
    let mut lineage = Lineage::of(&project).await?;
    let summary = drain(&project, end).await?;
    if let Some(lineage) = &mut lineage {
        lineage.tell().await?;
    }
    if options.json {
        let text = serde_json::to_string_pretty(&report(&summary));
        let text = text.map_err(|error| Failure::infrastructure("TG500", error.to_string(), "report this as a bug"))?;
        print(&format!("{text}\n"))?;
    }
    eprint!("{}", describe(&summary));
    Ok(ExitCode::SUCCESS)
}

/// Drains the project's sources once.
pub(crate) async fn drain(project: &Project, end: InputEnd) -> Result<Summary> {
    let mut engine = project.engine(run_id()?).await?;
    let signals = Signals::listen(engine.stop())?;
    let bar = Bar::new();
    let summary = engine.drain(end, &|progress| bar.show(progress)).await?;
    drop(bar);
    if let Some(signal) = signals.asked() {
        let epochs = counted(summary.epochs, "epoch");
        eprintln!("stopped by {signal} after {epochs}: all of it is committed, and the next run goes on from there");
    }
    Ok(summary)
}

/// A name for this run: random, so that no two runs share one.
pub(crate) fn run_id() -> Result<String> {
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::infrastructure("TG500", format!("no random bytes: {error}"), "check the system"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The run in words, for people.
pub(crate) fn describe(summary: &Summary) -> String {
    let mut text = String::new();
    let mut line = |part: String| {
        let _ = writeln!(text, "{part}");
    };
    if summary.is_idle() {
        line("nothing new: everything that landed is read, and every closed window is released".to_owned());
    }
    for (name, stream) in &summary.streams {
        let was_read = stream.rows + stream.files + stream.files_rejected > 0;
        if !was_read {
            continue;
        }
        let watermark = stream.watermark_us.map(|watermark| format!(", watermark {}", instants::show(watermark)));
        let (rows, files) = (counted(stream.rows, "row"), counted(stream.files, "file"));
        line(format!("{name}: read {rows} of {files}{}", watermark.unwrap_or_default()));
        if stream.account.read > 0 {
            line(format!("  {}", stream_account(&stream.account)));
        }
        if stream.rows > stream.account.read {
            let again = counted(stream.rows - stream.account.read, "row");
            line(format!("  {again} read again, for signals that catch up"));
        }
        if stream.rows_behind > 0 {
            line(format!("  {} behind the watermark", counted(stream.rows_behind, "row")));
        }
        let rejected = stream.account.rejected;
        if rejected > 0 || stream.files_rejected > 0 {
            let (rows, files) = (counted(rejected, "row"), counted(stream.files_rejected, "file"));
            line(format!("  warning: {rows} and {files} were set aside in quarantine:"));
            for rejection in &stream.examples {
                line(format!("    {rejection}"));
            }
            if rejected + stream.files_rejected > stream.examples.len() as u64 {
                let reasons = stream.reasons.iter().map(|(reason, rows)| format!("{rows} {reason}"));
                line(format!("    in all: {}", reasons.collect::<Vec<_>>().join(", ")));
            }
            for path in &stream.quarantine {
                line(format!("    see {path}"));
            }
        }
    }
    text + &describe_signals(summary)
}

/// What became of each signal.
pub(crate) fn describe_signals(summary: &Summary) -> String {
    let mut text = String::new();
    let mut line = |part: String| {
        let _ = writeln!(text, "{part}");
    };
    for (name, signal) in &summary.signals {
        if signal.rows.read > 0 {
            line(format!("{name}: {}", signal_account(&signal.rows)));
        }
        if signal.rows.late > 0 {
            let late = counted(signal.rows.late, "row");
            line(format!("  {late} too late; see `tidegate quarantine ls --reason late`"));
        }
        if signal.days > 0 {
            let withheld =
                if signal.withheld > 0 { format!(", {} groups withheld", signal.withheld) } else { String::new() };
            let (rows, files) = (counted(signal.rows_released, "row"), counted(signal.paths.len() as u64, "file"));
            line(format!("{name}: released {rows} in {files}{withheld}"));
        }
        if signal.turned > 0 {
            line(format!("{name}: {} turned, see events/signal={name}/", counted(signal.turned, "verdict")));
        }
        for path in &signal.removed {
            line(format!("{name}: removed {path}, made by an earlier definition"));
        }
    }
    text
}

#[derive(Serialize)]
struct Report<'a> {
    epochs: u64,
    streams: BTreeMap<&'a str, StreamReport<'a>>,
    signals: BTreeMap<&'a str, SignalReport<'a>>,
}

#[derive(Serialize)]
struct StreamReport<'a> {
    files: u64,
    rows: u64,
    account: StreamAccount,
    rows_behind: u64,
    files_rejected: u64,
    quarantine: &'a [String],
    watermark_us: Option<i64>,
}

#[derive(Serialize)]
struct SignalReport<'a> {
    rows: &'a RowAccount,
    rows_released: u64,
    withheld: u64,
    /// Verdicts that turned.
    turned: u64,
    paths: &'a [String],
}

/// The run as JSON.
pub(crate) fn report(summary: &Summary) -> impl Serialize {
    let streams = summary.streams.iter().map(|(name, stream)| {
        let report = StreamReport {
            files: stream.files,
            rows: stream.rows,
            account: stream.account,
            rows_behind: stream.rows_behind,
            files_rejected: stream.files_rejected,
            quarantine: &stream.quarantine,
            watermark_us: stream.watermark_us,
        };
        (name.as_str(), report)
    });
    let signals = summary.signals.iter().map(|(name, signal)| {
        let report = SignalReport {
            rows: &signal.rows,
            rows_released: signal.rows_released,
            withheld: signal.withheld,
            turned: signal.turned,
            paths: &signal.paths,
        };
        (name.as_str(), report)
    });
    Report { epochs: summary.epochs, streams: streams.collect(), signals: signals.collect() }
}
