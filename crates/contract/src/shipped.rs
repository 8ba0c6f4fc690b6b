//! Which contracts come with Tidegate?
//!
//! Those of the canonical streams. They say what the Rust schemas say, column by column (held by
//! `tests/it/shipped.rs`), and beside that what is kept of a column, which words it may have and how good it should be.

use crate::DataContract;

/// A contract that comes with Tidegate, by the name of its stream: `decisions`, `decision_steps` or `labels`.
///
/// ```
/// let contract = tidegate_contract::shipped::contract("labels").unwrap();
/// assert_eq!(contract.label(), "labels 1.0.0");
/// ```
#[must_use]
pub fn contract(stream: &str) -> Option<DataContract> {
    let text = text(stream)?;
    Some(DataContract::parse(&format!("{stream}.yaml"), text).expect("the shipped contracts are contracts: a test"))
}

/// Its text, to begin one's own with.
#[must_use]
pub fn text(stream: &str) -> Option<&'static str> {
    match stream {
        "decisions" => Some(include_str!("../contracts/decisions.yaml")),
        "decision_steps" => Some(include_str!("../contracts/decision_steps.yaml")),
        "labels" => Some(include_str!("../contracts/labels.yaml")),
        _ => None,
    }
}

/// The streams that have one.
pub const STREAMS: [&str; 3] = ["decisions", "decision_steps", "labels"];
