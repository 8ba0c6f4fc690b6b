//! Which of many p-values stand out, if a share of false ones among them is tolerated?

use crate::error::{Result, open_range};
use crate::holm::check_p_values;

/// The greatest p-value that is rejected at a false discovery rate of `q`; nothing if none is.
///
/// The greatest `p` of rank `i` among `m` with `p <= q i / m` (Y. Benjamini and Y. Hochberg, Journal of the Royal
/// Statistical Society B 57 (1995), 289-300): all up to it are rejected, and of those rejections at most a share `q` is
/// false on average, if the p-values are independent or depend positively on each other.
///
/// ```
/// let rejected = tidegate_stats::benjamini_hochberg(&[0.9, 0.01, 0.03, 0.025], 0.05)?;
/// assert_eq!(rejected, Some(0.03));
/// # Ok::<(), tidegate_stats::Error>(())
/// ```
///
/// # Errors
/// [`Error::OutOfRange`](crate::Error::OutOfRange) unless `0 < q < 1` and every p-value lies in `[0, 1]`.
pub fn benjamini_hochberg(p_values: &[f64], q: f64) -> Result<Option<f64>> {
    let q = open_range("q", q, 0.0, 1.0, "(0, 1)")?;
    check_p_values(p_values)?;
    let mut sorted = p_values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let m = sorted.len() as f64;
    let ranked = sorted.iter().enumerate().rev();
    Ok(ranked.map(|(i, &p)| (i + 1, p)).find(|&(rank, p)| p <= q * rank as f64 / m).map(|(_, p)| p))
}

/// Benjamini and Yekutieli's adjusted p-values, in the order given: of the claims at most `q` a share `q` is false on
/// average, however the p-values depend on each other.
///
/// The `i`-th smallest of `m` is multiplied by `(1 + 1/2 + ... + 1/m) m / i`, and none is more than a greater one's (Y.
/// Benjamini and D. Yekutieli, Annals of Statistics 29 (2001), 1165-1188, theorem 1.3).
///
/// ```
/// let adjusted = tidegate_stats::benjamini_yekutieli_adjusted(&[0.02, 0.01])?;
/// assert_eq!(adjusted, [0.03, 0.03]);
/// # Ok::<(), tidegate_stats::Error>(())
/// ```
///
/// # Errors
/// [`Error::OutOfRange`](crate::Error::OutOfRange) unless every p-value lies in `[0, 1]`.
pub fn benjamini_yekutieli_adjusted(p_values: &[f64]) -> Result<Vec<f64>> {
    check_p_values(p_values)?;
    let m = p_values.len();
    let mut order = (0..m).collect::<Vec<_>>();
    order.sort_unstable_by(|&a, &b| p_values[b].total_cmp(&p_values[a]));
    let dependence = (1..=m).map(|i| (i as f64).recip()).sum::<f64>();
    let (mut adjusted, mut most) = (vec![0.0; m], 1.0_f64);
    for (below, &i) in order.iter().enumerate() {
        most = most.min(p_values[i] * dependence * m as f64 / (m - below) as f64);
        adjusted[i] = most;
    }
    Ok(adjusted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::tests::close;

    #[test]
    fn the_published_example() {
        // Benjamini and Hochberg (1995), section 4.1: 15 p-values, of which the first four are rejected at 0.05.
        let p = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
            0.7590, 1.0,
        ];
        assert_eq!(benjamini_hochberg(&p, 0.05), Ok(Some(0.0095)));
    }

    #[test]
    fn nothing_stands_out_of_nothing() {
        assert_eq!(benjamini_hochberg(&[], 0.05), Ok(None));
        assert_eq!(benjamini_hochberg(&[0.2, 0.06], 0.05), Ok(None));
        assert!(benjamini_hochberg(&[f64::NAN], 0.05).is_err() && benjamini_hochberg(&[0.1], 1.0).is_err());
    }

    /// statsmodels 0.15.0, `multipletests(method=fdr_by)`.
    #[test]
    fn adjusted_p_values_match_statsmodels() {
        let found = benjamini_yekutieli_adjusted(&[0.04, 0.001, 0.03, 0.012, 0.2]).unwrap();
        let expected =
            [0.11416666666666667, 0.011416666666666667, 0.11416666666666665, 0.06849999999999999, 0.45666666666666667];
        for (found, expected) in found.into_iter().zip(expected) {
            close(found, expected, 1e-12, "p");
        }
        assert_eq!(benjamini_yekutieli_adjusted(&[]), Ok(vec![]));
        assert_eq!(benjamini_yekutieli_adjusted(&[0.9, 0.8]), Ok(vec![1.0, 1.0]));
        assert!(benjamini_yekutieli_adjusted(&[0.1, f64::NAN]).is_err());
    }
}
