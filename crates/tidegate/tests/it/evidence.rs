//! Is evidence kept encrypted, given out for a purpose after that is on record, and forgotten with its tenant?

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use serde_json::Value;

use crate::project::Project;
use crate::serve::{Served, asked, send, span};

const CONTRACT: &str = "apiVersion: v3.1.0
kind: DataContract
id: urn:contract:notes
name: notes
version: 1.0.0
status: active
team: { name: trust-eng }
schema:
  - name: notes
    properties:
      - { name: at, logicalType: timestamp, required: true, classification: internal }
      - { name: tenant_id, logicalType: string, required: true, classification: confidential }
      - name: note
        logicalType: string
        classification: restricted
        customProperties: [{ property: ingestPolicy, value: evidence }]
slaProperties: [{ property: latency, value: 5, unit: m }, { property: retention, value: 1, unit: d }]
customProperties:
  - { property: source, value: test }
  - { property: reliability, value: at-least-once }
  - { property: privacyClass, value: restricted }
  - { property: eventTime, value: at }
";

fn notes() -> RecordBatch {
    let at: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![1_767_600_000_000_000; 2]));
    let tenant: ArrayRef = Arc::new(StringArray::from(vec!["acme", "globex"]));
    let note: ArrayRef = Arc::new(StringArray::from(vec!["the refund was refused twice", "the other one's words"]));
    RecordBatch::try_from_iter([("at", at), ("tenant_id", tenant), ("note", note)]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_is_read_for_a_purpose_and_forgotten_with_its_tenant() {
    let project = Project::with_sql(
        "CREATE STREAM notes WITH (path = 'landing/notes/', format = 'parquet', contract = 'contracts/notes.yaml');
         CREATE SIGNAL noted WITH (scope = 'local') AS
         SELECT tenant_id, MAX(note) AS reference FROM notes GROUP BY tenant_id;",
    );
    project.write("contracts/notes.yaml", CONTRACT);
    project.write("tidegate.toml", "[evidence]\nkeep = true\npurposes = [\"incident\"]\n");
    let served = Served::start(&project);
    send(&served, "notes", vec![notes()]).await.unwrap();
    served.stop().ok();
    project.run(&["run", "--until-end"]).ok();
    for folder in ["landing", "evidence", "state", "local", "log", "keys"] {
        for (name, bytes) in project.files(folder) {
            assert!(!bytes.windows(6).any(|part| part == b"refund"), "{folder}/{name}");
        }
    }
    let rows = asked(&project, "SELECT tenant_id, reference FROM local.noted ORDER BY tenant_id");
    let reference = |row: usize| rows[row]["reference"].as_str().unwrap().to_owned();
    let get = |reference: &str, purpose: &str| {
        project.run(&["evidence", "get", reference, "--who", "ann", "--purpose", purpose])
    };
    let read = get(&reference(0), "incident").ok().stdout;
    assert_eq!(read.trim_end(), "the refund was refused twice");
    let refused = get(&reference(0), "curiosity").failure();
    assert!(refused.contains("TG731") && !refused.contains("refund"), "{refused}");
    let log = project.run(&["evidence", "log"]).ok().stdout;
    let outcomes = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["outcome"].clone());
    assert_eq!(outcomes.collect::<Vec<_>>(), ["granted", "purpose_not_allowed"]);

    project.run(&["keys", "destroy", "--tenant", "acme", "--for-ever"]).ok();
    let gone = get(&reference(0), "incident").failure();
    assert!(gone.contains("TG733"), "{gone}");
    assert_eq!(get(&reference(1), "incident").ok().stdout.trim_end(), "the other one's words");
}

#[test]
fn what_an_agent_was_told_is_evidence_where_that_is_asked_for() {
    const SQL: &str = "
CREATE STREAM decisions WITH (path = 'landing/decisions/', format = 'parquet', contract = 'decisions');
CREATE SIGNAL said WITH (scope = 'local', kind = 'ops') AS
SELECT tenant_id, COUNT(*) AS n, MAX(evidence_ref) AS reference FROM decisions GROUP BY tenant_id;";
    for keep in [true, false] {
        let project = Project::with_sql(SQL);
        project.write("tidegate.toml", format!("[evidence]\nkeep = {keep}\npurposes = [\"incident\"]\n"));
        let served = Served::start(&project);
        assert_eq!(served.post("/v1/traces", &span(1).to_string()).0, 200);
        served.stop().ok();
        project.run(&["run", "--until-end"]).ok();
        for (name, bytes) in project.files(".") {
            assert!(!bytes.windows(7).any(|part| part == b"hunter2"), "{name}");
        }
        let rows = asked(&project, "SELECT n, reference FROM local.said");
        assert_eq!(rows[0]["n"], 1);
        let Some(reference) = rows[0]["reference"].as_str() else {
            assert!(!keep, "{rows:?}");
            continue;
        };
        assert!(keep, "{rows:?}");
        let read = project.run(&["evidence", "get", reference, "--who", "ann", "--purpose", "incident"]).ok().stdout;
        let said = serde_json::from_str::<Value>(&read).unwrap();
        assert_eq!(said["gen_ai.input.messages"], "my password is hunter2");
    }
}

#[test]
fn what_is_past_its_time_is_removed_and_only_said_before() {
    let project = Project::with_sql(
        "CREATE STREAM notes WITH (path = 'landing/notes/', format = 'ndjson', contract = 'contracts/notes.yaml');",
    );
    project.write("contracts/notes.yaml", CONTRACT);
    project.write("landing/notes/date=2026-01-01/a.ndjson", "{}\n");
    project.write("landing/notes/date=9999-01-01/b.ndjson", "{}\n");
    let said = project.run(&["retention", "apply", "--dry-run"]).ok();
    assert!(said.stdout.contains("notes: 1 file"), "{said:?}");
    assert_eq!(project.files("landing").len(), 2);
    project.run(&["retention", "apply"]).ok();
    assert_eq!(project.files("landing").into_keys().collect::<Vec<_>>(), ["notes/date=9999-01-01/b.ndjson"]);
}
