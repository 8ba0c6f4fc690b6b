//! Of many who promote at once each generation is created by one, and nobody's consent is lost.

use std::process::Stdio;

use super::*;

const PROMOTERS: usize = 20;

fn at_once(project: &Project, commands: &[Vec<String>]) -> Vec<Output> {
    let children = commands.iter().map(|arguments| {
        let arguments = arguments.iter().map(String::as_str).collect::<Vec<_>>();
        command(project, &arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    });
    // All are started before the first is waited for.
    let children = children.collect::<Vec<_>>();
    children.into_iter().map(|child| child.wait_with_output().unwrap()).collect()
}

fn verb(who: &str, at: u32, verb: &[&str]) -> Vec<String> {
    let (key, day) = (key(who), day(at));
    let all = [&["promote"][..], verb, &["--key", &key, "--at", &day][..]].concat();
    all.into_iter().map(str::to_owned).collect()
}

#[test]
fn twenty_promoters_make_one_step() {
    let project = project();
    register(&project).ok();
    let people = ["ann", "eve", "kim"];
    let commands = (0..PROMOTERS).map(|i| verb(people[i % 3], 1, &["promote"])).collect::<Vec<_>>();
    let outputs = at_once(&project, &commands);
    for output in &outputs {
        // Who came late finds the step done, or that the next one needs evidence.
        assert!(matches!(output.status.code(), Some(0 | 3 | 7)), "{}", said(output));
    }
    assert!(outputs.iter().any(|output| output.status.success()));
    assert_eq!(generations(&project), [0, 1]);
    verified(&project);
}

#[test]
fn whoever_promotes_while_another_takes_back_decides_again() {
    let project = project();
    register(&project).ok();
    act(&project, "ann", 1, &["promote"]).ok();
    let back = verb("kim", 2, &["rollback"]);
    let forced = verb("eve", 2, &["promote", "--break-glass", "race"]);
    let commands = (0..PROMOTERS).map(|i| if i % 2 == 0 { back.clone() } else { forced.clone() }).collect::<Vec<_>>();
    for output in at_once(&project, &commands) {
        assert!(matches!(output.status.code(), Some(0 | 1 | 4 | 5 | 7)), "{}", said(&output));
    }
    let made = generations(&project);
    assert_eq!(made, (0..made.len() as u64).collect::<Vec<_>>());
    verified(&project);
}

#[test]
fn no_approval_is_lost() {
    let project = project();
    project.write("gates/local.yaml", gate("local", 1, "approvals: { required: 2 }\n"));
    register(&project).ok();
    land(&project, "local", 0, "v1", [100, 100]);
    release(&project);
    act(&project, "ann", 4, &["promote"]).ok();
    act(&project, "ann", 4, &["evaluate"]).ok();
    let commands = (0..PROMOTERS).map(|i| verb(["eve", "kim"][i % 2], 4, &["approve"])).collect::<Vec<_>>();
    for output in at_once(&project, &commands) {
        assert!(output.status.success(), "{}", said(&output));
    }
    let found = status(&project)["candidate"]["approvals"].clone();
    let mut found: Vec<&str> = found.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    found.sort_unstable();
    assert_eq!(found, ["eve", "kim"]);
    act(&project, "ann", 4, &["promote"]).ok();
    verified(&project);
}
