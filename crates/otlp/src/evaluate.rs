//! What does a record say for a column?

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::keys::{Slot, SlotSet};
use crate::mapping::{Convert, Fact, Flags, Mapping, Origin, Rule, Source};
use crate::table::{Cell, Holds};
use crate::telemetry::{Attribute, Attributes, Scope, Status, Telemetry, Value};

/// Which attribute stands in which slot, for the record at hand and what it inherits.
#[derive(Debug)]
pub(crate) struct Slots {
    /// One more than the attribute's place, or 0.
    own: Vec<u32>,
    filled: Vec<Slot>,
    /// The same for each scope, with its resource; of the scopes that were asked for.
    inherited: Vec<Vec<u32>>,
    /// In which slots something stands for the record at hand, its own or inherited; and for each scope.
    taken: SlotSet,
    taken_by_scope: Vec<SlotSet>,
}

impl Slots {
    pub(crate) fn new(keys: usize, telemetry: &Telemetry<'_>) -> Self {
        let inherit = |scope: &Scope| {
            let mut slots = vec![0; keys];
            let resource = telemetry.resources[scope.resource as usize].clone();
            // The scope is nearer than the resource, and of two attributes with one key the first counts.
            for place in resource.rev().chain(scope.attributes.clone().rev()) {
                slots[usize::from(telemetry.attributes[place as usize].slot)] = place + 1;
            }
            slots
        };
        let inherited: Vec<_> = telemetry.scopes.iter().map(inherit).collect();
        let taken =
            |slots: &Vec<u32>| (0..).zip(slots).filter(|(_, place)| **place > 0).map(|(slot, _)| slot).collect();
        let taken_by_scope = inherited.iter().map(taken).collect();
        Self { own: vec![0; keys], filled: Vec::new(), inherited, taken: SlotSet::default(), taken_by_scope }
    }

    /// Puts the attributes of a record of a scope in their slots.
    pub(crate) fn load(&mut self, telemetry: &Telemetry<'_>, scope: u32, attributes: Attributes) {
        match self.taken_by_scope.get(scope as usize) {
            Some(taken) => self.taken.copy(taken),
            None => self.taken = SlotSet::default(),
        }
        for slot in self.filled.drain(..) {
            self.own[usize::from(slot)] = 0;
        }
        for place in attributes {
            let slot = telemetry.attributes[place as usize].slot;
            let own = &mut self.own[usize::from(slot)];
            if *own == 0 {
                *own = place + 1;
                self.filled.push(slot);
                self.taken.insert(slot);
            }
        }
    }

    pub(crate) fn inherited<'t, 'a>(
        &self,
        telemetry: &'t Telemetry<'a>,
        scope: u32,
        slot: Slot,
    ) -> Option<&'t Attribute<'a>> {
        let place = *self.inherited.get(scope as usize)?.get(usize::from(slot))?;
        telemetry.attributes.get((place as usize).checked_sub(1)?)
    }
}

/// What is known of a record apart from its attributes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts<'t> {
    pub(crate) name: &'t str,
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    pub(crate) status: Status,
    pub(crate) weight: Option<f64>,
    pub(crate) counts: Option<Counts>,
    pub(crate) model: Option<Cow<'t, str>>,
    pub(crate) label_name: Option<Cow<'t, str>>,
    pub(crate) label_id: Option<Cow<'t, str>>,
}

/// How many steps of which kind a decision has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) tool_calls: i64,
    pub(crate) tool_failures: i64,
    pub(crate) retrievals: i64,
    pub(crate) guardrail_hits: i64,
}

/// A span, event or log record, of which columns are asked.
pub(crate) struct Record<'r, 't, 'a> {
    pub(crate) mapping: &'r Mapping,
    pub(crate) telemetry: &'t Telemetry<'a>,
    pub(crate) slots: &'r Slots,
    pub(crate) scope: u32,
    pub(crate) attributes: Attributes,
    pub(crate) events: Range<u32>,
    /// Of several labels on a record, the one that is asked for: its group and number.
    pub(crate) group: Option<(u8, u16)>,
    pub(crate) facts: Facts<'t>,
    /// The longest text that a column takes.
    pub(crate) text_limit: usize,
}

impl<'t, 'a> Record<'_, 't, 'a> {
    /// What the sources of `rule` say, the first that says something; and how many texts were too long on the way.
    pub(crate) fn ask(&self, rule: &Rule, too_long: &mut u64) -> Option<Cell<'t>> {
        if rule.needs.as_ref().is_some_and(|needs| !needs.meets(&self.slots.taken)) {
            return None;
        }
        rule.sources.iter().find_map(|source| {
            let cell = self.say(source, rule.holds)?;
            let cell = fit(cell, rule)?;
            match &cell {
                Cell::Text(text) if text.len() > self.text_limit => {
                    *too_long += 1;
                    None
                }
                _ => Some(cell),
            }
        })
    }

    fn say(&self, source: &Source, holds: Holds) -> Option<Cell<'t>> {
        let cell = match &source.from {
            Origin::Fact(fact) => self.fact(*fact)?,
            Origin::Key(slot) => match source.convert {
                Convert::Max => self.max(*slot)?,
                Convert::Count => self.count(*slot)?,
                convert => convert_value(&self.find(*slot)?.value, convert, holds)?,
            },
            Origin::Resource(slot) => {
                let found = self.slots.inherited(self.telemetry, self.scope, *slot)?;
                convert_value(&found.value, source.convert, holds)?
            }
            Origin::Event(name, slot) => convert_value(&self.event(name, *slot)?.value, source.convert, holds)?,
        };
        let Some(map) = &source.map else { return Some(cell) };
        let word = match &cell {
            Cell::Text(text) => map.get(text.as_ref()),
            Cell::Int(value) => map.get(value.to_string().as_str()),
            Cell::Bool(value) => map.get(if *value { "true" } else { "false" }),
            Cell::Float(_) | Cell::Flags(_) => None,
        };
        // Words of a mapping are few and short; they are copied so that rows do not borrow from it.
        word.map(|word| Cell::Text(Cow::Owned(word.to_string())))
    }

    /// The attribute in `slot`: the record's own, or what it inherits.
    fn find(&self, slot: Slot) -> Option<&'t Attribute<'a>> {
        if let Some(group) = self.mapping.groups.get(usize::from(slot)).copied().flatten() {
            let (asked, number) = self.group?;
            return self.own().iter().find(|found| found.slot == slot && found.number == number && asked == group);
        }
        let own = self.slots.own[usize::from(slot)] as usize;
        match own.checked_sub(1) {
            Some(place) => self.telemetry.attributes.get(place),
            None => self.slots.inherited(self.telemetry, self.scope, slot),
        }
    }

    fn own(&self) -> &'t [Attribute<'a>] {
        &self.telemetry.attributes[self.attributes.start as usize..self.attributes.end as usize]
    }

    fn event(&self, name: &str, slot: Slot) -> Option<&'t Attribute<'a>> {
        let events = &self.telemetry.events[self.events.start as usize..self.events.end as usize];
        let named = events.iter().filter(|event| event.name == name);
        named.flat_map(|event| self.of(&event.attributes)).find(|found| found.slot == slot)
    }

    fn of(&self, attributes: &Attributes) -> &'t [Attribute<'a>] {
        &self.telemetry.attributes[attributes.start as usize..attributes.end as usize]
    }

    /// The greatest number under a key that fits several attributes, or of a list.
    fn max(&self, slot: Slot) -> Option<Cell<'t>> {
        let values = self.own().iter().filter(|found| found.slot == slot).map(|found| &found.value);
        let listed = values.flat_map(|value| match value {
            Value::List(values) => values.as_slice(),
            value => std::slice::from_ref(value),
        });
        listed.filter_map(number).max_by(f64::total_cmp).map(Cell::Float)
    }

    /// How many attributes fit a key, or how many values a list has.
    fn count(&self, slot: Slot) -> Option<Cell<'t>> {
        let found: Vec<_> = self.own().iter().filter(|found| found.slot == slot).collect();
        let count = match found.as_slice() {
            [] => return None,
            [Attribute { value: Value::List(values), .. }] => values.len(),
            several => several.len(),
        };
        i64::try_from(count).ok().map(Cell::Int)
    }

    fn fact(&self, fact: Fact) -> Option<Cell<'t>> {
        let facts = &self.facts;
        let time = |ns: u64| (ns > 0).then(|| Cell::Int((ns / 1_000).cast_signed()));
        let count = |of: fn(Counts) -> i64| facts.counts.map(|counts| Cell::Int(of(counts)));
        let text = |text: &Option<Cow<'t, str>>| text.clone().map(Cell::Text);
        match fact {
            Fact::Name => (!facts.name.is_empty()).then_some(Cell::Text(Cow::Borrowed(facts.name))),
            Fact::StartTime => time(facts.start_ns),
            Fact::EndTime => time(facts.end_ns),
            Fact::Duration => {
                let both = facts.start_ns > 0 && facts.end_ns > 0;
                let duration_ns = facts.end_ns.checked_sub(facts.start_ns).filter(|_| both)?;
                Some(Cell::Int((duration_ns / 1_000).cast_signed()))
            }
            Fact::Status => match facts.status {
                Status::Unset => None,
                Status::Ok => Some(Cell::Text(Cow::Borrowed("ok"))),
                Status::Error => Some(Cell::Text(Cow::Borrowed("error"))),
            },
            Fact::SampleWeight => facts.weight.map(Cell::Float),
            Fact::FeatureFlags => self.flags(&self.mapping.flags),
            Fact::ModelFamily => {
                let family = crate::model::model_family(facts.model.as_deref()?)?;
                Some(Cell::Text(Cow::Borrowed(family)))
            }
            Fact::ToolCalls => count(|counts| counts.tool_calls),
            Fact::ToolFailures => count(|counts| counts.tool_failures),
            Fact::Retrievals => count(|counts| counts.retrievals),
            Fact::GuardrailHits => count(|counts| counts.guardrail_hits),
            Fact::LabelName => text(&facts.label_name),
            Fact::LabelId => text(&facts.label_id),
        }
    }

    /// The flags that the record or its events name, by key; of one that was asked twice, the last answer.
    fn flags(&self, slots: &Flags) -> Option<Cell<'t>> {
        let events = &self.telemetry.events[self.events.start as usize..self.events.end as usize];
        let places = std::iter::once(self.own()).chain(events.iter().map(|event| self.of(&event.attributes)));
        let mut flags = BTreeMap::new();
        for attributes in places {
            let first = |slots: &[Slot]| {
                let found = attributes.iter().find(|found| slots.contains(&found.slot))?;
                plain_text(&found.value).filter(|text| text.len() <= self.text_limit)
            };
            if let Some(key) = first(&slots.key) {
                flags.insert(key, first(&slots.variant));
            }
        }
        (!flags.is_empty()).then(|| Cell::Flags(flags.into_iter().collect()))
    }
}

/// `cell` as its column may hold it, or nothing.
fn fit<'t>(cell: Cell<'t>, rule: &Rule) -> Option<Cell<'t>> {
    let cell = match (cell, rule.holds) {
        (Cell::Text(text), Holds::Text) if text.is_empty() => return None,
        (Cell::Text(text), Holds::Text) => Cell::Text(text),
        (Cell::Int(value), Holds::Text) => Cell::Text(Cow::Owned(value.to_string())),
        (Cell::Float(value), Holds::Text) => Cell::Text(Cow::Owned(value.to_string())),
        (Cell::Bool(value), Holds::Text) => Cell::Text(Cow::Borrowed(if value { "true" } else { "false" })),
        (Cell::Int(value), Holds::Int | Holds::Time) if value >= 0 => Cell::Int(value),
        (Cell::Float(value), Holds::Int | Holds::Time) => Cell::Int(whole(value)?),
        (Cell::Text(text), Holds::Int | Holds::Time) => Cell::Int(text.parse().ok().filter(|value: &i64| *value >= 0)?),
        (cell, Holds::Float | Holds::Share) => {
            let value = match cell {
                Cell::Float(value) => value,
                Cell::Int(value) => value as f64,
                Cell::Text(text) => text.parse().ok()?,
                Cell::Bool(value) => f64::from(u8::from(value)),
                Cell::Flags(_) => return None,
            };
            let fits = value.is_finite() && (rule.holds == Holds::Float || (0.0..=1.0).contains(&value));
            fits.then_some(Cell::Float(value))?
        }
        (Cell::Bool(value), Holds::Bool) => Cell::Bool(value),
        (Cell::Text(text), Holds::Bool) => match text.as_ref() {
            "true" | "True" => Cell::Bool(true),
            "false" | "False" => Cell::Bool(false),
            _ => return None,
        },
        (Cell::Flags(flags), Holds::Flags) => Cell::Flags(flags),
        _ => return None,
    };
    match (&rule.words, cell) {
        (Some(words), Cell::Text(text)) => {
            let word = words.iter().find(|word| word.eq_ignore_ascii_case(&text))?;
            Some(Cell::Text(Cow::Borrowed(*word)))
        }
        (_, cell) => Some(cell),
    }
}

fn convert_value<'t>(value: &'t Value<'_>, convert: Convert, holds: Holds) -> Option<Cell<'t>> {
    match convert {
        Convert::Plain => plain(value),
        Convert::First => match value {
            Value::List(values) => plain(values.first()?),
            Value::Text(text) if text.starts_with('[') => first_of_json(text),
            value => plain(value),
        },
        Convert::Times(factor) => {
            let product = number(value)? * factor;
            if holds == Holds::Int || holds == Holds::Time {
                whole(product).map(Cell::Int)
            } else {
                Some(Cell::Float(product))
            }
        }
        Convert::Hash => Some(Cell::Text(Cow::Owned(hash_of(value)?))),
        Convert::Lower => plain_text(value).map(|text| Cell::Text(lowered(text, str::to_lowercase))),
        Convert::Upper => plain_text(value).map(|text| Cell::Text(lowered(text, str::to_uppercase))),
        Convert::Count => match value {
            Value::List(values) => i64::try_from(values.len()).ok().map(Cell::Int),
            _ => None,
        },
        Convert::Max => number(value).map(Cell::Float),
    }
}

fn lowered<'t>(text: Cow<'t, str>, change: fn(&str) -> String) -> Cow<'t, str> {
    let changed = change(&text);
    if changed == text { text } else { Cow::Owned(changed) }
}

fn plain<'t>(value: &'t Value<'_>) -> Option<Cell<'t>> {
    match value {
        Value::Text(text) => Some(Cell::Text(Cow::Borrowed(text))),
        Value::Bool(value) => Some(Cell::Bool(*value)),
        Value::Int(value) => Some(Cell::Int(*value)),
        Value::Double(value) => Some(Cell::Float(*value)),
        Value::Bytes(bytes) => Some(Cell::Text(Cow::Owned(const_hex::encode(bytes)))),
        Value::Empty | Value::List(_) | Value::Map(_) => None,
    }
}

pub(crate) fn plain_text<'t>(value: &'t Value<'_>) -> Option<Cow<'t, str>> {
    match plain(value)? {
        Cell::Text(text) if text.is_empty() => None,
        Cell::Text(text) => Some(text),
        Cell::Int(value) => Some(Cow::Owned(value.to_string())),
        Cell::Bool(value) => Some(Cow::Owned(value.to_string())),
        Cell::Float(_) | Cell::Flags(_) => None,
    }
}

/// The first of a list that was written as JSON, as some exporters do with what is no primitive.
fn first_of_json(text: &str) -> Option<Cell<'static>> {
    let list: Vec<serde_json::Value> = serde_json::from_str(text).ok()?;
    list.first()?.as_str().map(|first| Cell::Text(Cow::Owned(first.to_owned())))
}

fn number(value: &Value<'_>) -> Option<f64> {
    let number = match value {
        Value::Int(value) => *value as f64,
        Value::Double(value) => *value,
        Value::Text(text) => text.parse().ok()?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// `value` rounded to a whole number that is not negative, if it is one of 64 bits.
fn whole(value: f64) -> Option<i64> {
    let rounded = value.round();
    // The bound is exact, and excludes what would not fit.
    (0.0..9_223_372_036_854_775_808.0).contains(&rounded).then_some(rounded as i64)
}

/// SHA-256 of a value: of a text its bytes, of all else its JSON with the keys in order.
fn hash_of(value: &Value<'_>) -> Option<String> {
    match value {
        Value::Empty => None,
        Value::Text(text) => Some(const_hex::encode(Sha256::digest(text.as_bytes()))),
        Value::Bytes(bytes) => Some(const_hex::encode(Sha256::digest(bytes))),
        value => Some(const_hex::encode(Sha256::digest(to_json(value).to_string()))),
    }
}

/// `value` as JSON, the keys of its objects in order.
pub(crate) fn to_json(value: &Value<'_>) -> serde_json::Value {
    match value {
        Value::Empty => serde_json::Value::Null,
        Value::Text(text) => text.as_ref().into(),
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::Double(value) => (*value).into(),
        Value::Bytes(bytes) => const_hex::encode(bytes).into(),
        Value::List(values) => values.iter().map(to_json).collect(),
        Value::Map(entries) => {
            let sorted: BTreeMap<_, _> = entries.iter().map(|(key, value)| (key.to_string(), to_json(value))).collect();
            sorted.into_iter().collect()
        }
    }
}
