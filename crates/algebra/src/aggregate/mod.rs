//! Which aggregate functions may stand in a signal, and what do ours do differently?
//!
//! A signal's answer must not depend on how its rows were cut into batches or in which order they
//! came. The built-in functions that keep this law are used as they are; the ones that break it in
//! the last digits (`SUM`, `AVG`, `VAR`, `STDDEV` over floats, `MIN`, `MAX` over NaN) are replaced
//! under their own names; the rest are refused by [`admit`]. Sketches ([`sketch`]) are ours.

mod admit;
#[cfg(test)]
mod check;
mod min_max;
mod rows;
mod single;
mod sketch;
mod sum;
mod total;
mod units;
mod variance;

pub use admit::{Inadmissible, admit, is_unbounded};
pub use units::UnitKey;

pub(crate) use sum::{avg, sum};
pub(crate) use units::{UnitSet, at_least, unit_kind};

use datafusion::logical_expr::AggregateUDF;

/// The aggregate functions that sessions gain: exact and order-free answers under built-in names, and sketches.
pub(crate) fn functions() -> Vec<AggregateUDF> {
    let mut functions = vec![sum(), avg(), min_max::min(), min_max::max()];
    functions.extend(variance::functions());
    functions.extend(sketch::functions());
    functions
}
