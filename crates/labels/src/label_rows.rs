//! What does one row of the stream `labels` say?

use arrow::array::{Array, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use tidegate_contract::{AnnotatorKind, Op, TargetScope};

use crate::columns::Columns;
use crate::error::Result;
use crate::quarantine::Suspect;

/// A batch of the stream `labels`, its columns in plain encodings.
#[derive(Debug)]
pub(crate) struct LabelRows {
    tenant: StringArray,
    decision: StringArray,
    scope: StringArray,
    target: StringArray,
    label: StringArray,
    value: StringArray,
    score: Float64Array,
    kind: StringArray,
    annotator: StringArray,
    identifier: StringArray,
    version: Int64Array,
    op: StringArray,
    label_id: StringArray,
    codes: [StringArray; 4],
    confidence: Float64Array,
    labeled: TimestampMicrosecondArray,
    ingested: TimestampMicrosecondArray,
    source_system: StringArray,
    schema_version: StringArray,
}

/// One row, in which nothing that must be there is missing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) decision: &'a str,
    pub(crate) scope: TargetScope,
    pub(crate) target_id: Option<&'a str>,
    pub(crate) label: &'a str,
    pub(crate) value: Option<&'a str>,
    pub(crate) score: Option<f64>,
    pub(crate) kind: AnnotatorKind,
    pub(crate) annotator: Option<&'a str>,
    pub(crate) identifier: &'a str,
    pub(crate) version: i64,
    pub(crate) is_retracted: bool,
    pub(crate) label_id: &'a str,
    pub(crate) codes: [Option<&'a str>; 4],
    pub(crate) confidence: Option<f64>,
    pub(crate) labeled_us: i64,
    pub(crate) ingested_us: i64,
    pub(crate) source_system: Option<&'a str>,
    pub(crate) schema_version: Option<&'a str>,
}

impl LabelRows {
    /// What a structured correction says: what was wrong, what should have happened, which policy failed, what was not known.
    pub(crate) const CODES: [&str; 4] = ["what_was_wrong", "expected_action", "failed_policy", "missing_context"];

    const REQUIRED: [&str; 11] = [
        "tenant_id",
        "decision_id",
        "target_scope",
        "label_name",
        "annotator_kind",
        "identifier",
        "version",
        "op",
        "label_id",
        "labeled_at",
        "ingested_at",
    ];

    pub(crate) const COLUMNS: &[&str] = &[
        "tenant_id",
        "decision_id",
        "target_scope",
        "label_name",
        "annotator_kind",
        "identifier",
        "version",
        "op",
        "label_id",
        "labeled_at",
        "ingested_at",
        "target_id",
        "label_value",
        "score",
        "annotator_token",
        "what_was_wrong",
        "expected_action",
        "failed_policy",
        "missing_context",
        "annotator_confidence",
        "source_system",
        "schema_version",
    ];

    pub(crate) fn of(columns: &Columns<'_>) -> Result<Self> {
        columns.require(&Self::REQUIRED)?;
        let [wrong, expected, policy, context] = Self::CODES;
        Ok(Self {
            tenant: columns.text("tenant_id")?,
            decision: columns.text("decision_id")?,
            scope: columns.text("target_scope")?,
            target: columns.text("target_id")?,
            label: columns.text("label_name")?,
            value: columns.text("label_value")?,
            score: columns.number("score")?,
            kind: columns.text("annotator_kind")?,
            annotator: columns.text("annotator_token")?,
            identifier: columns.text("identifier")?,
            version: columns.whole("version")?,
            op: columns.text("op")?,
            label_id: columns.text("label_id")?,
            codes: [columns.text(wrong)?, columns.text(expected)?, columns.text(policy)?, columns.text(context)?],
            confidence: columns.number("annotator_confidence")?,
            labeled: columns.instant("labeled_at")?,
            ingested: columns.instant("ingested_at")?,
            source_system: columns.text("source_system")?,
            schema_version: columns.text("schema_version")?,
        })
    }

    /// The row, if all is there that must be, in words that are known.
    pub(crate) fn row(&self, row: usize) -> Option<Row<'_>> {
        let kind = word(&self.kind, row, AnnotatorKind::ALL, AnnotatorKind::as_str)?;
        Some(Row {
            tenant: text(&self.tenant, row)?,
            decision: text(&self.decision, row)?,
            scope: word(&self.scope, row, TargetScope::ALL, TargetScope::as_str)?,
            target_id: text(&self.target, row),
            label: text(&self.label, row)?,
            value: text(&self.value, row),
            score: number(&self.score, row),
            kind,
            annotator: text(&self.annotator, row),
            identifier: text(&self.identifier, row)?,
            version: self.version.is_valid(row).then(|| self.version.value(row))?,
            is_retracted: word(&self.op, row, Op::ALL, Op::as_str)? == Op::Retract,
            label_id: text(&self.label_id, row)?,
            codes: self.codes.each_ref().map(|codes| text(codes, row)),
            confidence: number(&self.confidence, row),
            labeled_us: self.labeled.is_valid(row).then(|| self.labeled.value(row))?,
            ingested_us: self.ingested.is_valid(row).then(|| self.ingested.value(row))?,
            source_system: text(&self.source_system, row),
            schema_version: text(&self.schema_version, row),
        })
    }
}

impl<'a> Row<'a> {
    /// What the label is about, where that is not the decision itself.
    pub(crate) fn target(&self) -> Option<&'a str> {
        self.target_id.filter(|_| self.scope != TargetScope::Decision)
    }

    pub(crate) fn suspect(&self) -> Suspect<'a> {
        Suspect {
            annotator: self.annotator,
            tenant: self.tenant,
            source_system: self.source_system,
            schema_version: self.schema_version,
            labeled_us: self.labeled_us,
        }
    }
}

fn text(column: &StringArray, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.value(row))
}

/// A number that says something: no grade is infinite, or none at all.
fn number(column: &Float64Array, row: usize) -> Option<f64> {
    // Adding zero makes the two zeros one.
    column.is_valid(row).then(|| column.value(row) + 0.0).filter(|number| number.is_finite())
}

fn word<W: Copy>(column: &StringArray, row: usize, all: &[W], as_str: fn(W) -> &'static str) -> Option<W> {
    let text = text(column, row)?;
    all.iter().copied().find(|word| as_str(*word).eq_ignore_ascii_case(text))
}
