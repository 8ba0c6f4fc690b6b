//! `tidegate completions`: the script that completes commands in a shell.

use std::io;
use std::process::ExitCode;

use clap::CommandFactory;

use crate::cli::{Arguments, Completions};

pub(crate) fn run(options: &Completions) -> ExitCode {
    clap_complete::generate(options.shell, &mut Arguments::command(), "tidegate", &mut io::stdout());
    ExitCode::SUCCESS
}
