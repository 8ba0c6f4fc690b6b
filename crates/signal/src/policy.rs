//! Under which condition may a signal's groups be shown?

use std::collections::HashSet;

use datafusion::common::Column;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::logical_plan::Aggregate;
use datafusion::logical_expr::{Expr, LogicalPlan};

use tidegate_algebra::Windows;

use crate::clause::{ClauseKind, Differential, PrivacyClause};
use crate::definition::{SignalDefinition, StreamDefinition};
use crate::origin::is_stream_column;
use crate::window::function_name;
use crate::{Code, Place, Refusal, refuse};

/// The condition under which groups are released.
#[derive(Debug, Clone, PartialEq)]
pub enum Policy {
    /// Every group is shown: the stream declares nobody to protect.
    Open,
    /// Groups of fewer than `k` distinct units are withheld. This is a cohort threshold, not
    /// differential privacy.
    Threshold {
        /// The least number of distinct privacy units.
        k: u32,
        /// The column that names the unit.
        unit: String,
    },
    /// Groups are noised: differential privacy.
    Differential {
        /// The price, and what it is spent on.
        clause: Differential,
        /// The column that names the unit.
        unit: String,
    },
}

impl Policy {
    /// The threshold, where there is one.
    pub fn threshold(&self) -> Option<u32> {
        match self {
            Self::Open | Self::Differential { .. } => None,
            Self::Threshold { k, .. } => Some(*k),
        }
    }
}

/// Decides the policy of a signal over `stream`.
///
/// # Errors
/// A privacy refusal when the clause is absent where the stream is protected, or names a wrong unit.
pub(crate) fn decide(signal: &SignalDefinition, stream: &StreamDefinition) -> Result<Policy, Refusal> {
    let declared = stream.contract.privacy_unit.as_deref();
    let Some(clause) = &signal.clause else {
        return match declared {
            None => Ok(Policy::Open),
            Some(unit) => Err(refuse(
                Code::Unprotected,
                &signal.query_place,
                format!(
                    "stream `{}` is protected by its privacy unit `{unit}`, and this signal has no privacy clause",
                    stream.name.value
                ),
                format!(
                    "write SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20, privacy_unit_column = {unit}) ..., or SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1.0, delta = 1e-8, privacy_unit_column = {unit}, max_groups_contributed = 4) ..."
                ),
            )),
        };
    };
    let PrivacyClause { kind, unit, place } = clause;
    let unit = match (unit, declared) {
        (Some(unit), Some(declared)) if unit.value != declared => {
            return Err(refuse(
                Code::WrongPrivacyUnit,
                &unit.place,
                format!("stream `{}` protects `{declared}`, not `{}`", stream.name.value, unit.value),
                format!("write privacy_unit_column = {declared}"),
            ));
        }
        (Some(unit), _) => unit.value.clone(),
        (None, Some(declared)) => declared.to_owned(),
        (None, None) => {
            return Err(refuse(
                Code::BadPrivacyClause,
                place,
                "the clause does not say who is protected",
                "add privacy_unit_column = <column>",
            ));
        }
    };
    match kind {
        ClauseKind::Threshold(threshold) if declared.is_some() && threshold.value < 2 => Err(refuse(
            Code::BadPrivacyClause,
            &threshold.place,
            "a threshold of 1 protects nobody",
            "write threshold = 20, or at least 2",
        )),
        ClauseKind::Threshold(threshold) => Ok(Policy::Threshold { k: threshold.value, unit }),
        ClauseKind::Differential(clause) => Ok(Policy::Differential { clause: clause.clone(), unit }),
    }
}

/// Refuses a threshold over people where what is shown could be subtracted from what is shown beside it, or was shown
/// before: a difference of two large groups may be one person.
///
/// # Errors
/// [`Code::Subtractable`] for running totals, overlapping windows and lateness over a protected stream.
pub(crate) fn refuse_subtractable(
    windows: Option<&Windows>,
    signal: &SignalDefinition,
    stream: &StreamDefinition,
) -> Result<(), Refusal> {
    let Some(unit) = &stream.contract.privacy_unit else { return Ok(()) };
    let name = &stream.name.value;
    let refused = |place: &Place, what: &str, fix: String| {
        let cause = format!("stream `{name}` protects `{unit}`, and {what}: their difference may be one of them");
        Err(refuse(Code::Subtractable, place, cause, fix))
    };
    match windows {
        None => {
            let fix = format!("read windows: FROM TUMBLE({name}, event_time, INTERVAL '1 day'), and group by them");
            refused(&signal.query_place, "running totals are shown again with a few rows more", fix)
        }
        Some(windows @ (Windows::Hop { .. } | Windows::Cumulate { .. })) => {
            let function = function_name(windows);
            let what = format!("windows of {function} overlap");
            refused(&signal.word_place(function), &what, "write TUMBLE, and add up its released windows".to_owned())
        }
        Some(_) if signal.lateness_us > 0 => {
            let what = "a window that takes late rows is shown again with a few rows more";
            refused(&signal.query_place, what, "leave lateness out, and give the stream a longer watermark".to_owned())
        }
        Some(_) => Ok(()),
    }
}

/// Refuses to show rows as they are where people are protected: behind a row stands one of them.
///
/// # Errors
/// A privacy refusal when the stream is protected, or when a clause asks for groups that are not there.
pub(crate) fn require_open(signal: &SignalDefinition, stream: &StreamDefinition) -> Result<(), Refusal> {
    if let Some(unit) = &stream.contract.privacy_unit {
        return Err(refuse(
            Code::RowsShown,
            &signal.query_place,
            format!(
                "a signal without an aggregation shows rows as they are, and stream `{}` protects `{unit}`: behind a row stands one of them",
                stream.name.value
            ),
            "aggregate: add GROUP BY, and SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20)",
        ));
    }
    match &signal.clause {
        None => Ok(()),
        Some(clause) => Err(refuse(
            Code::BadPrivacyClause,
            &clause.place,
            "the clause is about people behind groups, and this query has no groups",
            "add GROUP BY, or leave the clause out",
        )),
    }
}

/// Finds the unit column in the aggregation's input and makes sure that it is the stream's own.
///
/// A derived column under the same name could stand for anything, so the column is followed through
/// every projection down to the source.
pub(crate) fn unit_column(
    aggregate: &Aggregate,
    unit: &str,
    stream: &str,
    signal: &SignalDefinition,
) -> Result<Expr, Refusal> {
    let untraceable = |cause: String| {
        let fix = format!("select {unit} as it is, without renaming or computing it, up to the aggregation");
        refuse(Code::WrongPrivacyUnit, signal.clause_place(), cause, fix)
    };
    let input = &aggregate.input;
    let candidates = input.schema().columns_with_unqualified_name(unit);
    let [column] = candidates.as_slice() else {
        return Err(untraceable(format!("the aggregation does not see the privacy unit `{unit}`")));
    };
    if !is_stream_column(input, column, stream, unit) {
        return Err(untraceable(format!("`{unit}` is not the stream's own column here")));
    }
    Ok(Expr::Column(column.clone()))
}

/// Refuses a query that shows, groups by, compares or filters by privacy units, or by anything computed from them:
/// counting them is all that may be done.
pub(crate) fn refuse_shown_units(
    aggregate: &Aggregate,
    unit: &str,
    stream: &str,
    signal: &SignalDefinition,
) -> Result<(), Refusal> {
    let mut filtered = false;
    let derived = derived_from_unit(&aggregate.input, unit, stream, &mut filtered);
    let uses = |expression: &Expr| expression.column_refs().iter().any(|column| derived.contains(*column));
    let counts_only = |call: &Expr| match call {
        Expr::AggregateFunction(call) if matches!(call.func.name(), "count" | "dp_count" | "dp_units") => {
            let bare = |argument: &Expr| matches!(argument, Expr::Column(_)) || !uses(argument);
            call.params.args.iter().all(bare) && call.params.filter.as_deref().is_none_or(|filter| !uses(filter))
        }
        other => !uses(other),
    };
    let calls = aggregate.aggr_expr.iter().map(|call| call.clone().unalias());
    if filtered || aggregate.group_expr.iter().any(uses) || !calls.into_iter().all(|call| counts_only(&call)) {
        return Err(refuse(
            Code::UnitShown,
            &signal.word_place(unit),
            format!(
                "`{unit}` is the privacy unit: a signal may count units, never show, group by, compare, filter or join them"
            ),
            format!("use count(DISTINCT {unit}), or group by a coarser column"),
        ));
    }
    Ok(())
}

/// The columns of `plan` that are the unit or computed from it; notes when a filter looks at one.
///
/// Asking whether there is a unit at all (`IS NULL`, `IS NOT NULL`) tells nobody apart and is allowed.
fn derived_from_unit(plan: &LogicalPlan, unit: &str, stream: &str, filtered: &mut bool) -> HashSet<Column> {
    let derived = plan.inputs().into_iter().flat_map(|input| derived_from_unit(input, unit, stream, filtered));
    let inner = derived.collect::<HashSet<_>>();
    match plan {
        LogicalPlan::TableScan(scan) if scan.table_name.table() != stream => inner,
        LogicalPlan::TableScan(scan) => {
            scan.projected_schema.columns().into_iter().filter(|column| column.name == unit).collect()
        }
        LogicalPlan::Projection(projection) => {
            let columns = projection.schema.columns().into_iter().zip(&projection.expr);
            columns.filter(|(_, computed)| looks_at(computed, &inner)).map(|(column, _)| column).collect()
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let columns = alias.schema.columns().into_iter().zip(alias.input.schema().columns());
            columns.filter(|(_, inside)| inner.contains(inside)).map(|(column, _)| column).collect()
        }
        // Who is in a table is a question about units too.
        LogicalPlan::Join(join) => {
            let keys = join.on.iter().flat_map(|(left, right)| [left, right]);
            *filtered |= keys.chain(&join.filter).any(|condition| looks_at(condition, &inner));
            inner
        }
        LogicalPlan::Filter(filter) => {
            *filtered |= looks_at(&filter.predicate, &inner);
            inner
        }
        other => {
            let names = inner.iter().map(|column| column.name.as_str()).collect::<HashSet<_>>();
            other.schema().columns().into_iter().filter(|column| names.contains(column.name.as_str())).collect()
        }
    }
}

/// True when `expression` uses one of `columns` other than by asking whether it is null.
fn looks_at(expression: &Expr, columns: &HashSet<Column>) -> bool {
    let mut found = false;
    // The closure never fails.
    let _ = expression.apply(|node| {
        if let Expr::IsNull(inner) | Expr::IsNotNull(inner) = node
            && matches!(inner.as_ref(), Expr::Column(_))
        {
            return Ok(TreeNodeRecursion::Jump);
        }
        found |= matches!(node, Expr::Column(column) if columns.contains(column));
        Ok(TreeNodeRecursion::Continue)
    });
    found
}
