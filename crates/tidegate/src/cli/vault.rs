//! What can be typed about evidence, keys and how long things are kept?

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(crate) struct Evidence {
    #[command(subcommand)]
    pub(crate) command: EvidenceCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EvidenceCommand {
    /// Print a text of the evidence store. That it is read, by whom and what for, is on record before.
    Get {
        /// The reference that a row holds.
        reference: String,
        /// What it is read for: one of [evidence] purposes in tidegate.toml.
        #[arg(long)]
        purpose: Option<String>,
        /// Who reads it.
        #[arg(long, env = "TIDEGATE_USER", default_value = "")]
        who: String,
    },
    /// List who read what, and what for.
    Log,
}

#[derive(Debug, Args)]
pub(crate) struct Keys {
    #[command(subcommand)]
    pub(crate) command: KeysCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Destroy the key of a tenant or of one of its users, for ever: what was encrypted under it cannot be read any more.
    Destroy {
        /// The tenant.
        #[arg(long)]
        tenant: String,
        /// The user, by the token that rows hold; without one the whole tenant is forgotten.
        #[arg(long)]
        user: Option<String>,
        /// Say that this cannot be undone.
        #[arg(long, required = true)]
        for_ever: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Retention {
    #[command(subcommand)]
    pub(crate) command: RetentionCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RetentionCommand {
    /// Remove landed files whose contract's retention is over, and evidence that has expired.
    Apply {
        /// Only say what would be removed.
        #[arg(long)]
        dry_run: bool,
    },
}
