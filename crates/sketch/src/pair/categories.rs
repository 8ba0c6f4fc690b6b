//! Two sketches of categories, category by category.

use std::collections::BTreeSet;

use super::Paired;
use crate::Freq;
use crate::error::Result;
use crate::freq::remainder;
use crate::hash::hash;

/// The counts of each category that both sketches would keep, in the order of their text, then those of all
/// other categories by remainder. As long as both are exact these are all categories and no remainder.
///
/// # Errors
/// [`Error::Unlike`](crate::Error::Unlike) if the capacities differ.
pub fn of_categories(reference: &Freq, current: &Freq) -> Result<Paired> {
    reference.alike(current)?;
    let mut rest = [reference.remainders(), current.remainders()].map(<[u64]>::to_vec);
    let most = rest[0].len().max(rest[1].len());
    rest.iter_mut().for_each(|counts| counts.resize(most, 0));

    let mut paired = Paired::default();
    let categories = reference.iter().chain(current.iter()).map(|(category, _)| category).collect::<BTreeSet<_>>();
    for category in categories {
        let hash = hash(category.as_bytes());
        let counts = [reference, current].map(|freq| freq.get(category).unwrap_or(0));
        if reference.keeps(hash, category) && current.keeps(hash, category) {
            paired.push(counts[0], counts[1]);
        } else {
            // One of the two has folded it: so does the other, for this comparison.
            for (rest, count) in rest.iter_mut().zip(counts) {
                rest[remainder(hash)] += count;
            }
        }
    }
    for (reference, current) in rest[0].iter().zip(&rest[1]) {
        paired.push(*reference, *current);
    }
    Ok(paired)
}

/// The categories that occurred in `current` and not in `reference`, in the order of their text.
///
/// Each of them is certain. While both sketches are exact these are all; beyond its capacity `current` no longer knows
/// some of its categories, and `reference` cannot rule out some that it may have folded. These are left out. A category
/// is ruled out where the reference would have kept it, or where nothing was added to its remainder.
///
/// What vanished is what is only in the reference: the same question with the two exchanged.
///
/// # Errors
/// [`Error::Unlike`](crate::Error::Unlike) if the capacities differ.
pub fn only_in_current<'a>(reference: &Freq, current: &'a Freq) -> Result<BTreeSet<&'a str>> {
    reference.alike(current)?;
    let is_ruled_out = |category: &str| {
        let hash = hash(category.as_bytes());
        let folded = reference.remainders().get(remainder(hash)).copied().unwrap_or(0);
        reference.get(category).is_none() && (folded == 0 || reference.keeps(hash, category))
    };
    Ok(current.iter().map(|(category, _)| category).filter(|category| is_ruled_out(category)).collect())
}
