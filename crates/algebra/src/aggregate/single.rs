//! How does a grouped accumulator serve a query without `GROUP BY`?
//!
//! DataFusion asks for an [`Accumulator`] there. It is the grouped one with a single group, so that
//! each function has one implementation and one state format.

use std::fmt;

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

/// A grouped accumulator that can make room for groups before any row arrives.
pub(super) trait Grouped: GroupsAccumulator + Sync + Sized {
    /// Makes room for `groups` groups; new ones are empty.
    fn resize(&mut self, groups: usize);

    /// An accumulator of the same kind without groups.
    fn fresh(&self) -> Self;

    /// The state of each row as a group of its own, for `convert_to_state`.
    fn rows_as_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let rows = values[0].len();
        let groups = (0..rows).collect::<Vec<_>>();
        let mut each = self.fresh();
        each.update_batch(values, &groups, filter, rows)?;
        each.state(EmitTo::All)
    }
}

/// Refuses `f(DISTINCT x)`: our states do not remember values.
pub(super) fn refuse_distinct(args: &AccumulatorArgs) -> Result<()> {
    if args.is_distinct {
        return plan_err!("{} is not supported here; aggregate over (SELECT DISTINCT ...) instead", args.name);
    }
    Ok(())
}

pub(super) struct SingleGroup<G> {
    grouped: G,
}

impl<G: Grouped> SingleGroup<G> {
    pub(super) fn boxed(mut grouped: G) -> Box<dyn Accumulator> {
        // An empty input has a state too: that of one empty group.
        grouped.resize(1);
        Box::new(Self { grouped })
    }
}

impl<G: Grouped> Accumulator for SingleGroup<G> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let groups = vec![0; values[0].len()];
        self.grouped.update_batch(values, &groups, None, 1)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let groups = vec![0; states[0].len()];
        self.grouped.merge_batch(states, &groups, 1)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let columns = self.grouped.state(EmitTo::All)?;
        columns.iter().map(|column| ScalarValue::try_from_array(column, 0)).collect()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        // A running frame, and the feedback of MIN and MAX to a scan, ask in the middle and add more
        // rows: what is handed out is a copy.
        let state = self.grouped.state(EmitTo::All)?;
        self.grouped.merge_batch(&state, &[0], 1)?;
        let mut copy = self.grouped.fresh();
        copy.merge_batch(&state, &[0], 1)?;
        ScalarValue::try_from_array(&copy.evaluate(EmitTo::All)?, 0)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.grouped.size()
    }
}

impl<G> fmt::Debug for SingleGroup<G> {
    // State is never printed: it may hold values of one person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SingleGroup")
    }
}
