//! What does a quality rule count, and what is the count compared with?

use arrow::datatypes::DataType;
use tidegate_document::{Misread, Place, Spanned};

use crate::Result;
use crate::kinds::{is_text, is_whole};
use crate::odcs::DataContract;
use crate::odcs::column::{Column, Literal};
use crate::odcs::pattern::Pattern;
use crate::odcs::raw::{RawArguments, RawRule, Text};
use crate::odcs::reader::Reader;
use crate::odcs::rule::{Metric, Operator, Threshold, Valid, Values};
use crate::odcs::value::Value;

impl Reader<'_> {
    pub(super) fn metric(
        &self,
        raw: &RawRule,
        at: Place,
        column: Option<&Column>,
        contract: &DataContract,
    ) -> Result<Metric> {
        let text = raw.metric.as_ref().ok_or_else(|| Misread::missing(self.at(at), "metric"))?;
        let arguments = raw.arguments.as_ref();
        let is_bare = |metric| match arguments {
            Some(arguments) => Err(self.not_allowed("arguments", arguments.referenced, "given", "left out")),
            None => Ok(metric),
        };
        match (text.value.as_str(), column) {
            ("nullValues", Some(_)) => is_bare(Metric::NullValues),
            ("duplicateValues", Some(column)) => is_bare(Metric::DuplicateValues(vec![column.name.clone()])),
            ("rowCount", None) => is_bare(Metric::RowCount),
            ("missingValues", Some(column)) => self.missing_values(at, arguments, column),
            ("invalidValues", Some(column)) => self.invalid_values(at, arguments, column),
            ("duplicateValues", None) => self.duplicates(at, arguments, contract),
            (_, Some(_)) => {
                let rule = "one of nullValues, missingValues, invalidValues, duplicateValues";
                Err(self.broken("metric", text, rule))
            }
            (_, None) => Err(self.broken("metric", text, "rowCount or duplicateValues")),
        }
    }

    fn missing_values(&self, at: Place, arguments: Option<&Spanned<RawArguments>>, column: &Column) -> Result<Metric> {
        let given = arguments.and_then(|arguments| arguments.value.missing_values.as_ref());
        let given = given.ok_or_else(|| Misread::missing(self.at(at), "missingValues"))?;
        let null = given.value.iter().any(|value| value.value == Value::Null);
        let values = given.value.iter().filter(|value| value.value != Value::Null);
        Ok(Metric::MissingValues { values: self.values("missingValues", values, column)?, null })
    }

    fn invalid_values(&self, at: Place, arguments: Option<&Spanned<RawArguments>>, column: &Column) -> Result<Metric> {
        let given = arguments.map(|arguments| &arguments.value);
        let values = given.and_then(|given| given.valid_values.as_ref());
        let pattern = given.and_then(|given| given.pattern.as_ref());
        if values.is_none() && pattern.is_none() {
            return Err(Misread::missing(self.at(at), "validValues").into());
        }
        if let Some(empty) = values.filter(|values| values.value.is_empty()) {
            return Err(self.not_allowed("validValues", empty.referenced, "empty", "one value or more"));
        }
        let values = values.map(|values| self.values("validValues", values.value.iter(), column)).transpose()?;
        let pattern = pattern.map(|text| self.pattern(text, &column.data_type)).transpose()?;
        Ok(Metric::InvalidValues(Valid { values, pattern, ..Valid::default() }))
    }

    /// Columns that together tell rows apart.
    fn duplicates(
        &self,
        at: Place,
        arguments: Option<&Spanned<RawArguments>>,
        contract: &DataContract,
    ) -> Result<Metric> {
        let given = arguments.and_then(|arguments| arguments.value.properties.as_ref());
        let given = given.ok_or_else(|| Misread::missing(self.at(at), "properties"))?;
        self.must(!given.value.is_empty(), "properties", given.referenced, "one column or more")?;
        let column = |text: &Text| match contract.column(&text.value) {
            Some(column) => Ok(column.name.clone()),
            None => Err(self.broken("properties", text, "columns of the contract")),
        };
        given.value.iter().map(column).collect::<Result<_>>().map(Metric::DuplicateValues)
    }

    /// Values of the column's type, sorted.
    fn values<'v>(
        &self,
        name: &'static str,
        given: impl Iterator<Item = &'v Spanned<Value>>,
        column: &Column,
    ) -> Result<Values> {
        let (mut texts, mut numbers) = (Vec::new(), Vec::new());
        for value in given {
            let found = value.value.to_string();
            match &value.value {
                Value::One(Literal::Text(text)) if is_text(&column.data_type) => texts.push(text.clone()),
                Value::One(Literal::Whole(number)) if is_whole(&column.data_type) => numbers.push(*number),
                _ if is_text(&column.data_type) => {
                    return Err(self.not_allowed(name, value.referenced, &found, "a text: put it in quotes"));
                }
                _ if is_whole(&column.data_type) => {
                    return Err(self.not_allowed(name, value.referenced, &found, "a whole number"));
                }
                _ => {
                    let rule = "values of a column of text or of whole numbers";
                    return Err(self.not_allowed(name, value.referenced, &found, rule));
                }
            }
        }
        texts.sort_unstable();
        texts.dedup();
        numbers.sort_unstable();
        numbers.dedup();
        Ok(if is_text(&column.data_type) { Values::Text(texts) } else { Values::Whole(numbers) })
    }

    pub(super) fn pattern(&self, text: &Text, data_type: &DataType) -> Result<Pattern> {
        self.must(is_text(data_type), "pattern", text.referenced, "that of a text column")?;
        let rule = "a regular expression without lookaround and backreferences, of moderate size";
        Pattern::new(&text.value).ok_or_else(|| self.broken("pattern", text, rule))
    }

    pub(super) fn threshold(&self, raw: &RawRule, at: Place) -> Result<Threshold> {
        let one = |operator, given: &Option<Spanned<f64>>| {
            given.as_ref().map(|given| (operator, vec![given.value], given.referenced))
        };
        let two = |operator, given: &Option<Spanned<Vec<f64>>>| {
            given.as_ref().map(|given| (operator, given.value.clone(), given.referenced))
        };
        let given = [
            one(Operator::Be, &raw.must_be),
            one(Operator::NotBe, &raw.must_not_be),
            one(Operator::BeGreaterThan, &raw.must_be_greater_than),
            one(Operator::BeGreaterOrEqualTo, &raw.must_be_greater_or_equal_to),
            one(Operator::BeLessThan, &raw.must_be_less_than),
            one(Operator::BeLessOrEqualTo, &raw.must_be_less_or_equal_to),
            two(Operator::BeBetween, &raw.must_be_between),
            two(Operator::NotBeBetween, &raw.must_not_be_between),
        ];
        let given = given.into_iter().flatten().collect::<Vec<_>>();
        let [(operator, values, place)] = given.as_slice() else {
            let found = format!("{} thresholds", given.len());
            return Err(self.not_allowed(
                "the rule",
                at,
                &found,
                "with one of mustBe, mustBeLessThan, mustBeBetween, ...",
            ));
        };
        let finite = values.iter().all(|value| value.is_finite());
        match (operator, values.as_slice()) {
            (Operator::BeBetween | Operator::NotBeBetween, [value, to]) if finite && value < to => {
                Ok(Threshold { operator: *operator, value: *value, to: *to })
            }
            (Operator::BeBetween | Operator::NotBeBetween, _) => {
                Err(self.not_allowed("the threshold", *place, "another list", "two numbers, the smaller first"))
            }
            (_, [value]) if finite => Ok(Threshold { operator: *operator, value: *value, to: *value }),
            _ => Err(self.not_allowed("the threshold", *place, "no finite number", "a number")),
        }
    }
}
