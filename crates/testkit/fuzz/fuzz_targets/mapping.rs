//! Any text is a mapping or is refused; what is read can map.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_otlp::{Context, Mapper, Mapping, Signal};

const REQUEST: &[u8] = include_bytes!("../../../otlp/tests/fixtures/otel_genai.binpb");

fuzz_target!(|text: &str| {
    if let Ok(mapping) = Mapping::read("fuzz.toml", text) {
        let context = Context { tenant: Some("acme"), ingested_at_us: 0, source: "fuzz" };
        assert!(Mapper::new(mapping).proto(Signal::Traces, REQUEST, &context).is_ok());
    }
});
