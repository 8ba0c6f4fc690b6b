//! Which statistics can be noised, and what does each need to know of a unit?
//!
//! In a query they stand as aggregate functions of their own (`dp_count`, `dp_sum`, ...), put there in place of `COUNT`,
//! `SUM` and so on with the bounds as arguments. They never run: [`PrivateSpec`](super::PrivateSpec) takes them apart
//! into totals per unit.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, internal_err, plan_err};
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Expr, Signature, Volatility, cast};

use crate::aggregate::{avg, sum};

/// A statistic that can be noised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Statistic {
    /// Rows, or values that are not null.
    Count,
    /// The sum of values.
    Sum,
    /// The mean of the units' own means.
    Mean,
    /// The variance of the units' own means.
    Variance,
    /// The standard deviation of the units' own means.
    Deviation,
    /// How many units there are.
    Units,
    /// A quantile of the units' own means.
    Quantile,
    /// How many of the units' own means lie in each of a number of equal bins.
    Histogram,
    /// Between which powers of two the units' own values lie, whose bounds are not known.
    Extent(Extent),
}

/// Which value of a unit has bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Extent {
    /// Its number of rows or values.
    Count,
    /// Its sum.
    Sum,
    /// Its mean.
    Mean,
}

impl Statistic {
    const ALL: [Self; 11] = [
        Self::Count,
        Self::Sum,
        Self::Mean,
        Self::Variance,
        Self::Deviation,
        Self::Units,
        Self::Quantile,
        Self::Histogram,
        Self::Extent(Extent::Count),
        Self::Extent(Extent::Sum),
        Self::Extent(Extent::Mean),
    ];

    /// The name of the function that stands for it.
    pub fn function(self) -> &'static str {
        match self {
            Self::Count => "dp_count",
            Self::Sum => "dp_sum",
            Self::Mean => "dp_avg",
            Self::Variance => "dp_var_pop",
            Self::Deviation => "dp_stddev_pop",
            Self::Units => "dp_units",
            Self::Quantile => "dp_percentile",
            Self::Histogram => "dp_histogram",
            Self::Extent(Extent::Count) => "dp_bounds_count",
            Self::Extent(Extent::Sum) => "dp_bounds_sum",
            Self::Extent(Extent::Mean) => "dp_bounds_avg",
        }
    }

    /// True for the name of a function that stands for a statistic.
    pub fn is_function(name: &str) -> bool {
        Self::ALL.iter().any(|statistic| statistic.function().eq_ignore_ascii_case(name))
    }

    /// The call that asks for it in SQL, of `argument`.
    pub(super) fn call(self, argument: &str) -> String {
        match self {
            Self::Count => format!("COUNT({argument})"),
            Self::Sum => format!("SUM({argument})"),
            Self::Mean => format!("AVG({argument})"),
            Self::Variance => format!("VAR_POP({argument})"),
            Self::Deviation => format!("STDDEV_POP({argument})"),
            Self::Units => format!("COUNT(DISTINCT {argument})"),
            Self::Quantile => format!("PERCENTILE_CONT({argument})"),
            Self::Histogram => format!("HISTOGRAM({argument})"),
            Self::Extent(of) => format!("APPROX_BOUNDS({})", of.statistic().call(argument)),
        }
    }

    /// The statistic that an SQL aggregate asks for, by the aggregate's name in lower case.
    pub fn of_aggregate(name: &str) -> Option<Self> {
        Some(match name {
            "count" => Self::Count,
            "sum" => Self::Sum,
            "avg" | "mean" => Self::Mean,
            "var_pop" => Self::Variance,
            "stddev_pop" => Self::Deviation,
            "percentile_cont" => Self::Quantile,
            "histogram" => Self::Histogram,
            _ => return None,
        })
    }

    /// How many numbers are noised for it. `COUNT(DISTINCT unit)` is free where groups are chosen by it.
    pub(super) fn numbers(self, units_are_noised: bool) -> usize {
        match self {
            Self::Count | Self::Sum | Self::Quantile | Self::Histogram | Self::Extent(_) => 1,
            Self::Mean => 2,
            Self::Variance | Self::Deviation => 3,
            Self::Units => usize::from(!units_are_noised),
        }
    }

    /// What is kept of each unit; nothing where its presence is enough.
    ///
    /// None of it fails on a value: integers are averaged and counted, because their sum could leave its type.
    pub(super) fn per_unit(self, argument: &Expr, filter: Option<&Expr>, argument_type: &DataType) -> Vec<Expr> {
        let call = |function: Arc<AggregateUDF>, argument: Expr| {
            let filter = filter.cloned().map(Box::new);
            let args = vec![argument];
            let params =
                AggregateFunctionParams { args, distinct: false, filter, order_by: vec![], null_treatment: None };
            Expr::AggregateFunction(AggregateFunction { func: function, params })
        };
        let double = || cast(argument.clone(), DataType::Float64);
        let count = || call(count_udaf(), argument.clone());
        match self {
            Self::Extent(of) => of.statistic().per_unit(argument, filter, argument_type),
            Self::Count => vec![count()],
            Self::Sum if argument_type.is_integer() => vec![call(Arc::new(avg()), argument.clone()), count()],
            Self::Sum => vec![call(Arc::new(sum()), double())],
            Self::Units => Vec::new(),
            _ if argument_type.is_integer() => vec![call(Arc::new(avg()), argument.clone())],
            _ => vec![call(Arc::new(avg()), double())],
        }
    }
}

impl Extent {
    /// The statistic that needs such bounds.
    pub(super) fn statistic(self) -> Statistic {
        match self {
            Self::Count => Statistic::Count,
            Self::Sum => Statistic::Sum,
            Self::Mean => Statistic::Mean,
        }
    }

    /// What bounds of that statistic are of.
    pub fn of(statistic: Statistic) -> Option<Self> {
        [Self::Count, Self::Sum, Self::Mean].into_iter().find(|of| of.statistic() == statistic)
    }
}

/// The functions that stand for statistics in a query.
pub fn measure_functions() -> Vec<AggregateUDF> {
    Statistic::ALL.map(|statistic| AggregateUDF::new_from_impl(MeasureFunction::new(statistic))).into()
}

/// A statistic as it stands in a query: of what, of which rows, and the constants beside it.
pub(super) struct Call<'a> {
    pub(super) statistic: Statistic,
    pub(super) argument: &'a Expr,
    pub(super) filter: Option<&'a Expr>,
    pub(super) constants: Vec<f64>,
}

/// True for a call of a function that stands for a statistic.
pub fn is_measure(call: &Expr) -> bool {
    measure_of(call).is_some()
}

/// The statistic that a call stands for.
pub fn measure_of(call: &Expr) -> Option<Statistic> {
    call_of(call).map(|call| call.statistic)
}

pub(super) fn call_of(call: &Expr) -> Option<Call<'_>> {
    let Expr::AggregateFunction(AggregateFunction { func, params }) = unaliased(call) else { return None };
    let statistic = func.inner().downcast_ref::<MeasureFunction>()?.statistic;
    let (argument, constants) = params.args.split_first()?;
    let constants = constants.iter().map(constant).collect::<Option<Vec<_>>>()?;
    Some(Call { statistic, argument, filter: params.filter.as_deref(), constants })
}

/// What is measured, as it stands in SQL.
pub(super) fn sql_of(argument: &Expr) -> String {
    match argument {
        Expr::Literal(ScalarValue::Int64(Some(1)), _) => "*".to_owned(),
        Expr::Column(column) => column.name.clone(),
        other => other.human_display().to_string(),
    }
}

fn unaliased(call: &Expr) -> &Expr {
    match call {
        Expr::Alias(alias) => unaliased(&alias.expr),
        other => other,
    }
}

fn constant(expression: &Expr) -> Option<f64> {
    match expression {
        Expr::Literal(ScalarValue::Float64(value), _) => *value,
        Expr::Literal(ScalarValue::Int64(Some(value)), _) => Some(*value as f64),
        Expr::Literal(ScalarValue::UInt64(Some(value)), _) => Some(*value as f64),
        Expr::Negative(inner) => constant(inner).map(|value| -value),
        Expr::Cast(inner) => constant(&inner.expr),
        _ => None,
    }
}

/// The type of a histogram: a list of counts.
pub(super) fn cell_counts() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Int64, false)))
}

/// The type of bounds: the lowest and the highest value.
pub(super) fn extent() -> DataType {
    let bound = |name| Field::new(name, DataType::Float64, true);
    DataType::Struct(vec![bound("low"), bound("high")].into())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct MeasureFunction {
    statistic: Statistic,
    signature: Signature,
}

impl MeasureFunction {
    fn new(statistic: Statistic) -> Self {
        Self { statistic, signature: Signature::variadic_any(Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for MeasureFunction {
    fn name(&self) -> &'static str {
        self.statistic.function()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        let Some(argument) = arguments.first() else { return plan_err!("there is nothing to measure") };
        let name = self.name().trim_start_matches("dp_").to_uppercase();
        Ok(match (self.statistic, argument) {
            (Statistic::Count | Statistic::Units, _) => DataType::Int64,
            (Statistic::Extent(Extent::Count), _) => extent(),
            (Statistic::Sum, integer) if integer.is_integer() => DataType::Int64,
            (Statistic::Sum, DataType::Decimal128(_, scale)) => DataType::Decimal128(38, *scale),
            (_, DataType::Decimal256(..)) => {
                return plan_err!("{name} of decimals of more than 38 digits cannot be noised");
            }
            (Statistic::Histogram, number) if number.is_numeric() => cell_counts(),
            (Statistic::Extent(_), number) if number.is_numeric() => extent(),
            (_, number) if number.is_numeric() => DataType::Float64,
            (_, other) => return plan_err!("{name} is of numbers, and not of {other}: CAST the argument"),
        })
    }

    /// What people read in messages and plans: the call as they wrote it, and what tells it from others.
    fn schema_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        let AggregateFunctionParams { args, filter, .. } = params;
        let Some((argument, constants)) = args.split_first() else { return Ok(self.name().to_owned()) };
        let argument = match argument {
            Expr::Literal(ScalarValue::Int64(Some(1)), _) => "*".to_owned(),
            other => other.schema_name().to_string(),
        };
        let mut name = self.statistic.call(&argument);
        let constants = constants.iter().filter_map(constant).collect::<Vec<_>>();
        let (bounds, share) = constants.split_at(constants.len().saturating_sub(1));
        if let [low, high] = bounds {
            name.push_str(&format!(" within {low} to {high}"));
        }
        if let Some(share) = share.first().filter(|share| **share != 0.0) {
            name.push_str(&format!(" at epsilon {share}"));
        }
        if let Some(filter) = filter {
            name.push_str(&format!(" FILTER (WHERE {})", filter.schema_name()));
        }
        Ok(name)
    }

    fn display_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.schema_name(params)
    }

    fn human_display(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.schema_name(params)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(args.name, DataType::Null, true))])
    }

    fn accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        internal_err!("{} is released by algebra::private only", self.name())
    }
}
