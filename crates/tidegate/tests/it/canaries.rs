//! A thousand secrets are planted in everything that a project takes: in every text of rows, in spans and logs, in headers and
//! names, in files and in what is malformed. None of them is in anything that it writes, prints, answers or measures.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::DataType;
use arrow::util::pretty::pretty_format_batches;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use tidegate_contract::shipped;
use tidegate_testkit::canary::{Finder, secret};

use crate::project::Project;
use crate::serve::{Served, send};

const SQL: &str = "
CREATE STREAM decisions WITH (path = 'landing/decisions/', format = 'parquet', contract = 'decisions');
CREATE STREAM decision_steps WITH (path = 'landing/decision_steps/', format = 'parquet', contract = 'decision_steps');
CREATE STREAM labels WITH (path = 'landing/labels/', format = 'parquet', contract = 'labels');
CREATE STREAM files WITH (path = 'incoming/', format = 'ndjson', contract = 'decisions');
CREATE SIGNAL agents WITH (scope = 'local', kind = 'ops') AS
SELECT window_start, window_end, tenant_id, task_class, user_token, outcome, model_version, override_reason, COUNT(*) AS n
FROM TUMBLE(decisions, event_time, INTERVAL '1 day')
GROUP BY window_start, window_end, tenant_id, task_class, user_token, outcome, model_version, override_reason;
CREATE SIGNAL of_files WITH (scope = 'local', kind = 'ops') AS
SELECT window_start, window_end, tenant_id, decision_id, session_id, region, COUNT(*) AS n
FROM TUMBLE(files, event_time, INTERVAL '1 day') GROUP BY window_start, window_end, tenant_id, decision_id, session_id, region;
CREATE SIGNAL said WITH (scope = 'local', kind = 'ops') AS
SELECT window_start, window_end, tenant_id, label_name, label_value, what_was_wrong, COUNT(*) AS n
FROM TUMBLE(labels, labeled_at, INTERVAL '1 day') GROUP BY window_start, window_end, tenant_id, label_name, label_value, what_was_wrong;
CREATE SIGNAL steps WITH (scope = 'local', kind = 'ops') AS
SELECT window_start, window_end, tenant_id, name, version, error_type, COUNT(*) AS n
FROM TUMBLE(decision_steps, start_time, INTERVAL '1 day') GROUP BY window_start, window_end, tenant_id, name, version, error_type;
";

const SECRETS: usize = 1_000;
const DAY_US: i64 = 1_767_600_000_000_000;

/// Hands out one secret after the other, all of them and then again from the first.
#[derive(Default)]
struct Planter {
    planted: usize,
}

impl Planter {
    fn next(&mut self) -> String {
        self.planted += 1;
        secret((self.planted - 1) % SECRETS)
    }

    /// A secret as people write it: alone, among words, in something that looks like JSON.
    fn text(&mut self) -> String {
        let secret = self.next();
        match self.planted % 3 {
            0 => secret,
            1 => format!("saw {secret}, and stopped"),
            _ => format!("{{\"note\": \"{secret}\"}}"),
        }
    }

    /// Rows under a shipped contract with a secret in every text, but for their tenant.
    fn rows(&mut self, stream: &str, count: usize) -> RecordBatch {
        let contract = shipped::contract(stream).unwrap();
        let columns = contract.columns.iter().filter(|column| !column.data_type.is_nested()).map(|column| {
            let array: ArrayRef = match (&column.data_type, column.name.as_str()) {
                (_, "tenant_id") => Arc::new(StringArray::from(vec!["acme"; count])),
                // Valid words, so that some rows stand and reach signals.
                (_, "outcome") => Arc::new(StringArray::from(vec!["accepted"; count])),
                (DataType::Int64, _) => Arc::new(Int64Array::from(vec![1; count])),
                (DataType::Int32, _) => Arc::new(Int32Array::from(vec![1; count])),
                (DataType::Float64, _) => Arc::new(Float64Array::from(vec![0.5; count])),
                (DataType::Boolean, _) => Arc::new(arrow::array::BooleanArray::from(vec![true; count])),
                (DataType::Timestamp(..), _) => {
                    Arc::new(TimestampMicrosecondArray::from(vec![DAY_US; count]).with_timezone("UTC"))
                }
                _ => Arc::new((0..count).map(|_| Some(self.text())).collect::<StringArray>()),
            };
            (column.name.clone(), array)
        });
        let columns = columns.collect::<Vec<_>>();
        RecordBatch::try_from_iter(columns).unwrap()
    }

    fn attributes(&mut self, keys: &[&str]) -> Value {
        keys.iter().map(|key| json!({"key": key, "value": {"stringValue": self.text()}})).collect()
    }

    /// A request of one span with a secret in every text, and in the keys of attributes.
    fn spans(&mut self, number: usize) -> Value {
        let unknown = self.next();
        let keys = [
            "gen_ai.agent.name",
            "gen_ai.agent.version",
            "gen_ai.request.model",
            "gen_ai.response.model",
            "user.id",
            "session.id",
            "gen_ai.conversation.id",
            "gen_ai.input.messages",
            "gen_ai.output.messages",
            "error.type",
            "gen_ai.system_instructions",
            "gen_ai.prompt.name",
            "gen_ai.prompt.version",
            "task.class",
            "decision.id",
            "tidegate.outcome",
            "tidegate.override_reason",
            "gen_ai.tool.name",
            "some.other",
            unknown.as_str(),
        ];
        let mut attributes = self.attributes(&keys);
        let operation = json!({"key": "gen_ai.operation.name", "value": {"stringValue": "invoke_agent"}});
        attributes.as_array_mut().unwrap().push(operation);
        let mut resource =
            self.attributes(&["service.name", "cloud.region", "deployment.environment.name", "host.name"]);
        resource.as_array_mut().unwrap().push(json!({"key": "tenant.id", "value": {"stringValue": "acme"}}));
        json!({"resourceSpans": [{
            "resource": {"attributes": resource},
            "schemaUrl": self.text(),
            "scopeSpans": [{
                "scope": {"name": self.text(), "version": self.text(), "attributes": self.attributes(&["a"])},
                "spans": [{
                    "traceId": format!("{number:032x}"), "spanId": format!("{number:016x}"), "name": self.text(),
                    "traceState": self.text(), "kind": 1,
                    "startTimeUnixNano": "1767600000000000000", "endTimeUnixNano": "1767600002500000000",
                    "status": {"code": 2, "message": self.text()},
                    "attributes": attributes,
                    "events": [{"name": self.text(), "timeUnixNano": "1767600001000000000",
                        "attributes": self.attributes(&["exception.message", "exception.stacktrace"])},
                        {"name": "gen_ai.evaluation.result", "timeUnixNano": "1767600001000000000",
                        "attributes": self.attributes(&["gen_ai.evaluation.name", "gen_ai.evaluation.score.label",
                            "gen_ai.evaluation.explanation"])}],
                    "links": [{"traceId": format!("{number:032x}"), "spanId": format!("{number:016x}"), "traceState": self.text(),
                        "attributes": self.attributes(&["a"])}],
                }],
            }],
        }]})
    }
}

/// Everything a server answers to bytes that somebody sends, its headers too.
fn answered(address: SocketAddr, request: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

fn post(path: &str, headers: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn none_of_a_thousand_secrets_comes_through() {
    let project = Project::with_sql(SQL);
    let mut planter = Planter::default();
    let mut shown: Vec<(String, Vec<u8>)> = Vec::new();

    // Files that somebody puts down: good rows, lines that are no JSON, values of another type, columns that nobody knows.
    let mut lines = String::new();
    for number in 0..60 {
        let mut row = crate::contracts::decision(number);
        for key in ["session_id", "user_token", "region", "decision_id", "override_reason", "span_id", "unheard_of"] {
            row[key] = planter.text().into();
        }
        match number % 4 {
            0 => lines.push_str(&format!("{row}\n")),
            1 => lines.push_str(&format!("{{\"broken\": \"{}\n", planter.next())),
            2 => {
                row["latency_us"] = planter.text().into();
                lines.push_str(&format!("{row}\n"));
            }
            _ => {
                row["event_time"] = planter.text().into();
                lines.push_str(&format!("{row}\n"));
            }
        }
    }
    project.write("incoming/rows.ndjson", lines);
    project.write("incoming/not.ndjson", format!("\0\u{1}{}", planter.next()));

    let served = Served::with(&project, &["--metrics", "127.0.0.1:0"], &[("TIDEGATE_LOG", "debug")]);
    // Rows of the right columns; of the wrong types; under names that are secrets.
    for stream in ["decisions", "decision_steps", "labels"] {
        let rows = planter.rows(stream, 40);
        let sent = send(&served, stream, vec![rows.clone()]).await;
        shown.push((format!("answer to {stream}"), format!("{sent:?}").into_bytes()));
        sent.unwrap();
        let schema = rows.schema();
        let texts = schema.fields().iter().map(|field| {
            let texts: ArrayRef = Arc::new((0..5).map(|_| Some(planter.text())).collect::<StringArray>());
            (field.name().clone(), texts)
        });
        let wrong = RecordBatch::try_from_iter(texts.collect::<Vec<_>>()).unwrap();
        let refused = send(&served, stream, vec![wrong]).await.unwrap_err();
        shown.push((format!("refusal of {stream}"), format!("{refused:?}").into_bytes()));
    }
    for _ in 0..8 {
        let name = planter.next();
        let unknown = send(&served, &name, vec![planter.rows("labels", 1)]).await.unwrap_err();
        shown.push(("refusal of an unknown stream".to_owned(), format!("{unknown:?}").into_bytes()));
        let producer = planter.next().to_lowercase();
        let refused = crate::serve::send_as(&served, &producer, "labels", vec![planter.rows("labels", 1)]).await;
        shown.push(("a producer's name".to_owned(), format!("{:?}", refused.unwrap_err()).into_bytes()));
    }
    // Spans and logs; what is none; headers and paths.
    for number in 1..=10 {
        let headers = format!(
            "content-type: application/json\r\nauthorization: Bearer {}\r\nx-note: {}\r\nuser-agent: {}\r\n",
            planter.next(),
            planter.next(),
            planter.next()
        );
        let spans = planter.spans(number).to_string();
        let answer = answered(served.http(), &post("/v1/traces", &headers, &spans));
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        shown.push(("answer to spans".to_owned(), answer));
        let cut = spans[..spans.len() / 2].to_owned();
        shown.push(("answer to half of it".to_owned(), answered(served.http(), &post("/v1/traces", &headers, &cut))));
        let wrong = format!("{{\"resourceSpans\": \"{}\", \"{}\": 1}}", planter.next(), planter.next());
        shown.push(("answer to no spans".to_owned(), answered(served.http(), &post("/v1/traces", &headers, &wrong))));
        let logs = json!({"resourceLogs": [{"resource": {"attributes": planter.attributes(&["tenant.id"])}, "scopeLogs": [{
            "logRecords": [{"body": {"stringValue": planter.text()}, "eventName": planter.text(), "severityText": planter.text(),
            "attributes": planter.attributes(&["gen_ai.evaluation.name", "x"])}]}]}]});
        let logs = answered(served.http(), &post("/v1/logs", &headers, &logs.to_string()));
        shown.push(("answer to logs".to_owned(), logs));
        let path = format!("/{}", planter.next().replace(['+', ' '], ""));
        shown.push(("answer to a path".to_owned(), answered(served.http(), &post(&path, "", ""))));
        let binary = post("/v1/traces", "content-type: application/x-protobuf\r\n", &planter.text());
        shown.push(("answer to no protobuf".to_owned(), answered(served.http(), &binary)));
    }
    let measured = answered(served.metrics(), "GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    assert!(String::from_utf8_lossy(&measured).contains("tidegate_dropped_attributes_total{"), "it measures");
    shown.push(("measurements of serve".to_owned(), measured));
    let stopped = served.stop();
    assert!(stopped.stderr.len() > 100, "it logs: {stopped:?}");
    shown.push(("what serve said".to_owned(), stopped.stderr.into_bytes()));

    for arguments in [
        &["run", "--until-end", "--json"][..],
        &["epochs", "--json"],
        &["quarantine", "ls"],
        &["quarantine", "show", "--limit", "10000", "--format", "json"],
        &["quarantine", "replay", "--stream", "files"],
        &["sql", "--format", "json", "SELECT * FROM local.agents"],
        &["sql", "--format", "json", "SELECT * FROM local.of_files"],
        &["sql", "--format", "json", "SELECT * FROM local.said"],
        &["sql", "--format", "json", "SELECT * FROM local.steps"],
        &["sql", "--format", "json", "SELECT * FROM released.dq_results"],
        &["sql", "SELECT CAST(task_class AS BIGINT) FROM local.agents"],
        &["report", "--html", "-"],
        &["contract", "test", "decisions", "incoming/rows.ndjson"],
        &["retention", "apply", "--dry-run"],
        &["run", "--until-end"],
    ] {
        let run = project.run_with(arguments, &[("TIDEGATE_LOG", "debug")]);
        assert!(arguments[0] != "run" || run.code == 0, "{}", run.stderr);
        shown.push((format!("{arguments:?}"), format!("{}{}", run.stdout, run.stderr).into_bytes()));
    }
    let said = |name: &str| shown.iter().find(|(what, _)| what.contains(name)).map(|(_, bytes)| bytes.len());
    assert!(said("local.of_files") > Some(200) && said("local.agents") > Some(200), "rows reach signals");
    assert!(said("\"show\"") > Some(2_000), "rows are set aside");
    for (name, bytes) in project.files(".") {
        if !name.starts_with("incoming/") {
            shown.push((name, bytes));
        }
    }
    assert!(planter.planted >= SECRETS, "{} planted", planter.planted);
    assert!(shown.iter().any(|(name, _)| name.starts_with("landing/decisions/")), "files are looked at");
    // Files of Parquet are compressed: their rows are read back.
    for folder in ["landing", "local", "released", "quarantine", "staging"] {
        for name in project.files(folder).into_keys().filter(|name| name.ends_with(".parquet")) {
            shown.push((format!("rows of {folder}/{name}"), rows_of(&project.path(folder).join(name))));
        }
    }
    let finder = Finder::of((0..SECRETS).map(secret));
    assert!(project.files("incoming").values().any(|bytes| finder.find(bytes).is_some()), "what is there is found");
    let landed = shown.iter().filter(|(name, _)| name.starts_with("rows of landing/"));
    let landed = landed.map(|(_, bytes)| String::from_utf8_lossy(bytes)).collect::<String>();
    for blot in ["[email]", "[card]", "[phone]", "[key]", "[iban]"] {
        assert!(landed.contains(blot), "{blot}");
    }
    let leaks = shown.iter().filter_map(|(name, bytes)| Some((name.as_str(), finder.find(bytes)?)));
    assert_eq!(leaks.collect::<BTreeSet<_>>(), BTreeSet::new());
}

/// The values of a file of Parquet, as text.
fn rows_of(path: &Path) -> Vec<u8> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let metadata = format!("{:?}", reader.metadata().file_metadata().key_value_metadata());
    let rows = reader.build().unwrap().map(|batch| pretty_format_batches(&[batch.unwrap()]).unwrap().to_string());
    [metadata].into_iter().chain(rows).collect::<String>().into_bytes()
}
