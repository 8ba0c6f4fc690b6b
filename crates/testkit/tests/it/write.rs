//! Are written files the same bytes every time, and readable?

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use arrow::array::AsArray;
use arrow::datatypes::Int32Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tidegate_testkit::generate::{Config, Format, Layout, Written};

use crate::{config, generator};

/// Writes and gives back every file by its path below the folder.
fn write(config: Config, dir: &Path, threads: usize) -> (Written, BTreeMap<String, Vec<u8>>) {
    let written = generator(config).write(dir, threads, |_| ()).expect("files are written");
    let mut files = BTreeMap::new();
    collect(dir, dir, &mut files);
    (written, files)
}

fn collect(root: &Path, dir: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(dir).expect("the folder can be read") {
        let path = entry.expect("the entry can be read").path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).expect("the file lies below").display().to_string();
            files.insert(name, fs::read(&path).expect("the file can be read"));
        }
    }
}

#[test]
fn bytes_do_not_depend_on_threads() {
    for format in [Format::Parquet, Format::Ndjson, Format::Csv, Format::ArrowIpc] {
        let config = Config { rows: 5_000, rows_per_file: 400, format, ..config() };
        let (one, four) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (written, files) = write(config.clone(), one.path(), 1);
        let (by_four, files_by_four) = write(config, four.path(), 4);
        assert_eq!(written, by_four);
        assert!(files == files_by_four, "{format:?}");
        assert_eq!(written.files, files.len());
        assert_eq!(written.bytes, files.values().map(|bytes| bytes.len() as u64).sum::<u64>());
        assert_eq!((written.rows, written.unchanged), (5_000, 0));
    }
}

#[test]
fn writing_again_touches_nothing_and_repairs_what_differs() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { rows: 2_000, ..config() };
    let (first, files) = write(config.clone(), dir.path(), 2);
    let broken = dir.path().join("decisions/date=2026-01-06/part-0000.parquet");
    fs::write(&broken, "torn").unwrap();
    let (second, repaired) = write(config, dir.path(), 2);
    assert!(files == repaired);
    assert_eq!(second, Written { unchanged: first.files - 1, ..first });
}

#[test]
fn files_by_day_are_named_in_event_order_and_keep_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { rows: 3_000, days: 3, rows_per_file: 300, ..config() };
    let (written, files) = write(config.clone(), dir.path(), 2);
    let generator = generator(config);
    let names: Vec<_> = files.keys().filter(|name| name.starts_with("decisions/")).collect();
    assert_eq!(names.len(), generator.chunks());
    assert_eq!(names[0], "decisions/date=2026-01-05/part-0000.parquet");
    for (chunk, name) in names.into_iter().enumerate() {
        let reader = File::open(dir.path().join(name)).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(reader).unwrap();
        let metadata = reader.metadata().file_metadata().key_value_metadata().unwrap();
        assert!(metadata.iter().any(|pair| pair.key == "schema_version"));
        let batches = reader.with_batch_size(10_000).build().unwrap();
        let batches: Vec<_> = batches.map(Result::unwrap).collect();
        assert_eq!(batches, [generator.decisions(chunk).unwrap()]);
    }
    assert!(written.labels > 20, "{written:?}");
}

#[test]
fn hive_folders_hold_the_rows_of_their_tenant() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { rows: 3_000, days: 2, layout: Layout::Hive, ..config() };
    let (written, files) = write(config, dir.path(), 2);
    assert_eq!(written.rows, 3_000);
    assert!(files.contains_key("decisions/tenant_id=tenant-001/date=2026-01-05/part-0000.parquet"));
    let mut rows = 0;
    for name in files.keys().filter(|name| name.starts_with("decisions/")) {
        let reader = File::open(dir.path().join(name)).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(reader).unwrap();
        assert!(reader.schema().index_of("tenant_id").is_err());
        rows += reader.metadata().file_metadata().num_rows();
    }
    assert_eq!(rows, 3_000);
}

#[test]
fn text_formats_say_what_parquet_says() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { rows: 500, days: 1, format: Format::Ndjson, ..config() };
    let (_, lines) = write(config.clone(), &dir.path().join("ndjson"), 1);
    let (_, table) = write(Config { format: Format::Csv, ..config.clone() }, &dir.path().join("csv"), 1);
    let batch = generator(config).decisions(0).unwrap();

    let lines = str::from_utf8(&lines["decisions/date=2026-01-05/part-0000.ndjson"]).unwrap();
    let line = lines.lines().next().unwrap();
    let id = batch.column_by_name("decision_id").unwrap().as_string::<i32>().value(0);
    assert!(line.contains(&format!(r#""decision_id":"{id}""#)), "{line}");
    assert!(line.contains(r#""event_time":"2026-01-05T00:"#), "{line}");
    assert_eq!(lines.lines().count(), 500);

    let table = str::from_utf8(&table["decisions/date=2026-01-05/part-0000.csv"]).unwrap();
    let header = table.lines().next().unwrap();
    assert!(!header.contains("feature_flags") && header.ends_with(",source"), "{header}");
    let tasks = batch.column_by_name("task_class").unwrap().as_dictionary::<Int32Type>();
    let words = tasks.values().as_string::<i32>();
    assert!(table.lines().nth(1).unwrap().contains(words.value(tasks.key(0).unwrap())));
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("decisions"), "a file in the way").unwrap();
    let error = generator(config()).write(dir.path(), 2, |_| ()).unwrap_err();
    assert!(error.to_string().contains("decisions/date="), "{error}");
}

#[test]
fn progress_counts_up_to_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut seen = Vec::new();
    let generator = generator(Config { rows: 1_000, days: 3, ..config() });
    let written = generator.write(dir.path(), 2, |progress| seen.push(progress)).unwrap();
    assert_eq!(seen.iter().map(|progress| progress.chunks_done).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(seen[2].written, written);
}
