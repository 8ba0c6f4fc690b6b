//! One byte of any log, verdict, bundle or released file is changed, and `verify` names the file.

use super::*;

/// A rollout with a bit of everything: a verdict, an approval, a drill, a step taken back.
fn lived() -> Project {
    let project = project();
    project.write("gates/local.yaml", gate("local", 1, "approvals: { required: 1 }\n"));
    register(&project).ok();
    land(&project, "local", 0, "v1", [100, 100]);
    release(&project);
    act(&project, "ann", 4, &["promote"]).ok();
    act(&project, "ann", 4, &["evaluate"]).ok();
    act(&project, "eve", 4, &["approve"]).ok();
    act(&project, "kim", 4, &["drill"]).ok();
    act(&project, "ann", 4, &["promote"]).ok();
    verified(&project);
    project
}

/// Files that are proven.
const FOLDERS: [&str; 7] = ["audit", "registry", "pointers", "log", "released", "routing", "events/pointers"];

#[test]
fn every_changed_byte_is_named() {
    let project = lived();
    let mut tried = 0;
    for folder in FOLDERS {
        for (name, bytes) in project.files(folder) {
            let path = format!("{folder}/{name}");
            if path == "registry/audit.pub.pem" {
                continue;
            }
            assert!(!bytes.is_empty(), "{path}");
            // A byte early, one in the middle and the last one, another bit of each.
            for (at, bit) in [(bytes.len() / 7, 0), (bytes.len() / 2, 3), (bytes.len() - 1, 6)] {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                project.write(&path, &changed);
                let run = project.run(&["promote", "verify"]);
                assert!(run.code == 1 && run.stdout.contains(&path), "{path} at {at}: {}{}", run.stdout, run.stderr);
                tried += 1;
            }
            project.write(&path, &bytes);
        }
    }
    assert!(tried > 60, "{tried}");
    verified(&project);
}

#[test]
fn a_file_that_is_missing_or_too_many_is_named() {
    let project = lived();
    for folder in FOLDERS {
        let Some((name, bytes)) = project.files(folder).into_iter().next() else { continue };
        let path = format!("{folder}/{name}");
        std::fs::remove_file(project.path(&path)).unwrap();
        let run = project.run(&["promote", "verify"]);
        // A released file that is missing is made again by the next run: nobody was told anything wrong.
        let may_be_missing = folder == "released" || path == "log/budget";
        assert!(may_be_missing || run.code != 0, "{path}: {}{}", run.stdout, run.stderr);
        project.write(&path, &bytes);
    }
    for path in ["registry/approvals/0.json", "pointers/support/00000000000000000099.json", "audit/tile/9/000"] {
        project.write(path, "{}");
        let run = project.run(&["promote", "verify"]);
        assert!(run.code == 1 && run.stdout.contains(path), "{path}: {}{}", run.stdout, run.stderr);
        std::fs::remove_file(project.path(path)).unwrap();
    }
    verified(&project);
}
