//! A thousand secrets that are planted to see whether they come through, and what finds them again.
//!
//! They are what detectors are promised to find: addresses, cards, phones, keys, accounts. Each holds nine digits of its own.

/// The secret with a number: one of each kind in turn.
///
/// ```
/// assert_eq!(tidegate_testkit::canary::secret(8), "canary000000008@example.com");
/// ```
pub fn secret(number: usize) -> String {
    let digits = format!("{number:09}");
    match number % 8 {
        0 => format!("canary{digits}@example.com"),
        1 => with_check_digit(&format!("411111{digits}")),
        2 => format!("+4915{digits}7"),
        3 => format!("AKIACANARY0{digits}"),
        4 => format!("sk-ant-api03-Canary{digits}abcdef"),
        5 => format!("ghp_Canary{digits}abcdefghijklmnopqrstu"),
        6 => format!("eyJCanary{digits}.eyJzdWIiOiIx.c2lnbmF0dXJl"),
        _ => iban(&format!("37040044{number:010}")),
    }
}

/// The number of a payment card with these first digits.
fn with_check_digit(number: &str) -> String {
    let is_valid = |digit: &u32| {
        let card = format!("{number}{digit}");
        let weighed = card.bytes().rev().enumerate().map(|(place, digit)| {
            let digit = u32::from(digit - b'0') * if place % 2 == 1 { 2 } else { 1 };
            digit / 10 + digit % 10
        });
        weighed.sum::<u32>().is_multiple_of(10)
    };
    format!("{number}{}", (0..10).find(is_valid).unwrap_or_default())
}

/// A German account with its check digits.
fn iban(account: &str) -> String {
    let remainder =
        format!("{account}131400").bytes().fold(0_u32, |sum, digit| (sum * 10 + u32::from(digit - b'0')) % 97);
    format!("DE{:02}{account}", 98 - remainder)
}

/// Looks for planted texts, in either case of letters.
#[derive(Debug)]
pub struct Finder(regex::bytes::Regex);

impl Finder {
    /// Looks for these.
    ///
    /// # Panics
    /// If there are too many to look for at once.
    pub fn of<T: AsRef<str>>(planted: impl IntoIterator<Item = T>) -> Self {
        let mut planted = planted.into_iter().map(|text| regex::escape(text.as_ref())).collect::<Vec<_>>();
        planted.sort_unstable();
        planted.dedup();
        let pattern =
            regex::bytes::RegexBuilder::new(&planted.join("|")).case_insensitive(true).size_limit(1 << 30).build();
        Self(pattern.expect("escaped texts are a pattern"))
    }

    /// The first one that is found.
    pub fn find(&self, bytes: &[u8]) -> Option<String> {
        self.0.find(bytes).map(|found| String::from_utf8_lossy(found.as_bytes()).into_owned())
    }
}
