//! Does a process that keeps running release what lands, and end well?

#![cfg(unix)]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::project::Project;

const SQL: &str = "
CREATE STREAM d (t TIMESTAMP, k VARCHAR)
  WITH (path = 'landing', format = 'csv', event_time = 't', watermark = INTERVAL '0 minutes');
CREATE SIGNAL hourly AS SELECT window_start, window_end, COUNT(*) AS n
FROM TUMBLE(d, t, INTERVAL '1 hour') GROUP BY window_start, window_end;
CREATE SIGNAL totals AS SELECT COUNT(*) AS n FROM d;
";

/// Long enough for a machine that does much else.
const DEADLINE: Duration = Duration::from_secs(60);

/// A process that follows a project. It is killed when a test ends early.
struct Follower {
    process: Child,
    said: PathBuf,
}

impl Follower {
    fn start(project: &Project, name: &str, more: &[&str]) -> Self {
        let arguments = [&["run", "--follow", "--poll", "20ms"], more].concat();
        let mut follower = Self::spawn(project, name, &arguments);
        follower.wait_for("following", |follower| follower.said().contains("following"));
        follower
    }

    fn spawn(project: &Project, name: &str, arguments: &[&str]) -> Self {
        let said = project.path(name);
        let process = Command::new(env!("CARGO_BIN_EXE_tidegate"))
            .args(arguments)
            .current_dir(project.path("."))
            .env("NO_COLOR", "1")
            .env_remove("TIDEGATE_LOG")
            .stdout(Stdio::null())
            .stderr(File::create(&said).unwrap())
            .spawn()
            .unwrap();
        Self { process, said }
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap()
    }

    /// Waits until something is so.
    #[track_caller]
    fn wait_for(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let started = Instant::now();
        while !is_so(self) {
            assert!(started.elapsed() < DEADLINE, "{what} does not come: {}", self.said());
            // Only so that what is waited for has the processor.
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.process.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    #[track_caller]
    fn exit_code(&mut self) -> Option<i32> {
        let mut code = None;
        self.wait_for("the end", |follower| {
            code = follower.process.try_wait().unwrap().map(|status| status.code());
            code.is_some()
        });
        code.unwrap()
    }

    #[track_caller]
    fn end(&mut self) {
        self.signal("-TERM");
        assert_eq!(self.exit_code(), Some(0), "{}", self.said());
        assert!(self.said().contains("stopped by SIGTERM"), "{}", self.said());
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        // It has ended already when the test went well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Lands a file as a writer should: whole, by renaming it.
fn land(project: &Project, name: &str, hours: std::ops::Range<u32>) {
    let rows = hours.map(|hour| format!("2026-01-05T{hour:02}:30:00Z,k\n")).collect::<String>();
    let written = project.write(&format!("landing/{name}.tmp"), format!("t,k\n{rows}"));
    fs::rename(written, project.path(&format!("landing/{name}"))).unwrap();
}

fn count(project: &Project, query: &str) -> String {
    project.run(&["sql", query, "--format", "csv"]).ok().stdout.lines().last().unwrap().to_owned()
}

fn released(project: &Project) -> bool {
    !project.files("released/signal=hourly").is_empty()
}

#[test]
fn files_that_land_are_released_while_the_process_runs() {
    let project = Project::with_sql(SQL);
    land(&project, "a.csv", 0..2);
    let mut follower = Follower::start(&project, "said", &[]);
    follower.wait_for("the first hour", |_| released(&project));
    land(&project, "b.csv", 2..5);
    let records = project.files("log/commits").len();
    follower.wait_for("more records", |_| project.files("log/commits").len() >= records + 2);
    follower.end();
    assert_eq!(count(&project, "SELECT SUM(n) AS n FROM released.hourly"), "4");
    assert_eq!(count(&project, "SELECT n FROM released.totals"), "5");

    let whole = Project::with_sql(SQL);
    land(&whole, "a.csv", 0..2);
    land(&whole, "b.csv", 2..5);
    whole.run(&["run"]).ok();
    assert_eq!(whole.files("released/signal=totals"), project.files("released/signal=totals"));
}

#[test]
fn a_folder_that_comes_later_and_one_that_goes_end_nothing() {
    let project = Project::with_sql(SQL);
    let mut follower = Follower::start(&project, "said", &[]);
    follower.wait_for("a warning", |follower| follower.said().contains("stream d cannot be listed"));
    land(&project, "a.csv", 0..2);
    follower.wait_for("the first hour", |_| released(&project));
    fs::rename(project.path("landing"), project.path("away")).unwrap();
    follower.wait_for("another warning", |follower| follower.said().matches("cannot be listed").count() == 2);
    fs::rename(project.path("away"), project.path("landing")).unwrap();
    follower.wait_for("good news", |follower| follower.said().matches("can be listed again").count() == 2);
    follower.end();
}

#[test]
fn nothing_is_written_while_nothing_lands() {
    let project = Project::with_sql(SQL);
    land(&project, "a.csv", 0..2);
    let mut follower = Follower::start(&project, "said", &["-vv"]);
    follower.wait_for("the first hour", |_| released(&project));
    let records = project.files("log/commits").len();
    // A file that does not belong to the stream makes the folder younger, and nothing else.
    project.write("landing/note.txt", "");
    fs::rename(project.path("landing"), project.path("away")).unwrap();
    follower.wait_for("a look", |follower| follower.said().contains("cannot be listed"));
    fs::rename(project.path("away"), project.path("landing")).unwrap();
    follower.wait_for("another look", |follower| follower.said().contains("can be listed again"));
    follower.end();
    assert_eq!(project.files("log/commits").len(), records);
}

#[test]
fn a_signal_to_end_loses_nothing() {
    let project = Project::with_sql(SQL);
    project.write("tidegate.toml", "[epoch]\nmax_files = 1\n");
    for file in 0..200 {
        land(&project, &format!("{file:03}.csv"), 0..4);
    }
    let mut follower = Follower::start(&project, "said", &[]);
    follower.wait_for("a few epochs", |_| project.files("log/commits").len() > 3);
    follower.end();
    project.run(&["run"]).ok();
    assert_eq!(count(&project, "SELECT n FROM released.totals"), "800");
}

#[test]
fn a_single_run_ends_as_well_when_it_is_told_to() {
    let project = Project::with_sql(SQL);
    project.write("tidegate.toml", "[epoch]\nmax_files = 1\n");
    for file in 0..400 {
        land(&project, &format!("{file:03}.csv"), 0..4);
    }
    let mut run = Follower::spawn(&project, "said", &["run"]);
    run.wait_for("a few epochs", |_| project.files("log/commits").len() > 3);
    run.end();
    let records = project.files("log/commits").len();
    assert!(records < 400, "it was not told in time to show anything: {records}");
    project.run(&["run"]).ok();
    assert_eq!(count(&project, "SELECT n FROM released.totals"), "1600");
}

#[test]
fn a_stream_that_falls_silent_is_released_to_its_end() {
    let timeout = "'0 minutes', idle_timeout = INTERVAL '1 second');";
    let project = Project::with_sql(&SQL.replace("'0 minutes');", timeout));
    land(&project, "a.csv", 0..2);
    let mut follower = Follower::start(&project, "said", &[]);
    // An epoch, the hour that the watermark closes, and the one that silence closes.
    follower.wait_for("three records", |_| project.files("log/commits").len() == 3);
    follower.end();
    // What it had no time to publish after it was committed.
    project.run(&["run"]).ok();
    assert_eq!(count(&project, "SELECT SUM(n) AS n FROM released.hourly"), "2");
    assert_eq!(project.files("log/commits").len(), 3);
}

#[test]
fn of_two_processes_one_is_fenced_and_no_byte_is_wrong() {
    let project = Project::with_sql(SQL);
    land(&project, "a.csv", 0..2);
    let mut first = Follower::start(&project, "first", &[]);
    first.wait_for("the first hour", |_| released(&project));
    let mut second = Follower::start(&project, "second", &[]);
    land(&project, "b.csv", 2..5);
    let mut codes = [None, None];
    first.wait_for("one of them to end", |first| {
        codes = [&mut first.process, &mut second.process].map(|process| process.try_wait().unwrap());
        codes.iter().any(Option::is_some)
    });
    let (ended, other) = if codes[0].is_some() { (&mut first, &mut second) } else { (&mut second, &mut first) };
    assert_eq!(ended.exit_code(), Some(3), "{}", ended.said());
    assert!(ended.said().contains("TG502"), "{}", ended.said());
    other.end();
    assert_eq!(count(&project, "SELECT n FROM released.totals"), "5");
    assert_eq!(count(&project, "SELECT SUM(n) AS n FROM released.hourly"), "4");
    project.run(&["run"]).ok();
}

/// What the process answers to `GET path`.
fn get(follower: &Follower, path: &str) -> String {
    let said = follower.said();
    let address = said.split("http://").nth(1).unwrap().split('/').next().unwrap();
    let mut connection = TcpStream::connect(address).unwrap();
    write!(connection, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_process_that_follows_can_be_measured() {
    let project = Project::with_sql(SQL);
    project.write("landing/a.csv", "t,k\n2026-01-05T00:30:00Z,secret\n2026-01-05T01:30:00Z,secret\nnever,k\n");
    let mut follower = Follower::start(&project, "said", &["--metrics", "127.0.0.1:0"]);
    let mut answer = String::new();
    follower.wait_for("the first hour", |follower| {
        answer = get(follower, "/metrics");
        answer.contains("tidegate_quarantine_rows{") && answer.contains("tidegate_stream_rows_total{")
    });
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    for line in [
        r#"tidegate_stream_rows_total{stream="d",outcome="delivered"} 2"#,
        r#"tidegate_stream_rows_total{stream="d",outcome="rejected"} 1"#,
        r#"tidegate_signal_rows_total{signal="hourly",outcome="aggregated"} 2"#,
        r#"tidegate_quarantine_rows{stream="d",reason="type_mismatch"} 1"#,
        r#"tidegate_released_rows_total{signal="hourly"} 1"#,
        r#"tidegate_unread_files{stream="d"} 0"#,
        r#"tidegate_watermark_behind_latest_seconds{stream="d"} 0.0"#,
        r#"tidegate_watermark_behind_clock_seconds{stream="d"} "#,
        r#"tidegate_state_bytes{signal="hourly"} "#,
        "tidegate_epoch_seconds_count 1",
    ] {
        assert!(answer.contains(line), "{line}: {answer}");
    }
    for private in ["secret", "2026-01", "window"] {
        assert!(!answer.contains(private), "{private}: {answer}");
    }
    assert!(get(&follower, "/other").starts_with("HTTP/1.1 404"));
    follower.end();
}

#[test]
fn measurements_do_not_leave_the_machine() {
    let project = Project::with_sql(SQL);
    let run = project.run(&["run", "--follow", "--metrics", "0.0.0.0:0"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("TG305"), "{}", run.stderr);
}

#[test]
fn lengths_of_time_have_units() {
    let project = Project::with_sql(SQL);
    assert_eq!(project.run(&["run", "--follow", "--poll", "1"]).code, 2);
    assert_eq!(project.run(&["run", "--follow", "--until-end"]).code, 2);
    assert_eq!(project.run(&["run", "--poll", "1s"]).code, 2);
}
