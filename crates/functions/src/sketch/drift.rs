//! Did a column drift, and in what?
//!
//! One struct per pair of sketches: the verdict, what it rests on, and what else tells a reader where to look.
//! A missing sketch, or one without values, is `insufficient`, so that a gap is seen.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, exec_err};
use tidegate_sketch::Shape;
use tidegate_sketch::pair::{self, Paired};
use tidegate_stats::{DriftTest, Verdict, distance, drift, homogeneity};

use super::distance::{CURRENT, DEFAULT_BINS, REFERENCE, paired};
use crate::call::{Function, Parameter, Rows, Takes, finite, structs};

const ALPHA: Parameter = Parameter { name: "alpha", takes: Takes::Number, optional: true };
const DELTA: Parameter = Parameter { name: "delta", takes: Takes::Number, optional: true };
const BINS: Parameter = Parameter { name: "bins", takes: Takes::Integer, optional: true };

/// The parts of the answer that are numbers, before the verdict. `n_ref` and `n_cur` are whole.
const PARTS: [&str; 14] = [
    "psi",
    "threshold",
    "p_value",
    "js",
    "ks_lo",
    "ks_hi",
    "w1",
    "w1_error",
    "n_ref",
    "n_cur",
    "null_delta",
    "new_mass",
    "vanished_mass",
    "out_of_range",
];

/// `drift(ref, cur [, alpha, delta, bins])`.
pub(super) fn functions() -> Vec<Function> {
    let parameters = &[REFERENCE, CURRENT, ALPHA, DELTA, BINS];
    vec![Function::new("drift", parameters, |_| DataType::Struct(fields()), drifts)]
}

fn fields() -> Fields {
    let part = |name: &str| match name {
        "n_ref" | "n_cur" => Field::new(name, DataType::Int64, true),
        _ => Field::new(name, DataType::Float64, true),
    };
    PARTS.iter().map(|name| part(name)).chain([Field::new("verdict", DataType::Utf8, true)]).collect()
}

/// The answer for one row.
#[derive(Debug, Clone, Default)]
struct Answer {
    psi: Option<f64>,
    threshold: Option<f64>,
    p_value: Option<f64>,
    js: Option<f64>,
    ks: [Option<f64>; 2],
    w1: [Option<f64>; 2],
    counts: [Option<u64>; 2],
    null_delta: Option<f64>,
    /// Of categories: the share of the current rows whose category the reference lacks, and the converse.
    new_mass: Option<f64>,
    vanished_mass: Option<f64>,
    /// Of numbers: the share of the current ones beyond the reference's least and greatest.
    out_of_range: Option<f64>,
    verdict: Option<Verdict>,
}

fn drifts(rows: &Rows) -> Result<ArrayRef> {
    let answers = rows.answers(|row| answer(rows, row).map(Some))?;
    let answers = answers.into_iter().flatten().collect::<Vec<_>>();
    let double = |part: &dyn Fn(&Answer) -> Option<f64>| {
        Arc::new(answers.iter().map(part).collect::<Float64Array>()) as ArrayRef
    };
    let count = |side: usize| {
        // Counts fit: a sketch holds at most 2^63 - 1 rows.
        let counts = answers.iter().map(|answer| answer.counts[side].map(|count| count as i64));
        Arc::new(counts.collect::<Int64Array>()) as ArrayRef
    };
    let verdicts = answers.iter().map(|answer| answer.verdict.map(|verdict| verdict.to_string()));
    let columns = vec![
        double(&|answer| answer.psi),
        double(&|answer| answer.threshold),
        double(&|answer| answer.p_value),
        double(&|answer| answer.js),
        double(&|answer| answer.ks[0]),
        double(&|answer| answer.ks[1]),
        double(&|answer| answer.w1[0]),
        double(&|answer| answer.w1[1]),
        count(0),
        count(1),
        double(&|answer| answer.null_delta),
        double(&|answer| answer.new_mass),
        double(&|answer| answer.vanished_mass),
        double(&|answer| answer.out_of_range),
        Arc::new(verdicts.collect::<StringArray>()),
    ];
    structs(fields(), columns, answers.iter().map(|answer| answer.verdict.is_some()))
}

/// No verdict, and with it no answer at all, where a parameter is null.
fn answer(rows: &Rows, row: usize) -> Result<Answer> {
    let Some(test) = test(rows, row) else {
        return Ok(Answer::default());
    };
    let (reference, current) = (rows.sketch(0, row, Shape::from_bytes)?, rows.sketch(1, row, Shape::from_bytes)?);
    let counts = [&reference, &current].map(|shape| shape.as_ref().map(Shape::count));
    let missing = Answer { counts, verdict: Some(Verdict::Insufficient), ..Answer::default() };
    let Some(shapes) = reference.zip(current) else {
        return Ok(missing);
    };
    let Some(pairs) = paired(rows, row, &shapes, 4)? else {
        return Ok(Answer::default());
    };
    let seen = Answer { null_delta: null_delta(&shapes), ..missing };
    let (along, unresolved) = match &shapes {
        (Shape::Numbers(reference), Shape::Numbers(current)) => {
            let ks = rows.of_sketch(pair::kolmogorov_smirnov(reference, current))?;
            let w1 = rows.of_sketch(pair::wasserstein(reference, current))?;
            let along = Answer {
                ks: [ks.map(|ks| ks.d_lo), ks.map(|ks| ks.d_hi)],
                w1: [w1.and_then(|w1| finite(w1.w1)), w1.and_then(|w1| finite(w1.error))],
                out_of_range: rows.of_sketch(pair::out_of_range(reference, current))?,
                ..seen
            };
            (along, ks.map_or(0.0, |ks| ks.unresolved.min(1.0)))
        }
        _ => {
            let new_mass = lacking(&pairs.current, &pairs.reference);
            let vanished_mass = lacking(&pairs.reference, &pairs.current);
            let js = rows.of_stats(distance::js_distance(&pairs.reference, &pairs.current))?;
            return judged(
                rows,
                &most_frequent(rows, row, &pairs)?,
                test,
                Answer { js, new_mass, vanished_mass, ..seen },
            );
        }
    };
    let js = rows.of_stats(distance::js_distance(&pairs.reference, &pairs.current))?;
    judged(rows, &pairs, DriftTest { unresolved, ..test }, Answer { js, ..along })
}

/// What is asked; nothing if a parameter is null.
fn test(rows: &Rows, row: usize) -> Option<DriftTest> {
    let DriftTest { alpha, delta, unresolved } = DriftTest::default();
    let given = |column, default| if rows.has(column) { rows.number(column, row) } else { Some(default) };
    Some(DriftTest { alpha: given(2, alpha)?, delta: given(3, delta)?, unresolved })
}

/// The categories that both sides have most of, and the others as one: a thousand categories find only in many rows what
/// ten find in few.
fn most_frequent(rows: &Rows, row: usize, pairs: &Paired) -> Result<Paired> {
    let bins = rows.integer(4, row).unwrap_or(i64::from(DEFAULT_BINS));
    let Ok(bins @ 2..) = usize::try_from(bins) else { return exec_err!("drift: bins is at least 2, not {bins}") };
    let counts = homogeneity::most_frequent(&pairs.reference, &pairs.current, bins);
    let (reference, current) = rows.of_stats(counts)?.unwrap_or_default();
    Ok(Paired { reference, current })
}

/// `seen` with what the paired counts say.
fn judged(rows: &Rows, pairs: &Paired, test: DriftTest, seen: Answer) -> Result<Answer> {
    let Some(found) = rows.of_stats(drift::drift(&pairs.reference, &pairs.current, test))? else {
        return Ok(seen);
    };
    Ok(Answer {
        psi: found.measured.map(|measured| measured.psi),
        threshold: found.measured.map(|measured| measured.threshold),
        p_value: found.measured.map(|measured| measured.p_value),
        verdict: Some(found.verdict),
        ..seen
    })
}

/// By how much the share of nulls rose; nothing if a side has no rows.
fn null_delta((reference, current): &(Shape, Shape)) -> Option<f64> {
    let rate = |shape: &Shape| finite(shape.nulls() as f64 / shape.rows() as f64);
    Some(rate(current)? - rate(reference)?)
}

/// The share of `counts` in bins that are empty in `others`; nothing of no counts.
fn lacking(counts: &[u64], others: &[u64]) -> Option<f64> {
    let alone = counts.iter().zip(others).filter(|(_, other)| **other == 0).map(|(count, _)| count).sum::<u64>();
    finite(alone as f64 / counts.iter().sum::<u64>() as f64)
}
