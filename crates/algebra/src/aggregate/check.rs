//! Does an accumulator answer alike by every way in which an engine may drive it?

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray};
use datafusion::arrow::compute::concat;
use datafusion::common::Result;
use datafusion::logical_expr::EmitTo;

use super::single::{Grouped, SingleGroup};

/// Rows of an aggregate's argument, with the group of each.
pub(super) struct Input<'a> {
    pub(super) values: ArrayRef,
    pub(super) groups: &'a [usize],
    pub(super) filter: Option<&'a BooleanArray>,
    /// How many groups there are; those that no row reaches are empty.
    pub(super) total_groups: usize,
}

/// `values` in one group.
pub(super) fn one_group<G: Grouped + 'static>(make: impl Fn() -> G, values: ArrayRef) -> Result<ArrayRef> {
    let groups = vec![0; values.len()];
    every_way(make, &Input { values, groups: &groups, filter: None, total_groups: 1 })
}

/// The answer for each group, which is the same in one batch, row by row, through state, through
/// state of single rows, through groups emitted a few at a time, and without groups.
pub(super) fn every_way<G: Grouped + 'static>(make: impl Fn() -> G, input: &Input) -> Result<ArrayRef> {
    let updated = || {
        let mut whole = make();
        whole.update_batch(std::slice::from_ref(&input.values), input.groups, input.filter, input.total_groups)?;
        Ok::<_, datafusion::error::DataFusionError>(whole)
    };
    let every = (0..input.total_groups).collect::<Vec<_>>();
    let answer = updated()?.evaluate(EmitTo::All)?;

    let (mut by_row, mut seen) = (make(), 0);
    for (row, &group) in input.groups.iter().enumerate() {
        let filter = input.filter.map(|filter| filter.slice(row, 1));
        seen = seen.max(group + 1);
        by_row.update_batch(&[input.values.slice(row, 1)], &[group], filter.as_ref(), seen)?;
    }
    by_row.update_batch(&[input.values.slice(0, 0)], &[], None, input.total_groups)?;
    assert_eq!(&by_row.evaluate(EmitTo::All)?, &answer, "row by row");

    let state = updated()?.state(EmitTo::All)?;
    let mut merged = make();
    merged.merge_batch(&state, &every, input.total_groups)?;
    merged.merge_batch(&make_empty(&make, input.total_groups)?, &every, input.total_groups)?;
    assert_eq!(&merged.state(EmitTo::All)?, &state, "state of merged state");
    merged.merge_batch(&state, &every, input.total_groups)?;
    assert_eq!(&merged.evaluate(EmitTo::All)?, &answer, "through state");

    let mut converted = make();
    let rows = converted.convert_to_state(std::slice::from_ref(&input.values), input.filter)?;
    converted.merge_batch(&rows, input.groups, input.total_groups)?;
    assert_eq!(&converted.evaluate(EmitTo::All)?, &answer, "through states of single rows");

    let (mut values, mut states, mut parts) = (updated()?, updated()?, make());
    let (mut emitted, mut start) = (Vec::new(), 0);
    while start < input.total_groups {
        let count = (start + 1).min(input.total_groups - start);
        emitted.push(values.evaluate(EmitTo::First(count))?);
        parts.merge_batch(&states.state(EmitTo::First(count))?, &every[start..start + count], start + count)?;
        start += count;
    }
    if !emitted.is_empty() {
        let emitted = concat(&emitted.iter().map(AsRef::as_ref).collect::<Vec<_>>())?;
        assert_eq!(&emitted, &answer, "emitted in parts");
        assert_eq!(&parts.evaluate(EmitTo::All)?, &answer, "emitted in parts, as state");
    }

    if input.total_groups == 1 && input.filter.is_none() {
        let mut single = SingleGroup::boxed(make());
        single.update_batch(std::slice::from_ref(&input.values))?;
        let mut merged = SingleGroup::boxed(make());
        let states = single.state()?.iter().map(|state| state.to_array()).collect::<Result<Vec<_>>>()?;
        merged.merge_batch(&states)?;
        assert_eq!(&merged.evaluate()?.to_array()?, &answer, "without groups");
    }
    Ok(answer)
}

/// The state of groups that no row reached.
fn make_empty<G: Grouped>(make: impl Fn() -> G, groups: usize) -> Result<Vec<ArrayRef>> {
    let mut empty = make();
    empty.resize(groups);
    empty.state(EmitTo::All)
}
