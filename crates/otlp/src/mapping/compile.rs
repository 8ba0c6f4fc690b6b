//! How does a mapping file become rules?

use std::ops::Range;

use crate::error::{Error, MappingProblem, Result};
use crate::keys::{Keys, Slot};
use crate::mapping::file::{Columns, File, RuleText, SourceText, Spans};
use crate::mapping::{
    Convert, Fact, Flags, Fold, How, Identity, LabelFields, LoneModelCall, Mapping, Origin, Role, RowFields, Rule,
    Source, shipped_text,
};
use crate::table::{Cell, Holds, Stream, vocabulary};
use tidegate_contract::StepKind;

/// Stands in a list of sources for what the extended mapping says there.
const EXTENDED: &str = "...";

const FACTS: [(&str, Fact); 14] = [
    ("@name", Fact::Name),
    ("@start_time", Fact::StartTime),
    ("@end_time", Fact::EndTime),
    ("@duration", Fact::Duration),
    ("@status", Fact::Status),
    ("@sample_weight", Fact::SampleWeight),
    ("@feature_flags", Fact::FeatureFlags),
    ("@model_family", Fact::ModelFamily),
    ("@tool_calls", Fact::ToolCalls),
    ("@tool_failures", Fact::ToolFailures),
    ("@retrievals", Fact::Retrievals),
    ("@guardrail_hits", Fact::GuardrailHits),
    ("@label_name", Fact::LabelName),
    ("@label_id", Fact::LabelId),
];

pub(crate) const KNOWN_INTRINSICS: &str = "@name, @start_time, @end_time, @duration, @status, @sample_weight, \
     @feature_flags, @model_family, @tool_calls, @tool_failures, @retrievals, @guardrail_hits, @label_name, @label_id";

const CONVERSIONS: [(&str, Convert); 11] = [
    ("s_to_us", Convert::Times(1e6)),
    ("ms_to_us", Convert::Times(1e3)),
    ("ns_to_us", Convert::Times(1e-3)),
    ("usd_to_nanousd", Convert::Times(1e9)),
    ("cent_to_nanousd", Convert::Times(1e7)),
    ("hash", Convert::Hash),
    ("lower", Convert::Lower),
    ("upper", Convert::Upper),
    ("first", Convert::First),
    ("count", Convert::Count),
    ("max", Convert::Max),
];

/// Compiles `text`, on top of what it extends.
pub(super) fn compile(file: &str, text: &str) -> Result<Mapping> {
    let mut builder = Builder::new();
    builder.apply(&Text { file, text }, 0)?;
    builder.finish(&Text { file, text })
}

/// A file that is read, to tell where something stands in it.
struct Text<'t> {
    file: &'t str,
    text: &'t str,
}

impl Text<'_> {
    fn error(&self, at: &Range<usize>, problem: MappingProblem) -> Error {
        let before = self.text.get(..at.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |index| index + 1);
        Error::Mapping {
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            problem,
        }
    }

    fn parse(&self) -> Result<File> {
        toml::from_str(self.text).map_err(|error| {
            let at = error.span().unwrap_or(0..0);
            self.error(&at, MappingProblem::Syntax(error.message().to_owned()))
        })
    }
}

struct Builder {
    mapping: Mapping,
    /// Keys that are content, and where their use would be wrong.
    uses: Vec<(String, bool, Error)>,
    groups: Vec<String>,
    mapped: Vec<(Slot, String)>,
}

impl Builder {
    fn new() -> Self {
        let rules = Stream::ALL.map(|stream| vec![None; stream.schema().fields().len()]);
        let mapping = Mapping {
            name: String::new(),
            keys: Keys::default(),
            tenant: Vec::new(),
            decision_id: Vec::new(),
            kind: Vec::new(),
            kinds: Default::default(),
            lone_model_call: LoneModelCall::Decision,
            identity: Identity::Span,
            rules,
            label_events: Vec::new(),
            groups: Vec::new(),
            flags: Flags::default(),
            rows: None,
        };
        Self { mapping, uses: Vec::new(), groups: Vec::new(), mapped: Vec::new() }
    }

    /// Adds what `text` says to what it extends. Shipped mappings extend each other at most `2` deep.
    fn apply(&mut self, text: &Text<'_>, depth: usize) -> Result<()> {
        let file = text.parse()?;
        if let Some(base) = &file.extends {
            let name = base.get_ref();
            let unknown = || text.error(&base.span(), MappingProblem::UnknownBase(name.clone()));
            let shipped = shipped_text(name).filter(|_| depth < 4).ok_or_else(unknown)?;
            self.apply(&Text { file: &format!("{name}.toml"), text: shipped }, depth + 1)?;
        }
        self.mapping.name.clone_from(&file.name);
        self.spans(text, &file.spans)?;
        self.columns(text, Stream::Decisions, &file.decisions)?;
        self.columns(text, Stream::Steps, &file.decision_steps)?;
        self.columns(text, Stream::Labels, &file.labels)?;
        self.groups.extend(file.label_carriers.groups);
        self.mapping.label_events.extend(file.label_carriers.events.into_iter().map(String::into_boxed_str));
        let keys: Vec<Slot> = file.feature_flags.key.iter().map(|key| self.map(key)).collect();
        let variants: Vec<Slot> = file.feature_flags.variant.iter().map(|key| self.map(key)).collect();
        self.mapping.flags.key.extend(keys);
        self.mapping.flags.variant.extend(variants);
        file.content.keys.iter().for_each(|key| self.mapping.keys.content(key));
        if let Some(rows) = file.rows {
            self.mapping.rows = Some(RowFields {
                trace_id: rows.trace_id,
                span_id: rows.span_id,
                parent_span_id: rows.parent_span_id,
                name: rows.name,
                start_time: rows.start_time,
                end_time: rows.end_time,
                error_column: rows.error_column,
                error_word: rows.error_word,
                labels: LabelFields {
                    present: rows.labels.present,
                    trace_id: rows.labels.trace_id,
                    span_id: rows.labels.span_id,
                    time: rows.labels.time,
                },
            });
        }
        Ok(())
    }

    fn finish(mut self, text: &Text<'_>) -> Result<Mapping> {
        let content = self.uses.into_iter().find(|(key, hashed, _)| !hashed && self.mapping.keys.is_content(key));
        if let Some((_, _, error)) = content {
            return Err(error);
        }
        let missing = |what| Err(text.error(&(0..0), MappingProblem::Missing(what)));
        if self.mapping.tenant.is_empty() {
            return missing("whose a span is: `tenant` in [spans], or extend `tidegate`");
        }
        if self.mapping.kind.is_empty() || self.mapping.kinds.is_empty() {
            return missing("which spans are decisions: `kind` in [spans] and [spans.kinds]");
        }
        if self.mapping.keys.len() > usize::from(Slot::MAX) {
            return Err(text.error(&(0..0), MappingProblem::Syntax("more keys than a mapping can name".to_owned())));
        }
        self.mapping.groups = vec![None; self.mapping.keys.len()];
        for (slot, key) in &self.mapped {
            let group = self.groups.iter().position(|group| key.starts_with(group.as_str()));
            self.mapping.groups[usize::from(*slot)] = group.and_then(|group| u8::try_from(group).ok());
        }
        Ok(self.mapping)
    }

    fn map(&mut self, key: &str) -> Slot {
        let slot = self.mapping.keys.map(key);
        self.mapped.push((slot, key.to_owned()));
        slot
    }

    /// The slots of `keys`, or what was there before if there are none.
    fn slots(&mut self, keys: Option<&[String]>, before: Vec<Slot>) -> Vec<Slot> {
        let Some(keys) = keys else { return before };
        let mut slots = Vec::new();
        for key in keys {
            if key == EXTENDED {
                slots.extend_from_slice(&before);
            } else {
                slots.push(self.map(key));
            }
        }
        slots
    }

    fn spans(&mut self, text: &Text<'_>, spans: &Spans) -> Result<()> {
        let before = std::mem::take(&mut self.mapping.tenant);
        self.mapping.tenant = self.slots(spans.tenant.as_deref(), before);
        let before = std::mem::take(&mut self.mapping.decision_id);
        self.mapping.decision_id = self.slots(spans.decision_id.as_deref(), before);
        let before = std::mem::take(&mut self.mapping.kind);
        self.mapping.kind = self.slots(spans.kind.as_deref(), before);
        for (word, role) in &spans.kinds {
            let role = word_of(text, role, "what a span can be", &roles())?;
            self.mapping.kinds.insert(word.as_str().into(), role);
        }
        if let Some(lone) = &spans.lone_model_call {
            let words = [("decision", LoneModelCall::Decision), ("step", LoneModelCall::Step)];
            self.mapping.lone_model_call = word_of(text, lone, "what a lone model call can be", &words)?;
        }
        if let Some(identity) = &spans.identity {
            let words = [("span", Identity::Span), ("trace", Identity::Trace)];
            self.mapping.identity = word_of(text, identity, "what a decision can be known by", &words)?;
        }
        Ok(())
    }

    fn columns(&mut self, text: &Text<'_>, stream: Stream, columns: &Columns) -> Result<()> {
        let schema = stream.schema();
        for (name, rule) in columns {
            let (column, at) = (name.get_ref(), rule.span());
            if stream.fixed().contains(&column.as_str()) {
                return Err(text.error(&name.span(), MappingProblem::FixedColumn(column.clone())));
            }
            let Ok(index) = schema.index_of(column) else {
                let problem = MappingProblem::UnknownColumn { table: stream.as_str(), column: column.clone() };
                return Err(text.error(&name.span(), problem));
            };
            let holds = Holds::of(schema.field(index));
            let before = self.mapping.rules[stream as usize][index].take();
            let rule = self.rule(text, stream, column, holds, rule.get_ref(), &at, before)?;
            self.mapping.rules[stream as usize][index] = Some(rule);
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "a rule is read in the light of its column and of what it extends")]
    fn rule(
        &mut self,
        text: &Text<'_>,
        stream: Stream,
        column: &str,
        holds: Holds,
        rule: &RuleText,
        at: &Range<usize>,
        before: Option<Rule>,
    ) -> Result<Rule> {
        let mut sources = Vec::new();
        for source in &rule.from {
            if source.from == EXTENDED {
                sources.extend(before.iter().flat_map(|before| before.sources.clone()));
            } else {
                sources.push(self.source(text, rule, source, at)?);
            }
        }
        let words = vocabulary(stream, column);
        let default = match &rule.default {
            None => before.as_ref().and_then(|before| before.default.clone()),
            Some(value) => {
                let wrong = || MappingProblem::WrongDefault { column: column.to_owned(), expected: holds.expected() };
                let cell = default(value, holds).ok_or_else(|| text.error(at, wrong()))?;
                if let (Some(words), Cell::Text(word)) = (&words, &cell)
                    && !words.iter().any(|known| *known == word.as_ref())
                {
                    return Err(text.error(at, unknown_word(word, "a word of this column", words)));
                }
                Some(cell)
            }
        };
        let fold = match &rule.steps {
            None => before.and_then(|before| before.fold),
            Some(fold) => Some(self::fold(text, fold)?),
        };
        let needs = sources.iter().map(|source| source.from.slot()).collect();
        Ok(Rule { sources, needs, fold, default, words, holds })
    }

    fn source(&mut self, text: &Text<'_>, rule: &RuleText, source: &SourceText, at: &Range<usize>) -> Result<Source> {
        let convert = match source.convert.as_ref().or(rule.convert.as_ref()) {
            None => Convert::Plain,
            Some(word) => word_of(text, word, "a conversion", &CONVERSIONS)?,
        };
        let map = source.map.as_ref().or(rule.map.as_ref());
        let map = map.map(|map| map.iter().map(|(from, to)| (from.as_str().into(), to.as_str().into())).collect());
        let from = self.from(text, &source.from, convert, at)?;
        Ok(Source { from, convert, map })
    }

    fn from(&mut self, text: &Text<'_>, from: &str, convert: Convert, at: &Range<usize>) -> Result<Origin> {
        let unknown = || text.error(at, MappingProblem::UnknownSource(from.to_owned()));
        if from.starts_with('@') {
            let fact = FACTS.iter().find(|(name, _)| *name == from).ok_or_else(unknown)?;
            return Ok(Origin::Fact(fact.1));
        }
        let (event, key) = match from.strip_prefix("event:") {
            Some(rest) => rest.split_once('/').map(|(event, key)| (Some(event), key)).ok_or_else(unknown)?,
            None => (None, from),
        };
        let (resource, key) = match key.strip_prefix("resource:") {
            Some(key) => (true, key),
            None => (false, key),
        };
        if key.is_empty() || key.contains(':') {
            return Err(unknown());
        }
        let wrong = text.error(at, MappingProblem::Content(key.to_owned()));
        self.uses.push((key.to_owned(), matches!(convert, Convert::Hash | Convert::Count), wrong));
        let slot = self.map(key);
        Ok(match (event, resource) {
            (Some(event), _) => Origin::Event(event.into(), slot),
            (None, true) => Origin::Resource(slot),
            (None, false) => Origin::Key(slot),
        })
    }
}

fn roles() -> Vec<(&'static str, Role)> {
    let mut roles =
        vec![("decision", Role::Decision), ("root_decision", Role::RootDecision), ("evaluator", Role::Evaluator)];
    roles.extend(StepKind::ALL.iter().map(|kind| (kind.as_str(), Role::Step(*kind))));
    roles
}

/// `model_call.sum`: of which steps, and how.
fn fold(text: &Text<'_>, fold: &toml::Spanned<String>) -> Result<Fold> {
    let kinds = StepKind::ALL;
    let ways = [("first", How::First), ("sum", How::Sum), ("max", How::Max)];
    let parsed = fold.get_ref().split_once('.').and_then(|(kind, way)| {
        let of = *kinds.iter().find(|known| known.as_str() == kind)?;
        let how = ways.iter().find(|(known, _)| *known == way)?.1;
        Some(Fold { of, how })
    });
    parsed.ok_or_else(|| {
        let words = ["model_call.first", "model_call.sum", "retrieval.max", "and so on for every kind of step"];
        text.error(&fold.span(), unknown_word(fold.get_ref(), "a way to ask steps", &words))
    })
}

fn default(value: &toml::Value, holds: Holds) -> Option<Cell<'static>> {
    Some(match (value, holds) {
        (toml::Value::String(text), Holds::Text) => Cell::Text(text.clone().into()),
        (toml::Value::Integer(value), Holds::Int | Holds::Time) => Cell::Int(*value),
        (toml::Value::Integer(value), Holds::Float) => Cell::Float(*value as f64),
        (toml::Value::Float(value), Holds::Float) => Cell::Float(*value),
        (toml::Value::Float(value), Holds::Share) if (0.0..=1.0).contains(value) => Cell::Float(*value),
        (toml::Value::Boolean(value), Holds::Bool) => Cell::Bool(*value),
        _ => return None,
    })
}

fn word_of<T: Copy>(
    text: &Text<'_>,
    word: &toml::Spanned<String>,
    what: &'static str,
    words: &[(&'static str, T)],
) -> Result<T> {
    let found = words.iter().find(|(known, _)| known == word.get_ref());
    found.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let known: Vec<_> = words.iter().map(|(known, _)| *known).collect();
        text.error(&word.span(), unknown_word(word.get_ref(), what, &known))
    })
}

fn unknown_word(word: &str, what: &'static str, known: &[&str]) -> MappingProblem {
    MappingProblem::UnknownWord { word: word.to_owned(), what, known: known.join(", ") }
}
