//! What does a request say, whatever it was written in?
//!
//! One flat form for protobuf, JSON, decoded messages and rows of tables. Texts are borrowed from the input; attributes of
//! all records lie in one list, and of them only those that the mapping asks for.

use std::borrow::Cow;
use std::ops::Range;

use crate::error::{Error, Result};
use crate::keys::{Dropped, Keys, Slot};
use crate::limits::Limits;

/// The 16 bytes of a trace id.
pub(crate) type TraceId = [u8; 16];
/// The 8 bytes of a span id.
pub(crate) type SpanId = [u8; 8];

/// A value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Empty,
    Text(Cow<'a, str>),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(Cow<'a, [u8]>),
    List(Vec<Value<'a>>),
    Map(Vec<(Cow<'a, str>, Value<'a>)>),
}

/// An attribute that the mapping asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Attribute<'a> {
    pub(crate) slot: Slot,
    /// The number in its key, where the key fits a pattern.
    pub(crate) number: u16,
    pub(crate) value: Value<'a>,
}

/// Content that is handed out apart, if it is asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Said<'a> {
    pub(crate) owner: Owner,
    pub(crate) key: Cow<'a, str>,
    pub(crate) value: Value<'a>,
}

/// Whose attribute it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    Resource(u32),
    Scope(u32),
    Span(u32),
    Event(u32),
    Log(u32),
}

/// A range of [`Telemetry::attributes`].
pub(crate) type Attributes = Range<u32>;

#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// The resource it belongs to.
    pub(crate) resource: u32,
    pub(crate) attributes: Attributes,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Status {
    #[default]
    Unset,
    Ok,
    Error,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Span<'a> {
    /// Absent when what was sent is no id.
    pub(crate) trace: Option<TraceId>,
    pub(crate) id: Option<SpanId>,
    pub(crate) parent: Option<SpanId>,
    pub(crate) name: Cow<'a, str>,
    /// Nanoseconds since 1970; 0 means not reported.
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    pub(crate) status: Status,
    /// The inverse of the probability with which it was sampled.
    pub(crate) weight: Option<f64>,
    pub(crate) attributes: Attributes,
    pub(crate) events: Range<u32>,
    /// What its first link points to.
    pub(crate) link: Option<(TraceId, SpanId)>,
    pub(crate) scope: u32,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Event<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) time_ns: u64,
    pub(crate) attributes: Attributes,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Log<'a> {
    pub(crate) trace: Option<TraceId>,
    pub(crate) span: Option<SpanId>,
    pub(crate) name: Cow<'a, str>,
    pub(crate) time_ns: u64,
    pub(crate) attributes: Attributes,
    pub(crate) scope: u32,
}

/// Everything one request or file says.
#[derive(Debug, Default)]
pub(crate) struct Telemetry<'a> {
    pub(crate) attributes: Vec<Attribute<'a>>,
    /// The attributes of each resource.
    pub(crate) resources: Vec<Attributes>,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) spans: Vec<Span<'a>>,
    pub(crate) events: Vec<Event<'a>>,
    pub(crate) logs: Vec<Log<'a>>,
    pub(crate) content: Vec<Said<'a>>,
}

/// Takes in what a decoder reads, and holds it to the limits.
pub(crate) struct Sink<'k, 'a> {
    pub(crate) keys: &'k Keys,
    pub(crate) limits: Limits,
    /// Whether content is kept for the evidence store.
    pub(crate) keeps_content: bool,
    pub(crate) telemetry: Telemetry<'a>,
    pub(crate) dropped: Dropped<'a>,
    records: usize,
}

/// What to do with an attribute, as its key says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    Map { slot: Slot, number: u16, content: bool },
    Content,
    Drop,
}

impl<'k, 'a> Sink<'k, 'a> {
    pub(crate) fn new(keys: &'k Keys, limits: Limits, keeps_content: bool) -> Self {
        let (telemetry, dropped) = (Telemetry::default(), Dropped::default());
        Self { keys, limits, keeps_content, telemetry, dropped, records: 0 }
    }

    /// Counts a span, event, link or log record.
    pub(crate) fn record(&mut self) -> Result<()> {
        self.records += 1;
        if self.records > self.limits.spans {
            return Err(Error::TooMany { limit: self.limits.spans });
        }
        Ok(())
    }

    /// A new resource, to be filled in.
    pub(crate) fn resource(&mut self) -> Result<u32> {
        self.record()?;
        self.telemetry.resources.push(0..0);
        Ok(last(self.telemetry.resources.len()))
    }

    /// A new scope of a resource, to be filled in.
    pub(crate) fn scope(&mut self, resource: u32) -> Result<u32> {
        self.record()?;
        self.telemetry.scopes.push(Scope { resource, attributes: 0..0 });
        Ok(last(self.telemetry.scopes.len()))
    }

    /// Where the attributes begin that are read next.
    pub(crate) fn mark(&self) -> u32 {
        size(self.telemetry.attributes.len())
    }

    pub(crate) fn interest(&self, key: &str) -> Interest {
        match self.keys.find(key) {
            Some((known, number)) if known.mapped => {
                Interest::Map { slot: known.slot, number, content: known.content && self.keeps_content }
            }
            Some((known, _)) if known.content && self.keeps_content => Interest::Content,
            None if self.keeps_content && self.keys.has_content_prefix(key) => Interest::Content,
            _ => Interest::Drop,
        }
    }

    /// Takes in an attribute that [`interest`](Self::interest) did not drop.
    pub(crate) fn attribute(&mut self, interest: Interest, owner: Owner, key: Cow<'a, str>, value: Value<'a>) {
        match interest {
            Interest::Map { slot, number, content } => {
                if content {
                    self.telemetry.content.push(Said { owner, key, value: value.clone() });
                }
                self.telemetry.attributes.push(Attribute { slot, number, value });
            }
            Interest::Content => self.telemetry.content.push(Said { owner, key, value }),
            Interest::Drop => {}
        }
    }
}

/// A length as an index; a request has less than 4 GiB.
pub(crate) fn size(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// The index of what was pushed last.
pub(crate) fn last(length: usize) -> u32 {
    size(length.saturating_sub(1))
}

/// `bytes` as an id; nothing if they are not as many, or all zero, which OTLP forbids.
pub(crate) fn id<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    let id: [u8; N] = bytes.try_into().ok()?;
    id.iter().any(|byte| *byte != 0).then_some(id)
}

/// The weight that `tracestate` gives a span: with `ot=th:T`, it was sampled with probability `1 - T / 2^56`.
pub(crate) fn weight(tracestate: &str) -> Option<f64> {
    let ot = tracestate.split(',').find_map(|member| member.trim().strip_prefix("ot="))?;
    let threshold = ot.split(';').find_map(|field| field.strip_prefix("th:"))?;
    if threshold.is_empty() || threshold.len() > 14 || !threshold.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    // Zeros at the end may be left out.
    let digits = u64::from_str_radix(threshold, 16).ok()? << (4 * (14 - threshold.len()));
    let all = 1_u64 << 56;
    Some(all as f64 / (all - digits) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_inverse_probabilities() {
        for (state, expected) in [
            ("ot=th:0", Some(1.0)),
            ("ot=th:8", Some(2.0)),
            ("vendor=x, ot=rv:1234;th:c", Some(4.0)),
            ("ot=th:ffffffffffffff", Some(72_057_594_037_927_936.0)),
            ("ot=th:", None),
            ("ot=th:xyz", None),
            ("ot=th:fffffffffffffff", None),
            ("other=th:8", None),
            ("", None),
        ] {
            assert_eq!(weight(state), expected, "{state}");
        }
    }

    #[test]
    fn an_id_has_its_length_and_is_not_zero() {
        assert_eq!(id::<2>(&[0, 1]), Some([0, 1]));
        assert_eq!(id::<2>(&[0, 0]), None);
        assert_eq!(id::<2>(&[1]), None);
    }
}
