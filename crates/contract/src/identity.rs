//! By which id is a decision or a label known, when its producer gave it none?
//!
//! The same decision must have the same id from whichever span, file or form it is spoken of, so the id is computed from
//! what all of them know.

use sha2::{Digest, Sha256};

/// The id of a decision that its producer did not name: the first 32 hex digits of
/// `sha256(tenant + "\n" + trace_id + "\n" + span_id)`, with both ids as lower-case hex.
///
/// Where a whole trace is one decision, `span_id` is empty.
///
/// ```
/// let id = tidegate_contract::decision_id("acme", "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174");
/// assert_eq!(id, "f44b70a634865e3eb06e47e8c5be0333");
/// ```
pub fn decision_id(tenant: &str, trace_id: &str, span_id: &str) -> String {
    short_hash(&[tenant, trace_id, span_id])
}

/// The id of a label that its producer did not name: of the key by which labels are told apart, and the time it was said.
///
/// `target` is the span or session that the label is about, or the decision; `labeled_at_us` counts microseconds.
pub fn label_id(
    tenant: &str,
    target_scope: &str,
    target: &str,
    label_name: &str,
    identifier: &str,
    labeled_at_us: i64,
) -> String {
    short_hash(&[tenant, target_scope, target, label_name, identifier, &labeled_at_us.to_string()])
}

/// The id under which a decision waits for a label, and its judgement comes back.
pub fn review_id(tenant: &str, decision: &str, label_name: &str) -> String {
    short_hash(&["review", tenant, decision, label_name])
}

/// The first 32 hex digits of the SHA-256 of `parts`, one a line.
fn short_hash(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            hash.update(b"\n");
        }
        hash.update(part);
    }
    const_hex::encode(&hash.finalize()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_where_what_they_name_differs() {
        let ids = [
            decision_id("a", "t", "s"),
            decision_id("b", "t", "s"),
            decision_id("a", "t", ""),
            label_id("a", "decision", "d", "good", "", 1),
            label_id("a", "decision", "d", "good", "", 2),
            label_id("a", "decision", "d", "good", "x", 1),
        ];
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
        assert!(ids.iter().all(|id| id.len() == 32));
    }
}
