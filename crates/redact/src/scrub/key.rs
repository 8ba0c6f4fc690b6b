//! Where is a key or a token of a service, or a private key?
//!
//! By the beginnings that services give their keys so that they can be found, in either case.

use std::sync::LazyLock;

use regex::Regex;

use super::{Detector, Span};

static KEYS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let forms = [
        // AWS.
        r"(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{16}",
        // OpenAI, Anthropic and those who do as they do; Stripe.
        r"sk-(?:ant|proj|svcacct|admin|or|lf|live|test)-[A-Z0-9_\-]{8,}",
        r"sk-[A-Z0-9]{20,}",
        r"(?:sk|rk|pk)_(?:live|test)_[A-Z0-9]{10,}",
        r"whsec_[A-Z0-9+/=]{16,}",
        // GitHub, GitLab, npm, Hugging Face.
        r"gh[pousr]_[A-Z0-9]{20,}",
        r"github_pat_[A-Z0-9_]{20,}",
        r"glpat-[A-Z0-9_\-]{16,}",
        r"npm_[A-Z0-9]{30,}",
        r"hf_[A-Z0-9]{30,}",
        // Slack.
        r"xox[abceoprs](?:\.xox[bp])?-[A-Z0-9\-]{8,}",
        r"xapp-[A-Z0-9\-]{16,}",
        r"hooks\.slack\.com/services/[A-Z0-9/]{16,}",
        // Google.
        r"AIza[A-Z0-9_\-]{30,}",
        r"ya29\.[A-Z0-9_\-]{20,}",
        // JSON web tokens, signed or encrypted.
        r"eyJ[A-Z0-9_\-]{8,}\.[A-Z0-9_\-]{8,}(?:\.[A-Z0-9_\-]*){0,3}",
    ];
    Regex::new(&format!("(?i-u:{})", forms.join("|"))).ok()
});

static BEARER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i-u:bearer[ \t:=]+(?<t>[A-Z0-9._~+/=\-]{8,}))").ok());

static PEM: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i-u:-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----)").ok());

static PEM_END: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i-u:-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----)").ok());

pub(super) fn find(text: &str, spans: &mut Vec<Span>) {
    let keys = KEYS.iter().flat_map(|keys| keys.find_iter(text)).map(|found| found.range());
    let tokens = BEARER.iter().flat_map(|bearer| bearer.captures_iter(text));
    let tokens = tokens.filter_map(|found| found.name("t")).filter(|token| is_token(token.as_str()));
    let bytes = keys.chain(tokens.map(|token| token.range())).chain(private_keys(text));
    spans.extend(bytes.map(|bytes| Span { bytes, detector: Detector::Key }));
}

/// Whether what follows `Bearer` is more than a word.
fn is_token(text: &str) -> bool {
    text.len() >= 20 || text.bytes().any(|byte| byte.is_ascii_digit())
}

/// Blocks from their first line to their last, or to the end of the text when that is cut off.
fn private_keys(text: &str) -> Vec<std::ops::Range<usize>> {
    let (Some(begin), Some(end)) = (&*PEM, &*PEM_END) else { return Vec::new() };
    let mut blocks = Vec::new();
    let mut from = 0;
    while let Some(first) = begin.find_at(text, from) {
        let last = end.find_at(text, first.end()).map_or(text.len(), |last| last.end());
        blocks.push(first.start()..last);
        from = last;
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_well_formed() {
        assert!(KEYS.is_some() && BEARER.is_some() && PEM.is_some() && PEM_END.is_some());
    }
}
