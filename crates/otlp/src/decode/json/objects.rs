//! What does each object of OTLP hold, as it stands in JSON?
//!
//! For each object its keys, in the order of the protocol's files; what is not listed is ignored.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::{Item, Read, Reader, Scalar, Text, base64, double, each, hex_id, ignore, object, signed, text, unsigned};
use crate::error::{Error, Result};
use crate::telemetry::{Event, Interest, Log, Owner, Span, Status, Value, size, weight};

#[derive(Default)]
pub(super) struct Document {
    keys: usize,
    known: bool,
}

impl Document {
    /// Whether it holds something, and nothing that OTLP knows.
    pub(super) fn is_of_others(&self) -> bool {
        self.keys > 0 && !self.known
    }
}

impl<'a> Read<'a> for Document {
    const NAME: &'static str = "the document";

    fn key<M: MapAccess<'a>>(
        &mut self,
        reader: &mut Reader<'_, '_, 'a>,
        key: &str,
        map: &mut M,
    ) -> Result<(), M::Error> {
        self.keys += 1;
        self.known |= matches!(key, "resourceSpans" | "resourceLogs" | "resourceMetrics");
        match key {
            "resourceSpans" => each(reader, map, Resources { scopes: "scopeSpans" }),
            "resourceLogs" => each(reader, map, Resources { scopes: "scopeLogs" }),
            _ => ignore(map),
        }
    }
}

/// The resources of a request, whose scopes stand under `scopes`.
struct Resources {
    scopes: &'static str,
}

struct ResourceGroup {
    resource: u32,
    scopes: &'static str,
}

impl<'a> Item<'a> for Resources {
    type Target = ResourceGroup;

    fn begin(&mut self, reader: &mut Reader<'_, '_, 'a>) -> Result<ResourceGroup> {
        Ok(ResourceGroup { resource: reader.sink.resource()?, scopes: self.scopes })
    }

    fn end(&mut self, _: &mut Reader<'_, '_, 'a>, _: ResourceGroup) {}
}

impl<'a> Read<'a> for ResourceGroup {
    const NAME: &'static str = "a resource";

    fn key<M: MapAccess<'a>>(
        &mut self,
        reader: &mut Reader<'_, '_, 'a>,
        key: &str,
        map: &mut M,
    ) -> Result<(), M::Error> {
        if key == "resource" {
            let mut owned = Owned::new(Owner::Resource(self.resource));
            object(reader, map, &mut owned)?;
            reader.sink.telemetry.resources[self.resource as usize] = owned.attributes;
            Ok(())
        } else if key == self.scopes {
            each(reader, map, Scopes { resource: self.resource, records: self.scopes })
        } else {
            ignore(map)
        }
    }
}

/// Something that has attributes and nothing else that is read: a resource or a scope.
struct Owned {
    owner: Owner,
    attributes: Range<u32>,
}

impl Owned {
    fn new(owner: Owner) -> Self {
        Self { owner, attributes: 0..0 }
    }
}

impl<'a> Read<'a> for Owned {
    const NAME: &'static str = "a resource or scope";

    fn key<M: MapAccess<'a>>(
        &mut self,
        reader: &mut Reader<'_, '_, 'a>,
        key: &str,
        map: &mut M,
    ) -> Result<(), M::Error> {
        match key {
            "attributes" => {
                self.attributes = attributes(reader, map, self.owner)?;
                Ok(())
            }
            _ => ignore(map),
        }
    }
}

struct Scopes {
    resource: u32,
    records: &'static str,
}

struct ScopeGroup {
    scope: u32,
    records: &'static str,
}

impl<'a> Item<'a> for Scopes {
    type Target = ScopeGroup;

    fn begin(&mut self, reader: &mut Reader<'_, '_, 'a>) -> Result<ScopeGroup> {
        let records = if self.records == "scopeSpans" { "spans" } else { "logRecords" };
        Ok(ScopeGroup { scope: reader.sink.scope(self.resource)?, records })
    }

    fn end(&mut self, _: &mut Reader<'_, '_, 'a>, _: ScopeGroup) {}
}

impl<'a> Read<'a> for ScopeGroup {
    const NAME: &'static str = "a scope";

    fn key<M: MapAccess<'a>>(
        &mut self,
        reader: &mut Reader<'_, '_, 'a>,
        key: &str,
        map: &mut M,
    ) -> Result<(), M::Error> {
        match key {
            "scope" => {
                let mut owned = Owned::new(Owner::Scope(self.scope));
                object(reader, map, &mut owned)?;
                reader.sink.telemetry.scopes[self.scope as usize].attributes = owned.attributes;
                Ok(())
            }
            "spans" if self.records == "spans" => each(reader, map, Spans { scope: self.scope }),
            "logRecords" if self.records == "logRecords" => each(reader, map, Logs { scope: self.scope }),
            _ => ignore(map),
        }
    }
}

struct Spans {
    scope: u32,
}

impl<'a> Item<'a> for Spans {
    type Target = Span<'a>;

    fn begin(&mut self, reader: &mut Reader<'_, '_, 'a>) -> Result<Span<'a>> {
        reader.sink.record()?;
        let first_event = size(reader.sink.telemetry.events.len());
        Ok(Span { scope: self.scope, events: first_event..first_event, ..Span::default() })
    }

    fn end(&mut self, reader: &mut Reader<'_, '_, 'a>, span: Span<'a>) {
        reader.sink.telemetry.spans.push(span);
    }
}

impl<'a> Read<'a> for Span<'a> {
    const NAME: &'static str = "a span";

    fn key<M: MapAccess<'a>>(
        &mut self,
        reader: &mut Reader<'_, '_, 'a>,
        key: &str,
        map: &mut M,
    ) -> Result<(), M::Error> {
        match key {
            "traceId" => self.trace = hex_id(map)?,
            "spanId" => self.id = hex_id(map)?,
            "parentSpanId" => self.parent = hex_id(map)?,
            "traceState" => self.weight = weight(&text(map)?),
            "name" => self.name = text(map)?,
            "startTimeUnixNano" => self.start_ns = unsigned(map)?,
            "endTimeUnixNano" => self.end_ns = unsigned(map)?,
            "attributes" => {
                let owner = Owner::Span(size(reader.sink.telemetry.spans.len()));
                self.attributes = attributes(reader, map, owner)?;
            }
            "events" => {
                each(reader, map, Events)?;
                self.events.end = size(reader.sink.telemetry.events.len());
            }
            "links" => each(reader, map, Links { first: &mut self.link })?,
            "status" => object(reader, map, &mut self.status)?,
            _ => ignore(map)?,
        }
        Ok(())
    }
}

impl<'a> Read<'a> for Status {
    const NAME: &'static str = "the status of a span";

    fn key<M: MapAccess<'a>>(&mut self, _: &mut Reader<'_, '_, 'a>, key: &str, map: &mut M) -> Result<(), M::Error> {
        if key != "code" {
            return ignore(map);
        }
        *self = match map.next_value()? {
            Scalar::Int(1) => Self::Ok,
            Scalar::Int(2) => Self::Error,
            Scalar::Text(name) if matches!(name.as_ref(), "STATUS_CODE_OK" | "1") => Self::Ok,
            Scalar::Text(name) if matches!(name.as_ref(), "STATUS_CODE_ERROR" | "2") => Self::Error,
            _ => Self::Unset,
        };
        Ok(())
    }
}

struct Events;

impl<'a> Item<'a> for Events {
    type Target = Event<'a>;

    fn begin(&mut self, reader: &mut Reader<'_, '_, 'a>) -> Result<Event<'a>> {
        reader.sink.record()?;
        Ok(Event::default())
    }

    fn end(&mut self, reader: &mut Reader<'_, '_, 'a>, event: Event<'a>) {
        reader.sink.telemetry.events.push(event);
    }
}

impl<'a> Read<'a> for Event<'a> {
    const NAME: &'static str = "an event of a span";

    fn key<M: MapAccess<'a>>(
        &mut self,
        reader: &mut Reader<'_, '_, 'a>,
        key: &str,
        map: &mut M,
    ) -> Result<(), M::Error> {
        match key {
            "timeUnixNano" => self.time_ns = unsigned(map)?,
            "name" => self.name = text(map)?,
            "attributes" => {
                let owner = Owner::Event(size(reader.sink.telemetry.events.len()));
                self.attributes = attributes(reader, map, owner)?;
            }
            _ => ignore(map)?,
        }
        Ok(())
    }
}

struct Links<'t> {
    first: &'t mut Option<([u8; 16], [u8; 8])>,
}

#[derive(Default)]
struct Link {
    trace: Option<[u8; 16]>,
    span: Option<[u8; 8]>,
}

impl<'a> Item<'a> for Links<'_> {
    type Target = Link;

    fn begin(&mut self, reader: &mut Reader<'_, '_, 'a>) -> Result<Link> {
        reader.sink.record()?;
        Ok(Link::default())
    }

    fn end(&mut self, _: &mut Reader<'_, '_, 'a>, link: Link) {
        *self.first = self.first.or(link.trace.zip(link.span));
    }
}

impl<'a> Read<'a> for Link {
    const NAME: &'static str = "a link of a span";

    fn key<M: MapAccess<'a>>(&mut self, _: &mut Reader<'_, '_, 'a>, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "traceId" => self.trace = hex_id(map)?,
            "spanId" => self.span = hex_id(map)?,
            _ => ignore(map)?,
        }
        Ok(())
    }
}

struct Logs {
    scope: u32,
}

/// A log record, and when it was seen: the time it has if it has none of its own.
struct Record<'a> {
    log: Log<'a>,
    observed_ns: u64,
}

impl<'a> Item<'a> for Logs {
    type Target = Record<'a>;

    fn begin(&mut self, reader: &mut Reader<'_, '_, 'a>) -> Result<Record<'a>> {
        reader.sink.record()?;
        Ok(Record { log: Log { scope: self.scope, ..Log::default() }, observed_ns: 0 })
    }

    fn end(&mut self, reader: &mut Reader<'_, '_, 'a>, mut record: Record<'a>) {
        if record.log.time_ns == 0 {
            record.log.time_ns = record.observed_ns;
        }
        reader.sink.telemetry.logs.push(record.log);
    }
}

impl<'a> Read<'a> for Record<'a> {
    const NAME: &'static str = "a log record";

    fn key<M: MapAccess<'a>>(
        &mut self,
        reader: &mut Reader<'_, '_, 'a>,
        key: &str,
        map: &mut M,
    ) -> Result<(), M::Error> {
        match key {
            "timeUnixNano" => self.log.time_ns = unsigned(map)?,
            "observedTimeUnixNano" => self.observed_ns = unsigned(map)?,
            "traceId" => self.log.trace = hex_id(map)?,
            "spanId" => self.log.span = hex_id(map)?,
            "eventName" => self.log.name = text(map)?,
            "attributes" => {
                let owner = Owner::Log(size(reader.sink.telemetry.logs.len()));
                self.log.attributes = attributes(reader, map, owner)?;
            }
            _ => ignore(map)?,
        }
        Ok(())
    }
}

fn attributes<'a, M: MapAccess<'a>>(
    reader: &mut Reader<'_, '_, 'a>,
    map: &mut M,
    owner: Owner,
) -> Result<Range<u32>, M::Error> {
    let first = reader.sink.mark();
    each(reader, map, Attributes { owner, count: 0 })?;
    Ok(first..reader.sink.mark())
}

struct Attributes {
    owner: Owner,
    count: usize,
}

#[derive(Default)]
struct KeyValue<'a> {
    key: Option<Cow<'a, str>>,
    value: Option<Value<'a>>,
}

impl<'a> Item<'a> for Attributes {
    type Target = KeyValue<'a>;

    fn begin(&mut self, _: &mut Reader<'_, '_, 'a>) -> Result<KeyValue<'a>> {
        self.count += 1;
        Ok(KeyValue::default())
    }

    fn end(&mut self, reader: &mut Reader<'_, '_, 'a>, KeyValue { key, value }: KeyValue<'a>) {
        let sink = &mut *reader.sink;
        let interest = key.as_deref().map_or(Interest::Drop, |key| sink.interest(key));
        match (key, interest) {
            (Some(key), interest) if interest != Interest::Drop && self.count <= sink.limits.attributes => {
                sink.attribute(interest, self.owner, key, value.unwrap_or(Value::Empty));
            }
            (Some(Cow::Borrowed(key)), _) if self.count <= sink.limits.attributes => sink.dropped.count(key),
            // A key that had to be unescaped is no ordinary name.
            _ => sink.dropped.count_other(1),
        }
    }
}

impl<'a> Read<'a> for KeyValue<'a> {
    const NAME: &'static str = "an attribute";

    fn key<M: MapAccess<'a>>(
        &mut self,
        reader: &mut Reader<'_, '_, 'a>,
        key: &str,
        map: &mut M,
    ) -> Result<(), M::Error> {
        match key {
            "key" => self.key = Some(text(map)?),
            "value" => {
                let dropped = self.key.as_deref().is_some_and(|key| reader.sink.interest(key) == Interest::Drop);
                if dropped {
                    return ignore(map);
                }
                let depth = reader.sink.limits.depth;
                self.value = Some(map.next_value_seed(AnyValue { reader, depth })?);
            }
            _ => ignore(map)?,
        }
        Ok(())
    }
}

/// Reads an `AnyValue`.
struct AnyValue<'r, 's, 'k, 'a> {
    reader: &'r mut Reader<'s, 'k, 'a>,
    depth: usize,
}

impl<'a> DeserializeSeed<'a> for AnyValue<'_, '_, '_, 'a> {
    type Value = Value<'a>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Value<'a>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for AnyValue<'_, '_, '_, 'a> {
    type Value = Value<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of an attribute")
    }

    fn visit_unit<E>(self) -> Result<Value<'a>, E> {
        Ok(Value::Empty)
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Value<'a>, M::Error> {
        let mut value = Value::Empty;
        while let Some(Text(key)) = map.next_key()? {
            value = match key.as_ref() {
                "stringValue" => Value::Text(text(&mut map)?),
                "boolValue" => match map.next_value()? {
                    Scalar::Bool(value) => Value::Bool(value),
                    Scalar::Null => Value::Empty,
                    _ => return Err(M::Error::custom("a truth value")),
                },
                "intValue" => Value::Int(signed(&mut map)?),
                "doubleValue" => Value::Double(double(&mut map)?),
                "bytesValue" => Value::Bytes(Cow::Owned(base64(&text(&mut map)?).map_err(M::Error::custom)?)),
                "arrayValue" | "kvlistValue" => {
                    let limit = self.reader.sink.limits.depth;
                    let below = self.depth.checked_sub(1).ok_or(Error::TooDeep { limit });
                    let depth = self.reader.hold(below)?;
                    let entries = key == "kvlistValue";
                    let mut values = Values { depth, entries, list: Vec::new(), map: Vec::new() };
                    object(self.reader, &mut map, &mut values)?;
                    if entries { Value::Map(values.map) } else { Value::List(values.list) }
                }
                _ => {
                    ignore(&mut map)?;
                    continue;
                }
            };
        }
        Ok(value)
    }
}

/// The `values` of a list, or of a map.
struct Values<'a> {
    depth: usize,
    entries: bool,
    list: Vec<Value<'a>>,
    map: Vec<(Cow<'a, str>, Value<'a>)>,
}

impl<'a> Read<'a> for Values<'a> {
    const NAME: &'static str = "a list of values";

    fn key<M: MapAccess<'a>>(
        &mut self,
        reader: &mut Reader<'_, '_, 'a>,
        key: &str,
        map: &mut M,
    ) -> Result<(), M::Error> {
        match (key, self.entries) {
            ("values", true) => each(reader, map, Entries { depth: self.depth, into: &mut self.map }),
            ("values", false) => map.next_value_seed(List { reader, depth: self.depth, into: &mut self.list }),
            _ => ignore(map),
        }
    }
}

struct List<'r, 's, 'k, 'a> {
    reader: &'r mut Reader<'s, 'k, 'a>,
    depth: usize,
    into: &'r mut Vec<Value<'a>>,
}

impl<'a> DeserializeSeed<'a> for List<'_, '_, '_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for List<'_, '_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of values")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'a>>(self, mut items: S) -> Result<(), S::Error> {
        while let Some(value) = items.next_element_seed(AnyValue { reader: &mut *self.reader, depth: self.depth })? {
            self.into.push(value);
        }
        Ok(())
    }
}

struct Entries<'t, 'a> {
    depth: usize,
    into: &'t mut Vec<(Cow<'a, str>, Value<'a>)>,
}

struct Entry<'a> {
    depth: usize,
    key: Cow<'a, str>,
    value: Value<'a>,
}

impl<'a> Item<'a> for Entries<'_, 'a> {
    type Target = Entry<'a>;

    fn begin(&mut self, _: &mut Reader<'_, '_, 'a>) -> Result<Entry<'a>> {
        Ok(Entry { depth: self.depth, key: Cow::Borrowed(""), value: Value::Empty })
    }

    fn end(&mut self, _: &mut Reader<'_, '_, 'a>, entry: Entry<'a>) {
        self.into.push((entry.key, entry.value));
    }
}

impl<'a> Read<'a> for Entry<'a> {
    const NAME: &'static str = "an entry of a map";

    fn key<M: MapAccess<'a>>(
        &mut self,
        reader: &mut Reader<'_, '_, 'a>,
        key: &str,
        map: &mut M,
    ) -> Result<(), M::Error> {
        match key {
            "key" => self.key = text(map)?,
            "value" => self.value = map.next_value_seed(AnyValue { reader, depth: self.depth })?,
            _ => ignore(map)?,
        }
        Ok(())
    }
}
