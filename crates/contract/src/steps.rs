//! Which columns does a step of a decision have?

use std::sync::Arc;

use arrow::datatypes::DataType::{Float64, Int32, Int64, Utf8};
use arrow::datatypes::{Schema, SchemaRef};

use crate::Classification::{Confidential, Internal, Restricted};
use crate::field::{coded, instant, optional, required};
use crate::vocabulary::vocabulary;

vocabulary! {
    /// What an agent did in a step (`decision_steps.step_kind`).
    StepKind {
        /// Planned what to do.
        Plan = "plan",
        /// Asked a model.
        ModelCall = "model_call",
        /// Called a tool.
        Tool = "tool",
        /// Looked something up.
        Retrieval = "retrieval",
        /// Asked a policy.
        PolicyEval = "policy_eval",
        /// Was checked by a guardrail.
        Guardrail = "guardrail",
        /// Was overridden by a person.
        HumanOverride = "human_override",
        /// Checked its own work.
        Verify = "verify",
        /// Read or wrote its memory.
        Memory = "memory",
    }
}

vocabulary! {
    /// How a step ended (`decision_steps.status`).
    StepStatus {
        /// Well.
        Ok = "ok",
        /// With an error.
        Error = "error",
        /// Stopped by policy or a guardrail.
        Blocked = "blocked",
        /// Not taken.
        Skipped = "skipped",
    }
}

/// The schema of the `decision_steps` stream: one row for each step of a decision.
///
/// ```
/// let schema = tidegate_contract::decision_steps();
/// assert_eq!(schema.field(2).name(), "step_no");
/// ```
pub fn decision_steps() -> SchemaRef {
    Arc::new(Schema::new(vec![
        required("tenant_id", Utf8, Confidential),
        required("decision_id", Utf8, Internal),
        required("step_no", Int32, Internal),
        required("span_id", Utf8, Internal),
        required("step_kind", coded(), Internal),
        optional("name", coded(), Internal),
        optional("version", coded(), Internal),
        required("status", coded(), Internal),
        optional("error_type", coded(), Internal),
        required("start_time", instant(), Internal),
        required("duration_us", Int64, Internal),
        optional("score", Float64, Internal),
        optional("items", Int32, Internal),
        optional("input_tokens", Int64, Internal),
        optional("output_tokens", Int64, Internal),
        optional("cost_nanousd", Int64, Confidential),
        optional("args_hash", Utf8, Confidential),
        optional("evidence_ref", Utf8, Restricted),
    ]))
}
