//! Any bytes are a sketch of Datadog or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_sketch::DdSketch;

fuzz_target!(|data: &[u8]| {
    if let Ok(sketch) = DdSketch::from_datadog(data) {
        assert_eq!(DdSketch::from_bytes(&sketch.to_bytes()), Ok(sketch));
    }
});
