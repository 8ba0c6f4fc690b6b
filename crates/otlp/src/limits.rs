//! How much of what others send is taken in?

/// The bounds on one request or file. What passes them is refused whole, or left out and counted, as each says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The bytes of a request, after decompression; more are refused.
    pub bytes: usize,
    /// Spans, span events, links and log records together; more are refused.
    pub spans: usize,
    /// Attributes of one span, event, log record, scope or resource; the rest are dropped and counted.
    pub attributes: usize,
    /// How deep values may be nested in each other; deeper is refused.
    pub depth: usize,
    /// Bytes of a text that becomes a value of a column; a longer one counts as not reported.
    pub text: usize,
    /// Distinct keys of dropped attributes that are told apart in one request; the rest are counted together.
    pub dropped_keys: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 16 << 20, spans: 100_000, attributes: 1_000, depth: 16, text: 1_024, dropped_keys: 100 }
    }
}
