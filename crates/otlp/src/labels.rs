//! Which words on decisions does a request bring?
//!
//! A label travels as an event of the span it is about, as a log record with that span's ids, as numbered attributes of
//! that span, or on an evaluator's span that links to it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use tidegate_contract::{SCHEMA_VERSION, TargetScope, label_id};

use crate::error::Result;
use crate::evaluate::{Facts, Record};
use crate::mapping::{Role, Rule};
use crate::run::{Run, record};
use crate::table::{Cell, Rows, Stream};
use crate::tally::{Ignored, Reason};
use crate::telemetry::{Attributes, Owner, SpanId, TraceId};
use crate::trace::text;

/// Something that carries a label.
struct Carrier<'t> {
    owner: Owner,
    attributes: Attributes,
    scope: u32,
    group: Option<(u8, u16)>,
    /// The span it is about.
    target: Option<(TraceId, Option<SpanId>)>,
    tenant: Option<&'t str>,
    /// When it was said.
    time_ns: u64,
}

/// What a label is about.
struct Target<'t> {
    tenant: &'t str,
    decision: String,
    scope: TargetScope,
    id: Option<String>,
}

/// The places of the columns of a label that others follow from.
struct Places {
    id: usize,
    name: usize,
    identifier: usize,
    version: usize,
    labeled_at: usize,
}

impl<'t> Run<'t, '_> {
    pub(crate) fn labels(&mut self) -> Result<arrow::array::RecordBatch> {
        let schema = Stream::Labels.schema();
        // Every name is one of the schema's own, so none is absent.
        let place = |name: &str| schema.index_of(name).unwrap_or(0);
        let places = Places {
            id: place("label_id"),
            name: place("label_name"),
            identifier: place("identifier"),
            version: place("version"),
            labeled_at: place("labeled_at"),
        };
        let ingested_at = place("ingested_at");
        let carriers = self.carriers();
        let mut rows = Rows::new(Stream::Labels, carriers.len());
        for carrier in carriers {
            let written = match self.target(&carrier) {
                Err(reason) => Err(reason),
                Ok(target) => {
                    let mut row = self.label(&carrier, &target, &places);
                    row[0] = Some(Cell::Text(Cow::Borrowed(SCHEMA_VERSION)));
                    row[2] = Some(Cell::Text(Cow::Borrowed(target.tenant)));
                    row[3] = Some(Cell::Text(Cow::Owned(target.decision)));
                    row[4] = Some(Cell::Text(Cow::Borrowed(target.scope.as_str())));
                    row[5] = target.id.map(|id| Cell::Text(Cow::Owned(id)));
                    row[ingested_at] = Some(Cell::Int(self.context.ingested_at_us));
                    rows.append(&row).map_err(Reason::Missing)
                }
            };
            match written {
                Ok(number) => {
                    self.tally.labels += 1;
                    self.rows.entry(carrier.owner).or_insert((Stream::Labels, number));
                }
                Err(reason) => {
                    self.tally.reject(reason);
                    self.tally.rejected_logs += u64::from(matches!(carrier.owner, Owner::Log(_)));
                }
            }
        }
        rows.finish()
    }

    /// Everything that carries a label, in the order in which it was sent.
    fn carriers(&mut self) -> Vec<Carrier<'t>> {
        let (mapper, telemetry) = (self.mapper, self.telemetry);
        let mapping = mapper.mapping();
        let is_label = |name: &str| mapping.label_events.iter().any(|event| event.as_ref() == name);
        let mut carriers = Vec::new();
        for (place, span) in (0..).zip(&telemetry.spans) {
            let node = &self.forest.nodes[place as usize];
            if node.repeated {
                continue;
            }
            let itself = span.trace.map(|trace| (trace, span.id));
            let link = span.link.map(|(trace, span)| (trace, Some(span)));
            // Feedback that comes later travels on a span of its own, which links to what it is about.
            let target = match node.role {
                Some(Role::Evaluator) => link,
                None => link.or(itself),
                Some(_) => itself,
            };
            let carrier = |group, owner, attributes, time_ns| Carrier {
                owner,
                attributes,
                scope: span.scope,
                group,
                target,
                tenant: node.tenant,
                time_ns,
            };
            let own = &telemetry.attributes[span.attributes.start as usize..span.attributes.end as usize];
            let group_of = |slot: u16| mapping.groups.get(usize::from(slot)).copied().flatten();
            let groups: BTreeSet<_> =
                own.iter().filter_map(|found| group_of(found.slot).map(|group| (group, found.number))).collect();
            let of_span = |group| carrier(group, Owner::Span(place), span.attributes.clone(), span.end_ns);
            if groups.is_empty() && node.role == Some(Role::Evaluator) {
                carriers.push(of_span(None));
            }
            carriers.extend(groups.into_iter().map(|group| of_span(Some(group))));
            for place in span.events.clone() {
                let event = &telemetry.events[place as usize];
                if is_label(&event.name) {
                    let time_ns = if event.time_ns == 0 { span.end_ns } else { event.time_ns };
                    let mut carrier = carrier(None, Owner::Event(place), event.attributes.clone(), time_ns);
                    carrier.target = itself;
                    carriers.push(carrier);
                }
            }
        }
        for (place, log) in (0..).zip(&telemetry.logs) {
            if !is_label(&log.name) {
                self.tally.ignore(Ignored::OtherLog);
                continue;
            }
            carriers.push(Carrier {
                owner: Owner::Log(place),
                attributes: log.attributes.clone(),
                scope: log.scope,
                group: None,
                target: log.trace.map(|trace| (trace, log.span)),
                tenant: text(telemetry, &self.slots, &log.attributes, log.scope, &mapping.tenant),
                time_ns: log.time_ns,
            });
        }
        carriers
    }

    /// The decision that a label is about, and whether it is about the whole of it.
    ///
    /// A span that was not sent along is taken to be a decision: that is what labels are mostly about.
    fn target(&mut self, carrier: &Carrier<'t>) -> Result<Target<'t>, Reason> {
        let mapping = self.mapper.mapping();
        let named = text(self.telemetry, &self.slots, &carrier.attributes, carrier.scope, &mapping.decision_id);
        let named = named.filter(|name| name.len() <= 64);
        let place = carrier.target.and_then(|(trace, span)| self.forest.place(trace, span?));
        let said = carrier.tenant.or_else(|| self.forest.nodes[place? as usize].tenant);
        let tenant = self.tenant(said)?;
        let whole = |decision: String| Target { tenant, decision, scope: TargetScope::Decision, id: None };
        if let Some(name) = named {
            return Ok(whole(name.to_owned()));
        }
        let (trace, span) = carrier.target.ok_or(Reason::NoTarget)?;
        if let Some(place) = place {
            let number = self.decision_of(place, tenant).ok_or(Reason::NoTarget)?;
            let target = whole(self.ids.get(number).to_owned());
            let is_whole = self.forest.nodes[place as usize].is_decision;
            return Ok(if is_whole { target } else { step(target, span) });
        }
        let by_trace = mapping.identity == crate::mapping::Identity::Trace;
        if !by_trace && span.is_none() {
            return Err(Reason::NoTarget);
        }
        let number = self.ids.hashed(tenant, trace, span.filter(|_| !by_trace));
        let target = whole(self.ids.get(number).to_owned());
        Ok(if by_trace && span.is_some() { step(target, span) } else { target })
    }

    fn label(&mut self, carrier: &Carrier<'t>, target: &Target<'t>, places: &Places) -> Vec<Option<Cell<'t>>> {
        let mapper = self.mapper;
        let rules = mapper.mapping().rules_of(Stream::Labels);
        self.slots.load(self.telemetry, carrier.scope, carrier.attributes.clone());
        let facts = Facts { start_ns: carrier.time_ns, end_ns: carrier.time_ns, ..Facts::default() };
        let mut record = match carrier.owner {
            Owner::Span(place) => {
                let span = &self.telemetry.spans[place as usize];
                record(mapper, self.telemetry, &self.slots, span)
            }
            _ => Record {
                mapping: mapper.mapping(),
                telemetry: self.telemetry,
                slots: &self.slots,
                scope: carrier.scope,
                attributes: carrier.attributes.clone(),
                events: 0..0,
                group: None,
                facts,
                text_limit: mapper.limits().text,
            },
        };
        record.group = carrier.group;
        let mut too_long = 0;
        let mut ask = |record: &Record<'_, 't, '_>, column: usize| {
            let rule: &Rule = rules[column].as_ref()?;
            record.ask(rule, &mut too_long).or_else(|| rule.default.clone())
        };
        record.facts.label_name = into_text(ask(&record, places.name));
        let mut row: Vec<_> = (0..rules.len()).map(|column| ask(&record, column)).collect();
        let labeled_at = match &row[places.labeled_at] {
            Some(Cell::Int(micros)) => Some(*micros),
            _ => None,
        };
        if row[places.identifier].is_none() {
            row[places.identifier] = Some(Cell::Text(Cow::Borrowed("")));
        }
        if row[places.version].is_none() {
            row[places.version] = labeled_at.map(Cell::Int);
        }
        if row[places.id].is_none() {
            row[places.id] = id(target, &row, places, labeled_at).map(|id| Cell::Text(Cow::Owned(id)));
        }
        self.tally.too_long += too_long;
        row
    }
}

/// `target`, narrowed to one step of its decision.
fn step<'t>(target: Target<'t>, span: Option<SpanId>) -> Target<'t> {
    Target { scope: TargetScope::Step, id: span.map(const_hex::encode), ..target }
}

fn id(target: &Target<'_>, row: &[Option<Cell<'_>>], places: &Places, labeled_at: Option<i64>) -> Option<String> {
    let (Some(Cell::Text(name)), Some(Cell::Text(identifier))) = (&row[places.name], &row[places.identifier]) else {
        return None;
    };
    let about = target.id.as_deref().unwrap_or(&target.decision);
    Some(label_id(target.tenant, target.scope.as_str(), about, name, identifier, labeled_at?))
}

fn into_text<'t>(cell: Option<Cell<'t>>) -> Option<Cow<'t, str>> {
    match cell {
        Some(Cell::Text(text)) => Some(text),
        _ => None,
    }
}
