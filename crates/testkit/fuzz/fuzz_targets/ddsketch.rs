//! Any bytes are a sketch, written as it was read, or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_sketch::DdSketch;

#[path = "../sealed.rs"]
mod sealed;

fuzz_target!(|data: &[u8]| {
    // As they are, and with a head and a checksum that let them in.
    for bytes in [data.to_vec(), sealed::sealed(1, data)] {
        if let Ok(sketch) = DdSketch::from_bytes(&bytes) {
            assert_eq!(sketch.to_bytes(), bytes);
        }
    }
});
