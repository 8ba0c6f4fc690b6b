//! Where can a process die?
//!
//! At every [`point`]: between two steps of a durable write on a local disk. In debug builds `TIDEGATE_CRASH_AT=<n>`
//! kills the process at the n-th point it comes to, counted from 1 over the whole process, with a signal that nothing
//! can catch. A test that tries every `n` until the process survives has tried every crash there is.
//!
//! ```text
//! create, replace:  * write and sync the staged file * give it its name * sync the folder
//! delete:           * take the name away *
//! ```

/// A step at which the process dies if it was asked to. Release builds have no such steps.
pub(crate) fn point() {
    #[cfg(debug_assertions)]
    debug::point();
}

#[cfg(debug_assertions)]
mod debug {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Which point is the last, if one is.
    static LAST: LazyLock<Option<u64>> = LazyLock::new(|| std::env::var("TIDEGATE_CRASH_AT").ok()?.parse().ok());
    static PASSED: AtomicU64 = AtomicU64::new(0);

    pub(super) fn point() {
        if *LAST == Some(PASSED.fetch_add(1, Ordering::Relaxed) + 1) {
            die();
        }
    }

    fn die() -> ! {
        // The standard library can abort, which is another signal; nothing is flushed and no destructor runs either way.
        let pid = std::process::id().to_string();
        let _ = std::process::Command::new("kill").args(["-KILL", &pid]).status();
        std::process::abort()
    }
}
