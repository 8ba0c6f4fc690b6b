//! Are people asked about the decisions that wait, on record, and does what they say become labels, once?

use serde_json::Value;

use crate::project::Project;
use crate::serve::{Served, asked, span};

const SQL: &str = "
CREATE STREAM decisions WITH (path = 'landing/decisions/', format = 'parquet', contract = 'decisions');
CREATE STREAM labels WITH (path = 'landing/labels/', format = 'parquet', contract = 'labels');";

const LABELS: &str = "[review.edit_quality]
when = \"value IS NULL AND (risk_class = 'high' OR confidence IS NULL OR confidence < 0.6)\"
columns = [\"agent_name\", \"confidence\"]
kind = \"rating\"
";

/// A project to which three decisions of one tenant came, one of them twice.
fn project() -> Project {
    let project = Project::with_sql(SQL);
    project.write("labels.toml", LABELS);
    project.write("tidegate.toml", "[evidence]\npurposes = [\"labelling\"]\n");
    let served = Served::start(&project);
    for number in [1, 2, 3, 3] {
        assert_eq!(served.post("/v1/traces", &span(number).to_string()).0, 200);
    }
    served.stop().ok();
    project
}

fn export<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let asked = ["review", "export", "edit_quality", "--tenant", "acme", "--who", "ann", "--purpose", "labelling"];
    asked.into_iter().chain(more.iter().copied()).collect()
}

fn waiting(project: &Project) -> Vec<Value> {
    let rows = project.run(&export(&["--format", "jsonl"])).ok().stdout;
    rows.lines().map(|row| serde_json::from_str(row).unwrap()).collect()
}

#[test]
fn what_people_say_is_a_label_once() {
    let project = project();
    let rows = waiting(&project);
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert!(rows.iter().all(|row| row["agent_name"] == "billing" && row["label_name"] == "edit_quality"), "{rows:?}");
    assert_eq!(rows, waiting(&project), "ids and order are stable");

    let mut filled = rows.clone();
    filled[0]["label_value"] = "good".into();
    filled[1]["label_value"] = "bad".into();
    filled[1]["comment"] = "he wrote ann@example.com".into();
    let lines = filled.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
    let file = project.write("filled.jsonl", lines);
    let import = ["review", "import", file.to_str().unwrap(), "--annotator", "bob@example.com"];
    let said = project.run(&import).ok().stderr;
    assert!(said.contains("2 labels landed; 1 row without a judgement"), "{said}");
    let again = project.run(&import).ok().stderr;
    assert!(again.contains("had been landed before"), "{again}");

    let effective = project.run(&["labels", "effective", "--format", "json"]).ok().stdout;
    let effective = serde_json::from_str::<Vec<Value>>(&effective).unwrap();
    let mut values = effective.iter().map(|row| row["value"].as_str().unwrap()).collect::<Vec<_>>();
    values.sort_unstable();
    assert_eq!(values, ["bad", "good"]);
    assert!(effective.iter().all(|row| row["annotator_kind"] == "HUMAN" && row["n_votes"] == 1), "{effective:?}");
    assert_eq!(waiting(&project).len(), 1);
    let kinds = asked(&project, "SELECT DISTINCT label_kind, annotator_token = identifier AS same FROM labels");
    assert_eq!(kinds, [serde_json::json!({"label_kind": "rating", "same": true})]);
    // Who judged is a token, and what they wrote freely is not kept.
    for (name, bytes) in project.files("landing") {
        assert!(!bytes.windows(7).any(|part| part == b"example"), "{name}");
    }
}

#[test]
fn a_spreadsheet_and_parquet_come_back_too() {
    let project = project();
    let csv = project.run(&export(&["--limit", "2"])).ok().stdout;
    let header = csv.lines().next().unwrap();
    assert!(
        header.starts_with("review_id,tenant_id,decision_id,event_time,agent_name,confidence,label_name"),
        "{header}"
    );
    let place = header.split(',').position(|name| name == "label_value").unwrap();
    let filled = csv.lines().enumerate().map(|(row, line)| {
        let mut cells = line.split(',').map(str::to_owned).collect::<Vec<_>>();
        if row > 0 {
            cells[place] = "good".to_owned();
        }
        cells.join(",")
    });
    let file = project.write("filled.csv", filled.collect::<Vec<_>>().join("\n"));
    project.run(&["review", "import", file.to_str().unwrap(), "--annotator", "bob"]).ok();
    assert_eq!(waiting(&project).len(), 1);

    let untouched = project.run_to_file(&export(&["--format", "parquet"]), "untouched.parquet");
    let said = project.run(&["review", "import", untouched.to_str().unwrap(), "--annotator", "bob"]).ok().stderr;
    assert!(said.contains("0 labels landed; 1 row without a judgement"), "{said}");
}

#[test]
fn nobody_looks_without_a_purpose_and_each_look_is_on_record() {
    let project = project();
    let refused = project.run(&["review", "export", "edit_quality", "--tenant", "acme", "--who", "ann"]).failure();
    assert!(refused.contains("TG730"), "{refused}");
    let other = export(&["--format", "csv"]).into_iter().map(|word| if word == "labelling" { "fun" } else { word });
    assert!(project.run(&other.collect::<Vec<_>>()).failure().contains("TG731"));
    assert_eq!(waiting(&project).len(), 3);
    let of_another =
        export(&["--format", "jsonl"]).into_iter().map(|word| if word == "acme" { "globex" } else { word });
    assert_eq!(project.run(&of_another.collect::<Vec<_>>()).ok().stdout, "");
    let log = project.run(&["evidence", "log"]).ok().stdout;
    let looks = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>();
    let outcomes = looks.iter().map(|look| look["outcome"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(outcomes, ["no_purpose", "purpose_not_allowed", "granted", "granted"]);
    assert_eq!((&looks[2]["review"], &looks[2]["tenant"]), (&"edit_quality".into(), &"acme".into()));
}

#[test]
fn mistakes_are_told_and_nothing_is_taken() {
    let project = project();
    let unknown = project.run(&["review", "export", "nothing", "--tenant", "acme"]).failure();
    assert!(unknown.contains("TG793") && unknown.contains("edit_quality"), "{unknown}");
    let rows = waiting(&project);
    let refused = |change: &dyn Fn(&mut Value), annotator: &[&str]| {
        let mut row = rows[0].clone();
        row["label_value"] = "good".into();
        change(&mut row);
        let file = project.write("wrong.jsonl", row.to_string());
        let import = ["review", "import", file.to_str().unwrap()].into_iter().chain(annotator.iter().copied());
        let told = project.run(&import.collect::<Vec<_>>()).failure();
        assert!(told.contains("TG794"), "{told}");
        told
    };
    let bob = ["--annotator", "bob"];
    assert!(refused(&|row| row["decision_id"] = rows[1]["decision_id"].clone(), &bob).contains("review_id"));
    assert!(refused(&|_| {}, &[]).contains("annotator"));
    assert!(refused(&|row| row["labeled_at"] = "yesterday".into(), &bob).contains("labeled_at"));
    assert!(refused(&|row| row["score"] = "much".into(), &bob).contains("row 1"));
    assert_eq!(waiting(&project).len(), 3);

    project.write("labels.toml", LABELS.replace("risk_class", "risk_clas"));
    let misspelt = project.run(&export(&[])).failure();
    assert!(misspelt.contains("risk_class") && misspelt.contains("[review.edit_quality]"), "{misspelt}");
    project.write("labels.toml", LABELS.replace("agent_name", "agent_nam"));
    let unseen = project.run(&export(&[])).failure();
    assert!(unseen.contains("TG793") && unseen.contains("did you mean `agent_name`?"), "{unseen}");
    project.write("labels.toml", "[review.x]\ncolumns = []\n");
    assert!(project.run(&export(&[])).failure().contains("TG782"));
}
