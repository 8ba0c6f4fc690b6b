//! `tidegate contract`: contracts are checked, compared and migrated, and rows are tried under them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tidegate_contract::{DataContract, Error, Mode, compatibility, incompatibility_rows, shipped, upcast};

use crate::cli::OutputFormat;
use crate::cli::contract::{Contract, ContractCommand};
use crate::failure::{Failure, Result, Snippet};
use crate::output::{print, print_batch};
use crate::words::counted;

mod trial;

/// What an incompatible version ends with.
const INCOMPATIBLE: u8 = 1;

pub(crate) async fn run(options: &Contract) -> Result<ExitCode> {
    match &options.command {
        ContractCommand::Check { files, against, mode, format } => check(files, against, mode.map(Mode::from), *format),
        ContractCommand::Test { contract, files, view, format } => {
            trial::run(contract, files, view.as_ref(), *format).await
        }
        ContractCommand::Migrate { old, new } => migrate(old, new),
        ContractCommand::Show { stream } => {
            print(shipped::text(stream).unwrap_or_default())?;
            Ok(ExitCode::SUCCESS)
        }
        ContractCommand::Schema => {
            print(include_str!("../../../../docs/schemas/contract.schema.json"))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn check(files: &[PathBuf], against: &[PathBuf], mode: Option<Mode>, format: OutputFormat) -> Result<ExitCode> {
    let contracts = files.iter().map(|file| Read::of(file)).collect::<Result<Vec<_>>>()?;
    if against.is_empty() {
        contracts.iter().for_each(|read| eprintln!("{}", described(&read.contract)));
        return Ok(ExitCode::SUCCESS);
    }
    let [newer] = contracts.as_slice() else {
        return Err(Failure::usage(
            "TG710",
            "several new versions are compared at once",
            "give one file before --against",
        ));
    };
    let earlier = against.iter().map(|file| Read::of(file)).collect::<Result<Vec<_>>>()?;
    let earlier = earlier.iter().map(|read| &read.contract).collect::<Vec<_>>();
    let mode = mode.unwrap_or(newer.contract.compatibility);
    let found = compatibility(&newer.contract, &earlier, mode).map_err(|error| newer.failure(&error))?;
    print_batch(&incompatibility_rows(&found), format)?;
    let (label, count) = (newer.contract.label(), counted(found.len() as u64, "incompatible change"));
    eprintln!("{label}: {count} under {}", mode.as_str());
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(INCOMPATIBLE) })
}

/// `decisions 1.0.0: 58 columns, 61 rules, 2 of other tools`
fn described(contract: &DataContract) -> String {
    let columns = counted(contract.columns.len() as u64, "column");
    let rules = counted(contract.rules.len() as u64, "rule");
    let others = match contract.left_to_others.len() {
        0 => String::new(),
        others => format!(", {others} of other tools"),
    };
    format!("{}: {columns}, {rules}{others}", contract.label())
}

fn migrate(old: &Path, new: &Path) -> Result<ExitCode> {
    let (old, new) = (Read::of(old)?, Read::of(new)?);
    match upcast(&old.contract, &new.contract) {
        Ok(view) => print(&view).map(|()| ExitCode::SUCCESS),
        Err(error @ Error::NoUpcast { .. }) => {
            Err(Failure::refusal(error.code(), INCOMPATIBLE, error.to_string(), error.help()))
        }
        Err(error) => Err(new.failure(&error)),
    }
}

/// A contract with its text, for places in errors.
struct Read {
    text: String,
    contract: DataContract,
}

impl Read {
    fn of(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| Failure::io("read", path.display(), &error))?;
        let contract = DataContract::parse(&path.display().to_string(), &text);
        let contract = contract.map_err(|error| failure(&error, &text))?;
        Ok(Self { text, contract })
    }

    fn failure(&self, error: &Error) -> Failure {
        failure(error, &self.text)
    }
}

fn failure(error: &Error, text: &str) -> Failure {
    let cause = error.to_string();
    let Some(at) = error.location() else { return Failure::usage(error.code(), cause, error.help()) };
    let cause = cause.strip_prefix(&format!("{at}: ")).unwrap_or(&cause);
    let span = at.offset..at.offset + at.length;
    Failure::usage(error.code(), cause, error.help()).at(Snippet::new(at.file.clone(), text.to_owned(), span))
}
