//! Where is the number of a payment card?
//!
//! Digits in a row, with up to three spaces, line breaks or dashes between them. Any groups that follow one another are a
//! card if their first digits and their number are those of a scheme and the check digit (Luhn) is right. Of more than 19
//! digits without a break, any part may be one.

use super::{Detector, Span};

/// The longest number that a card has.
const LONGEST: usize = 19;
const SHORTEST: usize = 12;

#[derive(Clone, Copy)]
struct Digit {
    value: u8,
    at: usize,
    /// Whether a card may begin, or end, with this digit.
    begins: bool,
    ends: bool,
}

pub(super) fn find_cards(text: &str, spans: &mut Vec<Span>) {
    let bytes = text.as_bytes();
    let mut digits = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        digits.clear();
        at = read(bytes, at, &mut digits);
        if digits.len() >= SHORTEST {
            find_in(&digits, spans);
        }
    }
}

/// Reads digits in a row from `at`, and says where they end.
fn read(bytes: &[u8], mut at: usize, digits: &mut Vec<Digit>) -> usize {
    loop {
        let first = digits.len();
        while let Some(digit) = bytes.get(at).filter(|byte| byte.is_ascii_digit()) {
            digits.push(Digit { value: digit - b'0', at, begins: false, ends: false });
            at += 1;
        }
        let group = &mut digits[first..];
        let inside = group.len() > LONGEST;
        let last = group.len().saturating_sub(1);
        for (place, digit) in group.iter_mut().enumerate() {
            digit.begins = inside || place == 0;
            digit.ends = inside || place == last;
        }
        let next = after_separators(bytes, at);
        if next == at || !bytes.get(next).is_some_and(u8::is_ascii_digit) {
            return at;
        }
        at = next;
    }
}

/// Where up to three separators end that may stand at `at`.
fn after_separators(bytes: &[u8], mut at: usize) -> usize {
    for _ in 0..3 {
        at += match bytes.get(at..).unwrap_or_default() {
            [b' ' | b'\t' | b'\n' | b'\r' | b'-', ..] => 1,
            // A space that does not break.
            [0xc2, 0xa0, ..] => 2,
            // Spaces and dashes of typographers, U+2000 to U+2015, and the narrow space that does not break.
            [0xe2, 0x80, 0x80..=0x95 | 0xaf, ..] => 3,
            _ => 0,
        };
    }
    at
}

fn find_in(digits: &[Digit], spans: &mut Vec<Span>) {
    let mut from = 0;
    while from + SHORTEST <= digits.len() {
        let longest = LONGEST.min(digits.len() - from);
        let card = digits[from].begins.then(|| {
            let mut lengths = (SHORTEST..=longest).rev();
            lengths.find(|length| digits[from + length - 1].ends && is_card(&digits[from..from + length]))
        });
        match card.flatten() {
            Some(length) => {
                let bytes = digits[from].at..digits[from + length - 1].at + 1;
                spans.push(Span { bytes, detector: Detector::Card });
                from += length;
            }
            None => from += 1,
        }
    }
}

fn is_card(digits: &[Digit]) -> bool {
    let first: Vec<u32> = digits[..6].iter().map(|digit| u32::from(digit.value)).collect();
    let first = first.iter().fold(0, |number, digit| number * 10 + digit);
    is_of_a_scheme(first, digits.len()) && passes_luhn(digits)
}

/// Whether numbers that begin with these six digits have this length.
fn is_of_a_scheme(first_six: u32, length: usize) -> bool {
    let (one, two, three, four) = (first_six / 100_000, first_six / 10_000, first_six / 1000, first_six / 100);
    match length {
        // Visa.
        13 | 16 | 19 if one == 4 => true,
        // Mastercard.
        16 if (51..=55).contains(&two) || (2221..=2720).contains(&four) => true,
        // American Express.
        15 => matches!(two, 34 | 37),
        // Diners Club.
        14 | 16 if matches!(two, 36 | 38 | 39) || (300..=305).contains(&three) => true,
        // Discover, JCB, UnionPay, RuPay, Mir.
        16..=19 if four == 6011 || two == 65 || (644..=649).contains(&three) => true,
        16..=19 if (3528..=3589).contains(&four) || two == 62 || (2200..=2204).contains(&four) => true,
        16 if matches!(two, 60 | 81 | 82) || three == 508 => true,
        // Maestro.
        12..=19 => matches!(four, 5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761 | 6762 | 6763),
        _ => false,
    }
}

fn passes_luhn(digits: &[Digit]) -> bool {
    let doubled = |digit: u8| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let weighed = digits.iter().rev().enumerate().map(|(place, digit)| match place % 2 {
        0 => u32::from(digit.value),
        _ => u32::from(doubled(digit.value)),
    });
    weighed.sum::<u32>().is_multiple_of(10)
}
