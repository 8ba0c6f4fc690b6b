//! Any bytes are a file of telemetry that can be mapped, or are refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_otlp::Format;

#[path = "../mapped.rs"]
mod mapped;

fuzz_target!(|bytes: &[u8]| mapped::check(Format::OtlpJson, bytes));
