//! Spans and log records over gRPC and HTTP.

use std::io::Write;
use std::sync::atomic::Ordering;

use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::Code;
use tonic::codec::CompressionEncoding::Gzip;

use super::*;

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// One request over HTTP/1.1, as plain as it can be.
pub(crate) async fn request(to: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("content-length: {}\r\n\r\n", body.len());
    let mut connection = TcpStream::connect(to).await.unwrap();
    connection.write_all(head.as_bytes()).await.unwrap();
    // A server that has refused need not read the rest.
    let _ = connection.write_all(body).await;
    let mut answer = Vec::new();
    let _ = connection.read_to_end(&mut answer).await;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap().to_ascii_lowercase();
    Answer { status: head[9..12].parse().unwrap(), head, body: answer[end + 4..].to_vec() }
}

pub(crate) async fn post(to: SocketAddr, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    request(to, "POST", path, headers, body).await
}

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json");

fn spans(names: &[&str]) -> ExportTraceServiceRequest {
    let span =
        |name: &&str| Span { name: (*name).to_owned(), trace_id: vec![1; 16], span_id: vec![2; 8], ..Span::default() };
    let scope = ScopeSpans { spans: names.iter().map(span).collect(), ..ScopeSpans::default() };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() }],
    }
}

fn records(count: usize) -> ExportLogsServiceRequest {
    let scope = ScopeLogs { log_records: vec![LogRecord::default(); count], ..ScopeLogs::default() };
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs { scope_logs: vec![scope], ..ResourceLogs::default() }],
    }
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn over_grpc() {
    let served = serve(quick(), Limits::default()).await;
    let to = format!("http://{}", served.grpc);
    let mut traces = TraceServiceClient::connect(to.clone()).await.unwrap();
    let answer = traces.export(spans(&["a", "", "b"])).await.unwrap().into_inner();
    assert_eq!(answer.partial_success.unwrap().rejected_spans, 1);
    let mut traces = traces.send_compressed(Gzip).accept_compressed(Gzip);
    assert_eq!(traces.export(spans(&["c"])).await.unwrap().into_inner().partial_success, None);
    let mut logs = LogsServiceClient::connect(to).await.unwrap();
    logs.export(records(5)).await.unwrap();
    assert_eq!(served.desk.spans.load(Ordering::SeqCst), 3);
    assert_eq!(served.desk.records.load(Ordering::SeqCst), 5);

    served.desk.busy.store(true, Ordering::SeqCst);
    let busy = traces.export(spans(&["d"])).await.unwrap_err();
    assert_eq!(busy.code(), Code::ResourceExhausted);
    // google.rpc.Status with a RetryInfo of 1.5 s.
    let details = String::from_utf8_lossy(busy.details()).into_owned();
    assert!(details.contains("type.googleapis.com/google.rpc.RetryInfo"), "{details}");
}

#[tokio::test]
async fn over_http_in_both_encodings_compressed_or_not() {
    let served = serve(quick(), Limits::default()).await;
    let body = spans(&["a", "", "b"]).encode_to_vec();
    let answer = post(served.http, "/v1/traces", &[PROTOBUF], &body).await;
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("content-type: application/x-protobuf"));
    let partial = ExportTraceServiceResponse::decode(answer.body.as_slice()).unwrap().partial_success.unwrap();
    assert_eq!((partial.rejected_spans, partial.error_message.as_str()), (1, "they have no name"));

    let json = br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c",
        "spanId":"eee19b7ec3c1b174","name":"c","startTimeUnixNano":"1","endTimeUnixNano":"2"},{"name":""}]}]}]}"#;
    let answer = post(served.http, "/v1/traces", &[JSON, ("content-encoding", "gzip")], &gzip(json)).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let said: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(said["partialSuccess"]["rejectedSpans"], "1");

    let answer = post(served.http, "/v1/logs", &[PROTOBUF], &records(4).encode_to_vec()).await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert_eq!(post(served.http, "/v1/logs", &[JSON], b"{}").await.body, b"{}");
    assert_eq!(served.desk.spans.load(Ordering::SeqCst), 3);
    assert_eq!(served.desk.records.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn what_is_wrong_is_told_in_the_encoding_of_the_request() {
    let served = serve(quick(), Limits { message_bytes: 10_000, ..Limits::default() }).await;
    let check = async |headers: &[(&str, &str)], body: &[u8], status: u16, code: &str| {
        let answer = post(served.http, "/v1/traces", headers, body).await;
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, status, "{said}");
        assert!(said.contains(code), "{said}");
        assert!(!said.contains("secret"), "{said}");
    };
    check(&[JSON], b"{\"resourceSpans\": \"secret\"}", 400, "\"code\":3").await;
    check(&[PROTOBUF], b"secret", 400, "TG775").await;
    check(&[("content-type", "text/plain")], b"secret", 415, "TG775").await;
    check(&[], b"secret", 415, "TG775").await;
    check(&[JSON, ("content-encoding", "br")], b"secret", 415, "TG775").await;
    check(&[JSON, ("content-encoding", "gzip")], b"secret", 400, "TG775").await;
    check(&[PROTOBUF], &[0; 20_000], 413, "TG776").await;
    let bomb = gzip(&[0; 1_000_000]);
    assert!(bomb.len() < 10_000);
    check(&[PROTOBUF, ("content-encoding", "gzip")], &bomb, 413, "TG776").await;
    assert_eq!(post(served.http, "/v1/metrics", &[PROTOBUF], b"").await.status, 404);
    assert_eq!(request(served.http, "GET", "/v1/traces", &[], b"").await.status, 405);

    served.desk.busy.store(true, Ordering::SeqCst);
    let busy = post(served.http, "/v1/traces", &[JSON], b"{}").await;
    assert_eq!(busy.status, 429);
    assert!(busy.head.contains("retry-after: 2"), "{}", busy.head);
}
