//! How is a TOML file read so that every mistake has its place?

use std::ops::Range;

use serde::de::DeserializeOwned;

use crate::error::{Error, Location, Result};

/// A file's text and the name it goes by.
pub(crate) struct File<'a> {
    pub(crate) name: &'a str,
    pub(crate) text: &'a str,
}

impl File<'_> {
    /// The file as a `T`.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T> {
        toml::from_str(self.text).map_err(|error| self.misread(&error))
    }

    /// The place of `span`.
    pub(crate) fn at(&self, span: Range<usize>) -> Location {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Location {
            file: self.name.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            offset: span.start,
            length: span.len(),
        }
    }

    fn misread(&self, error: &toml::de::Error) -> Error {
        let at = self.at(error.span().unwrap_or(0..0));
        let message = error.message().lines().next().unwrap_or("not valid TOML").to_owned();
        // serde tells an unknown field as: unknown field `x`, expected one of `a`, `b`
        let mut quoted = message.split('`').skip(1).step_by(2).map(str::to_owned);
        match (message.starts_with("unknown field `"), quoted.next()) {
            (true, Some(name)) => Error::UnknownName { at, name, allowed: quoted.collect() },
            _ => Error::Toml { at, message },
        }
    }
}
