//! Does one sample tend to lie above the other?

use datafusion::arrow::datatypes::DataType;
use tidegate_stats::mann_whitney;

use super::answer::{list, parts};
use crate::call::{Function, doubles};

const PARTS: [&str; 3] = ["u", "above", "p"];

/// `mann_whitney_test(values_t, values_c)`: pairs in which the treatment lies above, their share, and the two-sided p-value
/// of one distribution. Null without values.
pub(super) fn functions() -> Vec<Function> {
    let parameters = const { &[list("values_t"), list("values_c")] };
    vec![Function::new(
        "mann_whitney_test",
        parameters,
        |_| DataType::Struct(doubles(&PARTS)),
        |rows| {
            parts(rows, &PARTS, |row| {
                let found = mann_whitney(&row.list(0)?, &row.list(1)?)?;
                Ok([found.u, found.above, found.p_value])
            })
        },
    )]
}
