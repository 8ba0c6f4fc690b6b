//! How far apart are two ratios whose rows come in clusters?

use tidegate_stats::Estimate;
use tidegate_stats::cluster::{ClusterSums, ratio};

use super::answer::{Answer, NoAnswer, Row, number, parts};
use super::estimate::{WELCH, estimates, lift, of_estimates, of_welch, welch};
use crate::call::{Function, Parameter};

const ARM: &[Parameter] = &[number("clusters"), number("m"), number("m2"), number("d"), number("d2"), number("md")];

const ARMS: &[Parameter] = &[
    number("clusters_t"),
    number("m_t"),
    number("m2_t"),
    number("d_t"),
    number("d2_t"),
    number("md_t"),
    number("clusters_c"),
    number("m_c"),
    number("m2_c"),
    number("d_c"),
    number("d2_c"),
    number("md_c"),
];

/// - `ratio_estimate(clusters, m, m2, d, d2, md)`: `{estimate, variance}` of `sum m / sum d`, where only clusters are
///   independent: their number, and their sums of `m`, `m^2`, `d`, `d^2` and `m d`.
/// - `ratio_diff(clusters_t, m_t, ..., md_t, clusters_c, ..., md_c)`: `{estimate, variance, df}`.
/// - `ratio_lift(...)`: `{estimate, variance}`.
///
/// Null for fewer than two clusters, or a denominator of 0.
pub(super) fn functions() -> Vec<Function> {
    vec![
        of_estimates("ratio_estimate", ARM, |rows| estimates(rows, |row| of_clusters(sums(row, 0)?))),
        of_welch("ratio_diff", ARMS, |rows| {
            parts(rows, &WELCH, |row| welch(arms(row)?, [row.count(0)?, row.count(6)?]))
        }),
        of_estimates("ratio_lift", ARMS, |rows| estimates(rows, |row| lift(arms(row)?))),
    ]
}

/// The sums of one arm, which begin at `place`.
pub(super) fn sums(row: Row<'_>, place: usize) -> Answer<ClusterSums> {
    Ok(ClusterSums {
        clusters: row.count(place)?,
        m: row.number(place + 1)?,
        m2: row.number(place + 2)?,
        d: row.number(place + 3)?,
        d2: row.number(place + 4)?,
        md: row.number(place + 5)?,
    })
}

fn of_clusters(sums: ClusterSums) -> Answer<Estimate> {
    if sums.clusters < 2 || sums.d == 0.0 { Err(NoAnswer::Null) } else { Ok(ratio(sums)?) }
}

fn arms(row: Row<'_>) -> Answer<[Estimate; 2]> {
    Ok([of_clusters(sums(row, 0)?)?, of_clusters(sums(row, 6)?)?])
}
