//! What does one label say, and how do labels become one batch of the `labels` schema?

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Builder, Int64Array, RecordBatch};
use tidegate_contract::{AnnotatorKind, Classification, LabelKind, Op, Outcome, SCHEMA_VERSION, TargetScope};

use super::catalog::{
    EXPECTED_ACTIONS, FAILED_POLICIES, JUSTIFICATIONS, LABEL_NAMES, MISSING_CONTEXTS, OVERRIDE_REASONS, SOURCE_SYSTEMS,
};
use super::columns::{Coded, Text, constant, instants, numbers};
use super::error::Result;
use super::trace::Trace;
use super::verdict::clamped;
use crate::random::{Random, mix};

/// How many people annotate.
const ANNOTATORS: u64 = 48;

/// That something is said about a decision, and when. The order is that of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Saying {
    pub(super) ingested_us: i64,
    pub(super) label: u64,
    /// 1, or 2 when it is said anew or taken back.
    pub(super) version: i64,
    pub(super) labeled_us: i64,
}

/// Grows the columns of `labels`, row by row.
pub(super) struct Annotations {
    rows: usize,
    label_id: Text,
    tenant_id: Text,
    decision_id: Text,
    target_scope: Text,
    target_id: Text,
    kind: Coded,
    label_value: Text,
    score: Float64Builder,
    label_kind: Text,
    annotator_kind: Text,
    annotator_token: Text,
    identifier: Text,
    version: Vec<i64>,
    op: Text,
    what_was_wrong: Coded,
    expected_action: Coded,
    failed_policy: Coded,
    missing_context: Coded,
    justification: Coded,
    annotator_confidence: Float64Builder,
    evidence_ref: Text,
    labeled_at: Vec<i64>,
    ingested_at: Vec<i64>,
    source_system: Coded,
    privacy_class: Coded,
}

impl Annotations {
    /// Room for `rows` labels.
    pub(super) fn new(rows: usize) -> Self {
        Self {
            rows,
            label_id: Text::new(rows, 32),
            tenant_id: Text::new(rows, 10),
            decision_id: Text::new(rows, 32),
            target_scope: Text::new(rows, 8),
            target_id: Text::new(rows, 3),
            kind: Coded::new(rows),
            label_value: Text::new(rows, 8),
            score: numbers(rows),
            label_kind: Text::new(rows, 10),
            annotator_kind: Text::new(rows, 5),
            annotator_token: Text::new(rows, 32),
            identifier: Text::new(rows, 2),
            version: Vec::with_capacity(rows),
            op: Text::new(rows, 6),
            what_was_wrong: Coded::new(rows),
            expected_action: Coded::new(rows),
            failed_policy: Coded::new(rows),
            missing_context: Coded::new(rows),
            justification: Coded::new(rows),
            annotator_confidence: numbers(rows),
            evidence_ref: Text::new(rows, 2),
            labeled_at: Vec::with_capacity(rows),
            ingested_at: Vec::with_capacity(rows),
            source_system: Coded::new(rows),
            privacy_class: Coded::new(rows),
        }
    }

    /// Adds what is said about `trace` of `tenant`. Both versions of a label are drawn from the same
    /// numbers, so they share their key.
    pub(super) fn push(&mut self, saying: &Saying, trace: &Trace<'_>, tenant: &str, mut random: Random) {
        let kind = draw_kind(&mut random, trace.verdict.outcome);
        let annotator = annotator(kind);
        let [high, low] = random.id();
        self.label_id.push_hex([mix(high ^ saying.version as u64), low]);
        self.tenant_id.push(tenant);
        self.decision_id.push_hex(trace.decision_id);
        self.push_target(&mut random, trace);
        self.kind.push(kind as u8);
        self.label_kind.push(kind.as_str());
        self.annotator_kind.push(annotator.as_str());
        let person = random.below(ANNOTATORS);
        let token = [mix(person + 1), mix(!person)];
        let human = annotator == AnnotatorKind::Human;
        self.annotator_token.push_hex_option(human.then_some(token));
        self.identifier.push(if annotator == AnnotatorKind::Llm { "judge-2" } else { "" });
        self.source_system.push(source_system(kind, &mut random));
        self.version.push(saying.version);
        self.labeled_at.push(saying.labeled_us);
        self.ingested_at.push(saying.ingested_us);

        let takes_back = random.chance(0.5) && saying.version > 1;
        self.op.push(if takes_back { Op::Retract } else { Op::Assert }.as_str());
        let bad = random.chance(if trace.verdict.is_contested() { 0.8 } else { 0.08 });
        // Said anew, it says the opposite.
        let bad = bad != (saying.version > 1);
        let said = (!takes_back).then(|| value(kind, trace.verdict.outcome, bad));
        self.label_value.push_option(said.map(|(value, _)| value));
        self.score.append_option(said.and_then(|(_, score)| score));
        self.push_form(&mut random, kind, bad && !takes_back);
        self.push_grounds(&mut random, human);
    }

    fn push_target(&mut self, random: &mut Random, trace: &Trace<'_>) {
        match (random.below(20), trace.session_id) {
            (0, Some(session_id)) => {
                self.target_scope.push(TargetScope::Session.as_str());
                self.target_id.push_hex(session_id);
            }
            (1..=2, _) => {
                self.target_scope.push(TargetScope::Step.as_str());
                self.target_id.push_hex([trace.span_id]);
            }
            _ => {
                self.target_scope.push(TargetScope::Decision.as_str());
                self.target_id.push_option(None);
            }
        }
    }

    /// The form a human fills in when something was wrong.
    fn push_form(&mut self, random: &mut Random, kind: LabelKind, bad: bool) {
        let corrected = bad && kind == LabelKind::Correction;
        let broken = bad && kind == LabelKind::Policy;
        self.what_was_wrong.push_option(code(random, corrected, 0.95, OVERRIDE_REASONS.len()));
        self.expected_action.push_option(code(random, corrected, 0.8, EXPECTED_ACTIONS.len()));
        self.failed_policy.push_option(code(random, broken, 1.0, FAILED_POLICIES.len()));
        self.missing_context.push_option(code(random, corrected, 0.3, MISSING_CONTEXTS.len()));
    }

    fn push_grounds(&mut self, random: &mut Random, human: bool) {
        self.justification.push_option(code(random, human, 0.5, JUSTIFICATIONS.len()));
        let confidence = clamped(0.85 + 0.1 * random.normal());
        self.annotator_confidence.append_option(random.chance(0.8).then_some(confidence));
        let evidence = random.chance(0.1).then(|| random.bits());
        self.evidence_ref.push_reference("evidence/", evidence);
        let class = match evidence {
            Some(_) => Classification::Confidential,
            None => Classification::Internal,
        };
        self.privacy_class.push(class as u8);
    }

    /// The batch, in the order of the contract.
    pub(super) fn finish(mut self) -> Result<RecordBatch> {
        let columns: Vec<ArrayRef> = vec![
            constant(SCHEMA_VERSION, self.rows)?,
            self.label_id.finish()?,
            self.tenant_id.finish()?,
            self.decision_id.finish()?,
            self.target_scope.finish()?,
            self.target_id.finish()?,
            self.kind.codes().over(LABEL_NAMES)?,
            self.label_value.finish()?,
            Arc::new(self.score.finish()),
            self.label_kind.finish()?,
            self.annotator_kind.finish()?,
            self.annotator_token.finish()?,
            self.identifier.finish()?,
            Arc::new(Int64Array::from(self.version)),
            self.op.finish()?,
            self.what_was_wrong.codes().over(OVERRIDE_REASONS.map(|(word, _)| word))?,
            self.expected_action.codes().over(EXPECTED_ACTIONS)?,
            self.failed_policy.codes().over(FAILED_POLICIES)?,
            self.missing_context.codes().over(MISSING_CONTEXTS)?,
            self.justification.codes().over(JUSTIFICATIONS)?,
            Arc::new(self.annotator_confidence.finish()),
            self.evidence_ref.finish()?,
            instants(self.labeled_at),
            instants(self.ingested_at),
            self.source_system.codes().over(SOURCE_SYSTEMS)?,
            self.privacy_class.codes().over(Classification::ALL.iter().map(|class| class.as_str()))?,
        ];
        Ok(RecordBatch::try_new(tidegate_contract::labels(), columns)?)
    }
}

/// A code of a list in a `share` of the cases it applies to.
fn code(random: &mut Random, applies: bool, share: f64, codes: usize) -> Option<u8> {
    (applies && random.chance(share)).then(|| random.below(codes as u64) as u8)
}

fn draw_kind(random: &mut Random, outcome: Outcome) -> LabelKind {
    let draw = random.below(100);
    match outcome {
        Outcome::Edited | Outcome::Rejected | Outcome::RolledBack if draw < 70 => LabelKind::Correction,
        Outcome::Escalated if draw < 40 => LabelKind::Policy,
        _ => match draw {
            0..35 => LabelKind::Rating,
            35..60 => LabelKind::TaskCompleted,
            60..75 => LabelKind::Hallucination,
            75..85 => LabelKind::Outcome,
            _ => LabelKind::Review,
        },
    }
}

fn annotator(kind: LabelKind) -> AnnotatorKind {
    match kind {
        LabelKind::Hallucination => AnnotatorKind::Llm,
        LabelKind::Policy | LabelKind::TaskCompleted => AnnotatorKind::Code,
        LabelKind::Outcome => AnnotatorKind::System,
        _ => AnnotatorKind::Human,
    }
}

/// The index of the system a label of `kind` comes from.
fn source_system(kind: LabelKind, random: &mut Random) -> u8 {
    match kind {
        LabelKind::Correction | LabelKind::Review => random.below(2) as u8,
        LabelKind::Rating | LabelKind::Hallucination => 2 + random.below(2) as u8,
        _ => 4,
    }
}

/// The value of a label and its score, if it has one.
fn value(kind: LabelKind, outcome: Outcome, bad: bool) -> (&'static str, Option<f64>) {
    match (kind, bad) {
        (LabelKind::Outcome, _) => (outcome.as_str(), None),
        (LabelKind::Rating, true) => ("2", Some(0.25)),
        (LabelKind::Rating, false) => ("5", Some(1.0)),
        (LabelKind::TaskCompleted, true) => ("no", Some(0.0)),
        (LabelKind::TaskCompleted, false) => ("yes", Some(1.0)),
        (LabelKind::Hallucination, true) => ("present", Some(1.0)),
        (LabelKind::Hallucination, false) => ("none", Some(0.0)),
        (LabelKind::Policy, true) => ("fail", None),
        (LabelKind::Policy, false) => ("pass", None),
        (_, true) => ("wrong", None),
        (_, false) => ("right", None),
    }
}
