//! What do the votes on one decision come to? Votes in, one value out.
//!
//! Nothing here depends on the order of the votes. Ties are broken one way everywhere: the later `labeled_at` wins, then
//! the greater `label_id`, byte by byte.

use std::cmp::Ordering;

use tidegate_contract::AnnotatorKind;

use crate::rules::{MILLION, Resolution, Rule};

/// One standing word on a decision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Vote<'a> {
    /// What is said.
    pub value: Option<&'a str>,
    /// The grade, if one is given. Votes without a value that give the same grade say the same.
    pub score: Option<f64>,
    /// Who says it.
    pub kind: AnnotatorKind,
    /// Which annotator.
    pub annotator: Option<&'a str>,
    /// How sure the annotator is, in [0, 1].
    pub confidence: Option<f64>,
    /// When it was said: microseconds since 1970.
    pub labeled_us: i64,
    /// When it became known here.
    pub ingested_us: i64,
    /// The label's id.
    pub label_id: &'a str,
    /// The codes `what_was_wrong`, `expected_action`, `failed_policy`, `missing_context`.
    pub codes: [Option<&'a str>; 4],
}

/// What the votes on one decision come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effective<'a> {
    /// The value; none when nothing was settled, or when the vote that carries it gives a grade alone.
    pub value: Option<&'a str>,
    /// The grade of the vote that carries the value.
    pub score: Option<f64>,
    /// How many votes were counted.
    pub n_votes: u32,
    /// The share of votes that say the value; under [`Resolution::Weighted`] the share of their weight.
    pub agreement: f64,
    /// How it was settled: `latest`, `priority`, `majority`, `weighted`; or why it was not: `too_few_votes`, `disputed`.
    pub resolution: &'static str,
    /// How far it may be relied on, in [0, 1]: the agreement, times the weight and confidence of the most reliable vote
    /// that says so.
    pub label_confidence: f64,
    /// The vote that carries the value: the latest of those that say it.
    pub carrier: Option<Vote<'a>>,
    /// When the first of the votes was said.
    pub first_labeled_us: i64,
    /// When the last of the votes was said.
    pub last_labeled_us: i64,
    /// When the last of the votes became known here.
    pub ingested_us: i64,
}

/// Settles the votes on one decision. None where there is no vote that weighs anything.
///
/// # Guarantee
/// The answer does not depend on the order of `votes`, which is changed. Held by `tests/it/laws.rs`.
///
/// ```
/// use tidegate_contract::AnnotatorKind::{Human, Llm};
/// use tidegate_labels::{Rule, Vote, resolve};
///
/// let vote = |value, kind, labeled_us| Vote {
///     value: Some(value), score: None, kind, annotator: None, confidence: None,
///     labeled_us, ingested_us: labeled_us, label_id: "l", codes: [None; 4],
/// };
/// let mut votes = [vote("good", Human, 1), vote("bad", Llm, 2)];
/// let effective = resolve(&Rule::default(), &mut votes).unwrap();
/// assert_eq!((effective.value, effective.agreement), (Some("good"), 0.5));
/// ```
pub fn resolve<'a>(rule: &Rule, votes: &mut [Vote<'a>]) -> Option<Effective<'a>> {
    let weight_of = |vote: &Vote<'_>| weight(rule, vote);
    let is_weighted = rule.resolution == Resolution::Weighted;
    let votes = if is_weighted { with_weight(votes, weight_of) } else { votes };
    let (first_labeled_us, last_labeled_us) = votes.iter().map(|vote| vote.labeled_us).fold(None, span)?;
    let ingested_us = votes.iter().map(|vote| vote.ingested_us).max()?;
    votes.sort_unstable_by(|left, right| by_position(left, right).then_with(|| by_time(left, right)));
    let measure = |vote: &Vote<'_>| if is_weighted { weight_of(vote) } else { 1 };
    let positions = votes.chunk_by(|left, right| by_position(left, right) == Ordering::Equal);
    let positions = positions.filter_map(|says| {
        let carrier = says.last().copied()?;
        let trusted = says.iter().min_by(|a, b| by_trust(rule, a, b)).copied()?;
        let behind = says.iter().map(measure).sum::<u64>();
        let reliable = says.iter().map(weight_of).max().unwrap_or(0).min(MILLION);
        Some(Position { carrier, trusted, behind, reliable })
    });
    let wins = |left: &Position<'_>, right: &Position<'_>| match rule.resolution {
        Resolution::Latest => by_time(&left.carrier, &right.carrier),
        Resolution::Priority => by_trust(rule, &right.trusted, &left.trusted),
        Resolution::Majority | Resolution::Weighted => {
            left.behind.cmp(&right.behind).then_with(|| by_time(&left.carrier, &right.carrier))
        }
    };
    let won = positions.max_by(wins)?;
    let carrier = if rule.resolution == Resolution::Priority { won.trusted } else { won.carrier };
    let total = votes.iter().map(measure).sum::<u64>();
    let n_votes = u32::try_from(votes.len()).unwrap_or(u32::MAX);
    let agreement = won.behind as f64 / total as f64;
    let unsettled = if n_votes < rule.min_votes {
        Some("too_few_votes")
    } else if u128::from(won.behind) * u128::from(MILLION) < u128::from(total) * u128::from(rule.min_agreement) {
        Some("disputed")
    } else {
        None
    };
    let carrier = Some(carrier).filter(|_| unsettled.is_none());
    Some(Effective {
        value: carrier.and_then(|vote| vote.value),
        score: carrier.and_then(|vote| vote.score),
        n_votes,
        agreement,
        resolution: unsettled.unwrap_or(rule.resolution.as_str()),
        label_confidence: carrier.map_or(0.0, |_| agreement * (won.reliable as f64 / MILLION as f64)),
        carrier,
        first_labeled_us,
        last_labeled_us,
        ingested_us,
    })
}

/// All votes that say the same.
struct Position<'a> {
    /// The latest of them.
    carrier: Vote<'a>,
    /// The most trusted of them, by the rule's order.
    trusted: Vote<'a>,
    /// What they weigh together, or how many they are.
    behind: u64,
    /// What the most reliable of them weighs, in millionths of full trust.
    reliable: u64,
}

/// The weight of one vote in millionths: its annotator's, times its own confidence.
fn weight(rule: &Rule, vote: &Vote<'_>) -> u64 {
    let confidence =
        vote.confidence.map_or(MILLION, |confidence| (confidence.clamp(0.0, 1.0) * MILLION as f64).round() as u64);
    u64::from(rule.weights.of(vote.kind, vote.annotator)) * confidence / MILLION
}

/// The votes that weigh anything, moved to the front.
fn with_weight<'v, 'a>(votes: &'v mut [Vote<'a>], weight_of: impl Fn(&Vote<'_>) -> u64) -> &'v mut [Vote<'a>] {
    votes.sort_unstable_by_key(|vote| weight_of(vote) == 0);
    let count = votes.partition_point(|vote| weight_of(vote) > 0);
    &mut votes[..count]
}

fn span(span: Option<(i64, i64)>, at: i64) -> Option<(i64, i64)> {
    Some(span.map_or((at, at), |(first, last)| (first.min(at), last.max(at))))
}

/// Orders votes by what they say. A grade tells votes apart only where no value is given.
fn by_position(left: &Vote<'_>, right: &Vote<'_>) -> Ordering {
    let grade = |vote: &Vote<'_>| vote.score.filter(|_| vote.value.is_none());
    left.value.cmp(&right.value).then_with(|| match (grade(left), grade(right)) {
        (Some(left), Some(right)) => left.total_cmp(&right),
        (left, right) => left.is_some().cmp(&right.is_some()),
    })
}

/// Earlier before later; equal instants by label id, and then by everything else that can be seen.
fn by_time(left: &Vote<'_>, right: &Vote<'_>) -> Ordering {
    let seen = |vote: &Vote<'_>| (bits(vote.score), bits(vote.confidence), vote.kind, vote.ingested_us);
    (left.labeled_us, left.label_id)
        .cmp(&(right.labeled_us, right.label_id))
        .then_with(|| (left.value, left.annotator, left.codes).cmp(&(right.value, right.annotator, right.codes)))
        .then_with(|| seen(left).cmp(&seen(right)))
}

fn bits(number: Option<f64>) -> Option<u64> {
    number.map(f64::to_bits)
}

/// The more trusted kind first; within a kind the later first.
fn by_trust(rule: &Rule, left: &Vote<'_>, right: &Vote<'_>) -> Ordering {
    rule.rank(left.kind).cmp(&rule.rank(right.kind)).then_with(|| by_time(right, left))
}

#[cfg(test)]
mod tests {
    use AnnotatorKind::{Code, Human, Llm};

    use super::*;
    use crate::Rules;

    fn vote(value: &'static str, kind: AnnotatorKind, labeled_us: i64, label_id: &'static str) -> Vote<'static> {
        Vote {
            value: Some(value),
            score: None,
            kind,
            annotator: None,
            confidence: None,
            labeled_us,
            ingested_us: labeled_us + 10,
            label_id,
            codes: [None; 4],
        }
    }

    fn check(rule: &str, votes: &[Vote<'_>], expected: &str) {
        let rules = Rules::parse("labels.toml", &format!("[default]\n{rule}")).unwrap();
        let mut votes = votes.to_vec();
        let effective = resolve(rules.of("x"), &mut votes).unwrap();
        let Effective { value, n_votes, agreement, resolution, label_confidence, .. } = effective;
        let found = format!(
            "{} of {n_votes}, {agreement:.2} agree, {resolution}, {label_confidence:.2}",
            value.unwrap_or("nothing")
        );
        assert_eq!(found, expected);
    }

    #[test]
    fn each_rule_has_its_answer() {
        let votes = [
            vote("good", Human, 1, "a"),
            vote("bad", Llm, 2, "b"),
            vote("bad", Llm, 3, "c"),
            vote("fair", Code, 4, "d"),
        ];
        check("rule = 'latest'", &votes, "fair of 4, 0.25 agree, latest, 0.17");
        check("rule = 'priority'", &votes, "good of 4, 0.25 agree, priority, 0.25");
        check("rule = 'priority'\norder = ['llm']", &votes, "bad of 4, 0.50 agree, priority, 0.25");
        check("rule = 'majority'", &votes, "bad of 4, 0.50 agree, majority, 0.25");
        check("rule = 'weighted'\nweights = { llm = 0.2 }", &votes, "good of 4, 0.48 agree, weighted, 0.48");
        check("rule = 'weighted'\nweights = { human = 0, llm = 1 }", &votes, "bad of 3, 0.74 agree, weighted, 0.74");
    }

    #[test]
    fn ties_go_to_the_later_and_then_to_the_greater_id() {
        let votes = [vote("good", Human, 5, "a"), vote("bad", Human, 4, "b")];
        check("rule = 'majority'", &votes, "good of 2, 0.50 agree, majority, 0.50");
        let votes = [vote("good", Human, 5, "a"), vote("bad", Human, 5, "b")];
        for rule in ["latest", "priority", "majority", "weighted"] {
            check(&format!("rule = '{rule}'"), &votes, &format!("bad of 2, 0.50 agree, {rule}, 0.50"));
        }
    }

    #[test]
    fn too_little_settles_nothing() {
        let votes = [vote("good", Human, 1, "a"), vote("bad", Human, 2, "b")];
        check("min_votes = 3", &votes, "nothing of 2, 0.50 agree, too_few_votes, 0.00");
        check("min_agreement = 0.51", &votes, "nothing of 2, 0.50 agree, disputed, 0.00");
        check("min_agreement = 0.5", &votes, "bad of 2, 0.50 agree, priority, 0.50");
    }

    #[test]
    fn an_unsure_annotator_weighs_less() {
        let unsure = Vote { confidence: Some(0.1), ..vote("bad", Human, 2, "b") };
        check("rule = 'weighted'", &[vote("good", Llm, 1, "a"), unsure], "good of 2, 0.83 agree, weighted, 0.42");
        let loud = Vote { confidence: Some(1e9), ..unsure };
        check("rule = 'weighted'", &[vote("good", Llm, 1, "a"), loud], "bad of 2, 0.67 agree, weighted, 0.67");
    }

    #[test]
    fn grades_alone_are_positions() {
        let grade = |score, id| Vote { value: None, score: Some(score), ..vote("", Human, 1, id) };
        let mut votes = [grade(0.5, "a"), grade(1.0, "b"), grade(0.5, "c")];
        let rules = Rules::parse("labels.toml", "[default]\nrule = 'majority'").unwrap();
        let effective = resolve(rules.of("x"), &mut votes).unwrap();
        assert_eq!((effective.value, effective.score, effective.n_votes), (None, Some(0.5), 3));
    }
}
