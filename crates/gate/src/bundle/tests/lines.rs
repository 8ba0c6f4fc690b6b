//! Which bundle may follow which, and what is different then?

use super::*;

fn check(change: impl FnOnce(&mut Manifest)) -> Option<String> {
    let (before, mut after) = (first(), second());
    change(&mut after);
    let parents = Parents { previous: before.clone(), last_known_good: before };
    lineage::check(&after, &parents).err().map(|error| {
        assert_eq!(error.code(), "TG657");
        error.to_string()
    })
}

#[test]
fn a_version_comes_after_the_one_before() {
    assert_eq!(check(|_| ()), None);
    let refused = |version: &str| check(|after| after.version = version.parse().unwrap());
    assert_eq!(refused("1.10.0"), None);
    let message = "support@1.4.0-rc.1 does not come after support@1.4.0, which it names as the one before";
    assert_eq!(refused("1.4.0-rc.1").unwrap(), message);
    assert!(refused("1.4.0").is_some());
}

#[test]
fn all_of_a_line_have_one_name() {
    let message = "sales@1.5.0 names support@1.4.0 as its previous, which is a bundle of another name";
    assert_eq!(check(|after| after.bundle = "sales".parse().unwrap()).unwrap(), message);
}

#[test]
fn a_version_of_a_component_means_one_content() {
    let stale = |after: &mut Manifest| {
        let pins = after.components.get_mut(&Part::PromptTemplates).unwrap();
        pins.get_mut(&"system".parse().unwrap()).unwrap().digest = Digest::of(b"edited in place");
    };
    let message = "prompt_templates `system` has version 1.2.0 here and in support@1.4.0, with other bytes";
    assert_eq!(check(stale).unwrap(), message);
}

#[test]
fn changes_are_told_by_component() {
    let (before, mut after) = (first(), second());
    after.components.remove(&Part::PolicyRules);
    let pins = after.components.get_mut(&Part::ToolSchemas).unwrap();
    let pin = pins.values().next().unwrap().clone();
    pins.insert("cancel_order".parse().unwrap(), pin);
    let told: Vec<String> = diff(&before, &after)
        .iter()
        .map(|change| {
            let version = |pin: &Option<Pin>| pin.as_ref().map_or("-".into(), |pin| pin.version.to_string());
            let (before, after) = (version(&change.before), version(&change.after));
            format!("{:?} {}/{} {before} {after}", change.kind, change.part, change.name)
        })
        .collect();
    assert_eq!(
        told,
        [
            "Changed checkpoint/agent 3.0.2 3.1.0",
            "Changed prompt_templates/refund 1.3.1 1.5.0",
            "Added tool_schemas/cancel_order - 2.1.0",
            "Changed tool_schemas/get_order 2.0.0 2.1.0",
            "Removed policy_rules/refunds 1.0.0 -",
            "Changed traffic_routing/by_tenant 1.4.0 1.5.0",
            "Changed feature_flags/language 1.0.0 1.1.0",
        ]
    );
    assert_eq!(diff(&before, &before), []);
}
