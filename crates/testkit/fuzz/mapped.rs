//! What holds of a file in either form.

use std::sync::LazyLock;

use tidegate_otlp::{ContentPolicy, Context, Error, Format, Mapper, Mapping};

static MAPPER: LazyLock<Mapper> = LazyLock::new(|| {
    Mapper::new(Mapping::shipped("otel-genai").expect("it is shipped")).with_content(ContentPolicy::Evidence)
});

/// `bytes` are refused or read; never a panic, and never rows that cannot be put together.
pub fn check(format: Format, bytes: &[u8]) {
    let context = Context { tenant: Some("acme"), ingested_at_us: 0, source: "fuzz" };
    match MAPPER.file(format, bytes, &context) {
        Err(Error::Panicked | Error::Unbuildable { .. }) => panic!("a bug"),
        Err(_) => {}
        Ok(mapped) => {
            let tally = mapped.tally();
            let ignored: u64 = tally.ignored.values().sum();
            assert!(tally.decisions + tally.steps <= tally.spans);
            assert!(ignored <= tally.spans + tally.logs);
        }
    }
}
