//! What is every decision labelled, now or as of an instant? Rows of `labels` in, effective labels out.
//!
//! ```text
//! labels --known? under suspicion?--> by key, the highest (version, label_id) --retracted?--> standing votes
//!        --beyond the annotator's bound?--> votes of one decision and label --resolve--> effective label
//! ```
//!
//! The key is (tenant, decision, scope, target, label, identifier). Each step looks at a set of rows and not at their
//! order, so rows may come in any order, cut in any way, and more than once.

use std::cmp::Ordering;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int32Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use foldhash::fast::RandomState;
use tidegate_contract::{AnnotatorKind, TargetScope};

use crate::columns::{Columns, instant};
use crate::decisions::Decisions;
use crate::error::Result;
use crate::label_rows::{LabelRows, Row};
use crate::quarantine::Quarantine;
use crate::resolve::{Effective, Vote, resolve};
use crate::rules::Rules;
use crate::words::{NONE, Words};

const DAY_US: i64 = 86_400_000_000;
/// How long before its decision a label may be dated, because clocks differ.
pub const CLOCK_SLACK_US: i64 = DAY_US;

/// Whose word on what: rows that agree in it are versions of one label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    tenant: u32,
    decision: u32,
    label: u32,
    scope: TargetScope,
    target: u32,
    identifier: u32,
}

/// What the row that counts for a key says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    version: i64,
    label_id: Box<str>,
    is_retracted: bool,
    value: u32,
    annotator: u32,
    codes: [u32; 4],
    kind: AnnotatorKind,
    score: Option<f64>,
    confidence: Option<f64>,
    labeled_us: i64,
    ingested_us: i64,
}

/// What became of the rows that were read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    /// All rows.
    pub rows: u64,
    /// Without tenant, decision, name, time or another column that must be there; or with an unknown word in it.
    pub unreadable: u64,
    /// Dated before what is looked at.
    pub too_old: u64,
    /// Not known yet, as of the instant that is looked at.
    pub not_yet_known: u64,
    /// Under suspicion.
    pub quarantined: u64,
    /// About a step or a session, where the label's rule does not count these.
    pub other_scope: u64,
}

/// All labels as of one instant, one row for each key.
///
/// Memory is that of one row for each key and of each text once; see [`with_floor`](Self::with_floor) for a bound.
///
/// # Guarantee
/// Two resolvers that were given the same rows, in any order, cut in any way, repeated or merged, give the same bytes.
/// Held by `tests/it/laws.rs`.
#[derive(Debug, Clone)]
pub struct Resolver {
    rules: Arc<Rules>,
    quarantine: Arc<Quarantine>,
    as_of_us: Option<i64>,
    floor_us: i64,
    words: Words,
    said: HashMap<Key, Said, RandomState>,
    account: Account,
    newest_us: Option<i64>,
}

impl Resolver {
    /// No label yet. Rows that were ingested after `as_of_us` do not count, nor suspicions that came later; without an
    /// instant everything counts that is read.
    #[must_use]
    pub fn new(rules: Arc<Rules>, quarantine: Arc<Quarantine>, as_of_us: Option<i64>) -> Self {
        Self {
            rules,
            quarantine,
            as_of_us,
            floor_us: i64::MIN,
            words: Words::default(),
            said: HashMap::default(),
            account: Account::default(),
            newest_us: None,
        }
    }

    /// Leaves out what is dated before `floor_us`, which bounds memory.
    #[must_use]
    pub fn with_floor(self, floor_us: i64) -> Self {
        Self { floor_us, ..self }
    }

    /// The columns to read of the stream `labels`, of which it may lack those that a row may leave out.
    pub fn columns() -> &'static [&'static str] {
        LabelRows::COLUMNS
    }

    /// Takes rows of the stream `labels` in.
    ///
    /// # Errors
    /// [`Error::MissingColumns`](crate::Error::MissingColumns) or [`Error::WrongType`](crate::Error::WrongType). A bad row
    /// is no error: it is counted in the [`Account`].
    pub fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let rows = LabelRows::of(&Columns { stream: "labels", batch })?;
        self.account.rows += batch.num_rows() as u64;
        for row in 0..batch.num_rows() {
            match rows.row(row) {
                None => self.account.unreadable += 1,
                Some(row) => self.add_row(&row),
            }
        }
        Ok(())
    }

    fn add_row(&mut self, row: &Row<'_>) {
        match self.fate(row) {
            Fate::NotYetKnown => self.account.not_yet_known += 1,
            Fate::TooOld => self.account.too_old += 1,
            Fate::Quarantined(_) => self.account.quarantined += 1,
            Fate::OtherScope => self.account.other_scope += 1,
            Fate::Counts => {
                let (key, said) = self.number(row);
                self.put(key, said);
            }
        }
        if self.as_of_us.is_none_or(|as_of| row.ingested_us <= as_of) {
            self.newest_us = self.newest_us.max(Some(row.ingested_us));
        }
    }

    /// What becomes of a row, whatever the others say.
    pub(crate) fn fate(&self, row: &Row<'_>) -> Fate<'_> {
        if self.as_of_us.is_some_and(|as_of| row.ingested_us > as_of) {
            return Fate::NotYetKnown;
        }
        if row.labeled_us < self.floor_us {
            return Fate::TooOld;
        }
        if let Some(entry) = self.quarantine.holds(&row.suspect(), self.as_of_us) {
            return Fate::Quarantined(&entry.reason);
        }
        if self.rules.of(row.label).scopes.contains(&row.scope) { Fate::Counts } else { Fate::OtherScope }
    }

    fn number(&mut self, row: &Row<'_>) -> (Key, Said) {
        let words = &mut self.words;
        let mut number = |text: Option<&str>| text.map_or(NONE, |text| words.number(text));
        let key = Key {
            tenant: number(Some(row.tenant)),
            decision: number(Some(row.decision)),
            label: number(Some(row.label)),
            scope: row.scope,
            target: number(row.target()),
            identifier: number(Some(row.identifier)),
        };
        (key, Said::of(row, number))
    }

    /// Keeps the greater of what is there and what comes.
    fn put(&mut self, key: Key, said: Said) {
        match self.said.entry(key) {
            Entry::Vacant(vacant) => {
                vacant.insert(said);
            }
            Entry::Occupied(mut held) => {
                if said.order(held.get(), &self.words) == Ordering::Greater {
                    held.insert(said);
                }
            }
        }
    }

    /// Takes over all that another resolver of the same rules and instant has read.
    ///
    /// # Guarantee
    /// Associative and commutative; an empty resolver changes nothing. Held by `tests/it/laws.rs`.
    ///
    /// # Panics
    /// When the two look at labels by other rules or as of another instant: what they hold cannot be compared.
    pub fn merge(&mut self, other: &Self) {
        let alike = self.rules == other.rules && self.quarantine == other.quarantine;
        assert!(
            alike && (self.as_of_us, self.floor_us) == (other.as_of_us, other.floor_us),
            "resolvers of other rules do not merge"
        );
        for (key, said) in &other.said {
            let mut number = |number: u32| other.words.text(number).map_or(NONE, |text| self.words.number(text));
            let key = Key {
                tenant: number(key.tenant),
                decision: number(key.decision),
                label: number(key.label),
                scope: key.scope,
                target: number(key.target),
                identifier: number(key.identifier),
            };
            let said = Said {
                value: number(said.value),
                annotator: number(said.annotator),
                codes: said.codes.map(&mut number),
                ..said.clone()
            };
            self.put(key, said);
        }
        let (own, others) = (&mut self.account, &other.account);
        own.rows += others.rows;
        own.unreadable += others.unreadable;
        own.too_old += others.too_old;
        own.not_yet_known += others.not_yet_known;
        own.quarantined += others.quarantined;
        own.other_scope += others.other_scope;
        self.newest_us = self.newest_us.max(other.newest_us);
    }

    /// What became of the rows so far.
    #[must_use]
    pub fn account(&self) -> Account {
        self.account
    }

    /// How many keys there are, retracted ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.said.len()
    }

    /// Whether there is no key yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.said.is_empty()
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The effective labels, one row for each decision and label that has a vote, in the order of tenant, decision and
    /// label; columns are those of [`effective_schema`]. `decisions` says when decisions happened: without it no label is
    /// known to have matured.
    ///
    /// # Errors
    /// Arrow's, which no input should cause.
    pub fn effective(&self, decisions: Option<&Decisions>) -> Result<RecordBatch> {
        let mut rows = EffectiveRows::default();
        let clock_us = self.as_of_us.or(self.newest_us.max(decisions.and_then(Decisions::clock_us)));
        self.each(decisions, |of, effective| {
            let event_us = decisions.and_then(|decisions| decisions.event_us(of.tenant, of.decision));
            let matures_us = event_us.map(|event_us| event_us.saturating_add(self.rules.of(of.label).maturity_us));
            let matured = matures_us.zip(clock_us).map(|(matures_us, clock_us)| clock_us >= matures_us);
            rows.push(of, effective, matured);
        });
        rows.finish()
    }

    /// Calls `take` with every effective label, in the order of tenant, decision and label.
    pub(crate) fn each(&self, decisions: Option<&Decisions>, mut take: impl FnMut(&Of<'_>, &Effective<'_>)) {
        let standing = self.standing();
        let mut votes = Vec::new();
        for group in standing.chunk_by(|(left, _), (right, _)| left.group() == right.group()) {
            let Some((key, _)) = group.first() else { continue };
            let of = self.of(key);
            let event_us = decisions.and_then(|decisions| decisions.event_us(of.tenant, of.decision));
            let earliest_us = event_us.map_or(i64::MIN, |event_us| event_us.saturating_sub(CLOCK_SLACK_US));
            votes.clear();
            let dated = group.iter().filter(|(_, said)| said.labeled_us >= earliest_us);
            votes.extend(dated.map(|(_, said)| said.vote(&self.words)));
            if let Some(effective) = resolve(self.rules.of(of.label), &mut votes) {
                take(&of, &effective);
            }
        }
    }

    fn of(&self, key: &Key) -> Of<'_> {
        let text = |number| self.words.text(number).unwrap_or_default();
        Of { tenant: text(key.tenant), decision: text(key.decision), label: text(key.label) }
    }

    /// What stands and counts, in the order of tenant, decision and label.
    fn standing(&self) -> Vec<(Key, &Said)> {
        let beyond = self.beyond_bounds();
        let standing = self.said.iter().filter(|(key, said)| !said.is_retracted && !beyond.contains(*key));
        // Ids differ early, so most are told apart by eight bytes and without looking up their text.
        let prefix = |text: &str| {
            let mut first = [0; 8];
            let length = text.len().min(8);
            first[..length].copy_from_slice(&text.as_bytes()[..length]);
            u64::from_be_bytes(first)
        };
        let mut standing = standing
            .map(|(key, said)| {
                let of = self.of(key);
                ((prefix(of.tenant), prefix(of.decision)), *key, said)
            })
            .collect::<Vec<_>>();
        standing.sort_unstable_by(|(first, left, _), (second, right, _)| {
            let by_tenant = first.0.cmp(&second.0).then_with(|| self.compare(left.tenant, right.tenant));
            let by_decision = by_tenant
                .then_with(|| first.1.cmp(&second.1))
                .then_with(|| self.compare(left.decision, right.decision));
            by_decision.then_with(|| self.compare(left.label, right.label))
        });
        standing.into_iter().map(|(_, key, said)| (key, said)).collect()
    }

    fn compare(&self, left: u32, right: u32) -> Ordering {
        if left == right { Ordering::Equal } else { self.words.text(left).cmp(&self.words.text(right)) }
    }

    /// Standing labels beyond what one annotator may say in a day. Who gives no name shares one with all of the same kind.
    fn beyond_bounds(&self) -> HashSet<Key, RandomState> {
        let mut days: HashMap<_, Vec<(&Key, &Said)>, RandomState> = HashMap::default();
        let mut bounds: HashMap<u32, Option<u32>, RandomState> = HashMap::default();
        for (key, said) in self.said.iter().filter(|(_, said)| !said.is_retracted) {
            let bound = *bounds
                .entry(key.label)
                .or_insert_with(|| self.words.text(key.label).and_then(|label| self.rules.of(label).max_per_annotator));
            if let Some(bound) = bound {
                let unnamed = (said.annotator == NONE).then_some(said.kind);
                let day = said.labeled_us.div_euclid(DAY_US);
                days.entry((bound, key.label, key.tenant, said.annotator, unnamed, day)).or_default().push((key, said));
            }
        }
        let mut beyond = HashSet::default();
        for ((bound, ..), mut labels) in days {
            let bound = bound as usize;
            if labels.len() <= bound {
                continue;
            }
            labels.sort_unstable_by(|(left_key, left), (right_key, right)| {
                let by_time = left.labeled_us.cmp(&right.labeled_us).then_with(|| left.label_id.cmp(&right.label_id));
                by_time.then_with(|| self.compare_keys(left_key, right_key))
            });
            beyond.extend(labels[bound..].iter().map(|(key, _)| **key));
        }
        beyond
    }

    fn compare_keys(&self, left: &Key, right: &Key) -> Ordering {
        self.compare(left.decision, right.decision)
            .then_with(|| left.scope.cmp(&right.scope))
            .then_with(|| self.compare(left.target, right.target))
            .then_with(|| self.compare(left.identifier, right.identifier))
    }

    /// For rows that were read: what became of each among the others.
    pub(crate) fn standings(&self) -> Standings<'_> {
        Standings { resolver: self, beyond: self.beyond_bounds() }
    }
}

/// What an effective label is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Of<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) decision: &'a str,
    pub(crate) label: &'a str,
}

/// What becomes of a row, whatever the others say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate<'a> {
    NotYetKnown,
    TooOld,
    Quarantined(&'a str),
    OtherScope,
    Counts,
}

/// What became of rows among others.
pub(crate) struct Standings<'a> {
    resolver: &'a Resolver,
    beyond: HashSet<Key, RandomState>,
}

impl Standings<'_> {
    /// In one word, with a reason where there is one.
    pub(crate) fn of(&self, row: &Row<'_>) -> String {
        match self.resolver.fate(row) {
            Fate::NotYetKnown => return "not yet known".to_owned(),
            Fate::TooOld => return "too old".to_owned(),
            Fate::Quarantined(reason) => return format!("quarantined: {reason}"),
            Fate::OtherScope => return "other scope".to_owned(),
            Fate::Counts => {}
        }
        let words = &self.resolver.words;
        let number = |text: Option<&str>| text.and_then(|text| words.known(text)).unwrap_or(NONE);
        let key = Key {
            tenant: number(Some(row.tenant)),
            decision: number(Some(row.decision)),
            label: number(Some(row.label)),
            scope: row.scope,
            target: number(row.target()),
            identifier: number(Some(row.identifier)),
        };
        let said = Said::of(row, number);
        let standing = match self.resolver.said.get(&key) {
            Some(held) if *held == said && said.is_retracted => "retracts",
            Some(held) if *held == said && self.beyond.contains(&key) => "beyond the annotator's bound",
            Some(held) if *held == said => "counts",
            Some(held) if (held.version, &held.label_id) == (said.version, &said.label_id) => "delivered again",
            Some(held) if held.is_retracted => "retracted",
            _ => "superseded",
        };
        standing.to_owned()
    }
}

impl Key {
    fn group(&self) -> (u32, u32, u32) {
        (self.tenant, self.decision, self.label)
    }
}

impl Said {
    fn of(row: &Row<'_>, mut number: impl FnMut(Option<&str>) -> u32) -> Self {
        Self {
            version: row.version,
            label_id: row.label_id.into(),
            is_retracted: row.is_retracted,
            value: number(row.value),
            annotator: number(row.annotator),
            codes: row.codes.map(number),
            kind: row.kind,
            score: row.score,
            confidence: row.confidence,
            labeled_us: row.labeled_us,
            ingested_us: row.ingested_us,
        }
    }

    fn vote<'a>(&'a self, words: &'a Words) -> Vote<'a> {
        Vote {
            value: words.text(self.value),
            score: self.score,
            kind: self.kind,
            annotator: words.text(self.annotator),
            confidence: self.confidence,
            labeled_us: self.labeled_us,
            ingested_us: self.ingested_us,
            label_id: &self.label_id,
            codes: self.codes.map(|code| words.text(code)),
        }
    }

    /// Which of two versions counts: the greater (version, label id). Versions that share both, though they must not, are
    /// ordered by what they say; of one row that was delivered twice the first delivery counts.
    fn order(&self, other: &Self, words: &Words) -> Ordering {
        let named = self.version.cmp(&other.version).then_with(|| self.label_id.cmp(&other.label_id));
        named.then_with(|| {
            let text = |left: u32, right: u32| words.text(left).cmp(&words.text(right));
            let number = |number: Option<f64>| number.map(f64::to_bits);
            let codes = self.codes.iter().zip(other.codes).map(|(left, right)| text(*left, right));
            self.is_retracted
                .cmp(&other.is_retracted)
                .then_with(|| self.labeled_us.cmp(&other.labeled_us))
                .then_with(|| text(self.value, other.value))
                .then_with(|| number(self.score).cmp(&number(other.score)))
                .then_with(|| self.kind.cmp(&other.kind))
                .then_with(|| text(self.annotator, other.annotator))
                .then_with(|| number(self.confidence).cmp(&number(other.confidence)))
                .then_with(|| codes.fold(Ordering::Equal, Ordering::then))
                .then_with(|| other.ingested_us.cmp(&self.ingested_us))
        })
    }
}

/// The columns of effective labels.
///
/// | Column | Type | |
/// |---|---|---|
/// | `tenant_id`, `decision_id`, `label_name` | text | the key |
/// | `value`, `score` | text, float | what it comes to; null where nothing was settled |
/// | `n_votes` | int32 | how many votes were counted |
/// | `agreement` | float | the share of them that say so, in [0, 1] |
/// | `resolution` | text | `latest`, `priority`, `majority`, `weighted`, `too_few_votes`, `disputed` |
/// | `label_confidence` | float | agreement times the weight of the most reliable vote, in [0, 1] |
/// | `matured` | boolean | whether the time for labels has passed; null where the decision is not known |
/// | `label_id`, `annotator_kind` | text | the vote that carries the value |
/// | `what_was_wrong`, `expected_action`, `failed_policy`, `missing_context` | text | its codes |
/// | `first_labeled_at`, `last_labeled_at`, `ingested_at` | timestamp, UTC | of the votes that were counted |
#[must_use]
pub fn effective_schema() -> SchemaRef {
    use DataType::{Boolean, Float64, Int32, Utf8};
    let mut fields = vec![
        Field::new("tenant_id", Utf8, false),
        Field::new("decision_id", Utf8, false),
        Field::new("label_name", Utf8, false),
        Field::new("value", Utf8, true),
        Field::new("score", Float64, true),
        Field::new("n_votes", Int32, false),
        Field::new("agreement", Float64, false),
        Field::new("resolution", Utf8, false),
        Field::new("label_confidence", Float64, false),
        Field::new("matured", Boolean, true),
        Field::new("label_id", Utf8, true),
        Field::new("annotator_kind", Utf8, true),
    ];
    fields.extend(LabelRows::CODES.map(|code| Field::new(code, Utf8, true)));
    fields
        .extend(["first_labeled_at", "last_labeled_at", "ingested_at"].map(|name| Field::new(name, instant(), false)));
    Arc::new(Schema::new(fields))
}

/// Effective labels, column by column.
#[derive(Default)]
struct EffectiveRows {
    key: [StringBuilder; 3],
    value: StringBuilder,
    score: Float64Builder,
    n_votes: Int32Builder,
    agreement: Float64Builder,
    resolution: StringBuilder,
    label_confidence: Float64Builder,
    matured: BooleanBuilder,
    carrier: [StringBuilder; 2],
    codes: [StringBuilder; 4],
    instants: [TimestampMicrosecondBuilder; 3],
}

impl EffectiveRows {
    fn push(&mut self, of: &Of<'_>, effective: &Effective<'_>, matured: Option<bool>) {
        for (column, text) in self.key.iter_mut().zip([of.tenant, of.decision, of.label]) {
            column.append_value(text);
        }
        self.value.append_option(effective.value);
        self.score.append_option(effective.score);
        self.n_votes.append_value(i32::try_from(effective.n_votes).unwrap_or(i32::MAX));
        self.agreement.append_value(effective.agreement);
        self.resolution.append_value(effective.resolution);
        self.label_confidence.append_value(effective.label_confidence);
        self.matured.append_option(matured);
        let carrier = effective.carrier;
        let named = carrier.map(|vote| [vote.label_id, vote.kind.as_str()]);
        for (i, column) in self.carrier.iter_mut().enumerate() {
            column.append_option(named.map(|named| named[i]));
        }
        for (i, column) in self.codes.iter_mut().enumerate() {
            column.append_option(carrier.and_then(|vote| vote.codes[i]));
        }
        let instants = [effective.first_labeled_us, effective.last_labeled_us, effective.ingested_us];
        for (column, instant_us) in self.instants.iter_mut().zip(instants) {
            column.append_value(instant_us);
        }
    }

    fn finish(mut self) -> Result<RecordBatch> {
        let text = |column: &mut StringBuilder| -> ArrayRef { Arc::new(column.finish()) };
        let mut columns = self.key.iter_mut().map(text).collect::<Vec<_>>();
        columns.push(text(&mut self.value));
        columns.push(Arc::new(self.score.finish()));
        columns.push(Arc::new(self.n_votes.finish()));
        columns.push(Arc::new(self.agreement.finish()));
        columns.push(text(&mut self.resolution));
        columns.push(Arc::new(self.label_confidence.finish()));
        columns.push(Arc::new(self.matured.finish()));
        columns.extend(self.carrier.iter_mut().chain(&mut self.codes).map(text));
        let instant =
            |column: &mut TimestampMicrosecondBuilder| -> ArrayRef { Arc::new(column.finish().with_timezone("UTC")) };
        columns.extend(self.instants.iter_mut().map(instant));
        Ok(RecordBatch::try_new(effective_schema(), columns)?)
    }
}
