//! How is a number said in a sentence?

/// `10.05 %`
pub(crate) fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// `+0.05 percentage points`
pub(crate) fn points(difference: f64) -> String {
    // No "-0.00": a reader would look for the difference.
    let rounded = (difference * 1e4).round() / 1e2 + 0.0;
    format!("{rounded:+.2} percentage points")
}

/// `+5.00 % of the control's`
pub(crate) fn relative(lift: f64) -> String {
    let rounded = (lift * 1e4).round() / 1e2 + 0.0;
    format!("{rounded:+.2} % of the control's")
}

/// `0.044`, or `below 0.0001`
pub(crate) fn probability(p: f64) -> String {
    if p < 1e-4 {
        return "below 0.0001".into();
    }
    let digits = if p < 0.01 { 4 } else { 3 };
    format!("{p:.digits$}")
}

/// `1 event`, `2 events`
pub(crate) fn count(n: u64, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// Microseconds since 1970 as `2026-01-31T12:00:00Z`, with the fraction only where there is one.
pub(crate) fn instant(us: i64) -> String {
    const DAY_US: i64 = 86_400_000_000;
    let (year, month, day) = civil(us.div_euclid(DAY_US));
    let in_day = us.rem_euclid(DAY_US);
    let (seconds, fraction) = (in_day / 1_000_000, in_day % 1_000_000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:06}") };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// The proleptic Gregorian date of a day counted from 1970-01-01: Howard Hinnant, "chrono-compatible
/// low-level date algorithms", `civil_from_days`. Years start in March, so that the leap day is the last.
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * march_month + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_plainly() {
        assert_eq!(percent(0.1005), "10.05 %");
        assert_eq!(points(0.0005), "+0.05 percentage points");
        assert_eq!(relative(-0.05), "-5.00 % of the control's");
        assert_eq!(points(-0.000_000_1), "+0.00 percentage points");
        assert_eq!(probability(0.04402), "0.044");
        assert_eq!(probability(0.00442), "0.0044");
        assert_eq!(probability(2e-8), "below 0.0001");
        assert_eq!(count(1, "event"), "1 event");
    }

    #[test]
    fn instants_are_dates() {
        for (us, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00Z"),
            (1_772_323_200_000_000, "2026-03-01T00:00:00Z"),
            (1_798_761_599_000_000, "2026-12-31T23:59:59Z"),
        ] {
            assert_eq!(instant(us), text);
        }
        for us in [i64::MIN, i64::MAX] {
            assert!(instant(us).ends_with('Z'));
        }
    }
}
