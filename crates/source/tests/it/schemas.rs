//! What columns a stream has, and what happens when its files disagree.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Float32Array, Int32Array, Int64Array, LargeStringArray, RecordBatch,
    StringArray, TimestampMillisecondArray, TimestampNanosecondArray,
};
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema, TimeUnit, TimestampMicrosecondType};
use tidegate_contract::EpochUnit;
use tidegate_source::Error;

use crate::stage::{Stage, decisions, read, read_all};

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap()
}

fn ints(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn small_ints(values: &[i32]) -> ArrayRef {
    Arc::new(Int32Array::from(values.to_vec()))
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

#[tokio::test]
async fn columns_come_and_go_and_widen() {
    let stage = Stage::new();
    let floats: ArrayRef = Arc::new(Float32Array::from(vec![0.5]));
    stage.parquet("1.parquet", &batch(vec![("a", small_ints(&[1])), ("gone", texts(&["x"])), ("f", floats)]));
    stage.parquet("2.parquet", &batch(vec![("only_here", ints(&[1])), ("a", small_ints(&[2]))]));
    let wide: ArrayRef = Arc::new(arrow::array::Float64Array::from(vec![0.25]));
    stage.parquet("3.parquet", &batch(vec![("new", texts(&["y"])), ("a", ints(&[3])), ("f", wide)]));
    let source = stage.source("parquet");
    let types: Vec<_> = source.schema().fields().iter().map(|f| format!("{} {}", f.name(), f.data_type())).collect();
    assert_eq!(types, ["a Int64", "gone Utf8View", "f Float64", "new Utf8View"]);
    for (row, id) in ["1.parquet", "2.parquet", "3.parquet"].into_iter().enumerate() {
        let read = read_all(&source, id).await;
        assert_eq!(read.given_up, None);
        assert_eq!(read.batch.schema().fields(), source.schema().fields());
        assert_eq!(read.column("a").as_primitive::<Int64Type>().values(), &[row as i64 + 1]);
        assert_eq!(read.column("gone").null_count(), usize::from(row > 0));
        assert_eq!(read.column("new").null_count(), usize::from(row < 2));
    }
}

#[test]
fn a_file_says_which_columns_it_has() {
    let stage = Stage::new();
    let told = |name: &str, format: &str| {
        let source = stage.source(format);
        let file = source.discover().unwrap().into_iter().find(|file| file.id == name).unwrap();
        source.columns_of(&file).map(|told| {
            let named = told.columns.iter().map(|(name, kind)| format!("{name}:{}", kind.as_deref().unwrap_or("-")));
            (named.collect::<Vec<_>>().join(" "), told.is_partial)
        })
    };
    let rows = batch(vec![("b", ints(&[1])), ("a", texts(&["x"]))]);
    stage.parquet("1.parquet", &rows);
    stage.text("2.parquet", "PAR1 and nothing else");
    assert_eq!(told("1.parquet", "parquet"), Some(("a:Utf8 b:Int64".to_owned(), false)));
    assert_eq!(told("2.parquet", "parquet"), None);
    stage.ipc("1.arrow", &rows);
    assert_eq!(told("1.arrow", "arrow"), Some(("a:Utf8 b:Int64".to_owned(), false)));
    stage.text("1.csv", "b,a\n1,x\n");
    stage.text("2.csv", "");
    assert_eq!(told("1.csv", "csv"), Some(("a:- b:-".to_owned(), false)));
    assert_eq!(told("2.csv", "csv"), None);
    // Most of its values say what a column is; a line that is no object says nothing.
    let lines = [
        "{\"a\": 1}",
        "{\"a\": 2.5, \"b\": null}",
        "[1]",
        "not JSON",
        "{\"a\": \"x\", \"c\": {\"k\": []}, \"d\": [true]}",
    ];
    stage.text("1.ndjson", lines.join("\n"));
    assert_eq!(told("1.ndjson", "ndjson"), Some(("a:Number b:- c:Struct d:List".to_owned(), true)));
}

#[tokio::test]
async fn a_type_that_does_not_fit_rejects_only_its_file_and_does_so_for_every_reader() {
    for extension in ["parquet", "arrow"] {
        let stage = Stage::new();
        let write = |name: &str, batch: &RecordBatch| match extension {
            "parquet" => stage.parquet(&format!("{name}.parquet"), batch),
            _ => stage.ipc(&format!("{name}.arrow"), batch),
        };
        write("1", &batch(vec![("a", small_ints(&[1])), ("b", ints(&[1]))]));
        write("2", &batch(vec![("a", texts(&["secret"])), ("b", ints(&[2]))]));
        write("3", &batch(vec![("a", small_ints(&[3])), ("b", ints(&[3]))]));
        let source = stage.source(extension);
        let id = format!("2.{extension}");
        let rejection = read_all(&source, &id).await.given_up.unwrap();
        assert_eq!((rejection.reason.as_str(), rejection.row), ("schema_mismatch", None));
        assert_eq!(
            rejection.detail,
            "column `a` is Utf8View in this file, and the stream expects Int32"
                .replace("Utf8View", if extension == "parquet" { "Utf8View" } else { "Utf8" })
        );
        let b = read(&source, &id, &["b"], 0.., 10).await;
        assert!(b.given_up.is_some(), "a file is bad whichever columns are asked for");
    }
}

#[tokio::test]
async fn files_that_cannot_be_opened_do_not_decide_the_columns() {
    let stage = Stage::new();
    stage.text("0.parquet", "not parquet");
    stage.parquet("1.parquet", &decisions(1));
    stage.text("2.parquet", "");
    assert_eq!(stage.source("parquet").schema().fields().len(), 5);
    let stage = Stage::new();
    stage.text("0.arrow", "ARROW1\0\0 and then nothing of use ARROW1");
    assert!(matches!(stage.connect(".", Some("arrow")), Err(Error::NoColumns { files: 1, .. })));
}

#[tokio::test]
async fn every_layout_of_text_is_read_as_views() {
    let stage = Stage::new();
    let dictionary: DictionaryArray<Int32Type> = vec!["a", "b", "a"].into_iter().collect();
    let written = batch(vec![
        ("plain", texts(&["a", "b", "a"])),
        ("large", Arc::new(LargeStringArray::from(vec!["a", "b", "a"]))),
        ("dictionary", Arc::new(dictionary)),
    ]);
    stage.parquet("a.parquet", &written);
    stage.ipc("a.arrow", &written);
    for (format, id) in [("parquet", "a.parquet"), ("arrow", "a.arrow")] {
        let read = read_all(&stage.source(format), id).await;
        for column in read.batch.columns() {
            assert_eq!(column.as_string_view().iter().flatten().collect::<Vec<_>>(), ["a", "b", "a"]);
        }
    }
}

#[tokio::test]
async fn event_times_of_every_unit_and_zone_become_microseconds_utc() {
    const US: i64 = 1_769_860_800_123_456;
    let stage = Stage::with_event_time("ts");
    let ms = || TimestampMillisecondArray::from(vec![US / 1000]);
    let ns = || TimestampNanosecondArray::from(vec![US * 1000]);
    let times: [(ArrayRef, i64); 5] = [
        (Arc::new(ms()), US / 1000 * 1000),
        (Arc::new(ms().with_timezone("Europe/Berlin")), US / 1000 * 1000),
        (Arc::new(ns()), US),
        (Arc::new(ns().with_timezone("+05:30")), US),
        (texts(&["2026-01-31T12:00:00.123456Z"]), US),
    ];
    for (number, (time, _)) in times.iter().enumerate() {
        stage.parquet(&format!("{number}.parquet"), &batch(vec![("ts", Arc::clone(time))]));
        stage.ipc(&format!("{number}.arrow"), &batch(vec![("ts", Arc::clone(time))]));
    }
    for format in ["parquet", "arrow"] {
        let source = stage.source(format);
        let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        assert_eq!(source.schema().field(0), &Field::new("ts", utc, true));
        for (number, (_, expected)) in times.iter().enumerate() {
            let read = read_all(&source, &format!("{number}.{format}")).await;
            assert_eq!(read.column("ts").as_primitive::<TimestampMicrosecondType>().values(), &[*expected]);
        }
    }
}

/// Reads `ts` of a file: the instants of the good rows, and the reasons of the bad ones.
async fn instants(stage: &Stage, format: &str, id: &str) -> (Vec<i64>, Vec<(u64, &'static str)>) {
    let read = read_all(&stage.source(format), id).await;
    assert!(read.given_up.is_none(), "{id}: {:?}", read.given_up);
    (read.column("ts").as_primitive::<TimestampMicrosecondType>().values().to_vec(), read.reasons())
}

#[tokio::test]
async fn numbers_are_event_times_once_their_unit_is_named() {
    const MS: i64 = 1_769_860_800_123;
    let mut stage = Stage::with_event_time("ts");
    let dictionary = DictionaryArray::<Int32Type>::new(vec![0, 0].into(), ints(&[MS]));
    stage.parquet("a.parquet", &batch(vec![("ts", ints(&[MS, i64::MAX]))]));
    stage.ipc("a.arrow", &batch(vec![("ts", ints(&[MS, i64::MAX]))]));
    stage.ipc("b.arrow", &batch(vec![("ts", Arc::new(dictionary))]));
    let times = Arc::new(TimestampMillisecondArray::from(vec![MS]).with_timezone("+05:30"));
    stage.ipc("c.arrow", &batch(vec![("ts", times)]));
    stage.csv("a.csv", &batch(vec![("ts", ints(&[MS, i64::MAX]))]));
    stage.ndjson("a.jsonl", &batch(vec![("ts", ints(&[MS, i64::MAX]))]));
    for format in ["parquet", "arrow", "csv", "ndjson"] {
        let error = stage.connect(".", Some(format)).unwrap_err();
        assert!(matches!(error, Error::EventTimeNotATime { .. }), "{format}: {error}");
    }

    stage.contract.event_time_unit = Some(EpochUnit::Millis);
    for (format, id) in [("parquet", "a.parquet"), ("arrow", "a.arrow"), ("csv", "a.csv"), ("ndjson", "a.jsonl")] {
        let expected = (vec![MS * 1000], vec![(1, "type_mismatch")]);
        assert_eq!(instants(&stage, format, id).await, expected, "{id}");
    }
    assert_eq!(instants(&stage, "arrow", "b.arrow").await, (vec![MS * 1000; 2], vec![]));
    assert_eq!(instants(&stage, "arrow", "c.arrow").await, (vec![MS * 1000], vec![]), "it names its unit itself");

    let read = read(&stage.source("parquet"), "a.parquet", &["ts", "ts"], 0.., 10).await;
    assert_eq!(read.batch.column(0), read.batch.column(1));
    assert_eq!(read.rejected[0].detail, "the value of column `ts` is not a Timestamp(µs, \"UTC\")");
}

#[tokio::test]
async fn numbers_in_text_are_read_as_they_are_written() {
    let mut stage = Stage::with_event_time("ts");
    stage.contract.event_time_unit = Some(EpochUnit::Seconds);
    let rows =
        ["1769860800", "\"1769860801\"", "1769860802.25", "1.769860803e9", "\"2026-01-31T12:00:04Z\"", "true", "null"];
    stage.text("a.jsonl", rows.map(|ts| format!("{{\"ts\":{ts}}}\n")).concat());
    stage.text("b.csv", "ts\n1769860800\n1769860801\n1769860802.25\n1.769860803e9\n2026-01-31T12:00:04Z\ntrue\n\"\"\n");
    let expected = [0, 1_000_000, 2_250_000, 3_000_000, 4_000_000].map(|after| 1_769_860_800_000_000 + after).to_vec();
    let reasons = vec![(5, "type_mismatch"), (6, "event_time_missing")];
    assert_eq!(instants(&stage, "ndjson", "a.jsonl").await, (expected.clone(), reasons.clone()));
    assert_eq!(instants(&stage, "csv", "b.csv").await, (expected, reasons));
    // A sample of nothing but fractions makes a column of floats.
    stage.text("a.jsonl", "{\"ts\":1769860800.5}\n");
    assert_eq!(instants(&stage, "ndjson", "a.jsonl").await.0, [1_769_860_800_500_000]);
    // Where floats are typed, they are no instants: they have lost digits already.
    stage.parquet("a.parquet", &batch(vec![("ts", Arc::new(Float32Array::from(vec![1.5])))]));
    assert!(matches!(stage.connect(".", Some("parquet")), Err(Error::EventTimeNotATime { .. })));
}

#[tokio::test]
async fn a_folder_can_give_the_event_time_as_a_number() {
    let mut stage = Stage::with_event_time("ts");
    stage.contract.event_time_unit = Some(EpochUnit::Seconds);
    stage.parquet("ts=1769860800/a.parquet", &batch(vec![("a", ints(&[1, 2]))]));
    stage.parquet("ts=99999999999999999/a.parquet", &batch(vec![("a", ints(&[1, 2]))]));
    let good = instants(&stage, "parquet", "ts=1769860800/a.parquet").await;
    assert_eq!(good, (vec![1_769_860_800_000_000; 2], vec![]));
    let bad = read_all(&stage.source("parquet"), "ts=99999999999999999/a.parquet").await;
    assert_eq!(bad.given_up.unwrap().reason.as_str(), "schema_mismatch");
}

#[tokio::test]
async fn an_event_time_must_exist_and_be_a_time() {
    let mut stage = Stage::with_event_time("event_tme");
    stage.parquet("a.parquet", &decisions(1));
    let error = stage.connect(".", Some("parquet")).unwrap_err().to_string();
    assert_eq!(
        error,
        "stream `decisions` has no event time column `event_tme` (did you mean `event_time`?); \
         its columns are: event_time, task_class, cost_nanousd, score, edited"
    );
    stage.contract.event_time = Some("when".into());
    let error = stage.connect(".", Some("parquet")).unwrap_err();
    assert!(matches!(error, Error::NoEventTime { suggestion: Some(only), .. } if only == "event_time"));
    stage.contract.event_time = Some("score".into());
    let error = stage.connect(".", Some("parquet")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the event time `score` of stream `decisions` is Float64: it must be a timestamp, a date, \
         text such as 2026-01-31T12:00:00Z, or a whole number with an event_time_unit"
    );
    stage.contract.event_time = Some("cost_nanousd".into());
    let error = stage.connect(".", Some("parquet")).unwrap_err();
    assert!(matches!(error, Error::EventTimeNotATime { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        "the event time `cost_nanousd` of stream `decisions` is Int64: \
         add event_time_unit = 'ms' (or 's', 'us', 'ns'), the unit in which it counts the time since 1970"
    );
}

#[tokio::test]
async fn an_unknown_column_is_refused_with_a_suggestion() {
    let stage = Stage::new();
    stage.parquet("a.parquet", &decisions(1));
    let source = stage.source("parquet");
    let file = &source.discover().unwrap()[0];
    let Err(error) = source.open(file, &["task_clas".into()], 0.., 1) else { panic!("it was opened") };
    assert!(error.to_string().starts_with("no column `task_clas` (did you mean `task_class`?)"), "{error}");
}

#[tokio::test]
async fn declared_columns_win_over_the_files() {
    let mut stage = Stage::with_event_time("at");
    let declared = Schema::new(vec![
        Field::new("n", DataType::Int64, false),
        Field::new("at", DataType::Timestamp(TimeUnit::Nanosecond, None), false),
        Field::new("absent", DataType::Utf8, false),
    ]);
    stage.contract.declared = Some(Arc::new(declared));
    stage.text("k=1/a.ndjson", "{\"n\": 9007199254740993, \"at\": \"2026-01-31T12:00:00Z\", \"more\": 1}\n");
    let source = stage.source("ndjson");
    let types: Vec<_> = source.schema().fields().iter().map(|f| f.data_type().to_string()).collect();
    assert_eq!(types, ["Int64", "Timestamp(µs, \"UTC\")", "Utf8View"]);
    let read = read_all(&source, "k=1/a.ndjson").await;
    assert_eq!(read.column("n").as_primitive::<Int64Type>().values(), &[9_007_199_254_740_993]);
    assert_eq!(read.column("absent").null_count(), 1);
}

#[tokio::test]
async fn json_whose_rows_disagree_still_has_columns() {
    let stage = Stage::new();
    stage.text("a.ndjson", "{\"a\":{\"x\":1}}\n{\"a\":5,\"b\":1}\n[]\nnot json\n{\"b\":2.5}\n");
    let source = stage.source("ndjson");
    let types: Vec<_> = source.schema().fields().iter().map(|f| (f.name().as_str(), f.data_type().clone())).collect();
    assert_eq!(types[1], ("b", DataType::Float64));
    let read = read_all(&source, "a.ndjson").await;
    assert_eq!(read.reasons(), [(1, "type_mismatch"), (2, "row_malformed"), (3, "row_malformed")]);
}
