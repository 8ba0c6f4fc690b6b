//! How do labels that come late reach the statistics of the day on which their decision was made? As signed changes.
//!
//! When the effective label of a decision becomes another, two rows are written: the old one with `delta = -1`, exactly as
//! it was written before, and the new one with `delta = +1`. Both carry the decision's own event time and columns, so that
//! a signal over the changes restates the window of the decision, and `SUM(delta)` counts in place of `COUNT(*)`.
//!
//! ```text
//! decisions -------+
//!                  +--state()---> rows that should stand --+
//! labels ----------+                                       +--changes()--> -1 old, +1 new
//! changes so far -----replay()--> rows that stand ---------+
//! ```
//!
//! What stands follows from the changes themselves, not from what the rules were when they were written: so changes of
//! rules, suspicions and programs need no care.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanBuilder, DynComparator, Float64Builder, Int32Builder, Int64Array, RecordBatch,
    StringArray, StringBuilder, TimestampMicrosecondArray, TimestampMicrosecondBuilder, make_comparator,
};
use arrow::compute::{SortOptions, interleave};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Int64Type, Schema, SchemaRef, TimestampMicrosecondType};
use foldhash::fast::RandomState;

use crate::columns::instant;
use crate::decisions::Decisions;
use crate::error::{Error, Result};
use crate::label_rows::LabelRows;
use crate::resolve::Effective;
use crate::resolver::Resolver;
use crate::words::{Words, number_column};

/// What every change begins with.
const KEY: [&str; 3] = ["event_time", "tenant_id", "decision_id"];
/// The last two columns say how the rest is meant: they are no part of what stands.
const MARKS: usize = 2;

/// The changes that were written, folded to the rows that stand.
#[derive(Debug)]
pub struct Changelog {
    schema: SchemaRef,
    from_us: i64,
    words: Words,
    standing: HashMap<(u32, u32, u32), (usize, usize), RandomState>,
    batches: Vec<RecordBatch>,
}

impl Changelog {
    /// Nothing stands yet. Changes carry the columns of `decisions`; those of decisions before `from_us` are let alone.
    ///
    /// # Errors
    /// [`Error::TakenColumn`].
    pub fn new(decisions: &Decisions, from_us: Option<i64>) -> Result<Self> {
        let schema = schema(decisions.carried())?;
        let from_us = from_us.unwrap_or(i64::MIN);
        Ok(Self { schema, from_us, words: Words::default(), standing: HashMap::default(), batches: Vec::new() })
    }

    /// The columns of a change.
    ///
    /// | Column | Type | |
    /// |---|---|---|
    /// | `event_time`, `tenant_id`, `decision_id` | timestamp, text, text | of the decision |
    /// | the decision's columns | as the stream has them, text uncoded | what can be grouped by |
    /// | `label_name` | text | the label |
    /// | `labelled` | boolean | whether there is a vote; false where the decision only waits to be labelled |
    /// | `value`, `score`, `n_votes`, `agreement`, `resolution`, `label_confidence`, `label_id`, `annotator_kind`, and the four codes | | as in [`effective_schema`](crate::effective_schema); null where not labelled, `n_votes` is 0 then |
    /// | `labeled_at` | timestamp | when the last vote was said; null where not labelled |
    /// | `matures_at` | timestamp | when the time for labels has passed |
    /// | `delta` | int64 | +1 this stands from now on, -1 it no longer does |
    /// | `settlement` | int64 | which settlement wrote the change |
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Takes changes that were written, in the order in which they were written.
    ///
    /// # Errors
    /// [`Error::OtherColumns`], or [`Error::Unbalanced`] when they do not follow from those before.
    pub fn replay(&mut self, changes: &RecordBatch) -> Result<()> {
        require(&changes.schema(), &self.schema)?;
        let keys = Keys::of(changes);
        let numbers =
            [&keys.tenants, &keys.decisions, &keys.labels].map(|column| number_column(&mut self.words, column));
        let deltas = changes.column(changes.num_columns() - MARKS).as_primitive::<Int64Type>();
        let batch = self.batches.len();
        for row in (0..changes.num_rows()).filter(|row| keys.times.value(*row) >= self.from_us) {
            let key = (numbers[0][row], numbers[1][row], numbers[2][row]);
            let before = match deltas.value(row) {
                1 => self.standing.insert(key, (batch, row)).map(|_| "a row is said twice without being taken back"),
                -1 => self.standing.remove(&key).is_none().then_some("a row is taken back that does not stand"),
                _ => Some("a delta is neither 1 nor -1"),
            };
            if let Some(problem) = before {
                return Err(Error::Unbalanced { problem });
            }
        }
        self.batches.push(changes.clone());
        Ok(())
    }

    /// The rows that should stand: one for each known decision and each label it has, or waits for. Columns are those of
    /// [`schema`](Self::schema) but the last two.
    ///
    /// # Errors
    /// Arrow's, which no input should cause.
    pub fn state(&self, decisions: &Decisions, resolver: &Resolver) -> Result<RecordBatch> {
        let rules = resolver.rules();
        let mut side = LabelSide::default();
        let mut places = Vec::new();
        let mut labelled = HashSet::<_, RandomState>::default();
        let matures_us = |of: &str, tenant: &str, decision: &str| {
            let event_us = decisions.event_us(tenant, decision).unwrap_or_default();
            event_us.saturating_add(rules.of(of).maturity_us)
        };
        let expected = rules.of_every_decision().map(|(label, _)| label).collect::<Vec<_>>();
        resolver.each(Some(decisions), |of, effective| {
            let Some(place) = decisions.place(of.tenant, of.decision) else { return };
            if let Some(index) = expected.iter().position(|label| *label == of.label) {
                labelled.insert((place, index));
            }
            places.push(place);
            side.push(of.label, Some(effective), matures_us(of.label, of.tenant, of.decision));
        });
        for place in if expected.is_empty() { Vec::new() } else { decisions.all() } {
            for (index, label) in expected.iter().enumerate().filter(|(i, _)| !labelled.contains(&(place, *i))) {
                let (tenant, decision) = decisions.key_at(place);
                places.push(place);
                side.push(label, None, matures_us(expected[index], tenant, decision));
            }
        }
        let mut columns = decisions.rows(&places)?;
        columns.extend(side.finish());
        Ok(RecordBatch::try_new(state_schema(&self.schema), columns)?)
    }

    /// The changes that lead from what stands to `state`, in the order of tenant, decision and label, the old before the new.
    /// Their bytes follow from the two alone. They stand when they are [replayed](Self::replay).
    ///
    /// # Errors
    /// [`Error::OtherColumns`].
    pub fn changes(&self, state: &RecordBatch, settlement: u64) -> Result<RecordBatch> {
        require(&state.schema(), &state_schema(&self.schema))?;
        let mut sides = self.batches.iter().map(Keys::of).collect::<Vec<_>>();
        sides.push(Keys::of(state));
        let new = self.batches.len();
        let mut differs = Differs::new(&self.batches, state);
        let mut kept = HashSet::<(u32, u32, u32), RandomState>::default();
        let mut changes: Vec<(i64, (usize, usize))> = Vec::new();
        for row in 0..state.num_rows() {
            let (tenant, decision, label) = sides[new].at(row);
            let known = |text| self.words.known(text);
            let key = known(tenant).zip(known(decision)).zip(known(label)).map(|((t, d), l)| (t, d, l));
            let Some((key, before)) = key.and_then(|key| Some((key, *self.standing.get(&key)?))) else {
                changes.push((1, (new, row)));
                continue;
            };
            kept.insert(key);
            if differs.at(before, row)? {
                changes.extend([(-1, before), (1, (new, row))]);
            }
        }
        let gone = self.standing.iter().filter(|(key, _)| !kept.contains(*key));
        changes.extend(gone.map(|(_, before)| (-1, *before)));
        changes.sort_unstable_by(|(left_delta, left), (right_delta, right)| {
            let by_key = sides[left.0].at(left.1).cmp(&sides[right.0].at(right.1));
            by_key.then_with(|| left_delta.cmp(right_delta))
        });
        self.gather(state, &changes, settlement)
    }

    fn gather(&self, state: &RecordBatch, changes: &[(i64, (usize, usize))], settlement: u64) -> Result<RecordBatch> {
        let places = changes.iter().map(|(_, place)| *place).collect::<Vec<_>>();
        let sides = self.batches.iter().chain([state]).collect::<Vec<_>>();
        let mut columns: Vec<ArrayRef> = Vec::new();
        for index in 0..state.num_columns() {
            let column = sides.iter().map(|side| side.column(index).as_ref()).collect::<Vec<&dyn Array>>();
            columns.push(interleave(&column, &places)?);
        }
        columns.push(Arc::new(changes.iter().map(|(delta, _)| *delta).collect::<Int64Array>()));
        let settlement = i64::try_from(settlement).unwrap_or(i64::MAX);
        columns.push(Arc::new(Int64Array::from(vec![settlement; changes.len()])));
        Ok(RecordBatch::try_new(self.schema(), columns)?)
    }

    /// How many rows stand.
    #[must_use]
    pub fn len(&self) -> usize {
        self.standing.len()
    }

    /// Whether nothing stands.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.standing.is_empty()
    }
}

/// Refuses columns that are not those of the change log.
fn require(found: &Schema, wanted: &Schema) -> Result<()> {
    let alike = |(found, wanted): (&FieldRef, &FieldRef)| {
        found.name() == wanted.name() && found.data_type() == wanted.data_type()
    };
    let (found, wanted) = (found.fields(), wanted.fields());
    if found.len() == wanted.len() && found.iter().zip(wanted).all(alike) {
        return Ok(());
    }
    let names = |fields: &Fields| fields.iter().map(|field| field.name().clone()).collect();
    Err(Error::OtherColumns { before: names(found), now: names(wanted) })
}

/// What tells the rows of a batch apart.
struct Keys {
    times: TimestampMicrosecondArray,
    tenants: StringArray,
    decisions: StringArray,
    labels: StringArray,
}

impl Keys {
    /// Of a batch that has the columns of changes.
    fn of(batch: &RecordBatch) -> Self {
        let text = |name: &str| {
            let column = batch.column_by_name(name).expect("a batch of changes has their columns");
            column.as_string::<i32>().clone()
        };
        Self {
            times: batch.column(0).as_primitive::<TimestampMicrosecondType>().clone(),
            tenants: text("tenant_id"),
            decisions: text("decision_id"),
            labels: text("label_name"),
        }
    }

    fn at(&self, row: usize) -> (&str, &str, &str) {
        (self.tenants.value(row), self.decisions.value(row), self.labels.value(row))
    }
}

/// Whether a row that stands says something else than one that should.
struct Differs<'a> {
    before: &'a [RecordBatch],
    now: &'a RecordBatch,
    comparators: Vec<Option<Vec<DynComparator>>>,
}

impl<'a> Differs<'a> {
    fn new(before: &'a [RecordBatch], now: &'a RecordBatch) -> Self {
        Self { before, now, comparators: before.iter().map(|_| None).collect() }
    }

    fn at(&mut self, (batch, row): (usize, usize), now: usize) -> Result<bool> {
        if self.comparators[batch].is_none() {
            let pairs = self.now.columns().iter().zip(self.before[batch].columns());
            let made = pairs.map(|(now, before)| make_comparator(before, now, SortOptions::default()));
            self.comparators[batch] = Some(made.collect::<Result<_, _>>()?);
        }
        let comparators = self.comparators[batch].as_ref().into_iter().flatten();
        Ok(comparators.into_iter().any(|compare| compare(row, now) != Ordering::Equal))
    }
}

fn schema(carried: &Schema) -> Result<SchemaRef> {
    use DataType::{Boolean, Float64, Int32, Int64, Utf8};
    let mut fields: Vec<FieldRef> = vec![
        Arc::new(Field::new(KEY[0], instant(), false)),
        Arc::new(Field::new(KEY[1], Utf8, false)),
        Arc::new(Field::new(KEY[2], Utf8, false)),
    ];
    fields.extend(carried.fields().iter().cloned());
    let mut own = vec![
        Field::new("label_name", Utf8, false),
        Field::new("labelled", Boolean, false),
        Field::new("value", Utf8, true),
        Field::new("score", Float64, true),
        Field::new("n_votes", Int32, false),
        Field::new("agreement", Float64, true),
        Field::new("resolution", Utf8, true),
        Field::new("label_confidence", Float64, true),
        Field::new("label_id", Utf8, true),
        Field::new("annotator_kind", Utf8, true),
    ];
    own.extend(LabelRows::CODES.map(|code| Field::new(code, Utf8, true)));
    own.extend([
        Field::new("labeled_at", instant(), true),
        Field::new("matures_at", instant(), false),
        Field::new("delta", Int64, false),
        Field::new("settlement", Int64, false),
    ]);
    for field in own {
        if carried.field_with_name(field.name()).is_ok() {
            return Err(Error::TakenColumn { column: field.name().clone() });
        }
        fields.push(Arc::new(field));
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// The columns of what stands.
fn state_schema(changes: &Schema) -> SchemaRef {
    let fields = changes.fields();
    Arc::new(Schema::new(fields[..fields.len() - MARKS].to_vec()))
}

/// What a change says of the label, column by column.
#[derive(Default)]
struct LabelSide {
    label: StringBuilder,
    labelled: BooleanBuilder,
    value: StringBuilder,
    score: Float64Builder,
    n_votes: Int32Builder,
    agreement: Float64Builder,
    resolution: StringBuilder,
    label_confidence: Float64Builder,
    carrier: [StringBuilder; 2],
    codes: [StringBuilder; 4],
    labeled: TimestampMicrosecondBuilder,
    matures: TimestampMicrosecondBuilder,
}

impl LabelSide {
    fn push(&mut self, label: &str, effective: Option<&Effective<'_>>, matures_us: i64) {
        self.label.append_value(label);
        self.labelled.append_value(effective.is_some());
        self.value.append_option(effective.and_then(|effective| effective.value));
        self.score.append_option(effective.and_then(|effective| effective.score));
        self.n_votes.append_value(effective.map_or(0, |e| i32::try_from(e.n_votes).unwrap_or(i32::MAX)));
        self.agreement.append_option(effective.map(|effective| effective.agreement));
        self.resolution.append_option(effective.map(|effective| effective.resolution));
        self.label_confidence.append_option(effective.map(|effective| effective.label_confidence));
        let carrier = effective.and_then(|effective| effective.carrier);
        let named = carrier.map(|vote| [vote.label_id, vote.kind.as_str()]);
        for (i, column) in self.carrier.iter_mut().enumerate() {
            column.append_option(named.map(|named| named[i]));
        }
        for (i, column) in self.codes.iter_mut().enumerate() {
            column.append_option(carrier.and_then(|vote| vote.codes[i]));
        }
        self.labeled.append_option(effective.map(|effective| effective.last_labeled_us));
        self.matures.append_value(matures_us);
    }

    fn finish(mut self) -> Vec<ArrayRef> {
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(self.label.finish()),
            Arc::new(self.labelled.finish()),
            Arc::new(self.value.finish()),
            Arc::new(self.score.finish()),
            Arc::new(self.n_votes.finish()),
            Arc::new(self.agreement.finish()),
            Arc::new(self.resolution.finish()),
            Arc::new(self.label_confidence.finish()),
        ];
        columns.extend(
            self.carrier.iter_mut().chain(&mut self.codes).map(|column| -> ArrayRef { Arc::new(column.finish()) }),
        );
        for column in [&mut self.labeled, &mut self.matures] {
            columns.push(Arc::new(column.finish().with_timezone("UTC")));
        }
        columns
    }
}
