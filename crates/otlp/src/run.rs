//! How do the spans of one request become decisions and their steps?

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;
use tidegate_contract::SCHEMA_VERSION;

use crate::error::Result;
use crate::evaluate::{Counts, Facts, Record, Slots, to_json};
use crate::ids::Ids;
use crate::mapped::{Content, Mapped, Unredacted};
use crate::mapper::{Context, Mapper};
use crate::mapping::{Fold, How, Identity, Role, Rule};
use crate::table::{Cell, Rows, Stream};
use crate::tally::{Ignored, Reason, Tally};
use crate::telemetry::{Owner, Span, SpanId, Telemetry, Value, size};
use crate::trace::{Forest, Home, is_name};
use tidegate_contract::StepKind;

/// One request on its way.
pub(crate) struct Run<'t, 'a> {
    pub(crate) mapper: &'t Mapper,
    pub(crate) context: &'t Context<'t>,
    pub(crate) telemetry: &'t Telemetry<'a>,
    pub(crate) slots: Slots,
    pub(crate) forest: Forest<'t>,
    pub(crate) ids: Ids<'t>,
    pub(crate) tally: Tally,
    /// What the steps of each decision of the request say together, by the place of its span.
    sums: HashMap<u32, Sum<'t>, RandomState>,
    /// The rows that spans, events and log records became.
    pub(crate) rows: HashMap<Owner, (Stream, usize), RandomState>,
}

/// What the steps of a decision say together.
#[derive(Default)]
struct Sum<'t> {
    counts: Counts,
    /// By column.
    folded: BTreeMap<usize, Folded<'t>>,
}

struct Folded<'t> {
    /// When the earliest step started that said something, and its id.
    first: (u64, Option<SpanId>),
    cell: Cell<'t>,
}

/// A span that becomes a row.
struct Found<'t> {
    place: u32,
    tenant: &'t str,
    /// The number of its decision's id.
    decision: usize,
}

impl<'t, 'a> Run<'t, 'a> {
    pub(crate) fn new(
        mapper: &'t Mapper,
        context: &'t Context<'t>,
        telemetry: &'t Telemetry<'a>,
        tally: Tally,
    ) -> Self {
        let mapping = mapper.mapping();
        let slots = Slots::new(mapping.keys.len(), telemetry);
        let forest = Forest::new(mapping, telemetry, &slots);
        let (ids, sums, rows) = (Ids::default(), HashMap::default(), HashMap::default());
        Self { mapper, context, telemetry, slots, forest, ids, tally, sums, rows }
    }

    pub(crate) fn finish(mut self) -> Result<Mapped> {
        let (decisions, steps) = self.sort_out();
        let steps = self.steps(&steps)?;
        let decisions = self.decisions(&decisions)?;
        let labels = self.labels()?;
        let content = self.content();
        Ok(Mapped::new(Unredacted { decisions, steps, labels, content }, self.tally))
    }

    /// Tells decisions, steps and all else apart, and orders both so that it does not matter how they came.
    fn sort_out(&mut self) -> (Vec<Found<'t>>, Vec<(Found<'t>, StepKind)>) {
        let (mut decisions, mut steps) = (Vec::new(), Vec::new());
        for place in 0..size(self.telemetry.spans.len()) {
            let node = &self.forest.nodes[place as usize];
            let kind = match node.role {
                _ if node.repeated => {
                    self.tally.ignore(Ignored::Repeated);
                    continue;
                }
                _ if node.is_decision => None,
                Some(Role::Step(kind)) => Some(kind),
                Some(Role::Evaluator) => {
                    self.tally.evaluators += 1;
                    continue;
                }
                _ => {
                    self.tally.ignore(Ignored::OtherSpan);
                    continue;
                }
            };
            match (self.identify(place), kind) {
                (Ok(None), _) => self.tally.ignore(Ignored::NoDecision),
                (Ok(Some(found)), None) => decisions.push(found),
                (Ok(Some(found)), Some(kind)) => steps.push((found, kind)),
                (Err(reason), _) => self.reject_span(reason),
            }
        }
        let span = |found: &Found<'_>| &self.telemetry.spans[found.place as usize];
        decisions.sort_by_key(|found| (span(found).end_ns, span(found).trace, span(found).id));
        steps.sort_by(|(left, _), (right, _)| {
            let by_decision = self.ids.get(left.decision).cmp(self.ids.get(right.decision));
            by_decision.then_with(|| (span(left).start_ns, span(left).id).cmp(&(span(right).start_ns, span(right).id)))
        });
        (decisions, steps)
    }

    /// Whose a span is, and which decision it is or belongs to; nothing if it belongs to none.
    fn identify(&mut self, place: u32) -> Result<Option<Found<'t>>, Reason> {
        let span = &self.telemetry.spans[place as usize];
        if span.start_ns > 0 && span.end_ns > 0 && span.end_ns < span.start_ns {
            return Err(Reason::EndsBeforeItStarts);
        }
        if span.trace.is_none() || span.id.is_none() {
            return Err(Reason::InvalidId);
        }
        let tenant = self.tenant(self.forest.nodes[place as usize].tenant)?;
        Ok(self.decision_of(place, tenant).map(|decision| Found { place, tenant, decision }))
    }

    /// The number of the id of the decision that a span is or belongs to.
    pub(crate) fn decision_of(&mut self, place: u32, tenant: &'t str) -> Option<usize> {
        let span = &self.telemetry.spans[place as usize];
        let node = &self.forest.nodes[place as usize];
        let trace = span.trace?;
        let by_trace = self.mapper.mapping().identity == Identity::Trace;
        let (named, owner) = match node.home {
            _ if node.is_decision => (node.named, span.id),
            Home::Span(above) => (self.forest.nodes[above as usize].named, self.telemetry.spans[above as usize].id),
            Home::Outside(parent) => (node.named, Some(parent)),
            Home::Nowhere => (node.named, None),
        };
        // The schema holds ids of at most 64 bytes.
        if let Some(name) = named.filter(|name| name.len() <= 64) {
            return Some(self.ids.named(name));
        }
        if by_trace {
            return Some(self.ids.hashed(tenant, trace, None));
        }
        owner.map(|owner| self.ids.hashed(tenant, trace, Some(owner)))
    }

    /// Whose a record is: the sender's, if that is known, or what it says.
    pub(crate) fn tenant(&self, said: Option<&'t str>) -> Result<&'t str, Reason> {
        match (self.context.tenant, said) {
            (Some(proved), Some(said)) if proved != said => Err(Reason::TenantMismatch),
            (Some(tenant), _) | (None, Some(tenant)) if is_name(tenant) => Ok(tenant),
            _ => Err(Reason::NoTenant),
        }
    }

    fn reject_span(&mut self, reason: Reason) {
        self.tally.reject(reason);
        self.tally.rejected_spans += 1;
    }

    fn steps(&mut self, steps: &[(Found<'t>, StepKind)]) -> Result<arrow::array::RecordBatch> {
        let schema = Stream::Steps.schema();
        let mapper = self.mapper;
        let rules = mapper.mapping().rules_of(Stream::Steps);
        let folds: Vec<_> = folds(mapper.mapping().rules_of(Stream::Decisions)).collect();
        let status = schema.index_of("status").unwrap_or(0);
        let mut rows = Rows::new(Stream::Steps, steps.len());
        let mut row = Vec::with_capacity(rules.len());
        let (mut step_no, mut of) = (0, None);
        for (Found { place, tenant, decision }, kind) in steps {
            let span = &self.telemetry.spans[*place as usize];
            step_no = if of == Some(*decision) { step_no + 1 } else { 1 };
            of = Some(*decision);
            self.slots.load(self.telemetry, span.scope, span.attributes.clone());
            let record = record(self.mapper, self.telemetry, &self.slots, span);
            let mut too_long = 0;
            row.clear();
            row.extend(rules.iter().map(|rule| answer(&record, rule.as_ref(), &mut too_long)));
            row[0] = Some(Cell::Text(Cow::Borrowed(tenant)));
            row[1] = Some(Cell::Text(Cow::Owned(self.ids.get(*decision).to_owned())));
            row[2] = Some(Cell::Int(step_no));
            row[3] = span.id.map(|id| Cell::Text(Cow::Owned(const_hex::encode(id))));
            row[4] = Some(Cell::Text(Cow::Borrowed(kind.as_str())));
            if let Home::Span(above) = self.forest.nodes[*place as usize].home {
                let sum = self.sums.entry(above).or_default();
                let failed = !matches!(&row[status], Some(Cell::Text(status)) if status == "ok" || status == "skipped");
                sum.counts.add(*kind, failed);
                let asked = folds.iter().filter(|(_, _, fold)| fold.of == *kind);
                asked.for_each(|(column, rule, fold)| {
                    if let Some(cell) = record.ask(rule, &mut too_long) {
                        sum.fold(*column, *fold, (span.start_ns, span.id), cell);
                    }
                });
            }
            self.tally.too_long += too_long;
            match rows.append(&row) {
                Ok(number) => {
                    self.rows.insert(Owner::Span(*place), (Stream::Steps, number));
                    self.tally.steps += 1;
                }
                Err(column) => self.reject_span(Reason::Missing(column)),
            }
        }
        rows.finish()
    }

    fn decisions(&mut self, decisions: &[Found<'t>]) -> Result<arrow::array::RecordBatch> {
        let schema = Stream::Decisions.schema();
        let mapper = self.mapper;
        let rules = mapper.mapping().rules_of(Stream::Decisions);
        // Every name is one of the schema's own, so none is absent.
        let place_of = |name: &str| schema.index_of(name).unwrap_or(0);
        let (tenant_at, ingested_at) = (place_of("tenant_id"), place_of("ingested_at"));
        let (source_at, model_at, family_at) =
            (place_of("source"), place_of("model_version"), place_of("model_family"));
        let mut rows = Rows::new(Stream::Decisions, decisions.len());
        let mut row: Vec<Option<Cell<'t>>> = Vec::with_capacity(rules.len());
        for Found { place, tenant, decision } in decisions {
            let span = &self.telemetry.spans[*place as usize];
            let parent = self.parent_decision(*place, tenant);
            let sum = self.sums.remove(place).unwrap_or_default();
            self.slots.load(self.telemetry, span.scope, span.attributes.clone());
            let mut record = record(self.mapper, self.telemetry, &self.slots, span);
            record.facts.counts = Some(sum.counts);
            let mut too_long = 0;
            row.clear();
            row.extend(rules.iter().enumerate().map(|(column, rule)| {
                let rule = rule.as_ref()?;
                let said = record.ask(rule, &mut too_long);
                said.or_else(|| sum.folded.get(&column).map(|folded| folded.cell.clone()))
                    .or_else(|| rule.default.clone())
            }));
            // The family follows from the model, whoever named it.
            if let (Some(Cell::Text(model)), Some(rule)) = (&row[model_at], &rules[family_at]) {
                record.facts.model = Some(model.clone());
                row[family_at] = record.ask(rule, &mut too_long).or_else(|| rule.default.clone());
            }
            row[0] = Some(Cell::Text(Cow::Borrowed(SCHEMA_VERSION)));
            row[1] = Some(Cell::Text(Cow::Owned(self.ids.get(*decision).to_owned())));
            row[2] = span.trace.map(|id| Cell::Text(Cow::Owned(const_hex::encode(id))));
            row[3] = span.id.map(|id| Cell::Text(Cow::Owned(const_hex::encode(id))));
            row[4] = parent.map(|parent| Cell::Text(Cow::Owned(self.ids.get(parent).to_owned())));
            row[tenant_at] = Some(Cell::Text(Cow::Borrowed(tenant)));
            row[ingested_at] = Some(Cell::Int(self.context.ingested_at_us));
            row[source_at] = Some(Cell::Text(Cow::Borrowed(self.context.source)));
            self.tally.too_long += too_long;
            match rows.append(&row) {
                Ok(number) => {
                    self.rows.insert(Owner::Span(*place), (Stream::Decisions, number));
                    self.tally.decisions += 1;
                }
                Err(column) => self.reject_span(Reason::Missing(column)),
            }
        }
        rows.finish()
    }

    /// The number of the id of the decision above a decision, if it was sent along.
    fn parent_decision(&mut self, place: u32, tenant: &'t str) -> Option<usize> {
        match self.forest.nodes[place as usize].home {
            Home::Span(above) => self.decision_of(above, tenant),
            Home::Outside(_) | Home::Nowhere => None,
        }
    }

    /// Content of everything that became a row, beside that row.
    fn content(&mut self) -> Vec<Content> {
        let spans = (0..).zip(&self.telemetry.spans);
        let of_event: HashMap<u32, u32, RandomState> =
            spans.flat_map(|(place, span)| span.events.clone().map(move |event| (event, place))).collect();
        let mut content = Vec::new();
        for said in &self.telemetry.content {
            let row = self.rows.get(&said.owner).or_else(|| match said.owner {
                Owner::Event(event) => self.rows.get(&Owner::Span(*of_event.get(&event)?)),
                _ => None,
            });
            let text = match &said.value {
                Value::Empty => continue,
                Value::Text(text) => text.to_string(),
                value => to_json(value).to_string(),
            };
            match row {
                Some((stream, row)) => {
                    content.push(Content { stream: *stream, row: *row, key: said.key.to_string(), text });
                }
                // It says something about nothing that is kept.
                None => *self.tally.dropped_attributes.entry(crate::keys::OTHER.to_owned()).or_default() += 1,
            }
        }
        content
    }
}

/// The rules that ask the steps of a decision.
fn folds(rules: &[Option<Rule>]) -> impl Iterator<Item = (usize, &Rule, Fold)> {
    let rules = rules.iter().enumerate();
    rules.filter_map(|(column, rule)| {
        let rule = rule.as_ref()?;
        rule.fold.map(|fold| (column, rule, fold))
    })
}

fn answer<'t>(record: &Record<'_, 't, '_>, rule: Option<&'t Rule>, too_long: &mut u64) -> Option<Cell<'t>> {
    let rule = rule?;
    record.ask(rule, too_long).or_else(|| rule.default.clone())
}

pub(crate) fn record<'r, 't, 'a>(
    mapper: &'r Mapper,
    telemetry: &'t Telemetry<'a>,
    slots: &'r Slots,
    span: &'t Span<'a>,
) -> Record<'r, 't, 'a> {
    let facts = Facts {
        name: &span.name,
        start_ns: span.start_ns,
        end_ns: span.end_ns,
        status: span.status,
        weight: span.weight,
        ..Facts::default()
    };
    Record {
        mapping: mapper.mapping(),
        telemetry,
        slots,
        scope: span.scope,
        attributes: span.attributes.clone(),
        events: span.events.clone(),
        group: None,
        facts,
        text_limit: mapper.limits().text,
    }
}

impl Counts {
    /// Counts a step. A guardrail counts when it stopped something, not whenever it looked.
    fn add(&mut self, kind: StepKind, failed: bool) {
        match kind {
            StepKind::Tool => {
                self.tool_calls += 1;
                self.tool_failures += i64::from(failed);
            }
            StepKind::Retrieval => self.retrievals += 1,
            StepKind::Guardrail => self.guardrail_hits += i64::from(failed),
            _ => {}
        }
    }
}

impl<'t> Sum<'t> {
    fn fold(&mut self, column: usize, fold: Fold, started: (u64, Option<SpanId>), cell: Cell<'t>) {
        let Some(before) = self.folded.get_mut(&column) else {
            self.folded.insert(column, Folded { first: started, cell });
            return;
        };
        match (fold.how, &before.cell, &cell) {
            (How::First, ..) if started < before.first => *before = Folded { first: started, cell },
            (How::Sum, Cell::Int(left), Cell::Int(right)) => before.cell = Cell::Int(left.saturating_add(*right)),
            (How::Max, Cell::Int(left), Cell::Int(right)) => before.cell = Cell::Int(*left.max(right)),
            (How::Max, Cell::Float(left), Cell::Float(right)) => before.cell = Cell::Float(left.max(*right)),
            _ => {}
        }
    }
}
