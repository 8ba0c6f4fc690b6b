//! How does a test read the arguments of a row, and how does it answer?
//!
//! A row has an answer, or none because something is null or says nothing, or it is refused: `?` passes on the latter two.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, ListArray};
use datafusion::arrow::datatypes::{DataType, Field, Float64Type};
use datafusion::common::{Result, exec_err};
use tidegate_stats::{Estimate, Interval, Sides};

use crate::call::{Function, Parameter, Rows, Takes, doubles, structs};

/// The error rate where none is given.
pub(super) const ALPHA: f64 = 0.05;

/// Above this a count is not exact in a double.
const GREATEST_COUNT: f64 = 9_007_199_254_740_992.0;

/// Why a row has no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// An argument is null, or there is nothing to tell chance from.
    Null,
    /// The numbers broke a rule.
    Refused(String),
}

pub(super) type Answer<T> = std::result::Result<T, NoAnswer>;

impl From<tidegate_stats::Error> for NoAnswer {
    fn from(error: tidegate_stats::Error) -> Self {
        use tidegate_stats::Error::{EmptyProportion, EmptySample};
        match error {
            EmptyProportion | EmptySample => Self::Null,
            error => Self::Refused(error.to_string()),
        }
    }
}

pub(super) const fn number(name: &'static str) -> Parameter {
    Parameter::of(name, Takes::Number)
}

pub(super) const fn list(name: &'static str) -> Parameter {
    Parameter::of(name, Takes::List)
}

pub(super) const fn optional(name: &'static str) -> Parameter {
    Parameter::optional(name, Takes::Number)
}

pub(super) const fn word(name: &'static str) -> Parameter {
    Parameter::optional(name, Takes::Word)
}

/// The arguments of one row, by their places.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    rows: &'a Rows,
    row: usize,
}

impl<'a> Row<'a> {
    pub(super) fn number(self, place: usize) -> Answer<f64> {
        self.rows.number(place, self.row).ok_or(NoAnswer::Null)
    }

    /// `default` if it was left out; a null is not left out.
    pub(super) fn number_or(self, place: usize, default: f64) -> Answer<f64> {
        if self.rows.has(place) { self.number(place) } else { Ok(default) }
    }

    pub(super) fn alpha(self, place: usize) -> Answer<f64> {
        self.number_or(place, ALPHA)
    }

    /// A whole number from 0 on; it may come as a double, as sums do.
    pub(super) fn count(self, place: usize) -> Answer<u64> {
        let number = self.number(place)?;
        self.whole(place, number)
    }

    pub(super) fn list(self, place: usize) -> Answer<Vec<f64>> {
        self.rows.list(place, self.row).ok_or(NoAnswer::Null)
    }

    pub(super) fn counts(self, place: usize) -> Answer<Vec<u64>> {
        self.list(place)?.into_iter().map(|number| self.whole(place, number)).collect()
    }

    pub(super) fn sides(self, place: usize) -> Answer<Sides> {
        match self.number_or(place, 1.0)? {
            1.0 => Ok(Sides::One),
            2.0 => Ok(Sides::Two),
            sides => Err(self.refused(place, &sides, "1 or 2")),
        }
    }

    /// One of a few words, the first of them if it was left out.
    pub(super) fn word<T: Copy>(self, place: usize, words: &[(&str, T)]) -> Answer<T> {
        if !self.rows.has(place) {
            return Ok(words[0].1);
        }
        let given = self.rows.word(place, self.row).ok_or(NoAnswer::Null)?;
        let found = words.iter().find(|(word, _)| *word == given).map(|(_, value)| *value);
        let allowed = words.iter().map(|(word, _)| format!("'{word}'")).collect::<Vec<_>>().join(" or ");
        found.ok_or_else(|| self.refused(place, &format_args!("'{given}'"), &allowed))
    }

    /// An estimate and its variance, at `place` and the next; none without variance.
    pub(super) fn estimate(self, place: usize) -> Answer<Estimate> {
        let estimate = Estimate::new(self.number(place)?, self.number(place + 1)?)?;
        informative(estimate)
    }

    fn whole(self, place: usize, number: f64) -> Answer<u64> {
        if (0.0..=GREATEST_COUNT).contains(&number) && number.fract() == 0.0 {
            return Ok(number as u64);
        }
        Err(self.refused(place, &number, "a count"))
    }

    fn refused(self, place: usize, given: &dyn std::fmt::Display, allowed: &str) -> NoAnswer {
        NoAnswer::Refused(format!("{} is {given}, it must be {allowed}", self.rows.parameter(place)))
    }
}

/// The estimate, unless its variance is 0: such counts say nothing of chance.
pub(super) fn informative(estimate: Estimate) -> Answer<Estimate> {
    if estimate.variance().recip().is_finite() { Ok(estimate) } else { Err(NoAnswer::Null) }
}

/// The answers of all rows, none where there is none.
pub(super) fn answers<T>(rows: &Rows, answer: impl Fn(Row<'_>) -> Answer<T>) -> Result<Vec<Option<T>>> {
    rows.answers(|row| match answer(Row { rows, row }) {
        Ok(answer) => Ok(Some(answer)),
        Err(NoAnswer::Null) => Ok(None),
        Err(NoAnswer::Refused(cause)) => exec_err!("{}: {cause}", rows.function()),
    })
}

/// Numbers.
pub(super) fn numbers(rows: &Rows, answer: impl Fn(Row<'_>) -> Answer<f64>) -> Result<ArrayRef> {
    Ok(Arc::new(answers(rows, answer)?.into_iter().collect::<Float64Array>()))
}

/// Structs of numbers by name; a part that is no number is null.
pub(super) fn parts<const N: usize>(
    rows: &Rows,
    names: &[&str; N],
    answer: impl Fn(Row<'_>) -> Answer<[f64; N]>,
) -> Result<ArrayRef> {
    let answers = answers(rows, answer)?;
    let columns = (0..N).map(|part| column(answers.iter().map(|answer| answer.map(|answer| answer[part])))).collect();
    structs(doubles(names), columns, answers.iter().map(Option::is_some))
}

/// A column of numbers, null for what is none.
pub(super) fn column(numbers: impl Iterator<Item = Option<f64>>) -> ArrayRef {
    Arc::new(numbers.map(|number| number.filter(|number| !number.is_nan())).collect::<Float64Array>())
}

/// A column of counts.
pub(super) fn integers(counts: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(counts.collect::<Int64Array>())
}

/// A column of lists of numbers.
pub(super) fn lists<'a>(lists: impl Iterator<Item = Option<&'a Vec<f64>>>) -> ArrayRef {
    let lists = lists.map(|list| list.map(|list| list.iter().copied().map(Some)));
    Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(lists))
}

pub(super) fn list_type() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Float64, true)))
}

/// A function that answers a list of numbers.
pub(super) fn of_lists(
    name: &'static str,
    parameters: &'static [Parameter],
    answer: fn(&Rows) -> Result<ArrayRef>,
) -> Function {
    Function::new(name, parameters, |_| list_type(), answer)
}

/// A function that answers a number.
pub(super) fn of_numbers(
    name: &'static str,
    parameters: &'static [Parameter],
    answer: fn(&Rows) -> Result<ArrayRef>,
) -> Function {
    Function::new(name, parameters, |_| DataType::Float64, answer)
}

/// The parts of an interval.
pub(super) const INTERVAL: [&str; 2] = ["low", "high"];

/// A function that answers an interval.
pub(super) fn of_intervals(
    name: &'static str,
    parameters: &'static [Parameter],
    answer: fn(&Rows) -> Result<ArrayRef>,
) -> Function {
    Function::new(name, parameters, |_| DataType::Struct(doubles(&INTERVAL)), answer)
}

/// Intervals.
pub(super) fn intervals(rows: &Rows, answer: impl Fn(Row<'_>) -> Answer<Interval>) -> Result<ArrayRef> {
    parts(rows, &INTERVAL, |row| answer(row).map(|interval| [interval.low, interval.high]))
}

/// The parts of an anytime-valid test.
pub(super) const EVIDENCE: [&str; 2] = ["log_e", "p"];

/// The logarithm of an e-value, and its p-value.
pub(super) fn evidence(log_e: f64) -> [f64; 2] {
    [log_e, (-log_e).exp().min(1.0)]
}
