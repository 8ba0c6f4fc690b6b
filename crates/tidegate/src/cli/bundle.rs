//! What can be typed after `tidegate bundle`?

use std::path::PathBuf;

use clap::{Args, Subcommand};
use tidegate_gate::bundle::Timestamp;

#[derive(Debug, Args)]
pub(crate) struct Bundle {
    #[command(subcommand)]
    pub(crate) command: BundleCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BundleCommand {
    /// Keep a bundle: its manifest, its label and the bytes of its local files. Again, it changes nothing.
    Create(CreateBundle),
    /// List the labels of all bundles.
    Ls {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show what a bundle pins, where it came from, and what it lacks.
    Show {
        /// NAME@VERSION, a digest, or the first 8 or more digits of one.
        bundle: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Say which components differ between two bundles.
    Diff {
        /// The one before.
        before: String,
        /// The one after.
        after: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Recompute every digest and name the files that are not what they were. Exit codes: 0 all is well, 1 it is not.
    Verify {
        /// Only this bundle, its files and the bundles it names.
        bundle: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CreateBundle {
    /// The bundle file, relative to the working folder or to the project's.
    pub(crate) file: PathBuf,
    /// When it is made, as in 2026-05-04T10:00:00Z; by default now, or when its label was given.
    #[arg(long, value_name = "INSTANT")]
    pub(crate) created_at: Option<Timestamp>,
    /// Check everything, and write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
