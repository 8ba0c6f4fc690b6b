//! What can be typed after `tidegate review`?

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::OutputFormat;

#[derive(Debug, Args)]
pub(crate) struct Review {
    #[command(subcommand)]
    pub(crate) command: ReviewCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ReviewCommand {
    /// Print the decisions of a tenant that wait for a label, to be filled in. That they are read, by whom and what for, is on
    /// record before.
    Export {
        /// The label that is wanted: a section [review.<label>] of labels.toml.
        label: String,
        /// Whose decisions.
        #[arg(long)]
        tenant: String,
        /// What they are read for: one of [evidence] purposes in tidegate.toml.
        #[arg(long)]
        purpose: Option<String>,
        /// Who reads them.
        #[arg(long, env = "TIDEGATE_USER", default_value = "")]
        who: String,
        /// At most so many, the oldest first.
        #[arg(long, value_name = "ROWS", default_value_t = 1000)]
        limit: usize,
        /// How rows are printed.
        #[arg(long, value_enum, default_value_t = OutputFormat::Csv)]
        format: OutputFormat,
    },
    /// Land what was filled in as labels. The same file may be taken in again.
    Import {
        /// A file of the columns that were printed: .csv, .jsonl or .parquet.
        file: PathBuf,
        /// Who judged, where the column `annotator` is empty.
        #[arg(long)]
        annotator: Option<String>,
    },
}
