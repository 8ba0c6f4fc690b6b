//! How is an instant shown to people?

use arrow::array::TimestampMicrosecondArray;
use arrow::util::display::{ArrayFormatter, FormatOptions};

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
