//! What does the engine release, over and over, for one of two tables that differ by one unit?
//!
//! `audit-releases CASE OUT`: writes `OUT/with.csv` and `OUT/without.csv`, one release a line, and `OUT/claim.json`: what is
//! promised, and what was charged. It judges nothing: `audit.py` does.

mod cases;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use cases::{CASES, Case, Sensitivity};
use clap::{Parser, ValueEnum};
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, SchemaRef};
use datafusion::arrow::util::display::array_value_to_string;
use serde_json::{Value, json};
use tidegate_algebra::{Closed, Cut, Panes, PartialState, UnitKey, session};
use tidegate_privacy::{Cost, Grant};
use tidegate_signal::{Definitions, Planner, SignalDefinition, SourceText, Stream};

const STREAM: &str =
    "CREATE STREAM d WITH (path = 'landing', format = 'parquet', event_time = 'at', privacy_unit = 'u');";
/// A group that was not kept.
const ABSENT: &str = "-";

/// Draws releases of one case.
#[derive(Parser)]
struct Arguments {
    /// Its name; `list` prints all.
    case: String,
    /// The folder to write to.
    out: PathBuf,
    #[arg(long, default_value_t = 100_000)]
    releases: usize,
    /// Makes the claim false. The engine is left as it is.
    #[arg(long = "break")]
    broken: Option<Break>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Break {
    /// Half the noise: half the epsilon is claimed.
    HalfNoise,
    /// Noise for bounds that are one smaller than those to which totals are clamped.
    Bound,
    /// The gate of a delta that is e^epsilon times as large: it stands one too low.
    Threshold,
}

/// What is asked of the engine, and what is claimed of its answer.
struct Asked {
    query: String,
    epsilon: f64,
    delta: f64,
    claimed_epsilon: f64,
    claimed_delta: f64,
    bound: u32,
}

impl Asked {
    fn of(case: &Case, broken: Option<Break>) -> Result<Self> {
        let Case { epsilon, delta, bound, .. } = *case;
        let (claimed_epsilon, claimed_delta) = match broken {
            Some(Break::HalfNoise) => (epsilon / 2.0, delta),
            // Noise for bounds one smaller is the noise of a larger epsilon.
            Some(Break::Bound) if bound > 1 => (epsilon * f64::from(bound - 1) / f64::from(bound), delta),
            Some(Break::Bound) => bail!("{}: there is no bound to break", case.name),
            Some(Break::Threshold) if delta > 0.0 => (epsilon, delta / epsilon.exp()),
            Some(Break::Threshold) => bail!("{}: there is no threshold to break", case.name),
            None => (epsilon, delta),
        };
        let query = case.query.replace("$epsilon", &epsilon.to_string());
        let query = query.replace("$delta", &format!("{delta:e}")).replace("$bound", &bound.to_string());
        Ok(Self { query, epsilon, delta, claimed_epsilon, claimed_delta, bound })
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if arguments.case == "list" {
        let names = CASES.iter().map(|case| case.name).collect::<Vec<_>>().join("\n");
        writeln!(std::io::stdout(), "{names}")?;
        return Ok(());
    }
    let case = CASES.iter().find(|case| case.name == arguments.case).context("no such case: see `list`")?;
    let asked = Asked::of(case, arguments.broken)?;
    std::fs::create_dir_all(&arguments.out)?;
    let drawn = std::thread::scope(|scope| {
        let sides = [("with", true), ("without", false)].map(|(name, with)| {
            let file = arguments.out.join(format!("{name}.csv"));
            let asked = &asked;
            scope.spawn(move || draw(case, asked, with, arguments.releases, file))
        });
        sides.map(|side| side.join().expect("a thread that ends")).into_iter().collect::<Result<Vec<_>>>()
    })?;
    let claim = serde_json::to_string_pretty(&drawn[0])?;
    Ok(std::fs::write(arguments.out.join("claim.json"), claim)?)
}

/// Draws all releases over one table, and says what was claimed of them.
fn draw(case: &Case, asked: &Asked, with: bool, releases: usize, file: PathBuf) -> Result<Value> {
    tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
        let releaser = Releaser::new(case, asked, with).await?;
        let mut out = BufWriter::new(File::create(file)?);
        let mut claim = None;
        for _ in 0..releases {
            let rows = releaser.release().await?;
            let row_of = rows_by_group(&rows, case)?;
            let values = case.groups.iter().map(Some).chain(case.groups.is_empty().then_some(None));
            let mut line = Vec::new();
            for group in values {
                let row = row_of.get(group.copied().unwrap_or_default()).copied();
                for column in case.columns {
                    line.push(value(&rows, column, row)?);
                }
            }
            writeln!(out, "{}", line.join(","))?;
            if claim.is_none() && rows.num_rows() > 0 {
                claim = Some(releaser.claim(case, asked, Some(&rows))?);
            }
        }
        out.flush()?;
        match claim {
            Some(claim) => Ok(claim),
            None => releaser.claim(case, asked, None),
        }
    })
}

/// Where each group stands among the rows of a release.
fn rows_by_group(rows: &RecordBatch, case: &Case) -> Result<BTreeMap<String, usize>> {
    if case.groups.is_empty() {
        ensure!(rows.num_rows() == 1, "a query without groups has one row");
        return Ok(BTreeMap::from([(String::new(), 0)]));
    }
    let name = |row| array_value_to_string(rows.column(0), row);
    (0..rows.num_rows()).map(|row| Ok((name(row)?.trim_end_matches('Z').to_owned(), row))).collect()
}

fn value(rows: &RecordBatch, column: &str, row: Option<usize>) -> Result<String> {
    if column == "kept" {
        return Ok(u8::from(row.is_some()).to_string());
    }
    let Some(row) = row else { return Ok(ABSENT.to_owned()) };
    let values = cast(rows.column_by_name(column).context("no such column")?, &DataType::Float64)?;
    Ok(values.as_primitive::<Float64Type>().value(row).to_string())
}

/// A planned query over one table, up to where it is bounded.
struct Releaser {
    cut: Cut,
    state: PartialState,
    panes: Panes,
    /// Found once: it takes longer than a release.
    price: Cost,
}

impl Releaser {
    async fn new(case: &Case, asked: &Asked, with: bool) -> Result<Self> {
        let streams = [SourceText::new("streams", STREAM)];
        let definitions = Definitions::parse(&streams, &BTreeMap::new(), &session()).await;
        let definition = definitions.map_err(|refusals| anyhow::anyhow!("{refusals:?}"))?.streams.swap_remove(0);
        let schema: SchemaRef = cases::schema();
        let stream = Stream { definition, schema: Arc::clone(&schema) };
        let source = SourceText::new("query", asked.query.as_str());
        let query = SignalDefinition::of_query(&source, &BTreeMap::new(), &session());
        let mut query = query.map_err(|refusal| anyhow::anyhow!("{refusal}"))?.context("a privacy clause")?;
        // Windows are public in a signal, not in a question asked once.
        query.once = !asked.query.contains("TUMBLE");
        // Fixed: the two tables share their order of groups, whichever it is.
        let planner = Planner::new(vec![stream], UnitKey::new(*b"audited, not kep"));
        let cut = planner.plan(&query).await.map_err(|refusal| anyhow::anyhow!("{refusal}: {refusal:?}"))?.cut;
        let rows = case.table(with)?;
        let state = cut.side("d").context("a side")?.partial(&schema, &[vec![rows]]).await?.state;
        let closed = Closed { watermark_us: Some(i64::MAX), sealed_us: None };
        let panes = Panes { closed, days: Some([Case::day()].into()), ..Panes::default() };
        let price = cut.calibration().context("a price")??.cost();
        Ok(Self { cut, state, panes, price })
    }

    /// Bounds and draws once more: what a grant paid for each time would show.
    async fn release(&self) -> Result<RecordBatch> {
        let nothing = Closed::default();
        let bounded = self.cut.bound(vec![self.state.clone()], &self.panes, nothing).await?;
        let noised = self.cut.draw(bounded, &self.panes, nothing, Grant::paid(self.price))?;
        Ok(self.cut.release(vec![noised], &self.panes).await?.rows)
    }

    /// What is promised and what was charged, with the noise of each number as the engine tells it.
    fn claim(&self, case: &Case, asked: &Asked, rows: Option<&RecordBatch>) -> Result<Value> {
        let calibration = self.cut.calibration().context("a price")??;
        let spec = self.cut.private_spec().context("a declaration")?;
        let told = |column: &str| -> Result<Option<f64>> {
            let Some(rows) = rows else { return Ok(None) };
            let column = rows.column_by_name(&format!("{column}_noise_stddev")).context("no such column")?;
            Ok(Some(column.as_primitive::<Float64Type>().value(0)))
        };
        let mut numbers = Vec::new();
        let mut number = 0;
        // Beside a mean stands the noise of the mean: that of its numbers is the calibration's.
        let mut noised = |kind: &str, sensitivity: f64, stddev: Option<f64>| {
            let stddev = stddev.unwrap_or_else(|| calibration.stddev(number));
            numbers.push(json!({ "kind": kind, "sensitivity": sensitivity, "stddev": stddev }));
            number += 1;
        };
        for (sensitivity, column) in case.sensitivities.iter().zip(case.columns) {
            match *sensitivity {
                Sensitivity::Rows => noised("count", f64::from(asked.bound), told(column)?),
                Sensitivity::Bound => noised("value", f64::from(asked.bound), told(column)?),
                Sensitivity::Of(most) => noised("value", most, told(column)?),
                Sensitivity::Mean { low, high } => {
                    noised("value", steps(low, high), None);
                    noised("count", 1.0, None);
                }
                Sensitivity::Variance { low, high } => {
                    noised("value", steps(low, high), None);
                    noised("value", f64::from(1 << 20), None);
                    noised("count", 1.0, None);
                }
                Sensitivity::Units => {}
            }
        }
        Ok(json!({
            "case": case.name,
            "query": asked.query,
            "mechanism": spec.mechanism.to_string(),
            "columns": case.groups.len().max(1) * case.columns.len(),
            "claimed": { "epsilon": asked.claimed_epsilon, "delta": asked.claimed_delta },
            "asked": { "epsilon": asked.epsilon, "delta": asked.delta },
            "max_groups": spec.max_groups,
            "min_units": spec.min_units,
            "numbers": numbers,
            "selection_stddev": calibration.selection_stddev(),
            "threshold": calibration.threshold(),
            "charged": {
                "rho_nano": calibration.cost().rho_nano,
                "delta_atto": calibration.cost().delta_atto,
            },
        }))
    }
}

/// Half the width of the bounds in steps of a power of two, between 2^20 and 2^21 of them.
fn steps(low: f64, high: f64) -> f64 {
    let half = (high - low) / 2.0;
    half / (half.log2().floor() - 20.0).exp2()
}
