//! Killed at any step, a verb leaves half of nothing: the next one finishes or begins anew.

use std::os::unix::process::ExitStatusExt;

use super::*;

const SIGKILL: i32 = 9;
/// Of how many steps of a verb one is tried, unless all are.
const EVERY: usize = 4;

/// Runs a verb until its `step`-th step of writing. False when it survived.
fn killed(project: &Project, arguments: &[&str], step: u64) -> bool {
    let output = command(project, arguments).env("TIDEGATE_CRASH_AT", step.to_string()).output().unwrap();
    if output.status.signal() == Some(SIGKILL) {
        return true;
    }
    assert!(output.status.code().is_some(), "{}", said(&output));
    false
}

/// Tries a verb at every `n`-th of its steps, each on a project of its own, and what `done` asks of the end.
fn check(prepare: fn() -> Project, arguments: &[&str], codes: &[i32], done: fn(&Project)) {
    let every = if std::env::var_os("TIDEGATE_CRASH_ALL").is_some() { 1 } else { EVERY };
    for step in (1..).step_by(every) {
        let project = prepare();
        let died = killed(&project, arguments, step);
        // Whatever was left, the next try ends as one that was never killed.
        let again = project.run(arguments);
        assert!(codes.contains(&again.code), "killed at {step}: {}{}", again.stdout, again.stderr);
        done(&project);
        verified(&project);
        if !died {
            assert!(step > 2, "{arguments:?} writes");
            return;
        }
    }
}

/// How many files there are in a folder that have their names: one that was being written may be left without.
fn filed(project: &Project, folder: &str) -> usize {
    project.files(folder).keys().filter(|name| name.ends_with(".json")).count()
}

fn registered() -> Project {
    let project = project();
    register(&project).ok();
    project
}

fn local() -> Project {
    let project = registered();
    land(&project, "local", 0, "v1", [100, 100]);
    release(&project);
    act(&project, "ann", 4, &["promote"]).ok();
    project
}

fn harmful() -> Project {
    let project = project();
    project.write("gates/shadow.yaml", gate("shadow", 1, "").replace("min: 2d", "min: 1d"));
    register(&project).ok();
    act(&project, "ann", 0, &["promote"]).ok();
    act(&project, "ann", 0, &["promote", "--break-glass", "test"]).ok();
    land(&project, "shadow", 0, "v1", [100, 300]);
    release(&project);
    project
}

#[test]
fn registering_survives_a_kill() {
    let register = [&["promote", "register", "support@1.5.0"][..], &GATES, &["--key", "ann.pem", "--at", "2026-01-01"]];
    check(project, &register.concat(), &[0], |project| assert_eq!(filed(project, "registry/registrations"), 2));
}

#[test]
fn promoting_survives_a_kill() {
    // Again: the step may be done, and the next one asks for evidence.
    check(registered, &["promote", "promote", "--key", "ann.pem", "--at", "2026-01-02"], &[0, 3], |project| {
        assert_eq!(generations(project), [0, 1]);
    });
}

#[test]
fn evaluating_survives_a_kill() {
    check(local, &["promote", "evaluate", "--key", "ann.pem", "--at", "2026-01-05"], &[0], |project| {
        assert_eq!((filed(project, "registry/judgements"), filed(project, "registry/verdicts")), (1, 1));
    });
}

#[test]
fn taking_back_survives_a_kill() {
    // Again: there may be nothing left to take back, which is said and is no second rollback.
    check(harmful, &["promote", "rollback", "--key", "kim.pem", "--at", "2026-01-06"], &[1, 5], |project| {
        assert_eq!(status(project)["now"]["shadow"], Value::Null);
        assert_eq!(generations(project), [0, 1, 2, 3]);
    });
}
