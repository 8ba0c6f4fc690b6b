//! May two streams be joined? Where each row finds its partners within an interval of time, so that it need not wait
//! for ever, and never takes back what it found.

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::logical_plan::Join;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, JoinType, LogicalPlan, Operator};

use crate::definition::{SignalDefinition, StreamDefinition};
use crate::options::interval_us;
use crate::origin::is_stream_column;
use crate::shape::find_window;
use crate::{Code, Refusal, refuse};

/// The stream whose rows a signal's own rows are joined with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamJoin {
    /// Its name.
    pub stream: String,
    /// How much older than a row its partners may be, in microseconds; negative where they must be younger.
    pub before_us: i64,
    /// How much younger than a row its partners may be; negative where they must be older.
    pub after_us: i64,
    /// The stream's privacy unit, if it has one: partners are of the same unit.
    pub unit: Option<String>,
}

/// A join of two streams as it is written: the leading one, whose rows meet partners once, and the other.
pub(crate) struct Meeting<'a> {
    join: &'a Join,
    leading: &'a LogicalPlan,
    other: &'a LogicalPlan,
}

impl<'a> Meeting<'a> {
    /// The stream with the windows leads, or else the left one.
    ///
    /// # Errors
    /// A refusal of a join whose answer would have to be taken back.
    pub(crate) fn of(join: &'a Join, signal: &SignalDefinition) -> Result<Self, Refusal> {
        let refused = |what: &str, fix: &str| Err(refused(signal, what, fix));
        match join.join_type {
            JoinType::Inner | JoinType::Left => {}
            other => {
                let what = format!("a {} JOIN of streams", other.to_string().to_uppercase());
                return refused(&what, "write the stream first whose rows must all stay, and LEFT JOIN the other");
            }
        }
        let (leading, other) = match (find_window(&join.left).is_some(), find_window(&join.right).is_some()) {
            (_, false) => (&join.left, &join.right),
            (false, true) if join.join_type == JoinType::Inner => (&join.right, &join.left),
            (false, true) => {
                let fix = "put the window over the stream before LEFT JOIN: its rows are counted";
                return refused("windows over the stream that LEFT JOIN looks rows up in", fix);
            }
            (true, true) => {
                let fix = "put the window over one of them, and say ON a.key = b.key AND b.at BETWEEN a.at - INTERVAL '5 minutes' AND a.at";
                return refused("a join of two windowed streams", fix);
            }
        };
        Ok(Self { join, leading, other })
    }

    pub(crate) fn leading(&self) -> &'a LogicalPlan {
        self.leading
    }

    pub(crate) fn other(&self) -> &'a LogicalPlan {
        self.other
    }

    /// How far apart in time partners may be; `leading` and `other` are the streams.
    ///
    /// # Errors
    /// A refusal that says what the condition lacks, or has too much.
    pub(crate) fn interval(
        &self,
        leading: &StreamDefinition,
        other: &StreamDefinition,
        signal: &SignalDefinition,
    ) -> Result<StreamJoin, Refusal> {
        let times = Times {
            leading: (self.leading, &leading.name.value, self.event_time(leading, signal)?),
            other: (self.other, &other.name.value, self.event_time(other, signal)?),
        };
        let fix = format!(
            "write ON {0}.key = {1}.key AND {1}.{3} BETWEEN {0}.{2} - INTERVAL '5 minutes' AND {0}.{2} + INTERVAL '5 minutes'",
            leading.name.value, other.name.value, times.leading.2, times.other.2
        );
        let mut keys = self.join.on.clone();
        let (mut before_us, mut after_us) = (None, None);
        for condition in self.join.filter.iter().flat_map(split_conjunction) {
            if let Some(bounds) = times.bounds(condition) {
                for bound in bounds {
                    match bound {
                        Bound::Before(us) => before_us = Some(before_us.map_or(us, |known: i64| known.min(us))),
                        Bound::After(us) => after_us = Some(after_us.map_or(us, |known: i64| known.min(us))),
                    }
                }
            } else if let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = condition {
                keys.push((left.as_ref().clone(), right.as_ref().clone()));
            } else {
                let what = "a join of streams on anything but equal columns and an interval of fixed length between their event times";
                return Err(refused(
                    signal,
                    what,
                    "put other conditions into WHERE, or into (SELECT ... FROM stream WHERE ...) AS name",
                ));
            }
        }
        let (Some(before_us), Some(after_us)) = (before_us, after_us) else {
            let what =
                "a join of streams without an interval: rows would wait for ever for partners that may still come";
            return Err(refused(signal, what, &fix));
        };
        if before_us.saturating_add(after_us) < 0 {
            return Err(refused(signal, "a join of streams whose interval ends before it begins", &fix));
        }
        if keys.is_empty() {
            let what = "a join of streams without equal columns: every row would meet every other";
            return Err(refused(signal, what, &fix));
        }
        self.check_keys(&keys, signal)?;
        self.require_one_unit(&keys, leading, other, signal)?;
        let unit = other.contract.privacy_unit.clone();
        Ok(StreamJoin { stream: other.name.value.clone(), before_us, after_us, unit })
    }

    /// Where both streams protect people, rows of one person meet: who is taken away then takes no others along.
    fn require_one_unit(
        &self,
        keys: &[(Expr, Expr)],
        leading: &StreamDefinition,
        other: &StreamDefinition,
        signal: &SignalDefinition,
    ) -> Result<(), Refusal> {
        let Some(theirs) = &other.contract.privacy_unit else { return Ok(()) };
        let (leading_name, other_name) = (&leading.name.value, &other.name.value);
        let refused =
            |cause: String, fix: String| Err(refuse(Code::Unprotected, &signal.word_place(other_name), cause, fix));
        let Some(ours) = &leading.contract.privacy_unit else {
            return refused(
                format!(
                    "stream `{other_name}` protects `{theirs}`, and this signal counts rows of `{leading_name}`, which protects nobody"
                ),
                format!("join a stream without a privacy unit with `{other_name}`: windows over `{other_name}` lead"),
            );
        };
        let is = |key: &Expr, plan: &LogicalPlan, stream: &str, unit: &str| matches!(key, Expr::Column(column) if plan.schema().has_column(column) && is_stream_column(plan, column, stream, unit));
        let pairs = |(one, two): &(Expr, Expr)| {
            let meet = |left: &Expr, right: &Expr| {
                is(left, self.leading, leading_name, ours) && is(right, self.other, other_name, theirs)
            };
            meet(one, two) || meet(two, one)
        };
        if keys.iter().any(pairs) {
            return Ok(());
        }
        refused(
            format!(
                "streams `{leading_name}` and `{other_name}` protect `{ours}` and `{theirs}`, and rows of different people could meet"
            ),
            format!("add {leading_name}.{ours} = {other_name}.{theirs} to ON"),
        )
    }

    fn event_time<'s>(&self, stream: &'s StreamDefinition, signal: &SignalDefinition) -> Result<&'s str, Refusal> {
        stream.contract.event_time.as_deref().ok_or_else(|| {
            let cause = format!(
                "stream `{}` has no event time, and rows of two streams meet within an interval of time",
                stream.name.value
            );
            refuse(
                Code::UnsupportedClause,
                &signal.word_place("join"),
                cause,
                "add event_time = '...' to its CREATE STREAM",
            )
        })
    }

    fn check_keys(&self, keys: &[(Expr, Expr)], signal: &SignalDefinition) -> Result<(), Refusal> {
        for (left, right) in keys {
            let is_of = |key: &Expr, plan: &LogicalPlan| {
                let columns = key.column_refs();
                !columns.is_empty() && columns.into_iter().all(|column| plan.schema().has_column(column))
            };
            let (ours, theirs) = if is_of(left, self.leading) { (left, right) } else { (right, left) };
            if !is_of(ours, self.leading) || !is_of(theirs, self.other) {
                let what = "a join of streams that compares columns of one of them";
                return Err(refused(signal, what, "compare a column of each, and put other conditions into WHERE"));
            }
            let types = (ours.get_type(self.leading.schema()), theirs.get_type(self.other.schema()));
            if !matches!(&types, (Ok(ours), Ok(theirs)) if is_alike(ours, theirs)) {
                let name = theirs.column_refs().into_iter().next().map(|column| column.name.clone());
                let name = name.unwrap_or_default();
                let cause = format!(
                    "the join compares `{name}` with a value of another type, and unlike values could be equal then"
                );
                let fix = "declare both columns with one type";
                return Err(refuse(Code::InvalidQuery, &signal.word_place(&name), cause, fix));
            }
        }
        Ok(())
    }
}

fn refused(signal: &SignalDefinition, what: &str, fix: &str) -> Refusal {
    refuse(Code::UnsupportedClause, &signal.word_place("join"), format!("a signal cannot have {what}"), fix)
}

/// True when values of both types are equal only if they are the same.
pub(crate) fn is_alike(one: &DataType, other: &DataType) -> bool {
    let both = |is: fn(&DataType) -> bool| is(one) && is(other);
    one == other
        || both(DataType::is_string)
        || both(DataType::is_signed_integer)
        || both(DataType::is_unsigned_integer)
}

/// How far a partner may lie from a row.
enum Bound {
    Before(i64),
    After(i64),
}

/// The event times of both streams: plan, stream and column.
struct Times<'a> {
    leading: (&'a LogicalPlan, &'a str, &'a str),
    other: (&'a LogicalPlan, &'a str, &'a str),
}

/// An event time and what is added to it.
struct Instant {
    is_leading: bool,
    plus_us: i64,
}

impl Times<'_> {
    /// What a condition says about the distance of event times, if it compares nothing else.
    fn bounds(&self, condition: &Expr) -> Option<Vec<Bound>> {
        match condition {
            Expr::Between(between) if !between.negated => {
                let time = self.instant(&between.expr)?;
                let (low, high) = (self.instant(&between.low)?, self.instant(&between.high)?);
                Some(vec![not_after(&low, &time)?, not_after(&time, &high)?])
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                let (left, right) = (self.instant(left)?, self.instant(right)?);
                match op {
                    Operator::Lt | Operator::LtEq => Some(vec![not_after(&left, &right)?]),
                    Operator::Gt | Operator::GtEq => Some(vec![not_after(&right, &left)?]),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn instant(&self, expression: &Expr) -> Option<Instant> {
        match expression {
            Expr::Column(column) => {
                let is = |(plan, stream, name): (&LogicalPlan, &str, &str)| {
                    plan.schema().has_column(column) && is_stream_column(plan, column, stream, name)
                };
                let is_leading = is(self.leading);
                (is_leading || is(self.other)).then_some(Instant { is_leading, plus_us: 0 })
            }
            Expr::Alias(alias) => self.instant(&alias.expr),
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Plus, right }) => {
                let (time, us) = match constant_us(right) {
                    Some(us) => (self.instant(left)?, us),
                    None => (self.instant(right)?, constant_us(left)?),
                };
                Some(Instant { plus_us: time.plus_us.checked_add(us)?, ..time })
            }
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Minus, right }) => {
                let time = self.instant(left)?;
                Some(Instant { plus_us: time.plus_us.checked_sub(constant_us(right)?)?, ..time })
            }
            _ => None,
        }
    }
}

fn constant_us(expression: &Expr) -> Option<i64> {
    match expression {
        Expr::Literal(value, _) => interval_us(value),
        Expr::Negative(inner) => constant_us(inner)?.checked_neg(),
        _ => None,
    }
}

/// What `earlier <= later` says of the partner's distance.
fn not_after(earlier: &Instant, later: &Instant) -> Option<Bound> {
    let between_us = later.plus_us.checked_sub(earlier.plus_us)?;
    match (earlier.is_leading, later.is_leading) {
        (false, true) => Some(Bound::After(between_us)),
        (true, false) => Some(Bound::Before(between_us)),
        _ => None,
    }
}
