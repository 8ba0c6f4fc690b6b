//! Does this SQL mean the same whole, row by row, by tenant and restarted?
//!
//! Every `testdata/slt/**/*.slt` is run in four ways of delivering the same rows, against the same expected
//! answers, and a fifth trial asks whether the released files are the same bytes:
//!
//! ```text
//! whole::tumble        rows fed before a RUN lie in one file, which is drained once
//! by_row::tumble       one file for each row, drained after each
//! by_tenant::tumble    one file for each tenant, drained in turn
//! restarted::tumble    as by_row, and the engine is opened anew from its log before each file
//! same_bytes::tumble   the released folder after each RUN, in all four
//! ```
//!
//! Beside plain queries over `released.<signal>` a file has the statements of [`statement`]. Expectations are
//! rewritten, from `whole`, when the environment has `TIDEGATE_SLT_UPDATE=1`.
//!
//! The runner lives with its tests and not in the library: `tidegate generate` links that, and must not carry a
//! test harness along.

#![expect(clippy::unwrap_used, reason = "without its files there is nothing to run")]

mod answer;
mod feed;
mod project;
mod statement;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use libtest_mimic::{Arguments, Failed, Trial};
use sqllogictest::{Runner, default_normalizer, default_validator, strict_column_validator};

use crate::feed::Mode;
use crate::project::{Project, Released};

fn main() {
    let arguments = Arguments::from_args();
    let folder = root().join("testdata/slt");
    let mut files = Vec::new();
    collect(&folder, &mut files);
    files.sort();
    let update = std::env::var_os("TIDEGATE_SLT_UPDATE").is_some();
    let trials = files.into_iter().flat_map(|file| {
        let name = file.strip_prefix(&folder).unwrap_or(&file).with_extension("").display().to_string();
        if update { vec![Trial::test(format!("update::{name}"), move || rewrite(&file))] } else { trials(&name, file) }
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

/// Says, in a file, that released bytes depend on how rows were fed: each run that restates a window counts.
const RESTATES: &str = "# bytes follow the runs";

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "slt") {
            files.push(path);
        }
    }
}

/// A file and what became of it in each mode, found out once.
struct Case {
    file: PathBuf,
    outcomes: [OnceLock<Result<Vec<Released>, String>>; Mode::ALL.len()],
}

impl Case {
    fn outcome(&self, mode: usize) -> Result<&Vec<Released>, Failed> {
        let outcome = self.outcomes[mode].get_or_init(|| run(&self.file, Mode::ALL[mode]));
        outcome.as_ref().map_err(Failed::from)
    }

    fn same_bytes(&self) -> Result<(), Failed> {
        let whole = self.outcome(0)?;
        for (position, mode) in Mode::ALL.iter().enumerate().skip(1) {
            let other = self.outcome(position)?;
            for (run, (expected, found)) in whole.iter().zip(other).enumerate() {
                if let Some(path) = expected.first_difference(found) {
                    return Err(
                        format!("{path} after RUN {} differs between whole and {}", run + 1, mode.name()).into()
                    );
                }
            }
        }
        Ok(())
    }
}

fn trials(name: &str, file: PathBuf) -> Vec<Trial> {
    let case = Arc::new(Case { file, outcomes: Default::default() });
    let mut trials = Vec::new();
    for (position, mode) in Mode::ALL.iter().enumerate() {
        let case = Arc::clone(&case);
        trials.push(Trial::test(format!("{}::{name}", mode.name()), move || case.outcome(position).map(|_| ())));
    }
    let restates = std::fs::read_to_string(&case.file).is_ok_and(|text| text.contains(RESTATES));
    if !restates {
        trials.push(Trial::test(format!("same_bytes::{name}"), move || case.same_bytes()));
    }
    trials
}

/// Runs a file in one mode and gives what was released after each RUN.
fn run(file: &Path, mode: Mode) -> Result<Vec<Released>, String> {
    let released = Arc::new(Mutex::new(Vec::new()));
    let mut runner = Runner::new(|| {
        let released = Arc::clone(&released);
        async move { Project::new(mode, released) }
    });
    runner.with_column_validator(strict_column_validator);
    runner.run_file(file).map_err(|error| error.to_string())?;
    let mut released = released.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::take(&mut *released))
}

/// Writes what `whole` answers as the expectation.
fn rewrite(file: &Path) -> Result<(), Failed> {
    let mut runner = Runner::new(|| async { Project::new(Mode::Whole, Arc::default()) });
    let update = runner.update_test_file(file, " ", default_validator, default_normalizer, strict_column_validator);
    futures::executor::block_on(update).map_err(|error| Failed::from(error.to_string()))
}
