//! How much should be bet on the next value, from those before?

/// The bet on each value, `sqrt(2 ln(1 / alpha) / (t ln(1 + t) s^2))`, where `s^2` is the variance of the values before it,
/// begun with one value that has a mean of 1/2 and a variance of 1/4: about what grows the capital fastest. Above 0; not yet
/// cut to what the capital allows.
pub(super) fn bets(values: &[f64], alpha: f64) -> impl Iterator<Item = f64> + '_ {
    let (mut sum, mut squares, mut variance) = (0.5, 0.25, 0.25);
    values.iter().enumerate().map(move |(before, value)| {
        let t = before as f64 + 1.0;
        let bet = (-2.0 * alpha.ln() / (t * t.ln_1p() * variance)).sqrt();
        sum += value;
        squares += (value - sum / (t + 1.0)).powi(2);
        variance = squares / (t + 1.0);
        bet
    })
}
