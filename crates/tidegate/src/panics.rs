//! What is said when a bug stops something? Where it is, and not what the panic says: that may hold values of rows.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, Location};

/// From here on panics are told by their place alone. `RUST_BACKTRACE=1` adds how it came there.
pub(crate) fn tell_places_only() {
    panic::set_hook(Box::new(|panic| {
        eprintln!("{}", told(panic.location()));
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            eprintln!("{backtrace}");
        }
    }));
}

fn told(location: Option<&Location<'_>>) -> String {
    let place = location.map_or("an unknown place".to_owned(), ToString::to_string);
    format!("error[TG599]: a bug at {place}; nothing that was committed is lost: report it with this line")
}
