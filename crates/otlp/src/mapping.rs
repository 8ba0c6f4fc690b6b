//! Which attribute becomes which column?
//!
//! A mapping is a TOML file: for every column its sources in order, how to convert them, and what stands there if none
//! says anything. Reading one compiles it: keys to slots, columns to rules by their place in the schema, so that mapping
//! a span looks nothing up by name. Files are described in `docs/mappings.md`.

mod compile;
mod file;

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::error::{Error, Result};
use crate::keys::{Keys, Slot, SlotSet};
use crate::table::{Cell, Stream};
use tidegate_contract::StepKind;

pub(crate) use compile::KNOWN_INTRINSICS;

/// How telemetry of one convention becomes decisions, steps and labels.
///
/// ```
/// use tidegate_otlp::Mapping;
///
/// let mapping = Mapping::shipped("otel-genai")?;
/// assert_eq!(mapping.name(), "otel-genai");
/// let own = Mapping::read("ours.toml", r#"
///     name = "ours"
///     extends = "otel-genai"
///     [decisions]
///     task_class = ["acme.workflow", "..."]
/// "#)?;
/// assert_eq!(own.name(), "ours");
/// # Ok::<(), tidegate_otlp::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Mapping {
    pub(crate) name: String,
    pub(crate) keys: Keys,
    /// Whose a span is.
    pub(crate) tenant: Vec<Slot>,
    /// How a producer names a decision itself.
    pub(crate) decision_id: Vec<Slot>,
    /// Where a span says what it is, and what its words mean.
    pub(crate) kind: Vec<Slot>,
    pub(crate) kinds: HashMap<Box<str>, Role, FixedState>,
    pub(crate) lone_model_call: LoneModelCall,
    pub(crate) identity: Identity,
    /// The rule of each column, by stream and place in its schema; none for fixed columns and those without sources.
    pub(crate) rules: [Vec<Option<Rule>>; 3],
    pub(crate) label_events: Vec<Box<str>>,
    /// For each slot, the group of labels it belongs to: `annotations.*.annotation.name` belongs to `annotations.*`.
    pub(crate) groups: Vec<Option<u8>>,
    pub(crate) flags: Flags,
    pub(crate) rows: Option<RowFields>,
}

/// The mappings that are shipped, by name.
const SHIPPED: [(&str, &str); 7] = [
    ("tidegate", include_str!("../mappings/tidegate.toml")),
    ("otel-genai", include_str!("../mappings/otel-genai.toml")),
    ("otel-genai-1.36", include_str!("../mappings/otel-genai-1.36.toml")),
    ("otel-genai-1.37", include_str!("../mappings/otel-genai-1.37.toml")),
    ("otel-genai-dev", include_str!("../mappings/otel-genai-dev.toml")),
    ("openinference", include_str!("../mappings/openinference.toml")),
    ("langfuse", include_str!("../mappings/langfuse.toml")),
];

impl Mapping {
    /// The mapping that is shipped as `name`.
    ///
    /// # Errors
    /// [`Error::UnknownMapping`] if there is none of that name.
    pub fn shipped(name: &str) -> Result<Self> {
        let text = shipped_text(name);
        let text =
            text.ok_or_else(|| Error::UnknownMapping { name: name.to_owned(), known: Self::names().collect() })?;
        Self::read(&format!("{name}.toml"), text)
    }

    /// The names of the mappings that are shipped.
    pub fn names() -> impl Iterator<Item = &'static str> {
        SHIPPED.iter().map(|(name, _)| *name)
    }

    /// Reads the mapping `text`, which stands in `file`.
    ///
    /// # Errors
    /// [`Error::Mapping`], with its place in the file, if it is not what a mapping looks like.
    pub fn read(file: &str, text: &str) -> Result<Self> {
        compile::compile(file, text)
    }

    /// What the mapping calls itself.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it reads rows of tables, and not spans and logs.
    pub fn reads_rows(&self) -> bool {
        self.rows.is_some()
    }

    pub(crate) fn rules_of(&self, stream: Stream) -> &[Option<Rule>] {
        &self.rules[stream as usize]
    }
}

fn shipped_text(name: &str) -> Option<&'static str> {
    SHIPPED.iter().find(|(shipped, _)| *shipped == name).map(|(_, text)| *text)
}

/// What a span is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A decision.
    Decision,
    /// A decision if it is no part of another.
    RootDecision,
    Step(StepKind),
    /// Carries labels on what it links to.
    Evaluator,
}

/// What a model call is that belongs to no decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoneModelCall {
    Decision,
    Step,
}

/// What makes a decision the one it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// Its span: a trace may hold many.
    Span,
    /// Its trace: the root is the decision, all else its steps.
    Trace,
}

/// Where the values of a column come from.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// Asked in order; the first that says something counts.
    pub(crate) sources: Vec<Source>,
    /// A record with nothing in these slots is not asked: most are not, for most columns. Nothing where a source needs no
    /// attribute of the record.
    pub(crate) needs: Option<SlotSet>,
    /// If the decision itself says nothing: what its steps say, asked with the same sources.
    pub(crate) fold: Option<Fold>,
    pub(crate) default: Option<Cell<'static>>,
    /// The words that may stand in the column, if they are few.
    pub(crate) words: Option<Vec<&'static str>>,
    pub(crate) holds: crate::table::Holds,
}

/// How what many steps say becomes one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fold {
    /// Of steps of this kind only.
    pub(crate) of: StepKind,
    pub(crate) how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// What the earliest says.
    First,
    Sum,
    Max,
}

#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) from: Origin,
    pub(crate) convert: Convert,
    /// Which value stands for which word; any other says nothing.
    pub(crate) map: Option<HashMap<Box<str>, Box<str>, FixedState>>,
}

#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// The attribute of the record, or else of its scope, or else of its resource.
    Key(Slot),
    /// The attribute of the scope or resource.
    Resource(Slot),
    /// The attribute of an event of the span.
    Event(Box<str>, Slot),
    Fact(Fact),
}

/// What a record says without attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    Name,
    StartTime,
    EndTime,
    Duration,
    Status,
    SampleWeight,
    FeatureFlags,
    ModelFamily,
    ToolCalls,
    ToolFailures,
    Retrievals,
    GuardrailHits,
    LabelName,
    LabelId,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Convert {
    Plain,
    /// Multiplied, and rounded to a whole number: units of time and money.
    Times(f64),
    /// SHA-256 in hexadecimal.
    Hash,
    Lower,
    Upper,
    /// The first of a list.
    First,
    /// How many a list has.
    Count,
    /// The greatest of several.
    Max,
}

/// The slots from which feature flags are read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags {
    pub(crate) key: Vec<Slot>,
    pub(crate) variant: Vec<Slot>,
}

/// Which columns of a table stand for what a span or a label has apart from attributes.
#[derive(Clone, Debug)]
pub(crate) struct RowFields {
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    pub(crate) parent_span_id: String,
    pub(crate) name: String,
    pub(crate) start_time: String,
    pub(crate) end_time: String,
    /// The column that tells failures, and its word for one.
    pub(crate) error_column: String,
    pub(crate) error_word: String,
    pub(crate) labels: LabelFields,
}

#[derive(Clone, Debug)]
pub(crate) struct LabelFields {
    /// Rows of a table that has this column are labels.
    pub(crate) present: String,
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    pub(crate) time: String,
}

impl Origin {
    /// The slot in which something must stand, of the record itself or what it inherits.
    pub(crate) fn slot(&self) -> Option<Slot> {
        match self {
            Self::Key(slot) | Self::Resource(slot) => Some(*slot),
            Self::Event(..) | Self::Fact(_) => None,
        }
    }
}

impl RowFields {
    /// The columns that are read for a span.
    pub(crate) fn columns(&self) -> Vec<&str> {
        let ids = [&self.trace_id, &self.span_id, &self.parent_span_id];
        let rest = [&self.name, &self.start_time, &self.end_time, &self.error_column];
        ids.into_iter().chain(rest).map(String::as_str).collect()
    }
}

impl LabelFields {
    /// The columns that are read for a label.
    pub(crate) fn columns(&self) -> Vec<&str> {
        [&self.present, &self.trace_id, &self.span_id, &self.time].into_iter().map(String::as_str).collect()
    }
}
