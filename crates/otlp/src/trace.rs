//! Which spans are decisions, and whose steps are the others?
//!
//! A span finds its decision through its ancestors in the request. Where the chain ends at a parent that was not sent
//! along, that parent is taken to be the decision: an agent's span ends last, so its children often travel ahead of it.
//! Whether spans come together or apart, the ids are the same as long as what lies between a step and its decision is
//! sent with the step.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::evaluate::Slots;
use crate::keys::Slot;
use crate::mapping::{Identity, LoneModelCall, Mapping, Role};
use crate::telemetry::{Attributes, Span, SpanId, Telemetry, TraceId, Value};
use tidegate_contract::StepKind;

/// Where a span belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// To no decision.
    Nowhere,
    /// To the decision of this span of the request.
    Span(u32),
    /// To a decision that was not sent along.
    Outside(SpanId),
}

/// What is known of a span once its request is seen as a whole.
#[derive(Clone, Debug)]
pub(crate) struct Node<'t> {
    pub(crate) role: Option<Role>,
    pub(crate) is_decision: bool,
    /// Another span of the request has the same ids.
    pub(crate) repeated: bool,
    /// The decision above it.
    pub(crate) home: Home,
    /// Its own, or that of its nearest ancestor that has one.
    pub(crate) tenant: Option<&'t str>,
    /// What its producer calls the decision.
    pub(crate) named: Option<&'t str>,
    parent: Option<u32>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    New,
    Open,
    Done,
}

/// The spans of a request, and how they hang together.
pub(crate) struct Forest<'t> {
    pub(crate) nodes: Vec<Node<'t>>,
    places: HashMap<(TraceId, SpanId), u32, RandomState>,
}

impl<'t> Forest<'t> {
    pub(crate) fn new(mapping: &Mapping, telemetry: &'t Telemetry<'_>, slots: &Slots) -> Self {
        let mut places = HashMap::with_capacity_and_hasher(telemetry.spans.len(), RandomState::default());
        let mut nodes: Vec<Node<'t>> = Vec::with_capacity(telemetry.spans.len());
        for (place, span) in (0..).zip(&telemetry.spans) {
            let mut node = node(mapping, telemetry, slots, span);
            if let Some(ids) = span.trace.zip(span.id) {
                node.repeated = *places.entry(ids).or_insert(place) != place;
            }
            nodes.push(node);
        }
        for (node, span) in nodes.iter_mut().zip(&telemetry.spans) {
            let parent = span.trace.zip(span.parent);
            node.parent = parent.and_then(|ids| places.get(&ids).copied());
        }
        let mut forest = Self { nodes, places };
        for place in 0..telemetry.spans.len() {
            forest.resolve(mapping, telemetry, place);
        }
        forest
    }

    /// The span of these ids, if it was sent along.
    pub(crate) fn place(&self, trace: TraceId, span: SpanId) -> Option<u32> {
        self.places.get(&(trace, span)).copied()
    }

    /// Finds the home of a span, and of all above it that have none yet. The way up is a list, not recursion: a trace may
    /// be as deep as it has spans.
    fn resolve(&mut self, mapping: &Mapping, telemetry: &Telemetry<'_>, place: usize) {
        let mut way = Vec::new();
        let mut next = Some(place);
        while let Some(place) = next.filter(|place| self.nodes[*place].state == State::New) {
            self.nodes[place].state = State::Open;
            way.push(place);
            next = self.nodes[place].parent.map(|parent| parent as usize);
        }
        while let Some(place) = way.pop() {
            self.settle(mapping, &telemetry.spans[place], place);
        }
    }

    /// Settles a span whose ancestors are settled.
    fn settle(&mut self, mapping: &Mapping, span: &Span<'_>, place: usize) {
        let above = self.nodes[place].parent.map(|parent| (parent, &self.nodes[parent as usize]));
        let (home, tenant) = match above {
            // A circle of parents belongs nowhere.
            Some((_, above)) if above.state != State::Done => (Home::Nowhere, None),
            Some((parent, above)) if above.is_decision => (Home::Span(parent), above.tenant),
            Some((_, above)) => (above.home, above.tenant),
            None => (span.parent.map_or(Home::Nowhere, Home::Outside), None),
        };
        let is_decision = match (self.nodes[place].role, mapping.identity) {
            (Some(Role::Decision), Identity::Span) => true,
            (Some(Role::Decision | Role::RootDecision), _) => home == Home::Nowhere,
            (Some(Role::Step(StepKind::ModelCall)), _) => {
                home == Home::Nowhere && mapping.lone_model_call == LoneModelCall::Decision
            }
            _ => false,
        };
        let node = &mut self.nodes[place];
        node.home = home;
        node.tenant = node.tenant.or(tenant);
        node.is_decision = is_decision && !node.repeated;
        node.state = State::Done;
    }
}

fn node<'t>(mapping: &Mapping, telemetry: &'t Telemetry<'_>, slots: &Slots, span: &Span<'_>) -> Node<'t> {
    let role = mapping.kind.iter().find_map(|slot| {
        let word = own_text(telemetry, &span.attributes, *slot)?;
        mapping.kinds.get(word).copied()
    });
    Node {
        role,
        is_decision: false,
        repeated: false,
        home: Home::Nowhere,
        tenant: text(telemetry, slots, &span.attributes, span.scope, &mapping.tenant),
        named: text(telemetry, slots, &span.attributes, span.scope, &mapping.decision_id),
        parent: None,
        state: State::New,
    }
}

/// The first text in one of `slots`: of the record itself, or of what it inherits.
pub(crate) fn text<'t>(
    telemetry: &'t Telemetry<'_>,
    slots: &Slots,
    attributes: &Attributes,
    scope: u32,
    asked: &[Slot],
) -> Option<&'t str> {
    asked.iter().find_map(|slot| {
        own_text(telemetry, attributes, *slot).or_else(|| name(&slots.inherited(telemetry, scope, *slot)?.value))
    })
}

fn own_text<'t>(telemetry: &'t Telemetry<'_>, attributes: &Attributes, slot: Slot) -> Option<&'t str> {
    let own = &telemetry.attributes[attributes.start as usize..attributes.end as usize];
    own.iter().find(|found| found.slot == slot).and_then(|found| name(&found.value))
}

/// A text that can name something: not empty, of at most 256 bytes and of one line.
fn name<'t>(value: &'t Value<'_>) -> Option<&'t str> {
    match value {
        Value::Text(text) => Some(text.as_ref()).filter(|text| is_name(text)),
        _ => None,
    }
}

/// Whether `text` can name a tenant or a decision.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= 256 && !text.contains(char::is_control)
}
