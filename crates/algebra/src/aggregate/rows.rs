//! Which rows of a batch does an accumulator see, and to which group does each belong?

use datafusion::arrow::array::{Array, BooleanArray};

/// Calls `visit(group, row)` for every row whose value is not null and that passes the
/// aggregate's `FILTER (WHERE ...)`.
#[inline]
pub(super) fn for_each_value(
    values: &dyn Array,
    groups: &[usize],
    filter: Option<&BooleanArray>,
    mut visit: impl FnMut(usize, usize),
) {
    let nulls = values.logical_nulls().filter(|nulls| nulls.null_count() > 0);
    if nulls.is_none() && filter.is_none() {
        for (row, &group) in groups.iter().enumerate() {
            visit(group, row);
        }
        return;
    }
    for (row, &group) in groups.iter().enumerate() {
        let valid = nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        let passes = filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
        if valid && passes {
            visit(group, row);
        }
    }
}

/// Calls `visit(group, row)` for every row that passes the aggregate's `FILTER (WHERE ...)`, with no row where the value
/// is null.
#[inline]
pub(super) fn for_each_row(
    values: &dyn Array,
    groups: &[usize],
    filter: Option<&BooleanArray>,
    mut visit: impl FnMut(usize, Option<usize>),
) {
    let nulls = values.logical_nulls().filter(|nulls| nulls.null_count() > 0);
    for (row, &group) in groups.iter().enumerate() {
        if filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row)) {
            visit(group, nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)).then_some(row));
        }
    }
}
