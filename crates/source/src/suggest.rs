//! Which name was probably meant?

/// The candidate closest to `wanted`, when one is close enough to be a slip of the keyboard.
pub(crate) fn closest<'a>(wanted: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    let wanted = wanted.to_lowercase();
    let far = wanted.chars().count().div_ceil(3) + 1;
    let slips = candidates.map(|name| (strsim::damerau_levenshtein(&wanted, &name.to_lowercase()), name));
    slips.filter(|(slips, _)| *slips < far).min().map(|(_, name)| name.to_string())
}

#[cfg(test)]
mod tests {
    use super::closest;

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
    }
}
