//! A project whose root is a bucket releases the bytes of one in a folder, whatever the network does meanwhile.
//!
//! Servers that imitate S3 and Azure are started where they are installed (`tidegate_testkit::servers`); without one its part
//! is skipped, and says so. A proxy loses, tears and delays requests and answers, and kills the command before and after
//! what it writes: all writes with `TIDEGATE_CRASH_ALL`, else a few.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use bytes::Bytes;
use serde_json::Value;
use tidegate_ledger::Store;
use tidegate_testkit::proxy::{Action, Proxy, Request};
use tidegate_testkit::servers::{Kind, Server};
use tokio::runtime::Runtime;

use crate::project::{Project, Run};

/// Writes around which the command is killed, unless it is around all.
const WRITES: u64 = 6;

/// A bucket of a server, and a prefix of it.
struct Bucket<'a> {
    server: &'a Server,
    prefix: String,
    runtime: Runtime,
}

impl<'a> Bucket<'a> {
    fn new(server: &'a Server, prefix: &str) -> Self {
        Self { server, prefix: prefix.to_owned(), runtime: Runtime::new().unwrap() }
    }

    fn url(&self) -> String {
        self.server.url(&self.prefix)
    }

    fn store(&self) -> Store {
        Store::open_url(&self.url(), self.server.env(self.server.port())).unwrap()
    }

    /// Puts the files of a folder of the project there.
    fn land(&self, project: &Project, folder: &str) {
        let store = self.store();
        for (name, bytes) in project.files(folder) {
            let name = format!("landing/{name}");
            self.runtime.block_on(store.replace(&name, Bytes::from(bytes))).unwrap();
        }
    }

    /// Every file below a folder, by its path there.
    fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let store = self.store();
        self.runtime.block_on(async {
            let mut files = BTreeMap::new();
            for path in store.list(folder).await.unwrap() {
                let bytes = store.get(&path).await.unwrap().unwrap();
                files.insert(path[folder.len()..].trim_start_matches('/').to_owned(), bytes.to_vec());
            }
            files
        })
    }

    /// The command over this root, by way of a port.
    fn command(&self, project: &Project, port: u16, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.args(arguments).args(["--root", &self.url()]).current_dir(project.path(""));
        command.envs(self.server.env(port)).env("AWS_TIMEOUT", "2 seconds").env("AZURE_TIMEOUT", "2 seconds");
        command.env("NO_COLOR", "1").env_remove("TIDEGATE_LOG");
        command
    }

    fn run(&self, project: &Project, arguments: &[&str]) -> Run {
        Run::of(&self.command(project, self.server.port(), arguments).output().unwrap())
    }
}

/// Every server that is installed.
fn servers() -> impl Iterator<Item = Server> {
    [Kind::Moto, Kind::Azurite].into_iter().filter_map(|kind| Server::start(kind).unwrap())
}

#[test]
fn the_demo_releases_the_same_bytes_from_a_bucket() {
    let project = Project::empty();
    project.run(&["demo", "--dir", "d", "--rows", "20000"]).ok();
    let demo = ["--project", "d"];
    let of_folder = |arguments: &[&str]| project.run(&[arguments, &demo].concat());
    let before = project.files("d");
    let released = project.files("d/released");
    for server in servers() {
        let bucket = Bucket::new(&server, "demo/root");
        bucket.land(&project, "d/landing");
        let of_bucket = |arguments: &[&str]| bucket.run(&project, &[arguments, &demo].concat());
        let run = of_bucket(&["run", "--until-end"]).ok();
        assert_eq!(bucket.files("released"), released, "{}", run.stderr);
        let all = bucket.files("");
        of_bucket(&["run", "--until-end"]).ok();
        assert_eq!(bucket.files(""), all, "a second run changes nothing");

        let query = "SELECT * FROM released.outcomes_by_task ORDER BY 1, 2, 3, 4 LIMIT 20";
        for arguments in [
            &["sql", query][..],
            &["check"],
            &["explain"],
            &["diff"],
            &["budget"],
            &["report", "--html", "-"],
            &["gate", "evaluate", "d/gates/assistant-v1.5.yaml"],
            &["bundle", "ls"],
            &["quarantine", "ls"],
        ] {
            let (here, there) = (of_folder(arguments), of_bucket(arguments));
            assert_eq!((here.code, &here.stdout), (there.code, &there.stdout), "{arguments:?}: {}", there.stderr);
        }
        let of = |run: Run| serde_json::from_str::<Value>(&run.ok().stdout).unwrap()["totals"].clone();
        let totals = of(of_bucket(&["epochs", "--json"]));
        assert_eq!(of(of_folder(&["epochs", "--json"])), totals);
        assert!(totals.is_object(), "{totals}");

        let files = format!("SELECT COUNT(*) AS n FROM '{}/released/signal=outcomes_by_task/'", bucket.url());
        of_bucket(&["sql", &files]).ok();
        let urls = ["landing/decisions/", "state/", "", "log/*", "lan%64ing/", "keys/unit.key"]
            .map(|closed| format!("{}/{closed}", bucket.url()));
        let in_disguise = urls[0].replace("://", "://somebody@");
        for closed in urls.iter().chain([&in_disguise]) {
            let query = format!("SELECT * FROM '{closed}'");
            let run = of_bucket(&["sql", &query]);
            assert!(run.code == 4 && run.stderr.contains("TG205"), "{query}: {}{}", run.stdout, run.stderr);
        }
    }
    assert_eq!(project.files("d"), before, "nothing is written into the project's folder");
}

const SQL: &str = "
CREATE STREAM d (id BIGINT, at TIMESTAMP, area VARCHAR, u VARCHAR, x DOUBLE) WITH (path = 'landing/d', format = 'csv',
  event_time = 'at', watermark = INTERVAL '3 hours', dedupe_key = 'id');
CREATE SIGNAL hourly AS
SELECT window_start, window_end, area, COUNT(*) AS n, SUM(x) AS total
FROM TUMBLE(d, at, INTERVAL '12 hours') GROUP BY window_start, window_end, area;
CREATE SIGNAL guarded AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 2, privacy_unit_column = u) area, AVG(x) AS mean
FROM d GROUP BY area;
";

/// A stream in a few files, each an epoch, with rows that are delivered twice.
fn small() -> Project {
    let project = Project::with_sql(SQL);
    project.write("tidegate.toml", "[epoch]\nmax_files = 1\nthreads = 2\n");
    let row = |id: u64| {
        let (day, hour, minute) = (5 + id / 24 % 2, id * 7 % 24, id * 13 % 60);
        format!("{id},2026-01-{day:02}T{hour:02}:{minute:02}:00,a{},u{},{}.{id}\n", id % 3, id % 4, id * id % 100)
    };
    for (name, ids) in [("a", 0..20), ("b", 15..40), ("c", 40..47)] {
        project
            .write(&format!("landing/d/{name}.csv"), format!("id,at,area,u,x\n{}", ids.map(row).collect::<String>()));
    }
    project
}

/// What a folder makes of the same files: the released ones, and the account of every row.
fn truth() -> (BTreeMap<String, Vec<u8>>, Value) {
    let project = small();
    project.run(&["run", "--until-end"]).ok();
    (project.files("released"), accounts(&project.run(&["epochs", "--json"]).ok().stdout))
}

fn accounts(epochs: &str) -> Value {
    let epochs: Value = serde_json::from_str(epochs).unwrap();
    epochs["totals"]["streams"].clone()
}

#[test]
fn a_network_that_fails_loses_and_doubles_nothing() {
    let (released, rows) = truth();
    for server in servers() {
        let project = small();
        let bucket = Bucket::new(&server, "bad");
        bucket.land(&project, "landing");
        let proxy = Proxy::before(server.port(), |n, _| weather(n)).unwrap();
        let mut runs = (0..20).map(|_| {
            let output = bucket.command(&project, proxy.port(), &["run", "--until-end"]).output().unwrap();
            Run::of(&output)
        });
        let failed = runs.by_ref().take_while(|run| run.code != 0).collect::<Vec<_>>();
        for run in &failed {
            assert_eq!(run.code, 3, "{}", run.stderr);
        }
        assert!(failed.len() < 20, "{failed:?}");
        assert_eq!(bucket.files("released"), released);
        // The root may as well stand in the settings.
        project.write("tidegate.toml", format!("[storage]\nroot = \"{}\"\n", bucket.url()));
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.args(["epochs", "--json"]).current_dir(project.path("")).envs(server.env(server.port()));
        assert_eq!(accounts(&Run::of(&command.output().unwrap()).ok().stdout), rows);
    }
}

/// What becomes of the n-th request: of ten about two meet something.
fn weather(n: u64) -> Action {
    // Each n by itself looks like chance, and is the same every time.
    let mixed = (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    match (mixed ^ (mixed >> 31)) % 60 {
        0 | 1 => Action::slow_down(),
        2 | 3 => Action::Answer(500, String::new()),
        4 | 5 => Action::Reset,
        6 | 7 => Action::LoseAnswer,
        8 | 9 => Action::TearAnswer,
        10 => Action::Silence,
        _ => Action::Forward,
    }
}

#[cfg(unix)]
#[test]
fn a_run_that_is_killed_around_a_write_is_finished_by_the_next() {
    let (released, rows) = truth();
    for server in servers() {
        let project = small();
        let plan = Arc::new(Death::default());
        let killer = Arc::clone(&plan);
        let proxy = Proxy::before(server.port(), move |_, request| killer.at(request)).unwrap();
        let writes = {
            let bucket = Bucket::new(&server, "count");
            bucket.land(&project, "landing");
            plan.run_until(u64::MAX, bucket.command(&project, proxy.port(), &["run", "--until-end"]));
            plan.writes.load(Ordering::SeqCst)
        };
        assert!(writes > 10, "{writes}");
        let step = if std::env::var_os("TIDEGATE_CRASH_ALL").is_some() { 1 } else { writes.div_ceil(WRITES) };
        for (turn, write) in (0..writes).step_by(usize::try_from(step).unwrap()).enumerate() {
            let bucket = Bucket::new(&server, &format!("killed-{write}"));
            bucket.land(&project, "landing");
            let way = u32::try_from(turn % 2).unwrap();
            plan.is_done.store(way, Ordering::SeqCst);
            plan.run_until(write, bucket.command(&project, proxy.port(), &["run", "--until-end"]));
            bucket.run(&project, &["run", "--until-end"]).ok();
            assert_eq!(bucket.files("released"), released, "killed around write {write} of {writes}");
            assert_eq!(accounts(&bucket.run(&project, &["epochs", "--json"]).ok().stdout), rows, "write {write}");
        }
    }
}

/// When a command dies.
#[derive(Default)]
struct Death {
    process: AtomicU32,
    /// How many writes it has sent.
    writes: AtomicU64,
    /// The write that it does not survive.
    last: AtomicU64,
    /// Whether that one reaches the server: 1 if it does.
    is_done: AtomicU32,
}

impl Death {
    fn at(&self, request: &Request) -> Action {
        if request.method != "PUT" || self.writes.fetch_add(1, Ordering::SeqCst) != self.last.load(Ordering::SeqCst) {
            return Action::Forward;
        }
        let process = self.process.load(Ordering::SeqCst).to_string();
        assert!(Command::new("kill").args(["-9", &process]).status().unwrap().success());
        if self.is_done.load(Ordering::SeqCst) == 1 { Action::LoseAnswer } else { Action::Reset }
    }

    fn run_until(&self, write: u64, mut command: Command) {
        self.writes.store(0, Ordering::SeqCst);
        self.last.store(write, Ordering::SeqCst);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        self.process.store(child.id(), Ordering::SeqCst);
        assert_eq!(child.wait().unwrap().success(), write == u64::MAX);
    }
}

#[test]
fn a_stream_is_read_from_a_bucket_into_a_folder() {
    let (released, _) = truth();
    for server in servers() {
        let project = small();
        let bucket = Bucket::new(&server, "elsewhere");
        bucket.land(&project, "landing");
        std::fs::remove_dir_all(project.path("landing")).unwrap();
        let url = format!("'{}/landing/d/*.csv'", bucket.url());
        project.write("sql/all.sql", SQL.replace("'landing/d'", &url));
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.args(["run", "--until-end"]).current_dir(project.path(""));
        let output = command.envs(server.env(server.port())).output().unwrap();
        Run::of(&output).ok();
        assert_eq!(project.files("released"), released);
    }
}

#[test]
fn what_is_wrong_with_a_root_is_said_with_a_code() {
    let project = small();
    let check = |url: &str, env: Vec<(String, String)>, exit: i32, code: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.args(["run", "--root", url]).current_dir(project.path("")).envs(env).env("NO_COLOR", "1");
        let run = Run::of(&command.output().unwrap());
        assert!(run.code == exit && run.stderr.contains(code), "{url}: exit code {}\n{}", run.code, run.stderr);
        for secret in ["S3RVER", "Eby8vdM0", "bm90IHRoZSBrZXk"] {
            assert!(!run.stderr.contains(secret), "{}", run.stderr);
        }
    };
    let nobody = [("AWS_ENDPOINT", "http://127.0.0.1:1"), ("AWS_ALLOW_HTTP", "true"), ("AWS_ACCESS_KEY_ID", "S3RVER")];
    let nobody = nobody.into_iter().chain([("AWS_SECRET_ACCESS_KEY", "S3RVER")]);
    let nobody = nobody.map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<Vec<_>>();
    check("s3://bucket/x", nobody, 3, "TG520");
    check("ftp://bucket/x", Vec::new(), 2, "TG523");
    check("s3://key:S3RVER@bucket/x", Vec::new(), 2, "TG523");
    check("s3://bucket/x", vec![("AWS_ALLOW_HTTP".to_owned(), "perhaps".to_owned())], 3, "TG523");
    if let Some(server) = Server::start(Kind::Moto).unwrap() {
        check(&server.url("x").replace("tidegate", "gone"), server.env(server.port()), 3, "TG522");
    }
    if let Some(server) = Server::start(Kind::Azurite).unwrap() {
        let wrong = server.env(server.port()).into_iter().map(|(name, value)| {
            let value = if name.ends_with("_KEY") { "bm90IHRoZSBrZXk=".to_owned() } else { value };
            (name, value)
        });
        check(&server.url("x"), wrong.collect(), 3, "TG521");
    }
    if let Some(server) = Server::start(Kind::S3rver).unwrap() {
        let bucket = Bucket::new(&server, "x");
        bucket.land(&project, "landing");
        check(&server.url("x"), server.env(server.port()), 3, "TG505");
    }
}
