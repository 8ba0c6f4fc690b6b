//! Who said what about one decision, in which order did it become known, and what of it counts?

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, StringArray, UInt32Array};
use arrow::compute::{concat_batches, filter_record_batch, take};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::columns::{Columns, instant};
use crate::error::Result;
use crate::label_rows::LabelRows;
use crate::resolver::Resolver;

const STREAM: &str = "labels";
/// What is told of each row, besides its two instants, score, version and confidence.
const TEXTS: [&str; 17] = [
    "tenant_id",
    "label_name",
    "op",
    "label_value",
    "annotator_kind",
    "annotator_token",
    "source_system",
    "what_was_wrong",
    "expected_action",
    "failed_policy",
    "missing_context",
    "justification_code",
    "evidence_ref",
    "target_scope",
    "target_id",
    "identifier",
    "label_id",
];

/// All rows about one decision.
#[derive(Debug, Clone)]
pub struct History {
    decision: String,
    batches: Vec<RecordBatch>,
}

impl History {
    /// Nothing is known of the decision yet.
    pub fn of(decision: impl Into<String>) -> Self {
        Self { decision: decision.into(), batches: Vec::new() }
    }

    /// The columns that are told and that [`Resolver::columns`] does not name.
    pub const COLUMNS: [&str; 2] = ["justification_code", "evidence_ref"];

    /// Keeps the rows of a batch of `labels` that are about the decision.
    ///
    /// # Errors
    /// [`Error::MissingColumns`](crate::Error::MissingColumns) or [`Error::WrongType`](crate::Error::WrongType).
    pub fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let columns = Columns { stream: STREAM, batch };
        columns.require(&["decision_id"])?;
        let decisions = columns.text("decision_id")?;
        let is_it = decisions.iter().map(|decision| Some(decision == Some(self.decision.as_str())));
        let rows = filter_record_batch(batch, &is_it.collect::<BooleanArray>())?;
        if rows.num_rows() > 0 {
            self.batches.push(rows);
        }
        Ok(())
    }

    /// The rows in the order in which they became known, the same label's versions in theirs. `standing` says what became of
    /// each: `counts`, `superseded`, `retracts`, `retracted`, `delivered again`, `beyond the annotator's bound`,
    /// `quarantined: <reason>`, `other scope`, `not yet known`, `unreadable`; `is_effective` marks those that carry a value.
    /// `resolver` must have read all labels.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn finish(self, resolver: &Resolver) -> Result<RecordBatch> {
        let Some(first) = self.batches.first() else { return Ok(RecordBatch::new_empty(history_schema())) };
        let rows = concat_batches(&first.schema(), &self.batches)?;
        let columns = Columns { stream: STREAM, batch: &rows };
        let read = LabelRows::of(&columns)?;
        let carriers = carriers(resolver, &self.decision);
        let standings = resolver.standings();
        let told = (0..rows.num_rows()).map(|row| match read.row(row) {
            None => ("unreadable".to_owned(), false),
            Some(row) => {
                let standing = standings.of(&row);
                let key = (row.tenant.to_owned(), row.label.to_owned());
                let is_effective = standing == "counts" && carriers.get(&key).is_some_and(|id| id == row.label_id);
                (standing, is_effective)
            }
        });
        let (standing, is_effective): (Vec<_>, Vec<_>) = told.unzip();
        let (labeled, ingested) = (columns.instant("labeled_at")?, columns.instant("ingested_at")?);
        let (versions, ids) = (columns.whole("version")?, columns.text("label_id")?);
        let mut order = (0..rows.num_rows()).collect::<Vec<_>>();
        let text = |row: usize| ids.is_valid(row).then(|| ids.value(row));
        order.sort_by_key(|row| (ingested.value(*row), labeled.value(*row), versions.value(*row), text(*row)));
        let order = order.into_iter().map(|row| u32::try_from(row).ok()).collect::<UInt32Array>();
        let mut told: Vec<ArrayRef> = vec![Arc::new(ingested), Arc::new(labeled)];
        for name in TEXTS {
            told.push(Arc::new(columns.text(name)?));
        }
        told.push(Arc::new(columns.number("score")?));
        told.push(Arc::new(columns.number("annotator_confidence")?));
        told.push(Arc::new(versions));
        told.push(Arc::new(StringArray::from(standing)));
        told.push(Arc::new(BooleanArray::from(is_effective)));
        let told = told.iter().map(|column| take(column, &order, None)).collect::<Result<_, _>>()?;
        Ok(RecordBatch::try_new(history_schema(), told)?)
    }
}

/// Which label carries the value of each tenant and label of a decision.
fn carriers(resolver: &Resolver, decision: &str) -> HashMap<(String, String), String> {
    let mut carriers = HashMap::new();
    resolver.each(None, |of, effective| {
        if let Some(carrier) = effective.carrier.filter(|_| of.decision == decision) {
            carriers.insert((of.tenant.to_owned(), of.label.to_owned()), carrier.label_id.to_owned());
        }
    });
    carriers
}

fn history_schema() -> SchemaRef {
    let mut fields = vec![Field::new("ingested_at", instant(), true), Field::new("labeled_at", instant(), true)];
    fields.extend(TEXTS.map(|name| Field::new(name, DataType::Utf8, true)));
    fields.extend(["score", "annotator_confidence"].map(|name| Field::new(name, DataType::Float64, true)));
    fields.push(Field::new("version", DataType::Int64, true));
    fields.push(Field::new("standing", DataType::Utf8, false));
    fields.push(Field::new("is_effective", DataType::Boolean, false));
    Arc::new(Schema::new(fields))
}
