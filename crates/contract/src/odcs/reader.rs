//! How is one word or value read, and what is said where it is not what it should be?

use std::time::Duration;

use semver::Version;
use tidegate_document::{Fault, Location, Misread, Place, Source, Spanned};

use super::raw::{RawSla, Text};
use super::value::Value;
use crate::vocabulary::Vocabulary;
use crate::{Error, Result};

const NAME: &str = "lower-case letters, digits and _, not first a digit, and at most 64 of them";
const LINE: &str = "some text";
const VERSION: &str = "a semantic version such as 1.4.0, without build metadata";

/// Checks what was typed, with the text for places in errors.
pub(super) struct Reader<'a> {
    pub(super) source: Source<'a>,
}

impl Reader<'_> {
    pub(super) fn word<T: Vocabulary>(&self, text: &Text) -> Result<T> {
        self.word_at(text.referenced, &text.value)
    }

    pub(super) fn word_at<T: Vocabulary>(&self, at: Place, word: &str) -> Result<T> {
        let named = T::MEMBERS.iter().copied().find(|member| member.word() == word);
        named.ok_or_else(|| {
            let allowed = T::MEMBERS.iter().map(|member| member.word().to_owned()).collect();
            let fault = Fault::UnknownName { name: word.to_owned(), allowed };
            Misread { at: self.at(at), fault }.into()
        })
    }

    pub(super) fn text(&self, name: &'static str, value: &Spanned<Value>) -> Result<String> {
        match value.value.text().map(str::trim) {
            Some(text) if !text.is_empty() => Ok(text.to_owned()),
            _ => Err(self.not_allowed(name, value.referenced, &value.value.to_string(), LINE)),
        }
    }

    pub(super) fn line(&self, name: &'static str, text: &Text) -> Result<String> {
        self.rule(name, text, |text| !text.trim().is_empty() && !text.contains('\n'), LINE)?;
        Ok(text.value.trim().to_owned())
    }

    /// The name of a stream or a column.
    pub(super) fn name(&self, name: &'static str, text: &Text) -> Result<String> {
        let is_name = |text: &str| {
            let legible = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            text.len() <= 64 && text.chars().all(legible) && text.starts_with(|c: char| !c.is_ascii_digit())
        };
        self.rule(name, text, is_name, NAME)?;
        Ok(text.value.clone())
    }

    pub(super) fn version(&self, name: &'static str, text: &Text) -> Result<Version> {
        version(&text.value).ok_or_else(|| self.broken(name, text, VERSION))
    }

    pub(super) fn custom_version(&self, value: &Spanned<Value>) -> Result<Version> {
        let found = value.value.to_string();
        version(&found).ok_or_else(|| self.not_allowed("sinceVersion", value.referenced, &found, VERSION))
    }

    /// A length of time under `slaProperties`.
    pub(super) fn span(&self, raw: &[RawSla], name: &'static str) -> Result<Option<Duration>> {
        let mut given = raw.iter().filter(|sla| sla.property.value == name);
        let Some(sla) = given.next() else { return Ok(None) };
        if let Some(second) = given.next() {
            let at = self.at(second.property.referenced);
            return Err(Error::Repeated { at, what: "property", name: name.to_owned() });
        }
        let unit = sla.unit.as_ref().ok_or_else(|| Misread::missing(self.at(sla.property.referenced), "unit"))?;
        let seconds = seconds(&unit.value).ok_or_else(|| {
            self.broken("unit", unit, "one of s, m, h, d, y: seconds, minutes, hours, days, years of 365 days")
        })?;
        let number = sla.value.value.number().filter(|number| *number > 0.0);
        let span = number.and_then(|number| Duration::try_from_secs_f64(number * seconds).ok());
        let rule = "a number above 0";
        let found = sla.value.value.to_string();
        span.map(Some).ok_or_else(|| self.not_allowed(name, sla.value.referenced, &found, rule))
    }

    pub(super) fn rule(
        &self,
        name: &'static str,
        text: &Text,
        holds: impl FnOnce(&str) -> bool,
        rule: &'static str,
    ) -> Result<()> {
        if holds(&text.value) { Ok(()) } else { Err(self.broken(name, text, rule)) }
    }

    pub(super) fn must(&self, holds: bool, name: &'static str, at: Place, rule: &'static str) -> Result<()> {
        if holds { Ok(()) } else { Err(self.not_allowed(name, at, "another", rule)) }
    }

    /// A text that breaks a rule.
    pub(super) fn broken(&self, name: &'static str, text: &Text, rule: &'static str) -> Error {
        self.not_allowed(name, text.referenced, &text.value, rule)
    }

    pub(super) fn not_allowed(&self, name: &'static str, at: Place, found: &str, rule: &'static str) -> Error {
        Error::NotAllowed { at: self.at(at), name, found: found.to_owned(), rule }
    }

    pub(super) fn at(&self, place: Place) -> Location {
        self.source.at(place)
    }
}

fn version(text: &str) -> Option<Version> {
    text.parse().ok().filter(|version: &Version| version.build.is_empty())
}

fn seconds(unit: &str) -> Option<f64> {
    match unit {
        "s" | "sec" | "second" | "seconds" => Some(1.0),
        "m" | "min" | "minute" | "minutes" => Some(60.0),
        "h" | "hr" | "hour" | "hours" => Some(3600.0),
        "d" | "day" | "days" => Some(86_400.0),
        "y" | "yr" | "year" | "years" => Some(365.0 * 86_400.0),
        _ => None,
    }
}
