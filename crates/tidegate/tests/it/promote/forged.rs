//! Somebody who may act writes what somebody else should have said.

use sha2::{Digest, Sha256};
use tidegate_audit::{Envelope, PrivateKey, Statement};

use super::*;

/// A version that waits for one approval by somebody with the role `release`.
fn waiting() -> Project {
    let project = project();
    project.write("gates/local.yaml", gate("local", 1, "approvals: { required: 1, roles: [release] }\n"));
    register(&project).ok();
    land(&project, "local", 0, "v1", [100, 100]);
    release(&project);
    act(&project, "ann", 4, &["promote"]).ok();
    act(&project, "ann", 4, &["evaluate"]).ok();
    project
}

/// Signs a statement with somebody's key, and puts it where it belongs.
fn forge(project: &Project, who: &str, path: &str, statement: &Value) {
    // Names are in order: that is how statements are written.
    let statement = Statement::decode(statement.to_string().as_bytes()).unwrap();
    let key = PrivateKey::read(project.path(&key(who))).unwrap();
    project.write(path, Envelope::sign(statement, &key).encode());
}

fn statement_of(bytes: &[u8]) -> Value {
    serde_json::from_slice(&Envelope::decode(bytes).unwrap().statement().encode()).unwrap()
}

#[test]
fn nobody_approves_in_the_name_of_another() {
    let project = waiting();
    let candidate = status(&project)["candidate"].clone();
    let (registration, verdict) = (&candidate["registration"], &candidate["verdict"]);
    // 2026-01-05T00:00:00Z
    let at_us = 1_767_571_200_000_000_i64;
    let bundle = candidate["bundle"].as_str().unwrap().trim_start_matches("sha256:");
    let statement = serde_json::json!({
        "_type": "https://in-toto.io/Statement/v1",
        "predicate": {
            "at_us": at_us, "bundle": candidate["bundle"], "by": "eve", "gate": verdict["gate"],
            "registration": registration, "roles": ["release"], "verdict": verdict["verdict"],
        },
        "predicateType": "https://tidegate.dev/attestation/approval/v1",
        "subject": [{ "digest": { "sha256": bundle }, "name": format!("registry/bundles/{bundle}.json") }],
    });
    let name = serde_json::to_vec(&(registration, &verdict["verdict"], "eve", at_us)).unwrap();
    let path = format!("registry/approvals/{:x}.json", Sha256::digest(name));
    forge(&project, "ann", &path, &statement);
    let refused = act(&project, "ann", 4, &["promote"]);
    assert_eq!(refused.code, 6, "{}{}", refused.stdout, refused.stderr);
    let verify = project.run(&["promote", "verify"]);
    assert!(verify.code == 1 && verify.stdout.contains(&path), "{}", verify.stdout);
    // Eve's own would count.
    forge(&project, "eve", &path, &statement);
    act(&project, "ann", 4, &["promote"]).ok();
    verified(&project);
}

#[test]
fn a_judgement_says_what_its_verdict_says() {
    let project = project();
    register(&project).ok();
    land(&project, "local", 0, "v1", [100, 300]);
    release(&project);
    act(&project, "ann", 4, &["promote"]).ok();
    assert_eq!(act(&project, "ann", 4, &["evaluate", "--dry-run"]).code, 5);
    project.write("gates/local.yaml", gate("local", 1, "").replace("automatic", "manual"));
    // A gate that is frozen does not change with its file: the genuine verdict takes the version back.
    assert_eq!(act(&project, "ann", 4, &["evaluate"]).code, 5);
    let (name, bytes) = project.files("registry/judgements").into_iter().next().unwrap();
    let mut statement = statement_of(&bytes);
    statement["predicate"]["status"] = "PASS".into();
    forge(&project, "ann", &format!("registry/judgements/{name}"), &statement);
    let verify = project.run(&["promote", "verify"]);
    assert!(verify.code == 1 && verify.stdout.contains(&name), "{}", verify.stdout);
}

#[test]
fn who_retires_acts_no_more_and_stands_in_nobodys_way() {
    let project = waiting();
    act(&project, "eve", 4, &["approve"]).ok();
    let people = std::fs::read_to_string(project.path("people.toml")).unwrap();
    let retired = people.replace("name = \"eve\"\n", "name = \"eve\"\nretired = true\n");
    project.write("people.toml", &retired);
    let refused = act(&project, "eve", 4, &["rollback"]);
    assert!(refused.code == 2 && refused.stderr.contains("eve is retired"), "{}", refused.stderr);
    act(&project, "ann", 4, &["promote"]).ok();
    verified(&project);
    // Forgotten altogether: what eve signed is believed no more, and a rollback needs nobody's belief.
    let known = people.split("[[person]]\n").filter(|person| !person.contains("\"eve\"")).collect::<Vec<_>>();
    project.write("people.toml", known.join("[[person]]\n"));
    assert_eq!(act(&project, "kim", 5, &["rollback"]).code, 5);
}

#[test]
fn time_is_given_in_rehearsals_alone() {
    let project = waiting();
    project.write("tidegate.toml", "");
    let dated = act(&project, "ann", 4, &["promote"]);
    assert!(dated.code == 2 && dated.stderr.contains("TG677"), "{}", dated.stderr);
}

#[test]
fn traces_judge_one_version() {
    let project = waiting();
    act(&project, "kim", 4, &["rollback"]);
    let text = std::fs::read_to_string(project.path("gates/local.yaml")).unwrap();
    project.write("gates/local.yaml", text.replace("version: 1", "version: 2"));
    let again = register(&project);
    assert!(again.code == 2 && again.stderr.contains("TG678"), "{}", again.stderr);
}

/// What came after a verdict may speak against it.
#[test]
fn an_old_pass_does_not_promote() {
    let project = waiting();
    project.write("gates/local.yaml", gate("local", 1, ""));
    land(&project, "local2", 4, "v1", [100, 300]);
    release(&project);
    act(&project, "eve", 8, &["approve"]).ok();
    let refused = act(&project, "ann", 8, &["promote"]);
    assert!(refused.code == 5 && refused.stderr.contains("since that verdict"), "{}", refused.stderr);
}
