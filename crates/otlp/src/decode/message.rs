//! How is OTLP read that somebody else decoded, as a gRPC server does?

use std::borrow::Cow;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span as Sent;

use crate::error::{Error, Result};
use crate::telemetry::{Attributes, Event, Interest, Log, Owner, Sink, Span, Status, Value, id, size, weight};

pub(crate) fn traces<'a>(sink: &mut Sink<'_, 'a>, request: &'a ExportTraceServiceRequest) -> Result<()> {
    for group in &request.resource_spans {
        let resource = resource(sink, group.resource.as_ref())?;
        for inner in &group.scope_spans {
            let scope = scope(sink, resource, inner.scope.as_ref())?;
            inner.spans.iter().try_for_each(|sent| span(sink, scope, sent))?;
        }
    }
    Ok(())
}

pub(crate) fn logs<'a>(sink: &mut Sink<'_, 'a>, request: &'a ExportLogsServiceRequest) -> Result<()> {
    for group in &request.resource_logs {
        let resource = resource(sink, group.resource.as_ref())?;
        for inner in &group.scope_logs {
            let scope = scope(sink, resource, inner.scope.as_ref())?;
            inner.log_records.iter().try_for_each(|sent| log(sink, scope, sent))?;
        }
    }
    Ok(())
}

fn resource<'a>(sink: &mut Sink<'_, 'a>, sent: Option<&'a Resource>) -> Result<u32> {
    let resource = sink.resource()?;
    if let Some(sent) = sent {
        sink.telemetry.resources[resource as usize] = attributes(sink, Owner::Resource(resource), &sent.attributes)?;
    }
    Ok(resource)
}

fn scope<'a>(sink: &mut Sink<'_, 'a>, resource: u32, sent: Option<&'a InstrumentationScope>) -> Result<u32> {
    let scope = sink.scope(resource)?;
    if let Some(sent) = sent {
        sink.telemetry.scopes[scope as usize].attributes = attributes(sink, Owner::Scope(scope), &sent.attributes)?;
    }
    Ok(scope)
}

fn span<'a>(sink: &mut Sink<'_, 'a>, scope: u32, sent: &'a Sent) -> Result<()> {
    sink.record()?;
    let owner = Owner::Span(size(sink.telemetry.spans.len()));
    let read = attributes(sink, owner, &sent.attributes)?;
    let first_event = size(sink.telemetry.events.len());
    for event in &sent.events {
        sink.record()?;
        let owner = Owner::Event(size(sink.telemetry.events.len()));
        let attributes = attributes(sink, owner, &event.attributes)?;
        let name = Cow::Borrowed(event.name.as_str());
        sink.telemetry.events.push(Event { name, time_ns: event.time_unix_nano, attributes });
    }
    let links = sent.links.iter().map(|link| {
        sink.record()?;
        Ok(id(&link.trace_id).zip(id(&link.span_id)))
    });
    let links: Vec<_> = links.collect::<Result<_>>()?;
    let status = match sent.status.as_ref().map(|status| status.code) {
        Some(1) => Status::Ok,
        Some(2) => Status::Error,
        _ => Status::Unset,
    };
    sink.telemetry.spans.push(Span {
        trace: id(&sent.trace_id),
        id: id(&sent.span_id),
        parent: id(&sent.parent_span_id),
        name: Cow::Borrowed(&sent.name),
        start_ns: sent.start_time_unix_nano,
        end_ns: sent.end_time_unix_nano,
        status,
        weight: weight(&sent.trace_state),
        attributes: read,
        events: first_event..size(sink.telemetry.events.len()),
        link: links.into_iter().flatten().next(),
        scope,
    });
    Ok(())
}

fn log<'a>(sink: &mut Sink<'_, 'a>, scope: u32, sent: &'a LogRecord) -> Result<()> {
    sink.record()?;
    let owner = Owner::Log(size(sink.telemetry.logs.len()));
    let attributes = attributes(sink, owner, &sent.attributes)?;
    let time_ns = if sent.time_unix_nano == 0 { sent.observed_time_unix_nano } else { sent.time_unix_nano };
    let name = Cow::Borrowed(sent.event_name.as_str());
    let (trace, span) = (id(&sent.trace_id), id(&sent.span_id));
    sink.telemetry.logs.push(Log { trace, span, name, time_ns, attributes, scope });
    Ok(())
}

fn attributes<'a>(sink: &mut Sink<'_, 'a>, owner: Owner, sent: &'a [KeyValue]) -> Result<Attributes> {
    let first = sink.mark();
    let taken = sent.len().min(sink.limits.attributes);
    sink.dropped.count_other((sent.len() - taken) as u64);
    for KeyValue { key, value, .. } in &sent[..taken] {
        match sink.interest(key) {
            Interest::Drop => sink.dropped.count(key),
            interest => {
                let value = any_value(value.as_ref(), sink.limits.depth, sink.limits.depth)?;
                sink.attribute(interest, owner, Cow::Borrowed(key), value);
            }
        }
    }
    Ok(first..sink.mark())
}

fn any_value(sent: Option<&AnyValue>, depth: usize, limit: usize) -> Result<Value<'_>> {
    let below = || depth.checked_sub(1).ok_or(Error::TooDeep { limit });
    Ok(match sent.and_then(|sent| sent.value.as_ref()) {
        None => Value::Empty,
        Some(Any::StringValue(text)) => Value::Text(Cow::Borrowed(text)),
        Some(Any::BoolValue(value)) => Value::Bool(*value),
        Some(Any::IntValue(value)) => Value::Int(*value),
        Some(Any::DoubleValue(value)) => Value::Double(*value),
        Some(Any::BytesValue(bytes)) => Value::Bytes(Cow::Borrowed(bytes)),
        Some(Any::ArrayValue(list)) => {
            let depth = below()?;
            Value::List(list.values.iter().map(|value| any_value(Some(value), depth, limit)).collect::<Result<_>>()?)
        }
        Some(Any::KvlistValue(map)) => {
            let depth = below()?;
            let entries = map.values.iter().map(|entry| {
                let value = any_value(entry.value.as_ref(), depth, limit)?;
                Ok((Cow::Borrowed(entry.key.as_str()), value))
            });
            Value::Map(entries.collect::<Result<_>>()?)
        }
        // A place in a table of texts, which only profiles have.
        Some(_) => Value::Empty,
    })
}
