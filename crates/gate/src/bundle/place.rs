//! Where in the text is what the YAML reader speaks about, and how is it said?

use serde_saphyr::{Error as YamlError, Location as YamlLocation, Spanned};

use super::error::Error;
use crate::error::Location;

/// A named text.
pub(super) struct Source<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
}

impl Source<'_> {
    /// A value that breaks a rule.
    pub(super) fn not_allowed(&self, name: &'static str, value: &Spanned<String>, rule: &'static str) -> Error {
        Error::NotAllowed { at: self.at(value.referenced), name, found: value.value.clone(), rule }
    }

    /// Translates what the YAML reader says.
    pub(super) fn refused(&self, error: &YamlError) -> Error {
        let at = self.at(error.location().unwrap_or(YamlLocation::UNKNOWN));
        match error {
            YamlError::SerdeUnknownField { field: name, expected, .. }
            | YamlError::SerdeUnknownVariant { variant: name, expected, .. } => {
                Error::UnknownName { at, name: name.clone(), allowed: expected.clone() }
            }
            YamlError::SerdeMissingField { field, .. } => Error::MissingName { at, name: field },
            YamlError::DuplicateMappingKey { key, .. } => {
                Error::RepeatedName { at, name: key.clone().unwrap_or_default() }
            }
            YamlError::NullIntoString { .. } => Error::WrongKind { at, expected: "a text".into() },
            YamlError::Unexpected { expected, .. } => Error::WrongKind { at, expected: in_plain_words(expected) },
            other => Error::Yaml { at, message: without_place(&other.to_string()) },
        }
    }

    pub(super) fn at(&self, place: YamlLocation) -> Location {
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
