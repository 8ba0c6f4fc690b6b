//! `tidegate diff`: what will a run do that the definitions changed? Nothing is run and nothing is written.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::ExitCode;

use serde::Serialize;
use tidegate_stream::{DefinedSignal, Fate, History, Landed, compare};

use crate::cli::{self, Place};
use crate::failure::{Failure, Result};
use crate::log::Log;
use crate::output::print;
use crate::project::Project;
use crate::words::counted;

pub(crate) async fn run(place: &Place, options: &cli::Diff) -> Result<ExitCode> {
    let project = Project::load(place).await?;
    let signals = project.plan_to_look_at().await?;
    let defined = signals.iter().map(|signal| DefinedSignal {
        name: signal.name().to_owned(),
        streams: signal.streams().map(str::to_owned).collect(),
        fingerprint: signal.cut.fingerprint().clone(),
        code_hash: signal.definition.code_hash.clone(),
    });
    let derived = project.derive(&signals).await?;
    let derived = derived.iter().map(|signal| DefinedSignal {
        name: signal.name().to_owned(),
        streams: Vec::new(),
        fingerprint: signal.view.fingerprint().clone(),
        code_hash: signal.definition.code_hash.clone(),
    });
    let defined = defined.chain(derived);
    let history = History::of(&Log::read(place).await?.records);
    let fates = compare(&history, &defined.collect::<Vec<_>>(), &landed(&project)?);
    print(&if options.json { to_json(&fates)? } else { describe(&fates) })?;
    let changes = fates.values().any(|fate| *fate != Fate::Unchanged);
    Ok(if options.exit_code && changes { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn landed(project: &Project) -> Result<BTreeMap<String, Landed>> {
    let mut landed = BTreeMap::new();
    for (stream, source) in &project.inputs {
        let name = stream.definition.name.value.clone();
        let files = source.discover().map_err(|source| tidegate_stream::Error::Source { stream: name.clone(), source });
        let files = files?;
        let bytes = files.iter().map(|file| file.size).sum();
        landed.insert(name, Landed { files: files.len() as u64, bytes });
    }
    Ok(landed)
}

fn describe(fates: &BTreeMap<String, Fate>) -> String {
    let mut text = String::new();
    for (name, fate) in fates {
        let _ = writeln!(text, "{name}: {}", words(fate));
    }
    text
}

fn words(fate: &Fate) -> String {
    let reads =
        |landed: &Landed| format!("reads {}, {}", counted(landed.files, "landing file"), counted(landed.bytes, "byte"));
    match fate {
        Fate::New(landed) => format!("new; {}", reads(landed)),
        Fate::Unchanged => "unchanged".to_owned(),
        Fate::Kept { days } => {
            format!("changed; its state stays, {} released again from it", counted(*days, "day"))
        }
        Fate::Restarted(landed) => format!("changed; its state starts again, {}", reads(landed)),
        Fate::Removed { state, released } => {
            let files = state.iter().chain(released).cloned().collect::<Vec<_>>();
            match files.is_empty() {
                true => "removed; it has no files".to_owned(),
                false => format!("removed; these stay until you remove them: {}", files.join(", ")),
            }
        }
    }
}

#[derive(Serialize)]
struct Report<'a> {
    signal: &'a str,
    change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    files_to_read: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_to_read: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    days_restated: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files_left: Vec<&'a str>,
}

impl<'a> Report<'a> {
    fn of(signal: &'a str, fate: &'a Fate) -> Self {
        let plain = |change| Self {
            signal,
            change,
            files_to_read: None,
            bytes_to_read: None,
            days_restated: None,
            files_left: Vec::new(),
        };
        let reads = |change, landed: &Landed| Self {
            files_to_read: Some(landed.files),
            bytes_to_read: Some(landed.bytes),
            ..plain(change)
        };
        match fate {
            Fate::New(landed) => reads("new", landed),
            Fate::Unchanged => plain("unchanged"),
            Fate::Kept { days } => Self { days_restated: Some(*days), ..plain("kept") },
            Fate::Restarted(landed) => reads("restarted", landed),
            Fate::Removed { state, released } => {
                Self { files_left: state.iter().chain(released).map(String::as_str).collect(), ..plain("removed") }
            }
        }
    }
}

fn to_json(fates: &BTreeMap<String, Fate>) -> Result<String> {
    let reports = fates.iter().map(|(name, fate)| Report::of(name, fate)).collect::<Vec<_>>();
    let text = serde_json::to_string_pretty(&reports);
    let text = text.map_err(|error| Failure::infrastructure("TG500", error.to_string(), "report this as a bug"))?;
    Ok(text + "\n")
}
