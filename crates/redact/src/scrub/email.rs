//! Where is an e-mail address?
//!
//! Around each `@`, also as it stands in URLs (`%40`) and in JSON (`\u0040`): what may stand before and after it, letters
//! of any script among them. The domain must have a part that begins with two letters, which keeps `tool@18.2.0`.

use super::{Detector, Span};

pub(super) fn find(text: &str, spans: &mut Vec<Span>) {
    let mut from = 0;
    while let Some((at, after)) = next_sign(text, from) {
        let start = at - text[from..at].chars().rev().take_while(|c| is_local(*c)).map(char::len_utf8).sum::<usize>();
        let domain: usize = text[after..].chars().take_while(|c| is_domain(*c)).map(char::len_utf8).sum();
        let domain = text[after..after + domain].trim_end_matches(['.', '-']);
        let start = start + (text[start..at].len() - text[start..at].trim_start_matches(['.', '\'', '-']).len());
        if start < at && is_host(domain) {
            spans.push(Span { bytes: start..after + domain.len(), detector: Detector::Email });
        }
        from = after;
    }
}

/// The next sign that parts a name from its domain: where it begins and ends.
fn next_sign(text: &str, from: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut at = from;
    while at < bytes.len() {
        let length = match bytes[at] {
            b'@' => 1,
            b'%' if bytes[at..].starts_with(b"%40") => 3,
            b'\\' if bytes[at..].starts_with(b"\\u0040") => 6,
            0xef if text.is_char_boundary(at) && text[at..].starts_with('\u{ff20}') => 3,
            _ => {
                at += 1;
                continue;
            }
        };
        return Some((at, at + length));
    }
    None
}

fn is_local(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-' | '\'' | '!' | '#' | '$' | '*' | '~' | '^')
}

fn is_domain(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '-')
}

/// Whether a domain has two parts, and one after the first begins as a top level does.
fn is_host(domain: &str) -> bool {
    let begins_with_letters = |part: &str| part.chars().take(2).filter(|c| c.is_alphabetic()).count() == 2;
    !domain.starts_with('.') && domain.split('.').skip(1).any(begins_with_letters)
}
