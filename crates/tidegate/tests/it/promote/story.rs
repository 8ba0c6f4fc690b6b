//! The whole story: a regression is taken back by itself, the version that mends it goes all the way.

use super::*;

/// Support 1.5.1: 1.5.0 with a mended prompt.
fn mended(project: &Project) {
    let text = std::fs::read_to_string(project.path("bundles/support-1.5.0/bundle.yaml")).unwrap();
    let text = text.replacen("version: 1.5.0", "version: 1.5.1", 1);
    let text = text.replace("refund: { version: 1.5.0", "refund: { version: 1.5.1");
    project.write("bundles/support-1.5.0/prompts/refund.md", "Answer in the customer's language, and correctly.\n");
    project.write("bundles/support-1.5.0/mended.yaml", text);
    let file = "bundles/support-1.5.0/mended.yaml";
    project.run(&["bundle", "create", file, "--created-at", "2026-01-10T00:00:00Z"]).ok();
}

#[test]
fn a_regression_is_taken_back_and_the_mended_version_goes_all_the_way() {
    let project = project();
    register(&project).ok();

    // Local: asked about traces from before; then it may see live traffic unseen.
    land(&project, "local", 0, "v1", [100, 100]);
    release(&project);
    act(&project, "ann", 4, &["promote"]).ok();
    assert_eq!(act(&project, "ann", 4, &["promote"]).code, 3, "nobody has evaluated yet");
    act(&project, "ann", 4, &["evaluate"]).ok();
    act(&project, "ann", 4, &["promote"]).ok();
    assert_eq!(status(&project)["candidate"]["position"]["stage"], "shadow");

    // Shadow, then canary: there it does harm, and is taken back without anybody being asked.
    land(&project, "shadow", 4, "v1", [100, 102]);
    release(&project);
    act(&project, "ann", 8, &["evaluate"]).ok();
    act(&project, "ann", 8, &["promote"]).ok();
    assert_eq!(status(&project)["now"]["canary"]["share"], 0.1);
    land(&project, "canary", 8, "v1", [100, 190]);
    release(&project);
    let harm = act(&project, "ann", 12, &["evaluate"]);
    assert_eq!(harm.code, 5, "{}{}", harm.stdout, harm.stderr);
    let back = status(&project);
    assert_eq!((&back["now"]["action"], &back["now"]["canary"]), (&"roll_back".into(), &Value::Null));
    let base = back["now"]["general"].clone();
    assert_eq!(back["now"]["last_known_good"], base);
    assert!(back["now"]["reason"].as_str().unwrap().contains("harm is shown since"), "{back}");
    verified(&project);

    // The mended version: a bundle and gates of its own.
    mended(&project);
    plan(&project, 2);
    act(&project, "ann", 12, &[&["register", "support@1.5.1"][..], &GATES].concat()).ok();
    act(&project, "ann", 12, &["promote"]).ok();
    land(&project, "local2", 12, "v2", [100, 99]);
    release(&project);
    act(&project, "ann", 16, &["evaluate"]).ok();
    act(&project, "ann", 16, &["promote"]).ok();
    land(&project, "shadow2", 16, "v2", [100, 98]);
    release(&project);
    act(&project, "ann", 20, &["evaluate"]).ok();
    act(&project, "ann", 20, &["promote"]).ok();

    // Two steps of canary, each with evidence, a drill and the approval of somebody else with the role.
    for (step, name) in [(20, "canary2"), (24, "canary3")] {
        land(&project, name, step, "v2", [100, 98]);
        release(&project);
        act(&project, "ann", step + 4, &["evaluate"]).ok();
        if step == 20 {
            let refused = act(&project, "ann", step + 4, &["promote"]);
            assert_eq!(refused.code, 4, "the way back was not rehearsed: {}", refused.stderr);
            act(&project, "kim", step + 4, &["drill"]).ok();
        }
        let waiting = act(&project, "ann", step + 4, &["promote"]);
        assert_eq!(waiting.code, 6, "{}", waiting.stderr);
        assert_eq!(act(&project, "ann", step + 4, &["approve"]).code, 1, "nobody approves their own work");
        assert_eq!(act(&project, "kim", step + 4, &["approve"]).code, 1, "support is not the role");
        act(&project, "eve", step + 4, &["approve"]).ok();
        act(&project, "ann", step + 4, &["promote"]).ok();
    }
    let done = status(&project);
    assert_ne!(done["now"]["general"], base);
    assert_eq!((&done["now"]["last_known_good"], &done["now"]["approved_by"][0]), (&base, &"eve".into()));
    assert_eq!(generations(&project), (0..=9).collect::<Vec<_>>());
    verified(&project);

    // What others read follows from the pointer.
    let flags: Value = serde_json::from_slice(&project.files("routing")["support.flagd.json"]).unwrap();
    assert_eq!(flags["flags"]["support"]["variants"]["general"], done["now"]["general"]);
    assert_eq!(project.files("events/pointers/support").len(), 10);
    let log = project.run(&["promote", "log"]).ok().stdout;
    assert!(log.contains("support 1.5.1 to general") && log.contains("support 1.5.0 rolled back from canary"), "{log}");

    // And back again, whole, by one object.
    let back = act(&project, "kim", 29, &["rollback", "--reason", "pager"]);
    assert_eq!(back.code, 5, "{}", back.stderr);
    assert_eq!(status(&project)["now"]["general"], base);
    verified(&project);
}

#[test]
fn the_same_evaluation_twice_is_one() {
    let project = project();
    register(&project).ok();
    land(&project, "local", 0, "v1", [100, 100]);
    release(&project);
    act(&project, "ann", 4, &["promote"]).ok();
    let first = act(&project, "ann", 4, &["evaluate"]).ok().stdout;
    let entries = project.files("registry/judgements");
    assert_eq!(act(&project, "eve", 5, &["evaluate"]).ok().stdout, first);
    assert_eq!(project.files("registry/judgements"), entries);
    // Looking ahead writes nothing.
    let before = project.files("");
    act(&project, "ann", 5, &["promote", "--dry-run"]).ok();
    act(&project, "ann", 5, &["evaluate", "--dry-run", "--format", "junit"]).ok();
    assert_eq!(project.files(""), before);
    // Registering again changes nothing either.
    assert!(register(&project).ok().stdout.contains("is registered already"));
    verified(&project);
}

#[test]
fn glass_may_be_broken_and_that_is_loud() {
    let project = project();
    register(&project).ok();
    act(&project, "ann", 1, &["promote"]).ok();
    let forced = act(&project, "kim", 2, &["promote", "--break-glass", "the old one is down"]).ok();
    assert!(forced.stderr.contains("GLASS WAS BROKEN by kim: the old one is down"), "{}", forced.stderr);
    let log = project.run(&["promote", "log"]).ok().stdout;
    assert!(log.contains("**GLASS WAS BROKEN: the old one is down.**"), "{log}");
    verified(&project);
}

#[test]
fn a_watch_ends_when_harm_was_taken_back() {
    let project = project();
    register(&project).ok();
    land(&project, "local", 0, "v1", [100, 100]);
    release(&project);
    act(&project, "ann", 4, &["promote"]).ok();
    act(&project, "ann", 4, &["evaluate"]).ok();
    act(&project, "ann", 4, &["promote"]).ok();
    land(&project, "shadow", 4, "v1", [100, 300]);
    release(&project);
    let early = act(&project, "ann", 4, &["evaluate"]);
    assert_eq!(early.code, 3, "there is no evidence of the future: {}", early.stdout);
    let watch =
        act(&project, "ann", 8, &["evaluate", "--watch", "--every", "1ms", "--advance", "--format", "markdown"]);
    assert_eq!(watch.code, 5, "{}{}", watch.stdout, watch.stderr);
    assert!(watch.stdout.contains("## FAIL assistant-shadow"), "{}", watch.stdout);
    assert_eq!(generations(&project), [0, 1, 2, 3]);
    verified(&project);
}
