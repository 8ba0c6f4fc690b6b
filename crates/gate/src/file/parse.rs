//! Does the typed text make a gate? Every rule of a declaration is checked here, once.

use serde_saphyr::{Error as YamlError, Location as YamlLocation, Spanned};

use super::margin::{Margin, Refused};
use super::raw::{RawCheck, RawGateFile, RawTest};
use super::{Arms, Check, Cohort, ErrorRates, GateFile, Horizon, Test, Time};
use crate::error::{Error, Location, Result};

const DEFAULT_POWER: f64 = 0.8;
/// Below this many events the normal approximation of the test says little.
const MIN_EVENTS_PER_ARM: u64 = 30;

pub(super) fn parse(file: &str, text: &str) -> Result<GateFile> {
    let source = Source { file, text };
    let raw: RawGateFile = serde_saphyr::from_str(text).map_err(|error| source.refused(error.without_snippet()))?;
    source.raise(raw)
}

/// The text, for places in errors.
struct Source<'a> {
    file: &'a str,
    text: &'a str,
}

impl Source<'_> {
    fn raise(&self, raw: RawGateFile) -> Result<GateFile> {
        let arms = Arms {
            control: self.name("arms.control", &raw.arms.control)?,
            treatment: self.name("arms.treatment", &raw.arms.treatment)?,
        };
        if arms.control == arms.treatment {
            return Err(self.not_allowed("arms.treatment", &raw.arms.treatment, "another arm than the control"));
        }
        Ok(GateFile {
            gate: self.name("gate", &raw.gate)?,
            version: self.rule("version", raw.version, |version| *version >= 1, "a whole number from 1 on")?,
            arms,
            time: Time {
                horizon: Horizon {
                    events_per_arm: self.rule(
                        "time.horizon.events_per_arm",
                        raw.time.horizon.events_per_arm,
                        |events| *events >= MIN_EVENTS_PER_ARM,
                        "a whole number from 30 on: the test is asymptotic",
                    )?,
                    windows: raw.time.horizon.windows.map(|n| self.positive("time.horizon.windows", n)).transpose()?,
                },
            },
            cohort: raw
                .cohort
                .map(|cohort| self.positive("cohort.min_buckets", cohort.min_buckets))
                .transpose()?
                .map(|min_buckets| Cohort { min_buckets }),
            error: ErrorRates {
                alpha: self.rule(
                    "error.alpha",
                    raw.error.alpha,
                    |alpha| *alpha > 0.0 && *alpha < 0.5,
                    "between 0 and 0.5",
                )?,
                power: match raw.error.power {
                    Some(power) => {
                        self.rule("error.power", power, |power| *power > 0.5 && *power < 1.0, "between 0.5 and 1")?
                    }
                    None => DEFAULT_POWER,
                },
            },
            checks: self.checks(raw.checks)?,
        })
    }

    fn checks(&self, raw: Spanned<Vec<RawCheck>>) -> Result<[Check; 1]> {
        let at = self.at(raw.referenced);
        let [check] = <[RawCheck; 1]>::try_from(raw.value).map_err(|checks| Error::NotAllowed {
            at,
            name: "checks",
            found: format!("{} checks", checks.len()),
            rule: "a list of exactly one check",
        })?;
        Ok([self.check(check)?])
    }

    fn check(&self, raw: RawCheck) -> Result<Check> {
        let RawTest::NonInferior(test) = raw.test;
        let margin = Margin::parse(&test.margin.value).map_err(|refused| match refused {
            Refused::WithoutUnit => {
                Error::MarginWithoutUnit { at: self.at(test.margin.referenced), found: test.margin.value.clone() }
            }
            Refused::NotBetween0And100 => {
                self.not_allowed("margin", &test.margin, "between 0 and 100 with a unit, as in `1pp` or `10%`")
            }
        })?;
        Ok(Check {
            name: self.name("name", &raw.name)?,
            signal: self.name("signal", &raw.signal)?,
            direction: raw.direction,
            test: Test::NonInferior { margin },
        })
    }

    /// A name that can stand in a path, a log and a sentence.
    fn name(&self, name: &'static str, text: &Spanned<String>) -> Result<String> {
        let legible = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '@' | ':');
        if text.value.is_empty() || !text.value.chars().all(legible) {
            return Err(self.not_allowed(name, text, "a name of letters, digits and any of - _ . / @ :"));
        }
        Ok(text.value.clone())
    }

    fn positive(&self, name: &'static str, number: Spanned<u64>) -> Result<u64> {
        self.rule(name, number, |number| *number >= 1, "a whole number from 1 on")
    }

    fn rule<T: ToString>(
        &self,
        name: &'static str,
        value: Spanned<T>,
        holds: impl FnOnce(&T) -> bool,
        rule: &'static str,
    ) -> Result<T> {
        if holds(&value.value) { Ok(value.value) } else { Err(self.not_allowed(name, &value, rule)) }
    }

    fn not_allowed<T: ToString>(&self, name: &'static str, value: &Spanned<T>, rule: &'static str) -> Error {
        Error::NotAllowed { at: self.at(value.referenced), name, found: value.value.to_string(), rule }
    }

    /// Translates what the YAML reader says.
    fn refused(&self, error: &YamlError) -> Error {
        let at = self.at(error.location().unwrap_or(YamlLocation::UNKNOWN));
        match error {
            YamlError::SerdeUnknownField { field, expected, .. } => {
                Error::UnknownName { at, name: field.clone(), allowed: expected.clone() }
            }
            YamlError::SerdeUnknownVariant { variant, expected, .. } => {
                Error::UnknownName { at, name: variant.clone(), allowed: expected.clone() }
            }
            YamlError::SerdeMissingField { field, .. } => Error::MissingName { at, name: field },
            YamlError::DuplicateMappingKey { key, .. } => {
                Error::RepeatedName { at, name: key.clone().unwrap_or_default() }
            }
            YamlError::InvalidScalar { ty, .. } => {
                let expected = if ty.starts_with('f') { "a number" } else { "a whole number, not negative" };
                Error::WrongKind { at, expected: expected.into() }
            }
            YamlError::NullIntoString { .. } => Error::WrongKind { at, expected: "a text".into() },
            YamlError::Unexpected { expected, .. } => Error::WrongKind { at, expected: in_plain_words(expected) },
            other => Error::Yaml { at, message: without_place(&other.to_string()) },
        }
    }

    fn at(&self, place: YamlLocation) -> Location {
        // A place the reader does not know is reported as line 0; the start of the file is nearest to it.
        let line = usize::try_from(place.line()).unwrap_or(usize::MAX).max(1);
        let column = usize::try_from(place.column()).unwrap_or(usize::MAX).max(1);
        let bytes = |count: Option<u64>| count.and_then(|count| usize::try_from(count).ok());
        let offset = bytes(place.span().byte_offset()).unwrap_or_else(|| self.offset(line, column));
        let offset = offset.min(self.text.len());
        let length = bytes(place.span().byte_len()).unwrap_or(0).min(self.text.len() - offset);
        Location { file: self.file.to_owned(), line, column, offset, length }
    }

    /// Bytes before a line and column, both from 1.
    fn offset(&self, line: usize, column: usize) -> usize {
        let mut lines = self.text.split_inclusive('\n');
        let before: usize = lines.by_ref().take(line - 1).map(str::len).sum();
        before + lines.next().unwrap_or("").chars().take(column - 1).map(char::len_utf8).sum::<usize>()
    }
}

fn in_plain_words(expected: &str) -> String {
    match expected {
        "mapping start" => "a block of `name: value`".into(),
        "sequence start" => "a list".into(),
        "string scalar" => "a text".into(),
        other => other.into(),
    }
}

/// The reader's message without its own " at line 1, column 2", which the place already says.
fn without_place(message: &str) -> String {
    let end = message.rfind(" at line ").unwrap_or(message.len());
    message[..end].to_owned()
}
