//! What was declared about a noised query: who is protected, within which bounds, at what price?
//!
//! Epsilon is divided as GoogleSQL divides it: a call may name its share; what is left goes in equal parts to the other
//! calls and to the choice of groups.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::ops::RangeInclusive;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::logical_expr::{Expr, ExprSchemable};
use tidegate_privacy::{Calibration, Design, Measure, Mechanism, Selection};

use super::cells::Cells;
use super::measure::{Call, Statistic, call_of, sql_of};
use super::scale::Scale;
use crate::aggregate::UnitKey;
use crate::error::Error;

/// Days of an epoch; the first begins with 1970.
pub const EPOCH_DAYS: i32 = 28;

/// Integers above this are not counted one by one in a double.
const MOST_EXACT: f64 = 1_125_899_906_842_624.0;

/// The range to which a unit's total is clamped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// The least.
    pub low: f64,
    /// The greatest.
    pub high: f64,
}

/// The groups of a query whose keys are public: all of them, whether or not they have rows.
#[derive(Debug, Clone, PartialEq)]
pub struct PublicKeys {
    /// One row per group, in the types of the keys beside the window.
    pub rows: RecordBatch,
}

/// One noised statistic.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasureSpec {
    /// Which.
    pub statistic: Statistic,
    /// The call as it stands in SQL, without bounds.
    pub call: String,
    /// Within which bounds; none for a number of units.
    pub bounds: Option<Bounds>,
    /// The share of epsilon that the call names.
    pub epsilon: Option<f64>,
    /// The cells into which values are counted, where they are not added up.
    pub(super) cells: Option<Cells>,
    pub(super) per_unit: Vec<Expr>,
    pub(super) argument_type: DataType,
}

/// Bins that a histogram may have.
const MOST_BINS: usize = 1_024;

/// What was declared about a noised query.
#[derive(Debug, Clone)]
pub struct PrivateSpec {
    /// The column that names the unit, as seen by the aggregation.
    pub unit: Expr,
    /// The secret under which units are hashed in state.
    pub key: UnitKey,
    /// The price per unit and block.
    pub epsilon: f64,
    /// The chance of more than that.
    pub delta: f64,
    /// The share of epsilon for the choice of groups, if it is named.
    pub selection_epsilon: Option<f64>,
    /// Groups of a day that a unit contributes to, at most.
    pub max_groups: u32,
    /// Days of an epoch of [`EPOCH_DAYS`] that a unit contributes to, at most, where epsilon holds for such an epoch; for
    /// a day when absent.
    pub max_days: Option<u32>,
    /// Units that stand behind a group at least; groups are public when absent.
    pub min_units: Option<u32>,
    /// Which noise.
    pub mechanism: Mechanism,
    /// The groups, where they are public and not windows alone.
    pub public: Option<PublicKeys>,
    /// The statistics, in the order of the query.
    pub measures: Vec<MeasureSpec>,
}

/// Why a declaration has no meaning.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SpecError {
    /// A call that cannot be noised.
    #[error("{0}")]
    Call(String),
    /// The shares of epsilon do not add up.
    #[error("the shares of epsilon that calls name add up to {named}, and epsilon is {epsilon}")]
    Shares {
        /// What calls name.
        named: f64,
        /// What there is.
        epsilon: f64,
    },
    /// The mechanism cannot be calibrated.
    #[error(transparent)]
    Calibration(#[from] tidegate_privacy::Error),
}

impl MeasureSpec {
    /// The statistic that `call` asks for, over an input of `schema`; none when it is no call of ours.
    ///
    /// # Errors
    /// [`SpecError::Call`] when its bounds are no bounds.
    pub fn of(call: &Expr, schema: &DFSchema) -> Option<Result<Self, SpecError>> {
        let call = call_of(call)?;
        Some(Self::of_call(&call, schema))
    }

    fn of_call(call: &Call<'_>, schema: &DFSchema) -> Result<Self, SpecError> {
        let refused = |cause: &str| Err(SpecError::Call(cause.to_owned()));
        let argument_type = call.argument.get_type(schema).unwrap_or(DataType::Null);
        let (bounds, epsilon) = match call.constants.as_slice() {
            [epsilon] => (None, *epsilon),
            [low, high, epsilon, ..] => (Some(Bounds { low: *low, high: *high }), *epsilon),
            _ => return refused("a call of another shape than it was written with"),
        };
        let cells = match (call.statistic, bounds, call.constants.as_slice()) {
            (Statistic::Extent(_), ..) => Some(Cells::Doubling),
            (Statistic::Quantile, Some(_), [.., quantile]) if !(0.0..=1.0).contains(quantile) => {
                return refused("a percentile is between 0 and 1");
            }
            (Statistic::Quantile, Some(bounds), [.., quantile]) => Some(Cells::Ranked { bounds, quantile: *quantile }),
            (Statistic::Histogram, Some(_), [.., bins]) if !(1..=MOST_BINS).contains(&(*bins as usize)) => {
                return refused("a histogram has 1 to 1024 bins");
            }
            (Statistic::Histogram, Some(bounds), [.., bins]) => Some(Cells::Equal { bounds, count: *bins as usize }),
            _ => None,
        };
        if let Some(Bounds { low, high }) = bounds {
            if !(low.is_finite() && high.is_finite() && low <= high) {
                return refused("bounds are two finite numbers, the smaller one first");
            }
            if low == 0.0 && high == 0.0 {
                return refused("bounds of 0 and 0 leave nothing to measure");
            }
            let counts =
                call.statistic == Statistic::Count || (call.statistic == Statistic::Sum && argument_type.is_integer());
            if counts && (low.fract() != 0.0 || high.fract() != 0.0) {
                return refused("bounds of whole numbers are whole numbers");
            }
            if counts && low.abs().max(high.abs()) > MOST_EXACT {
                return refused("bounds of whole numbers are below 2^50");
            }
            if call.statistic == Statistic::Count && high < 1.0 {
                return refused("a count is bounded by at least 1");
            }
            let is_wide = !matches!(call.statistic, Statistic::Count | Statistic::Sum);
            if is_wide && low == high {
                return refused("bounds of means are two different numbers");
            }
        }
        let epsilon = (epsilon != 0.0).then_some(epsilon);
        let per_unit = call.statistic.per_unit(call.argument, call.filter, &argument_type);
        let filter = if call.filter.is_some() { " FILTER (...)" } else { "" };
        let text = format!("{}{filter}", call.statistic.call(&sql_of(call.argument)));
        Ok(Self { statistic: call.statistic, call: text, bounds, epsilon, cells, per_unit, argument_type })
    }

    /// The scales of its numbers, in their order; a number of units has none.
    pub(super) fn scales(&self) -> Vec<Scale> {
        let one = Scale { origin: 0.0, step: 1.0, low: 0, high: 1 };
        let Some(bounds) = self.bounds else { return vec![one] };
        match (self.statistic, &self.argument_type) {
            // A unit counts in one cell.
            (Statistic::Units | Statistic::Quantile | Statistic::Histogram | Statistic::Extent(_), _) => vec![one],
            (Statistic::Count, _) => vec![Scale::exact(bounds, 1.0)],
            (Statistic::Sum, integer) if integer.is_integer() => vec![Scale::exact(bounds, 1.0)],
            (Statistic::Sum, DataType::Decimal128(_, scale)) => {
                vec![Scale::exact(bounds, 10_f64.powi(-i32::from(*scale)))]
            }
            (Statistic::Sum, _) => vec![Scale::fine(bounds)],
            (Statistic::Mean, _) => vec![Scale::centered(bounds), one],
            (Statistic::Variance | Statistic::Deviation, _) => {
                vec![Scale::centered(bounds), SQUARES, one]
            }
        }
    }
}

/// Squares of values that were centered and divided by half the width of their bounds.
const SQUARES: Scale = Scale { origin: 0.5, step: 1.0 / (1_u64 << 21) as f64, low: -(1 << 20), high: 1 << 20 };

impl PrivateSpec {
    /// What is kept of each unit, each total once, and which of them each statistic needs.
    pub(crate) fn totals(&self) -> (Vec<Expr>, Vec<Vec<usize>>) {
        let mut totals: Vec<Expr> = Vec::new();
        let mut place = |total: &Expr| {
            totals.iter().position(|known| known == total).unwrap_or_else(|| {
                totals.push(total.clone());
                totals.len() - 1
            })
        };
        let places = self.measures.iter().map(|measure| measure.per_unit.iter().map(&mut place).collect()).collect();
        (totals, places)
    }

    /// Of each noised number, how many coordinates a group has; none where it is one number.
    pub(super) fn widths(&self) -> Result<Vec<Option<usize>>, Error> {
        let mut widths = Vec::new();
        for measure in &self.measures {
            let width = match measure.cells.map(|cells| (cells.count(), cells.tree())) {
                None => None,
                Some((count, None)) => Some(count),
                Some((_, Some(tree))) => Some(tree.map_err(|error| Error::Spec(error.to_string()))?.nodes()),
            };
            widths.extend(std::iter::repeat_n(width, measure.statistic.numbers(self.selects())));
        }
        Ok(widths)
    }

    /// True when the number of units of a group is noised to choose groups by it.
    pub(super) fn selects(&self) -> bool {
        self.min_units.is_some()
    }

    /// The days over which epsilon holds, `day` among them: they are one mechanism, and paid for together.
    pub fn block_of(&self, day: i32) -> RangeInclusive<i32> {
        match self.max_days {
            None => day..=day,
            Some(_) => {
                let first = day.div_euclid(EPOCH_DAYS).saturating_mul(EPOCH_DAYS);
                first..=first.saturating_add(EPOCH_DAYS - 1)
            }
        }
    }

    /// The mechanism of a block: scales, and the price.
    ///
    /// # Errors
    /// [`SpecError`] when the shares of epsilon do not add up, or no noise fits them.
    pub fn calibration(&self) -> Result<Calibration, SpecError> {
        Ok(Calibration::of(&self.design()?)?)
    }

    fn design(&self) -> Result<Design, SpecError> {
        let selects = self.selects();
        let priced = |measure: &&MeasureSpec| measure.statistic.numbers(selects) > 0;
        let named = self.measures.iter().filter(priced).filter_map(|measure| measure.epsilon);
        let named = named.chain(self.selection_epsilon.filter(|_| selects)).sum::<f64>();
        let unnamed = self.measures.iter().filter(priced).filter(|measure| measure.epsilon.is_none()).count()
            + usize::from(selects && self.selection_epsilon.is_none());
        let left = self.epsilon - named;
        // Sums of decimal fractions are off by a few last bits.
        let shares_fit = if unnamed == 0 { left > -1e-9 * self.epsilon } else { left > 1e-9 * self.epsilon };
        if !shares_fit {
            return Err(SpecError::Shares { named, epsilon: self.epsilon });
        }
        let share = left / unnamed.max(1) as f64;
        let is_gaussian = self.mechanism == Mechanism::Gaussian;
        let numbers = self.measures.iter().map(|measure| measure.statistic.numbers(selects)).sum::<usize>();
        let delta = match (is_gaussian, selects) {
            (true, true) => self.delta / 2.0,
            (true, false) => self.delta,
            (false, _) => 0.0,
        };
        let mut measures = Vec::new();
        for measure in &self.measures {
            let count = measure.statistic.numbers(selects);
            let epsilon = measure.epsilon.unwrap_or(share) / count.max(1) as f64;
            let delta = delta / numbers.max(1) as f64;
            // In a tree a unit counts once in each level.
            let levels = match measure.cells.and_then(|cells| cells.tree()) {
                Some(tree) => tree?.height() as u64,
                None => 1,
            };
            measures.extend(measure.scales().into_iter().take(count).map(|scale| {
                // A scale that reaches nothing is measured all the same: its noise stands for one step.
                let reach = scale.reach().max(1);
                Measure { epsilon, delta, l1: reach * levels, l2: reach as f64 * (levels as f64).sqrt() }
            }));
        }
        let selection = match self.min_units {
            None => Selection::Public,
            Some(min_units) => Selection::Threshold {
                epsilon: self.selection_epsilon.unwrap_or(share),
                delta: if is_gaussian { self.delta / 2.0 } else { self.delta },
                min_units,
            },
        };
        let max_groups = self.max_groups.saturating_mul(self.max_days.unwrap_or(1));
        Ok(Design { mechanism: self.mechanism, max_groups, selection, measures })
    }

    /// How each unit is bounded, in words.
    pub fn bounds(&self) -> String {
        let each = self.measures.iter().filter_map(|measure| {
            let Bounds { low, high } = measure.bounds?;
            Some(format!("{} {low} to {high}", measure.statistic.function().trim_start_matches("dp_")))
        });
        let groups = format!("{} groups", self.max_groups);
        let days = self.max_days.map(|days| format!("{days} of {EPOCH_DAYS} days"));
        std::iter::once(groups).chain(days).chain(each).collect::<Vec<_>>().join("; ")
    }

    /// What tells one declaration from another, as text. Noise is drawn by it.
    pub fn text(&self) -> String {
        let measures = self.measures.iter().map(|measure| {
            let bounds =
                measure.bounds.map_or_else(String::new, |bounds| format!(" {} to {}", bounds.low, bounds.high));
            let share = measure.epsilon.map_or_else(String::new, |epsilon| format!(" at {epsilon}"));
            let cells = match measure.cells {
                None => String::new(),
                Some(cells @ Cells::Ranked { quantile, .. }) => format!(" in {} at {quantile}", cells.count()),
                Some(cells) => format!(" in {}", cells.count()),
            };
            format!("{}{bounds}{cells}{share}", measure.statistic.function())
        });
        let days = self.max_days.map_or_else(String::new, |days| format!(" on {days} days"));
        let public = self.public.as_ref().map_or(0, |public| public.rows.num_rows());
        format!(
            "{} epsilon {} delta {} selection {:?} groups {}{days} units {:?} of {} under key {} public {public}: {}",
            self.mechanism,
            self.epsilon,
            self.delta,
            self.selection_epsilon,
            self.max_groups,
            self.min_units,
            self.unit,
            self.key.id(),
            measures.collect::<Vec<_>>().join(", ")
        )
    }
}

impl PartialEq for PrivateSpec {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text() && self.public == other.public
    }
}

impl Eq for PrivateSpec {}

impl Hash for PrivateSpec {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text().hash(state);
    }
}

impl PartialOrd for PrivateSpec {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.text().partial_cmp(&other.text())
    }
}
