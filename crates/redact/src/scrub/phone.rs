//! Where is a phone number, or a social security number?
//!
//! Digits alone are not enough: ids, times and amounts are digits, too. A phone number is known by `+` and a country, by
//! `00` and a country, by the form of North America with its breaks, by a leading zero and breaks, or by a word such as
//! `tel` before it.

use std::sync::LazyLock;

use regex::Regex;

use super::{Detector, Span};

/// A pattern whose group `n` is a number, maybe with more digits after it, and how much of it is one.
struct Form {
    pattern: Regex,
    detector: Detector,
    length: fn(&str) -> Option<usize>,
}

static FORMS: LazyLock<Vec<Form>> = LazyLock::new(|| {
    // What may not stand before digits that are a number by their form alone.
    const FREE: &str = "(?:^|[^0-9A-Za-z_.])";
    let form = |before: &str, pattern: &str, detector, length: fn(&str) -> Option<usize>| {
        let pattern = Regex::new(&format!("{before}(?<n>{pattern})")).ok()?;
        Some(Form { pattern, detector, length })
    };
    let phone = |before: &str, pattern: &str| form(before, pattern, Detector::Phone, whole);
    let forms = [
        // +49 (0)30 1234567, +1-415-555-2671.
        phone("", r"\+[1-9](?:[ ().\-/\t]{0,3}[0-9]){6,}"),
        // 0049 30 1234567.
        phone(FREE, r"00[1-9][0-9]{0,2}[ .\-/(]{1,2}[0-9](?:[ ().\-/]{0,2}[0-9]){5,12}"),
        // (415) 555-2671, 415-555-2671, 415.555.2671, 1 415 555 2671.
        phone(
            FREE,
            concat!(
                r"(?:1[ .\-]{1,2})?(?:\([2-9][0-9]{2}\)[ \-]{0,2}|[2-9][0-9]{2}[ .\-\t]{1,2})",
                r"[0-9]{3}[ .\-\t]{1,2}[0-9]{4}"
            ),
        ),
        // 01.23.45.67.89.
        phone(FREE, r"0[1-9](?:\.[0-9]{2}){4}"),
        // 030 1234567, 0151/12345678, 020 7946 0958, but not 01-02-2024.
        form(
            "(?:^|[^0-9A-Za-z_.:/-])",
            r"\(?0[1-9][0-9]{0,4}\)?(?:[ \-/]{1,3}[0-9]{2,8}){1,5}",
            Detector::Phone,
            national,
        ),
        // tel: 4155552671.
        phone(
            concat!(
                "(?i-u:phone|telefon|telephone|tel|mobile|mobil|cell|handy|fax|whatsapp|rufnummer|msisdn)",
                r#"(?i-u:[ _\-]?(?:no|nr|number|nummer))?["' :=.#\\]{1,5}"#
            ),
            r"\(?[0-9](?:[ ().\-/]{0,2}[0-9]){6,14}",
        ),
        form(FREE, r"[0-8][0-9]{2}[ \-][0-9]{2}[ \-][0-9]{4}", Detector::Ssn, social_security),
    ];
    forms.into_iter().flatten().collect()
});

pub(super) fn find(text: &str, spans: &mut Vec<Span>) {
    for form in FORMS.iter() {
        let mut from = 0;
        while let Some(found) = form.pattern.captures_at(text, from).and_then(|found| found.name("n")) {
            let length = (form.length)(found.as_str());
            let end = length.map(|length| found.start() + length);
            let end = end.filter(|end| !text.as_bytes().get(*end).is_some_and(u8::is_ascii_digit));
            spans.extend(end.map(|end| Span { bytes: found.start()..end, detector: form.detector }));
            // What is no number may have one in it.
            let first_digits = || found.start() + found.as_str().find([' ', '-', '/', '.']).unwrap_or(found.len());
            from = end.unwrap_or_else(first_digits);
        }
    }
}

fn whole(number: &str) -> Option<usize> {
    Some(number.len())
}

/// The longest beginning of these groups that has as many digits as a number within a country, and is no date.
fn national(number: &str) -> Option<usize> {
    let is_end = |at: &usize| {
        number[..*at].ends_with(|c: char| c.is_ascii_digit())
            && !number[*at..].starts_with(|c: char| c.is_ascii_digit())
    };
    let mut ends = (1..=number.len()).rev().filter(is_end);
    ends.find(|end| {
        let groups: Vec<usize> =
            number[..*end].split([' ', '-', '/', '(', ')']).map(str::len).filter(|l| *l > 0).collect();
        (9..=12).contains(&groups.iter().sum::<usize>()) && !groups.starts_with(&[2, 2, 4])
    })
}

/// Which numbers the authority never gives out.
fn social_security(number: &str) -> Option<usize> {
    let never =
        number.starts_with("000") || number.starts_with("666") || &number[4..6] == "00" || number.ends_with("0000");
    (!never).then_some(number.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_well_formed() {
        assert_eq!(FORMS.len(), 7);
    }
}
