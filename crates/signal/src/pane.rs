//! How does a plan say in which windows a row lies? By calls of functions whose constant arguments spell
//! the windows, so that the windows can be read back out of the plan.
//!
//! ```text
//! pane_start(instant, spec ...)      the pane of a row: what a signal groups by
//! pane_end(instant, spec ...)        its end
//! window_starts(instant, spec ...)   every window of a row, in a list: for ad hoc queries
//! window_ends(instant, spec ...)
//! ```

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, ListArray, PrimitiveArray, TimestampMicrosecondArray, new_empty_array,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility, lit,
};
use tidegate_algebra::{Period, Windows};

/// The type of `window_start` and `window_end`.
pub(crate) fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// The start of the pane in which `instant` lies.
pub(crate) fn pane_start(instant: Expr, windows: &Windows) -> Expr {
    call(Part::PaneStart, instant, windows)
}

/// `window_end` of rows. For windows of one fixed length it is plain arithmetic, which the optimizer understands.
pub(crate) fn pane_end(instant: Expr, windows: &Windows) -> Expr {
    match windows {
        Windows::Tumble(Period::Fixed(size_us)) => pane_start(instant, windows) + length(*size_us),
        _ => call(Part::PaneEnd, instant, windows),
    }
}

/// The starts and the ends of all windows of `instant`, as two lists.
pub(crate) fn window_lists(instant: &Expr, windows: &Windows) -> [Expr; 2] {
    [Part::WindowStarts, Part::WindowEnds].map(|part| call(part, instant.clone(), windows))
}

/// The start and the end of a released window, made from `key`, by which its state was kept. None for sessions:
/// both are keys of theirs.
pub(crate) fn window_of(key: Expr, windows: &Windows) -> Option<[Expr; 2]> {
    Some(match *windows {
        Windows::Tumble(Period::Fixed(length_us)) | Windows::Hop { size_us: length_us, .. } => {
            [key.clone(), key + length(length_us)]
        }
        Windows::Tumble(_) => [key.clone(), call(Part::PaneEnd, key, windows)],
        // Windows that begin together are kept by their ends.
        Windows::Cumulate { step_us, size_us } => {
            let last_pane = key.clone() - length(step_us);
            [pane_start(last_pane, &Windows::tumble(size_us)), key]
        }
        Windows::Session { .. } => return None,
    })
}

fn length(us: i64) -> Expr {
    lit(ScalarValue::DurationMicrosecond(Some(us)))
}

/// A call of `pane_start`: which instant it files, and in which windows.
pub(crate) struct PaneCall {
    /// The column that is filed; none for a computed instant.
    pub(crate) column: Option<String>,
    pub(crate) windows: Windows,
}

/// Reads `expression` as a call of `pane_start`.
pub(crate) fn pane_call(expression: &Expr) -> Option<PaneCall> {
    call_of(Part::PaneStart, expression)
}

/// True for what [`pane_end`] makes.
pub(crate) fn is_window_end(expression: &Expr) -> bool {
    match expression {
        Expr::BinaryExpr(sum) => sum.op == Operator::Plus && pane_call(&sum.left).is_some(),
        other => call_of(Part::PaneEnd, other).is_some(),
    }
}

fn call(part: Part, instant: Expr, windows: &Windows) -> Expr {
    let arguments = std::iter::once(instant).chain(spec(windows)).collect();
    ScalarUDF::from(PaneFunction::new(part)).call(arguments)
}

fn call_of(part: Part, expression: &Expr) -> Option<PaneCall> {
    let Expr::ScalarFunction(call) = expression else { return None };
    let (instant, spec) = call.args.split_first().filter(|_| call.func.name() == part.name())?;
    let constant = |argument: &Expr| match argument {
        Expr::Literal(constant, _) => Some(constant.clone()),
        _ => None,
    };
    let windows = windows_of(&spec.iter().map(constant).collect::<Option<Vec<_>>>()?)?;
    Some(PaneCall { column: instant.try_as_col().map(|column| column.name.clone()), windows })
}

/// Windows as constant arguments.
fn spec(windows: &Windows) -> Vec<Expr> {
    match *windows {
        Windows::Tumble(Period::Fixed(size_us)) => vec![lit("tumble"), lit(size_us)],
        Windows::Tumble(Period::Days(days, zone)) => vec![lit("days"), lit(i64::from(days)), lit(zone.name())],
        Windows::Tumble(Period::Months(months, zone)) => {
            vec![lit("months"), lit(i64::from(months)), lit(zone.name())]
        }
        Windows::Hop { slide_us, size_us } => vec![lit("hop"), lit(slide_us), lit(size_us)],
        Windows::Cumulate { step_us, size_us } => vec![lit("cumulate"), lit(step_us), lit(size_us)],
        Windows::Session { gap_us } => vec![lit("session"), lit(gap_us)],
    }
}

/// The inverse of [`spec`].
fn windows_of(spec: &[ScalarValue]) -> Option<Windows> {
    let text = |value: &ScalarValue| value.try_as_str().flatten().map(str::to_owned);
    let number = |position: usize| match spec.get(position) {
        Some(ScalarValue::Int64(number)) => *number,
        _ => None,
    };
    let count = |position: usize| number(position).and_then(|count| u32::try_from(count).ok());
    let zone = |position: usize| spec.get(position).and_then(text)?.parse().ok();
    Some(match text(spec.first()?)?.as_str() {
        "tumble" => Windows::tumble(number(1)?),
        "days" => Windows::Tumble(Period::Days(count(1)?, zone(2)?)),
        "months" => Windows::Tumble(Period::Months(count(1)?, zone(2)?)),
        "hop" => Windows::Hop { slide_us: number(1)?, size_us: number(2)? },
        "cumulate" => Windows::Cumulate { step_us: number(1)?, size_us: number(2)? },
        "session" => Windows::Session { gap_us: number(1)? },
        _ => return None,
    })
}

/// What is asked of an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    PaneStart,
    PaneEnd,
    WindowStarts,
    WindowEnds,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::PaneStart => "pane_start",
            Self::PaneEnd => "pane_end",
            Self::WindowStarts => "window_starts",
            Self::WindowEnds => "window_ends",
        }
    }

    fn return_type(self) -> DataType {
        match self {
            Self::PaneStart | Self::PaneEnd => instant(),
            Self::WindowStarts | Self::WindowEnds => DataType::List(list_item()),
        }
    }
}

fn list_item() -> FieldRef {
    Arc::new(Field::new_list_field(instant(), true))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct PaneFunction {
    part: Part,
    signature: Signature,
}

impl PaneFunction {
    fn new(part: Part) -> Self {
        Self { part, signature: Signature::variadic_any(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for PaneFunction {
    fn name(&self) -> &str {
        self.part.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.part.return_type())
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        let is_nullable = arguments.arg_fields[0].is_nullable();
        Ok(Arc::new(Field::new(self.part.name(), self.part.return_type(), is_nullable)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = |value: &ColumnarValue| match value {
            ColumnarValue::Scalar(constant) => Some(constant.clone()),
            ColumnarValue::Array(_) => None,
        };
        let (instants, spec) = arguments.args.split_at(1);
        let spec = spec.iter().map(constant).collect::<Option<Vec<_>>>();
        let (Some(windows), [instants]) = (spec.as_deref().and_then(windows_of), instants) else {
            return exec_err!("{} takes an instant and constant windows", self.part.name());
        };
        let instants = instants.to_array(arguments.number_rows)?;
        let instants = instants.as_primitive::<TimestampMicrosecondType>();
        let answer: ArrayRef = match self.part {
            Part::PaneStart => Arc::new(in_place_of(instants, windows.panes_of(instants.values()))),
            Part::PaneEnd => Arc::new(in_place_of(instants, ends_of(&windows, instants.values()))),
            Part::WindowStarts => Arc::new(lists(instants, &windows, |(start, _)| start)?),
            Part::WindowEnds => Arc::new(lists(instants, &windows, |(_, end)| end)?),
        };
        Ok(ColumnarValue::Array(answer))
    }
}

fn in_place_of(
    instants: &PrimitiveArray<TimestampMicrosecondType>,
    values: Vec<i64>,
) -> PrimitiveArray<TimestampMicrosecondType> {
    TimestampMicrosecondArray::new(values.into(), instants.nulls().cloned()).with_timezone("UTC")
}

/// The end of every instant's pane. Neighbours mostly share a pane.
fn ends_of(windows: &Windows, instants: &[i64]) -> Vec<i64> {
    let mut last = None;
    let end_of = |start: i64| match last {
        Some((known, end)) if known == start => end,
        _ => {
            let end = windows.pane_end(start);
            last = Some((start, end));
            end
        }
    };
    windows.panes_of(instants).into_iter().map(end_of).collect()
}

/// Per instant, one bound of each of its windows.
fn lists(
    instants: &PrimitiveArray<TimestampMicrosecondType>,
    windows: &Windows,
    bound: impl Fn((i64, i64)) -> i64,
) -> Result<ListArray> {
    let mut bounds = Vec::new();
    let mut lengths = Vec::with_capacity(instants.len());
    for instant in instants {
        let windows = instant.map_or_else(Vec::new, |instant| windows.of_pane(windows.pane_of(instant)));
        lengths.push(windows.len());
        bounds.extend(windows.into_iter().map(&bound));
    }
    let values: ArrayRef = if bounds.is_empty() {
        new_empty_array(&instant())
    } else {
        Arc::new(TimestampMicrosecondArray::from(bounds).with_timezone("UTC"))
    };
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(ListArray::try_new(list_item(), offsets, values, instants.nulls().cloned())?)
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::col;

    use super::*;

    #[test]
    fn windows_are_read_back_out_of_their_calls() {
        for windows in [
            Windows::tumble(7),
            Windows::Tumble(Period::Days(2, "Europe/Berlin".parse().unwrap())),
            Windows::Tumble(Period::Months(12, "UTC".parse().unwrap())),
            Windows::Hop { slide_us: 2, size_us: 5 },
            Windows::Cumulate { step_us: 2, size_us: 6 },
            Windows::Session { gap_us: 3 },
        ] {
            let call = pane_call(&pane_start(col("ts"), &windows)).unwrap();
            assert_eq!((call.column.as_deref(), call.windows), (Some("ts"), windows));
            assert!(is_window_end(&pane_end(col("ts"), &windows)) && !is_window_end(&col("ts")));
        }
    }

    #[test]
    fn ends_follow_their_panes() {
        let windows = Windows::tumble(10);
        assert_eq!(ends_of(&windows, &[3, 9, 10, -1, 25]), [10, 10, 20, 0, 30]);
    }
}
