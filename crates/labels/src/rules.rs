//! How is one value made of several words on a decision? `labels.toml` says so, label by label.

use std::collections::BTreeMap;

use serde::Deserialize;
use tidegate_contract::{AnnotatorKind, LabelKind, TargetScope};
use tidegate_document::Source;
use toml::Spanned;

use crate::error::Result;
use crate::review::Queue;
use crate::typed::Typed;

const DAY_US: i64 = 86_400_000_000;
/// Weights are integers, so that sums of them do not depend on their order.
pub(crate) const MILLION: u64 = 1_000_000;

/// How votes that differ become one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// What was said last.
    Latest,
    /// What was said last by the most trusted kind of annotator that said anything.
    Priority,
    /// What most say.
    Majority,
    /// What has most weight behind it.
    Weighted,
}

impl Resolution {
    /// The word written to the column `resolution`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Latest => "latest",
            Self::Priority => "priority",
            Self::Majority => "majority",
            Self::Weighted => "weighted",
        }
    }
}

/// How much the word of an annotator weighs, in millionths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weights {
    kinds: [u32; 4],
    annotators: BTreeMap<String, u32>,
}

impl Weights {
    /// The weight of one annotator, in millionths: its own, if it has one, or that of its kind.
    #[must_use]
    pub fn of(&self, kind: AnnotatorKind, annotator: Option<&str>) -> u32 {
        let own = annotator.and_then(|annotator| self.annotators.get(annotator));
        own.copied().unwrap_or(self.kinds[kind as usize])
    }
}

/// The rule of one label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// How votes that differ become one value.
    pub resolution: Resolution,
    /// The kinds of annotators for [`Resolution::Priority`], most trusted first; the others come after them, all alike.
    pub order: Vec<AnnotatorKind>,
    /// What each word weighs, for [`Resolution::Weighted`] and for the confidence in what came out.
    pub weights: Weights,
    /// How long after a decision its label counts as matured, in microseconds.
    pub maturity_us: i64,
    /// With fewer votes there is no value.
    pub min_votes: u32,
    /// With less agreement than this, in millionths, there is no value.
    pub min_agreement: u32,
    /// How many standing labels of one annotator in one tenant count that are dated on one day (UTC).
    pub max_per_annotator: Option<u32>,
    /// Which labels speak about the decision.
    pub scopes: Vec<TargetScope>,
    /// Whether a decision nobody has labelled has a row in the change log, so that rates have their denominator.
    pub every_decision: bool,
}

impl Rule {
    /// Where a kind stands in the order; the lower the more trusted.
    pub(crate) fn rank(&self, kind: AnnotatorKind) -> usize {
        self.order.iter().position(|listed| *listed == kind).unwrap_or(self.order.len())
    }
}

impl Default for Rule {
    fn default() -> Self {
        use AnnotatorKind::{Code, Human, Llm, System};
        Self {
            resolution: Resolution::Priority,
            order: vec![Human, Code, Llm, System],
            // In the order of `AnnotatorKind::ALL`: human, llm, code, system.
            weights: Weights { kinds: [1_000_000, 500_000, 700_000, 700_000], annotators: BTreeMap::new() },
            maturity_us: 7 * DAY_US,
            min_votes: 1,
            min_agreement: 0,
            max_per_annotator: None,
            scopes: vec![TargetScope::Decision],
            every_decision: false,
        }
    }
}

/// What the change log is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangelogRules {
    /// The stream of decisions.
    pub decisions: String,
    /// The stream of labels.
    pub labels: String,
    /// How long after its event time a decision can still change, in microseconds of the decisions' own time.
    pub horizon_us: i64,
    /// Which columns of the decision its changes carry; the usual ones where none are named.
    pub columns: Option<Vec<String>>,
}

/// `labels.toml`, checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    default: Rule,
    labels: BTreeMap<String, Rule>,
    /// The change log, if there is to be one.
    pub changelog: Option<ChangelogRules>,
    /// By the label that is wanted.
    queues: BTreeMap<String, Queue>,
}

impl Rules {
    /// The name of the file in a project.
    pub const FILE: &str = "labels.toml";

    /// Reads the rules; `file` names the text in errors, nothing is opened.
    ///
    /// # Errors
    /// TG780 to TG783, each with its place.
    ///
    /// ```
    /// let rules = tidegate_labels::Rules::parse("labels.toml", r#"
    ///     [default]
    ///     rule = "priority"
    ///     maturity = "3d"
    ///     [label.edit_quality]
    ///     rule = "majority"
    ///     min_votes = 2
    /// "#)?;
    /// assert_eq!(rules.of("edit_quality").min_votes, 2);
    /// assert_eq!(rules.of("edit_quality").maturity_us, rules.of("any other").maturity_us);
    /// # Ok::<(), tidegate_labels::Error>(())
    /// ```
    pub fn parse(file: &str, text: &str) -> Result<Self> {
        let typed = Typed(Source { file, text });
        let raw: RawRules = typed.read()?;
        let default = raw.default.unwrap_or_default().over(&Rule::default(), &typed)?;
        let labels = raw.label.into_iter().map(|(name, rule)| Ok((name, rule.over(&default, &typed)?)));
        let labels = labels.collect::<Result<_>>()?;
        let changelog = raw.changelog.map(|raw| raw.raise(&typed)).transpose()?;
        let queues = raw.review.into_iter().map(|(label, queue)| Ok((label, queue.raise(&typed)?)));
        Ok(Self { default, labels, changelog, queues: queues.collect::<Result<_>>()? })
    }

    /// Which decisions wait for a label, if any do.
    #[must_use]
    pub fn queue(&self, label: &str) -> Option<&Queue> {
        self.queues.get(label)
    }

    /// The labels that decisions wait for.
    pub fn queues(&self) -> impl Iterator<Item = &str> {
        self.queues.keys().map(String::as_str)
    }

    /// The rule of a label.
    #[must_use]
    pub fn of(&self, label: &str) -> &Rule {
        self.labels.get(label).unwrap_or(&self.default)
    }

    /// The labels of which every decision has a row in the change log, in the order of their names.
    pub fn of_every_decision(&self) -> impl Iterator<Item = (&str, &Rule)> {
        let labels = self.labels.iter().filter(|(_, rule)| rule.every_decision);
        labels.map(|(name, rule)| (name.as_str(), rule))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRules {
    default: Option<RawRule>,
    #[serde(default)]
    label: BTreeMap<String, RawRule>,
    changelog: Option<RawChangelog>,
    #[serde(default)]
    review: BTreeMap<String, RawQueue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    rule: Option<RawResolution>,
    order: Option<Spanned<Vec<RawKind>>>,
    weights: Option<RawWeights>,
    annotators: Option<BTreeMap<String, Spanned<f64>>>,
    maturity: Option<Spanned<String>>,
    min_votes: Option<Spanned<i64>>,
    min_agreement: Option<Spanned<f64>>,
    max_per_annotator: Option<Spanned<i64>>,
    scopes: Option<Spanned<Vec<RawScope>>>,
    every_decision: Option<bool>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawResolution {
    Latest,
    Priority,
    Majority,
    Weighted,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawKind {
    Human,
    Llm,
    Code,
    System,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawScope {
    Decision,
    Step,
    Session,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWeights {
    human: Option<Spanned<f64>>,
    llm: Option<Spanned<f64>>,
    code: Option<Spanned<f64>>,
    system: Option<Spanned<f64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawChangelog {
    decisions: Option<String>,
    labels: Option<String>,
    horizon: Option<Spanned<String>>,
    columns: Option<Spanned<Vec<String>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawQueue {
    when: Spanned<String>,
    #[serde(default)]
    columns: Vec<String>,
    kind: Option<Spanned<String>>,
}

impl RawQueue {
    fn raise(self, typed: &Typed<'_>) -> Result<Queue> {
        if self.when.get_ref().trim().is_empty() {
            return Err(typed.not_allowed("when", &self.when.span(), "a condition, as in \"confidence < 0.6\""));
        }
        let kind = self.kind.map_or(Ok(LabelKind::Review), |kind| {
            let rule = "outcome, correction, rating, policy, review, task_completed, hallucination or other";
            LabelKind::named(kind.get_ref()).ok_or_else(|| typed.not_allowed("kind", &kind.span(), rule))
        });
        Ok(Queue { when: self.when.into_inner(), columns: self.columns, kind: kind? })
    }
}

impl RawRule {
    /// The rule that is typed, and `base` where nothing is.
    fn over(self, base: &Rule, typed: &Typed<'_>) -> Result<Rule> {
        let weight = |name: &str, value: &Spanned<f64>| -> Result<u32> {
            let weight =
                typed.rule(name, value, |weight| (0.0..=1000.0).contains(&weight), "a weight from 0 to 1000")?;
            Ok((weight * MILLION as f64).round() as u32)
        };
        let mut rule = base.clone();
        if let Some(raw) = self.rule {
            rule.resolution = raw.into();
        }
        if let Some(order) = self.order {
            rule.order = order.get_ref().iter().map(|kind| (*kind).into()).collect();
            let names_twice = (1..rule.order.len()).any(|i| rule.order[..i].contains(&rule.order[i]));
            if rule.order.is_empty() || names_twice {
                return Err(typed.not_allowed("order", &order.span(), "a list that names each kind once at most"));
            }
        }
        let RawWeights { human, llm, code, system } = self.weights.unwrap_or_default();
        let kinds = [("human", human), ("llm", llm), ("code", code), ("system", system)];
        for (slot, (name, typed_weight)) in rule.weights.kinds.iter_mut().zip(kinds) {
            if let Some(value) = typed_weight {
                *slot = weight(name, &value)?;
            }
        }
        for (annotator, value) in self.annotators.unwrap_or_default() {
            let weight = weight("an annotator's weight", &value)?;
            rule.weights.annotators.insert(annotator, weight);
        }
        if let Some(maturity) = self.maturity {
            rule.maturity_us = typed.duration("maturity", &maturity)?;
        }
        let whole = |name: &str, value: &Spanned<i64>| {
            let fits = |count: i64| (1..=i64::from(u32::MAX)).contains(&count);
            typed.rule(name, value, fits, "a whole number from 1 on").map(|count| count as u32)
        };
        if let Some(votes) = self.min_votes {
            rule.min_votes = whole("min_votes", &votes)?;
        }
        if let Some(share) = self.min_agreement {
            let share = typed.rule("min_agreement", &share, |s| (0.0..=1.0).contains(&s), "a share from 0 to 1")?;
            rule.min_agreement = (share * MILLION as f64).round() as u32;
        }
        if let Some(most) = self.max_per_annotator {
            rule.max_per_annotator = Some(whole("max_per_annotator", &most)?);
        }
        if let Some(scopes) = self.scopes {
            rule.scopes = scopes.get_ref().iter().map(|scope| (*scope).into()).collect();
            if rule.scopes.is_empty() {
                return Err(typed.not_allowed("scopes", &scopes.span(), "a list with one scope at least"));
            }
        }
        rule.every_decision = self.every_decision.unwrap_or(base.every_decision);
        Ok(rule)
    }
}

impl RawChangelog {
    fn raise(self, typed: &Typed<'_>) -> Result<ChangelogRules> {
        let horizon_us = self.horizon.map(|horizon| typed.duration("horizon", &horizon)).transpose()?;
        Ok(ChangelogRules {
            decisions: self.decisions.unwrap_or_else(|| "decisions".to_owned()),
            labels: self.labels.unwrap_or_else(|| "labels".to_owned()),
            horizon_us: horizon_us.unwrap_or(30 * DAY_US),
            columns: self.columns.map(Spanned::into_inner),
        })
    }
}

impl From<RawResolution> for Resolution {
    fn from(raw: RawResolution) -> Self {
        match raw {
            RawResolution::Latest => Self::Latest,
            RawResolution::Priority => Self::Priority,
            RawResolution::Majority => Self::Majority,
            RawResolution::Weighted => Self::Weighted,
        }
    }
}

impl From<RawKind> for AnnotatorKind {
    fn from(raw: RawKind) -> Self {
        match raw {
            RawKind::Human => Self::Human,
            RawKind::Llm => Self::Llm,
            RawKind::Code => Self::Code,
            RawKind::System => Self::System,
        }
    }
}

impl From<RawScope> for TargetScope {
    fn from(raw: RawScope) -> Self {
        match raw {
            RawScope::Decision => Self::Decision,
            RawScope::Step => Self::Step,
            RawScope::Session => Self::Session,
        }
    }
}

#[cfg(test)]
mod tests;
