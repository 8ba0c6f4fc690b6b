//! What does a mapping file look like?

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use toml::Spanned;

/// Columns and what is said of them.
pub(super) type Columns = BTreeMap<Spanned<String>, Spanned<RuleText>>;

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) name: String,
    /// For readers.
    #[serde(default, rename = "about")]
    pub(super) _about: String,
    pub(super) extends: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) spans: Spans,
    #[serde(default)]
    pub(super) decisions: Columns,
    #[serde(default)]
    pub(super) decision_steps: Columns,
    #[serde(default)]
    pub(super) labels: Columns,
    #[serde(default)]
    pub(super) label_carriers: LabelCarriers,
    #[serde(default)]
    pub(super) feature_flags: FeatureFlags,
    #[serde(default)]
    pub(super) content: Content,
    pub(super) rows: Option<RowsText>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Spans {
    pub(super) tenant: Option<Vec<String>>,
    pub(super) decision_id: Option<Vec<String>>,
    pub(super) kind: Option<Vec<String>>,
    #[serde(default)]
    pub(super) kinds: BTreeMap<String, Spanned<String>>,
    pub(super) lone_model_call: Option<Spanned<String>>,
    pub(super) identity: Option<Spanned<String>>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LabelCarriers {
    #[serde(default)]
    pub(super) events: Vec<String>,
    #[serde(default)]
    pub(super) groups: Vec<String>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FeatureFlags {
    #[serde(default)]
    pub(super) key: Vec<String>,
    #[serde(default)]
    pub(super) variant: Vec<String>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Content {
    #[serde(default)]
    pub(super) keys: Vec<String>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RowsText {
    pub(super) trace_id: String,
    pub(super) span_id: String,
    pub(super) parent_span_id: String,
    pub(super) name: String,
    pub(super) start_time: String,
    pub(super) end_time: String,
    pub(super) error_column: String,
    pub(super) error_word: String,
    pub(super) labels: LabelRowsText,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LabelRowsText {
    pub(super) present: String,
    pub(super) trace_id: String,
    pub(super) span_id: String,
    pub(super) time: String,
}

/// What is said of one column: `"key"`, `["key", ...]`, or a table.
#[derive(Debug, Default)]
pub(super) struct RuleText {
    pub(super) from: Vec<SourceText>,
    pub(super) convert: Option<Spanned<String>>,
    pub(super) map: Option<BTreeMap<String, String>>,
    pub(super) steps: Option<Spanned<String>>,
    pub(super) default: Option<toml::Value>,
}

/// One source: `"key"`, or a table with a conversion of its own.
#[derive(Debug)]
pub(super) struct SourceText {
    pub(super) from: String,
    pub(super) convert: Option<Spanned<String>>,
    pub(super) map: Option<BTreeMap<String, String>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleTable {
    #[serde(default)]
    from: OneOrMany,
    convert: Option<Spanned<String>>,
    map: Option<BTreeMap<String, String>>,
    steps: Option<Spanned<String>>,
    default: Option<toml::Value>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceTable {
    from: String,
    convert: Option<Spanned<String>>,
    map: Option<BTreeMap<String, String>>,
}

#[derive(Default)]
struct OneOrMany(Vec<SourceText>);

impl SourceText {
    fn key(from: &str) -> Self {
        Self { from: from.to_owned(), convert: None, map: None }
    }
}

impl<'de> Deserialize<'de> for RuleText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Rule;
        impl<'de> Visitor<'de> for Rule {
            type Value = RuleText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a source, a list of sources, or a table with `from`")
            }

            fn visit_str<E>(self, from: &str) -> Result<RuleText, E> {
                Ok(RuleText { from: vec![SourceText::key(from)], ..RuleText::default() })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, sources: A) -> Result<RuleText, A::Error> {
                let from = Vec::deserialize(SeqAccessDeserializer::new(sources))?;
                Ok(RuleText { from, ..RuleText::default() })
            }

            fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<RuleText, A::Error> {
                let RuleTable { from: OneOrMany(from), convert, map, steps, default } =
                    RuleTable::deserialize(MapAccessDeserializer::new(table))?;
                Ok(RuleText { from, convert, map, steps, default })
            }
        }
        deserializer.deserialize_any(Rule)
    }
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Sources;
        impl<'de> Visitor<'de> for Sources {
            type Value = OneOrMany;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a source or a list of sources")
            }

            fn visit_str<E>(self, from: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![SourceText::key(from)]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, sources: A) -> Result<OneOrMany, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(sources)).map(OneOrMany)
            }
        }
        deserializer.deserialize_any(Sources)
    }
}

impl<'de> Deserialize<'de> for SourceText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Source;
        impl<'de> Visitor<'de> for Source {
            type Value = SourceText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a source, or a table with `from`")
            }

            fn visit_str<E>(self, from: &str) -> Result<SourceText, E> {
                Ok(SourceText::key(from))
            }

            fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<SourceText, A::Error> {
                let SourceTable { from, convert, map } = SourceTable::deserialize(MapAccessDeserializer::new(table))?;
                Ok(SourceText { from, convert, map })
            }
        }
        deserializer.deserialize_any(Source)
    }
}
