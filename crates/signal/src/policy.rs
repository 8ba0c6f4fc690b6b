//! Under which condition may a signal's groups be shown?

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::logical_plan::Aggregate;
use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::clause::PrivacyClause;
use crate::definition::{SignalDefinition, StreamDefinition};
use crate::{Code, Refusal, refuse};

/// The condition under which groups are released.
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

impl Policy {
    /// The threshold, where there is one.
    pub fn threshold(&self) -> Option<u32> {
        match self {
            Self::Open => None,
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
                    "write SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20, privacy_unit_column = {unit}) ..."
                ),
            )),
        };
    };
    let PrivacyClause { threshold, unit, place } = clause;
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
    if declared.is_some() && threshold.value < 2 {
        return Err(refuse(
            Code::BadPrivacyClause,
            &threshold.place,
            "a threshold of 1 protects nobody",
            "write threshold = 20, or at least 2",
        ));
    }
    Ok(Policy::Threshold { k: threshold.value, unit })
}

/// Finds the unit column in the aggregation's input and makes sure that it is the stream's own.
///
/// A derived column under the same name could stand for anything, so the column is followed through
/// every projection down to the source.
pub(crate) fn unit_column(aggregate: &Aggregate, unit: &str, signal: &SignalDefinition) -> Result<Expr, Refusal> {
    let untraceable = |cause: String| {
        let fix = format!("select {unit} as it is, without renaming or computing it, up to the aggregation");
        refuse(Code::WrongPrivacyUnit, signal.clause_place(), cause, fix)
    };
    let input = &aggregate.input;
    let candidates = input.schema().columns_with_unqualified_name(unit);
    let [column] = candidates.as_slice() else {
        return Err(untraceable(format!("the aggregation does not see the privacy unit `{unit}`")));
    };
    if !comes_from_source(input, column, unit) {
        return Err(untraceable(format!("`{unit}` is not the stream's own column here")));
    }
    Ok(Expr::Column(column.clone()))
}

fn comes_from_source(plan: &LogicalPlan, column: &Column, unit: &str) -> bool {
    match plan {
        LogicalPlan::TableScan(_) => column.name == unit,
        LogicalPlan::Projection(projection) => {
            let Some(position) = projection.schema.maybe_index_of_column(column) else {
                return false;
            };
            match projection.expr[position].clone().unalias_nested().data {
                Expr::Column(source) => comes_from_source(&projection.input, &source, unit),
                _ => false,
            }
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let Some(position) = alias.schema.maybe_index_of_column(column) else {
                return false;
            };
            comes_from_source(&alias.input, &Column::from(alias.input.schema().qualified_field(position)), unit)
        }
        LogicalPlan::Filter(filter) => comes_from_source(&filter.input, column, unit),
        LogicalPlan::Unnest(unnest) => {
            unnest.input.schema().has_column(column) && comes_from_source(&unnest.input, column, unit)
        }
        _ => false,
    }
}

/// Refuses a query whose groups or values are privacy units: counting them is all that may be done.
pub(crate) fn refuse_shown_units(aggregate: &Aggregate, unit: &str, signal: &SignalDefinition) -> Result<(), Refusal> {
    let shown = |expression: &Expr, schema: &DFSchema| {
        let mut found = false;
        // The closure never fails.
        let _ = expression.apply(|node| {
            let counts = matches!(node, Expr::AggregateFunction(call) if call.func.name() == "count");
            if counts {
                return Ok(TreeNodeRecursion::Jump);
            }
            if let Expr::Column(column) = node {
                found |= column.name == unit && schema.has_column(column);
            }
            Ok(TreeNodeRecursion::Continue)
        });
        found
    };
    let schema = aggregate.input.schema();
    if aggregate.group_expr.iter().chain(&aggregate.aggr_expr).any(|expression| shown(expression, schema)) {
        return Err(refuse(
            Code::UnitShown,
            &signal.word_place(unit),
            format!("`{unit}` is the privacy unit: a signal may count units, never show, group by or compare them"),
            format!("use count(DISTINCT {unit}), or group by a coarser column"),
        ));
    }
    Ok(())
}
