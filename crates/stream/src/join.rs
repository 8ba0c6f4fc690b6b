//! When do rows of two streams meet? As soon as no partner of theirs can come any more.
//!
//! ```text
//! leading a   ────────●────────────┤ reached: every row before it has met its partners, once
//! other   b   ──[ before ● after ]────────┤ watermark
//! ```
//!
//! Rows wait in state files of their stream. The join has come as far as both streams have: to the watermark of the
//! leading one, and to that of the other less how much younger partners may be. Rows that this passes meet; files whose
//! rows can meet nothing any more are dropped. Once a row has met its partners, or has found none, that stands: what
//! comes behind its stream's watermark, or behind the end that a stream was declared to have, is late.

use std::collections::BTreeMap;
use std::ops::Range;

use tidegate_algebra::{Closed, Joined, Side, Waiting};
use tidegate_ledger::Store;
use tidegate_signal::{Signal, StreamJoin};

use crate::commit::{JoinedRows, StateFile};
use crate::epoch::Limits;
use crate::error::{Error, Result};
use crate::history::{SignalHistory, StreamHistory, WaitingRows};
use crate::state::Shelf;

/// How far a stream has come.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) history: StreamHistory,
    /// Nothing more is expected of it.
    pub(crate) ended: bool,
}

/// How far a join has come, when its streams have come as far as this.
pub(crate) fn reached(join: &StreamJoin, before: Closed, leading: &Standing, other: &Standing) -> Closed {
    let latest_us = leading.history.latest_us;
    let own = match leading.ended {
        true => latest_us.map(|latest_us| latest_us.saturating_add(1)),
        false => leading.history.closed.watermark_us,
    };
    let partners = match other.ended {
        true => Some(i64::MAX),
        false => other.history.closed.watermark_us.map(|watermark_us| watermark_us.saturating_sub(join.after_us)),
    };
    let watermark_us = own.zip(partners).map(|(own, partners)| own.min(partners));
    let sealed_us = latest_us.filter(|_| leading.ended && other.ended);
    Closed { watermark_us: watermark_us.max(before.watermark_us), sealed_us: sealed_us.max(before.sealed_us) }
}

/// The event time before which a row of `stream` comes too late for the join of `signal`, which has come as far as
/// `joined`.
pub(crate) fn cutoff(signal: &Signal, join: &StreamJoin, stream: &str, joined: Closed) -> i64 {
    let reached_us = joined.watermark_us.unwrap_or(i64::MIN);
    // Partners of what is older than that have met others already.
    if stream == signal.stream { reached_us } else { reached_us.saturating_add(join.after_us) }
}

/// What a join made of the rows that meet now.
#[derive(Debug, Default)]
pub(crate) struct Met {
    pub(crate) rows: JoinedRows,
    pub(crate) state: Option<StateFile>,
    /// Totals of units that wait to be noised.
    pub(crate) waiting: Option<StateFile>,
    /// Files of which no row can meet another any more.
    pub(crate) expired: Vec<String>,
}

/// A join that goes on from `before` to `closed`.
pub(crate) struct Step<'a> {
    pub(crate) store: &'a Store,
    pub(crate) signal: &'a Signal,
    pub(crate) join: &'a StreamJoin,
    pub(crate) before: &'a SignalHistory,
    pub(crate) closed: Closed,
    pub(crate) limits: &'a Limits,
}

impl Step<'_> {
    /// Lets rows meet part by part, and writes the state that comes of it to `path`.
    pub(crate) async fn make(&self, path: String) -> Result<Met> {
        let times = self.times();
        let expired = self.before.waiting.iter().filter(|waiting| self.is_expired(waiting, times.end));
        let mut met = Met { expired: expired.map(|waiting| waiting.file.path.clone()).collect(), ..Met::default() };
        let partners = times.start.saturating_sub(self.join.before_us)..times.end.saturating_add(self.join.after_us);
        let (leading, other) = (self.shelf(&self.signal.stream)?, self.shelf(&self.join.stream)?);
        let (ours, theirs) = (self.files(&leading, &times), self.files(&other, &partners));
        if ours.is_empty() {
            return Ok(met);
        }
        let explain = |source| Error::Signal { signal: self.signal.name().to_owned(), source };
        let cut = &self.signal.cut;
        let all = ours.iter().chain(&theirs).copied().collect::<Vec<_>>();
        let mut states = Vec::new();
        let mut touched = BTreeMap::new();
        let (mut days, mut covered) = (Vec::new(), Vec::new());
        for part in leading.shelf.parts(&all, self.limits.state_bytes) {
            let waiting = [
                Waiting { side: leading.side, states: leading.shelf.read(&ours, part).await?, times_us: times.clone() },
                Waiting {
                    side: other.side,
                    states: other.shelf.read(&theirs, part).await?,
                    times_us: partners.clone(),
                },
            ];
            let Joined { leading_rows, partial } = cut.joined(waiting).await.map_err(explain)?;
            met.rows.leading += leading_rows;
            met.rows.aggregated += partial.rows_aggregated;
            days.extend(partial.days);
            for (start, end) in partial.covered {
                let last = touched.entry(start).or_insert(end);
                *last = end.max(*last);
            }
            states.push(partial.state);
        }
        let units = cut.units().map(Side::layout);
        let state = match units {
            Some(units) => units.together(states),
            None => cut.merge(states).await,
        };
        let state = state.map_err(explain)?;
        if !state.is_empty() {
            days.sort_unstable();
            days.dedup();
            covered.extend(touched);
            let layout = units.unwrap_or(cut.layout());
            let file = Shelf { layout, ..Shelf::of(self.store, self.signal) }.write(path, state).await?;
            let file = Some(StateFile { days, covered, ..file });
            match units {
                Some(_) => met.waiting = file,
                None => met.state = file,
            }
        }
        Ok(met)
    }

    /// The event times of leading rows that meet their partners now.
    fn times(&self) -> Range<i64> {
        let of = |closed: Closed| closed.watermark_us.unwrap_or(i64::MIN);
        of(self.before.joined)..of(self.closed)
    }

    fn is_expired(&self, waiting: &WaitingRows, reached_us: i64) -> bool {
        let needed_us = match waiting.stream.as_str() {
            // It has met what it could.
            "" => return false,
            stream if stream == self.signal.stream => reached_us,
            _ => reached_us.saturating_sub(self.join.before_us),
        };
        waiting.file.covered.iter().all(|&(_, end)| end <= needed_us)
    }

    fn shelf(&self, stream: &str) -> Result<SideShelf<'_>> {
        let name = self.signal.name();
        let side = self.signal.cut.side(stream);
        let side = side.ok_or_else(|| Error::UnknownStream { stream: stream.to_owned() })?;
        Ok(SideShelf { side, shelf: Shelf { store: self.store, signal: name, layout: side.layout() } })
    }

    /// The files that have rows of a side within `times`; the last instant counts.
    fn files<'s>(&'s self, side: &SideShelf<'_>, times: &Range<i64>) -> Vec<&'s StateFile> {
        let overlaps = |file: &StateFile| file.covered.iter().any(|&(from, to)| from <= times.end && to > times.start);
        let own = self.before.waiting.iter().filter(|waiting| waiting.stream == side.side.stream());
        own.map(|waiting| &waiting.file).filter(|file| overlaps(file)).collect()
    }
}

struct SideShelf<'a> {
    side: &'a Side,
    shelf: Shelf<'a>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOIN: fn() -> StreamJoin = || StreamJoin { stream: "b".to_owned(), before_us: 5, after_us: 20, unit: None };

    fn stream(watermark_us: Option<i64>, latest_us: i64) -> StreamHistory {
        let closed = Closed { watermark_us, sealed_us: None };
        StreamHistory { closed, latest_us: Some(latest_us), ..StreamHistory::default() }
    }

    #[track_caller]
    fn check(
        leading: (Option<i64>, bool),
        other: (Option<i64>, bool),
        watermark_us: Option<i64>,
        sealed_us: Option<i64>,
    ) {
        let (a, b) = (stream(leading.0, 110), stream(other.0, 115));
        let leading = Standing { history: a, ended: leading.1 };
        let other = Standing { history: b, ended: other.1 };
        assert_eq!(reached(&JOIN(), Closed::default(), &leading, &other), Closed { watermark_us, sealed_us });
    }

    #[test]
    fn a_join_comes_as_far_as_no_partner_can_come_any_more() {
        check((Some(100), false), (Some(100), false), Some(80), None);
        check((Some(100), false), (Some(300), false), Some(100), None);
        check((None, false), (Some(300), false), None, None);
        check((Some(100), false), (None, false), None, None);
    }

    #[test]
    fn a_stream_that_ended_holds_nobody_back() {
        check((Some(100), false), (Some(100), true), Some(100), None);
        check((Some(100), true), (Some(105), false), Some(85), None);
        check((Some(100), true), (Some(300), false), Some(111), None);
        check((Some(100), true), (None, true), Some(111), Some(110));
    }

    #[test]
    fn a_join_never_goes_back() {
        let before = Closed { watermark_us: Some(500), sealed_us: Some(499) };
        let (a, b) = (stream(Some(100), 110), stream(Some(100), 115));
        let of = |history| Standing { history, ended: false };
        assert_eq!(reached(&JOIN(), before, &of(a), &of(b)), before);
    }
}
