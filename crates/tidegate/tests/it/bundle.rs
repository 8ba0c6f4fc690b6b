//! Is a bundle kept as it was made, found again, and never mistaken for another?

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::project::{Project, Run};

const FIRST: &str = "bundles/support-1.4.0/bundle.yaml";
const SECOND: &str = "bundles/support-1.5.0/bundle.yaml";

/// The example's files, in a project without anything else.
fn project() -> Project {
    let project = Project::empty();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/bundles"), &project.path("bundles"));
    project
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

fn create_first(project: &Project) -> Run {
    project.run(&["bundle", "create", FIRST, "--created-at", "2026-05-04T10:00:00Z"])
}

fn create_second(project: &Project) -> Run {
    project.run(&["bundle", "create", SECOND, "--created-at", "2026-05-11T10:00:00Z"])
}

/// A project with both bundles.
fn with_both() -> Project {
    let project = project();
    create_first(&project).ok();
    create_second(&project).ok();
    project
}

/// Replaces a piece of a file.
fn edit(project: &Project, file: &str, from: &str, to: &str) {
    let text = fs::read_to_string(project.path(file)).unwrap();
    assert_eq!(text.matches(from).count(), 1, "{from} must stand in {file} once");
    project.write(file, text.replace(from, to));
}

fn json(run: Run) -> Value {
    serde_json::from_str(&run.ok().stdout).unwrap()
}

#[test]
fn a_bundle_is_kept_and_shown() {
    let project = project();
    insta::assert_snapshot!("created", create_first(&project).ok().stdout);
    create_second(&project).ok();
    insta::assert_snapshot!("ls", project.run(&["bundle", "ls"]).ok().stdout);
    insta::assert_snapshot!("show", project.run(&["bundle", "show", "support@1.5.0"]).ok().stdout);
    insta::assert_snapshot!("diff", project.run(&["bundle", "diff", "support@1.4.0", "support@1.5.0"]).ok().stdout);
    insta::assert_snapshot!("verify", project.run(&["bundle", "verify"]).ok().stdout);
    let files = project.files("registry").into_keys().collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!("files", files);
}

#[test]
fn programs_read_the_same() {
    let project = with_both();
    let shown = json(project.run(&["bundle", "show", "support@1.5.0", "--json"]));
    let digest = shown["digest"].as_str().unwrap();
    assert_eq!((&shown["missing"], &shown["version"]), (&Value::from(Vec::<Value>::new()), &"1.5.0".into()));
    let listed = json(project.run(&["bundle", "ls", "--json"]));
    assert_eq!((&listed[1]["label"], &listed[1]["digest"]), (&"support@1.5.0".into(), &digest.into()));
    assert_eq!(shown["parents"]["previous"], listed[0]["digest"]);
    let difference = json(project.run(&["bundle", "diff", "support@1.4.0", digest, "--json"]));
    let kinds = difference["changes"].as_array().unwrap().iter().map(|change| &change["kind"]);
    assert!(kinds.eq([&Value::from("changed"); 5]), "{difference}");
    let audit = json(project.run(&["bundle", "verify", "--json"]));
    assert_eq!(audit, serde_json::json!({ "bundles": 2, "blobs": 10, "labels": 2, "bad": {} }));
}

#[test]
fn a_digest_can_be_abbreviated() {
    let project = with_both();
    let listed = json(project.run(&["bundle", "ls", "--json"]));
    let digest = listed[0]["digest"].as_str().unwrap();
    for text in [digest, &digest[..7 + 8], &digest["sha256:".len()..], &digest[7..7 + 12]] {
        let shown = project.run(&["bundle", "show", text]).ok().stdout;
        assert!(shown.starts_with(&format!("support@1.4.0 {digest}\n")), "{shown}");
    }
    let too_short = project.run(&["bundle", "show", &digest[7..7 + 7]]);
    assert!(too_short.code == 2 && too_short.stderr.contains("TG658"), "{}", too_short.failure());
    // Two files whose names begin alike.
    let name = |digit: &str| format!("registry/bundles/abcdef00{}.json", digit.repeat(56));
    project.write(&name("0"), "");
    project.write(&name("1"), "");
    insta::assert_snapshot!("ambiguous", project.run(&["bundle", "show", "abcdef00"]).failure());
    insta::assert_snapshot!("unknown", project.run(&["bundle", "show", "support@2.0.0"]).failure());
    insta::assert_snapshot!("damaged", project.run(&["bundle", "show", "abcdef000"]).failure());
}

#[test]
fn creating_again_changes_nothing() {
    let project = project();
    project.run(&["bundle", "create", FIRST]).ok();
    let before = project.files("registry");
    // The time is that of the first one, whatever the clock says now.
    let again = project.run(&["bundle", "create", FIRST]).ok().stdout;
    assert!(again.starts_with("is here already: support@1.4.0 sha256:"), "{again}");
    assert_eq!(json(project.run(&["bundle", "create", FIRST, "--json"]))["created"], false);
    assert_eq!(before, project.files("registry"));
    // What went missing is put back.
    let blob = before.keys().find(|name| name.starts_with("blobs/")).unwrap();
    fs::remove_file(project.path("registry").join(blob)).unwrap();
    assert_eq!(project.run(&["bundle", "verify"]).code, 1);
    project.run(&["bundle", "create", FIRST]).ok();
    assert_eq!(before, project.files("registry"));
}

#[test]
fn a_dry_run_writes_nothing() {
    let project = project();
    let dry = |file, at| project.run(&["bundle", "create", file, "--created-at", at, "--dry-run", "--json"]);
    let would = json(dry(FIRST, "2026-05-04T10:00:00Z"));
    assert_eq!((&would["created"], &would["dry_run"]), (&true.into(), &true.into()));
    assert!(!project.path("registry").exists());
    assert!(create_first(&project).ok().stdout.contains(would["digest"].as_str().unwrap()));
    edit(&project, SECOND, "version: 1.5.0\nauthor", "version: 1.3.0\nauthor");
    assert_eq!(dry(SECOND, "2026-05-11T10:00:00Z").code, 2, "it refuses what a real run refuses");
}

#[test]
fn a_bundle_that_lacks_parts_is_kept_and_says_so() {
    let project = project();
    project.write("bundle.yaml", "bundle: a\nversion: 0.1.0\nauthor: ann\n");
    let created = project.run(&["bundle", "create", "bundle.yaml", "--created-at", "2026-05-04T10:00:00Z"]).ok();
    insta::assert_snapshot!("lacks", created.stdout);
    assert_eq!(json(project.run(&["bundle", "show", "a@0.1.0", "--json"]))["missing"].as_array().unwrap().len(), 10);
}

/// Creates the second bundle after the first, with one piece replaced.
fn refused(name: &str, from: &str, to: &str) {
    let project = project();
    create_first(&project).ok();
    let before = project.files("registry");
    edit(&project, SECOND, from, to);
    insta::assert_snapshot!(name, create_second(&project).failure());
    assert_eq!(before, project.files("registry"), "what is refused leaves nothing behind");
}

#[test]
fn what_is_wrong_is_refused_at_its_place() {
    refused("typo", "feature_flags:", "feature_flag:");
    refused("no_file", "file: prompts/system.md", "file: prompts/sistem.md");
    refused("no_parent", "last_known_good: support@1.4.0", "last_known_good: support@1.3.0");
    refused("not_later", "version: 1.5.0\nauthor", "version: 1.3.9\nauthor");
    refused("edited_in_place", "refund: { version: 1.5.0", "refund: { version: 1.3.1");
    let parents = "parents:\n  previous: support@1.4.0\n  last_known_good: support@1.4.0\n";
    refused("not_the_first", parents, "");
}

#[test]
fn a_label_never_means_two_bundles() {
    let project = with_both();
    let other_time = project.run(&["bundle", "create", FIRST, "--created-at", "2026-05-05T10:00:00Z"]);
    assert!(other_time.stderr.contains("it was made at 2026-05-04T10:00:00Z"), "{}", other_time.failure());
    project.write("bundles/support-1.4.0/prompts/system.md", "You answer nobody.\n");
    insta::assert_snapshot!("taken", project.run(&["bundle", "create", FIRST]).failure());
}

#[test]
fn of_two_who_want_one_label_one_gets_it() {
    let project = project();
    let authors = ["ann", "bob", "eve"];
    for author in authors {
        project.write(&format!("{author}.yaml"), format!("bundle: a\nversion: 1.0.0\nauthor: {author}\n"));
    }
    let runs = std::thread::scope(|scope| {
        let created = authors.map(|author| {
            let project = &project;
            scope.spawn(move || project.run(&["bundle", "create", &format!("{author}.yaml")]))
        });
        created.map(|run| run.join().unwrap())
    });
    let (won, lost): (Vec<_>, Vec<_>) = runs.iter().partition(|run| run.code == 0);
    assert_eq!(won.len(), 1, "{runs:?}");
    assert!(lost.iter().all(|run| run.code == 2 && run.stderr.contains("TG657")), "{runs:?}");
    project.run(&["bundle", "verify"]).ok();
}

#[test]
fn any_changed_file_is_named() {
    let project = with_both();
    for (name, bytes) in project.files("registry") {
        let path = PathBuf::from("registry").join(&name).display().to_string();
        let mut changed = bytes.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        project.write(&path, changed);
        let run = project.run(&["bundle", "verify"]);
        assert!(run.code == 1 && run.stdout.starts_with(&path), "{path}: {run:?}");
        fs::remove_file(project.path(&path)).unwrap();
        let run = project.run(&["bundle", "verify"]);
        // A bundle without its label is what a crash leaves behind.
        assert_eq!(run.code, i32::from(!name.starts_with("labels/")), "{path}: {run:?}");
        project.write(&path, bytes);
    }
    project.write("registry/blobs/readme.txt", "");
    insta::assert_snapshot!("stranger", project.run(&["bundle", "verify"]).stdout);
}

#[test]
fn one_bundle_is_verified_with_all_it_needs() {
    let project = with_both();
    let listed = json(project.run(&["bundle", "ls", "--json"]));
    let first = listed[0]["digest"].as_str().unwrap()["sha256:".len()..].to_owned();
    project.run(&["bundle", "verify", "support@1.5.0"]).ok();
    fs::remove_file(project.path(&format!("registry/bundles/{first}.json"))).unwrap();
    let run = project.run(&["bundle", "verify", "support@1.5.0"]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains(&format!("registry/bundles/{first}.json: it is missing, and support@1.5.0 needs it")));
    assert!(project.run(&["bundle", "show", "support@1.5.0"]).ok().stdout.contains("previous: not here"));
}
