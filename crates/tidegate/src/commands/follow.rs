//! `tidegate run --follow`: when is what has landed worth a drain?

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate_stream::{Backlog, Engine, InputEnd, Progress, Summary};

use super::run::{describe, report, run_id};
use crate::cli::{self, Place};
use crate::failure::{Failure, Result};
use crate::lineage::Lineage;
use crate::metrics::{Exporter, Following};
use crate::output::print;
use crate::project::Project;
use crate::signals::Signals;
use crate::words::counted;

/// After how long files are tried again that could not be read.
const RETRY: Duration = Duration::from_secs(60);

pub(crate) async fn run(place: &Place, options: &cli::Run) -> Result<ExitCode> {
    let project = Project::load_to_follow(place).await?;
    let metrics = Arc::new(Following::new());
    let _exporter = options.metrics.map(|address| Exporter::serve(address, metrics.registry())).transpose()?;
    let mut engine = project.engine(run_id()?).await?;
    engine.skip_unlistable();
    let lineage = Lineage::of(&project).await?;
    let signals = Signals::listen(engine.stop())?;
    let full_bytes = project.config.limits().max_bytes as u64;
    let (poll, linger, json) = (options.poll, options.linger, options.json);
    let mut follower = Follower {
        engine,
        signals,
        full_bytes,
        poll,
        linger,
        json,
        metrics,
        lineage,
        unlisted: BTreeMap::new(),
        epochs: 0,
        rows: 0,
    };
    eprintln!("following; end with Ctrl-C or SIGTERM");
    let signal = follower.follow().await?;
    let (epochs, rows) = (counted(follower.epochs, "epoch"), counted(follower.rows, "row"));
    eprintln!(
        "stopped by {signal} after {epochs} with {rows}: all of it is committed, and the next run goes on from there"
    );
    Ok(ExitCode::SUCCESS)
}

struct Follower {
    engine: Engine,
    signals: Signals,
    /// What fills a micro-batch.
    full_bytes: u64,
    poll: Duration,
    linger: Duration,
    json: bool,
    metrics: Arc<Following>,
    lineage: Option<Lineage>,
    /// Streams whose folder cannot be listed now, and why: said once.
    unlisted: BTreeMap<String, String>,
    epochs: u64,
    rows: u64,
}

impl Follower {
    /// Drains whenever something new has landed, until a signal comes.
    async fn follow(&mut self) -> Result<&'static str> {
        let mut cost = Duration::ZERO;
        let mut left: Option<(Instant, Backlog)> = None;
        loop {
            if let Some(signal) = self.signals.asked() {
                return Ok(signal);
            }
            let backlog = self.backlog().await?;
            let is_new = left.as_ref().is_none_or(|(since, left)| {
                backlog.has_more_than(left) || (!backlog.is_empty() && since.elapsed() > RETRY)
            });
            if is_new {
                let before = self.linger(backlog, patience(self.linger, cost)).await?;
                let started = Instant::now();
                self.drain().await?;
                cost = started.elapsed();
                left = Some((Instant::now(), self.backlog().await?.left_of(&before)));
            }
            self.signals.pause(self.poll).await;
        }
    }

    /// Waits for more to land, but no longer than `patience`, and not when a micro-batch is full. Gives what there is
    /// then.
    async fn linger(&mut self, mut backlog: Backlog, patience: Duration) -> Result<Backlog> {
        let first_seen = Instant::now();
        while !backlog.is_empty() && backlog.bytes() < self.full_bytes && self.signals.asked().is_none() {
            let rest = patience.saturating_sub(first_seen.elapsed());
            if rest.is_zero() {
                break;
            }
            self.signals.pause(rest.min(self.poll)).await;
            backlog = self.backlog().await?;
        }
        Ok(backlog)
    }

    async fn drain(&mut self) -> Result<()> {
        let metrics = Arc::clone(&self.metrics);
        let note = |progress: Progress| {
            tracing::debug!(?progress);
            metrics.note(&progress);
        };
        let summary = self.engine.drain(InputEnd::Pause, &note).await?;
        self.metrics.add(&summary);
        if let Some(lineage) = &mut self.lineage {
            lineage.tell().await?;
        }
        self.epochs += summary.epochs;
        self.rows += summary.streams.values().map(|stream| stream.rows).sum::<u64>();
        if summary.is_idle() { Ok(()) } else { self.tell(&summary) }
    }

    fn tell(&self, summary: &Summary) -> Result<()> {
        if self.json {
            let line = serde_json::to_string(&report(summary));
            let line =
                line.map_err(|error| Failure::infrastructure("TG500", error.to_string(), "report this as a bug"));
            print(&format!("{}\n", line?))?;
        }
        eprint!("{}", describe(summary));
        Ok(())
    }

    /// What has landed and is not read; says once which folders cannot be listed.
    async fn backlog(&mut self) -> Result<Backlog> {
        let backlog = self.engine.backlog().await?;
        for (stream, why) in &backlog.unlisted {
            if !self.unlisted.contains_key(stream) {
                eprintln!("warning: stream {stream} cannot be listed, and is tried again: {why}");
            }
        }
        for stream in self.unlisted.keys().filter(|stream| !backlog.unlisted.contains_key(*stream)) {
            eprintln!("stream {stream} can be listed again");
        }
        self.unlisted.clone_from(&backlog.unlisted);
        self.metrics.set(self.engine.history(), &backlog);
        Ok(backlog)
    }
}

/// How long to wait for more: cheap drains come soon, dear ones wait for company.
fn patience(linger: Duration, last_cost: Duration) -> Duration {
    const COSTS: u32 = 4;
    linger.min(last_cost.saturating_mul(COSTS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_follows_the_cost_of_a_drain_up_to_the_linger() {
        let of = |cost| patience(Duration::from_secs(2), Duration::from_millis(cost)).as_millis();
        assert_eq!((of(0), of(10), of(500), of(9_000)), (0, 40, 2_000, 2_000));
    }
}
