//! Under which condition may a signal's groups be shown?

use datafusion::logical_expr::Expr;
use datafusion::logical_expr::logical_plan::Aggregate;

use tidegate_algebra::{Period, Windows};

use crate::clause::{ClauseKind, Differential, PrivacyClause};
use crate::definition::{Scope, SignalDefinition, StreamDefinition};
use crate::guard::SKETCHES;
use crate::origin::is_stream_column;
use crate::window::function_name;
use crate::{Code, Place, Refusal, refuse};

const DAY_US: i64 = 86_400_000_000;

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
        /// A group of fewer is counted in its next window of the same day.
        carries: bool,
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
    /// Whether groups below the threshold are counted in their next window.
    pub fn carries(&self) -> bool {
        matches!(self, Self::Threshold { carries: true, .. })
    }

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
            // Who reads it may read the tenant's rows themselves.
            Some(_) if signal.scope == Scope::Local => Ok(Policy::Open),
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
        ClauseKind::Threshold { k, .. } if declared.is_some() && k.value < 2 => Err(refuse(
            Code::BadPrivacyClause,
            &k.place,
            "a threshold of 1 protects nobody",
            "write threshold = 20, or at least 2",
        )),
        ClauseKind::Threshold { k, carries } => Ok(Policy::Threshold { k: k.value, unit, carries: carries.is_some() }),
        ClauseKind::Differential(clause) => Ok(Policy::Differential { clause: clause.clone(), unit }),
    }
}

/// Refuses to carry where there is no next window, or where late rows would move what was carried.
///
/// # Errors
/// [`Code::BadPrivacyClause`] unless windows tumble within a day and take no late rows.
pub(crate) fn refuse_carrying(windows: Option<&Windows>, signal: &SignalDefinition) -> Result<(), Refusal> {
    let Some(PrivacyClause { kind: ClauseKind::Threshold { carries: Some(place), .. }, .. }) = &signal.clause else {
        return Ok(());
    };
    let (cause, fix) = match windows {
        Some(Windows::Tumble(Period::Fixed(size_us))) if *size_us < DAY_US => {
            if signal.lateness_us == 0 {
                return Ok(());
            }
            let cause = "late rows of one window would move what is carried to the next ones";
            (cause, "leave lateness out, and give the stream a longer watermark")
        }
        _ => {
            let cause = "a group is carried to its next window of the same day, and there is none";
            (cause, "read TUMBLE windows shorter than a day, or write below_threshold = LEAVE_OUT")
        }
    };
    Err(refuse(Code::BadPrivacyClause, place, cause, fix))
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

/// Refuses sketches of people in released rows: they hold single values. In internal rows, which only other signals read,
/// they may stand where a threshold makes sure of how many people are behind them.
///
/// # Errors
/// [`Code::SketchShown`] where the stream is protected and the signal is released.
pub(crate) fn refuse_sketches(
    aggregate: &Aggregate,
    signal: &SignalDefinition,
    stream: &StreamDefinition,
) -> Result<(), Refusal> {
    if stream.contract.privacy_unit.is_none() || signal.scope != Scope::Global {
        return Ok(());
    }
    let name = |call: &Expr| match call.clone().unalias() {
        Expr::AggregateFunction(call) => Some(call.func.name().to_owned()),
        _ => None,
    };
    let found = aggregate.aggr_expr.iter().filter_map(name).find(|name| SKETCHES.contains(&name.as_str()));
    let Some(name) = found else { return Ok(()) };
    Err(refuse(
        Code::SketchShown,
        &signal.word_place(&name),
        format!(
            "`{name}` of the protected stream `{}` would be released, and single values stand in it",
            stream.name.value
        ),
        "add WITH (scope = 'internal') under a threshold, and compare its rows in a signal FROM internal.<signal>",
    ))
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
    if candidates.is_empty() {
        return Err(untraceable(format!("the aggregation does not see the privacy unit `{unit}`")));
    }
    let own = candidates.into_iter().find(|column| is_stream_column(input, column, stream, unit));
    own.map(|column| Expr::Column(column.clone()))
        .ok_or_else(|| untraceable(format!("`{unit}` is not the stream's own column here")))
}
