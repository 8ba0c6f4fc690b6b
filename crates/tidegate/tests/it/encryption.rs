//! Do private files say nothing without the key, and released files the same with it?

use crate::project::Project;

const SQL: &str = "
CREATE STREAM d (at TIMESTAMP, u VARCHAR, k VARCHAR, x BIGINT) WITH (path = 'landing', format = 'csv', event_time = 'at',
  watermark = INTERVAL '1 hour', dedupe_key = 'u, at');
CREATE SIGNAL s AS SELECT window_start, window_end, k, COUNT(*) AS n, MEDIAN(x) AS x
FROM TUMBLE(d, at, INTERVAL '1 day') GROUP BY window_start, window_end, k;
";
const KEY: &str = "8f14e45fceea167a5a36dedd4bea2543e7f2a1c0b9d8675443210fedcba98765";

/// A project whose rows hold a word to look for.
fn landed() -> Project {
    let project = Project::with_sql(SQL);
    let rows = (0..40).map(|row| format!("2026-01-0{}T0{}:00:00Z,u{row},canary-7431,{row}\n", 1 + row / 20, row % 10));
    project.write("landing/a.csv", "at,u,k,x\n".to_owned() + &rows.collect::<String>());
    project.write("landing/b.csv", "at,u,k,x\nnever,u1,canary-7431,1\n");
    project
}

fn sealed() -> Project {
    let project = landed();
    project.write("secret.key", format!("{KEY}\n"));
    project.write("tidegate.toml", "[encryption]\nkey_file = 'secret.key'\n");
    project
}

#[test]
fn private_files_say_nothing_without_the_key() {
    let (plain, sealed) = (landed(), sealed());
    let holds = |bytes: &Vec<u8>| bytes.windows(11).any(|word| word == b"canary-7431");
    for project in [&plain, &sealed] {
        project.run(&["run"]).ok();
        project.write("landing/c.csv", "at,u,k,x\n2025-01-01T00:00:00Z,late,canary-7431,1\n");
        project.run(&["run", "--until-end"]).ok();
    }
    assert_eq!(plain.files("released"), sealed.files("released"), "readers see the same");
    assert!(plain.files("state").values().any(holds), "the word can be found where nothing is encrypted");
    for folder in ["state", "quarantine", "dedupe", "keys", "staging"] {
        for (path, bytes) in sealed.files(folder) {
            assert!(bytes.starts_with(b"TGSEAL01") && !holds(&bytes), "{folder}/{path}");
        }
    }
    let [plain, sealed] =
        [plain, sealed].map(|project| project.run(&["quarantine", "show", "--stream", "d"]).ok().stdout);
    assert!(sealed.contains("canary-7431"), "{sealed}");
    assert_eq!(plain.lines().count(), sealed.lines().count());
}

#[test]
fn without_its_key_a_project_stands_still() {
    let project = sealed();
    project.run(&["run"]).ok();
    let before = project.files(".");
    for (settings, code) in [
        ("", "TG507"),
        ("[encryption]\nkey_file = 'other.key'\n", "TG507"),
        ("[encryption]\nkey_file = 'none.key'\n", "TG500"),
        ("[encryption]\nkey_file = 'landing/a.csv'\n", "TG507"),
        ("[encryption]\nkey_env = 'TIDEGATE_NO_SUCH_KEY'\n", "TG507"),
        ("[encryption]\nkey_file = 'secret.key'\nkey_env = 'A'\n", "TG301"),
        ("[encryption]\nkeyfile = 'secret.key'\n", "TG301"),
    ] {
        project.write("tidegate.toml", settings);
        project.write("other.key", KEY.replace('8', "9"));
        let run = project.run(&["run", "--until-end"]);
        assert!(run.stderr.contains(code), "{settings}: {}{}", run.stdout, run.stderr);
        assert!(!run.stderr.contains("8f14e45f"), "{}", run.stderr);
    }
    std::fs::remove_file(project.path("other.key")).unwrap();
    project.write("tidegate.toml", "[encryption]\nkey_file = 'secret.key'\n");
    assert_eq!(project.files("."), before, "nothing was written");
    project.run(&["run", "--until-end"]).ok();
}
