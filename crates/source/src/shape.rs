//! How do the columns of one file become the columns of the stream?
//!
//! A [`Request`] says what a reader of the stream wants; a [`Shape`] binds it to one file. Every requested column comes
//! from the file, from the file's folders, or is null.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::new_null_array;
use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, StringViewArray, UInt32Array};
use arrow::compute::{filter_record_batch, take};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use arrow::error::ArrowError;
use tidegate_contract::{EpochUnit, Tally};

use crate::convert::{Converted, convert, is_lossless, is_parsable};
use crate::epoch::{convert_epoch, is_whole};
use crate::{Admit, Admitted, Reason, SourceFile};

/// The column that says when a row happened.
#[derive(Clone, Debug)]
pub(crate) struct EventTime {
    pub(crate) field: FieldRef,
    /// What it counts since 1970 where it is a number.
    pub(crate) unit: Option<EpochUnit>,
}

/// The columns somebody wants from a stream.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The columns that are read: the requested ones, then those that are read along to find bad rows.
    fields: Vec<FieldRef>,
    /// Columns that must fit by their type though they are not read.
    checked: Vec<FieldRef>,
    /// The columns that are delivered: the first ones of `fields`.
    delivered: SchemaRef,
    /// Which of `fields` says when a row happened.
    event_time: Option<usize>,
    event_time_unit: Option<EpochUnit>,
}

impl Request {
    /// A request for some columns of `schema`.
    ///
    /// Whether a row or file is bad must not depend on who reads it. Formats that carry no types are therefore read
    /// with all columns of the stream (`reads_all`); the others only have all types checked. `along` are those that must
    /// be seen to admit a row.
    pub(crate) fn new(
        requested: Vec<FieldRef>,
        schema: &Schema,
        event_time: Option<&EventTime>,
        reads_all: bool,
        along: &[String],
    ) -> Self {
        let event_time_unit = event_time.and_then(|time| time.unit);
        let event_time = event_time.map(|time| &time.field);
        let delivered = Arc::new(Schema::new(requested.clone()));
        let mut fields = requested;
        let mut checked = Vec::new();
        for field in schema.fields() {
            if fields.iter().any(|f| f.name() == field.name()) {
                continue;
            }
            let is_event_time = event_time.is_some_and(|time| time.name() == field.name());
            if reads_all || is_event_time || along.contains(field.name()) { &mut fields } else { &mut checked }
                .push(Arc::clone(field));
        }
        let event_time = event_time.and_then(|time| fields.iter().position(|f| f.name() == time.name()));
        Self { fields, checked, delivered, event_time, event_time_unit }
    }

    /// The columns that are read.
    pub(crate) fn fields(&self) -> &[FieldRef] {
        &self.fields
    }

    /// In which unit numbers of a column are instants, if they are.
    fn epoch_unit(&self, field: &Field) -> Option<EpochUnit> {
        let event_time = &self.fields[self.event_time?];
        self.event_time_unit.filter(|_| event_time.name() == field.name())
    }
}

/// Why a file cannot be bound to a request, or why one of its rows is bad; the caller knows file and row.
#[derive(Debug)]
pub(crate) struct Misfit {
    pub(crate) reason: Reason,
    pub(crate) detail: String,
}

/// How one file gives the requested columns.
#[derive(Debug)]
pub(crate) struct Shape {
    request: Request,
    slots: Vec<Slot>,
    /// The columns to read from the file, by their place in it, rising.
    reads: Vec<usize>,
}

/// Where one requested column comes from.
#[derive(Debug)]
enum Slot {
    /// A column that is read, by its place in `reads`.
    Read(usize),
    /// One value, given by the file's folders.
    Constant(ArrayRef),
    /// The file does not have it.
    Missing,
}

/// The good rows of a batch, and what is wrong with the others, by their place in the batch.
pub(crate) struct Shaped {
    pub(crate) good: RecordBatch,
    pub(crate) bad: BTreeMap<usize, Misfit>,
    /// How good all of them are, where somebody asks.
    pub(crate) quality: Option<Tally>,
}

/// Why a batch has no shape.
pub(crate) enum Unshaped {
    /// A column cannot be converted although its type looked fit.
    Unfit,
    /// The stream's owner wants no more to be read.
    Stopped(String),
}

impl From<ArrowError> for Unshaped {
    fn from(_: ArrowError) -> Self {
        Self::Unfit
    }
}

impl Shape {
    /// Binds a request to a file with the columns `available`.
    ///
    /// # Errors
    /// [`Reason::SchemaMismatch`] when a column does not fit, [`Reason::EventTimeMissing`] when no row can have one.
    pub(crate) fn bind(
        request: &Request,
        file: &SourceFile,
        available: &Fields,
        parses_text: bool,
    ) -> Result<Self, Misfit> {
        let mut found = Vec::with_capacity(request.fields.len());
        for (at, wanted) in request.fields.iter().enumerate() {
            let unit = request.epoch_unit(wanted);
            let place = match file.partitions.get(wanted.name()) {
                Some(value) => Found::Folder(constant(wanted, value.as_deref(), unit)?),
                None => match available.find(wanted.name()) {
                    Some((column, field)) => {
                        check_type(field, wanted, parses_text, unit)?;
                        Found::Column(column)
                    }
                    None if request.event_time == Some(at) => return Err(no_event_time(wanted)),
                    None => Found::Nowhere,
                },
            };
            found.push(place);
        }
        for wanted in &request.checked {
            if let Some((_, field)) = available.find(wanted.name()) {
                check_type(field, wanted, parses_text, None)?;
            }
        }
        let mut reads: Vec<usize> = found.iter().filter_map(Found::column).collect();
        reads.sort_unstable();
        reads.dedup();
        let slots = found.into_iter().map(|place| match place {
            Found::Folder(value) => Slot::Constant(value),
            Found::Column(column) => Slot::Read(reads.partition_point(|read| *read < column)),
            Found::Nowhere => Slot::Missing,
        });
        let slots = slots.collect();
        let request = request.clone();
        Ok(Self { request, slots, reads })
    }

    /// The columns to read from the file, by their place in it, rising. [`apply`](Self::apply) expects them so.
    pub(crate) fn reads(&self) -> &[usize] {
        &self.reads
    }

    /// Gives `raw`, which holds the columns of [`reads`](Self::reads), the shape of the stream; then its rows are admitted, if
    /// somebody does that, and it is known whether they were before.
    pub(crate) fn apply(&self, raw: &RecordBatch, admit: Option<(&dyn Admit, bool)>) -> Result<Shaped, Unshaped> {
        let rows = raw.num_rows();
        let mut bad = BTreeMap::new();
        let mut columns = Vec::with_capacity(self.slots.len());
        for (field, slot) in self.request.fields.iter().zip(&self.slots) {
            let column = match slot {
                Slot::Read(at) => {
                    let converted = convert_column(raw.column(*at), field, self.request.epoch_unit(field))?;
                    for row in converted.lost {
                        bad.entry(row).or_insert_with(|| Misfit::value(field));
                    }
                    converted.array
                }
                Slot::Constant(value) => take(value, &UInt32Array::from_value(0, rows), None)?,
                Slot::Missing => new_null_array(field.data_type(), rows),
            };
            columns.push(column);
        }
        if let Some(at) = self.request.event_time
            && columns[at].null_count() > 0
        {
            for row in (0..rows).filter(|row| columns[at].is_null(*row)) {
                bad.entry(row).or_insert_with(|| no_event_time(&self.request.fields[at]));
            }
        }
        let schema = match admit {
            Some(_) => Arc::new(Schema::new(self.request.fields.clone())),
            None => {
                columns.truncate(self.request.delivered.fields().len());
                Arc::clone(&self.request.delivered)
            }
        };
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let mut good = RecordBatch::try_new_with_options(schema, columns, &options)?;
        if !bad.is_empty() {
            let keep: BooleanArray = (0..rows).map(|row| Some(!bad.contains_key(&row))).collect();
            good = filter_record_batch(&good, &keep)?;
        }
        match admit {
            Some((admit, landed)) => self.admitted(&good, bad, admit, landed),
            None => Ok(Shaped { good, bad, quality: None }),
        }
    }

    /// The rows of `good` that are admitted, with the columns that are delivered.
    fn admitted(
        &self,
        good: &RecordBatch,
        mut bad: BTreeMap<usize, Misfit>,
        admit: &dyn Admit,
        landed: bool,
    ) -> Result<Shaped, Unshaped> {
        let Admitted { rows, refused, quality } = admit.admit(good, landed).map_err(Unshaped::Stopped)?;
        if !refused.is_empty() {
            // Places among the rows that are good so far, as places among all.
            let all = good.num_rows() + bad.len();
            let places = (0..all).filter(|row| !bad.contains_key(row)).collect::<Vec<_>>();
            let refused =
                refused.into_iter().map(|(at, detail)| (places[at], Misfit { reason: Reason::ContractBroken, detail }));
            bad.extend(refused.collect::<Vec<_>>());
        }
        let delivered = (0..self.request.delivered.fields().len()).collect::<Vec<_>>();
        let rows = rows.project(&delivered)?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let schema = Arc::clone(&self.request.delivered);
        let good = RecordBatch::try_new_with_options(schema, rows.columns().to_vec(), &options)?;
        Ok(Shaped { good, bad, quality })
    }
}

impl Misfit {
    /// A value that does not fit its column.
    pub(crate) fn value(field: &Field) -> Self {
        Self {
            reason: Reason::TypeMismatch,
            detail: format!("the value of column `{}` is not a {}", field.name(), field.data_type()),
        }
    }
}

/// Where a requested column was found.
enum Found {
    Folder(ArrayRef),
    Column(usize),
    Nowhere,
}

impl Found {
    fn column(&self) -> Option<usize> {
        match self {
            Self::Column(column) => Some(*column),
            Self::Folder(_) | Self::Nowhere => None,
        }
    }
}

fn check_type(field: &Field, wanted: &Field, parses_text: bool, unit: Option<EpochUnit>) -> Result<(), Misfit> {
    let (from, to) = (field.data_type(), wanted.data_type());
    let parsed = parses_text && from == &DataType::Utf8View && is_parsable(to);
    let counted = unit.is_some() && is_whole(from);
    if parsed || counted || is_lossless(from, to) {
        return Ok(());
    }
    Err(Misfit {
        reason: Reason::SchemaMismatch,
        detail: format!("column `{}` is {from} in this file, and the stream expects {to}", wanted.name()),
    })
}

fn convert_column(from: &ArrayRef, wanted: &Field, unit: Option<EpochUnit>) -> Result<Converted, ArrowError> {
    match unit {
        Some(unit) => convert_epoch(from, wanted.data_type(), unit),
        None => convert(from, wanted.data_type()),
    }
}

fn constant(wanted: &Field, value: Option<&str>, unit: Option<EpochUnit>) -> Result<ArrayRef, Misfit> {
    let text: ArrayRef = Arc::new(StringViewArray::from(vec![value]));
    match convert_column(&text, wanted, unit) {
        Ok(converted) if converted.lost.is_empty() => Ok(converted.array),
        _ => Err(Misfit {
            reason: Reason::SchemaMismatch,
            detail: format!("the folder `{}=` does not hold a {}", wanted.name(), wanted.data_type()),
        }),
    }
}

fn no_event_time(field: &Field) -> Misfit {
    Misfit { reason: Reason::EventTimeMissing, detail: format!("the event time `{}` is missing", field.name()) }
}
