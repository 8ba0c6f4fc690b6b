//! How did a decision end, and how far may it be trusted?
//!
//! The outcome comes first; confidence follows it, policy and risk stand beside it. A planted
//! [`Regression`] bends the outcomes of the candidate and nothing else.

use tidegate_contract::{LearningScope, Outcome, PolicyResult, RiskClass};

use super::catalog::{ERROR_TYPES, FINISH_REASONS, OVERRIDE_REASONS, TASKS};
use super::config::Regression;
use crate::random::{Choice, Random};

/// How a decision ended. Coded facts are indexes into the catalog.
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    pub(super) override_reason: Option<u8>,
    pub(super) confidence: Option<f64>,
    pub(super) policy_result: Option<PolicyResult>,
    pub(super) fallback_used: Option<bool>,
    pub(super) error_type: Option<u8>,
    pub(super) finish_reason: Option<u8>,
    pub(super) guardrail_hits: i32,
    pub(super) risk_score: Option<f64>,
    pub(super) risk_class: RiskClass,
}

impl Verdict {
    /// Whether a human or a failure stood against it.
    pub(super) fn is_contested(&self) -> bool {
        !matches!(self.outcome, Outcome::Accepted | Outcome::Unknown)
    }

    /// How far it may be learnt from.
    pub(super) fn learning_scope(&self) -> LearningScope {
        match self.risk_class {
            RiskClass::Low | RiskClass::Medium => LearningScope::Global,
            RiskClass::High => LearningScope::Local,
            RiskClass::Prohibited => LearningScope::None,
        }
    }
}

/// The chances of each ending.
#[derive(Debug)]
pub(super) struct Verdicts {
    /// By task: outcomes of the present bundle and of the candidate.
    outcomes: Vec<[Choice; 2]>,
    reasons: Choice,
    finishes: Choice,
}

impl Verdicts {
    /// The chances, with the candidate made worse by `regression`.
    pub(super) fn new(regression: Option<Regression>) -> Self {
        let none = Regression { edited: 0.0, rejected: 0.0 };
        let candidate = regression.unwrap_or(none);
        let by_bundle = |task| [outcomes(task, none), outcomes(task, candidate)];
        Self {
            outcomes: (0..TASKS.len()).map(by_bundle).collect(),
            reasons: Choice::new(&OVERRIDE_REASONS.map(|(_, weight)| weight)),
            finishes: Choice::new(&FINISH_REASONS.map(|(_, weight)| weight)),
        }
    }

    /// Draws how a decision on `task` under `bundle` ends.
    pub(super) fn draw(&self, random: &mut Random, task: u8, bundle: u8) -> Verdict {
        let chances = &self.outcomes[usize::from(task)][usize::from(bundle)];
        let outcome = Outcome::ALL[chances.scan(random.bits())];
        let failed = outcome == Outcome::Error;
        let policy = draw_policy(random);
        let risk = clamped(TASKS[usize::from(task)].risk + 0.14 * random.normal());
        Verdict {
            outcome,
            override_reason: match outcome {
                Outcome::Edited | Outcome::Rejected | Outcome::RolledBack => {
                    random.chance(0.9).then(|| self.reasons.scan(random.bits()) as u8)
                }
                _ => None,
            },
            confidence: random.chance(0.96).then(|| clamped(confidence_mean(outcome) + 0.12 * random.normal())),
            policy_result: random.chance(0.99).then_some(policy),
            fallback_used: random.chance(0.98).then(|| random.chance(0.03)),
            error_type: failed.then(|| random.below(ERROR_TYPES.len() as u64) as u8),
            finish_reason: (!failed).then(|| self.finishes.scan(random.bits()) as u8),
            guardrail_hits: match policy {
                PolicyResult::Allow => i32::from(random.chance(0.01)),
                _ => 1 + random.below(2) as i32,
            },
            risk_score: random.chance(0.97).then_some(risk),
            risk_class: match risk {
                ..0.35 => RiskClass::Low,
                0.35..0.6 => RiskClass::Medium,
                0.6..0.85 => RiskClass::High,
                _ => RiskClass::Prohibited,
            },
        }
    }
}

/// A number kept within `[0, 1]` and cut to four decimals, as scores are reported.
pub(super) fn clamped(score: f64) -> f64 {
    let steps = (score * 10_000.0).clamp(0.0, 10_000.0) as u32;
    f64::from(steps) / 10_000.0
}

fn outcomes(task: usize, regression: Regression) -> Choice {
    let mut weights = TASKS[task].outcomes_permille.map(|share| f64::from(share) / 1000.0);
    weights[Outcome::Accepted as usize] -= regression.edited + regression.rejected;
    weights[Outcome::Edited as usize] += regression.edited;
    weights[Outcome::Rejected as usize] += regression.rejected;
    Choice::new(&weights)
}

fn draw_policy(random: &mut Random) -> PolicyResult {
    match random.below(100) {
        0..94 => PolicyResult::Allow,
        94..97 => PolicyResult::Redact,
        97..99 => PolicyResult::Review,
        _ => PolicyResult::Block,
    }
}

/// The agent is surer of what will be accepted, though not by much.
fn confidence_mean(outcome: Outcome) -> f64 {
    match outcome {
        Outcome::Accepted => 0.84,
        Outcome::Unknown => 0.75,
        Outcome::Edited => 0.68,
        Outcome::Abandoned => 0.64,
        Outcome::RolledBack => 0.60,
        Outcome::Rejected => 0.54,
        Outcome::Escalated => 0.48,
        Outcome::Error => 0.40,
    }
}
