//! Was this process asked to end?

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A wish to end that many can see. What is in memory is finished first.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks everything that holds a copy to end soon.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// True once somebody asked.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
