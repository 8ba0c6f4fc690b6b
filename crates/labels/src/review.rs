//! Which decisions wait for a person's judgement, and how does a judgement become a label?
//!
//! A [`Queue`] says of which decisions a label is wanted. What reviewers fill in comes back as [`Judgement`]s, one for each
//! decision, and [`to_labels`] makes rows of the stream `labels` of them. The same judgement makes the same row whenever it
//! comes, so that a file may be taken in twice.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use chrono::DateTime;
use serde::{Deserialize, Deserializer};
use tidegate_contract::{AnnotatorKind, LabelKind, Op, SCHEMA_VERSION, TargetScope, label_id, review_id};

use crate::error::Result;

/// What the column `source_system` says of such labels.
const SOURCE: &str = "tidegate_review";

/// Which decisions wait for a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// SQL over the columns of a decision and of its effective label, true of those that wait.
    pub when: String,
    /// Columns of the decision that reviewers see.
    pub columns: Vec<String>,
    /// The kind of the labels that they give.
    pub kind: LabelKind,
}

/// What a reviewer filled in of one decision. A column that is not there is empty; others are not read.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Judgement {
    /// The id that the queue gave to tenant, decision and label.
    pub review_id: String,
    /// Whose decision it is.
    pub tenant_id: String,
    /// The decision.
    pub decision_id: String,
    /// The label that is wanted.
    pub label_name: String,
    /// What it is.
    #[serde(deserialize_with = "filled")]
    pub label_value: Option<String>,
    /// A grade.
    pub score: Option<f64>,
    /// Who judged. It becomes a token when it is landed.
    #[serde(deserialize_with = "filled")]
    pub annotator: Option<String>,
    /// How sure they are, from 0 to 1.
    pub annotator_confidence: Option<f64>,
    /// What was wrong, as a code.
    #[serde(deserialize_with = "filled")]
    pub what_was_wrong: Option<String>,
    /// What should have happened, as a code.
    #[serde(deserialize_with = "filled")]
    pub expected_action: Option<String>,
    /// Which policy failed.
    #[serde(deserialize_with = "filled")]
    pub failed_policy: Option<String>,
    /// What was not known.
    #[serde(deserialize_with = "filled")]
    pub missing_context: Option<String>,
    /// Why they judge so, as a code.
    #[serde(deserialize_with = "filled")]
    pub justification_code: Option<String>,
    /// Free text, which goes to the evidence store where that is kept, and nowhere else.
    #[serde(deserialize_with = "filled")]
    pub comment: Option<String>,
    /// When they judged (RFC 3339).
    #[serde(deserialize_with = "filled")]
    pub labeled_at: Option<String>,
}

/// A text; one of spaces alone was left empty.
fn filled<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.trim().is_empty()))
}

/// What holds for judgements that do not say it themselves.
#[derive(Debug, Clone, Copy)]
pub struct Unsaid<'a> {
    /// Who judged.
    pub annotator: Option<&'a str>,
    /// When, in microseconds since 1970.
    pub labeled_us: i64,
}

/// Why a judgement is no label. Says nothing of what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoLabel {
    /// Its id is not the one of its tenant, decision and label.
    #[error("review_id is not that of its tenant_id, decision_id and label_name")]
    Mixed,
    /// No section of the rules asks for such a label.
    #[error("label_name is none of the queues of labels.toml")]
    UnknownQueue,
    /// Nobody said who judged.
    #[error("nobody is named in annotator")]
    Nobody,
    /// The time is none.
    #[error("labeled_at is no time with its zone, as in 2026-01-05T10:00:00Z")]
    NoTime,
    /// A number is out of its range.
    #[error("score or annotator_confidence is no number that may stand there")]
    NoNumber,
}

/// A judgement that says something, with what was left out filled in.
struct Filled<'a> {
    judgement: &'a Judgement,
    annotator: &'a str,
    kind: LabelKind,
    labeled_us: i64,
}

/// Rows of the stream `labels` for all judgements that say something, in their order. `queue` knows the queue of a label.
///
/// # Errors
/// The places of judgements that cannot become labels, and why. Then none may be taken.
pub fn to_labels<'q>(
    judgements: &[Judgement],
    queue: impl Fn(&str) -> Option<&'q Queue>,
    unsaid: Unsaid<'_>,
) -> Result<RecordBatch, Vec<(usize, NoLabel)>> {
    let said = |judgement: &&Judgement| judgement.label_value.is_some() || judgement.score.is_some();
    let (mut filled, mut refused) = (Vec::new(), Vec::new());
    for (place, judgement) in judgements.iter().enumerate().filter(|(_, judgement)| said(judgement)) {
        match Filled::of(judgement, queue(&judgement.label_name), unsaid) {
            Ok(judgement) => filled.push(judgement),
            Err(reason) => refused.push((place, reason)),
        }
    }
    if refused.is_empty() { Ok(rows(&filled)) } else { Err(refused) }
}

impl<'a> Filled<'a> {
    fn of(judgement: &'a Judgement, queue: Option<&Queue>, unsaid: Unsaid<'a>) -> Result<Self, NoLabel> {
        let Judgement { tenant_id, decision_id, label_name, .. } = judgement;
        if judgement.review_id != review_id(tenant_id, decision_id, label_name) {
            return Err(NoLabel::Mixed);
        }
        let kind = queue.ok_or(NoLabel::UnknownQueue)?.kind;
        let annotator = judgement.annotator.as_deref().or(unsaid.annotator).ok_or(NoLabel::Nobody)?;
        let labeled_us = match &judgement.labeled_at {
            None => unsaid.labeled_us,
            Some(text) => DateTime::parse_from_rfc3339(text.trim()).map_err(|_| NoLabel::NoTime)?.timestamp_micros(),
        };
        let is_share = |share: f64| (0.0..=1.0).contains(&share);
        if !judgement.score.is_none_or(f64::is_finite) || !judgement.annotator_confidence.is_none_or(is_share) {
            return Err(NoLabel::NoNumber);
        }
        Ok(Self { judgement, annotator: annotator.trim(), kind, labeled_us })
    }

    fn label_id(&self) -> String {
        let Judgement { tenant_id, decision_id, label_name, .. } = self.judgement;
        let scope = TargetScope::Decision.as_str();
        label_id(tenant_id, scope, decision_id, label_name, self.annotator, self.labeled_us)
    }
}

fn rows(filled: &[Filled<'_>]) -> RecordBatch {
    let text = |of: &dyn for<'f> Fn(&'f Filled<'_>) -> Option<&'f str>| -> ArrayRef {
        Arc::new(filled.iter().map(of).collect::<StringArray>())
    };
    let same = |word: &'static str| -> ArrayRef { Arc::new(StringArray::from(vec![word; filled.len()])) };
    let number = |of: fn(&Judgement) -> Option<f64>| -> ArrayRef {
        Arc::new(filled.iter().map(|row| of(row.judgement)).collect::<Float64Array>())
    };
    let times = || filled.iter().map(|row| row.labeled_us);
    let instants: ArrayRef = Arc::new(TimestampMicrosecondArray::from_iter_values(times()).with_timezone("UTC"));
    let ids: ArrayRef = Arc::new(StringArray::from_iter_values(filled.iter().map(Filled::label_id)));
    // Who judges again says so later, and what is said later counts.
    let versions: ArrayRef = Arc::new(Int64Array::from_iter_values(times()));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("schema_version", same(SCHEMA_VERSION)),
        ("label_id", ids),
        ("tenant_id", text(&|row| Some(&row.judgement.tenant_id))),
        ("decision_id", text(&|row| Some(&row.judgement.decision_id))),
        ("target_scope", same(TargetScope::Decision.as_str())),
        ("label_name", text(&|row| Some(&row.judgement.label_name))),
        ("label_value", text(&|row| row.judgement.label_value.as_deref())),
        ("score", number(|judgement| judgement.score)),
        ("label_kind", text(&|row| Some(row.kind.as_str()))),
        ("annotator_kind", same(AnnotatorKind::Human.as_str())),
        ("annotator_token", text(&|row| Some(row.annotator))),
        ("identifier", text(&|row| Some(row.annotator))),
        ("version", versions),
        ("op", same(Op::Assert.as_str())),
        ("what_was_wrong", text(&|row| row.judgement.what_was_wrong.as_deref())),
        ("expected_action", text(&|row| row.judgement.expected_action.as_deref())),
        ("failed_policy", text(&|row| row.judgement.failed_policy.as_deref())),
        ("missing_context", text(&|row| row.judgement.missing_context.as_deref())),
        ("justification_code", text(&|row| row.judgement.justification_code.as_deref())),
        ("annotator_confidence", number(|judgement| judgement.annotator_confidence)),
        ("evidence_ref", text(&|row| row.judgement.comment.as_deref())),
        ("labeled_at", instants),
        ("source_system", same(SOURCE)),
        ("privacy_class", same("restricted")),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
        .expect("columns of equal length")
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::Int64Type;

    use super::*;

    const UNSAID: Unsaid<'_> = Unsaid { annotator: Some("ann"), labeled_us: 5_000_000 };

    fn queue(label: &str) -> Option<&'static Queue> {
        static QUEUE: Queue = Queue { when: String::new(), columns: Vec::new(), kind: LabelKind::Rating };
        (label == "quality").then_some(&QUEUE)
    }

    fn judgement(change: impl FnOnce(&mut Judgement)) -> Judgement {
        let mut judgement = Judgement {
            review_id: review_id("acme", "d1", "quality"),
            tenant_id: "acme".into(),
            decision_id: "d1".into(),
            label_name: "quality".into(),
            label_value: Some("good".into()),
            ..Judgement::default()
        };
        change(&mut judgement);
        judgement
    }

    fn refused(change: impl FnOnce(&mut Judgement)) -> NoLabel {
        to_labels(&[judgement(|_| {}), judgement(change)], queue, UNSAID).unwrap_err()[0].1
    }

    #[test]
    fn a_judgement_is_the_same_row_whenever_it_comes() {
        let judgements = [judgement(|_| {}), judgement(|row| row.label_value = None)];
        let rows = to_labels(&judgements, queue, UNSAID).unwrap();
        assert_eq!(rows.num_rows(), 1);
        assert_eq!(rows, to_labels(&judgements, queue, UNSAID).unwrap());
        let text = |name: &str| rows.column_by_name(name).unwrap().as_string::<i32>().value(0).to_owned();
        assert_eq!(
            (text("label_kind"), text("annotator_kind"), text("identifier")),
            ("rating".into(), "HUMAN".into(), "ann".into())
        );
        let version = rows.column_by_name("version").unwrap().as_primitive::<Int64Type>().value(0);
        assert_eq!(version, UNSAID.labeled_us);
    }

    #[test]
    fn who_judges_again_is_another_version_of_one_label() {
        let said = |at: &str| judgement(|row| row.labeled_at = Some(at.into()));
        let rows =
            to_labels(&[said("2026-01-05T10:00:00Z"), said("2026-01-05T12:00:00+01:00")], queue, UNSAID).unwrap();
        let versions = rows.column_by_name("version").unwrap().as_primitive::<Int64Type>();
        assert_eq!(versions.value(1) - versions.value(0), 3_600_000_000);
        let ids = rows.column_by_name("label_id").unwrap().as_string::<i32>();
        assert_ne!(ids.value(0), ids.value(1));
    }

    #[test]
    fn what_is_no_label_is_told_with_its_place() {
        assert_eq!(refused(|row| row.decision_id = "d2".into()), NoLabel::Mixed);
        assert_eq!(refused(|row| row.tenant_id = "globex".into()), NoLabel::Mixed);
        assert_eq!(refused(|row| row.labeled_at = Some("soon".into())), NoLabel::NoTime);
        assert_eq!(refused(|row| row.score = Some(f64::NAN)), NoLabel::NoNumber);
        assert_eq!(refused(|row| row.annotator_confidence = Some(2.0)), NoLabel::NoNumber);
        let other = |row: &mut Judgement| {
            row.label_name = "other".into();
            row.review_id = review_id("acme", "d1", "other");
        };
        assert_eq!(refused(other), NoLabel::UnknownQueue);
        let nobody = to_labels(&[judgement(|_| {})], queue, Unsaid { annotator: None, ..UNSAID });
        assert_eq!(nobody.unwrap_err(), [(0, NoLabel::Nobody)]);
    }
}
