//! What does discrete Laplace noise do to a count?

use tidegate_stats::drift::Noise;

use super::answer::{Answer, Row, number, numbers, of_numbers};
use crate::call::Function;

/// Of noise of a scale, the sensitivity over epsilon:
/// - `laplace_noise_stddev(scale)`,
/// - `laplace_noise_above(scale, k)`: how likely it lifts a count by more than `k`,
/// - `laplace_noise_log_mgf(scale, lambda)`: `ln E exp(lambda K)`, for `|lambda| < 1 / scale`.
pub(super) fn functions() -> Vec<Function> {
    vec![
        of_numbers("laplace_noise_stddev", const { &[number("scale")] }, |rows| {
            numbers(rows, |row| Ok(noise(row)?.stddev()?))
        }),
        of_numbers("laplace_noise_above", const { &[number("scale"), number("k")] }, |rows| {
            numbers(rows, |row| Ok(noise(row)?.survival(row.number(1)?)?))
        }),
        of_numbers("laplace_noise_log_mgf", const { &[number("scale"), number("lambda")] }, |rows| {
            numbers(rows, |row| Ok(noise(row)?.log_mgf(row.number(1)?)?))
        }),
    ]
}

fn noise(row: Row<'_>) -> Answer<Noise> {
    Ok(Noise::Laplace { scale: row.number(0)? })
}
