//! How does a definition become a plan that can run?

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DataFusionError, Result as PlanResult};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::logical_plan::Aggregate;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::DFParserBuilder;
use tidegate_algebra::private::measure_functions;
use tidegate_algebra::{Cut, Pool, Release, StaticTable, StreamTable, Threshold, UnitKey, Windows, session_in};

use crate::definition::{Scope, SignalDefinition, StreamDefinition};
use crate::derived::{Derived, Shown};
use crate::guard::refuse_opened_sketches;
use crate::interval::StreamJoin;
use crate::join::{Table, Tables};
use crate::noise::Noising;
use crate::pane::{PaneCall, window_of};
use crate::people::People;
use crate::shape::Groups;
use crate::window::{WindowPlanner, WindowedStream, function_name};
use crate::{Code, Policy, Refusal, learning, output, policy, refuse, shape};

/// A stream as the planner sees it: what it promises, and its columns.
#[derive(Debug, Clone)]
pub struct Stream {
    /// The definition.
    pub definition: StreamDefinition,
    /// Its columns, as its source delivers them.
    pub schema: SchemaRef,
}

/// A signal that can run.
#[derive(Debug)]
pub struct Signal {
    /// The definition it was planned from.
    pub definition: SignalDefinition,
    /// The stream it reads; where two are joined, the one whose rows it counts.
    pub stream: String,
    /// The stream it joins that with.
    pub join: Option<StreamJoin>,
    /// Under which condition its groups are shown.
    pub policy: Policy,
    /// What was shown stands: rows that come later for it are late.
    pub stands: bool,
    /// Its windows.
    pub windows: Option<Windows>,
    /// The position of the result column by whose days rows are filed that are released as they are.
    pub filed_by: Option<usize>,
    /// The recipe for partial, merge and release.
    pub cut: Cut,
    /// Positions of the result columns by which released rows are sorted.
    pub sort_order: Vec<usize>,
}

impl Signal {
    /// The signal's name.
    pub fn name(&self) -> &str {
        &self.definition.name.value
    }

    /// The streams it reads, the one whose rows it counts first.
    pub fn streams(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.stream.as_str()).chain(self.join.iter().map(|join| join.stream.as_str()))
    }

    /// The slices of its windows, as windows of their own: what is noised is noised once for each of them.
    pub fn panes(&self) -> Option<Windows> {
        self.windows.and_then(|windows| windows.panes())
    }

    /// True when its rows are internal, and of people who are protected.
    pub fn is_guarded(&self) -> bool {
        self.definition.scope == Scope::Internal && self.policy != Policy::Open
    }

    /// True when it reads that stream.
    pub fn reads(&self, stream: &str) -> bool {
        self.streams().any(|read| read == stream)
    }
}

/// Plans signals over a project's streams.
pub struct Planner {
    streams: BTreeMap<String, Stream>,
    tables: Tables,
    key: UnitKey,
    pool: Pool,
}

impl Planner {
    /// A planner over `streams`; privacy units are hashed under `key`.
    pub fn new(streams: Vec<Stream>, key: UnitKey) -> Self {
        let streams = streams.into_iter().map(|stream| (stream.definition.name.value.clone(), stream)).collect();
        Self { streams, tables: Tables::new(), key, pool: Pool::default() }
    }

    /// The same planner, whose signals may join `tables`.
    #[must_use]
    pub fn with_tables(self, tables: Vec<Table>) -> Self {
        let tables = tables.into_iter().map(|table| (table.definition.name.value.clone(), table)).collect();
        Self { tables, ..self }
    }

    /// The same planner, whose signals keep to the memory of `pool`.
    #[must_use]
    pub fn with_pool(self, pool: Pool) -> Self {
        Self { pool, ..self }
    }

    /// Plans one signal.
    ///
    /// # Errors
    /// A [`Refusal`] that says where, why, and what to write instead.
    pub async fn plan(&self, definition: &SignalDefinition) -> Result<Signal, Refusal> {
        let explain = |error: &DataFusionError| {
            let mut refusal = Refusal::from_datafusion(error, &definition.query_place);
            // DataFusion does not say where a function stands.
            if refusal.place == definition.query_place
                && matches!(refusal.code, Code::UnknownFunction | Code::InvalidQuery)
                && let Some(name) = refusal.cause.split('`').nth(1)
            {
                refusal.place = definition.word_place(name);
            }
            refusal
        };
        let session = self.session(definition).map_err(|error| explain(&error))?;
        let plan = parse(definition, &session).await.map_err(|error| explain(&error))?;
        let plan = learning::restrict(plan, &self.streams, definition).map_err(|error| explain(&error))?;
        let shape = shape::check(&plan, &self.streams, &self.tables, definition)?;
        let Some(stream) = self.streams.get(&shape.stream) else {
            let (cause, fix) = match self.tables.contains_key(&shape.stream) {
                false => ("there is no stream", "define it with CREATE STREAM in one of the project's SQL files"),
                true => ("a signal reads a stream, not the table alone:", "query the table with `tidegate sql`"),
            };
            let cause = format!("{cause} `{}`", shape.stream);
            return Err(refuse(Code::UnknownTable, &definition.query_place, cause, fix));
        };
        if let (true, Some(join)) = (definition.once, &shape.join) {
            let cause = "a query that is asked once is noised over one stream";
            let fix = "write a signal, or join a table";
            return Err(refuse(Code::Unnoisable, &definition.word_place(&join.stream), cause, fix));
        }
        let signal = match shape.groups {
            Some(groups) => {
                let join = shape.join.as_ref();
                self.plan_groups(definition, &stream.definition, join, &session, plan, groups).await
            }
            None => Self::plan_rows(definition, &stream.definition, &session, plan).await,
        };
        let signal = signal.map_err(|error| match error {
            Unplanned::Refused(refusal) => refusal,
            Unplanned::Failed(error) => explain(&error),
        })?;
        let other = shape.join.as_ref().and_then(|join| self.streams.get(&join.stream));
        let cut = [Some(stream), other].into_iter().flatten().fold(signal.cut, counting);
        let stands = signal.stands || shape.join.is_some();
        Ok(Signal { join: shape.join, cut, stands, ..signal })
    }

    /// Plans a signal over the rows of signals.
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    pub async fn derive(
        &self,
        definition: &SignalDefinition,
        shown: &BTreeMap<String, Shown>,
    ) -> Result<Derived, Refusal> {
        Derived::plan(definition, shown, &self.tables, &self.pool).await
    }

    async fn plan_groups(
        &self,
        definition: &SignalDefinition,
        stream: &StreamDefinition,
        join: Option<&StreamJoin>,
        session: &SessionContext,
        plan: LogicalPlan,
        groups: Groups,
    ) -> Result<Signal, Unplanned> {
        let Groups { aggregate, window } = groups;
        if let Some(window) = &window {
            require_event_time(window, stream, definition)?;
        }
        learning::require_tenant(&aggregate, definition, stream)?;
        let policy = policy::decide(definition, stream)?;
        if let Policy::Differential { clause, unit } = &policy {
            let windows = window.map(|window| window.windows);
            policy::refuse_sketches(&aggregate, definition, stream)?;
            let people = &People::of(&stream.name.value, unit, join);
            let (tables, key) = (&self.tables, &self.key);
            let noising = Noising { definition, stream, people, clause, unit, windows, tables, key };
            let (plan, sort_order) = noising.plan(plan, &aggregate)?;
            output::check(plan.schema().as_arrow(), windows.as_ref(), &policy, definition)?;
            let cut = Cut::plan(session, &plan).await?;
            let (definition, stream) = (definition.clone(), stream.name.value.clone());
            let stands = true;
            return Ok(Signal {
                definition,
                stream,
                join: None,
                policy,
                stands,
                windows,
                filed_by: None,
                cut,
                sort_order,
            });
        }
        let threshold = match &policy {
            Policy::Open | Policy::Differential { .. } => None,
            Policy::Threshold { k, unit, carries } => {
                policy::refuse_sketches(&aggregate, definition, stream)?;
                if definition.scope == Scope::Internal {
                    refuse_opened_sketches(&plan, &aggregate, definition)?;
                }
                People::of(&stream.name.value, unit, join).refuse_shown(&aggregate, unit, definition)?;
                let unit = policy::unit_column(&aggregate, unit, &stream.name.value, definition)?;
                Some(Threshold { k: *k, unit, key: self.key.clone(), carries: *carries })
            }
        };
        let windows = window.map(|window| window.windows);
        output::check(plan.schema().as_arrow(), windows.as_ref(), &policy, definition)?;
        if threshold.is_some() {
            policy::refuse_subtractable(windows.as_ref(), definition, stream)?;
            policy::refuse_carrying(windows.as_ref(), definition)?;
        }
        let sort_order = output::sort_order(&plan, plan.schema().as_arrow(), &aggregate.group_expr);
        let barrier = |aggregate| Release::over(aggregate, threshold.clone(), windows);
        let cut = Cut::plan(session, &bar(plan, windows, &barrier)?).await?;
        let stands = threshold.is_some() && stream.contract.privacy_unit.is_some();
        let (definition, stream) = (definition.clone(), stream.name.value.clone());
        Ok(Signal { definition, stream, join: None, policy, stands, windows, filed_by: None, cut, sort_order })
    }

    /// A signal without an aggregation: its rows are released as they are.
    async fn plan_rows(
        definition: &SignalDefinition,
        stream: &StreamDefinition,
        session: &SessionContext,
        plan: LogicalPlan,
    ) -> Result<Signal, Unplanned> {
        policy::require_open(definition, stream)?;
        let schema = plan.schema().as_arrow();
        output::check(schema, None, &Policy::Open, definition)?;
        let filed_by = output::event_time(&plan, &stream.contract);
        let sort_order = output::row_order(schema, filed_by);
        let cut = Cut::plan(session, &Release::of_rows(plan, filed_by)).await?;
        let (definition, stream) = (definition.clone(), stream.name.value.clone());
        let policy = Policy::Open;
        Ok(Signal { definition, stream, join: None, policy, stands: false, windows: None, filed_by, cut, sort_order })
    }

    /// A session in which every stream is a template: micro-batches take its place.
    fn session(&self, definition: &SignalDefinition) -> PlanResult<SessionContext> {
        let session = session_in(&self.pool);
        if definition.is_differential() {
            for function in measure_functions() {
                session.register_udaf(function);
            }
        }
        let mut sources = BTreeMap::new();
        for (name, stream) in &self.streams {
            let table = Arc::new(StreamTable::new(name.as_str(), Arc::clone(&stream.schema)));
            let time_zone = definition.time_zone.or(stream.definition.time_zone);
            let source = provider_as_source(Arc::clone(&table) as _);
            sources.insert(name.clone(), WindowedStream { table: source, time_zone });
            session.register_table(name.as_str(), table)?;
        }
        for (name, table) in &self.tables {
            session.register_table(name.as_str(), Arc::new(StaticTable::new(name, table.rows.clone())?))?;
        }
        let windows = WindowPlanner::for_signals(sources, definition.query_place.source().clone(), session.clone());
        session.register_relation_planner(Arc::new(windows))?;
        Ok(session)
    }
}

/// Why a definition did not become a plan.
pub(crate) enum Unplanned {
    Refused(Refusal),
    Failed(DataFusionError),
}

impl From<Refusal> for Unplanned {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<DataFusionError> for Unplanned {
    fn from(error: DataFusionError) -> Self {
        Self::Failed(error)
    }
}

impl From<tidegate_algebra::Error> for Unplanned {
    fn from(error: tidegate_algebra::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// Windows close by the watermark, and the watermark follows the stream's event time alone.
fn require_event_time(window: &PaneCall, stream: &StreamDefinition, signal: &SignalDefinition) -> Result<(), Refusal> {
    let function = function_name(&window.windows);
    let place = signal.word_place(function);
    match &stream.contract.event_time {
        Some(event_time) if window.column.as_ref() == Some(event_time) => Ok(()),
        Some(event_time) => Err(refuse(
            Code::BadWindow,
            &place,
            format!("a signal's windows run on the event time of its stream, `{event_time}`"),
            format!("write {function}({}, {event_time}, ...)", stream.name.value),
        )),
        None => Err(refuse(
            Code::BadWindow,
            &place,
            format!("stream `{}` has no event time by which windows could close", stream.name.value),
            "add event_time = '...' to its CREATE STREAM",
        )),
    }
}

pub(crate) async fn parse(definition: &SignalDefinition, session: &SessionContext) -> PlanResult<LogicalPlan> {
    let mut parser = DFParserBuilder::new(definition.query.clone()).build()?;
    let mut statements = parser.parse_statements()?;
    match (statements.pop_front(), statements.is_empty()) {
        (Some(statement), true) => session.state().statement_to_plan(statement).await,
        _ => Err(DataFusionError::Plan("a signal is one SELECT query".to_owned())),
    }
}

/// Puts the release barrier above the aggregation.
fn bar(
    plan: LogicalPlan,
    windows: Option<Windows>,
    barrier: &dyn Fn(Aggregate) -> PlanResult<LogicalPlan>,
) -> PlanResult<LogicalPlan> {
    plan.transform_down(|node| match node {
        LogicalPlan::Aggregate(aggregate) => {
            let barred = match windows {
                Some(windows) => bar_windows(aggregate, windows, barrier)?,
                None => barrier(aggregate)?,
            };
            Ok(Transformed::new(barred, true, datafusion::common::tree_node::TreeNodeRecursion::Jump))
        }
        other => Ok(Transformed::no(other)),
    })
    .data()
}

/// As [`bar`], with the bounds of windows made of the one instant by which their state is kept: what follows from it
/// is computed once per released group instead of hashed once per row. Sessions are kept by both bounds.
///
/// What the barrier adds to the columns of the aggregation stays behind them.
pub(crate) fn bar_windows(
    aggregate: Aggregate,
    windows: Windows,
    barrier: &dyn Fn(Aggregate) -> PlanResult<LogicalPlan>,
) -> PlanResult<LogicalPlan> {
    let wanted = Arc::clone(&aggregate.schema);
    let is = |key: &Expr, name: &str| matches!(key, Expr::Column(column) if column.name == name);
    let key = aggregate.group_expr.iter().find(|key| is(key, "window_start")).cloned();
    let has_end = aggregate.group_expr.iter().any(|key| is(key, "window_end"));
    let (Some([start, end]), true) = (key.and_then(|key| window_of(key, &windows)), has_end) else {
        return barrier(aggregate);
    };
    let keys = aggregate.group_expr.into_iter().filter(|key| !is(key, "window_end")).collect();
    let aggregate = Aggregate::try_new(aggregate.input, keys, aggregate.aggr_expr)?;
    let own = Arc::clone(&aggregate.schema);
    let barred = barrier(aggregate)?;
    let columns = wanted.iter().map(|(qualifier, field)| match field.name().as_str() {
        "window_start" => start.clone().alias_qualified(qualifier.cloned(), field.name()),
        "window_end" => end.clone().alias_qualified(qualifier.cloned(), field.name()),
        _ => Expr::Column((qualifier, field).into()),
    });
    let added = barred.schema().columns().into_iter().filter(|column| !own.has_column(column)).map(Expr::Column);
    let columns = columns.chain(added.collect::<Vec<_>>()).collect::<Vec<_>>();
    LogicalPlanBuilder::from(barred).project(columns)?.build()
}

/// A plan cannot see what the numbers in a column of times count.
fn counting(cut: Cut, stream: &Stream) -> Cut {
    match stream.definition.contract.event_time_unit {
        Some(unit) => cut.over(&format!("event_time_unit {}", unit.nanos())),
        None => cut,
    }
}
