use arrow::array::{
    Date32Array, Date64Array, DictionaryArray, Int64Array, StringArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray,
};
use arrow::datatypes::Int32Type;

use super::*;

fn utc() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn text(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringViewArray::from(values.to_vec()))
}

fn check_time(from: impl Array + 'static, expected_us: i64) {
    let from: ArrayRef = Arc::new(from);
    assert!(is_lossless(from.data_type(), &utc()), "{}", from.data_type());
    let converted = convert(&from, &utc()).unwrap();
    let expected = TimestampMicrosecondArray::from(vec![expected_us]).with_timezone("UTC");
    assert_eq!(converted.array.as_primitive::<TimestampMicrosecondType>(), &expected);
    assert!(converted.lost.is_empty());
}

/// A dictionary whose only row is the first of `values`.
fn coded(values: impl Array + 'static) -> DictionaryArray<Int32Type> {
    DictionaryArray::new(vec![0].into(), Arc::new(values))
}

#[test]
fn times_of_every_unit_and_zone_are_instants() {
    const US: i64 = 1_769_860_800_000_000;
    check_time(TimestampSecondArray::from(vec![US / 1_000_000]), US);
    check_time(TimestampMillisecondArray::from(vec![US / 1000]), US);
    check_time(TimestampMicrosecondArray::from(vec![US]), US);
    check_time(TimestampNanosecondArray::from(vec![US * 1000 + 999]), US);
    for zone in ["UTC", "+02:00", "Europe/Berlin"] {
        check_time(TimestampSecondArray::from(vec![US / 1_000_000]).with_timezone(zone), US);
        check_time(TimestampMillisecondArray::from(vec![US / 1000]).with_timezone(zone), US);
        check_time(TimestampMicrosecondArray::from(vec![US]).with_timezone(zone), US);
        check_time(TimestampNanosecondArray::from(vec![US * 1000]).with_timezone(zone), US);
    }
    check_time(Date32Array::from(vec![1]), 86_400_000_000);
    check_time(Date64Array::from(vec![86_400_000]), 86_400_000_000);
    check_time(coded(TimestampMillisecondArray::from(vec![US / 1000]).with_timezone("+02:00")), US);
    check_time(coded(TimestampNanosecondArray::from(vec![US * 1000])), US);
    check_time(coded(Date32Array::from(vec![1])), 86_400_000_000);
    check_time(coded(StringArray::from(vec!["2026-01-31T14:00:00+02:00"])), US);
    for time in ["2026-01-31T12:00:00Z", "2026-01-31 12:00:00", "2026-01-31T14:00:00.000+02:00"] {
        check_time(StringArray::from(vec![time]), US);
        check_time(StringViewArray::from(vec![time]), US);
    }
}

#[test]
fn a_value_that_does_not_fit_is_lost_and_named() {
    let check = |values: &[Option<&str>], to: DataType, lost: &[usize]| {
        assert_eq!(convert(&text(values), &to).unwrap().lost, lost, "{values:?} as {to}");
    };
    check(&[Some("1"), None, Some("x"), Some("1.5"), Some("1.0"), Some("2e3")], DataType::Int64, &[2, 3]);
    check(&[Some("9223372036854775807"), Some("9223372036854775808")], DataType::Int64, &[1]);
    check(&[Some("300"), Some("-1"), Some("255.0")], DataType::UInt8, &[0, 1]);
    check(&[Some("yesterday"), Some("1769860800")], utc(), &[0, 1]);
    check(&[Some("2026-01-31"), Some("2026-02-31")], DataType::Date32, &[1]);
    let far: ArrayRef = Arc::new(TimestampSecondArray::from(vec![0, i64::MAX]));
    assert_eq!(convert(&far, &utc()).unwrap().lost, [1]);
}

#[test]
fn whole_numbers_written_as_floats_keep_their_value() {
    let converted = convert(&text(&[Some("1.0"), Some("-2e3"), Some("7")]), &DataType::Int64).unwrap();
    assert_eq!(converted.array.as_ref(), &Int64Array::from(vec![1, -2000, 7]));
}

#[test]
fn text_of_every_layout_becomes_views() {
    let dictionary: DictionaryArray<Int32Type> = vec![Some("a"), None, Some("a")].into_iter().collect();
    let converted = convert(&(Arc::new(dictionary) as ArrayRef), &DataType::Utf8View).unwrap();
    assert_eq!(converted.array.as_ref(), &StringViewArray::from(vec![Some("a"), None, Some("a")]));
    assert!(converted.lost.is_empty());
}

#[test]
fn narrowing_is_not_lossless() {
    use DataType::*;
    let check = |from: DataType, to: DataType, expected: bool| {
        assert_eq!(is_lossless(&from, &to), expected, "{from} to {to}");
    };
    check(Int32, Int64, true);
    check(UInt32, Int64, true);
    check(Int64, Int32, false);
    check(Int64, Float64, false);
    check(UInt64, Int64, false);
    check(Float64, Int64, false);
    check(Utf8, Int64, false);
    check(Int64, Utf8View, false);
    check(Decimal128(10, 2), Decimal128(12, 4), true);
    check(Decimal128(10, 2), Decimal128(10, 4), false);
}

#[test]
fn nanoseconds_are_cut_off_on_both_sides_of_1970() {
    let nanos = Arc::new(TimestampNanosecondArray::from(vec![Some(1_999), Some(-1), Some(-1_000), None])) as ArrayRef;
    let converted = convert(&nanos, &utc()).unwrap();
    let expected = TimestampMicrosecondArray::from(vec![Some(1), Some(-1), Some(-1), None]).with_timezone("UTC");
    assert_eq!(converted.array.as_ref(), &expected);
}
