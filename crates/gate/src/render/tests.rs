use super::*;
use crate::file::tests::GATE;
use crate::rollout::{Action, Canary, HeldBack, Pointer};
use crate::{Facts, GateFile, Stage, decide};

fn pointer() -> Pointer {
    Pointer {
        name: "assistant".into(),
        generation: 3,
        action: Action::Advance,
        registration: "r1".into(),
        bundle: "sha256:b".into(),
        from: Stage::Shadow,
        to: Stage::Canary,
        general: "sha256:a".into(),
        canary: Some(Canary { bundle: "sha256:b".into(), share: 0.05, step: 0 }),
        shadow: None,
        local: None,
        held_back: Some(HeldBack { bundle: "sha256:a".into(), share: 0.02 }),
        last_known_good: "sha256:a".into(),
        verdict: None,
        approved_by: vec!["eve".into()],
        break_glass: Some("outage".into()),
        reason: "the gate passed".into(),
        facts: 7,
        by: "bob".into(),
        at_us: 0,
    }
}

#[test]
fn shares_are_whole_and_sum_to_one() {
    let flags = flagd(&pointer());
    let flag = &flags["flags"]["assistant"];
    let weights = flag["targeting"]["fractional"].as_array().unwrap()[1..].to_vec();
    let expected = [("held_back", 200), ("canary", 500), ("general", 9300)];
    assert_eq!(weights, expected.map(|(name, weight)| serde_json::json!([name, weight])));
    assert_eq!(flag["variants"]["canary"], "sha256:b");
    let everybody = flagd(&Pointer { canary: None, held_back: None, ..pointer() });
    assert_eq!(everybody["flags"]["assistant"]["targeting"]["fractional"][1], serde_json::json!(["general", 10000]));
}

#[test]
fn an_event_is_named_by_its_generation() {
    let event = cloud_event(&pointer());
    assert_eq!((event["id"].as_str(), event["specversion"].as_str()), (Some("assistant/3"), Some("1.0")));
    assert_eq!(event["data"]["generation"], 3);
}

#[test]
fn what_is_no_pass_is_no_success() {
    let gate = GateFile::parse("a", GATE).unwrap();
    let verdict = decide(&gate, &Facts::default());
    let report = junit(&verdict).unwrap();
    assert!(report.contains("errors=\"1\"") && report.contains("TG625"), "{report}");
    let summary = summary(&verdict);
    assert!(summary.starts_with("## ERROR assistant-v2 version 1: canary to general"), "{summary}");
}

#[test]
fn broken_glass_is_loud() {
    let text = changelog("assistant", &[pointer()], |_| "1.5.0".into());
    assert!(text.contains("## assistant 1.5.0 to canary at 5.00 %") && text.contains("**GLASS WAS BROKEN: outage.**"));
}
