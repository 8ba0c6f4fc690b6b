//! Bad files and rows are set aside with a reason, and nothing of their values is told.

use std::fs;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, TimeUnit};
use tidegate_source::Item;

use crate::stage::{Outcome, Stage, decisions, read, read_all};

const SECRET: &str = "Zz-secret-Zz";

fn stage() -> Stage {
    let mut stage = Stage::with_event_time("at");
    stage.contract.declared = Some(Arc::new(Schema::new(vec![
        Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, None), true),
        Field::new("n", DataType::Int64, true),
        Field::new("f", DataType::Float64, true),
        Field::new("ok", DataType::Boolean, true),
        Field::new("s", DataType::Utf8, true),
        Field::new("day", DataType::Date32, true),
        Field::new("price", DataType::Decimal128(10, 2), true),
    ])));
    stage
}

fn check_no_values(read: &Outcome) {
    let said = format!("{:?} {:?}", read.rejected, read.given_up);
    assert!(!said.contains(SECRET), "{said}");
}

#[tokio::test]
async fn bad_json_rows_are_named_one_by_one() {
    let stage = stage();
    let at = r#""at":"2026-01-31T12:00:00Z""#;
    let rows = [
        (format!(r#"{{{at},"n":1}}"#), ""),
        (format!(r#"{{{at},"n":"{SECRET}"}}"#), "type_mismatch: the value of column `n` is not a Int64"),
        (format!(r#"{{{at},"n":1.5}}"#), "type_mismatch: the value of column `n` is not a Int64"),
        (format!(r#"{{{at},"n":2.0}}"#), ""),
        (format!(r#"{{{at},"n":{{"{SECRET}":1}}}}"#), "type_mismatch: the value of column `n` is not a Int64"),
        (format!(r#"{{{at},"f":"{SECRET}"}}"#), "type_mismatch: the value of column `f` is not a Float64"),
        (format!(r#"{{{at},"ok":"{SECRET}"}}"#), "type_mismatch: the value of column `ok` is not a Boolean"),
        (format!(r#"{{{at},"s":["{SECRET}"]}}"#), "type_mismatch: the value of column `s` is not a Utf8View"),
        (
            format!(r#"{{{at},"s":"'ok': {SECRET}","f":{{}}}}"#),
            "type_mismatch: the value of column `f` is not a Float64",
        ),
        (format!(r#"{{{at},"day":"{SECRET}"}}"#), "type_mismatch: the value of column `day` is not a Date32"),
        (format!(r#"{{"n":3,"s":"{SECRET}"}}"#), "event_time_missing: the event time `at` is missing"),
        (r#"{"at":null}"#.into(), "event_time_missing: the event time `at` is missing"),
        (format!(r#"{{"at":"{SECRET}"}}"#), "type_mismatch: the value of column `at` is not a Timestamp"),
        (r#"{"at":1769860800}"#.into(), "type_mismatch: the value of column `at` is not a Timestamp"),
        (format!(r#"{{{at},"s":"{SECRET}""#), "row_malformed: the line is not valid JSON"),
        (SECRET.to_string(), "row_malformed: the line is not valid JSON"),
        (format!(r#"{{{at}}}{{{at}}}"#), "row_malformed: the line is not valid JSON"),
        (format!(r#""{SECRET}""#), "row_malformed: the line is not a JSON object"),
        (r#"[1]"#.into(), "row_malformed: the line is not a JSON object"),
        (format!(r#"{{{at},"n":4,"other":"{SECRET}"}}"#), ""),
    ];
    let text: Vec<&str> = rows.iter().map(|(line, _)| line.as_str()).collect();
    stage.text("a.ndjson", text.join("\n"));
    let source = stage.source("ndjson");
    for batch_rows in [1, 3, 1000] {
        let columns = ["at", "n", "f", "ok", "s", "day"];
        let read = read(&source, "a.ndjson", &columns, 0.., batch_rows).await;
        assert_eq!(read.rows_read, rows.len() as u64);
        let bad: Vec<_> = rows.iter().enumerate().filter(|(_, (_, expected))| !expected.is_empty()).collect();
        assert_eq!(read.rejected.len(), bad.len());
        for (rejection, (row, (line, expected))) in read.rejected.iter().zip(bad) {
            assert_eq!(rejection.row, Some(row as u64), "{line}");
            let said = format!("{}: {}", rejection.reason, rejection.detail);
            assert!(said.starts_with(expected), "{line}: {said}");
        }
        check_no_values(&read);
        let good = read.column("n").as_primitive::<Int64Type>();
        assert_eq!(good.values(), &[1, 2, 4]);
    }
}

#[tokio::test]
async fn json_that_is_not_utf8_is_malformed() {
    let stage = stage();
    stage.text("a.ndjson", b"{\"at\":\"2026-01-31\"}\n{\"at\":\"2026-01-31\",\"s\":\"\xff\"}\n{\"at\":\"2026-01-31\"}");
    let read = read_all(&stage.source("ndjson"), "a.ndjson").await;
    assert_eq!(read.reasons(), [(1, "row_malformed")]);
    assert_eq!(read.batch.num_rows(), 2);
}

#[tokio::test]
async fn bad_csv_rows_are_named_one_by_one() {
    let stage = stage();
    let rows = [
        ("2026-01-31,1,0.5,true,x,2026-01-31,1.25", ""),
        ("2026-01-31,Zz-secret-Zz,,,,,", "type_mismatch: the value of column `n` is not a Int64"),
        ("2026-01-31,,Zz-secret-Zz,,,,", "type_mismatch: the value of column `f` is not a Float64"),
        ("2026-01-31,,,Zz-secret-Zz,,,", "type_mismatch: the value of column `ok` is not a Boolean"),
        ("2026-01-31,,,,,2026-13-01,", "type_mismatch: the value of column `day` is not a Date32"),
        ("2026-01-31,,,,,,Zz-secret-Zz", "type_mismatch: the value of column `price` is not a Decimal128(10, 2)"),
        ("Zz-secret-Zz,,,,,,", "type_mismatch: the value of column `at` is not a Timestamp"),
        (",1,,,,,", "event_time_missing: the event time `at` is missing"),
        ("2026-01-31,1", "row_malformed: 2 fields instead of 7"),
        ("2026-01-31,1,,,,,,Zz-secret-Zz", "row_malformed: 8 fields instead of 7"),
        ("2026-01-31 23:59:59.5,2,,,,,", ""),
    ];
    let lines: Vec<&str> = rows.iter().map(|(line, _)| *line).collect();
    stage.text("a.csv", format!("at,n,f,ok,s,day,price\n{}\n", lines.join("\n")));
    let read = read_all(&stage.source("csv"), "a.csv").await;
    let bad: Vec<_> = rows.iter().enumerate().filter(|(_, (_, expected))| !expected.is_empty()).collect();
    assert_eq!(read.rejected.len(), bad.len());
    for (rejection, (row, (line, expected))) in read.rejected.iter().zip(bad) {
        assert_eq!(rejection.row, Some(row as u64), "{line}");
        assert!(format!("{}: {}", rejection.reason, rejection.detail).starts_with(expected), "{line}: {rejection}");
    }
    check_no_values(&read);
    assert_eq!(read.column("n").as_primitive::<Int64Type>().values(), &[1, 2]);
    assert_eq!(read.column("s").null_count(), 1);
}

#[tokio::test]
async fn a_null_event_time_is_rejected_also_when_it_is_not_asked_for() {
    let stage = Stage::with_event_time("at");
    let times = arrow::array::TimestampMillisecondArray::from(vec![Some(1), None, Some(3)]);
    let numbers = arrow::array::Int64Array::from(vec![1, 2, 3]);
    let batch = arrow::array::RecordBatch::try_from_iter_with_nullable([
        ("n", Arc::new(numbers) as arrow::array::ArrayRef, true),
        ("at", Arc::new(times) as arrow::array::ArrayRef, true),
    ]);
    stage.parquet("a.parquet", &batch.unwrap());
    let read = read(&stage.source("parquet"), "a.parquet", &["n"], 0.., 100).await;
    assert_eq!(read.batch.num_columns(), 1);
    assert_eq!(read.column("n").as_primitive::<Int64Type>().values(), &[1, 3]);
    assert_eq!(read.reasons(), [(1, "event_time_missing")]);
}

#[tokio::test]
async fn a_file_without_the_event_time_is_rejected_whole() {
    let stage = stage();
    stage.text("a.csv", "n\n1\n2\n");
    let rejection = read_all(&stage.source("csv"), "a.csv").await.given_up.unwrap();
    assert_eq!((rejection.reason.as_str(), rejection.row), ("event_time_missing", None));
}

#[tokio::test]
async fn damaged_files_never_stop_the_run() {
    for format in ["parquet", "arrow"] {
        let stage = Stage::with_event_time("event_time");
        let batch = decisions(3000);
        let good = format!("a.{format}");
        match format {
            "parquet" => stage.parquet(&good, &batch),
            _ => stage.ipc(&good, &batch),
        }
        let source = stage.source(format);
        let bytes = fs::read(stage.path(&good)).unwrap();
        let bad = format!("b.{format}");
        let mut rejected = 0;
        for cut in (0..bytes.len()).step_by(bytes.len() / 20) {
            stage.text(&bad, &bytes[..cut]);
            let read = read_all(&source, &bad).await;
            let rejection = read.given_up.unwrap();
            assert_eq!(rejection.reason.as_str(), "file_corrupt");
            assert!(rejection.detail.contains("no row was delivered"), "{rejection}");
        }
        for at in (0..bytes.len()).step_by(bytes.len() / 150) {
            let mut damaged = bytes.clone();
            for byte in damaged[at..].iter_mut().take(16) {
                *byte ^= 0xA5;
            }
            stage.text(&bad, damaged);
            let read = read_all(&source, &bad).await;
            assert_eq!(read.rows_read, (read.batch.num_rows() + read.rejected.len()) as u64);
            if let Some(rejection) = read.given_up {
                rejected += 1;
                let delivered = match read.rows_read {
                    0 => "no row was delivered".to_string(),
                    rows => format!("{rows} rows were delivered before and stand"),
                };
                assert!(rejection.detail.ends_with(&delivered) || rejection.reason.as_str() != "file_corrupt");
            }
        }
        assert!(rejected > 10, "{format}: only {rejected} damages were noticed");
    }
}

#[tokio::test]
async fn a_file_that_vanished_is_unreadable() {
    use futures::StreamExt;
    for (format, name) in [("parquet", "a.parquet"), ("arrow", "a.arrow"), ("ndjson", "a.ndjson"), ("csv", "a.csv")] {
        let stage = Stage::new();
        let batch = decisions(3);
        stage.parquet("a.parquet", &batch);
        stage.ipc("a.arrow", &batch);
        stage.ndjson("a.ndjson", &batch);
        stage.csv("a.csv", &batch);
        let source = stage.source(format);
        let file = source.discover().unwrap().remove(0);
        fs::remove_file(stage.path(name)).unwrap();
        let items: Vec<Item> = source.open(&file, &["score".into()], 0.., 10).unwrap().collect().await;
        let [Item::FileRejected(rejection)] = items.as_slice() else { panic!("{items:?}") };
        assert_eq!(rejection.reason.as_str(), "file_unreadable");
        assert!(rejection.detail.contains("not found"), "{rejection}");
    }
}

#[tokio::test]
async fn an_unclosed_quote_takes_the_rest_of_the_file_as_one_bad_row() {
    let stage = stage();
    stage.text("a.csv", format!("at,n\n2026-01-31,1\n2026-01-31,\"{SECRET}\n2026-01-31,2\n"));
    let read = read(&stage.source("csv"), "a.csv", &["at", "n"], 0.., 10).await;
    assert_eq!(read.reasons(), [(1, "type_mismatch")]);
    check_no_values(&read);
}
