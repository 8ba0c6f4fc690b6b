//! Where is a value that is called a password?
//!
//! After a word such as `password` or `api_key` and a `:` or `=`: up to the closing quote if it is quoted, else up to the
//! next space, quote or `&`. And in a URL between `://name:` and `@`.

use std::sync::LazyLock;

use regex::Regex;

use super::{Detector, Span};

static NAMES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i-u:(?:password|passwd|passphrase|passcode|passwort|pwd|secret|secret[_\-]?key|client[_\-]?secret|",
        r"api[_\-]?key|apikey|api[_\-]?token|access[_\-]?key|access[_\-]?key[_\-]?id|secret[_\-]?access[_\-]?key|",
        r"private[_\-]?key|access[_\-]?token|auth[_\-]?token|refresh[_\-]?token|id[_\-]?token|session[_\-]?token|",
        r"account[_\-]?key|shared[_\-]?access[_\-]?signature|authorization)",
        r#"\\*["']?[ \t]*(?::|=>|=|%3D)[ \t]*(?:(?:basic|bearer|token|digest)[ \t]+)?)"#
    ))
    .ok()
});

static URL: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"://[^\s/@:"']*:(?<p>[^\s/@"']+)@"#).ok());

pub(super) fn find(text: &str, spans: &mut Vec<Span>) {
    let mut found = |bytes: std::ops::Range<usize>| {
        if !bytes.is_empty() {
            spans.push(Span { bytes, detector: Detector::Password });
        }
    };
    let mut from = 0;
    while let Some(name) = NAMES.as_ref().and_then(|names| names.find_at(text, from)) {
        let value = value_at(text, name.end());
        from = value.end;
        found(value);
    }
    let urls = URL.iter().flat_map(|url| url.captures_iter(text));
    urls.filter_map(|url| url.name("p")).for_each(|password| found(password.range()));
}

/// Where the value lies that begins at `at`, without its quotes. It may stand in JSON within JSON, so that its quotes are
/// escaped: then the same escape closes it.
fn value_at(text: &str, at: usize) -> std::ops::Range<usize> {
    let rest = &text[at..];
    let escapes = rest.len() - rest.trim_start_matches('\\').len();
    let quote = rest[escapes..].chars().next().filter(|c| matches!(c, '"' | '\''));
    let Some(quote) = quote else {
        let length = rest.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '&')).unwrap_or(rest.len());
        return at..at + length;
    };
    let start = at + escapes + quote.len_utf8();
    let closes = |(place, _): &(usize, &str)| {
        let before = &text[start..start + place];
        before.len() - before.trim_end_matches('\\').len() == escapes
    };
    let close = text[start..].match_indices(quote).find(closes);
    close.map_or(start..text.len(), |(place, _)| start..start + place - escapes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_well_formed() {
        assert!(NAMES.is_some() && URL.is_some());
    }
}
