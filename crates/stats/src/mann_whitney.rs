//! Does one sample tend to lie above another?
//!
//! `U` counts the pairs in which the treatment's value is above the control's, ties one half. If both come from one
//! distribution it is about normal (H. Mann and D. Whitney, Annals of Mathematical Statistics 18 (1947), 50-60):
//!
//! ```text
//! z = (|U - n m / 2| - 1/2) / s        s^2 = n m (N + 1 - sum (t^3 - t) / (N (N - 1))) / 12        N = n + m
//! ```
//! with `t` the sizes of ties. **Validity.** A fixed horizon, independent values, eight and more in each sample. It asks
//! about order, not about means: where spreads differ it may find what no mean shows.

use crate::error::{Error, Result};
use crate::normal;

/// What the ranks say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MannWhitney {
    /// Pairs in which the treatment lies above, ties one half.
    pub u: f64,
    /// The share of such pairs: 1/2 if neither sample tends to lie above.
    pub above: f64,
    /// Two-sided p-value of one distribution, with corrections for ties and for continuity.
    pub p_value: f64,
}

/// Compares the ranks of two samples.
///
/// # Errors
/// [`Error::EmptySample`] if a sample is empty, [`Error::OutOfRange`] for a `NaN`.
pub fn mann_whitney(treatment: &[f64], control: &[f64]) -> Result<MannWhitney> {
    if treatment.is_empty() || control.is_empty() {
        return Err(Error::EmptySample);
    }
    let mut values = Vec::with_capacity(treatment.len() + control.len());
    for (sample, treated) in [(treatment, true), (control, false)] {
        for &value in sample {
            if value.is_nan() {
                return Err(Error::OutOfRange { name: "value", value, allowed: "[-inf, inf]" });
            }
            // Zeros of both signs are one value.
            values.push((value + 0.0, treated));
        }
    }
    values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));

    let (mut u, mut ties, mut controls_below) = (0.0, 0.0, 0.0);
    for tied in values.chunk_by(|a, b| a.0 == b.0) {
        let size = tied.len() as f64;
        let treated = tied.iter().filter(|(_, treated)| *treated).count() as f64;
        u += treated * (controls_below + 0.5 * (size - treated));
        controls_below += size - treated;
        ties += size * (size * size - 1.0);
    }
    let (n, m) = (treatment.len() as f64, control.len() as f64);
    let total = n + m;
    let variance = n * m / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)));
    let distance = ((u - 0.5 * n * m).abs() - 0.5).max(0.0);
    // Where all values are one, nothing is known.
    let z = if variance > 0.0 { distance / variance.sqrt() } else { 0.0 };
    Ok(MannWhitney { u, above: u / (n * m), p_value: 2.0 * normal::survival(z) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::tests::close;

    const TREATMENT: [f64; 7] = [10.0, 11.0, 12.0, 13.0, 14.0, 40.0, 41.0];
    const CONTROL: [f64; 7] = [9.0, 10.0, 10.0, 11.0, 12.0, 12.0, 13.0];

    /// scipy 1.13.1, `mannwhitneyu(x, y, alternative="two-sided")`.
    #[test]
    fn the_p_value_matches_scipy() {
        let found = mann_whitney(&TREATMENT, &CONTROL).unwrap();
        assert_eq!(found.u, 38.0);
        close(found.p_value, 0.09302753827955859, 1e-12, "p");
        let mirrored = mann_whitney(&CONTROL, &TREATMENT).unwrap();
        assert_eq!((mirrored.u, mirrored.p_value), (11.0, found.p_value));
        close(found.above + mirrored.above, 1.0, 1e-15, "shares");
    }

    #[test]
    fn equal_values_say_nothing() {
        let found = mann_whitney(&[0.0, -0.0], &[0.0]).unwrap();
        assert_eq!((found.u, found.above, found.p_value), (1.0, 0.5, 1.0));
        assert_eq!(mann_whitney(&[1.0], &[2.0]).unwrap().u, 0.0);
    }

    #[test]
    fn what_means_nothing_is_refused() {
        assert_eq!(mann_whitney(&[], &[1.0]), Err(Error::EmptySample));
        assert_eq!(mann_whitney(&[1.0], &[]), Err(Error::EmptySample));
        assert!(mann_whitney(&[1.0, f64::NAN], &[1.0]).is_err());
        assert!(mann_whitney(&[f64::INFINITY], &[f64::NEG_INFINITY]).unwrap().u == 1.0);
    }
}
