//! What do `WITH (...)` and `OPTIONS (...)` say? Constant expressions by name, each used exactly once.

use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::Schema;
use datafusion::common::{DFSchema, DataFusionError, ScalarValue};
use datafusion::logical_expr::ColumnarValue;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::DFParserBuilder;
use datafusion::sql::sqlparser::tokenizer::{Span, Token, TokenWithSpan};
use std::sync::Arc;

use crate::cursor::is_word;
use crate::nearest::nearest;
use crate::{Code, Place, Refusal, SourceText, Spanned, refuse};

const MICROS_PER_DAY: i64 = 86_400_000_000;

#[derive(Debug, Clone, PartialEq)]
enum Value {
    /// A bare word, such as a column.
    Name(String),
    Constant(ScalarValue),
    /// Two constants in parentheses.
    Pair(ScalarValue, ScalarValue),
}

/// The options of one clause. Each is taken by name; what is left at the end is unknown.
pub(crate) struct Options {
    clause: &'static str,
    place: Place,
    entries: Vec<(Spanned<String>, Spanned<Value>)>,
    asked: Vec<&'static str>,
}

impl Options {
    /// Reads `name = constant, ...`.
    pub(crate) fn parse(
        clause: &'static str,
        place: Place,
        source: &SourceText,
        tokens: &[TokenWithSpan],
        session: &SessionContext,
    ) -> Result<Self, Refusal> {
        let mut options = Self { clause, place, entries: Vec::new(), asked: Vec::new() };
        for part in split_at_commas(tokens) {
            let (name, value) = read_entry(part, source, &options.place, session)?;
            if options.entries.iter().any(|(other, _)| other.value == name.value) {
                let cause = format!("option `{}` stands twice in {clause}", name.value);
                return Err(refuse(Code::UnknownOption, &name.place, cause, "keep one of them"));
            }
            options.entries.push((name, value));
        }
        Ok(options)
    }

    fn take(&mut self, name: &'static str) -> Option<Spanned<Value>> {
        self.asked.push(name);
        let position = self.entries.iter().position(|(entry, _)| entry.value == name)?;
        Some(self.entries.remove(position).1)
    }

    pub(crate) fn required<T>(&self, name: &str, value: Option<T>, example: &str) -> Result<T, Refusal> {
        value.ok_or_else(|| {
            refuse(
                Code::MissingOption,
                &self.place,
                format!("{} needs the option `{name}`", self.clause),
                format!("add {name} = {example}"),
            )
        })
    }

    /// A string, or a bare name.
    pub(crate) fn text(&mut self, name: &'static str) -> Result<Option<Spanned<String>>, Refusal> {
        let Some(Spanned { value, place }) = self.take(name) else {
            return Ok(None);
        };
        match value {
            Value::Name(value) => Ok(Some(Spanned { value, place })),
            Value::Constant(ScalarValue::Utf8(Some(value)) | ScalarValue::Utf8View(Some(value))) => {
                Ok(Some(Spanned { value, place }))
            }
            Value::Constant(_) | Value::Pair(..) => Err(wrong_type(name, &place, "a string", "'...'")),
        }
    }

    /// A whole number of at least `least`.
    pub(crate) fn integer(&mut self, name: &'static str, least: i64) -> Result<Option<Spanned<i64>>, Refusal> {
        let Some(Spanned { value, place }) = self.take(name) else {
            return Ok(None);
        };
        match value {
            Value::Constant(ScalarValue::Int64(Some(value))) if value >= least => Ok(Some(Spanned { value, place })),
            _ => Err(wrong_type(name, &place, &format!("a whole number of at least {least}"), &least.to_string())),
        }
    }

    /// A number.
    pub(crate) fn number(&mut self, name: &'static str) -> Result<Option<Spanned<f64>>, Refusal> {
        let Some(Spanned { value, place }) = self.take(name) else {
            return Ok(None);
        };
        let number = if let Value::Constant(constant) = &value { number_of(constant) } else { None };
        match number {
            Some(value) => Ok(Some(Spanned { value, place })),
            None => Err(wrong_type(name, &place, "a number", "1.0")),
        }
    }

    /// Two numbers, the smaller one first.
    pub(crate) fn range(&mut self, name: &'static str) -> Result<Option<Spanned<(f64, f64)>>, Refusal> {
        let Some(Spanned { value, place }) = self.take(name) else {
            return Ok(None);
        };
        let range = match &value {
            Value::Pair(low, high) => number_of(low).zip(number_of(high)).filter(|(low, high)| low <= high),
            _ => None,
        };
        match range {
            Some(value) => Ok(Some(Spanned { value, place })),
            None => {
                let cause = format!("`{name}` is not two numbers, the smaller one first");
                Err(refuse(Code::OptionValue, &place, cause, format!("write {name} => (0, 10)")))
            }
        }
    }

    /// A length of time in microseconds, not negative.
    pub(crate) fn duration_us(&mut self, name: &'static str) -> Result<Option<i64>, Refusal> {
        let Some(Spanned { value, place }) = self.take(name) else {
            return Ok(None);
        };
        let micros = match &value {
            Value::Constant(constant) => interval_us(constant),
            Value::Name(_) | Value::Pair(..) => None,
        };
        match micros {
            Some(micros) if micros >= 0 => Ok(Some(micros)),
            _ => Err(wrong_type(name, &place, "an interval of days or less, not negative", "INTERVAL '10 minutes'")),
        }
    }

    /// Refuses whatever was not taken.
    pub(crate) fn finish(self) -> Result<(), Refusal> {
        let Some((unknown, _)) = self.entries.first() else {
            return Ok(());
        };
        let fix = match nearest(&unknown.value, self.asked.iter().copied()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("options of {} are: {}", self.clause, self.asked.join(", ")),
        };
        let cause = format!("{} has no option `{}`", self.clause, unknown.value);
        Err(refuse(Code::UnknownOption, &unknown.place, cause, fix))
    }
}

fn wrong_type(name: &str, place: &Place, expected: &str, example: &str) -> Refusal {
    refuse(Code::OptionValue, place, format!("option `{name}` is not {expected}"), format!("write {name} = {example}"))
}

/// An interval without months in microseconds.
pub(crate) fn interval_us(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::IntervalMonthDayNano(Some(interval)) if interval.months == 0 => {
            let days = i64::from(interval.days).checked_mul(MICROS_PER_DAY)?;
            (interval.nanoseconds % 1_000 == 0).then(|| days.checked_add(interval.nanoseconds / 1_000))?
        }
        ScalarValue::IntervalDayTime(Some(interval)) => {
            let days = i64::from(interval.days).checked_mul(MICROS_PER_DAY)?;
            days.checked_add(i64::from(interval.milliseconds).checked_mul(1_000)?)
        }
        _ => None,
    }
}

fn number_of(value: &ScalarValue) -> Option<f64> {
    let value = match value {
        ScalarValue::Float64(value) => (*value)?,
        ScalarValue::Int64(value) => (*value)? as f64,
        ScalarValue::UInt64(value) => (*value)? as f64,
        ScalarValue::Decimal128(value, _, scale) => (*value)? as f64 / 10_f64.powi(i32::from(*scale)),
        _ => return None,
    };
    value.is_finite().then_some(value)
}

pub(crate) fn split_at_commas(tokens: &[TokenWithSpan]) -> Vec<&[TokenWithSpan]> {
    if tokens.is_empty() {
        return Vec::new();
    }
    let mut depth = 0_i32;
    tokens
        .split(|token| {
            match token.token {
                Token::LParen | Token::LBracket => depth += 1,
                Token::RParen | Token::RBracket => depth -= 1,
                _ => {}
            }
            depth == 0 && token.token == Token::Comma
        })
        .collect()
}

fn read_entry(
    tokens: &[TokenWithSpan],
    source: &SourceText,
    clause: &Place,
    session: &SessionContext,
) -> Result<(Spanned<String>, Spanned<Value>), Refusal> {
    let shape = "options are written name = value, ...";
    let [name, equals, value @ ..] = tokens else {
        let place = tokens.first().map_or_else(|| clause.clone(), |token| Place::new(source, token.span));
        return Err(refuse(Code::Syntax, &place, "expected an option", shape));
    };
    let name_place = Place::new(source, name.span);
    let Token::Word(word) = &name.token else {
        return Err(refuse(Code::Syntax, &name_place, format!("expected an option, found `{}`", name.token), shape));
    };
    if !matches!(equals.token, Token::Eq | Token::RArrow) || value.is_empty() {
        let place = Place::new(source, equals.span);
        return Err(refuse(Code::Syntax, &place, format!("option `{}` has no value", word.value), shape));
    }
    let name = Spanned { value: word.value.to_lowercase(), place: name_place };
    let span = Span::new(value[0].span.start, value[value.len() - 1].span.end);
    let place = Place::new(source, span);
    let value = read_value(value, &place, session)?;
    Ok((name, Spanned { value, place }))
}

fn read_value(tokens: &[TokenWithSpan], place: &Place, session: &SessionContext) -> Result<Value, Refusal> {
    if let [single] = tokens
        && let Token::Word(word) = &single.token
        && !is_word(single, "true")
        && !is_word(single, "false")
    {
        let name = if word.quote_style.is_some() { word.value.clone() } else { word.value.to_lowercase() };
        return Ok(Value::Name(name));
    }
    if let [open, inside @ .., close] = tokens
        && (&open.token, &close.token) == (&Token::LParen, &Token::RParen)
        && let [first, second] = split_at_commas(inside).as_slice()
    {
        return Ok(Value::Pair(constant(first, place, session)?, constant(second, place, session)?));
    }
    Ok(Value::Constant(constant(tokens, place, session)?))
}

fn constant(tokens: &[TokenWithSpan], place: &Place, session: &SessionContext) -> Result<ScalarValue, Refusal> {
    evaluate(tokens, session).map_err(|error| {
        let refusal = Refusal::from_datafusion(&error, place);
        refuse(Code::OptionValue, place, format!("not a constant: {}", refusal.cause), "write a literal, or $parameter")
    })
}

fn evaluate(tokens: &[TokenWithSpan], session: &SessionContext) -> Result<ScalarValue, DataFusionError> {
    let expression = DFParserBuilder::new(tokens.to_vec()).build()?.parse_expr()?;
    let nothing = DFSchema::empty();
    let expression = session.state().create_logical_expr_from_sql_expr(expression, &nothing)?;
    let expression = session.create_physical_expr(expression, &nothing)?;
    let one_row = RecordBatchOptions::new().with_row_count(Some(1));
    let one_row = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &one_row)?;
    match expression.evaluate(&one_row)? {
        ColumnarValue::Scalar(value) => Ok(value),
        ColumnarValue::Array(values) => ScalarValue::try_from_array(&values, 0),
    }
}
