//! Which decisions are known, and when did they happen?

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, RecordBatch, StringArray, TimestampMicrosecondArray, new_empty_array, new_null_array,
};
use arrow::compute::{cast, filter_record_batch, interleave};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use foldhash::fast::RandomState;

use crate::columns::{Columns, instant};
use crate::error::{Error, Result};
use crate::words::{Words, number_column};

const STREAM: &str = "decisions";
/// Without these a decision cannot be told from others, or put in time.
const REQUIRED: [&str; 4] = ["tenant_id", "decision_id", "event_time", "ingested_at"];
/// What its changes carry of a decision, unless it is said otherwise.
const USUAL: [&str; 20] = [
    "user_token",
    "user_role",
    "region",
    "environment",
    "task_class",
    "input_class",
    "agent_name",
    "agent_version",
    "model_family",
    "model_version",
    "prompt_template_version",
    "policy_version",
    "routing_version",
    "bundle_version",
    "experiment_id",
    "arm",
    "outcome",
    "risk_class",
    "learning_scope",
    "sample_weight",
];

/// Decisions, each once, with the columns that its changes carry.
///
/// Of a decision that was delivered twice the row counts that was ingested first.
#[derive(Debug, Clone)]
pub struct Decisions {
    schema: SchemaRef,
    /// The types in which the stream delivers what is carried: text of few values may be coded.
    delivered_as: Vec<DataType>,
    from_us: i64,
    words: Words,
    rows: HashMap<(u32, u32), At, RandomState>,
    batches: Vec<Held>,
    clock_us: Option<i64>,
    too_old: u64,
    unreadable: u64,
}

/// Where the row of a decision is.
#[derive(Debug, Clone, Copy)]
struct At {
    batch: u32,
    row: u32,
}

#[derive(Debug, Clone)]
struct Held {
    columns: Vec<ArrayRef>,
    tenants: StringArray,
    ids: StringArray,
    times: TimestampMicrosecondArray,
    ingested: TimestampMicrosecondArray,
}

impl Decisions {
    /// No decision yet. `stream` is what the stream's files hold, and `named` the columns that changes are to carry; the
    /// usual ones, as far as they are there, if none are named. Decisions before `from_us` are left out.
    ///
    /// # Errors
    /// [`Error::MissingColumns`].
    pub fn new(stream: &Schema, named: Option<&[String]>, from_us: Option<i64>) -> Result<Self> {
        let required = REQUIRED.iter().map(|name| (*name).to_owned());
        let named = named.map(<[String]>::to_vec);
        let mut names = required.chain(named.clone().unwrap_or_default());
        let missing = names.by_ref().filter(|name| stream.field_with_name(name).is_err()).collect::<Vec<_>>();
        if !missing.is_empty() {
            return Err(Error::MissingColumns { stream: STREAM, missing });
        }
        let usual = || USUAL.iter().map(|name| (*name).to_owned()).collect();
        let carried = named.unwrap_or_else(usual);
        let carried = carried.iter().filter(|name| !REQUIRED.contains(&name.as_str()));
        let (mut fields, mut delivered_as) = (Vec::<FieldRef>::new(), Vec::new());
        for field in carried.filter_map(|name| stream.field_with_name(name).ok()) {
            if fields.iter().all(|known| known.name() != field.name()) {
                fields.push(Arc::new(Field::new(field.name(), plain(field.data_type()), true)));
                delivered_as.push(field.data_type().clone());
            }
        }
        Ok(Self {
            schema: Arc::new(Schema::new(fields)),
            delivered_as,
            from_us: from_us.unwrap_or(i64::MIN),
            words: Words::default(),
            rows: HashMap::default(),
            batches: Vec::new(),
            clock_us: None,
            too_old: 0,
            unreadable: 0,
        })
    }

    /// The columns to read: those that are needed, and those that are carried.
    pub fn columns(&self) -> Vec<String> {
        let carried = self.schema.fields().iter().map(|field| field.name().clone());
        REQUIRED.iter().map(|name| (*name).to_owned()).chain(carried).collect()
    }

    /// The columns that changes carry besides those that every change has.
    pub fn carried(&self) -> &SchemaRef {
        &self.schema
    }

    /// Takes decisions in. Rows without tenant, id or time are counted, and left out.
    ///
    /// # Errors
    /// [`Error::MissingColumns`] or [`Error::WrongType`].
    pub fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        Columns { stream: STREAM, batch }.require(&REQUIRED)?;
        let batch = filter_record_batch(batch, &self.kept(batch)?)?;
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let held = self.held(&batch)?;
        let number = u32::try_from(self.batches.len()).unwrap_or(u32::MAX);
        let tenants = number_column(&mut self.words, &held.tenants);
        let ids = number_column(&mut self.words, &held.ids);
        self.batches.push(held);
        for row in 0..batch.num_rows() {
            let key = (tenants[row], ids[row]);
            let at = At { batch: number, row: u32::try_from(row).unwrap_or(u32::MAX) };
            if self.rows.get(&key).is_none_or(|before| self.delivered(at) < self.delivered(*before)) {
                self.rows.insert(key, at);
            }
        }
        Ok(())
    }

    /// Which rows are kept; the others are counted, and all of them move the clock.
    fn kept(&mut self, batch: &RecordBatch) -> Result<BooleanArray> {
        let columns = Columns { stream: STREAM, batch };
        let (tenants, ids) = (columns.text("tenant_id")?, columns.text("decision_id")?);
        let (times, ingested) = (columns.instant("event_time")?, columns.instant("ingested_at")?);
        let mut is_kept = |row| {
            if tenants.is_null(row) || ids.is_null(row) || times.is_null(row) || ingested.is_null(row) {
                self.unreadable += 1;
                return false;
            }
            let time_us = times.value(row);
            // A decision cannot have happened after it came: a wrong clock must not make all others old.
            self.clock_us = self.clock_us.max(Some(time_us.min(ingested.value(row))));
            let is_old = time_us < self.from_us;
            self.too_old += u64::from(is_old);
            !is_old
        };
        Ok((0..batch.num_rows()).map(|row| Some(is_kept(row))).collect())
    }

    fn held(&self, batch: &RecordBatch) -> Result<Held> {
        let columns = Columns { stream: STREAM, batch };
        let carried = self.schema.fields().iter().zip(&self.delivered_as).map(|(field, delivered)| {
            let column = batch.column_by_name(field.name());
            Ok(match column {
                Some(column) => cast(column, delivered)?,
                None => new_null_array(delivered, batch.num_rows()),
            })
        });
        Ok(Held {
            columns: carried.collect::<Result<_>>()?,
            tenants: columns.text("tenant_id")?,
            ids: columns.text("decision_id")?,
            times: columns.instant("event_time")?,
            ingested: columns.instant("ingested_at")?,
        })
    }

    /// When a held row came; of two deliveries the earlier one counts.
    fn delivered(&self, at: At) -> (i64, i64) {
        let (held, row) = (&self.batches[at.batch as usize], at.row as usize);
        (held.ingested.value(row), held.times.value(row))
    }

    /// When a decision happened, if it is known: microseconds since 1970.
    #[must_use]
    pub fn event_us(&self, tenant: &str, decision: &str) -> Option<i64> {
        self.find(tenant, decision).map(|at| self.batches[at.batch as usize].times.value(at.row as usize))
    }

    fn find(&self, tenant: &str, decision: &str) -> Option<At> {
        let key = (self.words.known(tenant)?, self.words.known(decision)?);
        self.rows.get(&key).copied()
    }

    /// How many are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The newest event time that can be believed, of all rows that were seen: microseconds since 1970.
    #[must_use]
    pub fn clock_us(&self) -> Option<i64> {
        self.clock_us
    }

    /// How many rows were older than what is kept.
    #[must_use]
    pub fn too_old(&self) -> u64 {
        self.too_old
    }

    /// How many rows had no tenant, id or time.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// All decisions, as places for [`rows`](Self::rows).
    pub(crate) fn all(&self) -> Vec<(usize, usize)> {
        let mut all = self.rows.values().map(|at| (at.batch as usize, at.row as usize)).collect::<Vec<_>>();
        all.sort_unstable();
        all
    }

    /// The place of a decision for [`rows`](Self::rows).
    pub(crate) fn place(&self, tenant: &str, decision: &str) -> Option<(usize, usize)> {
        self.find(tenant, decision).map(|at| (at.batch as usize, at.row as usize))
    }

    pub(crate) fn key_at(&self, (batch, row): (usize, usize)) -> (&str, &str) {
        let held = &self.batches[batch];
        (held.tenants.value(row), held.ids.value(row))
    }

    /// The event times, tenants and ids of the rows at `places`, and then what is carried.
    pub(crate) fn rows(&self, places: &[(usize, usize)]) -> Result<Vec<ArrayRef>> {
        let gather = |column: &dyn Fn(&Held) -> ArrayRef, data_type: &DataType| -> Result<ArrayRef> {
            let columns = self.batches.iter().map(column).collect::<Vec<_>>();
            let columns = columns.iter().map(AsRef::as_ref).collect::<Vec<&dyn Array>>();
            if columns.is_empty() {
                return Ok(new_empty_array(data_type));
            }
            Ok(cast(&interleave(&columns, places)?, data_type)?)
        };
        let mut gathered = vec![
            gather(&|held| Arc::new(held.times.clone()), &instant())?,
            gather(&|held| Arc::new(held.tenants.clone()), &DataType::Utf8)?,
            gather(&|held| Arc::new(held.ids.clone()), &DataType::Utf8)?,
        ];
        for (index, field) in self.schema.fields().iter().enumerate() {
            gathered.push(gather(&|held| Arc::clone(&held.columns[index]), field.data_type())?);
        }
        Ok(gathered)
    }
}

/// The type as it is written to the change log: text without the encoding it came in.
fn plain(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(_, values) => plain(values),
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        other => other.clone(),
    }
}
