//! Are rows that arrive over a network landed, redacted and counted?

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::{FlightDescriptor, PutResult};
use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};
use tonic::Request;
use tonic::transport::Channel;

use crate::project::{Project, Run};

const SQL: &str = "
CREATE STREAM decisions WITH (path = 'landing/decisions/', format = 'parquet', contract = 'decisions');
CREATE STREAM clicks (at TIMESTAMP, page VARCHAR)
  WITH (path = 'landing/clicks/', format = 'parquet', event_time = 'at');
CREATE SIGNAL pages AS SELECT page, COUNT(*) AS n FROM clicks GROUP BY page;
CREATE SIGNAL agents WITH (scope = 'local', kind = 'ops') AS
SELECT window_start, window_end, tenant_id, task_class, user_token, outcome, COUNT(*) AS n, SUM(latency_us) AS latency_us
FROM TUMBLE(decisions, event_time, INTERVAL '1 day')
GROUP BY window_start, window_end, tenant_id, task_class, user_token, outcome;
";

/// A server that is killed with its test.
pub(crate) struct Served {
    child: Child,
    grpc: SocketAddr,
    http: SocketAddr,
    metrics: Option<SocketAddr>,
    said: JoinHandle<String>,
}

impl Served {
    pub(crate) fn start(project: &Project) -> Self {
        Self::with(project, &[], &[])
    }

    /// Where another one was.
    pub(crate) fn at(project: &Project, grpc: SocketAddr, http: SocketAddr) -> Self {
        Self::spawn(project, grpc, http, &[], &[])
    }

    /// With more arguments, and variables of the environment.
    pub(crate) fn with(project: &Project, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::spawn(project, any, any, arguments, variables)
    }

    fn spawn(
        project: &Project,
        grpc: SocketAddr,
        http: SocketAddr,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tidegate"))
            .args(["serve", "--grpc", &grpc.to_string(), "--http", &http.to_string()])
            .args(arguments)
            .envs(variables.iter().copied())
            .current_dir(project.path(""))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut address = |name: &str| {
            let line = lines.next().unwrap_or_else(|| panic!("no address of {name}")).unwrap();
            line.strip_prefix(name).unwrap().trim().parse::<SocketAddr>().unwrap()
        };
        let (grpc, http) = (address("grpc"), address("http"));
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let metrics = arguments.contains(&"--metrics").then(|| {
            loop {
                let from = said.len();
                assert!(stderr.read_line(&mut said).unwrap() > 0, "{said}");
                if let Some((_, url)) = said[from..].split_once("metrics at http://") {
                    break url.split('/').next().unwrap().parse().unwrap();
                }
            }
        });
        // Read on, so that it never waits to say something.
        let said = std::thread::spawn(move || {
            let _ = stderr.read_to_string(&mut said);
            said
        });
        Self { child, grpc, http, metrics, said }
    }

    pub(crate) fn grpc(&self) -> SocketAddr {
        self.grpc
    }

    pub(crate) fn http(&self) -> SocketAddr {
        self.http
    }

    pub(crate) fn metrics(&self) -> SocketAddr {
        self.metrics.unwrap()
    }

    /// Ends it as an operator does.
    pub(crate) fn stop(mut self) -> Run {
        let killed = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        let stderr = std::mem::replace(&mut self.said, std::thread::spawn(String::new)).join().unwrap();
        Run { code, stdout: String::new(), stderr }
    }

    /// The status and the body of an answer.
    pub(crate) fn post(&self, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.http).unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_owned()))
    }

    async fn flight(&self) -> FlightServiceClient<Channel> {
        let channel = Channel::from_shared(format!("http://{}", self.grpc)).unwrap().connect().await.unwrap();
        FlightServiceClient::new(channel)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn clicks(count: usize) -> RecordBatch {
    let at: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![1_767_600_000_000_000; count]));
    let page: ArrayRef = Arc::new(StringArray::from(vec!["home"; count]));
    RecordBatch::try_from_iter([("at", at), ("page", page)]).unwrap()
}

/// Sends batches as one producer, and gives what was answered.
pub(crate) async fn send(
    served: &Served,
    stream: &str,
    batches: Vec<RecordBatch>,
) -> Result<Vec<PutResult>, tonic::Status> {
    send_as(served, "test-1", stream, batches).await
}

pub(crate) async fn send_as(
    served: &Served,
    producer: &str,
    stream: &str,
    batches: Vec<RecordBatch>,
) -> Result<Vec<PutResult>, tonic::Status> {
    let descriptor = FlightDescriptor::new_path(vec![stream.to_owned()]);
    let data = FlightDataEncoderBuilder::new()
        .with_flight_descriptor(Some(descriptor))
        .build(futures::stream::iter(batches.into_iter().map(Ok)))
        .map(Result::unwrap);
    let mut request = Request::new(data);
    request.metadata_mut().insert("x-tidegate-producer", producer.parse().unwrap());
    served.flight().await.do_put(request).await?.into_inner().try_collect().await
}

pub(crate) fn asked(project: &Project, query: &str) -> Vec<Value> {
    let rows = project.run(&["sql", "--format", "json", query]).ok().stdout;
    serde_json::from_str(&rows).unwrap_or_else(|_| panic!("{rows}"))
}

/// One span of an agent, as the OpenTelemetry SDKs write JSON.
pub(crate) fn span(number: u64) -> Value {
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    json!({"resourceSpans": [{"resource": {"attributes": [text("tenant.id", "acme"), text("deployment.environment.name", "prod"), text("cloud.region", "eu")]},
    "scopeSpans": [{"spans": [{
      "traceId": format!("{number:032x}"), "spanId": format!("{number:016x}"), "name": "invoke_agent billing", "kind": 1,
      "startTimeUnixNano": "1767600000000000000", "endTimeUnixNano": "1767600002500000000",
      "attributes": [
          text("gen_ai.operation.name", "invoke_agent"), text("gen_ai.agent.name", "billing"),
          text("gen_ai.request.model", "gpt-4.1"), text("user.id", "ann@example.com"),
          text("gen_ai.input.messages", "my password is hunter2"), text("unknown.attribute", "hunter3"),
      ]}]}]}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_over_flight_are_landed_once_and_counted() {
    let project = Project::with_sql(SQL);
    let served = Served::start(&project);
    let answers = send(&served, "clicks", vec![clicks(100), clicks(50)]).await.unwrap();
    assert!(!answers.is_empty());
    // The same again, by a client that did not hear the answer.
    send(&served, "clicks", vec![clicks(100), clicks(50)]).await.unwrap();
    let unknown = send(&served, "nothing", vec![clicks(1)]).await.unwrap_err();
    assert_eq!(unknown.code(), tonic::Code::NotFound, "{unknown}");
    served.stop().ok();
    project.run(&["run", "--until-end"]).ok();
    assert_eq!(asked(&project, "SELECT page, n FROM released.pages"), [json!({"page": "home", "n": 150})]);
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_become_decisions_without_what_people_wrote() {
    let project = Project::with_sql(SQL);
    let served = Served::start(&project);
    for number in 1..=3 {
        let (status, answer) = served.post("/v1/traces", &span(number).to_string());
        assert_eq!(status, 200, "{answer}");
    }
    let (status, answer) = served.post("/v1/traces", "{\"resourceSpans\": 7}");
    assert_eq!(status, 400, "{answer}");
    served.stop().ok();
    project.run(&["run", "--until-end"]).ok();
    let quarantined = project.run(&["quarantine", "show", "--format", "json"]).stdout;
    let rows = asked(&project, "SELECT tenant_id, task_class, user_token, n, latency_us FROM local.agents");
    assert_eq!(rows.len(), 1, "{rows:?} {quarantined}");
    assert_eq!(
        (&rows[0]["n"], &rows[0]["latency_us"], &rows[0]["task_class"]),
        (&json!(3), &json!(7_500_000), &json!("billing"))
    );
    assert_eq!(rows[0]["user_token"].as_str().unwrap().len(), 32);
    for folder in ["landing", "state", "log", "released", "local", "quarantine", "staging", "positions"] {
        for (name, bytes) in project.files(folder) {
            for secret in ["example.com", "hunter2", "hunter3"] {
                assert!(
                    !bytes.windows(secret.len()).any(|part| part == secret.as_bytes()),
                    "{secret} is in {folder}/{name}"
                );
            }
        }
    }
}

#[test]
fn who_may_not_listen_does_not_start() {
    let project = Project::with_sql(SQL);
    let refused = project.run(&["serve", "--grpc", "0.0.0.0:0", "--http", "127.0.0.1:0"]).failure();
    assert!(refused.contains("TLS"), "{refused}");
    let nothing = Project::with_sql("CREATE STREAM a (x BIGINT) WITH (path = 'elsewhere/', format = 'parquet');");
    let refused = nothing.run(&["serve", "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"]).failure();
    assert!(refused.contains("TG319"), "{refused}");
}
