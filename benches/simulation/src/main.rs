//! Do gates keep their promises?
//!
//! Seeded simulations of two arms over two weeks of hourly windows, judged by the rules of `tidegate-stats` and by those
//! that are common elsewhere, printed as the tables of `docs/simulation.md`. Every number is a share of runs; the same seed
//! gives the same numbers on any number of cores.
//!
//! ```sh
//! cargo run --release -p tidegate-simulation                          # 4,000 runs per cell
//! cargo run --release -p tidegate-simulation -- --only tenants --json
//! ```
//!
//! Absent: gate files, SQL and parquet. Counts are drawn, not read.

#![expect(clippy::print_stdout, reason = "tables are what it is for")]

mod deadline;
mod peeking;
mod ramp;
mod released;
mod rollback;
mod runs;
mod shares;
mod suppression;
mod table;
mod tenants;
mod traffic;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use serde_json::{Value, json};

use runs::Runs;
use table::Table;

/// Two weeks of hours.
const WINDOWS: usize = 336;
/// Units of each arm in an hour, on average over the day.
const UNITS: f64 = 150.0;
/// The rate of the control where lower is better.
const BASE: f64 = 0.1;
/// How much worse is still acceptable: one percentage point.
const MARGIN: f64 = 0.01;
const ALPHA: f64 = 0.05;
/// No verdict before the first day is over.
const FIRST_LOOK: usize = 24;

/// Simulates gates and prints how often they are wrong and how often they find what there is.
#[derive(Debug, Parser)]
struct Arguments {
    /// Runs of each cell.
    #[arg(long, default_value_t = 4000)]
    runs: u32,
    /// Decides all draws.
    #[arg(long, default_value_t = 20_261_120)]
    seed: u64,
    /// These questions alone; all when left out.
    #[arg(long, value_enum)]
    only: Vec<Question>,
    /// JSON in place of Markdown.
    #[arg(long)]
    json: bool,
}

/// A question, and so some tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Question {
    Peeking,
    Tenants,
    Suppression,
    Shares,
    Rollback,
    Ramp,
    Deadline,
}

impl Question {
    fn tables(self, runs: &Runs) -> Result<Vec<Table>> {
        match self {
            Self::Peeking => peeking::tables(runs),
            Self::Tenants => tenants::tables(runs),
            Self::Suppression => suppression::tables(runs),
            Self::Shares => shares::tables(runs),
            Self::Rollback => rollback::tables(runs),
            Self::Ramp => ramp::tables(runs),
            Self::Deadline => deadline::tables(runs),
        }
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut tables = Vec::new();
    for (i, &question) in Question::value_variants().iter().enumerate() {
        if arguments.only.is_empty() || arguments.only.contains(&question) {
            let runs = Runs::new(arguments.seed, i as u64, arguments.runs);
            let found = question.tables(&runs)?;
            if !arguments.json {
                found.iter().for_each(|table| println!("{table}"));
            }
            tables.extend(found);
        }
    }
    if arguments.json {
        let tables = tables.iter().map(Table::to_json).collect::<Vec<Value>>();
        println!("{:#}", json!({ "seed": arguments.seed, "runs": arguments.runs, "tables": tables }));
    }
    Ok(())
}
