//! Which of several successes may be claimed together?

use datafusion::arrow::array::ArrayRef;
use datafusion::common::Result;
use tidegate_stats::{benjamini_yekutieli_adjusted, bonferroni_adjusted, holm_adjusted};

use super::answer::{answers, list, lists, of_lists};
use crate::call::{Function, Parameter, Rows};

const PARAMETERS: &[Parameter] = &[list("p")];

/// `holm(p)`, `bonferroni(p)`: p-values adjusted so that no claim is false with probability `1 - alpha`;
/// `benjamini_yekutieli(p)`: so that a share `alpha` of the claims is false on average. In the order given, whatever the
/// dependence. Null if one of them is.
pub(super) fn functions() -> Vec<Function> {
    vec![
        of_lists("holm", PARAMETERS, |rows| adjusted(rows, holm_adjusted)),
        of_lists("bonferroni", PARAMETERS, |rows| adjusted(rows, bonferroni_adjusted)),
        of_lists("benjamini_yekutieli", PARAMETERS, |rows| adjusted(rows, benjamini_yekutieli_adjusted)),
    ]
}

fn adjusted(rows: &Rows, adjust: fn(&[f64]) -> tidegate_stats::Result<Vec<f64>>) -> Result<ArrayRef> {
    Ok(lists(answers(rows, |row| Ok(adjust(&row.list(0)?)?))?.iter().map(Option::as_ref)))
}
