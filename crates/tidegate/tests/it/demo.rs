//! Does the README's first command keep its word?

use crate::project::Project;

#[test]
fn the_demo_releases_parquet_and_a_second_run_changes_nothing() {
    let project = Project::empty();
    let first = project.run(&["demo", "--dir", "d", "--rows", "40000"]).ok();
    for said in ["Read      40000 decision traces", "Released  outcomes_by_task", "withheld", "Verdict   "] {
        assert!(first.stdout.contains(said), "{said}: {}", first.stdout);
    }
    let before = project.files("d");
    let released = before.keys().filter(|path| path.starts_with("released/")).collect::<Vec<_>>();
    assert_eq!(released.len(), 14, "{released:?}");
    project.run(&["demo", "--dir", "d", "--rows", "40000"]).ok();
    assert_eq!(before, project.files("d"));
}

#[test]
fn the_demo_does_not_fill_a_folder_that_is_in_use() {
    let project = Project::empty();
    project.write("d/thesis.txt", "precious");
    let run = project.run(&["demo", "--dir", "d"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert_eq!(project.files("d").len(), 1);
}

#[test]
fn the_same_seed_releases_the_same_bytes() {
    let (left, right) = (Project::empty(), Project::empty());
    for project in [&left, &right] {
        project.run(&["demo", "--dir", "d", "--rows", "20000", "--seed", "7"]).ok();
    }
    assert_eq!(left.files("d/released"), right.files("d/released"));
}
