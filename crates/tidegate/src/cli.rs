//! What can be typed?

pub(crate) mod bundle;
pub(crate) mod contract;
pub(crate) mod gate;
pub(crate) mod labels;
pub(crate) mod promote;
pub(crate) mod review;
pub(crate) mod serve;
pub(crate) mod vault;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use arrow::compute::kernels::cast_utils::Parser as _;
use arrow::datatypes::Date32Type;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::instants::show_day;

use self::bundle::Bundle;
use self::contract::Contract;
use self::gate::Gate;
use self::labels::Labels;
use self::promote::Promote;
use self::review::Review;
use self::serve::Serve;
use self::vault::{Evidence, Keys, Retention};

/// Turn the telemetry of AI agents into statistics that are safe to learn from.
#[derive(Debug, Parser)]
#[command(name = "tidegate", version, propagate_version = true)]
#[command(
    after_help = "Exit codes: 0 done, 1 a gate or test failed, 2 usage or SQL error, 3 infrastructure, 4 privacy refusal.\n\
    Set TIDEGATE_LOG=debug for a log of every epoch."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Say more: -v for epochs, -vv for everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    pub(crate) fn log_level(&self) -> &'static str {
        match self.verbose {
            0 => "warn",
            1 => "tidegate=debug,tidegate_stream=debug,warn",
            _ => "debug",
        }
    }
}

/// Where the project is.
#[derive(Debug, Clone, Args)]
pub(crate) struct Place {
    /// The project's folder: tidegate.toml and sql/.
    #[arg(long, global = true, value_name = "DIR", default_value = ".")]
    pub(crate) project: PathBuf,
    /// Where state, log and released files lie: a folder, or s3://, gs://, az:// or abfss://; by default [storage] root in
    /// tidegate.toml, else the project's folder.
    #[arg(long, global = true, value_name = "DIR|URL")]
    pub(crate) root: Option<PathBuf>,
    /// The value of a $parameter in SQL, over the one in tidegate.toml.
    #[arg(long = "param", global = true, value_name = "NAME=VALUE", value_parser = parameter)]
    pub(crate) parameters: Vec<(String, String)>,
}

fn parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.trim_start_matches('$').to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

/// A length of time such as `500ms`, `2s` or `1m`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let millis = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        _ => return Err("write a number with a unit, as in 500ms, 2s or 1m".to_owned()),
    };
    let count = digits.parse::<u64>().map_err(|error| error.to_string())?;
    Ok(Duration::from_millis(count.saturating_mul(millis)))
}

/// A date, counted from 1970-01-01.
fn day(text: &str) -> Result<i32, String> {
    // The parser also takes days that no month has, and other spellings.
    let day = Date32Type::parse(text).filter(|day| show_day(*day) == text);
    day.ok_or_else(|| "write a date, as in 2026-01-05".to_owned())
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Generate telemetry, run signals over it, and ask a gate: the whole way in one command.
    Demo(Demo),
    /// Start a project in a folder.
    Init(Init),
    /// Check every definition without running anything.
    Check,
    /// Show what a signal keeps as state, what it releases, and under which condition.
    Explain(Explain),
    /// Say what a run will do because definitions changed, without running anything.
    Diff(Diff),
    /// Read what has landed, commit it, and release closed windows.
    Run(Run),
    /// Show the log, record by record, with an account of every row. Works beside a run.
    Epochs(Epochs),
    /// Show what was spent of whose privacy, for what, and what is left. Works beside a run.
    Budget(Budget),
    /// Look at rows that were set aside, and take them in after all.
    Quarantine(Quarantine),
    /// Query unprotected streams, released signals (released.<name>) and files ('x.parquet').
    Sql(Sql),
    /// Say what all words on decisions come to, and let signals know.
    Labels(Labels),
    /// Ask people about decisions, and take what they say in as labels.
    Review(Review),
    /// Draw released signals on one page that needs no network.
    Report(Report),
    /// Write decision traces and late labels made from a seed.
    Generate(Generate),
    /// Ask a gate about released statistics, or plan it, without registering anything.
    Gate(Gate),
    /// Take rows over Arrow Flight and OTLP, and land them as files of their streams.
    Serve(Serve),
    /// Read a text of the evidence store for a purpose, or list who did.
    Evidence(Evidence),
    /// Forget a tenant or a user by destroying a key.
    Keys(Keys),
    /// Remove what is past its time.
    Retention(Retention),
    /// Check data contracts, what a new version changes, and print the view that reads an old one.
    Contract(Contract),
    /// Keep versions of an agent as a whole: everything one needs, and its way back.
    Bundle(Bundle),
    /// Take a version through its stages on evidence, and back if it goes wrong; prove it later.
    Promote(Promote),
    /// Print a completion script for a shell.
    Completions(Completions),
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Where the demo project goes.
    #[arg(long, value_name = "DIR", default_value = "demo")]
    pub(crate) dir: PathBuf,
    /// How many decision traces to generate.
    #[arg(long, default_value_t = 300_000)]
    pub(crate) rows: u64,
    /// The seed of the generated traces.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The new project's folder.
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The signal; all of them if left out.
    pub(crate) signal: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// End with exit code 1 when something changes.
    #[arg(long)]
    pub(crate) exit_code: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The input has ended: close every window, not only those behind the watermark.
    #[arg(long)]
    pub(crate) until_end: bool,
    /// Keep running: read whatever lands, until SIGINT or SIGTERM.
    #[arg(long, conflicts_with = "until_end")]
    pub(crate) follow: bool,
    /// How often to look for new files.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration, requires = "follow")]
    pub(crate) poll: Duration,
    /// How long new files wait for others at most, so that they are read together.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration, requires = "follow")]
    pub(crate) linger: Duration,
    /// Serve measurements to a Prometheus on this machine, at an address such as 127.0.0.1:9464.
    #[arg(long, value_name = "ADDRESS", requires = "follow")]
    pub(crate) metrics: Option<SocketAddr>,
    /// Print the summary as JSON on stdout; when following, one line for each drain.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Epochs {
    /// Show the last N records only; the totals are those of all.
    #[arg(long, value_name = "N")]
    pub(crate) last: Option<usize>,
    /// Print records and totals as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Budget {
    /// Only this stream.
    #[arg(long, value_name = "NAME")]
    pub(crate) stream: Option<String>,
    /// Only this day of event time.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub(crate) day: Option<i32>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Why rows are set aside.
const REASONS: [&str; 11] = [
    "late",
    "event_in_future",
    "type_mismatch",
    "row_malformed",
    "event_time_missing",
    "envelope_conflict",
    "schema_mismatch",
    "file_corrupt",
    "file_unreadable",
    "contract_broken",
    "row_unmapped",
];

#[derive(Debug, Args)]
pub(crate) struct Quarantine {
    #[command(subcommand)]
    pub(crate) command: QuarantineCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QuarantineCommand {
    /// Count what was set aside, by stream, reason and signal. Works beside a run.
    Ls {
        #[command(flatten)]
        chosen: Chosen,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the rows that were set aside. Works beside a run.
    Show {
        #[command(flatten)]
        chosen: Chosen,
        /// How many rows at most.
        #[arg(long, default_value_t = 100)]
        limit: usize,
        /// How rows are printed.
        #[arg(long, value_enum, default_value_t = OutputFormat::Table)]
        format: OutputFormat,
    },
    /// Take rows into their windows after all: late ones as they are, rejected ones if they pass the present definition.
    Replay {
        /// The stream.
        #[arg(long)]
        stream: String,
        /// Only rows that were set aside for this reason.
        #[arg(long, value_parser = REASONS)]
        reason: Option<String>,
    },
}

/// Which of the rows that were set aside.
#[derive(Debug, Args)]
pub(crate) struct Chosen {
    /// Only this stream.
    #[arg(long)]
    pub(crate) stream: Option<String>,
    /// Only this reason.
    #[arg(long, value_parser = REASONS)]
    pub(crate) reason: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Sql {
    /// The query; `-` reads it from stdin. `EXPLAIN PRIVACY SELECT ...` says what a noised one costs, and asks nothing.
    pub(crate) query: String,
    /// How rows are printed.
    #[arg(long, value_enum, default_value_t = OutputFormat::Table)]
    pub(crate) format: OutputFormat,
}

/// How rows are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// A table for people.
    Table,
    /// One JSON array of objects.
    Json,
    /// Comma-separated values with a header.
    Csv,
    /// One JSON object a line.
    Jsonl,
    /// A Parquet file on stdout.
    Parquet,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Where the page goes, in place of what is there; `-` prints it.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: PathBuf,
    /// Only this signal; may be given more than once.
    #[arg(long = "signal", value_name = "NAME")]
    pub(crate) signals: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Generate {
    /// Where the folders decisions/ and labels/ go.
    #[arg(long, value_name = "DIR", default_value = "landing")]
    pub(crate) out: PathBuf,
    /// How many decision traces.
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) rows: u64,
    /// The same seed gives the same bytes.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Days of event time, from 2026-01-05.
    #[arg(long, default_value_t = 7)]
    pub(crate) days: u32,
    /// Tenants, of very different size.
    #[arg(long, default_value_t = 40)]
    pub(crate) tenants: u32,
    /// Users over all tenants.
    #[arg(long, default_value_t = 20_000)]
    pub(crate) users: u32,
    /// Make the candidate version (arm treatment) worse.
    #[arg(long)]
    pub(crate) regression: bool,
    /// Change the inputs from the middle of the period on.
    #[arg(long)]
    pub(crate) drift: bool,
    /// What files are written as.
    #[arg(long, value_enum, default_value_t = FileFormat::Parquet)]
    pub(crate) format: FileFormat,
    /// One folder per tenant and day instead of one per day.
    #[arg(long)]
    pub(crate) by_tenant: bool,
    /// Threads to write with; by default one per core.
    #[arg(long)]
    pub(crate) threads: Option<usize>,
}

/// What generated files are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FileFormat {
    /// Parquet.
    Parquet,
    /// One JSON object per line.
    Ndjson,
    /// Comma-separated values with a header.
    Csv,
    /// Arrow IPC files.
    Arrow,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    pub(crate) shell: Shell,
}
