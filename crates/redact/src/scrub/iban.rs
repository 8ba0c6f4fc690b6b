//! Where is an international bank account number?
//!
//! Two letters of a country that has them and two digits, then as many letters and digits as that country's numbers have,
//! all together or in groups of four, and the remainder of 97 that ISO 13616 asks for.

use super::{Detector, Span};

/// Countries and the length of their numbers (SWIFT's registry), sorted.
const LENGTHS: [(&[u8; 2], usize); 88] = [
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
];

pub(super) fn find(text: &str, spans: &mut Vec<Span>) {
    let bytes = text.as_bytes();
    // Where the last one ended, the next may begin.
    let (mut at, mut free) = (0, 0);
    while at + 15 <= bytes.len() {
        let begins = at == free || !bytes[at - 1].is_ascii_alphanumeric();
        match begins.then(|| end_of(bytes, at)).flatten() {
            Some(end) => {
                spans.push(Span { bytes: at..end, detector: Detector::Iban });
                (at, free) = (end, end);
            }
            None => at += 1,
        }
    }
}

/// Where the number ends that begins at `at`, if one does.
fn end_of(bytes: &[u8], at: usize) -> Option<usize> {
    let [a, b, c, d, ..] = *bytes.get(at..)? else { return None };
    if !a.is_ascii_alphabetic() || !b.is_ascii_alphabetic() || !c.is_ascii_digit() || !d.is_ascii_digit() {
        return None;
    }
    let country = [a.to_ascii_uppercase(), b.to_ascii_uppercase()];
    let place = LENGTHS.binary_search_by_key(&&country, |(country, _)| country).ok()?;
    let mut number = Vec::with_capacity(LENGTHS[place].1);
    let mut end = at;
    while number.len() < LENGTHS[place].1 {
        let byte = *bytes.get(end)?;
        if byte.is_ascii_alphanumeric() {
            number.push(byte);
        } else if !matches!(byte, b' ' | b'-') || number.len() % 4 != 0 || !bytes[end - 1].is_ascii_alphanumeric() {
            return None;
        }
        end += 1;
    }
    (remainder(&number) == 1).then_some(end)
}

/// The first four go to the end, letters count from 10, and the whole is divided by 97.
fn remainder(number: &[u8]) -> u32 {
    let (check, account) = number.split_at(4);
    account.iter().chain(check).fold(0, |remainder, byte| {
        let value = char::from(*byte).to_digit(36).unwrap_or_default();
        (remainder * if value < 10 { 10 } else { 100 } + value) % 97
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_sorted() {
        assert!(LENGTHS.is_sorted());
    }
}
