//! A front door that is killed again and again, and runs that are killed beside it: every acknowledged row is counted once or set
//! aside. Rows come from pyarrow, spans from the OpenTelemetry SDK over gRPC and HTTP.
//!
//! `TIDEGATE_PYTHON` names an interpreter that has both; without it there is nothing to do. `TIDEGATE_KILLS` says how often.

#![cfg(unix)]

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::project::Project;
use crate::serve::{Served, asked};

const SQL: &str = "
CREATE STREAM decisions WITH (path = 'landing/decisions/', format = 'parquet', contract = 'decisions');
CREATE STREAM clicks (at TIMESTAMP, id BIGINT, page VARCHAR)
  WITH (path = 'landing/clicks/', format = 'parquet', event_time = 'at');
CREATE SIGNAL pages AS SELECT page, COUNT(*) AS n, SUM(id) AS ids FROM clicks GROUP BY page;
CREATE SIGNAL agents WITH (scope = 'local', kind = 'ops') AS
SELECT window_start, window_end, tenant_id, COUNT(*) AS n, SUM(input_tokens) AS numbers
FROM TUMBLE(decisions, event_time, INTERVAL '1 day') GROUP BY window_start, window_end, tenant_id;
";

/// Batches and spans that are sent for each kill. A span is acknowledged when its file is closed, after a second.
const BATCHES: usize = 40;
const ROWS: usize = 500;
const SPANS: usize = 6;

/// Long enough for a machine that does much else.
const DEADLINE: Duration = Duration::from_secs(300);

/// A client in Python that goes on until all it has is acknowledged.
struct Client {
    process: Child,
    log: PathBuf,
}

impl Client {
    fn start(project: &Project, python: &str, script: &str, arguments: &[String]) -> Self {
        let script_path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(script);
        let log = project.path(&format!("{script}.log"));
        fs::write(&log, "").unwrap();
        let mut command = Command::new(python);
        command.arg(script_path).args(arguments).arg(&log).stdout(Stdio::null());
        Self { process: command.spawn().unwrap(), log }
    }

    fn acknowledged(&self) -> usize {
        fs::read_to_string(&self.log).unwrap().lines().count()
    }

    /// Waits until more is acknowledged than `count`, or all is.
    fn progress(&mut self, count: usize) {
        let started = Instant::now();
        while self.acknowledged() <= count && self.process.try_wait().unwrap().is_none() {
            assert!(started.elapsed() < DEADLINE, "nothing is acknowledged");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn end(mut self) {
        assert!(self.process.wait().unwrap().success());
    }
}

/// A run beside it, killed when it is dropped.
struct Following(Child);

impl Following {
    fn start(project: &Project) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.args(["run", "--follow", "--poll", "50ms", "--linger", "100ms"]).current_dir(project.path(""));
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn what_is_acknowledged_is_counted_once_whatever_is_killed() {
    let Ok(python) = std::env::var("TIDEGATE_PYTHON") else { return };
    let kills = std::env::var("TIDEGATE_KILLS").map_or(3, |kills| kills.parse().unwrap());
    let project = Project::with_sql(SQL);
    let mut served = Served::start(&project);
    let (grpc, http) = (served.grpc(), served.http());
    let (batches, spans) = (BATCHES * (kills + 1), SPANS * (kills + 1));
    let of_rows = [grpc.to_string(), batches.to_string(), ROWS.to_string()];
    let of_spans = [grpc.to_string(), http.to_string(), spans.to_string()];
    let mut rows_client = Client::start(&project, &python, "rows.py", &of_rows);
    let mut spans_client = Client::start(&project, &python, "spans.py", &of_spans);
    for _ in 0..kills {
        let following = Following::start(&project);
        let (rows, spans) = (rows_client.acknowledged(), spans_client.acknowledged());
        rows_client.progress(rows);
        spans_client.progress(spans);
        // Both at once, in the middle of what they do: neither is told.
        drop(served);
        drop(following);
        served = Served::at(&project, grpc, http);
    }
    rows_client.end();
    spans_client.end();
    drop(served);
    project.run(&["run", "--until-end"]).ok();

    let rows = batches * ROWS;
    let pages = asked(&project, "SELECT SUM(n) AS n, SUM(ids) AS ids FROM released.pages");
    assert_eq!(pages, [json!({"n": rows, "ids": rows * (rows - 1) / 2})], "each row once");
    let agents = asked(&project, "SELECT SUM(n) AS n, SUM(numbers) AS numbers FROM local.agents");
    assert_eq!(agents, [json!({"n": spans, "numbers": spans * (spans - 1) / 2})], "each span once");
}
