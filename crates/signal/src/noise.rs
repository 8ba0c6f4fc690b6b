//! How is a differentially private query planned? Its statistics are checked and priced, its groups are said to be private
//! or public, and every statistic that is shown is followed by the standard deviation of its noise.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::array::UInt64Array;
use datafusion::arrow::compute::{cast, concat_batches, take_record_batch};
use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::common::{Column, DataFusionError, Result as PlanResult};
use datafusion::logical_expr::logical_plan::{Aggregate, Filter, Projection, SubqueryAlias};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use tidegate_algebra::private::{MeasureSpec, PrivateSpec, PublicKeys, Statistic, measure_of};
use tidegate_algebra::{PANES_COLUMN, Release, UnitKey, Windows, deviation_column};

use crate::clause::Differential;
use crate::definition::{SignalDefinition, StreamDefinition};
use crate::join::Tables;
use crate::origin::{is_stream_column, origin};
use crate::people::People;
use crate::plan::{Unplanned, bar_windows};
use crate::window::function_name;
use crate::{Code, Refusal, output, policy, refuse};

/// A differentially private query on its way to a plan.
pub(crate) struct Noising<'a> {
    pub(crate) definition: &'a SignalDefinition,
    pub(crate) stream: &'a StreamDefinition,
    pub(crate) people: &'a People,
    pub(crate) clause: &'a Differential,
    pub(crate) unit: &'a str,
    pub(crate) windows: Option<Windows>,
    pub(crate) tables: &'a Tables,
    pub(crate) key: &'a UnitKey,
}

impl Noising<'_> {
    /// The plan with the barrier in it, and the columns by which its rows are sorted.
    pub(crate) fn plan(
        &self,
        plan: LogicalPlan,
        aggregate: &Aggregate,
    ) -> Result<(LogicalPlan, Vec<usize>), Unplanned> {
        self.require_windows()?;
        if self.definition.once && self.clause.max_days.is_some() {
            let cause = "a query that is asked once is paid for day by day, and has no epochs";
            let fix = "leave max_days_contributed out, or make it a signal";
            return Err(refuse(Code::Unnoisable, self.definition.clause_place(), cause, fix).into());
        }
        let stream = &self.stream.name.value;
        self.people.refuse_shown(aggregate, self.unit, self.definition)?;
        let unit = policy::unit_column(aggregate, self.unit, stream, self.definition)?;
        let measures = self.measures(aggregate)?;
        let keys = aggregate.group_expr.iter().filter(|key| !is_window(key)).cloned().collect::<Vec<_>>();
        let public = match (self.clause.public_groups, keys.is_empty()) {
            (true, false) => Some(self.public_keys(aggregate, &keys)?),
            _ => None,
        };
        // Windows are public keys, as far as time has come: nothing is chosen where there are no others. Where a query
        // is asked once, the rows themselves say which windows there are, so that is no public knowledge.
        let asks_for_windows = self.definition.once && self.windows.is_some();
        if asks_for_windows && self.clause.public_groups {
            let cause = "which windows there are is not public in a query: the first and the last row would show";
            let fix = "write LAPLACE_THRESHOLD, or make it a signal";
            return Err(refuse(Code::NotPublic, self.definition.clause_place(), cause, fix).into());
        }
        let selects = !self.clause.public_groups && (!keys.is_empty() || asks_for_windows);
        if self.clause.min_units > 1 && !selects {
            let cause =
                "min_privacy_units_per_group chooses among groups, and windows alone are public: all of them are shown";
            let fix = "leave it out, or group by a column";
            return Err(refuse(Code::Unnoisable, self.definition.clause_place(), cause, fix).into());
        }
        let spec = PrivateSpec {
            unit,
            key: self.key.clone(),
            epsilon: self.clause.epsilon,
            delta: self.clause.delta,
            selection_epsilon: self.clause.selection_epsilon,
            max_groups: self.clause.max_groups,
            max_days: self.clause.max_days,
            min_units: selects.then_some(self.clause.min_units),
            mechanism: self.clause.mechanism,
            public,
            measures,
        };
        spec.calibration().map_err(|error| {
            let fix = "give each share of epsilon room, and choose a larger epsilon or delta, or narrower bounds";
            refuse(Code::Unnoisable, self.definition.clause_place(), error.to_string(), fix)
        })?;
        let sort_order = output::sort_order(&plan, plan.schema().as_arrow(), &aggregate.group_expr);
        let spec = Arc::new(spec);
        let shown = plan.schema().columns().iter().map(|column| statistic_of(&plan, column)).collect::<Vec<_>>();
        self.require_names(&plan, &shown)?;
        let barrier = |aggregate| Release::private(aggregate, Arc::clone(&spec), self.windows);
        let carried = carry(plan, &|aggregate| match self.windows {
            Some(windows) => bar_windows(aggregate, windows, &barrier),
            None => barrier(aggregate),
        })?;
        // Each statistic before a column has moved it one place on.
        let moved = |position: usize| position + shown[..position].iter().flatten().count();
        let sort_order = sort_order.into_iter().map(moved).collect();
        Ok((with_deviations(carried, &shown)?, sort_order))
    }

    /// No column has the name of one that is added.
    fn require_names(&self, plan: &LogicalPlan, shown: &[Option<usize>]) -> Result<(), Refusal> {
        let columns = plan.schema().columns();
        let statistics = columns.iter().zip(shown).filter(|(_, statistic)| statistic.is_some());
        let panes = self.windows.filter(|windows| windows.panes() != Some(*windows)).map(|_| SHOWN_PANES.to_owned());
        let added = statistics.map(|(column, _)| deviation_name(column)).chain(panes).collect::<Vec<_>>();
        let Some(taken) = columns.iter().find(|column| added.contains(&column.name)) else { return Ok(()) };
        let cause = format!("`{}` is the name of a column that noised rows have beside the query's own", taken.name);
        let place = self.definition.word_place(&taken.name);
        Err(refuse(Code::BadOutput, &place, cause, "give the column another name with AS"))
    }

    /// What was noised stands: it needs slices of time that close once.
    fn require_windows(&self) -> Result<(), Refusal> {
        let definition = self.definition;
        match self.windows {
            Some(windows) if windows.panes().is_some() => {}
            Some(windows) => {
                let name = function_name(&windows);
                let cause = match windows {
                    Windows::Session { .. } => "which sessions there are depends on who was there, and is not noised",
                    _ => "weeks begin on Mondays, and slices of that length do not",
                };
                let fix = "write TUMBLE, or HOP and CUMULATE whose lengths divide a day or a week";
                return Err(refuse(Code::Unnoisable, &definition.word_place(name), cause, fix));
            }
            None if definition.once => {}
            None => {
                return Err(refuse(
                    Code::Unnoisable,
                    &definition.query_place,
                    "running totals would be noised again with every run, and paid for again",
                    format!(
                        "read windows: FROM TUMBLE({}, {}, INTERVAL '1 day')",
                        self.stream.name.value,
                        self.stream.contract.event_time.as_deref().unwrap_or("event_time")
                    ),
                ));
            }
        }
        if definition.lateness_us > 0 {
            return Err(refuse(
                Code::Unnoisable,
                &definition.query_place,
                "a window that was noised is not restated: its late rows would be paid for twice",
                "leave lateness out, and give the stream a longer watermark",
            ));
        }
        Ok(())
    }

    fn measures(&self, aggregate: &Aggregate) -> Result<Vec<MeasureSpec>, Refusal> {
        let schema = aggregate.input.schema();
        let measure = |call: &Expr| match MeasureSpec::of(call, schema) {
            Some(Ok(measure)) => {
                self.require_unit(call, &measure, aggregate)?;
                Ok(measure)
            }
            Some(Err(error)) => {
                let place = self.definition.word_place(measure_of(call).map_or("select", Statistic::function));
                let fix = "write contribution_bounds_per_group => (lowest, highest)";
                Err(refuse(Code::Unnoisable, &place, error.to_string(), fix))
            }
            None => {
                let name = match call.clone().unalias() {
                    Expr::AggregateFunction(call) => call.func.name().to_owned(),
                    other => other.to_string(),
                };
                Err(refuse(
                    Code::InadmissibleAggregate,
                    &self.definition.word_place(&name),
                    format!("`{name}` cannot be noised"),
                    "noised are COUNT, SUM, AVG, VAR_POP, STDDEV_POP, PERCENTILE_CONT, HISTOGRAM and COUNT(DISTINCT unit)",
                ))
            }
        };
        let measures = aggregate.aggr_expr.iter().map(measure).collect::<Result<Vec<_>, _>>()?;
        if measures.is_empty() {
            let fix = "add COUNT(DISTINCT unit), which is free where groups are chosen by it";
            return Err(refuse(Code::Unnoisable, &self.definition.query_place, "nothing is measured", fix));
        }
        Ok(measures)
    }

    /// Only units are counted distinct, and in windows that are not added up from several slices.
    fn require_unit(&self, call: &Expr, measure: &MeasureSpec, aggregate: &Aggregate) -> Result<(), Refusal> {
        if measure.statistic != Statistic::Units {
            return Ok(());
        }
        let argument = match call.clone().unalias() {
            Expr::AggregateFunction(call) => call.params.args.first().cloned(),
            _ => None,
        };
        let is_unit = matches!(&argument, Some(Expr::Column(column))
            if is_stream_column(&aggregate.input, column, &self.stream.name.value, self.unit));
        let slices = self.windows.filter(|windows| windows.panes() != Some(*windows));
        if let Some(windows) = slices {
            let name = function_name(&windows);
            return Err(refuse(
                Code::Unnoisable,
                &self.definition.word_place("distinct"),
                format!("{name} adds up slices of time, and a unit in two of them would count twice"),
                "count units over TUMBLE",
            ));
        }
        if is_unit {
            return Ok(());
        }
        Err(refuse(
            Code::InadmissibleAggregate,
            &self.definition.word_place("distinct"),
            "only units are counted distinct: how many values one unit brings is not bounded",
            format!("write COUNT(DISTINCT {})", self.unit),
        ))
    }

    /// Every group there can be, from the one table that all keys come from.
    fn public_keys(&self, aggregate: &Aggregate, keys: &[Expr]) -> Result<PublicKeys, Refusal> {
        let refused = |cause: String| {
            let fix = "join a CREATE TABLE that lists the groups, and group by its columns; or write LAPLACE_THRESHOLD";
            refuse(Code::NotPublic, self.definition.clause_place(), cause, fix)
        };
        let mut columns = Vec::new();
        for key in keys {
            let source = match key.clone().unalias() {
                Expr::Column(column) => origin(&aggregate.input, &column),
                _ => None,
            };
            let Some(Expr::Column(Column { relation: Some(table), name, .. })) = source else {
                return Err(refused(format!("`{key}` is computed, and PUBLIC_GROUPS are columns of a public table")));
            };
            columns.push((table.table().to_owned(), name));
        }
        let names = columns.iter().map(|(table, _)| table.clone()).collect::<std::collections::BTreeSet<_>>();
        let [name] = names.into_iter().collect::<Vec<_>>().try_into().map_err(|names: Vec<String>| {
            refused(format!("groups come from {}, and PUBLIC_GROUPS from one public table", names.join(" and ")))
        })?;
        let Some(table) = self.tables.get(&name) else {
            return Err(refused(format!("groups come from `{name}`, which is no public table")));
        };
        let wanted = columns.iter().map(|(_, column)| column.as_str()).collect::<Vec<_>>();
        let types = aggregate.schema.fields().iter().zip(&aggregate.group_expr).filter(|(_, key)| !is_window(key));
        let types = types.map(|(field, _)| field.as_ref().clone()).collect::<Vec<_>>();
        let rows = distinct(&table.rows, &wanted, &types).map_err(|error| refused(error.to_string()))?;
        Ok(PublicKeys { rows })
    }
}

fn is_window(key: &Expr) -> bool {
    matches!(key.clone().unalias(), Expr::Column(column) if matches!(column.name.as_str(), "window_start" | "window_end"))
}

/// The distinct rows of some columns, in the types of `fields`.
fn distinct(rows: &RecordBatch, columns: &[&str], fields: &[Field]) -> PlanResult<RecordBatch> {
    let mut arrays = Vec::new();
    for (column, field) in columns.iter().zip(fields) {
        let array = rows
            .column_by_name(column)
            .ok_or_else(|| DataFusionError::Plan(format!("`{column}` is not a column of the public table")))?;
        arrays.push(cast(array, field.data_type())?);
    }
    let schema = Arc::new(Schema::new(fields.to_vec()));
    let sort = arrays.iter().map(|array| SortField::new(array.data_type().clone())).collect();
    let keys = RowConverter::new(sort)?.convert_columns(&arrays)?;
    let mut seen = std::collections::BTreeSet::new();
    let first = (0..rows.num_rows()).filter(|&row| seen.insert(keys.row(row).as_ref().to_vec()));
    let first = first.map(|row| row as u64).collect::<Vec<_>>();
    let nullable = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect::<Vec<_>>();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(nullable)), arrays)?;
    let batch = take_record_batch(&batch, &UInt64Array::from(first))?;
    Ok(concat_batches(&batch.schema(), [&batch])?)
}

/// Which statistic a column of `plan` is, as it is.
fn statistic_of(plan: &LogicalPlan, column: &Column) -> Option<usize> {
    match plan {
        LogicalPlan::Projection(projection) => {
            let position = projection.schema.maybe_index_of_column(column)?;
            match projection.expr[position].clone().unalias_nested().data {
                Expr::Column(inner) => statistic_of(&projection.input, &inner),
                _ => None,
            }
        }
        LogicalPlan::Filter(filter) => statistic_of(&filter.input, column),
        LogicalPlan::SubqueryAlias(alias) => {
            let position = alias.schema.maybe_index_of_column(column)?;
            statistic_of(&alias.input, &Column::from(alias.input.schema().qualified_field(position)))
        }
        LogicalPlan::Aggregate(aggregate) => {
            let position = aggregate.schema.maybe_index_of_column(column)?;
            position.checked_sub(aggregate.group_expr.len())
        }
        _ => None,
    }
}

/// `plan` with the barrier above its aggregation, and the deviations carried up through every step.
fn carry(plan: LogicalPlan, barrier: &dyn Fn(Aggregate) -> PlanResult<LogicalPlan>) -> PlanResult<LogicalPlan> {
    match plan {
        LogicalPlan::Aggregate(aggregate) => barrier(aggregate),
        LogicalPlan::Filter(filter) => {
            let input = carry(Arc::unwrap_or_clone(filter.input), barrier)?;
            Ok(LogicalPlan::Filter(Filter::try_new(filter.predicate, Arc::new(input))?))
        }
        LogicalPlan::Projection(projection) => {
            let input = carry(Arc::unwrap_or_clone(projection.input), barrier)?;
            let deviations = input.schema().columns().into_iter().filter(is_added).map(Expr::Column);
            let columns = projection.expr.into_iter().chain(deviations).collect();
            Ok(LogicalPlan::Projection(Projection::try_new(columns, Arc::new(input))?))
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let input = carry(Arc::unwrap_or_clone(alias.input), barrier)?;
            Ok(LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(Arc::new(input), alias.alias)?))
        }
        other => Ok(other),
    }
}

/// The column that stands beside a statistic.
fn deviation_name(statistic: &Column) -> String {
    format!("{}_noise_stddev", statistic.name)
}

/// The column that says of how many slices of time a row is the sum.
const SHOWN_PANES: &str = "dp_panes";

/// True for a column that the barrier adds.
fn is_added(column: &Column) -> bool {
    column.name.starts_with(deviation_column(0).trim_end_matches('0')) || column.name == PANES_COLUMN
}

/// The columns of the query, each statistic followed by the standard deviation of its noise, and last of how many slices
/// of time each row is the sum, where it may be several.
fn with_deviations(plan: LogicalPlan, shown: &[Option<usize>]) -> PlanResult<LogicalPlan> {
    let columns = plan.schema().columns();
    let mut wanted = Vec::new();
    for (column, statistic) in columns.iter().zip(shown) {
        if column.name != PANES_COLUMN {
            wanted.push(Expr::Column(column.clone()).alias(&column.name));
        }
        let Some(statistic) = statistic else { continue };
        let name = deviation_column(*statistic);
        let deviation = columns.iter().find(|column| column.name == name);
        wanted.extend(deviation.map(|deviation| Expr::Column(deviation.clone()).alias(deviation_name(column))));
    }
    let panes = columns.iter().filter(|column| column.name == PANES_COLUMN);
    wanted.extend(panes.map(|panes| Expr::Column(panes.clone()).alias(SHOWN_PANES)));
    LogicalPlanBuilder::from(plan).project(wanted)?.build()
}
