//! How is a group shown without showing anybody? Bounded by unit, then noised.
//!
//! ```text
//! state keyed by (pane, group, unit)     each unit's own totals; partial and merge as in any signal
//!        │ bound: a unit keeps its first groups of a day, each of its totals is clamped
//!        ▼
//! integers per (pane, group)             one unit more or less changes them by no more than was declared
//!        │ draw: noise, for a `Grant`
//!        ▼
//! noised numbers per (pane, group)       may be shown, and stand
//!        │ release: a window is the sum of its panes, statistics are made of it
//!        ▼
//! rows
//! ```
//!
//! What is declared stands in a [`PrivateSpec`]; the price follows from it and from nothing else.

mod bound;
mod cells;
mod draw;
mod expect;
mod measure;
mod noised;
mod scale;
mod spec;
#[cfg(test)]
mod tests;
mod unit;

pub use bound::Bounded;
pub use expect::Expected;
pub use measure::{Extent, Statistic, is_measure, measure_functions, measure_of};
pub use spec::{Bounds, EPOCH_DAYS, MeasureSpec, PrivateSpec, PublicKeys, SpecError};

pub(crate) use noised::{NOISED_FORMAT, noised_schema};
pub(crate) use unit::unit_hash;
