//! `tidegate gate`: a gate file is asked, planned or described, without registering anything.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use tidegate_gate::plan::{Plan, Traffic, plan};
use tidegate_gate::render::{junit, summary};
use tidegate_gate::{Error, Facts, GateFile, Verdict, decide};
use tidegate_ledger::Store;

use crate::cli::Place;
use crate::cli::gate::{Assume, Gate, GateCommand, VerdictFormat};
use crate::config::Config;
use crate::evidence;
use crate::failure::{Failure, Result, Snippet};
use crate::output::print;
use crate::project::defined;
use crate::storage::{self, root_of};
use crate::words::counted;

/// What an invalid gate, and one that cannot decide, end with.
const INVALID: u8 = 2;

pub(crate) async fn run(place: &Place, options: &Gate) -> Result<ExitCode> {
    match &options.command {
        GateCommand::Schema => {
            print(include_str!("../../../../docs/schemas/gate.schema.json"))?;
            Ok(ExitCode::SUCCESS)
        }
        GateCommand::Evaluate { file, as_of, format } => {
            let gate = find(place, file)?;
            let store = store_of(place)?;
            let verdict = evaluate(&store, &gate, &hushed(place).await?, as_of.map(|at| at.0)).await?;
            print(&show(&verdict, *format)?)?;
            Ok(ExitCode::from(verdict.exit_code()))
        }
        GateCommand::Plan { file, assume, json } => plan_file(place, file, *assume, *json).await,
    }
}

/// Plans the gate of a file, and says so.
pub(crate) async fn plan_file(place: &Place, file: &Path, assume: Assume, json: bool) -> Result<ExitCode> {
    let gate = find(place, file)?;
    let (plan, epsilons) = plan_of(&store_of(place)?, &gate, &hushed(place).await?, assume.traffic()).await?;
    print(&if json { to_json(&plan)? } else { describe(&plan, &epsilons) })?;
    Ok(if plan.decides { ExitCode::SUCCESS } else { ExitCode::from(INVALID) })
}

/// A gate file, named relative to the working folder or to the project's.
fn find(place: &Place, file: &Path) -> Result<GateFile> {
    let path = if file.is_file() { file.to_path_buf() } else { place.project.join(file) };
    read(&path)
}

pub(crate) fn store_of(place: &Place) -> Result<Store> {
    let config = Config::read(&place.project)?;
    storage::open(&root_of(place, &config)?, &config)
}

/// Signals of the project in which nobody knows how much noise there is.
pub(crate) async fn hushed(place: &Place) -> Result<BTreeSet<String>> {
    Ok(evidence::hushed(&defined(place, &Config::read(&place.project)?).await?))
}

/// Reads and checks a gate file.
pub(crate) fn read(path: &Path) -> Result<GateFile> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::io("read", path.display(), &error))?;
    parse(&path.display().to_string(), &text)
}

/// Checks the text of a gate file.
pub(crate) fn parse(name: &str, text: &str) -> Result<GateFile> {
    GateFile::parse(name, text).map_err(|error| {
        let failure = Failure::usage(error.code(), cause(&error), error.help());
        match error.location() {
            Some(at) => failure.at(Snippet::new(at.file.clone(), text.to_owned(), at.offset..at.offset + at.length)),
            None => failure,
        }
    })
}

/// The message without the place, which the snippet shows.
fn cause(error: &Error) -> String {
    let text = error.to_string();
    let place = error.location().map(|at| format!("{}:{}:{}: ", at.file, at.line, at.column)).unwrap_or_default();
    text.strip_prefix(&place).unwrap_or(&text).to_owned()
}

/// Reads the gate's evidence and decides, as of an instant or of the end of the evidence.
pub(crate) async fn evaluate(
    store: &Store,
    gate: &GateFile,
    hushed: &BTreeSet<String>,
    as_of_us: Option<i64>,
) -> Result<Verdict> {
    let read = evidence::read(store, gate, hushed).await?;
    let facts = Facts {
        as_of_us: as_of_us.or(read.last_us(gate)).unwrap_or(0),
        share: gate.stage.ramp.first().copied(),
        checks: read.checks,
        trust: read.trust,
        ..Facts::default()
    };
    Ok(decide(gate, &facts))
}

/// Plans a gate over the traffic that was seen, or else over what is assumed; with what noised signals cost a day.
pub(crate) async fn plan_of(
    store: &Store,
    gate: &GateFile,
    hushed: &BTreeSet<String>,
    assumed: Option<Traffic>,
) -> Result<(Plan, Vec<(String, f64)>)> {
    let read = evidence::read(store, gate, hushed).await?;
    let share = gate.stage.ramp.first().copied().unwrap_or(0.5);
    let invalid = |error: Error| Failure::usage(error.code(), error.to_string(), error.help());
    let mut traffic = Vec::new();
    for (check, read) in gate.checks.iter().zip(&read.checks) {
        let seen = read.as_ref().ok().map(|read| Traffic::seen(gate, check, read, share));
        traffic.push(seen.transpose().map_err(invalid)?.flatten().or(assumed));
    }
    Ok((plan(gate, &traffic).map_err(invalid)?, read.epsilons.into_iter().collect()))
}

fn describe(plan: &Plan, epsilons: &[(String, f64)]) -> String {
    let mut text = format!("gate {} version {} ({})\n", plan.gate, plan.version, plan.digest);
    for check in &plan.checks {
        text += &format!("  {} {}\n", if check.decides { "can " } else { "CANNOT" }, check.reason);
    }
    for (signal, epsilon) in epsilons {
        let days = plan.max_days.ceil();
        text += &format!(
            "  spends epsilon {epsilon} of each unit a day for {signal}, at most {} in {days} days\n",
            epsilon * days
        );
    }
    text += &match (plan.decides, plan.days) {
        (true, Some(days)) => format!("decides in about {days:.1} of {:.1} days\n", plan.max_days),
        (_, Some(days)) => format!(
            "CANNOT decide: about {days:.1} days are needed and {:.1} allowed; raise `time.max` or the margin, or the traffic\n",
            plan.max_days
        ),
        (_, None) => format!("CANNOT be planned: {}\n", counted(plan.checks.len() as u64, "check")),
    };
    text
}

/// A verdict as it was asked for.
pub(crate) fn show(verdict: &Verdict, format: VerdictFormat) -> Result<String> {
    match format {
        VerdictFormat::Json => to_json(verdict),
        VerdictFormat::Markdown => Ok(summary(verdict)),
        VerdictFormat::Junit => {
            junit(verdict).map_err(|error| Failure::infrastructure("TG500", error.to_string(), "report this as a bug"))
        }
    }
}

pub(crate) fn to_json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string_pretty(value)
        .map(|text| format!("{text}\n"))
        .map_err(|error| Failure::infrastructure("TG500", error.to_string(), "report this as a bug"))
}
