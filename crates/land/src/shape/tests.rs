use arrow::array::{
    AsArray, DictionaryArray, Int64Array, LargeStringArray, ListArray, NullArray, StringArray, StringViewArray,
    TimestampNanosecondArray,
};
use arrow::datatypes::{Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType};

use super::*;

const SECRET: &str = "alice@example.com";

fn field(name: &str, data_type: DataType, nullable: bool) -> Field {
    Field::new(name, data_type, nullable)
}

fn dictionary() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

fn shape(fields: Vec<Field>, extra: Extra) -> Shape {
    Shape::new(Arc::new(Schema::new(fields)), extra)
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

fn numbers(columns: &[(&str, Vec<i64>)]) -> RecordBatch {
    let array = |values: &Vec<i64>| Arc::new(Int64Array::from(values.clone())) as ArrayRef;
    batch(columns.iter().map(|(name, values)| (*name, array(values))).collect())
}

fn apply(shape: &Shape, rows: &RecordBatch) -> Result<RecordBatch> {
    shape.fit(rows.schema_ref())?.apply(rows)
}

#[test]
fn columns_are_found_by_name_and_absent_ones_are_null() {
    let shape = shape(vec![field("a", DataType::Int64, false), field("b", dictionary(), true)], Extra::Refuse);
    let rows = numbers(&[("a", vec![1, 2])]);
    let found = apply(&shape, &rows).unwrap();
    assert_eq!(found.column(1).logical_null_count(), 2);
    assert_eq!(found.schema_ref(), &shape.schema);
    assert_eq!(found.column(1).data_type(), &dictionary());

    let rows = batch(vec![
        ("b", Arc::new(StringArray::from(vec![Some("x"), None]))),
        ("a", Arc::new(Int64Array::from(vec![3, 4]))),
    ]);
    let found = apply(&shape, &rows).unwrap();
    assert_eq!(found.column(0).as_primitive::<Int64Type>().values(), &[3, 4]);
    let texts = arrow::compute::cast(found.column(1), &DataType::Utf8).unwrap();
    assert_eq!(texts.as_string::<i32>(), &StringArray::from(vec![Some("x"), None]));
}

#[test]
fn text_may_be_laid_out_in_any_way() {
    let layouts: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec!["x", "y"])),
        Arc::new(LargeStringArray::from(vec!["x", "y"])),
        Arc::new(StringViewArray::from(vec!["x", "y"])),
        Arc::new(vec!["x", "y"].into_iter().collect::<DictionaryArray<Int32Type>>()),
        Arc::new(vec!["x", "y"].into_iter().collect::<DictionaryArray<Int64Type>>()),
    ];
    for to in [DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View, dictionary()] {
        let shape = shape(vec![field("a", to.clone(), false)], Extra::Refuse);
        for layout in &layouts {
            let found = apply(&shape, &batch(vec![("a", Arc::clone(layout))])).unwrap();
            let text = arrow::compute::cast(found.column(0), &DataType::Utf8).unwrap();
            assert_eq!(text.as_string::<i32>(), &StringArray::from(vec!["x", "y"]));
        }
    }
}

#[test]
fn times_are_instants_whatever_their_unit_and_zone() {
    let to = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let shape = shape(vec![field("t", to.clone(), false)], Extra::Refuse);
    for zone in [None, Some("UTC"), Some("Europe/Berlin"), Some("+02:00")] {
        let times = TimestampNanosecondArray::from(vec![1_500_000_000]).with_timezone_opt(zone);
        let found = apply(&shape, &batch(vec![("t", Arc::new(times))])).unwrap();
        assert_eq!(found.column(0).data_type(), &to);
        assert_eq!(found.column(0).as_primitive::<TimestampMicrosecondType>().value(0), 1_500_000, "{zone:?}");
    }
}

#[test]
fn integers_may_be_of_any_width_as_long_as_they_fit() {
    let shape = shape(vec![field("n", DataType::Int32, true)], Extra::Refuse);
    let rows = batch(vec![("n", Arc::new(Int64Array::from(vec![Some(5), None])))]);
    let found = apply(&shape, &rows).unwrap();
    assert_eq!(found.column(0).as_primitive::<Int32Type>().value(0), 5);
    let rows = batch(vec![("n", Arc::new(Int64Array::from(vec![31_337_000_000])))]);
    let error = apply(&shape, &rows).unwrap_err();
    assert!(matches!(&error, Error::OutOfRange { column, .. } if column == "n"), "{error}");
    assert!(!error.to_string().contains("31337"), "{error}");
}

#[test]
fn names_inside_lists_do_not_matter() {
    let list = |name: &str| DataType::List(Arc::new(Field::new(name, DataType::Int32, true)));
    let shape = shape(vec![field("l", list("item"), true)], Extra::Refuse);
    let rows = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1)]), None]);
    let rows = relabelled_nested(&(Arc::new(rows) as ArrayRef), &list("element")).unwrap();
    assert_eq!(rows.data_type(), &list("element"));
    let found = apply(&shape, &batch(vec![("l", rows)])).unwrap();
    assert_eq!(found.column(0).data_type(), &list("item"));
    assert_eq!(found.column(0).null_count(), 1);
}

#[test]
fn what_does_not_fit_is_named_and_no_value_with_it() {
    let shape = shape(vec![field("a", DataType::Utf8, false), field("n", DataType::Int64, true)], Extra::Refuse);
    let text = |values: Vec<Option<&str>>| Arc::new(StringArray::from(values)) as ArrayRef;
    let check = |columns: Vec<(&str, ArrayRef)>, expected: &str| {
        let error = apply(&shape, &batch(columns)).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert!(!error.to_string().contains(SECRET));
    };
    check(
        vec![("n", Arc::new(Int64Array::from(vec![1])))],
        "the rows have no column `a`, which the stream requires: add it",
    );
    check(
        vec![("a", text(vec![Some(SECRET), None]))],
        "column `a` has 1 nulls, and the stream requires it: leave these rows out, or fill them",
    );
    check(
        vec![("a", text(vec![Some("x")])), ("n", text(vec![Some(SECRET)]))],
        "column `n` is Utf8, and the stream's is Int64: send it as that",
    );
    check(
        vec![("a", text(vec![Some("x")])), ("z", text(vec![Some(SECRET)]))],
        "the stream has no column `z`: leave it out, or add it to the stream",
    );
    check(
        vec![("a", Arc::new(NullArray::new(3)))],
        "column `a` has 3 nulls, and the stream requires it: leave these rows out, or fill them",
    );
}

#[test]
fn a_null_within_a_dictionary_is_a_null() {
    let shape = shape(vec![field("a", dictionary(), false)], Extra::Refuse);
    let values = Arc::new(StringArray::from(vec![Some("x"), None]));
    let rows = DictionaryArray::<Int32Type>::new(vec![0, 1, 1].into(), values);
    let error = apply(&shape, &batch(vec![("a", Arc::new(rows))])).unwrap_err();
    assert!(matches!(error, Error::Nulls { nulls: 2, .. }), "{error}");
}

#[test]
fn other_columns_are_left_out_where_that_is_asked() {
    let shape = shape(vec![field("a", DataType::Int64, true)], Extra::Drop);
    let rows = numbers(&[("z", vec![9]), ("a", vec![1])]);
    assert_eq!(apply(&shape, &rows).unwrap(), numbers(&[("a", vec![1])]));
}

#[test]
fn two_columns_of_one_name_are_refused() {
    let shape = shape(vec![field("a", DataType::Int64, true)], Extra::Drop);
    let twice = Schema::new(vec![field("a", DataType::Int64, true), field("a", DataType::Int64, true)]);
    assert!(matches!(shape.fit(&twice), Err(Error::RepeatedColumn { .. })));
}

#[test]
fn rows_that_share_buffers_count_as_far_as_they_are_used() {
    let all = batch(vec![("a", Arc::new(StringArray::from_iter_values((0..10_000).map(|n| format!("value {n:06}")))))]);
    let shape = shape(vec![field("a", DataType::Utf8, true), field("n", DataType::Int64, true)], Extra::Refuse);
    let fit = shape.fit(all.schema_ref()).unwrap();
    let (whole, part) = (fit.bytes(&all), fit.bytes(&all.slice(0, 10)));
    assert!((160_000..300_000).contains(&whole), "{whole}");
    assert!((160..400).contains(&part), "{part}");
}
