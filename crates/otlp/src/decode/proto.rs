//! How is OTLP read from protobuf?
//!
//! Unknown fields are skipped, known ones must have their wire type. Groups, which protobuf gave up long before OTLP, are
//! refused.

use std::borrow::Cow;

use crate::error::{Error, Fault, Place, Result};
use crate::telemetry::{Event, Interest, Log, Owner, Sink, Span, Status, Value, id, size, weight};

/// Which of the two kinds of telemetry a binary request holds: the bytes alone hardly tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Spans: an `ExportTraceServiceRequest`, or `TracesData`.
    Traces,
    /// Log records: an `ExportLogsServiceRequest`, or `LogsData`.
    Logs,
}

/// Reads one request.
pub(crate) fn request<'a>(sink: &mut Sink<'_, 'a>, signal: Signal, bytes: &'a [u8]) -> Result<()> {
    let mut fields = Fields::new(bytes, bytes);
    while let Some((number, value)) = fields.next()? {
        if number == 1 {
            resource(sink, signal, fields.message(value)?)?;
        }
    }
    Ok(())
}

/// Reads a file: one request, or requests each after its length. The Collector's file exporter writes four bytes,
/// big-endian; protobuf's own habit is a varint.
pub(crate) fn file<'a>(sink: &mut Sink<'_, 'a>, signal: Option<Signal>, bytes: &'a [u8]) -> Result<()> {
    let requests = if tiles_as_fields(bytes) { vec![bytes] } else { delimited(bytes)? };
    for bytes in requests {
        // Without a record there is nothing to read, whichever it is.
        if let Some(signal) = signal.or_else(|| sniff(bytes)) {
            request(sink, signal, bytes)?;
        }
    }
    Ok(())
}

/// The parts of a file of requests that follow their lengths.
fn delimited(bytes: &[u8]) -> Result<Vec<&[u8]>> {
    tiles(bytes, |rest| {
        let (length, rest) = rest.split_first_chunk::<4>()?;
        Some((usize::try_from(u32::from_be_bytes(*length)).ok()?, rest))
    })
    .or_else(|| {
        tiles(bytes, |rest| {
            let mut at = 0;
            let length = varint(rest, &mut at).ok()?;
            Some((usize::try_from(length).ok()?, &rest[at..]))
        })
    })
    .ok_or(Error::Malformed { place: Place::Byte(0), fault: Fault::Syntax })
}

/// Cuts `bytes` by the lengths that `length` reads off; nothing if they do not end where a part ends.
fn tiles<'a>(bytes: &'a [u8], length: impl Fn(&'a [u8]) -> Option<(usize, &'a [u8])>) -> Option<Vec<&'a [u8]>> {
    let mut parts = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (size, after) = length(rest)?;
        let (part, after) = after.split_at_checked(size)?;
        if !tiles_as_fields(part) {
            return None;
        }
        if !part.is_empty() {
            parts.push(part);
        }
        rest = after;
    }
    Some(parts)
}

/// Whether `bytes` are a request as far as its outermost fields show.
fn tiles_as_fields(bytes: &[u8]) -> bool {
    let mut fields = Fields::new(bytes, bytes);
    loop {
        match fields.next() {
            Ok(Some((1, Raw::Bytes(_)))) => {}
            Ok(None) => return true,
            _ => return false,
        }
    }
}

/// Whether the first record of a request is a span or a log record.
fn sniff(bytes: &[u8]) -> Option<Signal> {
    let records = numbered(bytes, 1).flat_map(|resource| numbered(resource, 2)).flat_map(|scope| numbered(scope, 2));
    records.take(16).find_map(|record| {
        let mut fields = Fields::new(record, record);
        while let Ok(Some(field)) = fields.next() {
            match field {
                // An id or a tracestate; a time or a severity.
                (1 | 2, Raw::Bytes(_)) => return Some(Signal::Traces),
                (1 | 11, Raw::Fixed64(_)) | (2, Raw::Varint(_)) => return Some(Signal::Logs),
                _ => {}
            }
        }
        None
    })
}

/// The messages in field `number` of a message, as far as it can be read.
fn numbered(bytes: &[u8], number: u32) -> impl Iterator<Item = &[u8]> {
    let mut fields = Fields::new(bytes, bytes);
    std::iter::from_fn(move || {
        while let Ok(Some((found, value))) = fields.next() {
            if let (true, Raw::Bytes(message)) = (found == number, value) {
                return Some(message);
            }
        }
        None
    })
}

fn resource<'a>(sink: &mut Sink<'_, 'a>, signal: Signal, mut fields: Fields<'a>) -> Result<()> {
    let resource = sink.resource()?;
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => {
                let inner = fields.message(value)?;
                let read = attributes(sink, Owner::Resource(resource), inner, 1)?;
                sink.telemetry.resources[resource as usize] = read;
            }
            2 => scope(sink, signal, resource, fields.message(value)?)?,
            _ => {}
        }
    }
    Ok(())
}

fn scope<'a>(sink: &mut Sink<'_, 'a>, signal: Signal, resource: u32, mut fields: Fields<'a>) -> Result<()> {
    let scope = sink.scope(resource)?;
    while let Some((number, value)) = fields.next()? {
        match (number, signal) {
            (1, _) => {
                let inner = fields.message(value)?;
                let read = attributes(sink, Owner::Scope(scope), inner, 3)?;
                sink.telemetry.scopes[scope as usize].attributes = read;
            }
            (2, Signal::Traces) => span(sink, scope, fields.message(value)?)?,
            (2, Signal::Logs) => log(sink, scope, fields.message(value)?)?,
            _ => {}
        }
    }
    Ok(())
}

fn span<'a>(sink: &mut Sink<'_, 'a>, scope: u32, mut fields: Fields<'a>) -> Result<()> {
    sink.record()?;
    let owner = Owner::Span(size(sink.telemetry.spans.len()));
    // Attributes of a record lie together, so its events are read after them, wherever they stand.
    let read = attributes(sink, owner, fields, 9)?;
    let first_event = size(sink.telemetry.events.len());
    let mut span = Span { scope, attributes: read, ..Span::default() };
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => span.trace = id(fields.bytes(value)?),
            2 => span.id = id(fields.bytes(value)?),
            3 => span.weight = weight(fields.text(value)?),
            4 => span.parent = id(fields.bytes(value)?),
            5 => span.name = Cow::Borrowed(fields.text(value)?),
            7 => span.start_ns = fields.fixed64(value)?,
            8 => span.end_ns = fields.fixed64(value)?,
            11 => event(sink, fields.message(value)?)?,
            13 => {
                sink.record()?;
                let link = link(fields.message(value)?)?;
                span.link = span.link.or(link);
            }
            15 => span.status = status(fields.message(value)?)?,
            _ => {}
        }
    }
    span.events = first_event..size(sink.telemetry.events.len());
    sink.telemetry.spans.push(span);
    Ok(())
}

fn event<'a>(sink: &mut Sink<'_, 'a>, mut fields: Fields<'a>) -> Result<()> {
    sink.record()?;
    let owner = Owner::Event(size(sink.telemetry.events.len()));
    let mut event = Event { attributes: attributes(sink, owner, fields, 3)?, ..Event::default() };
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => event.time_ns = fields.fixed64(value)?,
            2 => event.name = Cow::Borrowed(fields.text(value)?),
            _ => {}
        }
    }
    sink.telemetry.events.push(event);
    Ok(())
}

fn link(mut fields: Fields<'_>) -> Result<Option<([u8; 16], [u8; 8])>> {
    let (mut trace, mut span) = (None, None);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => trace = id(fields.bytes(value)?),
            2 => span = id(fields.bytes(value)?),
            _ => {}
        }
    }
    Ok(trace.zip(span))
}

fn status(mut fields: Fields<'_>) -> Result<Status> {
    let mut status = Status::Unset;
    while let Some((number, value)) = fields.next()? {
        if number == 3 {
            status = match fields.varint(value)? {
                1 => Status::Ok,
                2 => Status::Error,
                _ => Status::Unset,
            };
        }
    }
    Ok(status)
}

fn log<'a>(sink: &mut Sink<'_, 'a>, scope: u32, mut fields: Fields<'a>) -> Result<()> {
    sink.record()?;
    let owner = Owner::Log(size(sink.telemetry.logs.len()));
    let mut log = Log { scope, attributes: attributes(sink, owner, fields, 6)?, ..Log::default() };
    let mut observed_ns = 0;
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => log.time_ns = fields.fixed64(value)?,
            9 => log.trace = id(fields.bytes(value)?),
            10 => log.span = id(fields.bytes(value)?),
            11 => observed_ns = fields.fixed64(value)?,
            12 => log.name = Cow::Borrowed(fields.text(value)?),
            _ => {}
        }
    }
    if log.time_ns == 0 {
        log.time_ns = observed_ns;
    }
    sink.telemetry.logs.push(log);
    Ok(())
}

/// Reads the attributes in field `number`, and says where they lie.
fn attributes<'a>(
    sink: &mut Sink<'_, 'a>,
    owner: Owner,
    mut fields: Fields<'a>,
    number: u32,
) -> Result<std::ops::Range<u32>> {
    let first = sink.mark();
    let mut count = 0;
    while let Some((found, value)) = fields.next()? {
        if found != number {
            continue;
        }
        count += 1;
        if count > sink.limits.attributes {
            sink.dropped.count_other(1);
        } else {
            attribute(sink, owner, fields.message(value)?)?;
        }
    }
    Ok(first..sink.mark())
}

fn attribute<'a>(sink: &mut Sink<'_, 'a>, owner: Owner, mut fields: Fields<'a>) -> Result<()> {
    let mut key = "";
    let mut raw = None;
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => key = fields.text(value)?,
            2 => raw = Some(fields.message(value)?),
            _ => {}
        }
    }
    let interest = sink.interest(key);
    if interest == Interest::Drop {
        sink.dropped.count(key);
        return Ok(());
    }
    let value = raw.map_or(Ok(Value::Empty), |raw| any_value(raw, sink.limits.depth, sink.limits.depth))?;
    sink.attribute(interest, owner, Cow::Borrowed(key), value);
    Ok(())
}

fn any_value(mut fields: Fields<'_>, depth: usize, limit: usize) -> Result<Value<'_>> {
    let below = |depth: usize| depth.checked_sub(1).ok_or(Error::TooDeep { limit });
    let mut read = Value::Empty;
    while let Some((number, value)) = fields.next()? {
        read = match number {
            1 => Value::Text(Cow::Borrowed(fields.text(value)?)),
            2 => Value::Bool(fields.varint(value)? != 0),
            3 => Value::Int(fields.varint(value)?.cast_signed()),
            4 => Value::Double(f64::from_bits(fields.fixed64(value)?)),
            5 => list(fields.message(value)?, below(depth)?, limit)?,
            6 => map(fields.message(value)?, below(depth)?, limit)?,
            7 => Value::Bytes(Cow::Borrowed(fields.bytes(value)?)),
            _ => continue,
        };
    }
    Ok(read)
}

fn list(mut fields: Fields<'_>, depth: usize, limit: usize) -> Result<Value<'_>> {
    let mut values = Vec::new();
    while let Some((number, value)) = fields.next()? {
        if number == 1 {
            values.push(any_value(fields.message(value)?, depth, limit)?);
        }
    }
    Ok(Value::List(values))
}

fn map(mut fields: Fields<'_>, depth: usize, limit: usize) -> Result<Value<'_>> {
    let mut entries = Vec::new();
    while let Some((number, value)) = fields.next()? {
        if number != 1 {
            continue;
        }
        let mut entry = fields.message(value)?;
        let (mut key, mut inner) = ("", Value::Empty);
        while let Some((number, value)) = entry.next()? {
            match number {
                1 => key = entry.text(value)?,
                2 => inner = any_value(entry.message(value)?, depth, limit)?,
                _ => {}
            }
        }
        entries.push((Cow::Borrowed(key), inner));
    }
    Ok(Value::Map(entries))
}

/// A value as it stands on the wire.
#[derive(Clone, Copy)]
enum Raw<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32,
}

/// The fields of one message, in the order in which they were written.
#[derive(Clone, Copy)]
struct Fields<'a> {
    /// The whole input, to tell where something is wrong.
    whole: &'a [u8],
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    fn new(whole: &'a [u8], bytes: &'a [u8]) -> Self {
        Self { whole, bytes, at: 0 }
    }

    fn next(&mut self) -> Result<Option<(u32, Raw<'a>)>> {
        if self.at >= self.bytes.len() {
            return Ok(None);
        }
        let tag = self.read_varint()?;
        let number = u32::try_from(tag >> 3).ok().filter(|number| *number > 0 && *number < 1 << 29);
        let number = number.ok_or_else(|| self.fault(Fault::Syntax))?;
        let value = match tag & 7 {
            0 => Raw::Varint(self.read_varint()?),
            1 => Raw::Fixed64(u64::from_le_bytes(self.read_fixed()?)),
            2 => {
                let length = self.read_varint()?;
                let length = usize::try_from(length).map_err(|_| self.fault(Fault::CutOff))?;
                Raw::Bytes(self.read(length)?)
            }
            5 => {
                self.read_fixed::<4>()?;
                Raw::Fixed32
            }
            _ => return Err(self.fault(Fault::Syntax)),
        };
        Ok(Some((number, value)))
    }

    fn read_varint(&mut self) -> Result<u64> {
        // Most are one byte.
        if let Some(byte) = self.bytes.get(self.at).filter(|byte| **byte < 0x80) {
            self.at += 1;
            return Ok(u64::from(*byte));
        }
        varint(self.bytes, &mut self.at).map_err(|fault| self.fault(fault))
    }

    fn read(&mut self, length: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| self.fault(Fault::CutOff))?;
        let read = &self.bytes[self.at..end];
        self.at = end;
        Ok(read)
    }

    fn read_fixed<const N: usize>(&mut self) -> Result<[u8; N]> {
        let read = self.read(N)?;
        read.try_into().map_err(|_| self.fault(Fault::CutOff))
    }

    fn varint(&self, value: Raw<'a>) -> Result<u64> {
        if let Raw::Varint(value) = value { Ok(value) } else { Err(self.fault(Fault::WrongType)) }
    }

    fn fixed64(&self, value: Raw<'a>) -> Result<u64> {
        if let Raw::Fixed64(value) = value { Ok(value) } else { Err(self.fault(Fault::WrongType)) }
    }

    fn bytes(&self, value: Raw<'a>) -> Result<&'a [u8]> {
        if let Raw::Bytes(value) = value { Ok(value) } else { Err(self.fault(Fault::WrongType)) }
    }

    fn text(&self, value: Raw<'a>) -> Result<&'a str> {
        std::str::from_utf8(self.bytes(value)?).map_err(|_| self.fault(Fault::NotUtf8))
    }

    fn message(&self, value: Raw<'a>) -> Result<Fields<'a>> {
        Ok(Self { whole: self.whole, bytes: self.bytes(value)?, at: 0 })
    }

    fn fault(&self, fault: Fault) -> Error {
        let inner = self.bytes.as_ptr().addr().saturating_sub(self.whole.as_ptr().addr());
        Error::Malformed { place: Place::Byte(inner + self.at), fault }
    }
}

fn varint(bytes: &[u8], at: &mut usize) -> Result<u64, Fault> {
    let mut value = 0_u64;
    for shift in (0..70).step_by(7) {
        let byte = *bytes.get(*at).ok_or(Fault::CutOff)?;
        *at += 1;
        // The tenth byte holds the last bit alone.
        if shift == 63 && byte > 1 {
            return Err(Fault::Syntax);
        }
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Fault::Syntax)
}
