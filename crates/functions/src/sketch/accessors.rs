//! What a single sketch says.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Float64Array, Float64Builder, Int64Array, Int64Builder, ListBuilder,
    StringBuilder, StructBuilder,
};
use datafusion::arrow::datatypes::{DataType, Field, Fields, Float64Type};
use datafusion::common::{Result, exec_err};
use tidegate_sketch::{DdSketch, Freq, Hll, Profile, Shape};

use super::read::SKETCH;
use crate::call::{Function, Parameter, Rows, Takes, finite};

const Q: Parameter = Parameter { name: "q", takes: Takes::Numbers, optional: false };
const X: Parameter = Parameter { name: "x", takes: Takes::Number, optional: false };
const K: Parameter = Parameter { name: "k", takes: Takes::Integer, optional: false };
const BYTES: Parameter = Parameter { name: "b", takes: Takes::Bytes, optional: false };

/// The functions of one sketch.
pub(super) fn functions() -> Vec<Function> {
    let integer = |_: &[DataType]| DataType::Int64;
    let double = |_: &[DataType]| DataType::Float64;
    let binary = |_: &[DataType]| DataType::Binary;
    let count = |name, answer: fn(&Rows) -> Result<ArrayRef>| Function::new(name, &[SKETCH], integer, answer);
    vec![
        Function::new("ddsketch_quantile", &[SKETCH, Q], |arguments| arguments[1].clone(), quantile),
        Function::new("ddsketch_rank", &[SKETCH, X], double, rank),
        count("ddsketch_count", |rows| of_numbers(rows, |sketch| Some(sketch.count()))),
        Function::new("ddsketch_bins", &[SKETCH], |_| list_of(bin_fields()), bins),
        Function::new("ddsketch_to_bytes", &[SKETCH], binary, to_datadog),
        Function::new("ddsketch_from_bytes", &[BYTES], binary, from_datadog),
        Function::new("freq_top", &[SKETCH, K], |_| list_of(top_fields()), top),
        count("freq_error", |rows| of_categories(rows, Freq::error)),
        count("freq_count", |rows| of_categories(rows, Freq::count)),
        count("hll_count", hll_count),
        count("profile_rows", |rows| of_profile(rows, |profile| Some(profile.rows()))),
        count("profile_nulls", |rows| of_profile(rows, |profile| Some(profile.nulls()))),
        count("profile_nan", |rows| of_profile(rows, |profile| numbers(profile).map(DdSketch::nan))),
        count("profile_infinite", |rows| {
            of_profile(rows, |profile| numbers(profile).map(|sketch| sketch.pos_inf() + sketch.neg_inf()))
        }),
        count("profile_zeros", |rows| of_profile(rows, |profile| numbers(profile).map(DdSketch::zeros))),
        count("profile_distinct", |rows| of_profile(rows, |profile| Some(whole(profile.distinct().estimate())))),
        Function::new("profile_sketch", &[SKETCH], binary, profile_sketch),
    ]
}

fn list_of(fields: Fields) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Struct(fields), true)))
}

fn bin_fields() -> Fields {
    let bounds = ["lower", "upper"].map(|name| Field::new(name, DataType::Float64, true));
    Fields::from_iter(bounds.into_iter().chain([Field::new("count", DataType::Int64, true)]))
}

fn top_fields() -> Fields {
    Fields::from_iter([Field::new("value", DataType::Utf8, true), Field::new("count", DataType::Int64, true)])
}

/// The sketch of numbers in a row; one of a profile too.
fn dd(rows: &Rows, row: usize) -> Result<Option<DdSketch>> {
    match rows.sketch(0, row, Shape::from_bytes)? {
        Some(Shape::Numbers(sketch)) => Ok(Some(sketch)),
        Some(Shape::Categories(_)) => exec_err!("this is a sketch of categories; read it with freq_top or freq_count"),
        None => Ok(None),
    }
}

/// The sketch of categories in a row; one of a profile too.
fn freq(rows: &Rows, row: usize) -> Result<Option<Freq>> {
    match rows.sketch(0, row, Shape::from_bytes)? {
        Some(Shape::Categories(sketch)) => Ok(Some(sketch)),
        Some(Shape::Numbers(_)) => {
            exec_err!("this is a sketch of numbers; read it with ddsketch_quantile or ddsketch_bins")
        }
        None => Ok(None),
    }
}

fn numbers(profile: &Profile) -> Option<&DdSketch> {
    match profile.shape() {
        Shape::Numbers(sketch) => Some(sketch),
        Shape::Categories(_) => None,
    }
}

/// Counts fit: a sketch holds at most 2^63 - 1 rows.
fn counts(counts: Vec<Option<u64>>) -> ArrayRef {
    Arc::new(counts.into_iter().map(|count| count.map(|count| count as i64)).collect::<Int64Array>())
}

/// An estimate as a count.
fn whole(estimate: f64) -> u64 {
    // What is beyond all counts becomes the greatest.
    estimate.round().min(i64::MAX as f64) as u64
}

fn of_numbers(rows: &Rows, count: impl Fn(&DdSketch) -> Option<u64>) -> Result<ArrayRef> {
    rows.answers(|row| Ok(dd(rows, row)?.as_ref().and_then(&count))).map(counts)
}

fn of_categories(rows: &Rows, count: impl Fn(&Freq) -> u64) -> Result<ArrayRef> {
    rows.answers(|row| Ok(freq(rows, row)?.as_ref().map(&count))).map(counts)
}

fn of_profile(rows: &Rows, count: impl Fn(&Profile) -> Option<u64>) -> Result<ArrayRef> {
    rows.answers(|row| Ok(rows.sketch(0, row, Profile::from_bytes)?.as_ref().and_then(&count))).map(counts)
}

fn hll_count(rows: &Rows) -> Result<ArrayRef> {
    let count = |row| Ok(rows.sketch(0, row, Hll::from_bytes)?.map(|hll| whole(hll.estimate())));
    rows.answers(count).map(counts)
}

fn quantile(rows: &Rows) -> Result<ArrayRef> {
    let at = |sketch: &DdSketch, q| rows.of_sketch(sketch.quantile(q));
    let Some(lists) = rows.column(1).as_list_opt::<i32>() else {
        let one = |row| match dd(rows, row)?.zip(rows.number(1, row)) {
            Some((sketch, q)) => at(&sketch, q),
            None => Ok(None),
        };
        return Ok(Arc::new(rows.answers(one)?.into_iter().collect::<Float64Array>()));
    };
    let mut answers = ListBuilder::new(Float64Builder::new());
    let each = rows.answers(|row| {
        let Some(sketch) = dd(rows, row)?.filter(|_| lists.is_valid(row)) else {
            return Ok(None);
        };
        let list = lists.value(row);
        let list = list.as_primitive::<Float64Type>();
        list.iter().map(|q| q.map_or(Ok(None), |q| at(&sketch, q))).collect::<Result<Vec<_>>>().map(Some)
    })?;
    each.into_iter().for_each(|quantiles| answers.append_option(quantiles));
    Ok(Arc::new(answers.finish()))
}

fn rank(rows: &Rows) -> Result<ArrayRef> {
    let answers = rows.answers(|row| {
        let given = dd(rows, row)?.zip(rows.number(1, row));
        Ok(given.and_then(|(sketch, x)| sketch.rank(x)).and_then(finite))
    })?;
    Ok(Arc::new(answers.into_iter().collect::<Float64Array>()))
}

fn bins(rows: &Rows) -> Result<ArrayRef> {
    let mut lists = ListBuilder::new(StructBuilder::from_fields(bin_fields(), 0));
    for sketch in rows.answers(|row| dd(rows, row))? {
        for bin in sketch.iter().flat_map(DdSketch::bins) {
            let columns = lists.values();
            append::<Float64Builder>(columns, 0)?.append_value(bin.lower);
            append::<Float64Builder>(columns, 1)?.append_value(bin.upper);
            append::<Int64Builder>(columns, 2)?.append_value(bin.count as i64);
            columns.append(true);
        }
        lists.append(sketch.is_some());
    }
    Ok(Arc::new(lists.finish()))
}

fn top(rows: &Rows) -> Result<ArrayRef> {
    let mut lists = ListBuilder::new(StructBuilder::from_fields(top_fields(), 0));
    for given in rows.answers(|row| Ok(freq(rows, row)?.zip(rows.integer(1, row))))? {
        if let Some((freq, k)) = &given {
            // None of a negative number of categories.
            for (value, count) in freq.top(usize::try_from(*k).unwrap_or(0)) {
                let columns = lists.values();
                append::<StringBuilder>(columns, 0)?.append_value(value);
                append::<Int64Builder>(columns, 1)?.append_value(count as i64);
                columns.append(true);
            }
        }
        lists.append(given.is_some());
    }
    Ok(Arc::new(lists.finish()))
}

/// The builder of a column.
fn append<B: datafusion::arrow::array::ArrayBuilder>(columns: &mut StructBuilder, column: usize) -> Result<&mut B> {
    match columns.field_builder(column) {
        Some(builder) => Ok(builder),
        None => datafusion::common::internal_err!("a column of another type"),
    }
}

fn to_datadog(rows: &Rows) -> Result<ArrayRef> {
    let answers = rows.answers(|row| Ok(dd(rows, row)?.map(|sketch| sketch.to_datadog())))?;
    Ok(binary(&answers))
}

fn from_datadog(rows: &Rows) -> Result<ArrayRef> {
    let read = |row| Ok(rows.sketch(0, row, DdSketch::from_datadog)?.map(|sketch| sketch.to_bytes()));
    Ok(binary(&rows.answers(read)?))
}

fn profile_sketch(rows: &Rows) -> Result<ArrayRef> {
    let read = |row| {
        let profile = rows.sketch(0, row, Profile::from_bytes)?;
        Ok(profile.map(|profile| match profile.shape() {
            Shape::Numbers(sketch) => sketch.to_bytes(),
            Shape::Categories(sketch) => sketch.to_bytes(),
        }))
    };
    Ok(binary(&rows.answers(read)?))
}

fn binary(answers: &[Option<Vec<u8>>]) -> ArrayRef {
    Arc::new(answers.iter().map(Option::as_deref).collect::<BinaryArray>())
}
