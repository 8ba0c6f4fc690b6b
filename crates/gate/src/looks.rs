//! When may a gate be looked at, and what must be shown by then?
//!
//! The side that promotes looks once a day from `time.min` on, and last at `time.max`, with alpha spent by the calendar; or
//! at every window, or once. The side that rolls back looks at every window. Both are pure functions of the evidence: a
//! job that slept finds the same boundaries as one that did not.

use tidegate_stats::group_sequential::{boundaries_on_calendar, inflation};
use tidegate_stats::{ConfidenceSequence, Estimate, Result, Sides, Spending, planned_information};

use crate::contrast::Edges;
use crate::file::{ErrorRates, Sequential, Span, Time};

/// Information must rise by this much for a look to be one.
const LEAST_RISE: f64 = 1e-4;

impl Sequential {
    /// How alpha is spent over looks; none where it is not.
    pub(crate) fn spending(self) -> Option<Spending> {
        match self {
            Self::ObrienFleming | Self::Fixed => Some(Spending::ObrienFleming),
            Self::Pocock => Some(Spending::Pocock),
            Self::Always => None,
        }
    }
}

/// The looks of a plan, in microseconds since the stage began; the last is `time.max`.
pub(crate) fn planned(time: &Time, sequential: Sequential) -> Vec<i64> {
    let last = time.max.0;
    if sequential == Sequential::Fixed {
        return vec![last];
    }
    let first = time.min.0.max(time.window.0).max(1);
    let days = (1..).map(|day| day * Span::DAY.0);
    let mut looks: Vec<i64> = days.skip_while(|&day| day < first).take_while(|&day| day < last).collect();
    looks.push(last);
    looks
}

/// A look that was reached: how much of the time had passed, and what was estimated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Look {
    /// In (0, 1].
    pub(crate) elapsed: f64,
    pub(crate) estimate: Estimate,
}

/// What the last look must exceed, and by how much it does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Boundary {
    /// Looks that counted, this one included.
    pub(crate) looks: u64,
    /// How many standard errors the estimate lies below the edge.
    pub(crate) z: f64,
    /// How many it must.
    pub(crate) needed: f64,
}

/// Judges the last of the looks; none where there is no look yet.
///
/// # Errors
/// What the statistics say of numbers that mean nothing.
pub(crate) fn boundary(looks: &[Look], edge: f64, spending: Spending, alpha: f64) -> Result<Option<Boundary>> {
    let Some(last) = looks.last() else { return Ok(None) };
    let now = last.estimate.information()?;
    let (mut information, mut elapsed) = (Vec::<f64>::new(), Vec::new());
    // A look that brought nothing new is none: what it might have spent is left to the next. One that seemed to know as much
    // as this one, because variances are estimates, was a look all the same: what it spent is spent.
    let mut ahead = None;
    for look in &looks[..looks.len() - 1] {
        let found = look.estimate.information()?;
        if found * (1.0 + 2.0 * LEAST_RISE) >= now {
            ahead = Some(look.elapsed);
        } else if information.last().is_none_or(|&before| found > before * (1.0 + LEAST_RISE)) {
            information.push(found);
            elapsed.push(look.elapsed);
        }
    }
    if let Some(spent) = ahead.filter(|_| now > 0.0) {
        information.push(now / (1.0 + LEAST_RISE));
        elapsed.push(spent.max(elapsed.last().copied().unwrap_or(0.0)));
    }
    information.push(now);
    elapsed.push(last.elapsed);
    let needed = boundaries_on_calendar(&information, &elapsed, spending, Sides::One, alpha)?;
    let needed = needed.last().copied().unwrap_or(f64::INFINITY);
    Ok(Some(Boundary { looks: information.len() as u64, z: -last.estimate.z(edge)?, needed }))
}

/// The confidence sequence of a check: tightest where its plan ends, which depends on the declaration alone.
///
/// # Errors
/// [`tidegate_stats::Error::OutOfRange`] for a gap that is none.
pub(crate) fn sequence(edges: Edges, alpha: f64, power: f64) -> Result<ConfidenceSequence> {
    ConfidenceSequence::new(Sides::One, alpha, planned_information(edges.gap, alpha, power)?)
}

/// The information a check needs so that a version that is as expected passes with the wanted power.
///
/// # Errors
/// [`tidegate_stats::Error::OutOfRange`] for a gap that is none.
pub(crate) fn needed_information(edges: Edges, error: &ErrorRates, time: &Time, power: f64) -> Result<f64> {
    let Some(spending) = error.sequential.spending() else {
        return planned_information(edges.gap, error.alpha, power);
    };
    let looks = planned(time, error.sequential);
    let last = looks.last().copied().unwrap_or(1) as f64;
    let fractions = looks.iter().map(|&look| look as f64 / last).collect::<Vec<_>>();
    let once = tidegate_stats::normal::quantile(power)? - tidegate_stats::normal::quantile(error.alpha)?;
    Ok(inflation(&fractions, spending, Sides::One, error.alpha, power)? * (once / edges.gap).powi(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(min: i64, max: i64) -> Time {
        let day = |days: i64| Span(days * Span::DAY.0);
        Time {
            window: Span(Span::DAY.0 / 24),
            min: day(min),
            max: day(max),
            label_maturity: Span(0),
            freeze: Vec::new(),
        }
    }

    #[test]
    fn looks_are_daily_from_the_shortest_time_to_the_longest() {
        let days = |looks: Vec<i64>| looks.into_iter().map(|look| look / Span::DAY.0).collect::<Vec<_>>();
        assert_eq!(days(planned(&time(3, 6), Sequential::ObrienFleming)), [3, 4, 5, 6]);
        assert_eq!(days(planned(&time(0, 2), Sequential::Pocock)), [1, 2]);
        assert_eq!(days(planned(&time(3, 6), Sequential::Fixed)), [6]);
        assert_eq!(days(planned(&time(2, 2), Sequential::ObrienFleming)), [2]);
    }

    #[test]
    fn a_look_without_news_is_none() {
        let look = |elapsed, variance| Look { elapsed, estimate: Estimate::new(0.0, variance).unwrap() };
        let ask = |looks: &[Look]| boundary(looks, 0.01, Spending::ObrienFleming, 0.05).unwrap().unwrap();
        let two = ask(&[look(0.5, 2e-5), look(1.0, 1e-5)]);
        assert_eq!(ask(&[look(0.25, 2e-5), look(0.5, 2e-5), look(1.0, 1e-5)]).looks, 2);
        // What a look spent that seemed to know more is not given back.
        let ahead = ask(&[look(0.5, 0.9e-5), look(1.0, 1e-5)]);
        assert!(ahead.looks == 2 && ahead.needed >= 1.6448, "{ahead:?}");
        assert_eq!((two.looks, two.z >= two.needed), (2, true));
        assert!(two.needed > 1.645 && two.needed < 1.75, "{two:?}");
    }

    #[test]
    fn plans_need_more_information_the_more_they_look() {
        let edges = Edges { pass: 0.01, harm: 0.01, gap: 0.01 };
        let needed = |sequential| {
            let error = ErrorRates { alpha: 0.05, power: 0.8, sequential };
            needed_information(edges, &error, &time(3, 14), 0.8).unwrap()
        };
        let once = needed(Sequential::Fixed);
        assert!((once - (1.6448536 + 0.8416212_f64).powi(2) * 1e4).abs() < 1.0, "{once}");
        let (obf, pocock, always) =
            (needed(Sequential::ObrienFleming), needed(Sequential::Pocock), needed(Sequential::Always));
        assert!(once < obf && obf < pocock && pocock < always, "{once} {obf} {pocock} {always}");
    }
}
