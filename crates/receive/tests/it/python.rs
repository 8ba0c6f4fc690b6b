//! The clients that Python programs use. `TIDEGATE_PYTHON` names an interpreter that has `pyarrow` and the exporters of
//! OpenTelemetry; without it there is nothing to do.

use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::Ordering;

use super::*;

/// Runs a client, which must succeed.
async fn run(client: &str, to: SocketAddr) -> bool {
    let Ok(python) = std::env::var("TIDEGATE_PYTHON") else { return false };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(client);
    let mut child = std::process::Command::new(python);
    let child = child.arg(script).arg(to.to_string()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = child.spawn().unwrap();
    let output = tokio::task::spawn_blocking(|| output.wait_with_output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    true
}

#[tokio::test]
async fn pyarrow_sends_rows_and_goes_on_where_it_left_off() {
    let served = serve(quick(), Limits::default()).await;
    if run("flight_client.py", served.grpc).await {
        assert_eq!(served.landed().await, (0..3000).collect::<Vec<_>>());
        assert!(run("flight_client.py", served.grpc).await);
        assert_eq!(served.landed().await.len(), 3000);
    }
}

#[tokio::test]
async fn the_opentelemetry_sdk_exports_over_grpc_and_http() {
    let served = serve(quick(), Limits::default()).await;
    let exports = [
        ("otlp_grpc_client.py", served.grpc),
        ("otlp_http_client.py", served.http),
        ("otlp_json_client.py", served.http),
    ];
    for ((client, to), spans) in exports.into_iter().zip([10, 20, 30]) {
        if run(client, to).await {
            assert_eq!(served.desk.spans.load(Ordering::SeqCst), spans, "{client}");
        }
    }
}
