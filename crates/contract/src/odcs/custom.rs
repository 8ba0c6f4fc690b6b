//! What is said under `customProperties`?
//!
//! Another party's properties are left alone; one that is nearly ours, or ours in another place, is a mistake.

use chrono::NaiveDate;
use tidegate_document::{Fault, Misread, Spanned, nearest};

use super::raw::{RawCustom, Text};
use super::reader::Reader;
use super::value::Value;
use crate::vocabulary::Vocabulary;
use crate::{Error, Result};

pub(super) const OF_CONTRACT: &[&str] =
    &["source", "reliability", "privacyClass", "compatibility", "region", "sunset", "eventTime"];
pub(super) const OF_COLUMN: &[&str] =
    &["ingestPolicy", "privacyUnit", "attribute", "default", "sunset", "sinceVersion", "onViolation"];
pub(super) const OF_RULE: &[&str] = &["onViolation"];
/// Shorter names are easily meant by somebody else.
const TELLING_LENGTH: usize = 8;
const DAY: &str = "a day, as in 2027-06-30";

/// What is said under customProperties with a name of ours.
pub(super) struct Custom<'a>(Vec<(&'static str, &'a Spanned<Value>)>);

impl<'a> Custom<'a> {
    pub(super) fn get(&self, name: &str) -> Option<&'a Spanned<Value>> {
        self.0.iter().find(|(given, _)| *given == name).map(|(_, value)| *value)
    }
}

impl Reader<'_> {
    pub(super) fn custom<'r>(&self, raw: &'r [RawCustom], known: &'static [&'static str]) -> Result<Custom<'r>> {
        let mut custom = Custom(Vec::new());
        for RawCustom { property, value, .. } in raw {
            let Some(name) = known.iter().find(|name| **name == property.value) else {
                self.is_of_others(property, known)?;
                continue;
            };
            if custom.get(name).is_some() {
                let name = property.value.clone();
                return Err(Error::Repeated { at: self.at(property.referenced), what: "property", name });
            }
            custom.0.push((name, value));
        }
        Ok(custom)
    }

    /// A property of somebody else's; what is nearly one of ours, or one of ours in the wrong place, is a mistake.
    fn is_of_others(&self, property: &Text, known: &'static [&'static str]) -> Result<()> {
        let ours = || [OF_CONTRACT, OF_COLUMN, OF_RULE].into_iter().flatten().copied();
        let telling = ours().filter(|name| name.len() >= TELLING_LENGTH).collect::<Vec<_>>();
        let is_meant = ours().any(|name| name.eq_ignore_ascii_case(&property.value))
            || nearest(&property.value, &telling).is_some();
        if !is_meant {
            return Ok(());
        }
        let fault = Fault::UnknownName {
            name: property.value.clone(),
            allowed: known.iter().map(|name| (*name).to_owned()).collect(),
        };
        Err(Misread { at: self.at(property.referenced), fault }.into())
    }

    pub(super) fn custom_word<T: Vocabulary>(&self, custom: &Custom<'_>, name: &'static str) -> Result<Option<T>> {
        let Some(value) = custom.get(name) else { return Ok(None) };
        self.word_at(value.referenced, &self.text(name, value)?).map(Some)
    }

    pub(super) fn day(&self, custom: &Custom<'_>, name: &'static str) -> Result<Option<NaiveDate>> {
        let Some(value) = custom.get(name) else { return Ok(None) };
        let found = value.value.to_string();
        let day = NaiveDate::parse_from_str(&found, "%Y-%m-%d").ok().filter(|day| day.to_string() == found);
        day.map(Some).ok_or_else(|| self.not_allowed(name, value.referenced, &found, DAY))
    }
}
