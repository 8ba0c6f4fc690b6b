//! Which columns does a step of a decision have?

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use tidegate_contract::{CLASSIFICATION, Classification, SCHEMA_VERSION, SINCE_VERSION};

/// Declares a closed vocabulary: `Variant = "word"`, in the order of `ALL`.
macro_rules! vocabulary {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// Every member, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word written to the column.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    };
}

vocabulary! {
    /// What a step did (`decision_steps.step_kind`).
    StepKind {
        /// Planned what to do.
        Plan = "plan",
        /// Called a model.
        ModelCall = "model_call",
        /// Ran a tool.
        Tool = "tool",
        /// Looked something up, or computed an embedding to do so.
        Retrieval = "retrieval",
        /// Asked whether policy allows something.
        PolicyEval = "policy_eval",
        /// Checked what goes in or comes out.
        Guardrail = "guardrail",
        /// A human stepped in.
        HumanOverride = "human_override",
        /// Checked a result.
        Verify = "verify",
        /// Read or wrote what is remembered.
        Memory = "memory",
    }
}

vocabulary! {
    /// How a step ended (`decision_steps.status`).
    StepStatus {
        /// It did what it should.
        Ok = "ok",
        /// It failed.
        Error = "error",
        /// It was stopped, or stopped something.
        Blocked = "blocked",
        /// It was not done.
        Skipped = "skipped",
    }
}

/// The schema of the `decision_steps` stream: one row for each step of a decision.
///
/// ```
/// let schema = tidegate_otlp::decision_steps();
/// assert_eq!(schema.fields().len(), 18);
/// ```
pub fn decision_steps() -> SchemaRef {
    use Classification::{Confidential, Internal, Restricted};
    use DataType::{Float64, Int32, Int64, Utf8};
    let coded = || DataType::Dictionary(Box::new(Int32), Box::new(Utf8));
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        column("tenant_id", Utf8, false, Confidential),
        column("decision_id", Utf8, false, Internal),
        column("step_no", Int32, false, Internal),
        column("span_id", Utf8, false, Internal),
        column("step_kind", coded(), false, Internal),
        column("name", coded(), true, Internal),
        column("version", coded(), true, Internal),
        column("status", coded(), false, Internal),
        column("error_type", coded(), true, Internal),
        column("start_time", instant, false, Internal),
        column("duration_us", Int64, false, Internal),
        column("score", Float64, true, Internal),
        column("items", Int32, true, Internal),
        column("input_tokens", Int64, true, Internal),
        column("output_tokens", Int64, true, Internal),
        column("cost_nanousd", Int64, true, Confidential),
        column("args_hash", Utf8, true, Internal),
        column("evidence_ref", Utf8, true, Restricted),
    ]))
}

fn column(name: &str, data_type: DataType, nullable: bool, class: Classification) -> Field {
    Field::new(name, data_type, nullable).with_metadata(HashMap::from([
        (CLASSIFICATION.to_owned(), class.as_str().to_owned()),
        (SINCE_VERSION.to_owned(), SCHEMA_VERSION.to_owned()),
    ]))
}
