//! The routing as flags for [flagd](https://flagd.dev/reference/flag-definitions/), OpenFeature's daemon.
//!
//! Its operation `fractional` hashes the flag's key with the unit's, so that a unit stays where it is while shares stay;
//! the units that are held back come first, so that they stay held back as the ramp rises.

use serde_json::{Map, Value, json};

use crate::rollout::Pointer;

/// Shares are whole numbers of these.
const WHOLE: u64 = 10_000;

/// The flag `<name>`, whose value is the digest of the bundle that a unit gets.
#[must_use]
pub fn flagd(pointer: &Pointer) -> Value {
    let share = |share: f64| (share * WHOLE as f64).round() as u64;
    let mut variants = Map::new();
    let mut weights = Vec::new();
    let mut left = WHOLE;
    let held_back = pointer.held_back.as_ref().map(|held| ("held_back", &held.bundle, share(held.share)));
    let canary = pointer.canary.as_ref().map(|canary| ("canary", &canary.bundle, share(canary.share)));
    for (variant, bundle, weight) in held_back.into_iter().chain(canary) {
        let weight = weight.min(left);
        left -= weight;
        variants.insert(variant.to_owned(), json!(bundle));
        weights.push(json!([variant, weight]));
    }
    variants.insert("general".to_owned(), json!(pointer.general));
    weights.push(json!(["general", left]));
    let unit = json!({ "cat": [{ "var": "$flagd.flagKey" }, { "var": "targetingKey" }] });
    let fractional = std::iter::once(unit).chain(weights).collect::<Vec<_>>();
    json!({
        "$schema": "https://flagd.dev/schema/v0/flags.json",
        "metadata": { "generation": pointer.generation, "last_known_good": pointer.last_known_good },
        "flags": {
            (pointer.name.as_str()): {
                "state": "ENABLED",
                "variants": variants,
                "defaultVariant": "general",
                "targeting": { "fractional": fractional },
            }
        }
    })
}
