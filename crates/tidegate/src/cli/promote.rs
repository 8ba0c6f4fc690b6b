//! What can be typed after `tidegate promote`?

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::duration;
use super::gate::{Assume, VerdictFormat};
use crate::instants::Instant;

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 done or advanced, 1 error, 2 invalid gate or input, 3 continue, 4 inconclusive, 5 rolled back,\n\
    6 awaiting approval, 7 another was faster."
)]
pub(crate) struct Promote {
    #[command(subcommand)]
    pub(crate) command: PromoteCommand,
}

/// Who acts, and when.
#[derive(Debug, Clone, Args)]
pub(crate) struct Acting {
    /// The private key of who acts, PKCS#8 PEM; by default TIDEGATE_SIGNING_KEY names the file.
    #[arg(long, value_name = "FILE", env = "TIDEGATE_SIGNING_KEY", hide_env_values = true)]
    pub(crate) key: Option<PathBuf>,
    /// The instant at which it is done; by default now.
    #[arg(long, value_name = "INSTANT")]
    pub(crate) at: Option<Instant>,
    /// Say what would be done, and write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PromoteCommand {
    /// Make a key for a person and add them to people.toml.
    Enroll {
        /// Their name.
        name: String,
        /// A role they have; may be given more than once.
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
        /// Where their private key goes.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
    /// Freeze a bundle and its gates before anything runs.
    Register {
        /// The bundle: NAME@VERSION, a digest, or its first 8 or more digits.
        bundle: String,
        /// A gate file, one for each step; relative to the working folder or to the project's.
        #[arg(long = "gate", value_name = "FILE", required_unless_present = "baseline")]
        gates: Vec<PathBuf>,
        /// It is what runs today: the first of its name, taken over as it is.
        #[arg(long, conflicts_with = "gates")]
        baseline: bool,
        /// Register a gate even if its plan cannot decide at the traffic there is.
        #[arg(long)]
        unplanned: bool,
        #[command(flatten)]
        assume: Assume,
        #[command(flatten)]
        acting: Acting,
    },
    /// Say what a gate needs at the traffic there is. The same as `tidegate gate plan`.
    Plan {
        /// The gate file, relative to the working folder or to the project's.
        file: PathBuf,
        #[command(flatten)]
        assume: Assume,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Ask the gate of the step that is under way, and keep its verdict.
    Evaluate {
        /// Of which bundles; may be left out where there is one name.
        name: Option<String>,
        /// Evidence up to here; by default the end of the last window.
        #[arg(long, value_name = "INSTANT")]
        as_of: Option<Instant>,
        /// How the verdict is printed.
        #[arg(long, value_enum, default_value_t = VerdictFormat::Json)]
        format: VerdictFormat,
        /// Keep evaluating until the version is everybody's, held or rolled back.
        #[arg(long)]
        watch: bool,
        /// How long to wait between two evaluations; after failures longer and longer, up to eight times.
        #[arg(long, value_name = "TIME", default_value = "1m", value_parser = duration, requires = "watch")]
        every: Duration,
        /// Take the next step whenever the rules allow it.
        #[arg(long, requires = "watch")]
        advance: bool,
        #[command(flatten)]
        acting: Acting,
    },
    /// Consent to the last verdict of the step that is under way.
    Approve {
        /// Of which bundles; may be left out where there is one name.
        name: Option<String>,
        #[command(flatten)]
        acting: Acting,
    },
    /// Take the next step, if evidence, people and the calendar allow it.
    Promote {
        /// Of which bundles, or which of them as NAME@VERSION; may be left out where there is one name.
        name: Option<String>,
        /// Pass over evidence, approvals and freezes. It is recorded and shown to everybody.
        #[arg(long, value_name = "REASON")]
        break_glass: Option<String>,
        #[command(flatten)]
        acting: Acting,
    },
    /// Take a version back; without one under way, return everybody to the last known good. Asks for no approval.
    Rollback {
        /// Of which bundles; may be left out where there is one name.
        name: Option<String>,
        /// Why.
        #[arg(long, value_name = "TEXT", default_value = "by hand")]
        reason: String,
        #[command(flatten)]
        acting: Acting,
    },
    /// Rehearse the way back: read and check every component of the last known good, and measure how long it takes.
    Drill {
        /// Of which bundles; may be left out where there is one name.
        name: Option<String>,
        /// Write the components into this folder.
        #[arg(long, value_name = "DIR")]
        into: Option<PathBuf>,
        #[command(flatten)]
        acting: Acting,
    },
    /// Recompute every log, signature, digest, step and verdict, and name what is not as it was. Exit codes: 0, or 1.
    Verify {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Say what runs, what is under way and what it waits for.
    Status {
        /// Of which bundles; all of them if left out.
        name: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Tell what happened, as Markdown or JSON.
    Log {
        /// Of which bundles; may be left out where there is one name.
        name: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}
