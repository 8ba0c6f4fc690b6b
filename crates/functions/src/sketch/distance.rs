//! How far is the current sketch from the reference?

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array};
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, exec_err};
use tidegate_sketch::pair::{self, Paired};
use tidegate_sketch::{DdSketch, Shape};
use tidegate_stats::{chi2_test, distance, kolmogorov};

use crate::call::{Function, Parameter, Rows, Takes, doubles, finite, structs};

pub(super) const REFERENCE: Parameter = Parameter { name: "ref", takes: Takes::Bytes, optional: false };
pub(super) const CURRENT: Parameter = Parameter { name: "cur", takes: Takes::Bytes, optional: false };
const BINS: Parameter = Parameter { name: "bins", takes: Takes::Integer, optional: true };

/// How many bins the reference is cut into unless another number is asked for.
pub(super) const DEFAULT_BINS: u32 = 10;

/// The functions of two sketches.
pub(super) fn functions() -> Vec<Function> {
    let binned = |name, answer: fn(&Rows) -> Result<ArrayRef>| {
        Function::new(name, &[REFERENCE, CURRENT, BINS], |_| DataType::Float64, answer)
    };
    vec![
        binned("psi", |rows| over_bins(rows, distance::psi)),
        binned("js_distance", |rows| over_bins(rows, distance::js_distance)),
        binned("js_divergence", |rows| over_bins(rows, distance::js_divergence)),
        binned("hellinger", |rows| over_bins(rows, distance::hellinger)),
        binned("total_variation", |rows| over_bins(rows, distance::total_variation)),
        binned("l_infinity", |rows| over_bins(rows, distance::l_infinity)),
        binned("kl_divergence", |rows| over_bins(rows, distance::kl_divergence)),
        Function::new("chi2_test", &[REFERENCE, CURRENT, BINS], |_| DataType::Struct(chi2_fields()), chi2),
        Function::new("ks_test", &[REFERENCE, CURRENT], |_| DataType::Struct(doubles(&["d_lo", "d_hi", "p"])), ks),
        Function::new(
            "wasserstein",
            &[REFERENCE, CURRENT],
            |_| DataType::Struct(doubles(&["w1", "error", "w1_norm"])),
            wasserstein,
        ),
    ]
}

fn chi2_fields() -> Fields {
    let field = |name, data_type| Field::new(name, data_type, true);
    let (double, integer) = (DataType::Float64, DataType::Int64);
    vec![field("x2", double.clone()), field("df", integer), field("p", double.clone()), field("cramers_v", double)]
        .into()
}

/// The counts of both sketches, in as many bins as argument `bins` says.
pub(super) fn paired(rows: &Rows, row: usize, shapes: &(Shape, Shape), bins: usize) -> Result<Option<Paired>> {
    let bins = match rows.integer(bins, row) {
        // What is too great for a number of bins is refused by its range.
        Some(bins) => u32::try_from(bins).unwrap_or(0),
        None if rows.has(bins) => return Ok(None),
        None => DEFAULT_BINS,
    };
    rows.of_sketch(pair::of_shapes(&shapes.0, &shapes.1, bins)).map(Some)
}

fn over_bins(rows: &Rows, distance: fn(&[u64], &[u64]) -> tidegate_stats::Result<f64>) -> Result<ArrayRef> {
    let answers = rows.answers(|row| {
        let Some(shapes) = rows.shapes(row)? else { return Ok(None) };
        let Some(counts) = paired(rows, row, &shapes, 2)? else { return Ok(None) };
        rows.of_stats(distance(&counts.reference, &counts.current))
    })?;
    Ok(Arc::new(answers.into_iter().collect::<Float64Array>()))
}

fn chi2(rows: &Rows) -> Result<ArrayRef> {
    let answers = rows.answers(|row| {
        let Some(shapes) = rows.shapes(row)? else { return Ok(None) };
        let Some(counts) = paired(rows, row, &shapes, 2)? else { return Ok(None) };
        rows.of_stats(chi2_test(&counts.reference, &counts.current))
    })?;
    let double = |part: fn(&tidegate_stats::Homogeneity) -> f64| {
        Arc::new(answers.iter().map(|answer| answer.as_ref().map(part)).collect::<Float64Array>()) as ArrayRef
    };
    let df = answers.iter().map(|answer| answer.as_ref().map(|answer| answer.df as i64)).collect::<Int64Array>();
    let columns = vec![double(|test| test.x2), Arc::new(df), double(|test| test.p), double(|test| test.cramers_v)];
    structs(chi2_fields(), columns, answers.iter().map(Option::is_some))
}

/// The sketches of numbers in a row.
pub(super) fn numbers(shapes: (Shape, Shape)) -> Option<(DdSketch, DdSketch)> {
    match shapes {
        (Shape::Numbers(reference), Shape::Numbers(current)) => Some((reference, current)),
        _ => None,
    }
}

/// The answer over two sketches of numbers.
fn over_numbers<T>(
    rows: &Rows,
    row: usize,
    answer: impl Fn(&DdSketch, &DdSketch) -> Result<Option<T>>,
) -> Result<Option<T>> {
    let Some(shapes) = rows.shapes(row)? else { return Ok(None) };
    match numbers(shapes) {
        Some((reference, current)) => answer(&reference, &current),
        None => exec_err!("categories have no order to measure a distance along; use psi or chi2_test"),
    }
}

fn ks(rows: &Rows) -> Result<ArrayRef> {
    let answers = rows.answers(|row| {
        over_numbers(rows, row, |reference, current| {
            let Some(ks) = rows.of_sketch(pair::kolmogorov_smirnov(reference, current))? else { return Ok(None) };
            let p = rows.of_stats(kolmogorov::p_value(ks.d_lo, reference.count(), current.count()))?;
            Ok(Some([Some(ks.d_lo), Some(ks.d_hi), p]))
        })
    })?;
    triples(&["d_lo", "d_hi", "p"], &answers)
}

fn wasserstein(rows: &Rows) -> Result<ArrayRef> {
    let answers = rows.answers(|row| {
        over_numbers(rows, row, |reference, current| {
            let found = rows.of_sketch(pair::wasserstein(reference, current))?;
            // A reference without spread has nothing to measure by.
            Ok(found.map(|found| [finite(found.w1), finite(found.error), finite(found.w1 / found.reference_sd)]))
        })
    })?;
    triples(&["w1", "error", "w1_norm"], &answers)
}

/// Structs of three numbers.
fn triples(names: &[&str; 3], answers: &[Option<[Option<f64>; 3]>]) -> Result<ArrayRef> {
    let column = |at: usize| {
        let part = answers.iter().map(|answer| answer.and_then(|answer| answer[at]));
        Arc::new(part.collect::<Float64Array>()) as ArrayRef
    };
    structs(doubles(names), (0..3).map(column).collect(), answers.iter().map(Option::is_some))
}
