//! Which columns does a label have?
//!
//! A label is a later word on a decision. The stream is append-only: a changed mind is a new row with a higher
//! `version`, a withdrawn one a row whose `op` is `retract`.

use std::sync::Arc;

use arrow::datatypes::DataType::{Float64, Int64, Utf8};
use arrow::datatypes::{Schema, SchemaRef};

use crate::Classification::{Confidential, Internal, Public, Restricted};
use crate::field::{coded, instant, optional, required};

/// The schema of the `labels` stream: one row for each word said about a decision, later.
///
/// ```
/// let schema = tidegate_contract::labels();
/// assert!(!schema.field_with_name("decision_id").unwrap().is_nullable());
/// ```
pub fn labels() -> SchemaRef {
    Arc::new(Schema::new(vec![
        required("schema_version", Utf8, Public),
        required("label_id", Utf8, Internal),
        required("tenant_id", Utf8, Confidential),
        required("decision_id", Utf8, Internal),
        required("target_scope", Utf8, Internal),
        optional("target_id", Utf8, Confidential),
        required("label_name", coded(), Internal),
        optional("label_value", Utf8, Internal),
        optional("score", Float64, Internal),
        required("label_kind", Utf8, Internal),
        required("annotator_kind", Utf8, Internal),
        optional("annotator_token", Utf8, Restricted),
        required("identifier", Utf8, Internal),
        required("version", Int64, Internal),
        required("op", Utf8, Internal),
        optional("what_was_wrong", coded(), Internal),
        optional("expected_action", coded(), Internal),
        optional("failed_policy", coded(), Internal),
        optional("missing_context", coded(), Internal),
        optional("justification_code", coded(), Internal),
        optional("annotator_confidence", Float64, Internal),
        optional("evidence_ref", Utf8, Restricted),
        required("labeled_at", instant(), Internal),
        required("ingested_at", instant(), Internal),
        required("source_system", coded(), Internal),
        required("privacy_class", coded(), Internal),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CLASSIFICATION;

    #[test]
    fn every_column_is_classified() {
        let schema = labels();
        assert_eq!(schema.fields().len(), 26);
        assert!(schema.fields().iter().all(|field| field.metadata().contains_key(CLASSIFICATION)));
    }
}
