//! `f(x) OVER (...)`: what does a row say beside its neighbours?

mod anomaly;
mod anomaly_mad;
mod discovery;
mod parameters;
mod series;

use datafusion::logical_expr::WindowUDF;

pub(crate) fn functions() -> Vec<WindowUDF> {
    let mut functions = vec![anomaly::anomaly_t(), anomaly_mad::anomaly_mad(), discovery::bh()];
    functions.extend(series::functions());
    functions
}
