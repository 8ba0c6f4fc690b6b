//! Which of many p-values stand out, if a share of false ones among them is tolerated?

use crate::error::{Error, Result, open_range};

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
/// [`Error::OutOfRange`] unless `0 < q < 1` and every p-value lies in `[0, 1]`.
pub fn benjamini_hochberg(p_values: &[f64], q: f64) -> Result<Option<f64>> {
    let q = open_range("q", q, 0.0, 1.0, "(0, 1)")?;
    if let Some(&value) = p_values.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        return Err(Error::OutOfRange { name: "p-value", value, allowed: "[0, 1]" });
    }
    let mut sorted = p_values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let m = sorted.len() as f64;
    let ranked = sorted.iter().enumerate().rev();
    Ok(ranked.map(|(i, &p)| (i + 1, p)).find(|&(rank, p)| p <= q * rank as f64 / m).map(|(_, p)| p))
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
