//! Where in a YAML text is what its reader speaks about, and how is it said?
//!
//! Gate files and bundle files are read by one reader, whose refusals become theirs with their own codes.

use serde_saphyr::{Error as YamlError, Location as YamlLocation};

use crate::error::Location;

/// A named text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
}

/// Why a text is not what it should be, before any rule is asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Misread {
    Yaml { at: Location, message: String },
    UnknownName { at: Location, name: String, allowed: Vec<&'static str> },
    MissingName { at: Location, name: &'static str },
    RepeatedName { at: Location, name: String },
    WrongKind { at: Location, expected: String },
}

impl Source<'_> {
    /// Translates what the YAML reader says.
    pub(crate) fn refused(&self, error: &YamlError) -> Misread {
        let at = self.at(error.location().unwrap_or(YamlLocation::UNKNOWN));
        match error {
            YamlError::SerdeUnknownField { field: name, expected, .. }
            | YamlError::SerdeUnknownVariant { variant: name, expected, .. } => {
                Misread::UnknownName { at, name: name.clone(), allowed: expected.clone() }
            }
            YamlError::SerdeMissingField { field, .. } => Misread::MissingName { at, name: field },
            YamlError::DuplicateMappingKey { key, .. } => {
                Misread::RepeatedName { at, name: key.clone().unwrap_or_default() }
            }
            YamlError::InvalidScalar { ty, .. } => {
                let expected = if ty.starts_with('f') { "a number" } else { "a whole number, not negative" };
                Misread::WrongKind { at, expected: expected.into() }
            }
            YamlError::NullIntoString { .. } => Misread::WrongKind { at, expected: "a text".into() },
            YamlError::Unexpected { expected, .. } => Misread::WrongKind { at, expected: in_plain_words(expected) },
            other => Misread::Yaml { at, message: without_place(&other.to_string()) },
        }
    }

    pub(crate) fn at(&self, place: YamlLocation) -> Location {
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
