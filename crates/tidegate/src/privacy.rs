//! What does a noised query promise, what does it cost, and how far off will it be? In words, without reading a row.

use std::fmt::Write;

use tidegate_algebra::private::{EPOCH_DAYS, Expected, PrivateSpec, Statistic};
use tidegate_ledger::Spend;
use tidegate_privacy::{Allowance, Calibration, Cost, Mechanism};
use tidegate_signal::{Differential, Policy, Signal};
use tidegate_stream::Standing;

use crate::failure::Result;
use crate::project::{Project, cap_of};
use crate::words::counted;

/// Groups of how many units are looked at.
const SIZES: [u64; 4] = [100, 1_000, 10_000, 100_000];

/// The privacy of a noised signal; nothing for others.
pub(crate) fn describe(signal: &Signal, project: &Project) -> Result<Option<String>> {
    let (Policy::Differential { clause, unit }, Some(spec)) = (&signal.policy, signal.cut.private_spec()) else {
        return Ok(None);
    };
    let Some(calibration) = signal.cut.calibration() else { return Ok(None) };
    let explain = |source| tidegate_stream::Error::Signal { signal: signal.name().to_owned(), source };
    let calibration = calibration.map_err(explain)?;
    let stream = project.inputs.iter().map(|(stream, _)| &stream.definition);
    let stream = stream.into_iter().find(|stream| stream.name.value == signal.stream);
    let allowance = stream.map_or_else(|| project.config.privacy.allowance(), |stream| project.allowance_of(stream));
    let has_days = stream.is_some_and(|stream| stream.contract.event_time.is_some());
    let standing = Standing::of(signal)?;
    let charges = standing.first().map_or(1, |standing| standing.charges);
    let noised = Noised { signal, clause, unit, spec, calibration: &calibration, has_days, charges };
    let mut text = String::new();
    let mut line = |part: String| {
        let _ = writeln!(text, "{part}");
    };
    line(format!("privacy: differential, per {unit}{}", noised.block()));
    line(format!("  promises  {}", noised.promise()));
    line(format!(
        "  bounds    {unit} counts in at most {} of {}, its first{}",
        counted(u64::from(clause.max_groups), "group"),
        noised.day(),
        clause
            .max_days
            .map_or_else(String::new, |days| format!(", on its first {} of an epoch", counted(days.into(), "day")))
    ));
    line(format!("  noises    {}", noised.mechanism()));
    line(indent(&noised.statistics()));
    if let Some(slices) = noised.slices() {
        line(format!("  adds up   {slices}"));
    }
    line(format!("  shows     {}", noised.groups()));
    line(format!("  spends    {}", noised.spends(allowance)));
    for Standing { stream, unit, charges, .. } in standing.iter().skip(1) {
        line(format!("            and as much of the {unit} of {stream} whose rows meet, up to {charges} times a day"));
    }
    line(format!("  expect    of 20 values, 19 to be less far off than this, depending on the group's {unit};"));
    line(format!("            of counts and sums in percent, where each {unit} contributes as much as it may"));
    line(indent(&noised.errors()));
    Ok(Some(text))
}

struct Noised<'a> {
    signal: &'a Signal,
    clause: &'a Differential,
    unit: &'a str,
    spec: &'a PrivateSpec,
    calibration: &'a Calibration,
    has_days: bool,
    /// How often a day of UTC pays.
    charges: u64,
}

impl Noised<'_> {
    fn day(&self) -> &'static str {
        if self.has_days { "a day" } else { "the data" }
    }

    /// Over what the promise holds.
    fn block(&self) -> String {
        match (self.has_days, self.clause.max_days) {
            (false, _) => String::new(),
            (true, None) => " and day of event time in UTC".to_owned(),
            (true, Some(_)) => format!(" and epoch of {EPOCH_DAYS} days of event time in UTC"),
        }
    }

    fn promise(&self) -> String {
        // A day of UTC that windows of several days touch is told about by each of them.
        let charges = self.charges as f64;
        let epsilon = charges * self.clause.epsilon;
        let may_fail = self.spec.min_units.is_some() || self.spec.mechanism == Mechanism::Gaussian;
        let except = match charges * self.clause.delta {
            delta if may_fail && delta > 0.0 => format!(", but for a chance of {}", number(delta)),
            _ => String::new(),
        };
        let of = match (self.has_days, self.clause.max_days) {
            (false, _) => "",
            (true, None) => " of a day",
            (true, Some(_)) => " of an epoch",
        };
        format!(
            "with or without the rows{of} of any one {}, what is released{of} is as likely up to a factor of e^{} = {}{except}",
            self.unit,
            number(epsilon),
            number(epsilon.exp())
        )
    }

    fn mechanism(&self) -> String {
        let of_units = self.spec.min_units.is_some() && self.spec.mechanism == Mechanism::Gaussian;
        let besides = if of_units { "; the number of units with LAPLACE" } else { "" };
        format!("{}{besides}", self.spec.mechanism)
    }

    /// Per statistic, its bounds and its noise.
    fn statistics(&self) -> String {
        let mut rows =
            vec![["statistic", "clamped per unit to", "standard deviation of noise"].map(str::to_owned).to_vec()];
        for (measure, expected) in self.spec.measures.iter().zip(self.spec.expected(self.calibration, 1)) {
            let bounds = measure.bounds.map(|bounds| format!("{} to {}", bounds.low, bounds.high));
            let per = match measure.statistic {
                Statistic::Count | Statistic::Sum | Statistic::Units => "",
                Statistic::Mean | Statistic::Variance => " / units of the group, at most",
                Statistic::Deviation => " / root of the group's units, at most",
                Statistic::Quantile => " of a rank / units of the group, about",
                Statistic::Histogram => " in each bin",
                Statistic::Extent(_) => " in each power of two",
            };
            rows.push(vec![
                measure.call.clone(),
                bounds.unwrap_or_else(|| match measure.statistic {
                    Statistic::Extent(_) => "nothing: it counts in one power of two".to_owned(),
                    _ => "once".to_owned(),
                }),
                format!("{}{per}", number(expected.stddev)),
            ]);
        }
        aligned(&rows)
    }

    /// Of what windows that overlap are made.
    fn slices(&self) -> Option<String> {
        let (windows, panes) = (self.signal.windows?, self.signal.panes()?);
        (windows != panes).then(|| {
            format!("slices ({panes}), each noised once: what is said here is of one; n of them have root(n) times its noise")
        })
    }

    fn groups(&self) -> String {
        let shown = |chance| self.calibration.units_shown(chance).unwrap_or_default();
        match (self.calibration.threshold(), &self.spec.public) {
            (Some(_), _) => {
                let least = self.clause.min_units;
                let never = if least > 1 { format!(", of fewer than {least} never") } else { String::new() };
                format!(
                    "a group of {} {unit} with a chance of 50 %, of {} {unit} with 99 %{never}",
                    shown(0.5),
                    shown(0.99),
                    unit = self.unit
                )
            }
            (None, Some(public)) => {
                format!("all {} public groups, also those that nobody is in", public.rows.num_rows())
            }
            (None, None) if self.signal.windows.is_some() => "every window, also those that nobody is in".to_owned(),
            (None, None) => "the one group there is".to_owned(),
        }
    }

    fn spends(&self, allowance: Allowance) -> String {
        let Differential { epsilon, delta, .. } = self.clause;
        let Cost { rho_nano, delta_atto } = self.calibration.cost();
        let once = Spend { rho_nano, delta_atto };
        let Self { charges, .. } = *self;
        let per_day = (0..charges).fold(Spend::default(), |sum, _| sum.plus(once));
        let times = if charges > 1 {
            format!(", up to {charges} times a day: by the days its windows start on")
        } else {
            String::new()
        };
        let whom = match (self.has_days, self.signal.definition.once) {
            (false, _) => "of the data as a whole".to_owned(),
            (true, false) => format!("of each day that its windows touch{times}"),
            (true, true) => format!("of each day from the first to the last one of the data{times}"),
        };
        format!(
            "epsilon {}, delta {}; charged as rho {}, delta {} {whom}; {} of what {} may spend (epsilon {}, delta {})",
            number(*epsilon),
            number(*delta),
            number(rho_of(once)),
            number(delta_of(once)),
            share(per_day, cap_of(allowance)),
            self.signal.stream,
            number(allowance.epsilon),
            number(allowance.delta)
        )
    }

    /// Per size of a group, how far off each statistic will be.
    fn errors(&self) -> String {
        let calls = self.spec.measures.iter().map(|measure| measure.call.clone());
        let mut rows = vec![std::iter::once(format!("{} in the group", self.unit)).chain(calls).collect::<Vec<_>>()];
        for size in SIZES {
            let expected = self.spec.expected(self.calibration, size);
            let cells = expected.iter().zip(&self.spec.measures).map(|(expected, measure)| {
                let is_laplace = self.spec.mechanism == Mechanism::Laplace
                    || (measure.statistic == Statistic::Units && self.spec.min_units.is_some());
                error(expected, is_laplace)
            });
            rows.push(std::iter::once(grouped(size)).chain(cells).collect());
        }
        aligned(&rows)
    }
}

/// What 19 of 20 errors stay below.
fn error(expected: &Expected, is_laplace: bool) -> String {
    // Of Laplace noise: ln(20) / sqrt(2).
    let off = expected.stddev * if is_laplace { 2.118 } else { 1.96 };
    match expected.most {
        Some(most) if most > 0.0 => format!("{} %", two_digits(100.0 * off / most)),
        _ => two_digits(off),
    }
}

/// Rho of what is charged.
pub(crate) fn rho_of(spend: Spend) -> f64 {
    spend.rho_nano as f64 / 1e9
}

/// Delta of what is charged.
pub(crate) fn delta_of(spend: Spend) -> f64 {
    spend.delta_atto as f64 / 1e18
}

/// What is charged, in the currency that converts to epsilon.
pub(crate) fn cost(spend: Spend) -> Cost {
    Cost { rho_nano: spend.rho_nano, delta_atto: spend.delta_atto }
}

/// Which part of a cap is spent, by what runs out first.
pub(crate) fn share(spend: Spend, cap: Spend) -> String {
    let part = |spent: u64, cap: u64| if spent == 0 { 0.0 } else { 100.0 * spent as f64 / cap as f64 };
    let part = part(spend.rho_nano, cap.rho_nano).max(part(spend.delta_atto, cap.delta_atto));
    format!("{} %", two_digits(part))
}

/// An epsilon that was computed; there is none that holds when it is infinite.
pub(crate) fn epsilon(epsilon: f64) -> String {
    if epsilon.is_finite() { number(epsilon) } else { "unbounded".to_owned() }
}

/// Three digits that count, as in `0.109`, `1e-8` and `12400`.
pub(crate) fn number(value: f64) -> String {
    digits(value, 3)
}

fn two_digits(value: f64) -> String {
    digits(value, 2)
}

fn digits(value: f64, digits: usize) -> String {
    let scientific = format!("{value:.*e}", digits.saturating_sub(1));
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent = exponent.parse::<i32>().unwrap_or(0);
    if value == 0.0 || (-4..7).contains(&exponent) {
        // Digits that do not count are zeros: 226.27 is 226, 12416 is 12400.
        let rounded = scientific.parse::<f64>().unwrap_or(value);
        return format!("{rounded}");
    }
    let mantissa = if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
    format!("{mantissa}e{exponent}")
}

/// A whole number with separators: `10,000`.
fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Rows of cells, one below the other.
pub(crate) fn aligned(rows: &[Vec<String>]) -> String {
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let width = width(column).unwrap_or_default();
            format!("{cell:width$}")
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_show_the_digits_that_count() {
        let shown = [0.0, 1.0, 0.109375, 226.27, 12_416.0, 1.000_000_000_1e-8, 5e8, 0.000_123_4].map(number);
        assert_eq!(shown, ["0", "1", "0.109", "226", "12400", "1e-8", "5e8", "0.000123"]);
        assert_eq!([100, 1_000, 1_234_567].map(grouped), ["100", "1,000", "1,234,567"]);
    }

    #[test]
    fn a_share_is_of_what_runs_out_first() {
        let cap = Spend { rho_nano: 100, delta_atto: 10 };
        assert_eq!(share(Spend { rho_nano: 10, delta_atto: 5 }, cap), "50 %");
        assert_eq!(share(Spend { rho_nano: 200, delta_atto: 0 }, cap), "200 %");
        assert_eq!(share(Spend { rho_nano: 1, delta_atto: 0 }, Spend::default()), "inf %");
    }
}
