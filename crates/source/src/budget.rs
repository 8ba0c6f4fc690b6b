//! How much may wait for those who read?
//!
//! All files of a source that are open at the same time share one [`Budget`] of bytes. Before a batch is handed on it is
//! let through by its file's [`Account`]; the [`Hold`] that it gets goes with it, and gives the bytes back when it is
//! dropped.
//!
//! Whoever reads files in order would wait forever if the files after it could take all the bytes. Hence two rules:
//! the batch that a reader waits for is always let through, and files that nobody has asked for yet take at most half.
//! So in flight is at most the budget, and one batch for each reader that waits.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The bytes that may be in flight, for all files together.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: u64,
    in_flight: Mutex<u64>,
    /// Bytes were given back, somebody asks for a batch, or nobody listens any more.
    changed: Condvar,
}

impl Budget {
    pub(crate) fn new(limit: u64) -> Self {
        Self { limit, in_flight: Mutex::new(0), changed: Condvar::new() }
    }

    /// How many bytes are in flight.
    pub(crate) fn in_flight(&self) -> u64 {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one file has let through, and what its reader has asked for.
#[derive(Debug)]
pub(crate) struct Account {
    budget: Arc<Budget>,
    // Both are written under the budget's lock, so that no waiting thread misses a change.
    asked: AtomicU64,
    is_closed: AtomicBool,
    passed: AtomicU64,
}

impl Account {
    pub(crate) fn open(budget: &Arc<Budget>) -> Self {
        let (asked, is_closed, passed) = (AtomicU64::new(0), AtomicBool::new(false), AtomicU64::new(0));
        Self { budget: Arc::clone(budget), asked, is_closed, passed }
    }

    /// The reader waits for the `n`-th batch of the file, counted from 1.
    pub(crate) fn ask(&self, n: u64) {
        let _locked = self.budget.lock();
        self.asked.store(n, Ordering::Relaxed);
        self.budget.changed.notify_all();
    }

    /// Nobody reads the file any more.
    pub(crate) fn close(&self) {
        let _locked = self.budget.lock();
        self.is_closed.store(true, Ordering::Relaxed);
        self.budget.changed.notify_all();
    }

    /// Blocks until a batch of `bytes` may be handed on; nothing when nobody reads the file any more.
    pub(crate) fn admit(&self, bytes: u64) -> Option<Hold> {
        let mut in_flight = self.budget.lock();
        while !self.is_closed.load(Ordering::Relaxed) {
            if self.admits(bytes, *in_flight) {
                *in_flight += bytes;
                self.passed.fetch_add(1, Ordering::Relaxed);
                return Some(Hold { budget: Arc::clone(&self.budget), bytes });
            }
            in_flight = self.budget.changed.wait(in_flight).unwrap_or_else(PoisonError::into_inner);
        }
        None
    }

    fn admits(&self, bytes: u64, in_flight: u64) -> bool {
        let asked = self.asked.load(Ordering::Relaxed);
        let is_awaited = asked > self.passed.load(Ordering::Relaxed);
        let limit = if asked == 0 { self.budget.limit / 2 } else { self.budget.limit };
        is_awaited || in_flight.saturating_add(bytes) <= limit
    }
}

/// Some bytes of a budget, for as long as it lives.
pub(crate) struct Hold {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Drop for Hold {
    fn drop(&mut self) {
        *self.budget.lock() -= self.bytes;
        self.budget.changed.notify_all();
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.bytes)
    }
}

/// What is the same stays the same whatever it weighs.
impl PartialEq for Hold {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(limit: u64) -> Arc<Budget> {
        Arc::new(Budget::new(limit))
    }

    #[test]
    fn bytes_are_given_back() {
        let budget = budget(10);
        let account = Account::open(&budget);
        account.ask(1);
        let holds = [account.admit(4).unwrap(), account.admit(6).unwrap()];
        assert_eq!(budget.in_flight(), 10);
        assert!(!account.admits(1, budget.in_flight()));
        drop(holds);
        assert_eq!(budget.in_flight(), 0);
        assert!(account.admits(10, budget.in_flight()) && !account.admits(11, budget.in_flight()));
    }

    #[test]
    fn what_a_reader_waits_for_passes_whatever_it_weighs_and_nothing_more() {
        let budget = budget(10);
        let (first, later) = (Account::open(&budget), Account::open(&budget));
        later.ask(1);
        let _full = later.admit(10).unwrap();
        assert!(!first.admits(1, budget.in_flight()));
        first.ask(1);
        let awaited = first.admit(1_000).unwrap();
        assert!(!first.admits(0, budget.in_flight()), "the reader has not asked for a second one");
        drop(awaited);
        assert!(first.admits(0, budget.in_flight()), "it fits");
        assert!(!first.admits(1, budget.in_flight()));
        first.ask(2);
        assert!(first.admits(1, budget.in_flight()));
        assert!(!later.admits(1, budget.in_flight()));
    }

    #[test]
    fn files_that_nobody_asked_for_leave_half() {
        let budget = budget(10);
        let (first, later) = (Account::open(&budget), Account::open(&budget));
        let _half = later.admit(5).unwrap();
        assert!(!later.admits(1, budget.in_flight()));
        first.ask(1);
        let _other_half = first.admit(5).unwrap();
        assert_eq!(budget.in_flight(), 10);
    }

    #[test]
    fn those_who_wait_go_on_when_there_is_a_reason() {
        let reasons: [fn(&Account, Hold); 3] =
            [|_, full| drop(full), |waiting, _| waiting.ask(1), |waiting, _| waiting.close()];
        for (number, reason) in reasons.into_iter().enumerate() {
            let budget = budget(10);
            let other = Account::open(&budget);
            other.ask(1);
            let full = other.admit(10).unwrap();
            let waiting = Arc::new(Account::open(&budget));
            let thread = {
                let waiting = Arc::clone(&waiting);
                std::thread::spawn(move || waiting.admit(5).is_some())
            };
            reason(&waiting, full);
            assert_eq!(thread.join().unwrap(), number < 2, "reason {number}");
        }
    }
}
