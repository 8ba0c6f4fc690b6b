//! What was released that a gate asks for?
//!
//! Rows come from files whose bytes were hashed as they were read, so that a verdict names exactly what it rests on. A query
//! sees released signals and nothing else; a hard limit may also read a signal that is kept inside, because nothing but its
//! answer leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Date32Array, RecordBatch, StringArray};
use datafusion::arrow::compute::{cast, concat_batches};
use datafusion::arrow::datatypes::{DataType, Date32Type, Field, Float64Type, Int64Type, Schema, TimeUnit};
use datafusion::catalog::{MemTable, MemorySchemaProvider};
use datafusion::common::TableReference;
use datafusion::common::cast::as_float64_array;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::prelude::{SQLOptions, SessionContext};
use futures::TryStreamExt;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sha2::{Digest, Sha256};
use tidegate_algebra::query_session;
use tidegate_gate::file::{Query, Test};
use tidegate_gate::{Error, Evidence, GateFile, Row, Shape};
use tidegate_ledger::Store;
use tidegate_signal::Definitions;

use crate::failure::{Failure, Result};

/// What was read for a gate.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// For each check in its order.
    pub(crate) checks: Vec<Result<Evidence, Error>>,
    /// For each trust check in its order, none for those that read nothing.
    pub(crate) trust: Vec<Option<Result<Evidence, Error>>>,
    /// The files that were read, and the SHA-256 of their bytes.
    pub(crate) inputs: BTreeMap<String, String>,
    /// The signals that were read, and the hash of the definition that made their rows.
    pub(crate) signals: BTreeMap<String, BTreeSet<String>>,
    /// Of those that are noised, what each unit pays for a day.
    pub(crate) epsilons: BTreeMap<String, f64>,
}

impl Reading {
    /// The end of the last window of the checks, in microseconds since 1970.
    pub(crate) fn last_us(&self, gate: &GateFile) -> Option<i64> {
        let ends = self.checks.iter().filter_map(|read| read.as_ref().ok()?.last_us());
        ends.max().map(|start| start.saturating_add(gate.time.window.0))
    }
}

/// Signals that are computed from noised ones: noise is in their rows, and nothing there says how much.
pub(crate) fn hushed(definitions: &Definitions) -> BTreeSet<String> {
    let noised = definitions.signals.iter().filter(|signal| signal.is_differential());
    let noised: BTreeSet<&str> = noised.map(|signal| signal.name.value.as_str()).collect();
    let mut hushed = BTreeSet::new();
    loop {
        let before = hushed.len();
        for signal in &definitions.derived {
            if signal.signals_read().any(|name| noised.contains(name) || hushed.contains(name)) {
                hushed.insert(signal.name.value.clone());
            }
        }
        if hushed.len() == before {
            return hushed;
        }
    }
}

/// Reads everything that a gate asks for; of `hushed` signals it takes no number as evidence.
///
/// # Errors
/// Only where the store fails: evidence that is wrong is a fact, and the gate says what follows.
pub(crate) async fn read(store: &Store, gate: &GateFile, hushed: &BTreeSet<String>) -> Result<Reading> {
    let mut shelf = Shelf { store, hushed, signals: BTreeMap::new() };
    let mut reading = Reading::default();
    for check in &gate.checks {
        let may_be_inside = matches!(check.test, Test::HardLimit { .. });
        reading.checks.push(shelf.evidence(&check.query, check.shape(), may_be_inside).await?);
    }
    for trust in &gate.trust {
        reading.trust.push(match (trust.query(), trust.shape()) {
            (Some(query), Some(shape)) => Some(shelf.evidence(query, shape, false).await?),
            _ => None,
        });
    }
    for (name, rows) in shelf.signals.into_iter().filter_map(|(name, rows)| Some((name, rows.ok()??))) {
        reading.signals.insert(name.clone(), rows.definitions());
        reading.epsilons.extend(rows.epsilon().map(|epsilon| (name, epsilon)));
        reading.inputs.extend(rows.inputs);
    }
    Ok(reading)
}

/// Signals that were read, each once.
struct Shelf<'a> {
    store: &'a Store,
    hushed: &'a BTreeSet<String>,
    signals: BTreeMap<String, Loaded>,
}

/// The rows of a signal; none where it has released nothing, an error where its files do not fit together.
type Loaded = Result<Option<SignalRows>, Error>;

/// The rows of a signal, and the files they are from.
#[derive(Debug, Clone)]
struct SignalRows {
    rows: RecordBatch,
    inputs: Vec<(String, String)>,
    is_inside: bool,
}

impl SignalRows {
    fn texts(&self, column: &str) -> impl Iterator<Item = String> {
        let column = self.rows.column_by_name(column).and_then(|column| cast(column, &DataType::Utf8).ok());
        let texts =
            column.map(|column| column.as_string::<i32>().iter().flatten().map(str::to_owned).collect::<Vec<_>>());
        texts.unwrap_or_default().into_iter()
    }

    fn definitions(&self) -> BTreeSet<String> {
        self.texts("code_hash").collect()
    }

    fn is_noised(&self) -> bool {
        self.rows.column_by_name("dp_mechanism").is_some()
    }

    fn epsilon(&self) -> Option<f64> {
        let column = self.rows.column_by_name("dp_epsilon")?;
        as_float64_array(column).ok()?.iter().flatten().reduce(f64::max)
    }
}

impl Shelf<'_> {
    async fn evidence(&mut self, query: &Query, shape: Shape, may_be_inside: bool) -> Result<Result<Evidence, Error>> {
        let read = match query {
            Query::Signal(name) => self.signal(name, shape, may_be_inside).await?,
            Query::Sql(sql) => self.query(sql, shape).await?,
        };
        let carries = self.carries(query);
        let evidence = read.and_then(|rows| Evidence::from_rows(shape, rows_of(&rows, shape)?));
        Ok(evidence.map(|evidence| if carries { evidence.carried() } else { evidence }))
    }

    /// The rows of one signal as they are.
    async fn signal(&mut self, name: &str, shape: Shape, may_be_inside: bool) -> Result<Result<RecordBatch, Error>> {
        if self.hushed.contains(name) {
            return Ok(Err(Error::UnknownNoise { column: shape.numbers[0], signal: name.to_owned() }));
        }
        let signal = match self.load(name).await? {
            Err(error) => return Ok(Err(error.clone())),
            Ok(None) => return Ok(Err(Error::Unreadable(format!("the signal {name} has released nothing")))),
            Ok(Some(signal)) => signal,
        };
        if signal.is_inside && !may_be_inside {
            let cause = format!("the signal {name} is kept inside; of a gate's checks a hard_limit alone may read it");
            return Ok(Err(Error::Unreadable(cause)));
        }
        Ok(Ok(signal.rows.clone()))
    }

    /// What a query over released signals gives. Of noised ones it must select the noise, too.
    async fn query(&mut self, sql: &str, shape: Shape) -> Result<Result<RecordBatch, Error>> {
        let session = query_session();
        let unreadable = |error: &DataFusionError| Error::Unreadable(error.strip_backtrace());
        let tables = match tables_of(&session, sql) {
            Ok(tables) => tables,
            Err(error) => return Ok(Err(unreadable(&error))),
        };
        if let Some(catalog) = session.catalog("datafusion") {
            let _ = catalog.register_schema("released", Arc::new(MemorySchemaProvider::new()));
        }
        let mut noised = None;
        for name in tables {
            if self.hushed.contains(&name) {
                return Ok(Err(Error::UnknownNoise { column: shape.numbers[0], signal: name }));
            }
            let signal = match self.load(&name).await? {
                Err(error) => return Ok(Err(error.clone())),
                Ok(signal) => signal.as_ref().filter(|signal| !signal.is_inside),
            };
            let Some(signal) = signal else { continue };
            if signal.is_noised() {
                noised.get_or_insert(name.clone());
            }
            let table = MemTable::try_new(signal.rows.schema(), vec![vec![signal.rows.clone()]]);
            let table = table.and_then(|table| {
                session.register_table(TableReference::partial("released", name.as_str()), Arc::new(table))
            });
            if let Err(error) = table {
                return Ok(Err(unreadable(&error)));
            }
        }
        let (rows, plan) = match run(&session, sql).await {
            Ok(found) => found,
            Err(error) => return Ok(Err(unreadable(&error))),
        };
        // Of a noised number the noise must be its own, as it was released: what a query computes from several is no longer
        // what the column beside it says.
        let tells = |column: &str| {
            let number = released_column(&plan, column);
            number.is_some_and(|number| released_column(&plan, &noise_of(column)) == Some(noise_of(&number)))
        };
        Ok(match (noised, shape.numbers.iter().find(|column| !tells(column))) {
            (Some(signal), Some(column)) => Err(Error::UnknownNoise { column, signal }),
            _ => Ok(rows),
        })
    }

    /// Whether small groups of what was read are counted in their next window. A query may add up rows of several signals,
    /// of which some are, and is taken at its word.
    fn carries(&self, query: &Query) -> bool {
        let Query::Signal(name) = query else { return false };
        let rows = self.signals.get(name).and_then(|loaded| loaded.as_ref().ok()?.as_ref());
        rows.is_some_and(|signal| signal.rows.column_by_name("below_threshold").is_some())
    }

    async fn load(&mut self, name: &str) -> Result<&Loaded> {
        if !self.signals.contains_key(name) {
            let released = load(self.store, name, "released").await?;
            let found = if let Ok(None) = released { load(self.store, name, "internal").await? } else { released };
            self.signals.insert(name.to_owned(), found);
        }
        Ok(&self.signals[name])
    }
}

/// The rows of a signal below a folder, if it has any.
///
/// # Errors
/// Where the store fails, and [`Failure`] TG503 where its days do not fit together.
pub(crate) async fn rows_of_signal(store: &Store, name: &str, folder: &str) -> Result<Option<RecordBatch>> {
    match load(store, name, folder).await? {
        Ok(rows) => Ok(rows.map(|rows| rows.rows)),
        Err(error) => {
            Err(Failure::infrastructure("TG503", error.to_string(), "run again: days of two definitions lie there"))
        }
    }
}

/// Reads the files of a signal, with the day of their folder as the column `date`.
async fn load(store: &Store, name: &str, folder: &str) -> Result<Loaded> {
    let paths = store.list(&format!("{folder}/signal={name}")).await?;
    let (mut batches, mut inputs) = (Vec::new(), Vec::new());
    for path in paths.into_iter().filter(|path| path.ends_with(".parquet")) {
        let Some(bytes) = store.get(&path).await? else { continue };
        inputs.push((path.clone(), format!("{:x}", Sha256::digest(&bytes))));
        batches.extend(decode(&path, bytes)?);
    }
    let Some(first) = batches.first() else { return Ok(Ok(None)) };
    // Days of two definitions: a run that replaces them is under way.
    if batches.iter().any(|batch| batch.schema() != first.schema()) {
        return Ok(Err(Error::Unreadable(format!("the days of the signal {name} have different columns"))));
    }
    let rows = concat_batches(&first.schema(), &batches).map_err(DataFusionError::from)?;
    Ok(Ok(Some(SignalRows { rows, inputs, is_inside: folder == "internal" })))
}

fn decode(path: &str, bytes: Bytes) -> Result<Vec<RecordBatch>> {
    let day = path.split('/').find_map(|part| part.strip_prefix("date="));
    let day = day.and_then(|day| cast(&StringArray::from(vec![day]), &DataType::Date32).ok());
    let day = day.filter(|day| day.is_valid(0)).map(|day| day.as_primitive::<Date32Type>().value(0));
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).and_then(ParquetRecordBatchReaderBuilder::build);
    let reader = reader.map_err(DataFusionError::from)?;
    let batches = reader.map(|batch| {
        let batch = batch?;
        let Some(day) = day.filter(|_| batch.column_by_name("date").is_none()) else { return Ok(batch) };
        let mut fields = batch.schema().fields().to_vec();
        fields.push(Arc::new(Field::new("date", DataType::Date32, false)));
        let mut columns = batch.columns().to_vec();
        columns.push(Arc::new(Date32Array::from(vec![day; batch.num_rows()])));
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
    });
    Ok(batches.collect::<Result<_, _>>().map_err(DataFusionError::from)?)
}

/// The released signals that a query names.
fn tables_of(session: &SessionContext, sql: &str) -> Result<Vec<String>, DataFusionError> {
    let state = session.state();
    let statement = state.sql_to_statement(sql, &datafusion::config::Dialect::Generic)?;
    let tables = state.resolve_table_references(&statement)?;
    Ok(tables
        .into_iter()
        .filter(|table| table.schema() == Some("released"))
        .map(|table| table.table().to_owned())
        .collect())
}

async fn run(session: &SessionContext, sql: &str) -> Result<(RecordBatch, LogicalPlan), DataFusionError> {
    let read_only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    let query = session.sql_with_options(sql, read_only).await?;
    let plan = query.logical_plan().clone();
    let rows = query.execute_stream().await?;
    let schema = rows.schema();
    Ok((concat_batches(&schema, &rows.try_collect::<Vec<_>>().await?)?, plan))
}

/// The released column that a column of a query is, unchanged and row by row; none where the query computes it, or adds rows
/// up or joins them.
fn released_column(plan: &LogicalPlan, column: &str) -> Option<String> {
    match plan {
        LogicalPlan::Projection(projection) => {
            let found = projection.expr.iter().find(|expression| expression.schema_name().to_string() == column);
            let found =
                found.or_else(|| projection.expr.iter().find(|expression| expression.qualified_name().1 == column))?;
            let inner = if let Expr::Alias(alias) = found { alias.expr.as_ref() } else { found };
            if let Expr::Column(inner) = inner { released_column(&projection.input, &inner.name) } else { None }
        }
        LogicalPlan::Filter(filter) => released_column(&filter.input, column),
        LogicalPlan::Sort(sort) => released_column(&sort.input, column),
        LogicalPlan::SubqueryAlias(alias) => released_column(&alias.input, column),
        LogicalPlan::TableScan(_) => Some(column.to_owned()),
        _ => None,
    }
}

fn noise_of(column: &str) -> String {
    format!("{column}_noise_stddev")
}

/// Rows as a gate takes them.
fn rows_of(rows: &RecordBatch, shape: Shape) -> Result<Vec<Row>, Error> {
    let schema = rows.schema();
    let names = schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>();
    shape.require(&names)?;
    let column = |name: &str, data_type: &DataType| -> Result<ArrayRef, Error> {
        let column = rows.column_by_name(name).ok_or_else(|| Error::Unreadable(format!("no column {name}")))?;
        cast(column, data_type).map_err(|error| Error::Unreadable(format!("column {name}: {error}")))
    };
    let texts = |is_read: bool, name: &str| is_read.then(|| column(name, &DataType::Utf8)).transpose();
    let (arms, buckets) = (texts(shape.arm, "arm")?, texts(shape.bucket, "bucket")?);
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let starts = cast(&column("window_start", &instant)?, &DataType::Int64)
        .map_err(|error| Error::Unreadable(format!("column window_start: {error}")))?;
    let starts = starts.as_primitive::<Int64Type>();
    let numbers = shape.numbers.iter().map(|name| column(name, &DataType::Float64)).collect::<Result<Vec<_>, _>>()?;
    let is_noised = rows.column_by_name("dp_mechanism").is_some();
    let noise = shape.numbers.iter().map(|name| match rows.column_by_name(&noise_of(name)) {
        Some(_) => column(&noise_of(name), &DataType::Float64).map(Some),
        None if is_noised => Err(Error::UnknownNoise { column: name, signal: "itself".into() }),
        None => Ok(None),
    });
    let noise = noise.collect::<Result<Vec<_>, _>>()?;
    let text = |column: &Option<ArrayRef>, row: usize| {
        let column = column.as_ref()?.as_string::<i32>();
        column.is_valid(row).then(|| column.value(row).to_owned())
    };
    let number = |column: &ArrayRef, row: usize| {
        let column = column.as_primitive::<Float64Type>();
        column.is_valid(row).then(|| column.value(row))
    };
    let row = |row: usize| {
        let mut read = Row {
            arm: text(&arms, row),
            bucket: text(&buckets, row),
            window_start_us: starts.is_valid(row).then(|| starts.value(row)),
            ..Row::default()
        };
        for (i, column) in numbers.iter().enumerate() {
            read.numbers[i] = number(column, row);
            // Noise of unknown size in a number that is there makes the number unusable.
            read.noise[i] = noise[i].as_ref().map_or(0.0, |noise| number(noise, row).unwrap_or(f64::NAN));
            if read.numbers[i].is_none() {
                read.noise[i] = 0.0;
            }
        }
        read
    };
    Ok((0..rows.num_rows()).map(row).collect())
}
