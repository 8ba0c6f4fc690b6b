//! How does a query over released signals become a signal of its own?
//!
//! `FROM released.latency` reads what was shown, so the query may be any: windows over neighbours, joins of signals, anything
//! that answers alike when asked again. It needs no privacy clause, because what is computed from shown rows shows nothing new.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use datafusion::catalog::MemorySchemaProvider;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, TableReference};
use datafusion::datasource::empty::EmptyTable;
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};
use datafusion::prelude::{SQLOptions, SessionContext};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};
use tidegate_algebra::{Pool, StaticTable, View, view_session_in};

use crate::cursor::is_word;
use crate::definition::{Scope, SignalDefinition};
use crate::guard::refuse_shown_sketches;
use crate::join::Tables;
use crate::plan::parse;
use crate::{Code, Policy, Refusal, output, refuse};

/// A signal whose rows others may be computed from.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The columns of its rows.
    pub columns: SchemaRef,
    /// Who else may read them.
    pub scope: Scope,
    /// They are internal, and of people who are protected: sketches in them may be compared, and not shown.
    pub guarded: bool,
}

/// The column by which rows of a derived signal are filed under days.
const WINDOW_START: &str = "window_start";

/// A signal that is computed from what others have released.
#[derive(Debug, Clone)]
pub struct Derived {
    /// What was written.
    pub definition: SignalDefinition,
    /// Computes its rows.
    pub view: View,
    /// The position of the instant under whose day a row is filed; without it all rows are filed together.
    pub filed_by: Option<usize>,
    /// The columns by which its rows are sorted: all of them, the window first.
    pub sort_order: Vec<usize>,
    /// What it reads is guarded, and so are its rows.
    pub guarded: bool,
}

impl Derived {
    /// The signal's name.
    pub fn name(&self) -> &str {
        &self.definition.name.value
    }

    /// The signals whose released rows it reads.
    pub fn reads(&self) -> impl Iterator<Item = &str> {
        self.view.reads().map(|(_, table)| table)
    }

    /// Plans `definition` over the rows of signals, and over public tables.
    ///
    /// # Errors
    /// A [`Refusal`] that says where, why, and what to write instead.
    pub(crate) async fn plan(
        definition: &SignalDefinition,
        shown: &BTreeMap<String, Shown>,
        tables: &Tables,
        pool: &Pool,
    ) -> Result<Self, Refusal> {
        let explain = |error: &DataFusionError| Refusal::from_datafusion(error, &definition.query_place);
        refuse_options(definition)?;
        let session = session(shown, tables, pool).map_err(|error| explain(&error))?;
        let plan = parse(definition, &session).await.map_err(|error| explain(&error))?;
        let read_only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        if read_only.verify_plan(&plan).is_err() {
            let fix = "write SELECT ... FROM released.<signal>";
            return Err(refuse(Code::Syntax, &definition.query_place, "a signal only reads", fix));
        }
        refuse_volatile(&plan, definition)?;
        let schema = Arc::new(plan.schema().as_arrow().clone());
        output::check(&schema, None, &Policy::Open, definition)?;
        let view = View::of(plan.clone(), pool).map_err(|error| explain(&error.into()))?;
        let guarded = view.reads().any(|(_, name)| shown.get(name).is_some_and(|shown| shown.guarded));
        if guarded {
            let is_internal = definition.scope == Scope::Internal;
            let is_guarded = |table: &TableReference| shown.get(table.table()).is_some_and(|shown| shown.guarded);
            let is_guarded = |table: &TableReference| table.schema().is_some() && is_guarded(table);
            refuse_shown_sketches(&plan, is_internal, is_guarded, &session.state(), definition)?;
        }
        let filed_by = schema.fields().iter().position(|field| {
            field.name() == WINDOW_START && matches!(field.data_type(), DataType::Timestamp(TimeUnit::Microsecond, _))
        });
        let sort_order = output::row_order(&schema, filed_by);
        Ok(Self { definition: definition.clone(), view, filed_by, sort_order, guarded })
    }
}

/// True for a query that reads rows of signals.
pub(crate) fn reads_signals(query: &[TokenWithSpan]) -> bool {
    signals_read(query).next().is_some()
}

/// The names of the signals whose rows a query reads, before it is planned; empty where a name is missing.
pub(crate) fn signals_read(query: &[TokenWithSpan]) -> impl Iterator<Item = &str> {
    let is_folder = |token| [Scope::Global, Scope::Internal].iter().any(|scope| is_word(token, scope.folder()));
    let named =
        query.windows(2).enumerate().filter(move |(_, pair)| is_folder(&pair[0]) && pair[1].token == Token::Period);
    named.map(|(at, _)| match query.get(at + 2).map(|name| &name.token) {
        Some(Token::Word(name)) => name.value.as_str(),
        _ => "",
    })
}

/// What is said of windows and people was said by the signals that it reads.
fn refuse_options(definition: &SignalDefinition) -> Result<(), Refusal> {
    let refused = |cause: &str, fix: &str| {
        let place = definition.clause.as_ref().map_or(&definition.query_place, |clause| &clause.place);
        Err(refuse(Code::UnsupportedClause, place, cause, fix))
    };
    if definition.clause.is_some() {
        let cause = "what is released is shown already, and a privacy clause over it protects nobody";
        return refused(cause, "leave the clause out, and put it into the signals that read streams");
    }
    if definition.lateness_us > 0 || definition.max_groups.is_some() {
        let cause = "lateness and max_groups are of signals that read streams";
        return refused(cause, "leave them out: a signal over released rows follows what it reads");
    }
    Ok(())
}

fn session(shown: &BTreeMap<String, Shown>, tables: &Tables, pool: &Pool) -> Result<SessionContext, DataFusionError> {
    let session = view_session_in(pool);
    for scope in [Scope::Global, Scope::Internal] {
        if let Some(catalog) = session.catalog("datafusion") {
            catalog.register_schema(scope.folder(), Arc::new(MemorySchemaProvider::new()))?;
        }
    }
    for (name, Shown { columns, scope, .. }) in shown {
        let rows = Arc::new(EmptyTable::new(Arc::clone(columns)));
        session.register_table(TableReference::partial(scope.folder(), name.as_str()), rows)?;
    }
    for (name, table) in tables {
        session.register_table(name.as_str(), Arc::new(StaticTable::new(name, table.rows.clone())?))?;
    }
    Ok(session)
}

/// Refuses functions that answer differently when asked again.
fn refuse_volatile(plan: &LogicalPlan, definition: &SignalDefinition) -> Result<(), Refusal> {
    let mut found = None;
    let visit = plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expression| {
            expression.apply(|expression| {
                if let Expr::ScalarFunction(call) = expression
                    && call.func.signature().volatility != Volatility::Immutable
                {
                    found = Some(call.func.name().to_owned());
                    return Ok(TreeNodeRecursion::Stop);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    visit.map_err(|error| Refusal::from_datafusion(&error, &definition.query_place))?;
    let Some(name) = found else { return Ok(()) };
    Err(refuse(
        Code::VolatileFunction,
        &definition.word_place(&name),
        format!("`{name}` answers differently from run to run, and a signal must not"),
        "compare event times with each other or with a $parameter",
    ))
}
