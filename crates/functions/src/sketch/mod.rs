//! What can be read off a kept sketch, and how far are two of them apart?
//!
//! Sketches are the bytes that the aggregates `ddsketch`, `freq`, `hll` and `profile` answer. A null sketch has
//! null answers. Two sketches are always given as reference and current, in this order, and bins are unions of
//! bins that both have, so that distances have no error of their own.

mod accessors;
mod categories;
mod distance;
mod drift;
mod noisy;
mod read;
#[cfg(test)]
mod tests;

use datafusion::logical_expr::ScalarUDF;

/// The functions over sketches.
pub(crate) fn functions() -> Vec<ScalarUDF> {
    let functions = [
        accessors::functions(),
        categories::functions(),
        distance::functions(),
        drift::functions(),
        noisy::functions(),
    ]
    .concat();
    functions.into_iter().map(ScalarUDF::from).collect()
}
