//! What does `TUMBLE(stream, column, size)` mean in a FROM clause?
//!
//! It is the stream with two more columns, `window_start` and `window_end`, as in Flink and
//! RisingWave. Windows are half-open, in UTC, and aligned to 1970-01-01; sizes of whole weeks are
//! aligned to Mondays. Only the start is computed per row: the end is the start plus the size.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{DFSchema, DataFusionError, Result, ScalarValue, exec_err};
use datafusion::logical_expr::planner::{PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning};
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlan, LogicalPlanBuilder, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, TableSource, Volatility, lit,
};
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::ast::{
    Expr as SqlExpr, FunctionArg, FunctionArgExpr, Ident, ObjectName, ObjectNamePart, Spanned as _, TableAlias,
    TableFactor,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use crate::nearest::nearest;
use crate::options::interval_us;
use crate::{Code, Place, SourceText, refuse};

const DAY_US: i64 = 86_400_000_000;
const WEEK_US: i64 = 7 * DAY_US;
/// 1970-01-05, the first Monday of the epoch.
const FIRST_MONDAY_US: i64 = 4 * DAY_US;

/// Window functions in FROM, as Flink and RisingWave have them. Only the first is in this version.
const WINDOWS: [&str; 4] = ["tumble", "hop", "cumulate", "session"];

/// The type of `window_start` and `window_end`.
pub(crate) fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Plans `TUMBLE` in FROM clauses over a set of streams.
pub struct TumblePlanner {
    streams: BTreeMap<String, Arc<dyn TableSource>>,
    source: SourceText,
    session: SessionContext,
}

impl std::fmt::Debug for TumblePlanner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TumblePlanner").field("streams", &self.streams.keys()).finish_non_exhaustive()
    }
}

impl TumblePlanner {
    /// Windows over `streams`; `source` is the text that messages point into.
    pub fn new(streams: BTreeMap<String, Arc<dyn TableSource>>, source: SourceText, session: SessionContext) -> Self {
        Self { streams, source, session }
    }

    fn refusal(&self, code: Code, at: Span, cause: String, fix: &str) -> DataFusionError {
        DataFusionError::External(Box::new(refuse(code, &Place::new(&self.source, at), cause, fix)))
    }

    /// A refusal of a clause that DataFusion would read over without a word.
    fn ignored(&self, clause: &str, at: Span) -> DataFusionError {
        let cause = format!("{clause} is not supported");
        self.refusal(Code::UnsupportedClause, at, cause, "leave it out, or filter with WHERE")
    }

    fn plan(
        &self,
        name: &Ident,
        arguments: &[FunctionArg],
        alias: Option<TableAlias>,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        const SHAPE: &str = "write TUMBLE(stream, event_time, INTERVAL '1 hour')";
        if !name.value.eq_ignore_ascii_case(WINDOWS[0]) {
            let cause = format!("{} windows are not in this version", name.value.to_uppercase());
            return Err(self.refusal(Code::BadWindow, name.span, cause, SHAPE));
        }
        let [stream, time, size] = arguments else {
            let cause = format!("TUMBLE takes three arguments, found {}", arguments.len());
            return Err(self.refusal(Code::BadWindow, name.span, cause, SHAPE));
        };
        let (stream, time, size) = (expression(stream), expression(time), expression(size));
        let (Some(SqlExpr::Identifier(stream)), Some(time), Some(size)) = (stream, time, size) else {
            return Err(self.refusal(
                Code::BadWindow,
                name.span,
                "TUMBLE begins with the name of a stream".to_owned(),
                SHAPE,
            ));
        };
        let stream_name = context.normalize_ident(stream.clone());
        let Some(table) = self.streams.get(&stream_name) else {
            let fix = match nearest(&stream_name, self.streams.keys().map(String::as_str)) {
                Some(known) => format!("did you mean `{known}`?"),
                None => "define it with CREATE STREAM in one of the project's SQL files".to_owned(),
            };
            return Err(self.refusal(
                Code::UnknownTable,
                stream.span,
                format!("there is no stream `{stream_name}`"),
                &fix,
            ));
        };
        let scan = LogicalPlanBuilder::scan(stream_name.as_str(), Arc::clone(table), None)?.build()?;
        let start = self.start_of(time, scan.schema(), size, context)?;
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(with_window(scan, start)?, alias))))
    }

    /// The expression that gives each row its window's start.
    fn start_of(
        &self,
        time: &SqlExpr,
        schema: &DFSchema,
        size: &SqlExpr,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<WindowStart> {
        let instant_of = context.sql_to_expr(time.clone(), schema)?;
        let found = datafusion::logical_expr::ExprSchemable::get_type(&instant_of, schema)?;
        if !matches!(found, DataType::Timestamp(..)) {
            let cause = format!("TUMBLE needs a timestamp, and {time} is {found}");
            let fix = "declare the column as the stream's event_time, or name a timestamp column";
            return Err(self.refusal(Code::BadWindow, time.span(), cause, fix));
        }
        let instant_of =
            if found == instant() { instant_of } else { datafusion::logical_expr::cast(instant_of, instant()) };
        let constant = context.sql_to_expr(size.clone(), &DFSchema::empty())?;
        let constant = self.session.create_physical_expr(constant, &DFSchema::empty())?;
        let constant = constant
            .downcast_ref::<datafusion::physical_expr::expressions::Literal>()
            .map(|literal| literal.value().clone());
        let calendar = matches!(&constant, Some(ScalarValue::IntervalMonthDayNano(Some(size))) if size.months != 0);
        if calendar {
            let cause = "months and years have no fixed length".to_owned();
            let fix = "group by date_trunc('month', ...) without a window, or write the size in days";
            return Err(self.refusal(Code::BadWindow, size.span(), cause, fix));
        }
        match constant.as_ref().and_then(interval_us) {
            Some(size_us) if size_us > 0 => Ok(WindowStart { instant_of, size_us }),
            _ => Err(self.refusal(
                Code::BadWindow,
                size.span(),
                "the size of a window is a constant interval above zero".to_owned(),
                "write INTERVAL '1 hour'",
            )),
        }
    }
}

struct WindowStart {
    instant_of: Expr,
    size_us: i64,
}

fn with_window(scan: LogicalPlan, start: WindowStart) -> Result<LogicalPlan> {
    let qualifier = scan.schema().qualified_field(0).0.cloned();
    for reserved in ["window_start", "window_end"] {
        if scan.schema().has_column_with_unqualified_name(reserved) {
            return exec_err!("the stream has a column {reserved} of its own: rename it before TUMBLE");
        }
    }
    let columns = scan.schema().columns().into_iter().map(Expr::Column).collect::<Vec<_>>();
    let starts = ScalarUDF::from(TumbleStart::default()).call(vec![start.instant_of, lit(start.size_us)]);
    let ends = window_end(starts.clone(), start.size_us);
    let named = |expression: Expr, name: &str| expression.alias_qualified(qualifier.clone(), name);
    let windows = [named(starts, "window_start"), named(ends, "window_end")];
    LogicalPlanBuilder::from(scan).project(columns.into_iter().chain(windows))?.build()
}

/// The end of the window that starts at `start`.
pub(crate) fn window_end(start: Expr, size_us: i64) -> Expr {
    start + lit(ScalarValue::DurationMicrosecond(Some(size_us)))
}

/// A call of [`TumbleStart`]: which instant it files, and the size of its windows.
pub(crate) struct TumbleCall {
    /// The column that is filed; none for a computed instant.
    pub(crate) column: Option<String>,
    pub(crate) size_us: i64,
}

/// Reads `expression` as a call of [`TumbleStart`].
pub(crate) fn tumble_call(expression: &Expr) -> Option<TumbleCall> {
    let Expr::ScalarFunction(call) = expression else { return None };
    let (TumbleStart::NAME, [instant, Expr::Literal(ScalarValue::Int64(Some(size_us)), _)]) =
        (call.func.name(), call.args.as_slice())
    else {
        return None;
    };
    let column = instant.try_as_col().map(|column| column.name.clone());
    Some(TumbleCall { column, size_us: *size_us })
}

/// True for what [`window_end`] makes.
pub(crate) fn is_window_end(expression: &Expr) -> bool {
    match expression {
        Expr::BinaryExpr(sum) => sum.op == Operator::Plus && tumble_call(&sum.left).is_some(),
        _ => false,
    }
}

impl RelationPlanner for TumblePlanner {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        match &relation {
            TableFactor::Table { name, sample: Some(_), .. } => Err(self.ignored("TABLESAMPLE", name.span())),
            TableFactor::Table { name, version: Some(_), .. } => Err(self.ignored("a table version", name.span())),
            TableFactor::Table { name, args: Some(arguments), alias, .. } => match function(name) {
                Some(function) => self.plan(&function, &arguments.args, alias.clone(), context),
                None => Ok(RelationPlanning::Original(Box::new(relation))),
            },
            TableFactor::Function { name, args, alias, .. } => match function(name) {
                Some(function) => self.plan(&function, args, alias.clone(), context),
                None => Ok(RelationPlanning::Original(Box::new(relation))),
            },
            _ => Ok(RelationPlanning::Original(Box::new(relation))),
        }
    }
}

/// The name of a window function, those included that this version does not have.
fn function(name: &ObjectName) -> Option<Ident> {
    match name.0.as_slice() {
        [ObjectNamePart::Identifier(name)] if WINDOWS.iter().any(|window| name.value.eq_ignore_ascii_case(window)) => {
            Some(name.clone())
        }
        _ => None,
    }
}

fn expression(argument: &FunctionArg) -> Option<&SqlExpr> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => Some(expression),
        _ => None,
    }
}

/// `tumble_start(instant, size_us)`: the start of the window in which an instant lies.
#[derive(Debug, PartialEq, Eq, Hash)]
struct TumbleStart {
    signature: Signature,
}

impl TumbleStart {
    const NAME: &'static str = "tumble_start";
}

impl Default for TumbleStart {
    fn default() -> Self {
        Self { signature: Signature::exact(vec![instant(), DataType::Int64], Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for TumbleStart {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(instant())
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(Self::NAME, instant(), arguments.arg_fields[0].is_nullable())))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [instants, ColumnarValue::Scalar(ScalarValue::Int64(Some(size)))] = arguments.args.as_slice() else {
            return exec_err!("tumble_start takes an instant and a constant size");
        };
        let size = *size;
        let instants = instants.to_array(arguments.number_rows)?;
        let instants = instants.as_primitive::<TimestampMicrosecondType>();
        let starts =
            TimestampMicrosecondArray::new(starts_of(instants.values(), size).into(), instants.nulls().cloned());
        Ok(ColumnarValue::Array(Arc::new(starts.with_timezone("UTC"))))
    }
}

/// The window starts of many instants. Neighbours mostly share a window, which spares them the division.
fn starts_of(instants_us: &[i64], size_us: i64) -> Vec<i64> {
    let mut start = instants_us.first().map_or(0, |&first| start_of(first, size_us));
    let file = |&instant: &i64| {
        let offset = instant.wrapping_sub(start).cast_unsigned();
        // A start cut off at the beginning of time is nobody's neighbour.
        if start == i64::MIN || instant < start || offset >= size_us.cast_unsigned() {
            start = start_of(instant, size_us);
        }
        start
    };
    instants_us.iter().map(file).collect()
}

fn start_of(instant_us: i64, size_us: i64) -> i64 {
    let origin = if size_us % WEEK_US == 0 { FIRST_MONDAY_US } else { 0 };
    instant_us.saturating_sub((instant_us.wrapping_sub(origin)).rem_euclid(size_us))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_US: i64 = 3_600_000_000;

    #[test]
    fn windows_are_aligned_to_the_epoch_on_both_sides_of_it() {
        assert_eq!(start_of(HOUR_US - 1, HOUR_US), 0);
        assert_eq!(start_of(HOUR_US, HOUR_US), HOUR_US);
        assert_eq!(start_of(-1, HOUR_US), -HOUR_US);
        assert_eq!(start_of(5 * DAY_US + 3, 2 * DAY_US), 4 * DAY_US);
    }

    #[test]
    fn neighbours_do_not_change_an_instants_window() {
        let instants = [0, 1, HOUR_US, 5, -1, -HOUR_US, i64::MAX, i64::MIN, 7, HOUR_US - 1, WEEK_US, 3];
        for size in [1, HOUR_US, DAY_US, WEEK_US] {
            let alone = instants.map(|instant| start_of(instant, size));
            assert_eq!(starts_of(&instants, size), alone);
        }
    }

    #[test]
    fn windows_of_whole_weeks_start_on_mondays() {
        // 2000-01-03 is a Monday.
        let monday = 10_959 * DAY_US;
        assert_eq!(start_of(monday + 6 * DAY_US + 5, WEEK_US), monday);
        assert_eq!(start_of(monday - 1, WEEK_US), monday - WEEK_US);
    }
}
