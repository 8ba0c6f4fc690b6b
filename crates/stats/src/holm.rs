//! Which of several successes may be claimed together?

use crate::error::{Error, Result};

/// Holm's adjusted p-values, in the order given: claim those at most `alpha`, and none of the claims is false with
/// probability `1 - alpha`, however the metrics depend on each other.
///
/// The `i`-th smallest of `m` is multiplied by `m - i + 1`, and none is less than a smaller one's (S. Holm, Scandinavian
/// Journal of Statistics 6 (1979), 65-70). Anytime-valid p-values stay so. Guardrails, which must all pass, need no
/// adjustment.
///
/// ```
/// let adjusted = tidegate_stats::holm_adjusted(&[0.04, 0.01, 0.03])?;
/// assert_eq!(adjusted, [0.06, 0.03, 0.06]);
/// # Ok::<(), tidegate_stats::Error>(())
/// ```
///
/// # Errors
/// [`Error::OutOfRange`] unless every p-value lies in `[0, 1]`.
pub fn holm_adjusted(p_values: &[f64]) -> Result<Vec<f64>> {
    check_p_values(p_values)?;
    let mut order = (0..p_values.len()).collect::<Vec<_>>();
    order.sort_unstable_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let (mut adjusted, mut least) = (vec![0.0; p_values.len()], 0.0_f64);
    for (rank, &i) in order.iter().enumerate() {
        least = least.max(p_values[i] * (p_values.len() - rank) as f64).min(1.0);
        adjusted[i] = least;
    }
    Ok(adjusted)
}

/// Bonferroni's adjusted p-values `min(1, m p)`, in the order given. Holm's claim as much or more at the same level; these
/// can be told one by one, when only the number `m` of the metrics is known.
///
/// # Errors
/// [`Error::OutOfRange`] unless every p-value lies in `[0, 1]`.
pub fn bonferroni_adjusted(p_values: &[f64]) -> Result<Vec<f64>> {
    check_p_values(p_values)?;
    Ok(p_values.iter().map(|p| (p * p_values.len() as f64).min(1.0)).collect())
}

pub(crate) fn check_p_values(p_values: &[f64]) -> Result<()> {
    match p_values.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        Some(&value) => Err(Error::OutOfRange { name: "p-value", value, allowed: "[0, 1]" }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::tests::close;

    /// statsmodels 0.15.0, `multipletests(method=holm)`.
    #[test]
    fn adjusted_p_values_match_statsmodels() {
        let found = holm_adjusted(&[0.001, 0.012, 0.03, 0.04, 0.2]).unwrap();
        for (found, expected) in found.into_iter().zip([0.005, 0.048, 0.09, 0.09, 0.2]) {
            close(found, expected, 1e-12, "p");
        }
        let found = bonferroni_adjusted(&[0.001, 0.012, 0.03, 0.04, 0.2]).unwrap();
        for (found, expected) in found.into_iter().zip([0.005, 0.06, 0.15, 0.2, 1.0]) {
            close(found, expected, 1e-12, "p");
        }
    }

    #[test]
    fn p_values_that_are_none_are_refused() {
        assert_eq!(holm_adjusted(&[]), Ok(vec![]));
        assert_eq!(holm_adjusted(&[0.9, 0.8]), Ok(vec![1.0, 1.0]));
        assert!(holm_adjusted(&[0.5, f64::NAN]).is_err() && holm_adjusted(&[1.1]).is_err());
        assert!(bonferroni_adjusted(&[-0.1]).is_err());
    }
}
