//! What is measured of a process that follows? Nothing per group or window.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use tidegate_stream::{Backlog, History, Progress, Summary};

use super::{Labels, count, of, outcome_of};

type Seconds = Gauge<f64, AtomicU64>;

/// The measurements of one process. Counters start with it; gauges say how the project stands.
pub(crate) struct Following {
    stream_rows: Family<Labels, Counter>,
    signal_rows: Family<Labels, Counter>,
    released_rows: Family<Labels, Counter>,
    withheld_groups: Family<Labels, Counter>,
    quarantine_rows: Family<Labels, Gauge>,
    behind_latest: Family<Labels, Seconds>,
    behind_clock: Family<Labels, Seconds>,
    unread_files: Family<Labels, Gauge>,
    unread_bytes: Family<Labels, Gauge>,
    state_bytes: Family<Labels, Gauge>,
    epoch_seconds: Histogram,
    /// When the epoch that is being made began.
    epoch_began: Mutex<Instant>,
}

impl Following {
    pub(crate) fn new() -> Self {
        Self {
            stream_rows: Family::default(),
            signal_rows: Family::default(),
            released_rows: Family::default(),
            withheld_groups: Family::default(),
            quarantine_rows: Family::default(),
            behind_latest: Family::default(),
            behind_clock: Family::default(),
            unread_files: Family::default(),
            unread_bytes: Family::default(),
            state_bytes: Family::default(),
            epoch_seconds: Histogram::new(exponential_buckets(0.005, 2.0, 15)),
            epoch_began: Mutex::new(Instant::now()),
        }
    }

    pub(crate) fn registry(&self) -> Registry {
        let mut all = Registry::with_prefix("tidegate");
        all.register("stream_rows", "Rows read, by what became of them", self.stream_rows.clone());
        all.register("signal_rows", "Rows read for a signal, by what became of them", self.signal_rows.clone());
        all.register("released_rows", "Rows released, restated ones again", self.released_rows.clone());
        all.register("withheld_groups", "Groups below the threshold at releases", self.withheld_groups.clone());
        all.register("quarantine_rows", "Rows that were ever set aside", self.quarantine_rows.clone());
        let help = "The latest event less the watermark";
        all.register("watermark_behind_latest_seconds", help, self.behind_latest.clone());
        all.register("watermark_behind_clock_seconds", "Now less the watermark", self.behind_clock.clone());
        all.register("unread_files", "Files listed and not read", self.unread_files.clone());
        all.register("unread_bytes", "Bytes of files listed and not read", self.unread_bytes.clone());
        all.register("state_bytes", "Bytes of state files", self.state_bytes.clone());
        all.register("epoch_seconds", "How long epochs took", self.epoch_seconds.clone());
        all
    }

    /// Takes note of how far a drain has come.
    pub(crate) fn note(&self, progress: &Progress) {
        let Ok(mut began) = self.epoch_began.lock() else { return };
        if let Progress::Committed { .. } = progress {
            self.epoch_seconds.observe(began.elapsed().as_secs_f64());
        }
        *began = Instant::now();
    }

    /// Adds what a drain did.
    pub(crate) fn add(&self, summary: &Summary) {
        for (name, stream) in &summary.streams {
            let rows = stream.account;
            let outcomes = [("delivered", rows.delivered), ("rejected", rows.rejected), ("duplicate", rows.duplicate)];
            for (outcome, rows) in outcomes {
                self.stream_rows.get_or_create(&outcome_of("stream", name, outcome)).inc_by(rows);
            }
        }
        for (name, signal) in &summary.signals {
            let rows = signal.rows;
            let outcomes = [
                ("aggregated", rows.aggregated),
                ("filtered", rows.filtered),
                ("late", rows.late),
                ("rejected", rows.rejected),
                ("duplicate", rows.duplicate),
            ];
            for (outcome, rows) in outcomes {
                self.signal_rows.get_or_create(&outcome_of("signal", name, outcome)).inc_by(rows);
            }
            self.released_rows.get_or_create(&of("signal", name)).inc_by(signal.rows_released);
            self.withheld_groups.get_or_create(&of("signal", name)).inc_by(signal.withheld);
        }
    }

    /// Says how the project stands.
    pub(crate) fn set(&self, history: &History, backlog: &Backlog) {
        let now_us = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
        let now_us = i64::try_from(now_us).unwrap_or(i64::MAX);
        for (name, stream) in &history.streams {
            if let Some(watermark_us) = stream.closed.watermark_us {
                let latest_us = stream.latest_us.unwrap_or(watermark_us);
                self.behind_latest.get_or_create(&of("stream", name)).set(seconds(latest_us - watermark_us));
                self.behind_clock.get_or_create(&of("stream", name)).set(seconds(now_us - watermark_us));
            }
            let mut reasons: BTreeMap<&String, u64> = BTreeMap::new();
            for (reason, rows) in stream.quarantine.iter().flat_map(|file| &file.rows) {
                *reasons.entry(reason).or_default() += rows;
            }
            for (reason, rows) in reasons {
                let labels = vec![("stream", name.clone()), ("reason", reason.clone())];
                self.quarantine_rows.get_or_create(&labels).set(count(rows));
            }
        }
        for (name, unread) in &backlog.streams {
            self.unread_files.get_or_create(&of("stream", name)).set(count(unread.files()));
            self.unread_bytes.get_or_create(&of("stream", name)).set(count(unread.bytes()));
        }
        let mut signals: BTreeMap<&String, u64> = BTreeMap::new();
        for ((name, _), signal) in &history.signals {
            let waiting = signal.waiting.iter().map(|waiting| &waiting.file);
            *signals.entry(name).or_default() +=
                signal.states.iter().chain(waiting).map(|state| state.bytes).sum::<u64>();
        }
        for (name, bytes) in signals {
            self.state_bytes.get_or_create(&of("signal", name)).set(count(bytes));
        }
    }
}

fn seconds(micros: i64) -> f64 {
    Duration::from_micros(micros.unsigned_abs()).as_secs_f64().copysign(if micros < 0 { -1.0 } else { 1.0 })
}
