//! How is an instant shown to people, and typed by them?

use std::str::FromStr;

use arrow::array::TimestampMicrosecondArray;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

/// A day counted from 1970-01-01 as `2026-01-05`.
pub(crate) fn show_day(day: i32) -> String {
    show(i64::from(day) * 86_400_000_000).chars().take(10).collect()
}

/// Microseconds since 1970 as `2026-01-05 00:00:00`, without a zone: all times are UTC.
pub(crate) fn show(instant_us: i64) -> String {
    let column = TimestampMicrosecondArray::from(vec![instant_us]);
    let options = FormatOptions::default().with_timestamp_format(Some("%Y-%m-%d %H:%M:%S"));
    match ArrayFormatter::try_new(&column, &options) {
        Ok(formatter) => formatter.value(0).to_string(),
        Err(_) => instant_us.to_string(),
    }
}

/// An instant as it is typed: `2026-01-05` or `2026-01-05T10:00:00Z`. Microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Instant(pub(crate) i64);

impl FromStr for Instant {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let day = NaiveDate::from_str(text).map(|day| day.and_time(NaiveTime::MIN).and_utc());
        let instant = day.or_else(|_| DateTime::parse_from_rfc3339(text).map(|instant| instant.with_timezone(&Utc)));
        instant
            .map(|instant| Self(instant.timestamp_micros()))
            .map_err(|_| "write a date or an instant, as in 2026-01-05T10:00:00Z")
    }
}
