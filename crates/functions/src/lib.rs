//! Which functions does SQL gain here?
//!
//! Each is a thin door: it takes columns apart, asks a pure room (`sketch`, `stats`) and builds a column of the answers.
//! Null in, null out, unless a function says otherwise; an argument that cannot be right is refused with cause and fix.
//!
//! Not here: aggregate functions, whose state is merged and kept (room `algebra`), and formulas (room `stats`).

mod calendar;
mod call;
#[cfg(test)]
mod check;
mod quality;
mod sequential;
mod sketch;
mod window;

use datafusion::common::{DataFusionError, exec_datafusion_err};
use datafusion::logical_expr::{ScalarUDF, WindowUDF};

/// The functions of one row.
#[must_use]
pub fn scalar_functions() -> Vec<ScalarUDF> {
    [calendar::functions(), quality::functions(), sequential::functions(), sketch::functions()].concat()
}

/// The functions of a row among others: `f(x) OVER (...)`.
#[must_use]
pub fn window_functions() -> Vec<WindowUDF> {
    window::functions()
}

/// What a pure room refused, and which function asked.
fn failed(function: &str, cause: &tidegate_stats::Error) -> DataFusionError {
    exec_datafusion_err!("{function}: {cause}")
}
