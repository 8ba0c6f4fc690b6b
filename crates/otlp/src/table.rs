//! Which columns are there to be filled, and how?
//!
//! The rows of one stream are built column by column. What a cell may hold follows from the column alone: its type, and
//! for a closed vocabulary its words.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int32Builder, Int64Builder, ListBuilder, RecordBatch, StringBuilder,
    StringDictionaryBuilder, StructBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use tidegate_contract::{
    AnnotatorKind, Arm, LabelKind, LearningScope, Op, Outcome, PolicyResult, RiskClass, decisions, labels,
};

use crate::error::{Error, Result};
use tidegate_contract::{StepStatus, decision_steps};

/// One of the three streams that telemetry becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// `decisions`.
    Decisions,
    /// `decision_steps`.
    Steps,
    /// `labels`.
    Labels,
}

impl Stream {
    pub(crate) const ALL: [Self; 3] = [Self::Decisions, Self::Steps, Self::Labels];

    /// Its name in SQL and in mapping files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Decisions => "decisions",
            Self::Steps => "decision_steps",
            Self::Labels => "labels",
        }
    }

    /// Its columns as they leave this crate: `decisions` lacks `envelope_hash`, which is taken after redaction.
    pub fn schema(self) -> SchemaRef {
        static UNSEALED: LazyLock<SchemaRef> = LazyLock::new(|| {
            let fields: Vec<_> = decisions().fields().iter().filter(|f| f.name() != "envelope_hash").cloned().collect();
            Arc::new(Schema::new(fields))
        });
        static STEPS: LazyLock<SchemaRef> = LazyLock::new(decision_steps);
        static LABELS: LazyLock<SchemaRef> = LazyLock::new(labels);
        match self {
            Self::Decisions => Arc::clone(&UNSEALED),
            Self::Steps => Arc::clone(&STEPS),
            Self::Labels => Arc::clone(&LABELS),
        }
    }

    /// The columns that follow from what a row is: no mapping can name them.
    pub(crate) const fn fixed(self) -> &'static [&'static str] {
        match self {
            Self::Decisions => &[
                "schema_version",
                "decision_id",
                "trace_id",
                "span_id",
                "parent_decision_id",
                "ingested_at",
                "tenant_id",
                "envelope_hash",
                "source",
            ],
            Self::Steps => &["tenant_id", "decision_id", "step_no", "span_id", "step_kind"],
            Self::Labels => &["schema_version", "tenant_id", "decision_id", "target_scope", "target_id", "ingested_at"],
        }
    }
}

/// The words that a column of a closed vocabulary may hold.
pub(crate) fn vocabulary(stream: Stream, column: &str) -> Option<Vec<&'static str>> {
    macro_rules! words {
        ($vocabulary:ty) => {
            Some(<$vocabulary>::ALL.iter().map(|word| word.as_str()).collect())
        };
    }
    match (stream, column) {
        (Stream::Decisions, "outcome") => words!(Outcome),
        (Stream::Decisions, "arm") => words!(Arm),
        (Stream::Decisions, "policy_result") => words!(PolicyResult),
        (Stream::Decisions, "risk_class") => words!(RiskClass),
        (Stream::Decisions, "learning_scope") => words!(LearningScope),
        (Stream::Steps, "status") => words!(StepStatus),
        (Stream::Labels, "label_kind") => words!(LabelKind),
        (Stream::Labels, "annotator_kind") => words!(AnnotatorKind),
        (Stream::Labels, "op") => words!(Op),
        _ => None,
    }
}

/// A value on its way into a column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell<'t> {
    Text(Cow<'t, str>),
    Int(i64),
    Float(f64),
    Bool(bool),
    /// Feature flags: key and variant.
    Flags(Vec<(Cow<'t, str>, Option<Cow<'t, str>>)>),
}

/// What sort of values a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    Text,
    /// Whole numbers, never negative but for `version`: tokens, money, durations.
    Int,
    Float,
    /// A number from 0 to 1.
    Share,
    Bool,
    /// Microseconds since 1970.
    Time,
    Flags,
}

impl Holds {
    pub(crate) fn of(field: &Field) -> Self {
        match field.data_type() {
            DataType::Int64 | DataType::Int32 => Self::Int,
            DataType::Float64 if matches!(field.name().as_str(), "confidence" | "annotator_confidence") => Self::Share,
            DataType::Float64 => Self::Float,
            DataType::Boolean => Self::Bool,
            DataType::Timestamp(..) => Self::Time,
            DataType::List(_) => Self::Flags,
            _ => Self::Text,
        }
    }

    /// What a default of such a column must be.
    pub(crate) const fn expected(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Int | Self::Time => "a whole number",
            Self::Float => "a number",
            Self::Share => "a number from 0 to 1",
            Self::Bool => "true or false",
            Self::Flags => "absent",
        }
    }
}

enum Column {
    Text(StringBuilder),
    Coded(StringDictionaryBuilder<Int32Type>),
    Int64(Int64Builder),
    Int32(Int32Builder),
    Float(Float64Builder),
    Bool(BooleanBuilder),
    Time(TimestampMicrosecondBuilder),
    Flags(ListBuilder<StructBuilder>),
}

impl Column {
    fn new(field: &Field, rows: usize) -> Self {
        match field.data_type() {
            DataType::Dictionary(..) => Self::Coded(StringDictionaryBuilder::new()),
            DataType::Int64 => Self::Int64(Int64Builder::with_capacity(rows)),
            DataType::Int32 => Self::Int32(Int32Builder::with_capacity(rows)),
            DataType::Float64 => Self::Float(Float64Builder::with_capacity(rows)),
            DataType::Boolean => Self::Bool(BooleanBuilder::with_capacity(rows)),
            DataType::Timestamp(..) => {
                Self::Time(TimestampMicrosecondBuilder::with_capacity(rows).with_data_type(field.data_type().clone()))
            }
            DataType::List(item) => {
                let members = match item.data_type() {
                    DataType::Struct(members) => members.clone(),
                    _ => arrow::datatypes::Fields::empty(),
                };
                let flags = StructBuilder::from_fields(members, 0);
                Self::Flags(ListBuilder::new(flags).with_field(Arc::clone(item)))
            }
            _ => Self::Text(StringBuilder::with_capacity(rows, rows * 24)),
        }
    }

    /// Appends `cell`, or null if there is none or it does not fit.
    fn append(&mut self, cell: Option<&Cell<'_>>) {
        match (self, cell) {
            (Self::Text(column), Some(Cell::Text(text))) => column.append_value(text),
            (Self::Text(column), _) => column.append_null(),
            (Self::Coded(column), Some(Cell::Text(text))) => column.append_value(text),
            (Self::Coded(column), _) => column.append_null(),
            (Self::Int64(column), Some(Cell::Int(value))) => column.append_value(*value),
            (Self::Int64(column), _) => column.append_null(),
            (Self::Int32(column), Some(Cell::Int(value))) => column.append_option(i32::try_from(*value).ok()),
            (Self::Int32(column), _) => column.append_null(),
            (Self::Float(column), Some(Cell::Float(value))) => column.append_value(*value),
            (Self::Float(column), _) => column.append_null(),
            (Self::Bool(column), Some(Cell::Bool(value))) => column.append_value(*value),
            (Self::Bool(column), _) => column.append_null(),
            (Self::Time(column), Some(Cell::Int(value))) => column.append_value(*value),
            (Self::Time(column), _) => column.append_null(),
            (Self::Flags(column), Some(Cell::Flags(flags))) => append_flags(column, flags),
            (Self::Flags(column), _) => column.append_null(),
        }
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Text(mut column) => Arc::new(column.finish()),
            Self::Coded(mut column) => Arc::new(column.finish()),
            Self::Int64(mut column) => Arc::new(column.finish()),
            Self::Int32(mut column) => Arc::new(column.finish()),
            Self::Float(mut column) => Arc::new(column.finish()),
            Self::Bool(mut column) => Arc::new(column.finish()),
            Self::Time(mut column) => Arc::new(column.finish()),
            Self::Flags(mut column) => Arc::new(column.finish()),
        }
    }
}

fn append_flags(column: &mut ListBuilder<StructBuilder>, flags: &[(Cow<'_, str>, Option<Cow<'_, str>>)]) {
    for (key, variant) in flags {
        let flag = column.values();
        if let Some(keys) = flag.field_builder::<StringBuilder>(0) {
            keys.append_value(key);
        }
        if let Some(variants) = flag.field_builder::<StringBuilder>(1) {
            variants.append_option(variant.as_deref());
        }
        flag.append(true);
    }
    column.append(true);
}

/// The rows of one stream, as they are built.
pub(crate) struct Rows {
    stream: Stream,
    schema: SchemaRef,
    columns: Vec<Column>,
    len: usize,
}

impl Rows {
    pub(crate) fn new(stream: Stream, capacity: usize) -> Self {
        let schema = stream.schema();
        let columns = schema.fields().iter().map(|field| Column::new(field, capacity)).collect();
        Self { stream, schema, columns, len: 0 }
    }

    /// Appends a row and says its number, or which required column it lacks.
    pub(crate) fn append(&mut self, row: &[Option<Cell<'_>>]) -> Result<usize, &'static str> {
        for (field, cell) in self.schema.fields().iter().zip(row) {
            let fits = match (field.data_type(), cell) {
                (DataType::Int32, Some(Cell::Int(value))) => i32::try_from(*value).is_ok(),
                (_, cell) => cell.is_some(),
            };
            if !fits && !field.is_nullable() {
                return Err(column_name(self.stream, field.name()));
            }
        }
        self.columns.iter_mut().zip(row).for_each(|(column, cell)| column.append(cell.as_ref()));
        self.len += 1;
        Ok(self.len - 1)
    }

    pub(crate) fn finish(self) -> Result<RecordBatch> {
        let stream = self.stream;
        let columns = self.columns.into_iter().map(Column::finish).collect();
        RecordBatch::try_new(self.schema, columns)
            .map_err(|error| Error::Unbuildable { table: stream.as_str(), problem: error.to_string() })
    }
}

/// The name of a column for as long as the program runs, so that a reason can hold it.
fn column_name(stream: Stream, name: &str) -> &'static str {
    static NAMES: LazyLock<Vec<SchemaRef>> = LazyLock::new(|| Stream::ALL.map(Stream::schema).to_vec());
    let fields = NAMES[stream as usize].fields();
    fields.find(name).map_or("", |(_, field)| field.name().as_str())
}
