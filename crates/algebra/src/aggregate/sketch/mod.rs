//! Which aggregates keep a distribution, and how are kept ones merged?
//!
//! | function | takes | keeps |
//! |---|---|---|
//! | `ddsketch(x [, alpha])` | numbers | how they are distributed |
//! | `freq(x [, capacity])` | text, integers, booleans | how often each occurs |
//! | `hll(x [, lg_k])` | any of these | how many are distinct |
//! | `profile(x)` | any of these | a column: one of the first two, and the third |
//!
//! Each has a sister `<function>_merge(s)` for what it kept. State and answer are the same column, the bytes
//! of [`tidegate_sketch`]: what was released or stored merges like what is being counted. Integers and
//! booleans are categories by their text. Moving window frames take rows back exactly; where a sketch cannot
//! (distinct counts), the frame's rows are kept and counted afresh.

mod function;
mod groups;
mod sliding;
mod source;
mod tally;
#[cfg(test)]
mod tests;

use datafusion::logical_expr::AggregateUDF;

use function::{Kind, SketchFunction};

/// Their names, for [`admit`](super::admit()).
pub(super) const NAMES: &[&str] =
    &["ddsketch", "ddsketch_merge", "freq", "freq_merge", "hll", "hll_merge", "profile", "profile_merge"];

/// The aggregates over sketches.
pub(super) fn functions() -> Vec<AggregateUDF> {
    let kinds = [Kind::DdSketch, Kind::Freq, Kind::Hll, Kind::Profile];
    let both = |kind| [SketchFunction::over_values(kind), SketchFunction::over_sketches(kind)];
    kinds.into_iter().flat_map(both).map(AggregateUDF::from).collect()
}
