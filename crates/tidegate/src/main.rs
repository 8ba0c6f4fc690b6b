//! The `tidegate` command: arguments in, wiring, exit code out.
//!
//! Everything that thinks lives in the libraries. Here data goes to stdout, everything else to stderr,
//! and every failure becomes one message with a code, a place, a cause and a fix.

mod admit;
mod ask;
mod cli;
mod commands;
mod config;
mod contracts;
mod evidence;
mod failure;
mod instants;
mod labels;
mod lineage;
mod log;
mod metrics;
mod output;
mod panics;
mod privacy;
mod progress;
mod project;
mod promote;
mod query;
mod registry;
mod report;
mod review;
mod secret;
mod serve;
mod signals;
mod storage;
mod words;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::cli::{Arguments, Command};
use crate::failure::{Failure, Result};

/// Batches are many short-lived buffers, which the system's allocator gives back to the kernel each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    panics::tell_places_only();
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("TIDEGATE_LOG").unwrap_or_else(|_| EnvFilter::new(arguments.log_level()));
    let has_colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(has_colour);
    log.with_target(false).without_time().init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::io("start", "worker threads", &error).report(),
    };
    match runtime.block_on(run(arguments)) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

async fn run(arguments: Arguments) -> Result<ExitCode> {
    let Arguments { place, command, .. } = arguments;
    match command {
        Command::Demo(options) => commands::demo::run(options).await,
        Command::Init(options) => commands::init::run(&options),
        Command::Check => commands::check::run(&place).await,
        Command::Diff(options) => commands::diff::run(&place, &options).await,
        Command::Explain(options) => commands::explain::run(&place, &options).await,
        Command::Run(options) => commands::run::run(&place, &options).await,
        Command::Epochs(options) => commands::epochs::run(&place, &options).await,
        Command::Budget(options) => commands::budget::run(&place, &options).await,
        Command::Quarantine(options) => commands::quarantine::run(&place, &options).await,
        Command::Sql(options) => commands::sql::run(&place, &options).await,
        Command::Labels(options) => commands::labels::run(&place, &options).await,
        Command::Review(options) => commands::review::run(&place, &options).await,
        Command::Report(options) => commands::report::run(&place, &options).await,
        Command::Generate(options) => commands::generate::run(&options),
        Command::Serve(options) => commands::serve::run(&place, &options).await,
        Command::Evidence(options) => commands::vault::evidence(&place, &options).await,
        Command::Keys(options) => commands::vault::keys(&place, &options).await,
        Command::Retention(options) => commands::vault::retention(&place, &options).await,
        Command::Contract(options) => commands::contract::run(&options).await,
        Command::Gate(options) => commands::gate::run(&place, &options).await.map_err(Failure::beside_answers),
        Command::Bundle(options) => commands::bundle::run(&place, options).await,
        Command::Promote(options) => commands::promote::run(&place, &options).await.map_err(Failure::beside_answers),
        Command::Completions(options) => Ok(commands::completions::run(&options)),
    }
}
