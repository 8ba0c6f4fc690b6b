//! Into which of a number of public cells is a unit's value counted?

use tidegate_privacy::tree::Tree;

use super::spec::Bounds;

/// Cells between which a quantile is told apart, and children of a node of the tree over them.
const LEAVES: usize = 256;
const BRANCHING: usize = 16;

/// The powers of two between which sizes are told apart: from about a millionth to about 10^13.
const LEAST_POWER: i32 = -20;
const POWERS: usize = 64;

/// Cells that do not depend on the data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cells {
    /// Equally wide ones between bounds.
    Equal { bounds: Bounds, count: usize },
    /// The same, with counts kept for every node of a tree over them, so that ranks add up few of them.
    Ranked { bounds: Bounds, quantile: f64 },
    /// Sizes: one for each power of two, below and above zero, and one for what is next to zero.
    Doubling,
}

impl Cells {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        match *self {
            Self::Equal { count, .. } => count,
            Self::Ranked { .. } => LEAVES,
            Self::Doubling => 2 * POWERS + 1,
        }
    }

    /// The tree over the cells, where there is one.
    pub(super) fn tree(&self) -> Option<Result<Tree, tidegate_privacy::Error>> {
        matches!(self, Self::Ranked { .. }).then(|| Tree::new(LEAVES, BRANCHING))
    }

    /// How many noisy nodes of the tree add up to a rank, on average.
    pub(super) fn beside(&self) -> f64 {
        let levels = self.tree().and_then(Result::ok).map_or(1, |tree| tree.height());
        levels.saturating_sub(1).max(1) as f64 * (BRANCHING - 1) as f64 / 2.0
    }

    /// The cell of a value; values beyond the last cells are counted there.
    pub(super) fn of(&self, value: f64) -> Option<i64> {
        if value.is_nan() {
            return None;
        }
        match *self {
            Self::Equal { bounds, .. } | Self::Ranked { bounds, .. } => {
                let share = (value.clamp(bounds.low, bounds.high) - bounds.low) / (bounds.high - bounds.low);
                // The last cell has its upper bound in it.
                Some(((share * self.count() as f64) as i64).min(self.count() as i64 - 1))
            }
            Self::Doubling => {
                let power = value.abs().log2().floor().clamp(f64::from(LEAST_POWER) - 1.0, 1e3) as i32;
                let size = i64::from(power - LEAST_POWER + 1).clamp(0, POWERS as i64);
                Some(POWERS as i64 + if value < 0.0 { -size } else { size })
            }
        }
    }

    /// The least and the greatest value that cells of at least `least` speak of.
    pub(super) fn extent(noisy: &[i64], least: f64) -> Option<(f64, f64)> {
        let somebody = |count: &i64| *count as f64 >= least.max(1.0);
        let (first, last) = (noisy.iter().position(somebody)?, noisy.iter().rposition(somebody)?);
        // A cell's value of greatest size.
        let outer = |cell: usize| match cell.abs_diff(POWERS) {
            0 => 0.0,
            size => f64::from(LEAST_POWER + size as i32).exp2(),
        };
        // And of least size.
        let inner = |cell: usize| if outer(cell) > 0.0 { outer(cell) / 2.0 } else { 0.0 };
        let low = if first < POWERS { -outer(first) } else { inner(first) };
        let high = if last > POWERS { outer(last) } else { -inner(last) };
        Some((low, high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_its_cell() {
        let bounds = Bounds { low: -1.0, high: 3.0 };
        let cells = Cells::Equal { bounds, count: 4 };
        let of = |value: f64| cells.of(value).unwrap();
        assert_eq!([-9.0, -1.0, 0.0, 2.9, 3.0, f64::INFINITY].map(of), [0, 0, 1, 3, 3, 3]);
        assert_eq!(cells.of(f64::NAN), None);
        let size = |value: f64| Cells::Doubling.of(value).unwrap();
        let values = [0.0, 1e-9, f64::exp2(-20.0), 1.0, 1.9, 2.0, -1.0, f64::INFINITY, f64::NEG_INFINITY, 1e300];
        assert_eq!(values.map(size), [64, 64, 65, 85, 85, 86, 43, 128, 0, 128]);
    }

    #[test]
    fn the_extent_is_that_of_cells_with_somebody_in_them() {
        let with = |values: &[f64]| {
            let mut counts = vec![0_i64; Cells::Doubling.count()];
            for &value in values {
                counts[Cells::Doubling.of(value).unwrap() as usize] += 10;
            }
            Cells::extent(&counts, 9.0)
        };
        assert_eq!(with(&[]), None);
        assert_eq!(with(&[0.0]), Some((0.0, 0.0)));
        assert_eq!(with(&[3.0, 700.0]), Some((2.0, 1024.0)));
        assert_eq!(with(&[0.0, 1.0]), Some((0.0, 2.0)));
        assert_eq!(with(&[-5.0, 1.5]), Some((-8.0, 2.0)));
        assert_eq!(with(&[-5.0, -0.3]), Some((-8.0, -0.25)));
    }
}
