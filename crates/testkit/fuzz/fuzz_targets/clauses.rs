//! Any text is a definition that can be planned, or it is refused with a place in the text, a cause and a fix.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../signal/tests/it/reading.rs"]
mod reading;

fuzz_target!(|sql: &str| {
    reading::read(sql);
});
