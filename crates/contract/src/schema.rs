//! Which columns does a decision have?

use std::sync::Arc;

use arrow::datatypes::DataType::{Boolean, Float64, Int32, Int64, Utf8};
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};

use crate::Classification::{Confidential, Internal, Public, Restricted};
use crate::field::{coded, instant, optional, required, with_privacy_unit};

/// The schema of the `decisions` stream: one row for each decision of an agent, as delivered.
///
/// ```
/// let schema = tidegate_contract::decisions();
/// assert_eq!(schema.fields().len(), 58);
/// assert_eq!(schema.field_with_name("user_token").unwrap().metadata()["privacy_unit"], "user");
/// ```
pub fn decisions() -> SchemaRef {
    Arc::new(Schema::new(vec![
        // Which decision, when, about whom.
        required("schema_version", Utf8, Public),
        required("decision_id", Utf8, Internal),
        required("trace_id", Utf8, Internal),
        required("span_id", Utf8, Internal),
        optional("parent_decision_id", Utf8, Internal),
        optional("session_id", Utf8, Confidential),
        required("event_time", instant(), Internal),
        required("ingested_at", instant(), Internal),
        required("tenant_id", Utf8, Confidential),
        with_privacy_unit(optional("user_token", Utf8, Restricted), "user"),
        optional("user_role", coded(), Internal),
        required("region", coded(), Internal),
        required("environment", coded(), Internal),
        required("task_class", coded(), Internal),
        optional("input_class", coded(), Internal),
        // Which versions decided.
        optional("agent_name", coded(), Internal),
        optional("agent_version", coded(), Internal),
        optional("provider", coded(), Internal),
        required("model_family", coded(), Internal),
        required("model_version", coded(), Internal),
        optional("prompt_template_id", coded(), Internal),
        required("prompt_template_version", coded(), Internal),
        required("policy_version", coded(), Internal),
        optional("routing_version", coded(), Internal),
        optional("tool_schema_version", coded(), Internal),
        optional("retrieval_index_version", coded(), Internal),
        required("bundle_version", coded(), Internal),
        optional("feature_flags", flags(), Internal),
        optional("experiment_id", coded(), Internal),
        optional("arm", coded(), Internal),
        optional("assignment_unit", coded(), Internal),
        // What came of it.
        required("outcome", coded(), Internal),
        optional("override_reason", coded(), Internal),
        optional("confidence", Float64, Internal),
        optional("retrieval_confidence", Float64, Internal),
        optional("policy_result", coded(), Internal),
        optional("fallback_used", Boolean, Internal),
        optional("error_type", coded(), Internal),
        optional("finish_reason", coded(), Internal),
        // What it took.
        required("latency_us", Int64, Internal),
        optional("time_to_first_token_us", Int64, Internal),
        optional("input_tokens", Int64, Internal),
        optional("output_tokens", Int64, Internal),
        optional("cache_read_tokens", Int64, Internal),
        optional("cache_write_tokens", Int64, Internal),
        optional("reasoning_tokens", Int64, Internal),
        optional("cost_nanousd", Int64, Confidential),
        required("tool_calls", Int32, Internal),
        required("tool_failures", Int32, Internal),
        required("retrievals", Int32, Internal),
        required("guardrail_hits", Int32, Internal),
        // How far it may be used.
        optional("risk_score", Float64, Confidential),
        required("risk_class", coded(), Internal),
        required("learning_scope", coded(), Internal),
        required("sample_weight", Float64, Internal),
        optional("evidence_ref", Utf8, Restricted),
        required("envelope_hash", Utf8, Internal),
        required("source", coded(), Internal),
    ]))
}

/// The feature flags a decision was made under: a list of key and variant.
fn flags() -> DataType {
    let flag = Fields::from(vec![Field::new("key", Utf8, false), Field::new("variant", Utf8, true)]);
    DataType::List(Arc::new(Field::new("item", DataType::Struct(flag), true)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CLASSIFICATION, PRIVACY_UNIT, SINCE_VERSION};

    #[test]
    fn every_column_is_classified_and_dated_and_named_once() {
        let schema = decisions();
        for (index, field) in schema.fields().iter().enumerate() {
            assert!(field.metadata().contains_key(CLASSIFICATION), "{}", field.name());
            assert!(field.metadata().contains_key(SINCE_VERSION), "{}", field.name());
            assert_eq!(schema.index_of(field.name()).unwrap(), index);
        }
    }

    #[test]
    fn one_column_is_the_privacy_unit() {
        let schema = decisions();
        let units: Vec<_> = schema
            .fields()
            .iter()
            .filter(|field| field.metadata().contains_key(PRIVACY_UNIT))
            .map(|field| field.name().as_str())
            .collect();
        assert_eq!(units, ["user_token"]);
    }

    #[test]
    fn durations_money_and_counts_are_integers() {
        for field in decisions().fields() {
            let name = field.name();
            if name.ends_with("_us") || name.ends_with("_tokens") || name.ends_with("_nanousd") {
                assert_eq!(field.data_type(), &Int64, "{name}");
            }
        }
    }
}
