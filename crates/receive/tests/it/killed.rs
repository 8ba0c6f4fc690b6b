//! A server that is killed again and again loses nothing that it acknowledged, and lands nothing twice.
//!
//! The test runs itself again as a [`child`], which is the server.

#![cfg(unix)]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::*;

const KILLS: usize = 20;
const BATCHES: u64 = 20;

/// A server that says where it listens, and serves until it is killed.
#[tokio::test]
async fn child() {
    let Ok(folder) = std::env::var("SERVER_FOLDER") else { return };
    let desk = Desk::open(Store::open_local(folder).unwrap(), quick()).unwrap();
    let receiver = Receiver::bind(Some(Listen::locally(0)), None, Limits::default()).await.unwrap();
    writeln!(std::io::stdout(), "\nlistens {}", receiver.grpc_address().unwrap()).unwrap();
    receiver.serve(Arc::new(desk), std::future::pending()).await.unwrap();
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn start(folder: &Path) -> (Server, String) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["killed::child", "--exact", "--nocapture"]).env("SERVER_FOLDER", folder).stdout(Stdio::piped());
    let mut child = Server(command.spawn().unwrap());
    let lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    let address = lines.map_while(Result::ok).find_map(|line| Some(line.strip_prefix("listens ")?.to_owned()));
    (child, address.unwrap())
}

#[tokio::test]
async fn nothing_is_lost_and_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (mut acknowledged, mut sent) = (0, 0);
    for kill in 0..=KILLS as u64 {
        let (server, address) = start(folder.path());
        let mut client = connect(address.parse().unwrap()).await.unwrap();
        // Some that may be landed already, and some that are new.
        let from = acknowledged + 1;
        sent = from + BATCHES;
        let request = call(messages((from..=sent).map(batch).collect(), "events").await, "p", from);
        if kill == KILLS as u64 {
            assert_eq!(put(&mut client, request).await.0, Some(sent));
            break;
        }
        let mut answers = client.do_put(request).await.unwrap().into_inner();
        // Killed before, between and after acknowledgements.
        for _ in 0..kill % 3 {
            let Some(Ok(answer)) = answers.next().await else { break };
            let said: serde_json::Value = serde_json::from_slice(&answer.app_metadata).unwrap();
            acknowledged = said["sequence"].as_u64().unwrap();
        }
        drop(server);
        let landed = landed(&Store::open_local(&folder).unwrap()).await;
        assert!(landed.len() as u64 >= acknowledged * 10, "{acknowledged} were acknowledged");
    }
    assert_eq!(landed(&Store::open_local(&folder).unwrap()).await, ids(1..=sent));
}
