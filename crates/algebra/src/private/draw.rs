//! How do bounded integers become numbers that may be shown? Noise is added, once, for a [`Grant`] that says it is paid.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, RecordBatch, TimestampMicrosecondArray};
use datafusion::arrow::compute::filter;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::row::{OwnedRow, RowConverter};
use datafusion::physical_plan::ExecutionPlan;
use tidegate_privacy::{Calibration, Grant};

use super::bound::{Bounded, one_key};
use super::noised::columns_of;
use super::spec::PrivateSpec;
use crate::cut::{Below, Cut, WindowKey};
use crate::error::{Error, Result};
use crate::release::{Closed, Panes};
use crate::state::PartialState;

impl Cut {
    /// What must stand in the budget before [`draw`](Self::draw); none where nothing is noised.
    pub fn calibration(&self) -> Option<Result<Calibration>> {
        match &self.below {
            Below::Private { spec, .. } => Some(spec.calibration().map_err(|error| Error::Spec(error.to_string()))),
            _ => None,
        }
    }

    /// The declaration under which rows are noised; none where nothing is.
    pub fn private_spec(&self) -> Option<&PrivateSpec> {
        match &self.below {
            Below::Private { spec, .. } => Some(spec),
            _ => None,
        }
    }

    /// Noises what was bounded, for windows that are closed now and were not `before`, for a `grant` that is taken by
    /// value.
    ///
    /// ```no_run
    /// use tidegate_algebra::{Closed, Cut, Panes, PartialState, Result, private::Bounded};
    /// fn once(cut: &Cut, bounded: Bounded, grant: tidegate_privacy::Grant) -> Result<PartialState> {
    ///     cut.draw(bounded, &Panes::default(), Closed::default(), grant)
    /// }
    /// ```
    ///
    /// Without a grant, or twice for one, it does not compile:
    ///
    /// ```compile_fail,E0382
    /// use tidegate_algebra::{Closed, Cut, Panes, PartialState, Result, private::Bounded};
    /// fn twice(cut: &Cut, one: Bounded, other: Bounded, grant: tidegate_privacy::Grant) -> Result<PartialState> {
    ///     cut.draw(one, &Panes::default(), Closed::default(), grant)?;
    ///     cut.draw(other, &Panes::default(), Closed::default(), grant)
    /// }
    /// ```
    ///
    /// ```compile_fail,E0061
    /// use tidegate_algebra::{Closed, Cut, Panes, PartialState, Result, private::Bounded};
    /// fn unpaid(cut: &Cut, bounded: Bounded) -> Result<PartialState> {
    ///     cut.draw(bounded, &Panes::default(), Closed::default())
    /// }
    /// ```
    ///
    /// The rows that come of it may be shown, and are kept: drawing again would show more than was paid for.
    ///
    /// # Errors
    /// [`Error::NotPrivate`] when nothing is noised here, [`Error::Spec`] when the grant does not pay for it.
    pub fn draw(&self, bounded: Bounded, panes: &Panes, before: Closed, grant: Grant) -> Result<PartialState> {
        let Below::Private { spec, .. } = &self.below else { return Err(Error::NotPrivate) };
        let explain = |error: tidegate_privacy::Error| Error::Spec(error.to_string());
        let calibration = spec.calibration().map_err(|error| Error::Spec(error.to_string()))?;
        let (keys, exact) = self.exact(bounded, spec, panes, before)?;
        let noised = calibration.draw(exact, grant).map_err(explain)?;
        let keys = if self.key_types().is_empty() { Vec::new() } else { keys };
        let columns = keys.into_iter().chain(columns_of(spec, noised.units, noised.measures)?);
        let kept = BooleanArray::from(noised.kept);
        let columns = columns.map(|column| Ok(filter(&column, &kept)?)).collect::<Result<Vec<_>>>()?;
        let rows = RecordBatch::try_new(Arc::clone(&self.layout.schema), columns)?;
        Ok(self.layout.state_of(if rows.num_rows() == 0 { Vec::new() } else { vec![rows] }))
    }

    /// The types of the group keys.
    pub(super) fn key_types(&self) -> Vec<DataType> {
        let Below::Private { partial, .. } = &self.below else { return Vec::new() };
        let keys = partial.group_expr().expr().len().saturating_sub(1);
        let schema = partial.schema();
        schema.fields().iter().take(keys).map(|field| field.data_type().clone()).collect()
    }

    /// The panes that are noised, one by one.
    fn noised_panes(&self) -> Option<WindowKey> {
        match &self.below {
            Below::Private { panes, .. } => *panes,
            _ => None,
        }
    }

    /// Every public group of the panes that are closed now and were not before.
    pub(super) fn public_rows(
        &self,
        spec: &PrivateSpec,
        panes: &Panes,
        before: Closed,
        converter: &RowConverter,
    ) -> Result<Vec<OwnedRow>> {
        let types = self.key_types();
        let public = spec.public.as_ref().map(|public| public.rows.clone());
        let mut groups = Vec::new();
        match self.noised_panes() {
            None => {
                let keys = public.map(|rows| rows.columns().to_vec()).unwrap_or_default();
                let keys = if keys.is_empty() { vec![one_key(1)] } else { keys };
                groups.extend(converter.convert_columns(&keys)?.iter().map(|row| row.owned()));
            }
            Some(key) => {
                let days = panes.days.iter().flatten();
                let starts = days.flat_map(|&day| key.windows.starts_of_day(day));
                let is_new = |start: &i64| {
                    let end = key.windows.pane_end(*start);
                    panes.closed.contains(*start, end) && !before.contains(*start, end)
                };
                for start in starts.filter(is_new) {
                    let count = public.as_ref().map_or(1, RecordBatch::num_rows);
                    let starts = TimestampMicrosecondArray::from(vec![start; count]);
                    let starts = Arc::new(starts.with_data_type(types[key.start].clone())) as ArrayRef;
                    let mut keys = public.as_ref().map(|rows| rows.columns().to_vec()).unwrap_or_default();
                    keys.insert(key.start.min(keys.len()), starts);
                    groups.extend(converter.convert_columns(&keys)?.iter().map(|row| row.owned()));
                }
            }
        }
        Ok(groups)
    }
}
