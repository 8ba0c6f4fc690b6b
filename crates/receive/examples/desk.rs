//! A server that lands the stream `events` (id, text, amount) in a folder, and counts what comes by OTLP.
//!
//! `cargo run -p tidegate-receive --example desk -- <folder>` prints where it listens, and ends on Ctrl-C or at the end of
//! its standard input.

#[path = "../tests/it/desk.rs"]
mod desk;

use std::error::Error;
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use desk::Desk;
use tidegate_land::Options;
use tidegate_ledger::Store;
use tidegate_receive::{Limits, Listen, Receiver};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("name the folder to land in")?;
    let options = Options { flush_after: Duration::from_millis(50), ..Options::default() };
    let desk = Arc::new(Desk::open(Store::open_local(folder)?, options)?);
    let receiver = Receiver::bind(Some(Listen::locally(0)), Some(Listen::locally(0)), Limits::default()).await?;
    let (grpc, http) = (receiver.grpc_address(), receiver.http_address());
    let (Some(grpc), Some(http)) = (grpc, http) else { return Err("no address".into()) };
    writeln!(std::io::stdout(), "{grpc} {http}")?;
    receiver.serve(Arc::clone(&desk), ended()).await?;
    desk.landing.close().await;
    let (spans, records) = (desk.spans.load(Ordering::SeqCst), desk.records.load(Ordering::SeqCst));
    writeln!(std::io::stdout(), "{} rows, {spans} spans, {records} records", desk.landing.metrics().rows)?;
    Ok(())
}

async fn ended() {
    let input = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    tokio::select! {
        _ = input => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
