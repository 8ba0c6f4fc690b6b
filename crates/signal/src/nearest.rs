//! Which known name did the author probably mean?

/// The candidate closest to `name`, if one is close enough to be a typo.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let scored =
        candidates.into_iter().map(|candidate| (strsim::jaro_winkler(&name, &candidate.to_lowercase()), candidate));
    scored.filter(|(score, _)| *score > 0.82).max_by(|left, right| left.0.total_cmp(&right.0)).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_typo_finds_its_word_and_a_stranger_does_not() {
        let columns = ["task_class", "model_version", "user_token"];
        assert_eq!(nearest("modle_version", columns), Some("model_version"));
        assert_eq!(nearest("TASK_CLAS", columns), Some("task_class"));
        assert_eq!(nearest("zzz", columns), None);
    }
}
