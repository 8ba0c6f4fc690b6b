//! Rows of `labels` and `decisions`, made to measure.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use tidegate_labels::{Decisions, Quarantine, Resolver, Rules};

pub(crate) const HOUR_US: i64 = 3_600_000_000;
pub(crate) const DAY_US: i64 = 24 * HOUR_US;

/// One row of `labels`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Label {
    pub(crate) tenant: &'static str,
    pub(crate) decision: String,
    pub(crate) scope: &'static str,
    pub(crate) target: Option<&'static str>,
    pub(crate) name: &'static str,
    pub(crate) value: Option<&'static str>,
    pub(crate) score: Option<f64>,
    pub(crate) kind: &'static str,
    pub(crate) annotator: Option<&'static str>,
    pub(crate) identifier: &'static str,
    pub(crate) version: i64,
    pub(crate) op: &'static str,
    pub(crate) id: String,
    pub(crate) confidence: Option<f64>,
    pub(crate) labeled_us: i64,
    pub(crate) ingested_us: i64,
}

/// `value` said of decision `d` by a person, at `hours` since 1970.
pub(crate) fn said(decision: &str, value: &'static str, hours: i64) -> Label {
    Label {
        tenant: "t",
        decision: decision.to_owned(),
        scope: "decision",
        target: None,
        name: "quality",
        value: Some(value),
        score: None,
        kind: "HUMAN",
        annotator: Some("ann"),
        identifier: "",
        version: 1,
        op: "assert",
        id: format!("l-{decision}-{hours}"),
        confidence: None,
        labeled_us: hours * HOUR_US,
        ingested_us: hours * HOUR_US + 60_000_000,
    }
}

pub(crate) fn labels(rows: &[Label]) -> RecordBatch {
    let text =
        |of: &dyn Fn(&Label) -> Option<&str>| -> ArrayRef { Arc::new(rows.iter().map(of).collect::<StringArray>()) };
    let number =
        |of: &dyn Fn(&Label) -> Option<f64>| -> ArrayRef { Arc::new(rows.iter().map(of).collect::<Float64Array>()) };
    let instant = |of: &dyn Fn(&Label) -> i64| -> ArrayRef {
        let column = rows.iter().map(of).collect::<Vec<_>>();
        Arc::new(TimestampMicrosecondArray::from(column).with_timezone("UTC"))
    };
    batch(vec![
        ("tenant_id", text(&|row| Some(row.tenant))),
        ("decision_id", text(&|row| Some(&row.decision))),
        ("target_scope", text(&|row| Some(row.scope))),
        ("target_id", text(&|row| row.target)),
        ("label_name", text(&|row| Some(row.name))),
        ("label_value", text(&|row| row.value)),
        ("score", number(&|row| row.score)),
        ("annotator_kind", text(&|row| Some(row.kind))),
        ("annotator_token", text(&|row| row.annotator)),
        ("identifier", text(&|row| Some(row.identifier))),
        ("version", Arc::new(rows.iter().map(|row| row.version).collect::<Int64Array>())),
        ("op", text(&|row| Some(row.op))),
        ("label_id", text(&|row| Some(&row.id))),
        ("annotator_confidence", number(&|row| row.confidence)),
        ("labeled_at", instant(&|row| row.labeled_us)),
        ("ingested_at", instant(&|row| row.ingested_us)),
    ])
}

/// One row of `decisions`.
#[derive(Debug, Clone)]
pub(crate) struct Decision {
    pub(crate) tenant: &'static str,
    pub(crate) id: String,
    pub(crate) event_us: i64,
    pub(crate) ingested_us: i64,
    pub(crate) task: &'static str,
}

pub(crate) fn made(id: &str, hours: i64) -> Decision {
    let event_us = hours * HOUR_US;
    Decision { tenant: "t", id: id.to_owned(), event_us, ingested_us: event_us + 1_000_000, task: "invoice" }
}

pub(crate) fn decisions(rows: &[Decision]) -> RecordBatch {
    let instant =
        |column: Vec<i64>| -> ArrayRef { Arc::new(TimestampMicrosecondArray::from(column).with_timezone("UTC")) };
    let text = |column: Vec<&str>| -> ArrayRef { Arc::new(StringArray::from(column)) };
    let task = text(rows.iter().map(|row| row.task).collect());
    let coded = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    batch(vec![
        ("tenant_id", text(rows.iter().map(|row| row.tenant).collect())),
        ("decision_id", text(rows.iter().map(|row| row.id.as_str()).collect())),
        ("event_time", instant(rows.iter().map(|row| row.event_us).collect())),
        ("ingested_at", instant(rows.iter().map(|row| row.ingested_us).collect())),
        ("task_class", cast(&task, &coded).unwrap()),
        ("user_token", text(rows.iter().map(|row| row.task).collect())),
    ])
}

pub(crate) fn decisions_schema() -> SchemaRef {
    decisions(&[]).schema()
}

pub(crate) fn known(rows: &[Decision]) -> Decisions {
    let mut known = Decisions::new(&decisions_schema(), None, None).unwrap();
    known.add(&decisions(rows)).unwrap();
    known
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields = columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    RecordBatch::try_new(schema, columns.into_iter().map(|(_, column)| column).collect()).unwrap()
}

pub(crate) fn resolver(rules: &str, quarantine: &str, as_of_us: Option<i64>) -> Resolver {
    let rules = Rules::parse("labels.toml", rules).unwrap();
    let quarantine = Quarantine::parse("label_quarantine.toml", quarantine).unwrap();
    Resolver::new(Arc::new(rules), Arc::new(quarantine), as_of_us)
}

/// Each row of `names` as text.
pub(crate) fn show(batch: &RecordBatch, names: &[&str]) -> Vec<String> {
    let options = FormatOptions::default().with_null("-");
    let columns = names.iter().map(|name| batch.column_by_name(name).unwrap());
    let columns = columns.map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect::<Vec<_>>();
    let row = |row| columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join(" ");
    (0..batch.num_rows()).map(row).collect()
}

/// Every column in another encoding of the same values.
pub(crate) fn recoded(batch: &RecordBatch) -> RecordBatch {
    let columns = batch.columns().iter().enumerate().map(|(i, column)| match column.data_type() {
        DataType::Utf8 if i % 2 == 0 => cast(column, &DataType::Utf8View).unwrap(),
        DataType::Utf8 => {
            cast(column, &DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))).unwrap()
        }
        _ => Arc::clone(column),
    });
    let columns = columns.collect::<Vec<_>>();
    let fields = batch
        .schema()
        .fields()
        .iter()
        .zip(&columns)
        .map(|(field, column)| Field::new(field.name(), column.data_type().clone(), true))
        .collect::<Vec<_>>();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}
