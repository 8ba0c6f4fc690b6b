//! What in a free text looks like a person's data or a secret?
//!
//! Each detector marks spans of the text; spans that overlap are taken together, so that none is left half; each is
//! replaced by the name of what it was, such as `[email]`. Then the text is looked at again, until nothing is found: what
//! stood beside a span may now stand free. So scrubbing twice is scrubbing once.
//!
//! A text that was made so that this takes more than [`ROUNDS`] rounds is blotted out whole. Each round takes time in
//! proportion to the text.

mod email;
mod iban;
mod ip;
mod key;
mod number;
mod password;
mod phone;

use std::borrow::Cow;
use std::ops::Range;

/// How often a text is looked at.
const ROUNDS: usize = 8;

/// Numbers of cards, accounts and phones have at least so many digits.
const DIGITS: usize = 7;

/// Beginnings of keys with what must follow are longer than this.
const HARMLESS_BYTES: usize = 12;

/// What stands for a text that is not done after [`ROUNDS`].
const WHOLE: &str = "[text]";

/// A kind of thing that is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Detector {
    /// A private key in PEM, or a key or token of a known service.
    Key,
    /// What stands after `password=` and the like, or before `@` in a URL.
    Password,
    /// An e-mail address.
    Email,
    /// A number of a payment card, by its first digits, length and check digit.
    Card,
    /// An international bank account number, by its country's length and check digits.
    Iban,
    /// A social security number of the United States.
    Ssn,
    /// A phone number.
    Phone,
    /// An IPv4 or IPv6 address, where asked for.
    Ip,
    /// A text that could not be scrubbed in a bounded number of rounds.
    Text,
}

impl Detector {
    /// Every kind, in declaration order.
    pub const ALL: [Self; 9] =
        [Self::Key, Self::Password, Self::Email, Self::Card, Self::Iban, Self::Ssn, Self::Phone, Self::Ip, Self::Text];

    /// The word for it in counts.
    pub fn as_str(self) -> &'static str {
        self.marker().trim_matches(['[', ']'])
    }

    /// What stands where it was found.
    pub fn marker(self) -> &'static str {
        match self {
            Self::Key => "[key]",
            Self::Password => "[password]",
            Self::Email => "[email]",
            Self::Card => "[card]",
            Self::Iban => "[iban]",
            Self::Ssn => "[ssn]",
            Self::Phone => "[phone]",
            Self::Ip => "[ip]",
            Self::Text => WHOLE,
        }
    }
}

/// How often each kind was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Detected([u64; Detector::ALL.len()]);

impl Detected {
    /// How often one kind was found.
    pub fn of(&self, detector: Detector) -> u64 {
        self.0[detector as usize]
    }

    /// The kinds that were found, and how often.
    pub fn iter(&self) -> impl Iterator<Item = (Detector, u64)> {
        Detector::ALL.into_iter().zip(self.0).filter(|(_, times)| *times > 0)
    }

    /// How often anything was found.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Adds what was found elsewhere.
    pub fn add(&mut self, other: &Self) {
        for (mine, others) in self.0.iter_mut().zip(other.0) {
            *mine += others;
        }
    }

    pub(crate) fn found(&mut self, detector: Detector, times: u64) {
        self.0[detector as usize] += times;
    }
}

impl serde::Serialize for Detected {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(detector, times)| (detector.as_str(), times)))
    }
}

/// Blots out what the detectors find in a text, all but IP addresses.
///
/// ```
/// use tidegate_redact::scrub;
///
/// assert_eq!(scrub("ask max@example.com, card 4111 1111 1111 1111"), "ask [email], card [card]");
/// assert_eq!(scrub("all 12 tests passed in 1700000000000 ms"), "all 12 tests passed in 1700000000000 ms");
/// ```
pub fn scrub(text: &str) -> Cow<'_, str> {
    Scrubber::default().scrub(text)
}

/// Which detectors look at a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scrubber {
    /// Whether IP addresses are blotted out. Versions such as `1.2.3.4` then are, too.
    pub ip_addresses: bool,
}

/// A part of a text that is blotted out.
#[derive(Clone, Debug)]
struct Span {
    bytes: Range<usize>,
    detector: Detector,
}

impl Scrubber {
    /// Blots out what the detectors find in a text.
    pub fn scrub<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.scrub_counted(text, &mut Detected::default())
    }

    /// Whether nothing can be found in a text, as a first look at it tells: it is short and made of few sorts of characters,
    /// as codes and names are. Of what it does not know it says no.
    pub(crate) fn is_harmless(&self, text: &str) -> bool {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/' | b' ');
        text.len() <= HARMLESS_BYTES && !self.ip_addresses && text.bytes().all(is_plain) && digits(text) < DIGITS
    }

    /// The same as [`scrub`](Self::scrub), and counts what was found.
    pub fn scrub_counted<'a>(&self, text: &'a str, detected: &mut Detected) -> Cow<'a, str> {
        if self.is_harmless(text) {
            return Cow::Borrowed(text);
        }
        let Some(mut scrubbed) = self.round(text, detected) else { return Cow::Borrowed(text) };
        for _ in 1..ROUNDS {
            match self.round(&scrubbed, detected) {
                Some(next) => scrubbed = next,
                None => return Cow::Owned(scrubbed),
            }
        }
        if self.round(&scrubbed, &mut Detected::default()).is_some() {
            detected.found(Detector::Text, 1);
            scrubbed = WHOLE.to_owned();
        }
        Cow::Owned(scrubbed)
    }

    /// The text without what is found in it, if anything is.
    fn round(&self, text: &str, detected: &mut Detected) -> Option<String> {
        let mut spans = self.spans(text);
        // After `password=` may stand what was put there, by whichever detector.
        spans.retain(|span| !is_marker(&text[span.bytes.clone()]));
        let spans = joined(spans);
        if spans.is_empty() {
            return None;
        }
        let mut scrubbed = String::with_capacity(text.len());
        let mut at = 0;
        for span in spans {
            scrubbed.push_str(&text[at..span.bytes.start]);
            scrubbed.push_str(span.detector.marker());
            detected.found(span.detector, 1);
            at = span.bytes.end;
        }
        scrubbed.push_str(&text[at..]);
        Some(scrubbed)
    }

    fn spans(&self, text: &str) -> Vec<Span> {
        let mut spans = Vec::new();
        key::find(text, &mut spans);
        password::find(text, &mut spans);
        email::find(text, &mut spans);
        if digits(text) >= DIGITS {
            number::find_cards(text, &mut spans);
            iban::find(text, &mut spans);
            phone::find(text, &mut spans);
        }
        if self.ip_addresses && text.len() >= 2 {
            ip::find(text, &mut spans);
        }
        spans
    }
}

fn digits(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_digit).count()
}

fn is_marker(text: &str) -> bool {
    Detector::ALL.iter().any(|detector| detector.marker() == text)
}

/// Spans in order, those that overlap made one. It is named after the longest, or after the first kind of equals.
fn joined(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by_key(|span| (span.bytes.start, span.detector));
    let mut joined: Vec<(Span, usize)> = Vec::with_capacity(spans.len());
    for span in spans {
        let length = span.bytes.len();
        match joined.last_mut() {
            Some((last, longest)) if span.bytes.start < last.bytes.end => {
                last.bytes.end = last.bytes.end.max(span.bytes.end);
                if (length, last.detector) > (*longest, span.detector) {
                    (last.detector, *longest) = (span.detector, length);
                }
            }
            _ => joined.push((span, length)),
        }
    }
    joined.into_iter().map(|(span, _)| span).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// Beginnings of keys, and what could follow them, are what a first look could miss.
        #[test]
        fn a_first_look_misses_nothing(text in prop_oneof![
            "[a-z0-9_./ -]{0,14}",
            "(sk-|sk_live_|xoxb-|eyJ|hf_|AKIA|bearer |pk_test_|password |ghp_)[A-Z0-9_.-]{0,10}",
            "[0-9 /.-]{0,14}",
            ".{0,14}",
        ]) {
            let scrubber = Scrubber::default();
            prop_assert!(!scrubber.is_harmless(&text) || scrubber.spans(&text).is_empty(), "{text:?}");
        }
    }
}
