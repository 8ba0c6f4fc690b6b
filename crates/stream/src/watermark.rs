//! How far has the time of a stream come? A pure function of what its splits delivered.
//!
//! A split is a producer: all files whose path says the same `name=value` of the stream's `split_by`, or simply all
//! files. The watermark follows the slowest split that is not idle, less the stream's delay, and never goes back.

use std::collections::BTreeMap;

use tidegate_contract::stream::StreamContract;

use crate::history::{SplitHistory, StreamHistory};

/// The watermark after a listing was read whole, `new` being the greatest event time that each split delivered in it.
pub(crate) fn advance(
    contract: &StreamContract,
    before: &StreamHistory,
    new: &BTreeMap<String, i64>,
    now_us: i64,
) -> Option<i64> {
    let idle = |split: &SplitHistory| is_silent(contract, split.delivered_at_us, now_us);
    let old = before.splits.iter().filter(|(name, split)| new.contains_key(*name) || !idle(split));
    let mut latest = old.map(|(name, split)| (name.as_str(), split.latest_us)).collect::<BTreeMap<_, _>>();
    for (name, &latest_us) in new {
        latest.entry(name).and_modify(|known| *known = latest_us.max(*known)).or_insert(latest_us);
    }
    let slowest = latest.into_values().min();
    let watermark_us = slowest.map(|latest_us| latest_us.saturating_sub(contract.watermark_us));
    watermark_us.max(before.closed.watermark_us)
}

/// True when a stream has been silent for so long that it counts as ended until more arrives.
pub(crate) fn is_idle(contract: &StreamContract, stream: &StreamHistory, now_us: i64) -> bool {
    let last = stream.splits.values().map(|split| split.delivered_at_us).max();
    last.is_some_and(|delivered_at_us| is_silent(contract, delivered_at_us, now_us))
}

fn is_silent(contract: &StreamContract, delivered_at_us: i64, now_us: i64) -> bool {
    contract.idle_timeout_us.is_some_and(|timeout_us| now_us.saturating_sub(delivered_at_us) >= timeout_us)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(watermark_us: Option<i64>, splits: &[(&str, i64, i64)]) -> StreamHistory {
        let splits = splits
            .iter()
            .map(|&(name, latest_us, delivered_at_us)| (name.to_owned(), SplitHistory { latest_us, delivered_at_us }));
        let mut stream = StreamHistory { splits: splits.collect(), ..StreamHistory::default() };
        stream.closed.watermark_us = watermark_us;
        stream
    }

    fn contract(idle_timeout_us: Option<i64>) -> StreamContract {
        StreamContract { watermark_us: 10, idle_timeout_us, ..StreamContract::new("s") }
    }

    fn new(splits: &[(&str, i64)]) -> BTreeMap<String, i64> {
        splits.iter().map(|&(name, latest)| (name.to_owned(), latest)).collect()
    }

    #[test]
    fn the_slowest_split_counts() {
        let before = stream(None, &[("a", 500, 0)]);
        assert_eq!(advance(&contract(None), &before, &new(&[("a", 700), ("b", 300)]), 0), Some(290));
        assert_eq!(advance(&contract(None), &before, &new(&[("b", 900)]), 0), Some(490));
    }

    #[test]
    fn an_idle_split_holds_nobody_back() {
        let before = stream(None, &[("a", 500, 0)]);
        let next = new(&[("b", 900)]);
        assert_eq!(advance(&contract(Some(60)), &before, &next, 59), Some(490));
        assert_eq!(advance(&contract(Some(60)), &before, &next, 60), Some(890));
    }

    #[test]
    fn time_never_goes_back() {
        let before = stream(Some(490), &[("a", 500, 0)]);
        assert_eq!(advance(&contract(None), &before, &new(&[("a", 100)]), 0), Some(490));
        assert_eq!(advance(&contract(None), &before, &new(&[("b", 100)]), 0), Some(490));
        assert_eq!(advance(&contract(None), &stream(None, &[]), &new(&[]), 0), None);
    }

    #[test]
    fn a_silent_stream_is_idle() {
        let silent = stream(None, &[("a", 500, 7), ("b", 400, 3)]);
        assert!(!is_idle(&contract(Some(60)), &silent, 66));
        assert!(is_idle(&contract(Some(60)), &silent, 67));
        assert!(!is_idle(&contract(None), &silent, i64::MAX));
    }
}
