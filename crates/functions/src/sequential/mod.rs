//! What do counts and estimates say, however often one looks? The tests of the room `stats`, in SQL.
//!
//! Arms come as treatment and control, in this order, and arguments end in `_t` and `_c`. Estimates are `{estimate,
//! variance}`, so that proportions, means, ratios over clusters and noisy counts go to the same tests. Anytime-valid
//! tests answer the logarithm of their e-value, since logarithms of independent tests add, and the p-value that belongs to
//! it.
//!
//! An answer is null if an argument is, and where counts say nothing yet: no trials, no units, no variance. An argument
//! that cannot be right is refused. Absent: decisions (room `gate`), and formulas (room `stats`).

mod answer;
mod asymptotic_cs;
mod bounded;
mod bounds;
mod canary;
mod cuped;
mod e_process;
mod estimate;
mod group_sequential;
mod interval;
mod mean;
mod mixture;
mod multiple;
mod noise;
mod noisy;
mod non_inferiority;
mod once;
mod proportion;
mod quantile;
mod ranks;
mod ratio;
mod sample_ratio;
mod sample_size;
#[cfg(test)]
mod tests;

use datafusion::logical_expr::ScalarUDF;

/// The functions of sequential tests, and those around them.
pub(crate) fn functions() -> Vec<ScalarUDF> {
    let functions = [
        asymptotic_cs::functions(),
        bounded::functions(),
        bounds::functions(),
        canary::functions(),
        cuped::functions(),
        e_process::functions(),
        estimate::functions(),
        group_sequential::functions(),
        interval::functions(),
        mean::functions(),
        mixture::functions(),
        multiple::functions(),
        noise::functions(),
        noisy::functions(),
        non_inferiority::functions(),
        once::functions(),
        proportion::functions(),
        quantile::functions(),
        ranks::functions(),
        ratio::functions(),
        sample_ratio::functions(),
        sample_size::functions(),
    ]
    .concat();
    functions.into_iter().map(ScalarUDF::from).collect()
}
