//! Is it shown that the version is good enough, or that it does harm?
//!
//! ```text
//! evidence unusable                                            ERROR
//! harm: the confidence sequence lay beyond the edge            FAIL          at any window, once is enough
//! the last look crosses its boundary, time.min has passed      PASS
//! neither, and there is time                                   CONTINUE
//! neither, and the time is over                                INCONCLUSIVE
//! ```

use tidegate_stats::Estimate;

use super::{Context, Finding, limit, stopped};
use crate::contrast::{self, ArmEstimate, Edges, TooFew};
use crate::error::{Error, Result};
use crate::evidence::Evidence;
use crate::file::{Check, GateFile, Kind, Margin, Test};
use crate::looks::{self, Look};
use crate::series::{Coverage, walk};
use crate::verdict::{CheckVerdict, Interval, Numbers, PerArm, Status};
use crate::words;

/// What a check was seen to be, before it is asked at which level.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    context: Context<'a>,
    check: &'a Check,
    /// An answer that no level changes.
    settled: Option<Finding>,
    points: Vec<Point>,
    coverage: Coverage,
    too_few: Option<TooFew>,
    n: PerArm,
}

/// What had been estimated when a window matured.
#[derive(Debug, Clone, Copy)]
struct Point {
    matures_us: i64,
    treatment: ArmEstimate,
    control: Option<ArmEstimate>,
    harm: Estimate,
}

impl<'a> Seen<'a> {
    /// Reads the evidence of a check.
    pub(crate) fn new(context: Context<'a>, check: &'a Check, read: &Result<Evidence>) -> Self {
        let mut seen = Self {
            context,
            check,
            settled: None,
            points: Vec::new(),
            coverage: Coverage::default(),
            too_few: None,
            n: PerArm { control: None, treatment: 0.0 },
        };
        let settled = match read {
            Err(error) => Err(error.clone()),
            Ok(evidence) => seen.read(evidence),
        };
        seen.settled = settled.unwrap_or_else(|error| {
            let mut finding = Finding::from(&error);
            if matches!(check.test, Test::HardLimit { .. }) {
                // Its rows may be those that are kept inside: not even an error tells a number of them.
                finding.reason = format!("{}: {} ({})", check.name, finding.cause, error.code());
            }
            Some(finding)
        });
        seen
    }

    fn read(&mut self, evidence: &Evidence) -> Result<Option<Finding>> {
        let (context, check) = (self.context, self.check);
        let gate = context.gate;
        if evidence.cells.is_empty() {
            return Err(Error::NoEvidence);
        }
        if let Test::HardLimit { limit, min_events } = check.test {
            return limit::judge(context, check, evidence, limit, min_events).map(Some);
        }
        let names: &[&str] = match (check.kind, check.test.compares()) {
            (Kind::Paired, _) => &[""],
            (_, true) => &[&gate.arms.treatment, &gate.arms.control],
            (_, false) => &[&gate.arms.treatment],
        };
        let arms = names.iter().map(|name| evidence.arm(name)).collect::<Result<Vec<_>>>()?;
        let period = context.period(gate.time.label_maturity);
        let named = arms.iter().copied().zip(names.iter().copied()).collect::<Vec<_>>();
        if let Some(error) = stopped(evidence, &named, period) {
            return Err(error);
        }
        self.coverage = walk(evidence, &arms, period, |matures_us, sums| {
            self.n = PerArm { treatment: sums[0].numbers[1], control: sums.get(1).map(|sums| sums.numbers[1]) };
            let arm = |sums| contrast::arm(gate, check.kind, sums);
            // Numbers of which nothing can be said yet are no error: more of them may come.
            let (Ok(treatment), Ok(control)) = (arm(&sums[0]), sums.get(1).map(arm).transpose()) else { return };
            match (treatment, control.transpose()) {
                (Err(few), _) | (_, Err(few)) => self.too_few = Some(few),
                (Ok(treatment), Ok(control)) => {
                    let harm = contrast::harm(check, treatment.estimate, control.map(|control| control.estimate));
                    if let Some(harm) = harm.ok().filter(|harm| harm.information().is_ok()) {
                        self.points.push(Point { matures_us, treatment, control, harm });
                        self.too_few = None;
                    }
                }
            }
        });
        Ok(None)
    }

    /// The answer if this check may be wrong with a chance of `alpha`.
    ///
    /// # Errors
    /// What the statistics say of numbers that mean nothing.
    pub(crate) fn judge(&self, alpha: f64) -> Result<CheckVerdict> {
        let (context, check) = (self.context, self.check);
        let mut verdict = CheckVerdict {
            name: check.name.clone(),
            query: check.query.clone(),
            test: check.test.name(),
            direction: check.direction,
            verdict: Status::Error,
            cause: "",
            reason: String::new(),
            threshold: threshold(check),
            numbers: None,
        };
        let finding = match (&self.settled, check.test.edges(), self.points.last()) {
            (Some(settled), ..) => settled.clone(),
            (None, Some(edges), Some(last)) => {
                let numbers = self.numbers(edges, last, alpha)?;
                let finding = self.find(edges, &numbers)?;
                verdict.numbers = Some(numbers);
                finding
            }
            _ => nothing_yet(context, check, self.coverage, self.too_few, self.n),
        };
        (verdict.verdict, verdict.cause, verdict.reason) = (finding.status, finding.cause, finding.reason);
        Ok(verdict)
    }

    fn numbers(&self, edges: Edges, last: &Point, alpha: f64) -> Result<Numbers> {
        let gate = self.context.gate;
        let alpha_harm = gate.alpha_of_harm();
        let sequence = looks::sequence(edges, alpha_harm, gate.error.power)?;
        let interval = sequence.interval(last.harm)?;
        let promoting = looks::sequence(edges, alpha, gate.error.power)?;
        // That the truth lies below the edge: the same, seen from the other side.
        let below = Estimate::new(-last.harm.value(), last.harm.variance())?;
        let boundary = match gate.error.sequential.spending() {
            Some(spending) => looks::boundary(&self.looks(), edges.pass, spending, alpha)?,
            None => None,
        };
        let noise = last.treatment.noise_variance + last.control.map_or(0.0, |control| control.noise_variance);
        let spread = last.treatment.estimate.variance() + last.control.map_or(0.0, |arm| arm.estimate.variance());
        Ok(Numbers {
            control: last.control.map(|control| control.estimate.value()),
            treatment: last.treatment.estimate.value(),
            harm: last.harm.value(),
            standard_error: last.harm.variance().sqrt(),
            noise_share: if spread > 0.0 { (noise / spread).min(1.0) } else { 0.0 },
            interval: Interval { low: interval.low, high: interval.high },
            boundary: boundary.map(|boundary| boundary.needed),
            z: boundary.map(|boundary| boundary.z),
            looks: boundary.map_or(self.points.len() as u64, |boundary| boundary.looks),
            p_value: promoting.p_value(below, -edges.pass)?,
            alpha,
            alpha_harm,
            n: self.n,
            windows: self.coverage.windows,
            withheld_share: self.coverage.withheld_share(),
        })
    }

    /// The last estimate at each look that was reached.
    fn looks(&self) -> Vec<Look> {
        let (context, time) = (self.context, &self.context.gate.time);
        let reached = looks::planned(time, context.gate.error.sequential).into_iter();
        let reached = reached.take_while(|&look| look <= context.elapsed().0);
        let looks = reached.filter_map(|look| {
            let until_us = context.since_us + look;
            let point = self.points.iter().rev().find(|point| point.matures_us <= until_us)?;
            Some(Look { elapsed: look as f64 / time.max.0 as f64, estimate: point.harm })
        });
        looks.collect()
    }

    fn find(&self, edges: Edges, numbers: &Numbers) -> Result<Finding> {
        let (context, check) = (self.context, self.check);
        let gate = context.gate;
        let sequence = looks::sequence(edges, numbers.alpha_harm, gate.error.power)?;
        for point in &self.points {
            if sequence.interval(point.harm)?.low > edges.harm {
                let when = words::instant(point.matures_us);
                let reason = format!("{}: {}, harm is shown since {when}", check.name, change(check, numbers));
                return Ok(Finding::new(Status::Fail, "harm", reason));
            }
        }
        let withheld = numbers.withheld_share;
        if withheld > gate.cohort.max_withheld_share {
            let reason = format!(
                "{}: {} of the windows are withheld or missing, {} may be",
                check.name,
                words::percent(withheld),
                words::percent(gate.cohort.max_withheld_share)
            );
            return Ok(Finding::new(context.open(), "withheld", reason));
        }
        let is_shown = match (numbers.z, numbers.boundary) {
            (Some(z), Some(boundary)) => z >= boundary,
            _ if gate.error.sequential.spending().is_some() => false,
            _ => context.elapsed() >= gate.time.min && numbers.p_value <= numbers.alpha,
        };
        let change = change(check, numbers);
        if is_shown {
            let reason = format!("{}: {change}, shown {}", check.name, claim(check));
            return Ok(Finding::new(Status::Pass, "shown", reason));
        }
        if context.elapsed() < gate.time.min {
            let reason = format!("{}: {change}, not judged before {}", check.name, gate.time.min);
            return Ok(Finding::new(Status::Continue, "too_early", reason));
        }
        let reason = format!("{}: {change}, not shown {}{}", check.name, claim(check), so_far(numbers));
        Ok(Finding::new(context.open(), "not_shown", reason))
    }
}

fn nothing_yet(context: Context<'_>, check: &Check, coverage: Coverage, too_few: Option<TooFew>, n: PerArm) -> Finding {
    let (cause, what) = match too_few {
        _ if coverage.windows == 0 && coverage.withheld > 0.0 => ("withheld", "every window is withheld or missing"),
        _ if coverage.windows == 0 => ("no_window", "no window is mature yet"),
        _ if n.treatment == 0.0 && n.control.unwrap_or(0.0) == 0.0 => ("no_traffic", "there was no traffic"),
        Some(TooFew::Buckets) => ("too_few_buckets", "events come from fewer than 8 buckets"),
        Some(TooFew::Events) => ("too_few_events", "too few events for any test"),
        None => ("not_computable", "the numbers allow no test yet"),
    };
    Finding::new(context.open(), cause, format!("{}: {what}", check.name))
}

/// `+0.05 percentage points`
fn change(check: &Check, numbers: &Numbers) -> String {
    let signed = check.direction.harm() * numbers.harm;
    match (&check.test, check.kind) {
        (Test::Below { .. }, Kind::Ratio) => format!("{:.4}", numbers.treatment),
        (Test::Below { .. }, _) => words::percent(numbers.treatment),
        (Test::NonInferior { margin: Margin::Percent(_) } | Test::Superior { margin: Margin::Percent(_), .. }, _) => {
            words::relative(signed)
        }
        _ => words::points(signed),
    }
}

/// `to be less than 1pp worse`
fn claim(check: &Check) -> String {
    match &check.test {
        Test::NonInferior { margin } => format!("to be less than {margin} worse"),
        Test::Superior { margin, .. } if margin.share() == 0.0 => "to be better".into(),
        Test::Superior { margin, .. } => format!("to be more than {margin} better"),
        Test::Below { .. } | Test::HardLimit { .. } => format!("to be {}", threshold(check)),
    }
}

/// What it is held against, in words.
pub(crate) fn threshold(check: &Check) -> String {
    let value = |limit: f64| if check.kind == Kind::Ratio { limit.to_string() } else { words::percent(limit) };
    match &check.test {
        Test::NonInferior { margin } => format!("at most {margin} worse"),
        Test::Superior { margin, .. } => format!("more than {margin} better"),
        Test::Below { limit, .. } => format!("below {}", value(*limit)),
        Test::HardLimit { limit, .. } => format!("at most {}", value(*limit)),
    }
}

fn so_far(numbers: &Numbers) -> String {
    match (numbers.z, numbers.boundary) {
        (Some(z), Some(boundary)) => format!(" (z {z:.2}, needs {boundary:.2} at look {})", numbers.looks),
        _ => format!(" (p {}, needs {})", words::probability(numbers.p_value), numbers.alpha),
    }
}

/// The checks of a gate, each at the level it has: success metrics of which one is enough share alpha by Holm's rule.
///
/// # Errors
/// What the statistics say of numbers that mean nothing.
pub(crate) fn judge_all(gate: &GateFile, seen: &[Seen<'_>]) -> Result<Vec<CheckVerdict>> {
    let alpha = gate.error.alpha;
    let shares = |seen: &Seen<'_>| {
        gate.decide.promote == crate::file::Promote::AnySuperior && matches!(seen.check.test, Test::Superior { .. })
    };
    let mut open = seen.iter().filter(|seen| shares(seen)).count();
    let mut verdicts = seen.iter().map(|seen| seen.judge(alpha / if shares(seen) { open as f64 } else { 1.0 }));
    let mut verdicts = verdicts.by_ref().collect::<Result<Vec<_>>>()?;
    // S. Holm, Scandinavian Journal of Statistics 6 (1979), 65-70: each one that is shown gives its share to the others.
    loop {
        let passed = (0..seen.len()).filter(|&i| shares(&seen[i]) && verdicts[i].verdict == Status::Pass).count();
        let left = seen.iter().filter(|seen| shares(seen)).count() - passed;
        if left == 0 || left == open {
            return Ok(verdicts);
        }
        open = left;
        for (i, seen) in seen.iter().enumerate() {
            if shares(seen) && verdicts[i].verdict != Status::Pass {
                verdicts[i] = seen.judge(alpha / open as f64)?;
            }
        }
    }
}
