//! How exactly is a quantile known?

use tidegate_stats::order_statistic::{Beside, band, clustered_variance, variance};

use super::answer::{Answer, INTERVAL, NoAnswer, Row, number, numbers, of_intervals, of_numbers, parts};
use super::ratio::sums;
use crate::call::{Function, Parameter};

const CLUSTERED: &[Parameter] = &[
    number("low"),
    number("high"),
    number("n"),
    number("n_star"),
    number("level"),
    number("clusters"),
    number("m"),
    number("m2"),
    number("d"),
    number("d2"),
    number("md"),
];

/// - `quantile_band(level, n)`: `{low, high}`, the levels beside `level` at which to ask for quantiles of `n` values. Null
///   where `n` is too small for both to lie between 0 and 1.
/// - `quantile_variance(low, high, n, n_star)`: the variance of the quantile between those two quantiles, of `n` values;
///   `n_star` is the number that the band was made for.
/// - `quantile_cluster_variance(low, high, n, n_star, level, clusters, m, m2, d, d2, md)`: that of values in clusters; `m`
///   counts a cluster's values at or below the quantile, `d` all of them (see `ratio_estimate`).
pub(super) fn functions() -> Vec<Function> {
    vec![
        of_intervals("quantile_band", const { &[number("level"), number("n")] }, |rows| {
            parts(rows, &INTERVAL, |row| {
                let (level, n) = (row.number(0)?, row.count(1)?);
                match band(level, n) {
                    Err(_) if level > 0.0 && level < 1.0 => Err(NoAnswer::Null),
                    levels => Ok(levels.map(|(low, high)| [low, high])?),
                }
            })
        }),
        of_numbers(
            "quantile_variance",
            const { &[number("low"), number("high"), number("n"), number("n_star")] },
            |rows| numbers(rows, |row| Ok(variance(beside(row)?)?)),
        ),
        of_numbers("quantile_cluster_variance", CLUSTERED, |rows| {
            numbers(rows, |row| {
                let below = sums(row, 5)?;
                if below.clusters < 2 || below.d == 0.0 {
                    return Err(NoAnswer::Null);
                }
                Ok(clustered_variance(beside(row)?, row.number(4)?, below)?)
            })
        }),
    ]
}

fn beside(row: Row<'_>) -> Answer<Beside> {
    let beside = Beside { low: row.number(0)?, high: row.number(1)?, n: row.count(2)?, n_star: row.count(3)? };
    if beside.n < 2 || beside.n_star == 0 { Err(NoAnswer::Null) } else { Ok(beside) }
}
