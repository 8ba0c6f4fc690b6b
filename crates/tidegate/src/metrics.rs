//! What can a Prometheus on this machine see of a process? Counts for the operator: no value and no key.

mod exporter;
mod following;
mod receiving;

pub(crate) use exporter::Exporter;
pub(crate) use following::Following;
pub(crate) use receiving::Receiving;

type Labels = Vec<(&'static str, String)>;

fn of(kind: &'static str, name: &str) -> Labels {
    vec![(kind, name.to_owned())]
}

fn outcome_of(kind: &'static str, name: &str, outcome: &str) -> Labels {
    vec![(kind, name.to_owned()), ("outcome", outcome.to_owned())]
}

fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
