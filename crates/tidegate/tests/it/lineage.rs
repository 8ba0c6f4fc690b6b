//! Does a catalogue hear what was made of what, each release once, also when it was away?

use std::collections::BTreeSet;
use std::thread::JoinHandle;

use serde_json::Value;
use tiny_http::{Response, Server};

use crate::project::Project;

const SQL: &str = "
CREATE STREAM d (t TIMESTAMP, k VARCHAR) WITH (path = 'landing', format = 'csv', event_time = 't');
CREATE SIGNAL daily WITH (owner = 'trust', description = 'Rows of a day') AS
SELECT window_start, window_end, COUNT(*) AS n FROM TUMBLE(d, t, INTERVAL '1 day') GROUP BY window_start, window_end;
CREATE SIGNAL busiest AS SELECT MAX(n) AS most FROM released.daily;
CREATE SIGNAL inside WITH (scope = 'internal') AS SELECT COUNT(*) AS n FROM d;
";

fn project(settings: &str) -> Project {
    let project = Project::with_sql(SQL);
    project.write("tidegate.toml", settings);
    project.write("landing/a.csv", "t,k\n2026-01-05T00:30:00Z,secret\n2026-01-06T00:30:00Z,secret\n");
    project
}

/// Every event that was told, in its order.
fn told(project: &Project) -> Vec<Value> {
    let lines = project.files("lineage").into_values().flat_map(|bytes| {
        String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<_>>()
    });
    lines.collect()
}

#[test]
fn releases_are_told_to_files_once() {
    let project = project("[lineage]\nto = \"files\"\nnamespace = \"shop\"\n");
    project.run(&["run", "--until-end"]).ok();
    let first = project.files("lineage");
    let events = told(&project);
    let names = events.iter().map(|event| event["job"]["name"].as_str().unwrap()).collect::<BTreeSet<_>>();
    assert!(names.is_superset(&BTreeSet::from(["daily", "busiest"])), "{names:?}");
    let of = |name: &str, kind: &str| {
        events.iter().find(|event| event["job"]["name"] == name && event["eventType"] == kind).unwrap().clone()
    };
    let (start, end) = (of("daily", "START"), of("daily", "COMPLETE"));
    assert_eq!(start["run"]["runId"], end["run"]["runId"]);
    assert_eq!((&end["job"]["namespace"], &end["inputs"][0]["namespace"]), (&"shop".into(), &"file".into()));
    let root = project.path("").canonicalize().unwrap();
    let path = |name: &str| Value::from(root.join(name).display().to_string());
    assert_eq!(end["inputs"][0]["name"], path("landing"));
    let output = &end["outputs"][0];
    assert_eq!(output["name"], path("released/signal=daily"));
    assert_eq!(output["outputFacets"]["outputStatistics"]["rowCount"], 2);
    assert_eq!(output["outputFacets"]["outputStatistics"]["fileCount"], 2);
    assert_eq!(end["job"]["facets"]["ownership"]["owners"][0]["name"], "trust");
    assert_eq!(end["job"]["facets"]["documentation"]["description"], "Rows of a day");
    assert_eq!(end["run"]["facets"]["tidegate_release"]["releases"][0]["date"], "2026-01-05");
    // A signal over released ones reads them.
    assert_eq!(of("busiest", "COMPLETE")["inputs"][0]["name"], path("released/signal=daily"));
    for event in &events {
        assert!(!event.to_string().contains("secret"), "{event}");
        // How many rows there are is told of what everybody may read.
        let output = &event["outputs"][0];
        assert!(
            !output["name"].as_str().unwrap_or_default().contains("/internal/") || output["outputFacets"].is_null()
        );
    }
    project.run(&["run", "--until-end"]).ok();
    assert_eq!(project.files("lineage"), first, "nothing was released, nothing is told");
    // What a crash left untold is told by the next run, in the same words.
    std::fs::remove_dir_all(project.path("lineage")).unwrap();
    project.run(&["run", "--until-end"]).ok();
    assert_eq!(project.files("lineage"), first);
}

/// A catalogue that refuses so many events, and then takes and counts the others.
fn catalogue(refusing: usize, taking: usize) -> (String, JoinHandle<Vec<Value>>) {
    let server = Server::http("127.0.0.1:0").unwrap();
    let url = format!("http://{}/api/v1/lineage", server.server_addr());
    let thread = std::thread::spawn(move || {
        let mut taken = Vec::new();
        for number in 0..refusing + taking {
            let mut request = server.recv().unwrap();
            let mut body = String::new();
            request.as_reader().read_to_string(&mut body).unwrap();
            assert!(request.headers().iter().any(|header| header.value.as_str() == "Bearer t0ken"));
            let status = if number < refusing { 503 } else { 201 };
            if status == 201 {
                taken.push(serde_json::from_str(&body).unwrap());
            }
            request.respond(Response::empty(status)).unwrap();
        }
        taken
    });
    (url, thread)
}

#[test]
fn a_catalogue_that_was_away_hears_it_later() {
    let told_to_files = project("[lineage]\nto = \"files\"\n");
    told_to_files.run(&["run", "--until-end"]).ok();
    let count = told(&told_to_files).len();

    let (url, thread) = catalogue(1, count);
    let project = project(&format!("[lineage]\nto = \"{url}\"\ntoken_env = \"LINEAGE_TOKEN\"\n"));
    let unset = project.run(&["run", "--until-end"]);
    assert!(unset.code == 3 && unset.stderr.contains("TG320"), "{unset:?}");
    let token = [("LINEAGE_TOKEN", "t0ken")];
    let refused = project.run_with(&["run", "--until-end"], &token).ok();
    assert!(refused.stderr.contains("TG324") && refused.stderr.contains("503"), "{refused:?}");
    assert_eq!(
        project.run(&["sql", "--format", "json", "SELECT most FROM released.busiest"]).ok().stdout.trim(),
        "[{\"most\":1}]"
    );
    let run = project.run_with(&["run", "--until-end"], &token).ok();
    assert!(!run.stderr.contains("TG324"), "{run:?}");
    let taken = thread.join().unwrap();
    assert_eq!(taken, told(&project), "what was taken is what is on record");
    project.run_with(&["run", "--until-end"], &token).ok();
    project.write("tidegate.toml", "[lineage]\nto = \"somewhere\"\n");
    assert!(project.run(&["run"]).failure().contains("TG301"));
}
