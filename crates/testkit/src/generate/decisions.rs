//! How does a run of decisions become one batch of the `decisions` schema?

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Array, Float64Builder, Int32Array, Int64Array, Int64Builder, RecordBatch,
};
use tidegate_contract::{Arm, LearningScope, Outcome, PolicyResult, RiskClass, SCHEMA_VERSION};

use super::catalog::{
    ASSIGNMENT_UNITS, BUNDLES, Bundle, ENVIRONMENTS, ERROR_TYPES, EXPERIMENT_ID, FINISH_REASONS, INPUT_CLASSES, MODELS,
    OVERRIDE_REASONS, REGIONS, SOURCES, TASKS, USER_ROLES,
};
use super::columns::{Coded, Text, constant, instants, numbers};
use super::error::Result;
use super::flags::Flags;
use super::population::Tenant;
use super::trace::Trace;

/// Grows the columns of `decisions`, row by row.
pub(super) struct Decisions<'a> {
    tenants: &'a [Tenant],
    rows: usize,
    decision_id: Text,
    trace_id: Text,
    span_id: Text,
    parent_decision_id: Text,
    session_id: Text,
    event_time: Vec<i64>,
    ingested_at: Vec<i64>,
    tenant_id: Text,
    user_token: Text,
    user_role: Coded,
    region: Coded,
    environment: Coded,
    task: Coded,
    input_class: Coded,
    model: Coded,
    bundle: Coded,
    named_task: Coded,
    named_model: Coded,
    named_bundle: Coded,
    tool_bundle: Coded,
    retrieval_bundle: Coded,
    feature_flags: Flags,
    experiment: Coded,
    arm: Coded,
    outcome: Coded,
    override_reason: Coded,
    confidence: Float64Builder,
    retrieval_confidence: Float64Builder,
    policy_result: Coded,
    fallback_used: BooleanBuilder,
    error_type: Coded,
    finish_reason: Coded,
    latency_us: Vec<i64>,
    time_to_first_token_us: Int64Builder,
    input_tokens: Int64Builder,
    output_tokens: Int64Builder,
    cache_read_tokens: Int64Builder,
    cache_write_tokens: Int64Builder,
    reasoning_tokens: Int64Builder,
    cost_nanousd: Int64Builder,
    tool_calls: Vec<i32>,
    tool_failures: Vec<i32>,
    retrievals: Vec<i32>,
    guardrail_hits: Vec<i32>,
    risk_score: Float64Builder,
    risk_class: Coded,
    learning_scope: Coded,
    evidence_ref: Text,
    envelope_hash: Text,
    source: Coded,
}

impl<'a> Decisions<'a> {
    /// Room for `rows` decisions of `tenants`.
    pub(super) fn new(tenants: &'a [Tenant], rows: usize) -> Self {
        Self {
            tenants,
            rows,
            decision_id: Text::new(rows, 32),
            trace_id: Text::new(rows, 32),
            span_id: Text::new(rows, 16),
            parent_decision_id: Text::new(rows, 3),
            session_id: Text::new(rows, 32),
            event_time: Vec::with_capacity(rows),
            ingested_at: Vec::with_capacity(rows),
            tenant_id: Text::new(rows, 10),
            user_token: Text::new(rows, 32),
            user_role: Coded::new(rows),
            region: Coded::new(rows),
            environment: Coded::new(rows),
            task: Coded::new(rows),
            input_class: Coded::new(rows),
            model: Coded::new(rows),
            bundle: Coded::new(rows),
            named_task: Coded::new(rows),
            named_model: Coded::new(rows),
            named_bundle: Coded::new(rows),
            tool_bundle: Coded::new(rows),
            retrieval_bundle: Coded::new(rows),
            feature_flags: Flags::new(rows),
            experiment: Coded::new(rows),
            arm: Coded::new(rows),
            outcome: Coded::new(rows),
            override_reason: Coded::new(rows),
            confidence: numbers(rows),
            retrieval_confidence: numbers(rows),
            policy_result: Coded::new(rows),
            fallback_used: BooleanBuilder::with_capacity(rows),
            error_type: Coded::new(rows),
            finish_reason: Coded::new(rows),
            latency_us: Vec::with_capacity(rows),
            time_to_first_token_us: numbers(rows),
            input_tokens: numbers(rows),
            output_tokens: numbers(rows),
            cache_read_tokens: numbers(rows),
            cache_write_tokens: numbers(rows),
            reasoning_tokens: numbers(rows),
            cost_nanousd: numbers(rows),
            tool_calls: Vec::with_capacity(rows),
            tool_failures: Vec::with_capacity(rows),
            retrievals: Vec::with_capacity(rows),
            guardrail_hits: Vec::with_capacity(rows),
            risk_score: numbers(rows),
            risk_class: Coded::new(rows),
            learning_scope: Coded::new(rows),
            evidence_ref: Text::new(rows, 4),
            envelope_hash: Text::new(rows, 64),
            source: Coded::new(rows),
        }
    }

    /// Adds `trace`, which arrived at `ingested_us`.
    pub(super) fn push(&mut self, trace: &Trace<'_>, ingested_us: i64) {
        self.push_identity(trace, ingested_us);
        self.push_versions(trace);
        self.push_verdict(trace);
        self.push_work(trace);
    }

    fn push_identity(&mut self, trace: &Trace<'_>, ingested_us: i64) {
        self.decision_id.push_hex(trace.decision_id);
        self.trace_id.push_hex(trace.trace_id);
        self.span_id.push_hex([trace.span_id]);
        self.parent_decision_id.push_hex_option(trace.parent_decision_id);
        self.session_id.push_hex_option(trace.session_id);
        self.event_time.push(trace.event_us);
        self.ingested_at.push(ingested_us);
        self.tenant_id.push(&self.tenants[trace.tenant].token);
        self.user_token.push_hex_option(trace.user.map(|user| user.token));
        self.user_role.push_option(trace.user.map(|user| user.role));
        self.region.push(trace.region);
        self.environment.push(trace.environment);
        self.task.push(trace.task);
        self.input_class.push_option(trace.input_class);
        self.source.push(trace.source);
        self.envelope_hash.push_hex(trace.envelope_hash);
        self.evidence_ref.push_reference("evidence/", trace.evidence);
    }

    fn push_versions(&mut self, trace: &Trace<'_>) {
        self.model.push(trace.model);
        self.bundle.push(trace.bundle);
        self.named_task.push_option(trace.is_named.then_some(trace.task));
        self.named_model.push_option(trace.is_named.then_some(trace.model));
        self.named_bundle.push_option(trace.is_named.then_some(trace.bundle));
        self.tool_bundle.push_option((trace.work.tool_calls > 0).then_some(trace.bundle));
        self.retrieval_bundle.push_option((trace.work.retrievals > 0).then_some(trace.bundle));
        self.feature_flags.push_option(trace.user.map(|user| user.flags));
        self.experiment.push_option(trace.user.map(|_| 0));
        self.arm.push_option(trace.user.map(|user| user.arm as u8));
    }

    fn push_verdict(&mut self, trace: &Trace<'_>) {
        let verdict = &trace.verdict;
        self.outcome.push(verdict.outcome as u8);
        self.override_reason.push_option(verdict.override_reason);
        self.confidence.append_option(verdict.confidence);
        self.policy_result.push_option(verdict.policy_result.map(|result| result as u8));
        self.fallback_used.append_option(verdict.fallback_used);
        self.error_type.push_option(verdict.error_type);
        self.finish_reason.push_option(verdict.finish_reason);
        self.guardrail_hits.push(verdict.guardrail_hits);
        self.risk_score.append_option(verdict.risk_score);
        self.risk_class.push(verdict.risk_class as u8);
        self.learning_scope.push(verdict.learning_scope() as u8);
    }

    fn push_work(&mut self, trace: &Trace<'_>) {
        let work = &trace.work;
        let usage = work.usage.as_ref();
        self.latency_us.push(work.latency_us);
        self.time_to_first_token_us.append_option(work.time_to_first_token_us);
        self.input_tokens.append_option(usage.map(|usage| usage.input_tokens));
        self.output_tokens.append_option(usage.map(|usage| usage.output_tokens));
        self.cache_read_tokens.append_option(usage.and_then(|usage| usage.cache_read_tokens));
        self.cache_write_tokens.append_option(usage.and_then(|usage| usage.cache_write_tokens));
        self.reasoning_tokens.append_option(usage.and_then(|usage| usage.reasoning_tokens));
        self.cost_nanousd.append_option(usage.map(|usage| usage.cost_nanousd));
        self.tool_calls.push(work.tool_calls);
        self.tool_failures.push(work.tool_failures);
        self.retrievals.push(work.retrievals);
        self.retrieval_confidence.append_option(work.retrieval_confidence);
    }

    /// The batch, in the order of the contract.
    pub(super) fn finish(mut self) -> Result<RecordBatch> {
        let named_task = self.named_task.codes();
        let named_bundle = self.named_bundle.codes();
        let model = self.model.codes();
        let bundle = self.bundle.codes();
        let experiment = self.experiment.codes();
        let of_bundle = |word: fn(&Bundle) -> &'static str| bundle.over(BUNDLES.iter().map(word));
        let columns: Vec<ArrayRef> = vec![
            constant(SCHEMA_VERSION, self.rows)?,
            self.decision_id.finish()?,
            self.trace_id.finish()?,
            self.span_id.finish()?,
            self.parent_decision_id.finish()?,
            self.session_id.finish()?,
            instants(self.event_time),
            instants(self.ingested_at),
            self.tenant_id.finish()?,
            self.user_token.finish()?,
            self.user_role.codes().over(USER_ROLES.map(|(word, _)| word))?,
            self.region.codes().over(REGIONS)?,
            self.environment.codes().over(ENVIRONMENTS)?,
            self.task.codes().over(TASKS.iter().map(|task| task.name))?,
            self.input_class.codes().over(INPUT_CLASSES)?,
            named_task.over(TASKS.iter().map(|task| task.agent))?,
            named_bundle.over(BUNDLES.iter().map(|bundle| bundle.agent))?,
            self.named_model.codes().over(MODELS.iter().map(|model| model.provider))?,
            model.over(MODELS.iter().map(|model| model.family))?,
            model.over(MODELS.iter().map(|model| model.version))?,
            named_task.over(TASKS.iter().map(|task| task.template))?,
            of_bundle(|bundle| bundle.prompt_template)?,
            of_bundle(|bundle| bundle.policy)?,
            named_bundle.over(BUNDLES.iter().map(|bundle| bundle.routing))?,
            self.tool_bundle.codes().over(BUNDLES.iter().map(|bundle| bundle.tool_schema))?,
            self.retrieval_bundle.codes().over(BUNDLES.iter().map(|bundle| bundle.retrieval_index))?,
            of_bundle(|bundle| bundle.version)?,
            self.feature_flags.finish()?,
            experiment.over([EXPERIMENT_ID])?,
            self.arm.codes().over(Arm::ALL.iter().map(|arm| arm.as_str()))?,
            experiment.over(ASSIGNMENT_UNITS)?,
            self.outcome.codes().over(Outcome::ALL.iter().map(|outcome| outcome.as_str()))?,
            self.override_reason.codes().over(OVERRIDE_REASONS.map(|(word, _)| word))?,
            Arc::new(self.confidence.finish()),
            Arc::new(self.retrieval_confidence.finish()),
            self.policy_result.codes().over(PolicyResult::ALL.iter().map(|result| result.as_str()))?,
            Arc::new(self.fallback_used.finish()),
            self.error_type.codes().over(ERROR_TYPES)?,
            self.finish_reason.codes().over(FINISH_REASONS.map(|(word, _)| word))?,
            Arc::new(Int64Array::from(self.latency_us)),
            Arc::new(self.time_to_first_token_us.finish()),
            Arc::new(self.input_tokens.finish()),
            Arc::new(self.output_tokens.finish()),
            Arc::new(self.cache_read_tokens.finish()),
            Arc::new(self.cache_write_tokens.finish()),
            Arc::new(self.reasoning_tokens.finish()),
            Arc::new(self.cost_nanousd.finish()),
            Arc::new(Int32Array::from(self.tool_calls)),
            Arc::new(Int32Array::from(self.tool_failures)),
            Arc::new(Int32Array::from(self.retrievals)),
            Arc::new(Int32Array::from(self.guardrail_hits)),
            Arc::new(self.risk_score.finish()),
            self.risk_class.codes().over(RiskClass::ALL.iter().map(|class| class.as_str()))?,
            self.learning_scope.codes().over(LearningScope::ALL.iter().map(|scope| scope.as_str()))?,
            Arc::new(Float64Array::from(vec![1.0; self.rows])),
            self.evidence_ref.finish()?,
            self.envelope_hash.finish()?,
            self.source.codes().over(SOURCES)?,
        ];
        Ok(RecordBatch::try_new(tidegate_contract::decisions(), columns)?)
    }
}
