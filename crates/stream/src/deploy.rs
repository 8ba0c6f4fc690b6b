//! What would changed definitions do to what the log already has? A pure function of both.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_algebra::Fingerprint;
use tidegate_signal::BUILT_IN;

use crate::history::History;

/// A signal as it is defined now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinedSignal {
    /// Its name.
    pub name: String,
    /// The streams it reads; none where it is computed from released signals.
    pub streams: Vec<String>,
    /// The plan that makes its state.
    pub fingerprint: Fingerprint,
    /// The hash of its definition.
    pub code_hash: String,
}

/// Files that lie in landing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Landed {
    /// How many.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What becomes of a signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It reads its stream from the beginning.
    New(Landed),
    /// As it was.
    Unchanged,
    /// Another definition over the same state: so many released days are released again from it.
    Kept {
        /// Released days.
        days: u64,
    },
    /// Another plan: its state starts again, and its stream is read from the beginning.
    Restarted(Landed),
    /// It is not defined any more. Its files stay until somebody removes them.
    Removed {
        /// Where its state lies; none when it has none.
        state: Option<String>,
        /// Its released files.
        released: Vec<String>,
    },
}

/// What a run with the `defined` signals does to each of them and to those that the log knows beside them, when
/// `landed` is what each stream has.
pub fn compare(
    history: &History,
    defined: &[DefinedSignal],
    landed: &BTreeMap<String, Landed>,
) -> BTreeMap<String, Fate> {
    let names = defined.iter().map(|signal| &signal.name).collect::<BTreeSet<_>>();
    let known = history.signals.keys().map(|(name, _)| name);
    let known = known.chain(history.released.keys().map(|(name, _)| name)).collect::<BTreeSet<_>>();
    let is_gone = |name: &&&String| !names.contains(**name) && !BUILT_IN.contains(&name.as_str());
    let removed = known.iter().filter(is_gone).map(|name| ((*name).clone(), gone(history, name)));
    let fate = |signal: &DefinedSignal| {
        let landed = signal
            .streams
            .iter()
            .filter_map(|stream| landed.get(stream))
            .fold(Landed::default(), |all, one| Landed { files: all.files + one.files, bytes: all.bytes + one.bytes });
        let plan = (signal.name.clone(), signal.fingerprint.clone());
        if !known.contains(&signal.name) {
            Fate::New(landed)
        } else if !signal.streams.is_empty() && !history.signals.contains_key(&plan) {
            Fate::Restarted(landed)
        } else {
            match days_to_restate(history, signal) {
                0 => Fate::Unchanged,
                days => Fate::Kept { days },
            }
        }
    };
    defined.iter().map(|signal| (signal.name.clone(), fate(signal))).chain(removed).collect()
}

fn days_to_restate(history: &History, signal: &DefinedSignal) -> u64 {
    let released = history.released.values().filter(|entry| entry.signal == signal.name);
    let other = released.filter(|entry| entry.fingerprint != signal.fingerprint || entry.code_hash != signal.code_hash);
    other.count() as u64
}

fn gone(history: &History, name: &str) -> Fate {
    let has_state = history.signals.iter().any(|((signal, _), own)| signal == name && !own.states.is_empty());
    let released = history.released.values().filter(|entry| entry.signal == name && entry.rows > 0);
    Fate::Removed {
        state: has_state.then(|| format!("state/{name}/")),
        released: released.map(|entry| entry.path.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commit::{ReleaseEntry, StateFile};
    use crate::history::SignalHistory;

    const PLAN: &str = "00000000000000000000000000000001";
    const OTHER: &str = "00000000000000000000000000000002";
    const LANDED: Landed = Landed { files: 3, bytes: 30 };

    fn history() -> History {
        let mut history = History::default();
        let states = vec![StateFile::default()];
        let plan = PLAN.parse::<Fingerprint>().unwrap();
        let key = ("s".to_owned(), plan.clone());
        history.signals.insert(key, SignalHistory { states, ..SignalHistory::default() });
        for day in [1, 2] {
            let entry = ReleaseEntry {
                signal: "s".to_owned(),
                day: Some(day),
                code_hash: "h".to_owned(),
                fingerprint: plan.clone(),
                rows: 1,
                path: format!("released/{day}"),
                ..ReleaseEntry::default()
            };
            history.released.insert(("s".to_owned(), Some(day)), entry);
        }
        history
    }

    #[track_caller]
    fn check(name: &str, plan: &str, code_hash: &str, expected: &Fate) {
        let signal = DefinedSignal {
            name: name.to_owned(),
            streams: vec!["d".to_owned()],
            fingerprint: plan.parse().unwrap(),
            code_hash: code_hash.to_owned(),
        };
        let fates = compare(&history(), &[signal], &BTreeMap::from([("d".to_owned(), LANDED)]));
        assert_eq!(fates.get(name), Some(expected));
    }

    #[test]
    fn a_signal_is_new_the_same_kept_or_restarted() {
        check("t", PLAN, "h", &Fate::New(LANDED));
        check("s", PLAN, "h", &Fate::Unchanged);
        check("s", PLAN, "other", &Fate::Kept { days: 2 });
        check("s", OTHER, "other", &Fate::Restarted(LANDED));
    }

    #[test]
    fn a_signal_that_is_not_defined_any_more_leaves_its_files() {
        let fates = compare(&history(), &[], &BTreeMap::new());
        let released = vec!["released/1".to_owned(), "released/2".to_owned()];
        assert_eq!(fates["s"], Fate::Removed { state: Some("state/s/".to_owned()), released });
    }
}
