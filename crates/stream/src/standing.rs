//! Can every day pay for all signals that stand?
//!
//! A signal is charged the same for each of its days, and which days of UTC those touch follows from its windows. So what
//! a day will have paid is known before anything is read.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use tidegate_algebra::private::EPOCH_DAYS;
use tidegate_algebra::{Period, Windows};
use tidegate_ledger::Spend;
use tidegate_signal::{Policy, Signal};

use crate::error::Result;
use crate::noise::{self, Payer};

const DAY_US: i64 = 86_400_000_000;

/// What one signal takes of every day.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The signal.
    pub signal: String,
    /// The stream whose units pay.
    pub stream: String,
    /// What tells its units apart.
    pub unit: String,
    /// What is declared, for one of the signal's days.
    pub epsilon: f64,
    /// What one of the signal's days costs.
    pub spend: Spend,
    /// How many of the signal's days touch one day of UTC, at most.
    pub charges: u64,
}

impl Standing {
    /// What `signal` takes of each stream whose units pay for it, its own first; nothing when it is not noised.
    ///
    /// # Errors
    /// When its noise cannot be calibrated.
    pub fn of(signal: &Signal) -> Result<Vec<Self>> {
        let Policy::Differential { clause, .. } = &signal.policy else { return Ok(Vec::new()) };
        let spend = noise::spend(signal)?;
        let block_of = |day| signal.cut.private_spec().map_or(day..=day, |spec| spec.block_of(day));
        let standing = |payer: Payer| Self {
            signal: signal.name().to_owned(),
            epsilon: clause.epsilon,
            spend,
            charges: signal.panes().map_or(1, |panes| charges_per_day(&payer, panes, block_of)),
            stream: payer.stream,
            unit: payer.unit,
        };
        Ok(noise::payers(signal).map(standing).collect())
    }

    /// What a day pays for it.
    pub fn per_day(&self) -> Spend {
        let Spend { rho_nano, delta_atto } = self.spend;
        Spend { rho_nano: rho_nano.saturating_mul(self.charges), delta_atto: delta_atto.saturating_mul(self.charges) }
    }
}

/// Signals that are too dear together, and the stream and unit that would pay for them.
#[derive(Debug, Clone, PartialEq)]
pub struct Overdraft<'a> {
    /// The stream.
    pub stream: &'a str,
    /// What tells its units apart.
    pub unit: &'a str,
    /// What a day may spend.
    pub cap: Spend,
    /// What it would have to.
    pub total: Spend,
    /// For what.
    pub signals: Vec<&'a Standing>,
}

/// Those whose signals ask more of a day than `cap` of their stream.
pub fn overdrafts<'a>(standing: &'a [Standing], cap: impl Fn(&str) -> Spend) -> Vec<Overdraft<'a>> {
    let mut accounts: BTreeMap<(&str, &str), Vec<&Standing>> = BTreeMap::new();
    for signal in standing {
        accounts.entry((&signal.stream, &signal.unit)).or_default().push(signal);
    }
    let overdraft = |((stream, unit), signals): (_, Vec<&'a Standing>)| {
        let total = signals.iter().map(|signal| signal.per_day()).fold(Spend::default(), Spend::plus);
        let cap = cap(stream);
        (!total.fits(cap)).then_some(Overdraft { stream, unit, cap, total, signals })
    };
    accounts.into_iter().filter_map(overdraft).collect()
}

/// How many of the blocks of `panes` are made of rows of one day of UTC, at most; `block_of` gives a day's block.
fn charges_per_day(payer: &Payer, panes: Windows, block_of: impl Fn(i32) -> RangeInclusive<i32>) -> u64 {
    let stretch = stretch(payer, panes).map(block_of);
    let blocks = stretch.map(|block| (*block.start(), block)).collect::<BTreeMap<_, _>>();
    let mut touched: BTreeMap<i32, u64> = BTreeMap::new();
    for block in blocks.values() {
        for day in payer.days(panes, block).into_iter().flatten() {
            *touched.entry(day).or_default() += 1;
        }
    }
    touched.into_values().max().unwrap_or(1)
}

/// Days among which the dearest one is.
fn stretch(payer: &Payer, panes: Windows) -> std::ops::Range<i32> {
    /// 2026-01-01.
    const FROM: i32 = 20_454;
    let reach = i32::try_from(payer.reach_us() / DAY_US).unwrap_or(i32::MAX / 4).min(100_000);
    let days = match panes {
        Windows::Tumble(Period::Fixed(size_us)) if DAY_US % size_us == 0 => 1,
        // Of two ends in a row, one is no midnight; or all are.
        Windows::Tumble(Period::Fixed(size_us)) => i32::try_from(3 * (size_us / DAY_US)).unwrap_or(i32::MAX / 4) + 4,
        // Clocks change twice a year.
        _ => {
            let ends_us = panes.end_of(panes.pane_of(i64::from(FROM) * DAY_US)).unwrap_or(0);
            let length = i32::try_from(ends_us / DAY_US).unwrap_or(FROM) - FROM;
            2 * (366 + length.clamp(0, 100_000))
        }
    };
    // Epochs, too, have neighbours.
    FROM..FROM.saturating_add(days).saturating_add(3 * (reach + 1)).saturating_add(3 * EPOCH_DAYS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Payer {
        Payer { stream: "d".to_owned(), unit: "u".to_owned(), reach_us: (0, 0) }
    }

    fn daily(day: i32) -> RangeInclusive<i32> {
        day..=day
    }

    fn charges(size_us: i64) -> u64 {
        charges_per_day(&own(), Windows::tumble(size_us), daily)
    }

    #[test]
    fn windows_that_divide_a_day_are_paid_for_once() {
        const HOUR_US: i64 = 3_600_000_000;
        for hours in [1, 8, 24, 48, 7 * 24] {
            assert_eq!(charges(hours * HOUR_US), 1, "{hours} hours");
        }
        for hours in [5, 7, 23, 25, 36, 1_000] {
            assert_eq!(charges(hours * HOUR_US), 2, "{hours} hours");
        }
        assert_eq!(charges(7_000_000), 2);
    }

    #[test]
    fn days_of_other_zones_share_days_of_utc() {
        let berlin = |period: fn(chrono_tz::Tz) -> Period| {
            charges_per_day(&own(), Windows::Tumble(period(chrono_tz::Europe::Berlin)), daily)
        };
        assert_eq!(berlin(|zone| Period::Days(1, zone)), 2);
        assert_eq!(berlin(|zone| Period::Days(7, zone)), 2);
        assert_eq!(berlin(|zone| Period::Months(12, zone)), 2);
        assert_eq!(charges_per_day(&own(), Windows::Tumble(Period::Months(1, chrono_tz::UTC)), daily), 1);
        // In winter its days are those of UTC.
        assert_eq!(charges_per_day(&own(), Windows::Tumble(Period::Days(1, chrono_tz::Europe::London)), daily), 2);
    }

    /// Labels that come up to three days later are in the windows of four days.
    #[test]
    fn a_day_pays_for_every_day_that_its_rows_are_part_of() {
        let met = |before_us, after_us| Payer { reach_us: (before_us, after_us), ..own() };
        let days = Windows::tumble(DAY_US);
        assert_eq!(charges_per_day(&met(0, 3 * DAY_US), days, daily), 4);
        assert_eq!(charges_per_day(&met(0, DAY_US / 2), days, daily), 2);
        assert_eq!(charges_per_day(&met(DAY_US, DAY_US), Windows::tumble(DAY_US / 24), daily), 3);
        assert_eq!(charges_per_day(&met(-DAY_US, 2 * DAY_US), days, daily), 2);
        let epoch = |day: i32| day.div_euclid(28) * 28..=day.div_euclid(28) * 28 + 27;
        assert_eq!(charges_per_day(&own(), days, epoch), 1);
        assert_eq!(charges_per_day(&met(0, 3 * DAY_US), days, epoch), 2);
    }

    #[test]
    fn signals_are_added_up_by_stream_and_unit() {
        let signal = |name: &str, unit: &str, rho_nano, charges| Standing {
            signal: name.to_owned(),
            stream: "d".to_owned(),
            unit: unit.to_owned(),
            epsilon: 1.0,
            spend: Spend { rho_nano, delta_atto: 1 },
            charges,
        };
        let standing = [signal("a", "u", 40, 1), signal("b", "u", 30, 2), signal("c", "device", 90, 1)];
        let cap = |rho_nano| move |_: &str| Spend { rho_nano, delta_atto: 9 };
        assert_eq!(overdrafts(&standing, cap(100)), []);
        let over = overdrafts(&standing, cap(99));
        assert_eq!(over.len(), 1);
        assert_eq!((over[0].unit, over[0].total), ("u", Spend { rho_nano: 100, delta_atto: 3 }));
        assert_eq!(overdrafts(&standing, |_| Spend { rho_nano: 100, delta_atto: 2 }).len(), 1, "delta is paid too");
    }
}
