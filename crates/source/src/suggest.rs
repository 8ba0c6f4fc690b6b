//! Which name was probably meant?

/// The candidate closest to `wanted`, when one is close enough to be a slip of the keyboard.
pub(crate) fn closest<'a>(wanted: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    let wanted = wanted.to_lowercase();
    let far = wanted.chars().count().div_ceil(3) + 1;
    candidates
        .map(|name| (distance(&wanted, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance < far)
        .min()
        .map(|(_, name)| name.to_string())
}

/// How many characters have to be put in, taken out or replaced to get from `a` to `b` (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{closest, distance};

    #[test]
    fn finds_slips_and_only_slips() {
        let columns = ["event_time", "tenant_id", "ts"];
        let check = |wanted: &str, expected: Option<&str>| {
            assert_eq!(closest(wanted, columns.into_iter()).as_deref(), expected);
        };
        check("event_tme", Some("event_time"));
        check("Event_Time", Some("event_time"));
        check("eventtime", Some("event_time"));
        check("cost_nanousd", None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
