//! What does a value of a file of rules mean, and what is said where it means nothing?

use std::ops::Range;

use serde::de::DeserializeOwned;
use tidegate_document::{Location, Source};
use toml::Spanned;
use toml::value::{Datetime, Offset};

use crate::error::{Error, Result};

/// A file of rules.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Typed<'a>(pub(crate) Source<'a>);

impl Typed<'_> {
    /// Reads the whole text.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T> {
        Ok(self.0.read_toml()?)
    }

    /// The value, if it passes.
    pub(crate) fn rule<T: Copy>(
        &self,
        name: &str,
        value: &Spanned<T>,
        passes: impl Fn(T) -> bool,
        rule: &'static str,
    ) -> Result<T> {
        if passes(*value.get_ref()) { Ok(*value.get_ref()) } else { Err(self.not_allowed(name, &value.span(), rule)) }
    }

    pub(crate) fn not_allowed(&self, name: &str, bytes: &Range<usize>, rule: &'static str) -> Error {
        Error::NotAllowed { at: self.at(bytes.clone()), name: name.to_owned(), rule }
    }

    /// A length of time such as `36h` or `14d`, in microseconds.
    pub(crate) fn duration(&self, name: &str, text: &Spanned<String>) -> Result<i64> {
        const UNITS: [(char, i64); 5] =
            [('w', 604_800_000_000), ('d', 86_400_000_000), ('h', 3_600_000_000), ('m', 60_000_000), ('s', 1_000_000)];
        let typed = text.get_ref().trim();
        let unit = UNITS.into_iter().find_map(|(unit, us)| Some((typed.strip_suffix(unit)?, us)));
        let us = unit.and_then(|(count, us)| i64::from(count.trim().parse::<u32>().ok()?).checked_mul(us));
        us.ok_or_else(|| self.not_allowed(name, &text.span(), "a whole number with a unit, as in \"36h\" or \"14d\""))
    }

    /// An instant: a date, which begins at midnight UTC, or a time that says its zone. Microseconds since 1970.
    pub(crate) fn instant(&self, name: &str, typed: &Spanned<Datetime>) -> Result<i64> {
        let refused =
            || self.not_allowed(name, &typed.span(), "a date or a time with its zone, as in 2026-01-05T10:00:00Z");
        instant_us(typed.get_ref()).ok_or_else(refused)
    }

    pub(crate) fn at(&self, bytes: Range<usize>) -> Location {
        self.0.at_bytes(bytes)
    }
}

fn instant_us(typed: &Datetime) -> Option<i64> {
    let date = typed.date?;
    let day = chrono::NaiveDate::from_ymd_opt(date.year.into(), date.month.into(), date.day.into())?;
    let (hour, minute, second, nano, offset) = match (typed.time, typed.offset) {
        (None, None) => (0, 0, 0, 0, 0),
        (Some(time), Some(offset)) => {
            let minutes = match offset {
                Offset::Z => 0,
                Offset::Custom { minutes } => i64::from(minutes),
            };
            (time.hour, time.minute, time.second.unwrap_or(0), time.nanosecond.unwrap_or(0), minutes)
        }
        _ => return None,
    };
    let time = day.and_hms_nano_opt(hour.into(), minute.into(), second.into(), nano)?;
    Some(time.and_utc().timestamp_micros() - offset * 60_000_000)
}
