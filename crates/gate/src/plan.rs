//! Can this gate decide, and when?
//!
//! ```text
//! needed information   I* = inflation ((z_alpha + z_power) / gap)^2        of the declaration alone
//! information a day    1 / V of one day of the traffic that is seen        V shrinks with days: clusters and noise are in it
//! days                 I* V(1 day)
//! ```
//! Guardrails all have to pass, so each is planned with a share of the chance to miss: `1 - (1 - power) / G`
//! (J. Schultzberg, S. Ankargren and M. Frånberg, "Risk-aware product decisions in A/B tests with multiple metrics", 2024).

use serde::Serialize;
use tidegate_stats::group_sequential::{boundaries, crossing_probabilities};
use tidegate_stats::{Estimate, Sides, normal, planned_information};

use crate::contrast::{self, Edges};
use crate::error::Result;
use crate::evidence::Evidence;
use crate::file::{Check, GateFile, Kind};
use crate::looks;
use crate::series::{Period, Sums, walk};
use crate::words;

/// What a plan takes the traffic to be: one arm's value, and what one day brings.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Traffic {
    /// The control's value.
    pub value: f64,
    /// The control's denominators in a day.
    pub control_per_day: f64,
    /// The treatment's denominators in a day.
    pub treatment_per_day: f64,
    /// The variance of the control's value over one day, with clusters and noise in it.
    pub control_variance: f64,
    /// The same of the treatment.
    pub treatment_variance: f64,
}

impl Traffic {
    /// A rate in (0, 1) of independent events, so many a day in each arm.
    #[must_use]
    pub fn assumed(rate: f64, control_per_day: f64, treatment_per_day: f64) -> Self {
        let variance = |per_day: f64| rate * (1.0 - rate) / per_day;
        Self {
            value: rate,
            control_per_day,
            treatment_per_day,
            control_variance: variance(control_per_day),
            treatment_variance: variance(treatment_per_day),
        }
    }

    /// What was seen so far. An arm without events is taken to have its share of the other's: the treatment before it runs.
    ///
    /// `share` is the treatment's of both arms. None where nothing can be said yet.
    ///
    /// # Errors
    /// What the statistics say of numbers that mean nothing.
    pub fn seen(gate: &GateFile, check: &Check, evidence: &Evidence, share: f64) -> Result<Option<Self>> {
        let (Some(first), Some(last)) = (evidence.first_us(), evidence.last_us()) else { return Ok(None) };
        let window_us = gate.time.window.0;
        let period = Period { since_us: first, as_of_us: last.saturating_add(window_us), window_us, maturity_us: 0 };
        let days = (last - first + window_us) as f64 / crate::file::Span::DAY.0 as f64;
        let of = |name: &str| -> Result<Option<(f64, f64, f64)>> {
            let Ok(arm) = evidence.arm(name) else { return Ok(None) };
            let mut sums = Sums::default();
            walk(evidence, &[arm], period, |_, all| sums = all[0].clone());
            let Ok(found) = contrast::arm(gate, check.kind, &sums)? else { return Ok(None) };
            Ok(Some((found.estimate.value(), sums.numbers[1] / days, found.estimate.variance() * days)))
        };
        if check.kind == Kind::Paired {
            return Ok(of("")?.map(|(value, per_day, variance)| Self {
                value,
                control_per_day: per_day,
                treatment_per_day: per_day,
                control_variance: 0.0,
                treatment_variance: variance,
            }));
        }
        let (control, treatment) = (of(&gate.arms.control)?, of(&gate.arms.treatment)?);
        let scaled = |(value, per_day, variance): (f64, f64, f64), by: f64| (value, per_day * by, variance / by);
        let odds = share / (1.0 - share);
        let Some(control) = control.or(treatment.map(|treatment| scaled(treatment, odds.recip()))) else {
            return Ok(None);
        };
        let treatment = treatment.unwrap_or(scaled(control, odds));
        Ok(Some(Self {
            value: control.0,
            control_per_day: control.1,
            treatment_per_day: treatment.1,
            control_variance: control.2,
            treatment_variance: treatment.2,
        }))
    }
}

/// What a plan comes to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// The gate's name.
    pub gate: String,
    /// The plan's version.
    pub version: u32,
    /// The plan's digest.
    pub digest: String,
    /// Whether every check can be decided in time with the wanted power.
    pub decides: bool,
    /// Days until the slowest check is decided, label maturity included.
    pub days: Option<f64>,
    /// Days that the declaration allows.
    pub max_days: f64,
    /// Each check that is shown by statistics.
    pub checks: Vec<CheckPlan>,
}

/// What one check comes to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckPlan {
    /// The check's name.
    pub name: String,
    /// Whether it can be decided in time with the wanted power.
    pub decides: bool,
    /// What was taken for the traffic; none where nothing is known of it.
    pub traffic: Option<Traffic>,
    /// How far what is expected lies from what must be shown.
    pub gap: f64,
    /// The wanted power of this check.
    pub power: f64,
    /// The power it has at `time.max`.
    pub power_at_max: Option<f64>,
    /// Days of traffic it needs, label maturity included.
    pub days: Option<f64>,
    /// Denominators it needs in the control and in the treatment.
    pub events: Option<[u64; 2]>,
    /// One sentence.
    pub reason: String,
}

/// Plans a gate over the traffic of each of its checks, none where nothing is known of it.
///
/// # Errors
/// What the statistics say of numbers that mean nothing.
pub fn plan(gate: &GateFile, traffic: &[Option<Traffic>]) -> Result<Plan> {
    let shown = gate.checks.iter().filter(|check| check.test.edges().is_some()).count().max(1);
    let power = 1.0 - (1.0 - gate.error.power) / shown as f64;
    let checks =
        gate.checks.iter().zip(traffic).filter_map(|(check, traffic)| {
            check.test.edges().map(|edges| plan_check(gate, check, edges, *traffic, power))
        });
    let checks = checks.collect::<Result<Vec<_>>>()?;
    let days = checks.iter().map(|check| check.days).try_fold(0.0_f64, |most, days| days.map(|days| most.max(days)));
    Ok(Plan {
        gate: gate.gate.clone(),
        version: gate.version,
        digest: gate.digest(),
        decides: checks.iter().all(|check| check.decides),
        days: days.map(|days| days.max(gate.time.min.days())),
        max_days: gate.time.max.days(),
        checks,
    })
}

fn plan_check(gate: &GateFile, check: &Check, edges: Edges, traffic: Option<Traffic>, power: f64) -> Result<CheckPlan> {
    let mut planned = CheckPlan {
        name: check.name.clone(),
        decides: false,
        traffic,
        gap: edges.gap,
        power,
        power_at_max: None,
        days: None,
        events: None,
        reason: format!(
            "{}: nothing is known of its traffic; release its signal first, or say what to assume",
            check.name
        ),
    };
    let Some(traffic) = traffic else { return Ok(planned) };
    let variance = variance_of_a_day(check, traffic)?;
    let needed = looks::needed_information(edges, &gate.error, &gate.time, power)? * variance;
    let usable = gate.time.max.days() - gate.time.label_maturity.days();
    let reached = if usable > 0.0 { power_with(gate, edges, usable / variance)? } else { 0.0 };
    planned.decides = needed <= usable;
    planned.days = Some(needed + gate.time.label_maturity.days());
    planned.power_at_max = Some(reached);
    let events = [traffic.control_per_day, traffic.treatment_per_day].map(|per_day| (needed * per_day).ceil() as u64);
    planned.events = Some(events);
    planned.reason = format!(
        "{}: {} control and {} treatment events are needed for power {}, about {:.1} days; at {} its power is {}",
        check.name,
        events[0],
        events[1],
        words::percent(power),
        needed + gate.time.label_maturity.days(),
        gate.time.max,
        words::percent(reached),
    );
    Ok(planned)
}

/// The variance of what is judged, over one day.
fn variance_of_a_day(check: &Check, traffic: Traffic) -> Result<f64> {
    let treatment = Estimate::new(traffic.value, traffic.treatment_variance)?;
    let is_compared = check.test.compares() && check.kind != Kind::Paired;
    let control = is_compared.then(|| Estimate::new(traffic.value, traffic.control_variance)).transpose()?;
    Ok(contrast::harm(check, treatment, control)?.variance())
}

/// The chance to pass by the end, of a version that is as expected, with so much information.
fn power_with(gate: &GateFile, edges: Edges, information: f64) -> Result<f64> {
    let drift = edges.gap * information.sqrt();
    let Some(spending) = gate.error.sequential.spending() else {
        // A confidence sequence that is tightest at the end of its plan, looked at there.
        let width = planned_information(edges.gap, gate.error.alpha, 0.5)?.sqrt() * edges.gap;
        return Ok(normal::cdf(drift - width));
    };
    let looks = looks::planned(&gate.time, gate.error.sequential);
    let last = looks.last().copied().unwrap_or(1) as f64;
    let fractions = looks.iter().map(|&look| look as f64 / last).collect::<Vec<_>>();
    let boundaries = boundaries(&fractions, spending, Sides::One, gate.error.alpha)?;
    Ok(crossing_probabilities(&fractions, &boundaries, Sides::One, drift)?.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::tests::GATE;
    use tidegate_stats::units_per_arm;

    fn planned(text: &str, traffic: Traffic) -> CheckPlan {
        let gate = GateFile::parse("a", text).unwrap();
        plan(&gate, &[Some(traffic)]).unwrap().checks.remove(0)
    }

    #[test]
    fn a_plan_needs_what_the_textbook_says_and_a_little_more_for_looking() {
        let once =
            planned(&GATE.replace("alpha: 0.05", "alpha: 0.05, sequential: fixed"), Traffic::assumed(0.1, 1e3, 1e3));
        let textbook = units_per_arm(0.01, 0.1 * 0.9, 0.05, 0.8).unwrap();
        let [control, treatment] = once.events.unwrap();
        assert!(control.abs_diff(textbook) <= 1 && control == treatment, "{once:?} {textbook}");
        assert!((once.days.unwrap() - textbook as f64 / 1e3).abs() < 0.01 && once.decides);
        let daily = planned(GATE, Traffic::assumed(0.1, 1e3, 1e3));
        assert!(daily.events.unwrap()[0] > control && daily.events.unwrap()[0] < control * 11 / 10, "{daily:?}");
    }

    #[test]
    fn too_little_traffic_cannot_decide() {
        let few = planned(GATE, Traffic::assumed(0.1, 100.0, 100.0));
        assert!(!few.decides && few.power_at_max.unwrap() < 0.3, "{few:?}");
        assert!(few.reason.contains("at 14d its power is"), "{}", few.reason);
        let gate = GateFile::parse("a", GATE).unwrap();
        assert!(!plan(&gate, &[None]).unwrap().decides);
    }

    #[test]
    fn what_is_needed_gives_the_power() {
        for sequential in ["obrien_fleming", "pocock", "always", "fixed"] {
            let text = GATE.replace("alpha: 0.05", &format!("alpha: 0.05, sequential: {sequential}"));
            let days = planned(&text, Traffic::assumed(0.1, 1e3, 1e3)).days.unwrap();
            let enough = planned(&text, Traffic::assumed(0.1, 1e3 * days / 14.0, 1e3 * days / 14.0));
            assert!((enough.power_at_max.unwrap() - 0.8).abs() < 0.005, "{sequential}: {enough:?}");
        }
    }

    #[test]
    fn guardrails_share_the_chance_to_miss() {
        let item = GATE.split("checks:\n").nth(1).unwrap().replace("name: edit_rate", "name: other");
        let gate = GateFile::parse("a", &format!("{GATE}{item}")).unwrap();
        let traffic = Some(Traffic::assumed(0.1, 1e3, 1e3));
        assert!((plan(&gate, &[traffic, traffic]).unwrap().checks[0].power - 0.9).abs() < 1e-12);
    }
}
