//! What is one decision?
//!
//! [`Traces::draw`] gives every fact of a row from its number and time alone, so a second delivery, a
//! child that names its parent and a label that comes days later all speak of the same decision.

use tidegate_contract::Arm;

use super::catalog::{INPUT_CLASSES, MODELS, REGIONS, SOURCES, TASKS};
use super::config::{Config, Drift};
use super::load::DAY_US;
use super::population::{Population, User};
use super::verdict::{Verdict, Verdicts};
use super::work::Work;
use crate::random::{Choice, Random, Stream, mix};

/// In each group of rows one is the decision of a helper agent; its parent is the row after it.
const GROUP: u64 = 16;
/// A session ends with the half hour.
const SESSION_US: i64 = 1_800_000_000;

/// One decision. Coded facts are indexes into the catalog.
pub(super) struct Trace<'a> {
    pub(super) decision_id: [u64; 2],
    pub(super) trace_id: [u64; 2],
    pub(super) span_id: u64,
    pub(super) parent_decision_id: Option<[u64; 2]>,
    pub(super) session_id: Option<[u64; 2]>,
    pub(super) event_us: i64,
    pub(super) tenant: usize,
    /// Nobody, when the agent ran by itself.
    pub(super) user: Option<&'a User>,
    pub(super) region: u8,
    pub(super) environment: u8,
    pub(super) task: u8,
    pub(super) input_class: Option<u8>,
    pub(super) model: u8,
    pub(super) bundle: u8,
    pub(super) source: u8,
    /// Whether the emitter names agent, provider, template and routing.
    pub(super) is_named: bool,
    pub(super) verdict: Verdict,
    pub(super) work: Work,
    /// Where the evidence lies, if any was kept.
    pub(super) evidence: Option<u64>,
    /// Stands in for the SHA-256 that ingest would compute: unique to the decision, but no digest of it.
    pub(super) envelope_hash: [u64; 4],
}

/// Draws decisions by row number.
#[derive(Debug)]
pub(super) struct Traces {
    population: Population,
    rows: u64,
    ids: Stream,
    helpers: Stream,
    who: Stream,
    facts: Stream,
    tasks: Choice,
    verdicts: Verdicts,
    drift: Option<Shift>,
}

/// A drift, and when and where it bites.
#[derive(Debug)]
struct Shift {
    drift: Drift,
    from_us: i64,
    task: u8,
}

impl Traces {
    /// The decisions of `config`, of which there are `rows`.
    pub(super) fn new(config: &Config, rows: u64) -> Self {
        Self {
            population: Population::new(config),
            rows,
            ids: Stream::new(config.seed, "decision id"),
            helpers: Stream::new(config.seed, "helper"),
            who: Stream::new(config.seed, "who"),
            facts: Stream::new(config.seed, "facts"),
            tasks: Choice::new(&TASKS.map(|task| task.weight)),
            verdicts: Verdicts::new(config.regression),
            drift: config.drift.map(|drift| Shift {
                drift,
                from_us: config.start_us + i64::from(drift.from_day) * DAY_US,
                task: TASKS.iter().position(|task| task.name == Drift::TASK_CLASS).unwrap_or(0) as u8,
            }),
        }
    }

    /// Who decides.
    pub(super) fn population(&self) -> &Population {
        &self.population
    }

    /// The decision of `row`, which happens at `event_us`.
    pub(super) fn draw(&self, row: u64, event_us: i64) -> Trace<'_> {
        let parent = self.parent(row);
        let mut who = self.who.at(parent.unwrap_or(row));
        let (tenant, user) = self.population.draw(&mut who);
        let user = who.chance(0.97).then_some(user);
        let bundle = u8::from(user.is_some_and(|user| user.arm == Arm::Treatment));

        let mut random = self.facts.at(row);
        let shift = self.drift.as_ref().filter(|shift| event_us >= shift.from_us);
        let task = self.task(&mut random, shift);
        let model = match random.chance(0.85) {
            true => TASKS[usize::from(task)].model,
            false => pick(&mut random, MODELS.len()),
        };
        let verdict = self.verdicts.draw(&mut random, task, bundle);
        let factor = shift.map_or(1.0, |shift| shift.drift.input_tokens_factor);
        Trace {
            decision_id: self.ids.at(row).id(),
            trace_id: who.id(),
            span_id: random.bits(),
            parent_decision_id: parent.map(|parent| self.ids.at(parent).id()),
            session_id: user.filter(|_| random.chance(0.96)).map(|user| session(user, event_us)),
            event_us,
            tenant,
            user,
            region: match random.chance(0.9) {
                true => self.population.tenants()[tenant].region,
                false => pick(&mut random, REGIONS.len()),
            },
            environment: u8::from(random.chance(0.03)),
            task,
            input_class: random.chance(0.95).then(|| pick(&mut random, INPUT_CLASSES.len())),
            model,
            bundle,
            source: pick(&mut random, SOURCES.len()),
            is_named: random.chance(0.98),
            work: Work::draw(&mut random, task, model, verdict.outcome, factor),
            evidence: (verdict.is_contested() && random.chance(0.3)).then(|| random.bits()),
            envelope_hash: [random.bits(), random.bits(), random.bits(), random.bits()],
            verdict,
        }
    }

    fn task(&self, random: &mut Random, shift: Option<&Shift>) -> u8 {
        match shift {
            Some(shift) if random.chance(shift.drift.task_shift) => shift.task,
            _ => self.tasks.scan(random.bits()) as u8,
        }
    }

    /// The row of the decision that `row` helps with, if any. A parent has no parent.
    fn parent(&self, row: u64) -> Option<u64> {
        let helper = self.helpers.at(row / GROUP).below(GROUP - 1);
        (row % GROUP == helper && row + 1 < self.rows).then_some(row + 1)
    }
}

fn session(user: &User, event_us: i64) -> [u64; 2] {
    let half_hour = event_us.div_euclid(SESSION_US) as u64;
    [mix(user.token[0] ^ half_hour), mix(user.token[1].wrapping_add(half_hour))]
}

fn pick(random: &mut Random, among: usize) -> u8 {
    random.below(among as u64) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traces() -> Traces {
        Traces::new(&Config::default(), 4_000)
    }

    #[test]
    fn a_row_drawn_twice_is_the_same_decision() {
        let (first, second) = (traces(), traces());
        for row in [0, 17, 3_999] {
            let (a, b) = (first.draw(row, 5), second.draw(row, 5));
            assert_eq!(a.envelope_hash, b.envelope_hash);
            assert_eq!(a.work.latency_us, b.work.latency_us);
        }
    }

    #[test]
    fn a_child_shares_trace_and_user_with_its_parent_who_has_none() {
        let traces = traces();
        let mut children = 0;
        for row in 0..4_000 {
            let child = traces.draw(row, 5);
            let Some(parent_id) = child.parent_decision_id else {
                continue;
            };
            let parent = traces.draw(row + 1, 5);
            assert_eq!(parent.decision_id, parent_id);
            assert_eq!(parent.trace_id, child.trace_id);
            assert_eq!(parent.tenant, child.tenant);
            assert_eq!(parent.user.map(|user| user.token), child.user.map(|user| user.token));
            assert!(parent.parent_decision_id.is_none());
            children += 1;
        }
        assert_eq!(children, 4_000 / GROUP);
    }
}
