//! What a person gets wrong, and what is said of it.

use super::*;

#[test]
fn nobody_acts_without_a_key_that_is_known() {
    let project = project();
    let nobody = project.run(&["promote", "promote"]);
    insta::assert_snapshot!(nobody.failure());
    promote(&project, "mal", &["enroll", "mal", "--key", "mal.pem"], None).ok();
    let people = std::fs::read_to_string(project.path("people.toml")).unwrap();
    let known = people.split("[[person]]\nname = \"mal\"").next().unwrap().to_owned();
    project.write("people.toml", known);
    let stranger = act(&project, "mal", 1, &["promote"]);
    assert!(
        stranger.code == 2 && stranger.stderr.contains("is the key of nobody in people.toml"),
        "{}",
        stranger.stderr
    );
}

#[test]
fn a_gate_that_cannot_decide_is_refused_before_anything_runs() {
    let project = project();
    land(&project, "local", 0, "v1", [100, 100]);
    release(&project);
    project.write("gates/local.yaml", gate("local", 1, "").replace("3pp", "0.1pp"));
    let refused = act(&project, "ann", 0, &["register", "support@1.5.0", "--gate", "gates/local.yaml"]);
    assert!(refused.code == 2 && refused.stderr.contains("TG675"), "{}", refused.stderr);
    let plan = project.run(&["promote", "plan", "gates/local.yaml"]);
    assert!(plan.code == 2 && plan.stdout.contains("CANNOT decide"), "{}", plan.stdout);
    act(&project, "ann", 0, &["register", "support@1.5.0", "--gate", "gates/local.yaml", "--unplanned"]).ok();
}

#[test]
fn what_is_not_there_is_said() {
    let project = Project::with_sql(SQL);
    project.write("tidegate.toml", SIMULATED);
    project.run(&["promote", "status"]).ok();
    let nothing = project.run(&["promote", "log"]);
    assert!(nothing.code == 2 && nothing.stderr.contains("nothing is registered yet"), "{}", nothing.stderr);
    promote(&project, "ann", &["enroll", "ann", "--key", "ann.pem"], None).ok();
    let unknown = act(&project, "ann", 0, &["register", "support@9.9.9", "--baseline"]);
    assert!(unknown.code == 2 && unknown.stderr.contains("TG658"), "{}", unknown.stderr);
    let again = promote(&project, "ann", &["enroll", "ann", "--key", "other.pem"], None);
    assert!(again.code == 2 && again.stderr.contains("ann is in people.toml already"), "{}", again.stderr);
}

#[test]
fn a_changed_signal_ends_the_comparison() {
    let project = project();
    land(&project, "local", 0, "v1", [100, 100]);
    release(&project);
    register(&project).ok();
    act(&project, "ann", 4, &["promote"]).ok();
    project.write("sql/all.sql", SQL.replace("SUM(hits) AS num", "SUM(hits) + 0 AS num"));
    release(&project);
    let verdict = act(&project, "ann", 4, &["evaluate"]);
    assert!(verdict.code == 4 && verdict.stdout.contains("schema_changed"), "{}", verdict.stdout);
    assert_eq!(act(&project, "ann", 4, &["promote"]).code, 4);
}
