//! What can be typed after `tidegate gate`?

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use tidegate_gate::plan::Traffic;

use crate::instants::Instant;

#[derive(Debug, Args)]
pub(crate) struct Gate {
    #[command(subcommand)]
    pub(crate) command: GateCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GateCommand {
    /// Print the verdict. Exit codes: 0 PASS, 1 ERROR, 2 invalid gate, 3 CONTINUE, 4 INCONCLUSIVE, 5 FAIL.
    Evaluate {
        /// The gate file, relative to the working folder or to the project's.
        file: PathBuf,
        /// Evidence up to here; by default the end of the last window.
        #[arg(long, value_name = "INSTANT")]
        as_of: Option<Instant>,
        /// How the verdict is printed.
        #[arg(long, value_enum, default_value_t = VerdictFormat::Json)]
        format: VerdictFormat,
    },
    /// Say what a gate needs at the traffic there is: events, days, power, privacy. Exit code 2 if it cannot decide.
    Plan {
        /// The gate file, relative to the working folder or to the project's.
        file: PathBuf,
        #[command(flatten)]
        assume: Assume,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema of gate files, for editors.
    Schema,
}

/// What to take for the traffic of a check that has released nothing yet.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Assume {
    /// Events a day in each arm, of checks that have released nothing yet.
    #[arg(long, value_name = "N", requires = "rate")]
    pub(crate) events_per_day: Option<u32>,
    /// The rate of hits among them, in (0, 1).
    #[arg(long, value_name = "RATE", requires = "events_per_day", value_parser = rate)]
    pub(crate) rate: Option<f64>,
}

impl Assume {
    pub(crate) fn traffic(self) -> Option<Traffic> {
        let (events, rate) = (f64::from(self.events_per_day?.max(1)), self.rate?);
        Some(Traffic::assumed(rate, events, events))
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok().filter(|rate| *rate > 0.0 && *rate < 1.0);
    rate.ok_or_else(|| "write a number between 0 and 1, as in 0.12".to_owned())
}

/// How a verdict is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum VerdictFormat {
    /// For programs.
    Json,
    /// For people.
    Markdown,
    /// For systems that show test results.
    Junit,
}
