//! What can be typed after `tidegate contract`?

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use tidegate_contract::Mode;

use crate::cli::OutputFormat;

#[derive(Debug, Args)]
pub(crate) struct Contract {
    #[command(subcommand)]
    pub(crate) command: ContractCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ContractCommand {
    /// Check contracts, and what a new version changes. Exit codes: 0 ok, 1 incompatible, 2 invalid.
    Check {
        /// The contracts' files; with --against, the new version's.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Earlier versions that the new one is held against; may be given more than once.
        #[arg(long, value_name = "FILE")]
        against: Vec<PathBuf>,
        /// What the new version may change; by default what it says itself.
        #[arg(long, value_enum, requires = "against")]
        mode: Option<CompatibilityMode>,
        /// How incompatibilities are printed.
        #[arg(long, value_enum, default_value_t = OutputFormat::Table)]
        format: OutputFormat,
    },
    /// Say what rows of files lack to be taken under a contract, in counts. Exit codes: 0 all are taken, 1 not, 2 invalid.
    Test {
        /// The contract: `decisions`, `decision_steps`, `labels`, or a file.
        contract: String,
        /// Parquet, NDJSON, CSV or Arrow files, or folders of them.
        #[arg(required = true)]
        files: Vec<String>,
        /// A SELECT that makes the contract's rows of the files; each is a table by its name without the ending.
        #[arg(long, value_name = "FILE")]
        view: Option<PathBuf>,
        /// How findings are printed.
        #[arg(long, value_enum, default_value_t = OutputFormat::Table)]
        format: OutputFormat,
    },
    /// Print the view that reads rows of an old version as the new one.
    Migrate {
        /// The old version's file.
        old: PathBuf,
        /// The new version's file.
        new: PathBuf,
    },
    /// Print a contract that comes with Tidegate, to begin one's own with.
    Show {
        /// `decisions`, `decision_steps` or `labels`.
        #[arg(value_parser = tidegate_contract::shipped::STREAMS)]
        stream: String,
    },
    /// Print the JSON Schema of contracts, for editors.
    Schema,
}

/// What a new version may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum CompatibilityMode {
    /// New readers read what the version before wrote.
    Backward,
    /// New readers read what every earlier version wrote.
    BackwardTransitive,
    /// Readers of the version before read what is written now.
    Forward,
    /// Readers of every earlier version read what is written now.
    ForwardTransitive,
    /// Both, of the version before.
    Full,
    /// Both, of every earlier version.
    FullTransitive,
    /// Anything.
    None,
}

impl From<CompatibilityMode> for Mode {
    fn from(mode: CompatibilityMode) -> Self {
        match mode {
            CompatibilityMode::Backward => Self::Backward,
            CompatibilityMode::BackwardTransitive => Self::BackwardTransitive,
            CompatibilityMode::Forward => Self::Forward,
            CompatibilityMode::ForwardTransitive => Self::ForwardTransitive,
            CompatibilityMode::Full => Self::Full,
            CompatibilityMode::FullTransitive => Self::FullTransitive,
            CompatibilityMode::None => Self::None,
        }
    }
}
