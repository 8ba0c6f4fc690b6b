//! Which known name did the writer probably mean?

/// The closest of `names` within two edits, and less than half of the word; the first of equals.
pub(crate) fn nearest<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
    names
        .iter()
        .map(|name| (edits(word, name), *name))
        .filter(|(distance, name)| *distance <= 2 && distance * 2 < name.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Levenshtein distance: single-character insertions, deletions and replacements.
fn edits(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, r) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(l != *r);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
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
