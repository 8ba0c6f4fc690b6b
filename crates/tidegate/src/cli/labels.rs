//! What can be typed after `tidegate labels`?

use clap::{Args, Subcommand};

use crate::cli::OutputFormat;
use crate::instants::Instant;

#[derive(Debug, Args)]
pub(crate) struct Labels {
    #[command(subcommand)]
    pub(crate) command: LabelsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LabelsCommand {
    /// Tell everything that was said about a decision, in the order in which it became known, and what of it counts.
    History {
        /// The decision's id.
        decision: String,
        /// Look as of this instant: what was ingested later is marked as not yet known.
        #[arg(long, value_name = "INSTANT")]
        as_of: Option<Instant>,
        /// How rows are printed.
        #[arg(long, value_enum, default_value_t = OutputFormat::Table)]
        format: OutputFormat,
    },
    /// Print the effective label of every decision.
    Effective {
        /// Look as of this instant: what was ingested later does not count.
        #[arg(long, value_name = "INSTANT")]
        as_of: Option<Instant>,
        /// How rows are printed.
        #[arg(long, value_enum, default_value_t = OutputFormat::Table)]
        format: OutputFormat,
    },
    /// Write what has changed since the last settlement into landing/label_changes/, where signals read it.
    Settle {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}
