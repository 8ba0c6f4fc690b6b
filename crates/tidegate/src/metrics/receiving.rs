//! What is measured of a process that takes telemetry? What was sent, what of it was left out, and what was landed.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use tidegate_land::Metrics;
use tidegate_otlp::Tally;

use super::{Labels, count, of, outcome_of};
use crate::serve::FrontDoor;

/// So many keys of attributes are told apart; the rest counts as `other`.
const KEYS: usize = 256;

const OTHER: &str = "other";

/// What became of spans and logs, by reasons and keys that hold no value.
#[derive(Default)]
pub(crate) struct Receiving {
    telemetry: Family<Labels, Counter>,
    ignored: Family<Labels, Counter>,
    rejected: Family<Labels, Counter>,
    dropped_attributes: Family<Labels, Counter>,
    keys: Mutex<BTreeSet<String>>,
    too_long: Counter,
    refused_rows: Family<Labels, Counter>,
}

impl Receiving {
    /// These measurements, and those of the landings behind a front door.
    pub(crate) fn registry(&self, front: Arc<FrontDoor>) -> Registry {
        let mut all = Registry::with_prefix("tidegate");
        all.register(
            "telemetry",
            "Spans and logs that were sent, and the rows that they became",
            self.telemetry.clone(),
        );
        all.register("telemetry_ignored", "Spans and logs that are no rows", self.ignored.clone());
        all.register(
            "telemetry_rejected",
            "Spans and logs that should be rows and lack something",
            self.rejected.clone(),
        );
        all.register("dropped_attributes", "Attributes that no column asks for", self.dropped_attributes.clone());
        all.register("too_long_texts", "Texts too long for their column", self.too_long.clone());
        all.register("refused_rows", "Rows that were not taken", self.refused_rows.clone());
        all.register_collector(Box::new(Landings(front)));
        all
    }

    /// Adds what a mapping made of a request.
    pub(crate) fn mapped(&self, tally: &Tally) {
        let outcomes = [
            ("spans", "sent", tally.spans),
            ("logs", "sent", tally.logs),
            ("decisions", "made", tally.decisions),
            ("decision_steps", "made", tally.steps),
            ("labels", "made", tally.labels),
        ];
        for (kind, outcome, number) in outcomes {
            self.telemetry.get_or_create(&outcome_of("kind", kind, outcome)).inc_by(number);
        }
        for (reason, number) in &tally.ignored {
            self.ignored.get_or_create(&of("reason", &reason.to_string())).inc_by(*number);
        }
        for (reason, number) in &tally.rejected {
            self.rejected.get_or_create(&of("reason", &reason.to_string())).inc_by(*number);
        }
        for (key, number) in &tally.dropped_attributes {
            self.dropped_attributes.get_or_create(&of("key", self.known(key))).inc_by(*number);
        }
        self.too_long.inc_by(tally.too_long);
    }

    /// The key, unless there are too many already: senders choose them.
    fn known<'a>(&self, key: &'a str) -> &'a str {
        let Ok(mut keys) = self.keys.lock() else { return OTHER };
        if !keys.contains(key) && keys.len() < KEYS {
            keys.insert(key.to_owned());
        }
        if keys.contains(key) { key } else { OTHER }
    }

    /// Adds rows that were not taken.
    pub(crate) fn refused(&self, stream: &str, rows: usize) {
        self.refused_rows.get_or_create(&of("stream", stream)).inc_by(rows as u64);
    }
}

/// A measurement of a landing: its name, what it says, and where it stands.
type Landed = (&'static str, &'static str, fn(&Metrics) -> u64);

/// What is landed, asked when a Prometheus does.
struct Landings(Arc<FrontDoor>);

impl fmt::Debug for Landings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Landings")
    }
}

impl Collector for Landings {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counters: [Landed; 5] = [
            ("landed_rows", "Rows landed", |landed| landed.rows),
            ("landed_files", "Files landed", |landed| landed.files),
            ("landed_bytes", "Bytes of files landed", |landed| landed.bytes),
            ("duplicate_batches", "Batches that had been landed before", |landed| landed.duplicates),
            ("busy_batches", "Batches refused because too much was waiting", |landed| landed.busy),
        ];
        for (name, help, read) in counters {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (stream, desk) in &self.0.desks {
                let number = ConstCounter::new(read(&desk.landing.metrics()));
                number.encode(family.encode_family(&of("stream", stream))?)?;
            }
        }
        let gauges: [Landed; 2] = [
            ("waiting_batches", "Batches taken in and not landed yet", |landed| landed.waiting),
            ("waiting_bytes", "Bytes of these", |landed| landed.waiting_bytes),
        ];
        for (name, help, read) in gauges {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (stream, desk) in &self.0.desks {
                let number = ConstGauge::new(count(read(&desk.landing.metrics())));
                number.encode(family.encode_family(&of("stream", stream))?)?;
            }
        }
        Ok(())
    }
}
