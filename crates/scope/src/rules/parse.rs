//! What does the text of `risk.toml` say?

use serde::Deserialize;
use tidegate_contract::{LearningScope, RiskClass};
use tidegate_document::Source;
use toml::{Spanned, Value};

use super::{Rule, Rules};
use crate::condition::{Bound, Condition, Number, Test};
use crate::error::{Error, Result};
use crate::words::{class_in, narrower, scope_in};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    rule: Vec<Spanned<RawRule>>,
    #[serde(default)]
    scope: RawScopes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    name: Option<String>,
    risk_class: Spanned<String>,
    risk_score: Option<Spanned<f64>>,
    all: Option<Vec<Spanned<RawCondition>>>,
    any: Option<Vec<Spanned<RawCondition>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCondition {
    column: Option<String>,
    is: Option<Spanned<Value>>,
    one_of: Option<Spanned<Vec<Value>>>,
    at_least: Option<Spanned<Value>>,
    at_most: Option<Spanned<Value>>,
    above: Option<Spanned<Value>>,
    below: Option<Spanned<Value>>,
    is_null: Option<bool>,
    all: Option<Vec<Spanned<RawCondition>>>,
    any: Option<Vec<Spanned<RawCondition>>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawScopes {
    low: Option<Spanned<String>>,
    medium: Option<Spanned<String>>,
    high: Option<Spanned<String>>,
    prohibited: Option<Spanned<String>>,
}

pub(super) fn rules(file: &Source<'_>) -> Result<Rules> {
    let raw: RawFile = file.read_toml()?;
    let rules = raw.rule.iter().enumerate().map(|(index, raw)| rule(file, index, raw)).collect::<Result<_>>()?;
    Ok(Rules { rules, scopes: scopes(file, &raw.scope)? })
}

fn rule(file: &Source<'_>, index: usize, spanned: &Spanned<RawRule>) -> Result<Rule> {
    let raw = spanned.get_ref();
    let condition = match (&raw.all, &raw.any) {
        (Some(parts), None) => Condition::All(conditions(file, spanned, parts)?),
        (None, Some(parts)) => Condition::Any(conditions(file, spanned, parts)?),
        _ => return Err(misplaced(file, spanned, "a rule has either `all` or `any`")),
    };
    Ok(Rule {
        name: raw.name.clone().unwrap_or_else(|| format!("rule {}", index + 1)),
        class: class_in(file, &raw.risk_class)?,
        score: raw.risk_score.as_ref().map(|score| finite(file, score)).transpose()?,
        condition,
    })
}

fn finite(file: &Source<'_>, score: &Spanned<f64>) -> Result<f64> {
    let allowed = score.get_ref().is_finite();
    allowed.then_some(*score.get_ref()).ok_or_else(|| not_allowed(file, score, "risk_score", "a finite number"))
}

fn conditions<T>(file: &Source<'_>, around: &Spanned<T>, parts: &[Spanned<RawCondition>]) -> Result<Vec<Condition>> {
    // An empty `all` would match every row, an empty `any` none: neither is what its writer meant.
    if parts.is_empty() {
        return Err(misplaced(file, around, "the list of conditions is empty"));
    }
    parts.iter().map(|part| condition(file, part)).collect()
}

fn condition(file: &Source<'_>, spanned: &Spanned<RawCondition>) -> Result<Condition> {
    let raw = spanned.get_ref();
    let tests = tests(file, raw)?;
    match (&raw.column, &raw.all, &raw.any) {
        (Some(_), None, None) if tests.is_empty() => {
            Err(misplaced(file, spanned, "the condition does not say what it asks"))
        }
        (Some(column), None, None) => Ok(of_column(column, tests)),
        (None, Some(parts), None) if tests.is_empty() => Ok(Condition::All(conditions(file, spanned, parts)?)),
        (None, None, Some(parts)) if tests.is_empty() => Ok(Condition::Any(conditions(file, spanned, parts)?)),
        _ => Err(misplaced(file, spanned, "a condition has one of `column`, `all` and `any`")),
    }
}

/// Several tests of one column must all hold.
fn of_column(column: &str, tests: Vec<Test>) -> Condition {
    Condition::All(tests.into_iter().map(|test| Condition::Column { column: column.to_owned(), test }).collect())
}

fn tests(file: &Source<'_>, raw: &RawCondition) -> Result<Vec<Test>> {
    let mut tests = Vec::new();
    if let Some(value) = &raw.is {
        tests.push(is(file, value)?);
    }
    if let Some(values) = &raw.one_of {
        tests.push(one_of(file, values)?);
    }
    let bounds = [
        ("at_least", Bound::AtLeast, &raw.at_least),
        ("at_most", Bound::AtMost, &raw.at_most),
        ("above", Bound::Above, &raw.above),
        ("below", Bound::Below, &raw.below),
    ];
    for (name, bound, limit) in bounds {
        if let Some(limit) = limit {
            let number = number(limit.get_ref()).ok_or_else(|| not_allowed(file, limit, name, "a number"))?;
            tests.push(Test::Bound(bound, number));
        }
    }
    tests.extend(raw.is_null.map(Test::Null));
    Ok(tests)
}

fn is(file: &Source<'_>, value: &Spanned<Value>) -> Result<Test> {
    match value.get_ref() {
        Value::String(word) => Ok(Test::Words([word.clone()].into())),
        Value::Boolean(wanted) => Ok(Test::Truth(*wanted)),
        other => match number(other) {
            Some(number) => Ok(Test::Numbers(vec![number])),
            None => Err(not_allowed(file, value, "is", "text, a number, true or false")),
        },
    }
}

fn one_of(file: &Source<'_>, values: &Spanned<Vec<Value>>) -> Result<Test> {
    let listed = values.get_ref();
    let words = || listed.iter().map(|value| value.as_str().map(str::to_owned)).collect::<Option<_>>();
    let numbers = || listed.iter().map(number).collect::<Option<_>>();
    let test = match listed.is_empty() {
        true => None,
        false => words().map(Test::Words).or_else(|| numbers().map(Test::Numbers)),
    };
    test.ok_or_else(|| not_allowed(file, values, "one_of", "a list of texts or of numbers, not empty"))
}

/// The number that `value` is; what is no number is no limit either.
fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Integer(number) => Some(Number::Whole(*number)),
        Value::Float(number) if !number.is_nan() => Some(Number::Real(*number)),
        _ => None,
    }
}

/// The scope of each class: as written; where nothing is written the usual one, or that of the class below if narrower.
fn scopes(file: &Source<'_>, raw: &RawScopes) -> Result<[LearningScope; RiskClass::ALL.len()]> {
    let mut scopes = Rules::default().scopes;
    let mut below = LearningScope::Global;
    for (scope, word) in scopes.iter_mut().zip([&raw.low, &raw.medium, &raw.high, &raw.prohibited]) {
        *scope = match word {
            Some(word) => no_wider(file, word, below)?,
            None => narrower(*scope, below),
        };
        below = *scope;
    }
    match &raw.prohibited {
        Some(word) if below != LearningScope::None => Err(Error::ScopeMap {
            at: file.at_bytes(word.span()),
            cause: "what is prohibited must not be learnt from at all",
            fix: "write prohibited = \"none\", or leave it out",
        }),
        _ => Ok(scopes),
    }
}

fn no_wider(file: &Source<'_>, word: &Spanned<String>, below: LearningScope) -> Result<LearningScope> {
    let scope = scope_in(file, word)?;
    (scope == narrower(scope, below)).then_some(scope).ok_or_else(|| Error::ScopeMap {
        at: file.at_bytes(word.span()),
        cause: "the scope is wider than that of a lower class",
        fix: "give a higher class the same scope or a narrower one",
    })
}

fn misplaced<T>(file: &Source<'_>, around: &Spanned<T>, cause: &'static str) -> Error {
    let fix = "write all = [{ column = \"task_class\", is = \"payment\" }]";
    Error::Condition { at: file.at_bytes(around.span()), cause, fix }
}

fn not_allowed<T>(file: &Source<'_>, value: &Spanned<T>, name: &'static str, rule: &'static str) -> Error {
    Error::NotAllowed { at: file.at_bytes(value.span()), name, rule }
}
