//! What does `TUMBLE(stream, column, size)` mean in a FROM clause, and `HOP`, `CUMULATE` and `SESSION`?
//!
//! It is the stream with two more columns, `window_start` and `window_end`, as in Flink and RisingWave. In a
//! signal they stand for the pane of a row, and windows are made of panes at release; in an ad hoc query
//! a row is copied into each of its windows.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono_tz::Tz;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, DFSchema, DataFusionError, Result, ScalarValue, exec_err};
use datafusion::logical_expr::planner::{PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, TableSource, cast};
use datafusion::physical_expr::expressions::Literal;
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::ast::{
    Expr as SqlExpr, FunctionArg, FunctionArgExpr, Ident, ObjectName, ObjectNamePart, Spanned as _, TableAlias,
    TableFactor,
};
use datafusion::sql::sqlparser::tokenizer::{Span, Token, TokenWithSpan};
use tidegate_algebra::{Period, Windows};

use crate::nearest::nearest;
use crate::options::interval_us;
use crate::pane::{instant, pane_end, pane_start, window_lists};
use crate::{Code, Place, SourceText, refuse};

const DAY_US: i64 = 86_400_000_000;

/// Windows in which one row may lie. Each costs a row of state at release.
const MOST_WINDOWS: i64 = 10_000;

/// The window functions in FROM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Tumble,
    Hop,
    Cumulate,
    Session,
}

impl Function {
    const ALL: [Self; 4] = [Self::Tumble, Self::Hop, Self::Cumulate, Self::Session];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.name().eq_ignore_ascii_case(name))
    }

    fn of(windows: &Windows) -> Self {
        match windows {
            Windows::Tumble(_) => Self::Tumble,
            Windows::Hop { .. } => Self::Hop,
            Windows::Cumulate { .. } => Self::Cumulate,
            Windows::Session { .. } => Self::Session,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Tumble => "TUMBLE",
            Self::Hop => "HOP",
            Self::Cumulate => "CUMULATE",
            Self::Session => "SESSION",
        }
    }

    /// What its lengths are called, in their order.
    fn lengths(self) -> &'static [&'static str] {
        match self {
            Self::Tumble => &["size"],
            Self::Hop => &["slide", "size"],
            Self::Cumulate => &["step", "size"],
            Self::Session => &["gap"],
        }
    }

    fn shape(self) -> &'static str {
        match self {
            Self::Tumble => "write TUMBLE(stream, event_time, INTERVAL '1 hour')",
            Self::Hop => {
                "write HOP(stream, event_time, INTERVAL '5 minutes', INTERVAL '1 hour'): the slide, then the size"
            }
            Self::Cumulate => {
                "write CUMULATE(stream, event_time, INTERVAL '1 hour', INTERVAL '1 day'): the step, then the size"
            }
            Self::Session => "write SESSION(stream, event_time, INTERVAL '30 minutes')",
        }
    }
}

/// The word for the function that makes `windows`, as a query spells it.
pub(crate) fn function_name(windows: &Windows) -> &'static str {
    Function::of(windows).name()
}

/// True for the name of a window function.
pub(crate) fn is_window_function(token: &TokenWithSpan) -> bool {
    matches!(&token.token, Token::Word(word) if word.quote_style.is_none() && Function::named(&word.value).is_some())
}

/// A stream over which there may be windows.
#[derive(Clone)]
pub struct WindowedStream {
    /// Its rows.
    pub table: Arc<dyn TableSource>,
    /// The zone whose days and months its windows follow.
    pub time_zone: Option<Tz>,
}

/// What becomes of a row that lies in several windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    /// It is aggregated once, in its pane.
    InPanes,
    /// It is copied into each of its windows.
    InWindows,
}

/// Plans window functions in FROM clauses over a set of streams.
pub struct WindowPlanner {
    streams: BTreeMap<String, WindowedStream>,
    rows: Rows,
    source: SourceText,
    session: SessionContext,
}

impl std::fmt::Debug for WindowPlanner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WindowPlanner").field("streams", &self.streams.keys()).finish_non_exhaustive()
    }
}

impl WindowPlanner {
    /// Windows over `streams` in ad hoc queries; `source` is the text that messages point into.
    pub fn for_queries(streams: BTreeMap<String, WindowedStream>, source: SourceText, session: SessionContext) -> Self {
        Self { streams, rows: Rows::InWindows, source, session }
    }

    /// Windows over `streams` in signals, whose rows are kept by panes.
    pub(crate) fn for_signals(
        streams: BTreeMap<String, WindowedStream>,
        source: SourceText,
        session: SessionContext,
    ) -> Self {
        Self { streams, rows: Rows::InPanes, source, session }
    }

    fn refusal(&self, code: Code, at: Span, cause: String, fix: &str) -> DataFusionError {
        DataFusionError::External(Box::new(refuse(code, &Place::new(&self.source, at), cause, fix)))
    }

    fn bad_window(&self, at: Span, cause: String, fix: &str) -> DataFusionError {
        self.refusal(Code::BadWindow, at, cause, fix)
    }

    /// A refusal of a clause that DataFusion would read over without a word.
    fn ignored(&self, clause: &str, at: Span) -> DataFusionError {
        let cause = format!("{clause} is not supported");
        self.refusal(Code::UnsupportedClause, at, cause, "leave it out, or filter with WHERE")
    }

    fn plan(
        &self,
        function: Function,
        at: Span,
        arguments: &[FunctionArg],
        alias: Option<TableAlias>,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let name = function.name();
        let wanted = 2 + function.lengths().len();
        if arguments.len() != wanted {
            let count = if wanted == 3 { "three" } else { "four" };
            let cause = format!("{name} takes {count} arguments, found {}", arguments.len());
            return Err(self.bad_window(at, cause, function.shape()));
        }
        let Some(arguments) = arguments.iter().map(expression).collect::<Option<Vec<_>>>() else {
            let cause = format!("the arguments of {name} stand in their order, without names");
            return Err(self.bad_window(at, cause, function.shape()));
        };
        let SqlExpr::Identifier(stream) = arguments[0] else {
            let cause = format!("{name} begins with the name of a stream");
            return Err(self.bad_window(at, cause, function.shape()));
        };
        let stream_name = context.normalize_ident(stream.clone());
        let Some(found) = self.streams.get(&stream_name) else {
            let fix = match nearest(&stream_name, self.streams.keys().map(String::as_str)) {
                Some(known) => format!("did you mean `{known}`?"),
                None => "define it with CREATE STREAM in one of the project's SQL files".to_owned(),
            };
            let cause = format!("there is no stream `{stream_name}`");
            return Err(self.refusal(Code::UnknownTable, stream.span, cause, &fix));
        };
        let scan = LogicalPlanBuilder::scan(stream_name.as_str(), Arc::clone(&found.table), None)?.build()?;
        let instants = self.instants(function, arguments[1], scan.schema(), context)?;
        let lengths = function.lengths().iter().zip(&arguments[2..]);
        let lengths = lengths.map(|(what, length)| self.length(function, what, length, context));
        let lengths = lengths.collect::<Result<Vec<_>>>()?;
        let windows = self.windows(function, &lengths, &arguments, found.time_zone)?;
        if self.rows == Rows::InWindows && function == Function::Session {
            let cause = "SESSION is for signals: an ad hoc query does not say whose sessions they are".to_owned();
            let fix =
                "write a signal with SESSION and query its released rows, or use lag(...) OVER (PARTITION BY ...)";
            return Err(self.bad_window(at, cause, fix));
        }
        let plan = self.with_window(scan, &instants, &windows)?;
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias))))
    }

    /// The expression that gives each row its instant.
    fn instants(
        &self,
        function: Function,
        time: &SqlExpr,
        schema: &DFSchema,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<Expr> {
        let instant_of = context.sql_to_expr(time.clone(), schema)?;
        let found = instant_of.get_type(schema)?;
        if !matches!(found, DataType::Timestamp(..)) {
            let cause = format!("{} needs a timestamp, and {time} is {found}", function.name());
            let fix = match found {
                DataType::Interval(_) | DataType::Duration(_) => function.shape(),
                _ => "declare the column as the stream's event_time, or name a timestamp column",
            };
            return Err(self.bad_window(time.span(), cause, fix));
        }
        Ok(if found == instant() { instant_of } else { cast(instant_of, instant()) })
    }

    /// A constant length above zero.
    fn length(
        &self,
        function: Function,
        what: &str,
        length: &SqlExpr,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<Length> {
        let unfit = || {
            let cause = format!("the {what} of a window is a constant interval above zero");
            self.bad_window(length.span(), cause, "write INTERVAL '1 hour'")
        };
        let constant = context.sql_to_expr(length.clone(), &DFSchema::empty()).map_err(|_| unfit())?;
        let constant = self.session.create_physical_expr(constant, &DFSchema::empty())?;
        let constant = constant.downcast_ref::<Literal>().map(|literal| literal.value().clone()).ok_or_else(unfit)?;
        if let ScalarValue::IntervalMonthDayNano(Some(interval)) = constant
            && interval.months != 0
        {
            if function != Function::Tumble {
                let cause =
                    format!("months and years have no fixed length, and the {what} of {} has one", function.name());
                let fix = "write it in days, or use TUMBLE, which follows the calendar";
                return Err(self.bad_window(length.span(), cause, fix));
            }
            let whole = interval.days == 0 && interval.nanoseconds == 0;
            let months = u32::try_from(interval.months).ok().filter(|_| whole).ok_or_else(|| {
                let cause = "a calendar period is a whole number of months or years above zero".to_owned();
                self.bad_window(length.span(), cause, "write INTERVAL '1 month'")
            })?;
            return Ok(Length::Months(months));
        }
        interval_us(&constant).filter(|&us| us > 0).map(Length::Fixed).ok_or_else(unfit)
    }

    fn windows(
        &self,
        function: Function,
        lengths: &[Length],
        arguments: &[&SqlExpr],
        time_zone: Option<Tz>,
    ) -> Result<Windows> {
        Ok(match (function, lengths) {
            (Function::Tumble, [Length::Months(months)]) => {
                Windows::Tumble(Period::Months(*months, time_zone.unwrap_or(Tz::UTC)))
            }
            (Function::Tumble, [Length::Fixed(size_us)]) => Windows::Tumble(days_of(*size_us, time_zone)),
            (Function::Session, [Length::Fixed(gap_us)]) => Windows::Session { gap_us: *gap_us },
            (_, [Length::Fixed(part_us), Length::Fixed(size_us)]) => {
                self.check_parts(function, *part_us, *size_us, arguments)?;
                match function {
                    Function::Hop => Windows::Hop { slide_us: *part_us, size_us: *size_us },
                    _ => Windows::Cumulate { step_us: *part_us, size_us: *size_us },
                }
            }
            _ => return exec_err!("{} takes other lengths", function.name()),
        })
    }

    /// Refuses a slide or step that does not go with its size.
    fn check_parts(&self, function: Function, part_us: i64, size_us: i64, arguments: &[&SqlExpr]) -> Result<()> {
        let [stream, time, part, size] = arguments else { return Ok(()) };
        let (name, what) = (function.name(), function.lengths()[0]);
        if part_us > size_us {
            let cause = match function {
                Function::Hop => "the slide is longer than the size: rows between windows would be lost".to_owned(),
                _ => format!("the {what} is longer than the size"),
            };
            let fix = format!("the {what} stands before the size: write {name}({stream}, {time}, {size}, {part})");
            return Err(self.bad_window(part.span(), cause, &fix));
        }
        if function == Function::Cumulate && size_us % part_us != 0 {
            let cause = "the step does not divide the size: the last window would be cut short".to_owned();
            return Err(self.bad_window(part.span(), cause, "choose a size that is a multiple of the step"));
        }
        if size_us / part_us > MOST_WINDOWS {
            let cause = format!("every row would lie in more than {MOST_WINDOWS} windows");
            return Err(self.bad_window(part.span(), cause, &format!("choose a longer {what}, or a shorter size")));
        }
        Ok(())
    }

    fn with_window(&self, scan: LogicalPlan, instants: &Expr, windows: &Windows) -> Result<LogicalPlan> {
        let qualifier = scan.schema().qualified_field(0).0.cloned();
        for reserved in ["window_start", "window_end"] {
            if scan.schema().has_column_with_unqualified_name(reserved) {
                let name = function_name(windows);
                return exec_err!("the stream has a column {reserved} of its own: rename it before {name}");
            }
        }
        let copied = self.rows == Rows::InWindows && !matches!(windows, Windows::Tumble(_));
        let [starts, ends] = if copied {
            window_lists(instants, windows)
        } else {
            [pane_start(instants.clone(), windows), pane_end(instants.clone(), windows)]
        };
        let columns = scan.schema().columns().into_iter().map(Expr::Column).collect::<Vec<_>>();
        let named = |expression: Expr, name: &str| expression.alias_qualified(qualifier.clone(), name);
        let both = [named(starts, "window_start"), named(ends, "window_end")];
        let rows = LogicalPlanBuilder::from(scan).project(columns.into_iter().chain(both))?;
        if !copied {
            return rows.build();
        }
        let lists = ["window_start", "window_end"].map(|name| Column::new(qualifier.clone(), name));
        rows.unnest_columns_with_options(lists.to_vec(), datafusion::common::UnnestOptions::default())?.build()
    }
}

enum Length {
    Fixed(i64),
    Months(u32),
}

/// Whole days are those of the calendar where a zone is declared, and 24 hours otherwise.
fn days_of(size_us: i64, time_zone: Option<Tz>) -> Period {
    match (time_zone, u32::try_from(size_us / DAY_US)) {
        (Some(zone), Ok(days)) if zone != Tz::UTC && size_us % DAY_US == 0 => Period::Days(days, zone),
        _ => Period::Fixed(size_us),
    }
}

impl RelationPlanner for WindowPlanner {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        match &relation {
            TableFactor::Table { name, sample: Some(_), .. } => Err(self.ignored("TABLESAMPLE", name.span())),
            TableFactor::Table { name, version: Some(_), .. } => Err(self.ignored("a table version", name.span())),
            TableFactor::Table { name, args: Some(arguments), alias, .. } => match function(name) {
                Some((function, at)) => self.plan(function, at, &arguments.args, alias.clone(), context),
                None => Ok(RelationPlanning::Original(Box::new(relation))),
            },
            TableFactor::Function { name, args, alias, .. } => match function(name) {
                Some((function, at)) => self.plan(function, at, args, alias.clone(), context),
                None => Ok(RelationPlanning::Original(Box::new(relation))),
            },
            _ => Ok(RelationPlanning::Original(Box::new(relation))),
        }
    }
}

/// The window function of that name, and where it stands.
fn function(name: &ObjectName) -> Option<(Function, Span)> {
    match name.0.as_slice() {
        [ObjectNamePart::Identifier(Ident { value, span, .. })] => Some((Function::named(value)?, *span)),
        _ => None,
    }
}

fn expression(argument: &FunctionArg) -> Option<&SqlExpr> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => Some(expression),
        _ => None,
    }
}
