//! Where in which file does a piece of SQL stand?

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use datafusion::sql::sqlparser::tokenizer::{Location, Span};

/// The text of one SQL file and the name it is shown under.
#[derive(Clone, PartialEq, Eq)]
pub struct SourceText {
    inner: Arc<(String, String)>,
}

impl SourceText {
    /// A file's text under the name that messages show.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { inner: Arc::new((name.into(), text.into())) }
    }

    /// The name that messages show.
    pub fn name(&self) -> &str {
        &self.inner.0
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.inner.1
    }
}

impl fmt::Debug for SourceText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourceText({})", self.name())
    }
}

/// A piece of a [`SourceText`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    source: SourceText,
    span: Span,
}

impl Place {
    /// The piece of `source` that `span` covers.
    pub fn new(source: &SourceText, span: Span) -> Self {
        Self { source: source.clone(), span }
    }

    /// The text in which the place lies.
    pub fn source(&self) -> &SourceText {
        &self.source
    }

    /// The line, from 1.
    pub fn line(&self) -> u64 {
        self.span.start.line.max(1)
    }

    /// The column in characters, from 1.
    pub fn column(&self) -> u64 {
        self.span.start.column.max(1)
    }

    /// The bytes of the text that are meant: at least one character where there is one.
    pub fn bytes(&self) -> Range<usize> {
        let text = self.source.text();
        let start = offset(text, self.span.start);
        let end = offset(text, self.span.end);
        let one = text[start..].chars().next().map_or(0, char::len_utf8);
        start..end.max(start + one)
    }

    /// The same text at another span.
    pub(crate) fn at(&self, span: Span) -> Self {
        Self::new(&self.source, span)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.source.name(), self.line(), self.column())
    }
}

/// The byte at which a line and column (both from 1, 0 for unknown) begin.
fn offset(text: &str, location: Location) -> usize {
    let Some(line) = location.line.checked_sub(1) else {
        return 0;
    };
    let start = text.split_inclusive('\n').take(line as usize).map(str::len).sum::<usize>();
    let column = location.column.saturating_sub(1) as usize;
    let rest = &text[start..];
    start + rest.char_indices().nth(column).map_or(rest.len(), |(byte, _)| byte)
}

/// A value and where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub place: Place,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_and_slice_bytes() {
        let source = SourceText::new("a.sql", "SELECT 'ä',\n  größe FROM t\n");
        let place = Place::new(&source, Span::new(Location::new(2, 3), Location::new(2, 8)));
        assert_eq!(&source.text()[place.bytes()], "größe");
        assert_eq!(place.to_string(), "a.sql:2:3");
    }

    #[test]
    fn an_unknown_or_too_far_place_stays_inside_the_text() {
        let source = SourceText::new("a.sql", "x");
        assert_eq!(Place::new(&source, Span::empty()).bytes(), 0..1);
        let far = Span::new(Location::new(9, 9), Location::new(9, 10));
        assert_eq!(Place::new(&source, far).bytes(), 1..1);
    }
}
