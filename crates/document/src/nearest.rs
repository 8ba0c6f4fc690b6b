//! Which known name did the writer probably mean?

/// The closest of `names` within two slips of the keyboard, and less than half of the word; the first of equals.
///
/// ```
/// assert_eq!(tidegate_document::nearest("versoin", &["alpha", "version"]), Some("version"));
/// ```
#[must_use]
pub fn nearest<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
    let slips = names.iter().map(|name| (strsim::damerau_levenshtein(word, name), *name));
    let close = slips.filter(|(slips, name)| *slips <= 2 && slips * 2 < name.chars().count());
    close.min_by_key(|(slips, _)| *slips).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_slips_are_recognised() {
        let names = ["alpha", "power", "checks", "version"];
        assert_eq!(nearest("versoin", &names), Some("version"));
        assert_eq!(nearest("alhpa", &names), Some("alpha"));
        assert_eq!(nearest("check", &names), Some("checks"));
        assert_eq!(nearest("margin", &names), None);
        assert_eq!(nearest("", &["ab"]), None);
    }
}
