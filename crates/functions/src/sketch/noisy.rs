//! Did a column drift, seen through histograms that were noised and released?
//!
//! `HISTOGRAM` of a differentially private signal gives counts in public bins and `<column>_noise_stddev` beside them. What is
//! computed from them costs nothing.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Fields, Float64Type};
use datafusion::common::{Result, exec_err};
use tidegate_stats::DriftTest;
use tidegate_stats::drift::{Drift, Noise, noisy_drift};

use crate::call::{Function, Parameter, Rows, Takes, structs};

const REFERENCE: Parameter = Parameter { name: "ref", takes: Takes::Numbers, optional: false };
const CURRENT: Parameter = Parameter { name: "cur", takes: Takes::Numbers, optional: false };
const NOISE: Parameter = Parameter { name: "noise_stddev", takes: Takes::Number, optional: false };
const ALPHA: Parameter = Parameter { name: "alpha", takes: Takes::Number, optional: true };
const DELTA: Parameter = Parameter { name: "delta", takes: Takes::Number, optional: true };

/// `dp_drift(ref, cur, noise_stddev [, alpha, delta])`.
pub(super) fn functions() -> Vec<Function> {
    let parameters = &[REFERENCE, CURRENT, NOISE, ALPHA, DELTA];
    vec![Function::new("dp_drift", parameters, |_| DataType::Struct(fields()), drifts)]
}

fn fields() -> Fields {
    let number = |name| Field::new(name, DataType::Float64, true);
    ["psi", "threshold", "p_value"]
        .into_iter()
        .map(number)
        .chain([Field::new("verdict", DataType::Utf8, true)])
        .collect()
}

fn drifts(rows: &Rows) -> Result<ArrayRef> {
    let answers = rows.answers(|row| answer(rows, row))?;
    let number = |of: fn(&tidegate_stats::drift::Measured) -> f64| {
        let numbers = answers.iter().map(|answer| answer.as_ref()?.measured.as_ref().map(of));
        Arc::new(numbers.collect::<Float64Array>()) as ArrayRef
    };
    let verdicts = answers.iter().map(|answer| answer.as_ref().map(|answer| answer.verdict.to_string()));
    let columns = vec![
        number(|measured| measured.psi),
        number(|measured| measured.threshold),
        number(|measured| measured.p_value),
        Arc::new(verdicts.collect::<StringArray>()) as ArrayRef,
    ];
    structs(fields(), columns, answers.iter().map(Option::is_some))
}

/// Nothing where an argument is null.
fn answer(rows: &Rows, row: usize) -> Result<Option<Drift>> {
    let defaults = DriftTest::default();
    let given = |column, default| if rows.has(column) { rows.number(column, row) } else { Some(default) };
    let (Some(reference), Some(current)) = (counts(rows, 0, row)?, counts(rows, 1, row)?) else { return Ok(None) };
    let (Some(stddev), Some(alpha), Some(delta)) =
        (rows.number(2, row), given(3, defaults.alpha), given(4, defaults.delta))
    else {
        return Ok(None);
    };
    // A narrower noise would be none: the answer is that of the least there is.
    let noise = laplace_of(stddev.max(1e-3));
    let test = DriftTest { alpha, delta, ..defaults };
    rows.of_stats(noisy_drift(&reference, &current, noise, test, seed_of(&reference, &current)))
}

/// The counts of a list.
fn counts(rows: &Rows, column: usize, row: usize) -> Result<Option<Vec<i64>>> {
    if rows.column(column).is_null(row) {
        return Ok(None);
    }
    let Some(lists) = rows.column(column).as_list_opt::<i32>() else {
        return exec_err!("dp_drift compares lists of counts, as HISTOGRAM answers them");
    };
    let counts = lists.value(row);
    // A cast saturates, and no count is a fraction.
    Ok(Some(counts.as_primitive::<Float64Type>().iter().map(|count| count.unwrap_or_default() as i64).collect()))
}

/// Discrete Laplace noise of that standard deviation: its variance is `2 q / (1 - q)^2` for `q = exp(-1 / scale)`. Of other
/// noise of the same variance, a sum of several or Gaussian, the tails are lighter.
fn laplace_of(stddev: f64) -> Noise {
    let variance = stddev * stddev;
    let q = (variance + 1.0 - (2.0 * variance + 1.0).sqrt()) / variance;
    Noise::Laplace { scale: -1.0 / q.ln() }
}

/// The same counts are judged by the same replicates.
fn seed_of(reference: &[i64], current: &[i64]) -> u64 {
    // FNV-1a, by whole counts.
    let counts = reference.iter().chain(current);
    counts.fold(0xcbf2_9ce4_8422_2325, |hash, &count| (hash ^ count.cast_unsigned()).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::SessionContext;

    use super::super::functions;

    async fn verdict(call: &str) -> String {
        let session = SessionContext::new();
        functions().into_iter().for_each(|function| session.register_udf(function));
        let rows = session.sql(&format!("SELECT {call} AS d")).await.unwrap().collect().await.unwrap();
        datafusion::arrow::util::display::array_value_to_string(rows[0].column(0), 0).unwrap()
    }

    #[tokio::test]
    async fn noise_is_not_taken_for_drift() {
        let (same, moved) = ("[1000, 1012, 990, 1001]", "[400, 900, 1300, 1400]");
        assert!(verdict(&format!("dp_drift({same}, [1010, 985, 1004, 999], 14.0)['verdict']")).await == "stable");
        assert_eq!(verdict(&format!("dp_drift({same}, {moved}, 14.0)['verdict']")).await, "drift");
        assert_eq!(verdict(&format!("dp_drift({same}, {moved}, 4000.0)['verdict']")).await, "insufficient");
        assert_eq!(
            verdict(&format!("dp_drift({same}, {moved}, noise_stddev => 14.0, alpha => 0.05)['verdict']")).await,
            "drift"
        );
    }

    #[tokio::test]
    async fn the_same_counts_give_the_same_answer() {
        let call = "dp_drift([60, 40, 55, 52], [40, 60, 52, 55], 12.0)";
        assert_eq!(verdict(call).await, verdict(call).await);
        assert_eq!(verdict("dp_drift(NULL, [1, 2], 1.0)").await, "");
        assert_eq!(verdict("dp_drift([1, 2], [1, 2], NULL)").await, "");
    }

    #[tokio::test]
    async fn bins_that_differ_in_number_are_refused() {
        let session = SessionContext::new();
        functions().into_iter().for_each(|function| session.register_udf(function));
        for call in ["dp_drift([1, 2], [1, 2, 3], 1.0)", "dp_drift([1, 2], [1, 2], 1.0, 2.0)", "dp_drift(1, 2, 3)"] {
            let answer = match session.sql(&format!("SELECT {call}")).await {
                Ok(rows) => rows.collect().await.map(drop),
                Err(error) => Err(error),
            };
            assert!(answer.unwrap_err().to_string().contains("dp_drift"), "{call}");
        }
    }
}
