use arrow::array::{Int8Array, Int64Array, StringViewArray, TimestampSecondArray, UInt64Array};
use arrow::datatypes::{Int32Type, TimeUnit};

use super::*;

const SECOND_US: i64 = 1_000_000;

/// Instants of a column by unit; `None` where it has none, lost or never there.
fn check(from: impl Array + 'static, unit: EpochUnit, expected_us: &[Option<i64>], lost: &[usize]) {
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let from = Arc::new(from) as ArrayRef;
    let converted = convert_epoch(&from, &utc, unit).unwrap();
    assert_eq!(converted.array.data_type(), &utc);
    let found: Vec<_> = converted.array.as_primitive::<TimestampMicrosecondType>().iter().collect();
    assert_eq!(found, expected_us, "{from:?} in {unit:?}");
    assert_eq!(converted.lost, lost, "{from:?} in {unit:?}");
}

fn check_text(text: &str, unit: EpochUnit, expected_us: Option<i64>) {
    let lost: &[usize] = if expected_us.is_none() { &[0] } else { &[] };
    check(StringViewArray::from(vec![text]), unit, &[expected_us], lost);
}

#[test]
fn whole_numbers_of_every_unit_are_instants() {
    let numbers = || Int64Array::from(vec![Some(1_999), None, Some(0), Some(-1)]);
    let at = |a, b| [Some(a), None, Some(0), Some(b)];
    check(numbers(), EpochUnit::Seconds, &at(1_999 * SECOND_US, -SECOND_US), &[]);
    check(numbers(), EpochUnit::Millis, &at(1_999_000, -1_000), &[]);
    check(numbers(), EpochUnit::Micros, &at(1_999, -1), &[]);
    // Nanoseconds are cut to microseconds on both sides of 1970, as those of timestamps are.
    check(numbers(), EpochUnit::Nanos, &at(1, -1), &[]);
}

#[test]
fn every_layout_of_whole_numbers_counts() {
    check(Int8Array::from(vec![-7]), EpochUnit::Seconds, &[Some(-7 * SECOND_US)], &[]);
    check(UInt64Array::from(vec![7, u64::MAX]), EpochUnit::Seconds, &[Some(7 * SECOND_US), None], &[1]);
    let dictionary = arrow::array::DictionaryArray::<Int32Type>::new(
        vec![Some(1), None, Some(0)].into(),
        Arc::new(Int64Array::from(vec![5, 6])),
    );
    check(dictionary, EpochUnit::Millis, &[Some(6_000), None, Some(5_000)], &[]);
}

#[test]
fn what_is_too_far_away_is_lost() {
    let extremes = || Int64Array::from(vec![i64::MAX, i64::MIN, 1]);
    check(extremes(), EpochUnit::Seconds, &[None, None, Some(SECOND_US)], &[0, 1]);
    check(extremes(), EpochUnit::Millis, &[None, None, Some(1_000)], &[0, 1]);
    check(extremes(), EpochUnit::Micros, &[Some(i64::MAX), Some(i64::MIN), Some(1)], &[]);
    check(extremes(), EpochUnit::Nanos, &[Some(i64::MAX / 1_000), Some(i64::MIN / 1_000 - 1), Some(0)], &[]);
}

#[test]
fn text_that_is_a_number_counts_to_the_nanosecond() {
    let seconds = |text, expected| check_text(text, EpochUnit::Seconds, expected);
    seconds("1769860800", Some(1_769_860_800 * SECOND_US));
    seconds("-1", Some(-SECOND_US));
    seconds("1769860800.0", Some(1_769_860_800 * SECOND_US));
    seconds("1769860800.123456", Some(1_769_860_800_123_456));
    seconds("1769860800.1234567", Some(1_769_860_800_123_456));
    seconds("1.7698608e9", Some(1_769_860_800 * SECOND_US));
    seconds("17698608E+2", Some(1_769_860_800 * SECOND_US));
    seconds("5e-9", Some(0));
    seconds("-0.5", Some(-SECOND_US / 2));
    check_text("1769860800123", EpochUnit::Millis, Some(1_769_860_800_123_000));
    check_text("1769860800123.25", EpochUnit::Millis, Some(1_769_860_800_123_250));
}

#[test]
fn text_that_is_no_instant_is_lost() {
    let lost = |text, unit| check_text(text, unit, None);
    for text in ["", "x", "1x", "0x10", "1.-5", "1.+5", ".", "e", "1e", "1e1.5", "--1", "1_000", "NaN", "inf", "1 000"]
    {
        lost(text, EpochUnit::Seconds);
    }
    for text in
        ["1e300", "1e-300", "9999999999999999999999999999999999999999999", "9223372036854775807", "1e99999999999"]
    {
        lost(text, EpochUnit::Seconds);
    }
    lost("0.0000000001", EpochUnit::Seconds);
    lost("1.5", EpochUnit::Nanos);
}

#[test]
fn other_text_and_other_types_are_times_in_their_own_right() {
    let texts = StringViewArray::from(vec![Some("1970-01-01T00:00:02Z"), Some("3"), None, Some("soon")]);
    check(texts, EpochUnit::Seconds, &[Some(2 * SECOND_US), Some(3 * SECOND_US), None, None], &[3]);
    check(TimestampSecondArray::from(vec![4]), EpochUnit::Nanos, &[Some(4 * SECOND_US)], &[]);
}
