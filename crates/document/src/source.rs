//! Where in a text is what its reader speaks about, and what does the reader of YAML say?

use std::ops::Range;

use serde::de::DeserializeOwned;
use serde_saphyr::Error as YamlError;

use crate::{Fault, Location, Misread, Place};

/// A named text. Nothing is opened: the name stands in complaints.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// What the file is called.
    pub file: &'a str,
    /// What stands in it.
    pub text: &'a str,
}

impl Source<'_> {
    /// Reads the text as one YAML document.
    ///
    /// # Errors
    /// [`Misread`], with its place.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Misread> {
        serde_saphyr::from_str(self.text).map_err(|error| self.refused(error.without_snippet()))
    }

    /// The place of a value, for people.
    #[must_use]
    pub fn at(&self, place: Place) -> Location {
        // A place the reader does not know is reported as line 0; the start of the file is nearest to it.
        let line = usize::try_from(place.line()).unwrap_or(usize::MAX).max(1);
        let column = usize::try_from(place.column()).unwrap_or(usize::MAX).max(1);
        let bytes = |count: Option<u64>| count.and_then(|count| usize::try_from(count).ok());
        let offset = bytes(place.span().byte_offset()).unwrap_or_else(|| self.offset(line, column));
        let offset = offset.min(self.text.len());
        let length = bytes(place.span().byte_len()).unwrap_or(0).min(self.text.len() - offset);
        Location { file: self.file.to_owned(), line, column, offset, length }
    }

    /// The place of some bytes, for people; as far as they lie in the text.
    #[must_use]
    pub fn at_bytes(&self, bytes: Range<usize>) -> Location {
        let offset =
            (0..=bytes.start.min(self.text.len())).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0);
        let before = &self.text[..offset];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Location {
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            offset,
            length: bytes.end.clamp(offset, self.text.len()) - offset,
        }
    }

    /// Translates what the YAML reader says.
    fn refused(&self, error: &YamlError) -> Misread {
        let fault = match error {
            YamlError::SerdeUnknownField { field: name, expected, .. }
            | YamlError::SerdeUnknownVariant { variant: name, expected, .. } => Fault::UnknownName {
                name: name.clone(),
                allowed: expected.iter().map(|name| (*name).to_owned()).collect(),
            },
            YamlError::SerdeMissingField { field, .. } => Fault::MissingName { name: (*field).to_owned() },
            YamlError::DuplicateMappingKey { key, .. } => Fault::RepeatedName { name: key.clone().unwrap_or_default() },
            YamlError::InvalidScalar { ty, .. } => {
                let expected = if ty.starts_with('f') { "a number" } else { "a whole number, not negative" };
                Fault::WrongKind { expected: expected.into() }
            }
            YamlError::NullIntoString { .. } => Fault::WrongKind { expected: "a text".into() },
            YamlError::Unexpected { expected, .. } => Fault::WrongKind { expected: in_plain_words(expected) },
            other => Fault::Syntax { message: without_place(&other.to_string()) },
        };
        Misread { at: self.at(error.location().unwrap_or(Place::UNKNOWN)), fault }
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

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::{Codes, Kind, Spanned};

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Declaration {
        name: Spanned<String>,
        #[expect(dead_code, reason = "only read")]
        count: Option<u32>,
    }

    const KIND: Kind = Kind {
        noun: "a test file",
        codes: Codes { yaml: "A1", unknown_name: "A2", missing_name: "A3", repeated_name: "A4", wrong_kind: "A5" },
    };

    fn check(text: &str, code: &str, message: &str, help: &str) {
        let misread = Source { file: "f", text }.read::<Declaration>().expect_err(text);
        assert_eq!((misread.code(&KIND), misread.to_string().as_str()), (code, message));
        assert_eq!(misread.help(&KIND), help);
    }

    #[test]
    fn each_fault_has_its_place_code_and_fix() {
        check("name: a\ncuont: 1\n", "A2", "f:2:1: unknown name `cuont`", "did you mean `count`?");
        check("name: a\nsize: 1\n", "A2", "f:2:1: unknown name `size`", "allowed here: name, count");
        check("count: 1\n", "A3", "f:1:1: `name` is missing", "add `name:`");
        check("name: a\nname: b\n", "A4", "f:2:1: `name` is given twice", "keep one `name:`");
        check("name: [a]\n", "A5", "f:1:7: expected a text", "write a text");
        let misread = Source { file: "f", text: "name: 'a\n" }.read::<Declaration>().unwrap_err();
        assert_eq!((misread.code(&KIND), misread.help(&KIND).as_str()), ("A1", "a test file is one YAML document"));
    }

    #[test]
    fn a_place_counts_characters_and_bytes() {
        let source = Source { file: "f", text: "# é\nname: né\n" };
        let name = source.read::<Declaration>().unwrap().name;
        let at = source.at(name.referenced);
        assert_eq!((at.line, at.column, &source.text[at.offset..at.offset + at.length]), (2, 7, "né"));
    }

    #[test]
    fn a_place_never_lies_outside_of_the_text() {
        let at = Source { file: "f", text: "" }.at(Place::UNKNOWN);
        assert_eq!((at.line, at.column, at.offset, at.length), (1, 1, 0, 0));
        let at = Source { file: "f", text: "a\né" }.at_bytes(3..9);
        assert_eq!((at.line, at.column, at.offset, at.length), (2, 1, 2, 2));
    }
}
