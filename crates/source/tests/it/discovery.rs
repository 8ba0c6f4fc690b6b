//! Which files a stream has, in what order, and what their folders say.

use std::fs;
use std::time::{Duration, UNIX_EPOCH};

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Date32Type, Int64Type};
use tidegate_source::{Error, Source};

use crate::stage::{Stage, decisions, read, read_all};

fn ids(source: &Source) -> Vec<String> {
    source.discover().unwrap().into_iter().map(|file| file.id).collect()
}

#[tokio::test]
async fn a_folder_is_listed_recursively_in_byte_order() {
    let stage = Stage::new();
    let names = ["b.csv", "a/z.csv", "a.csv", "B.CSV", "a-b/x.csv", "é.csv", "a/b/c.csv"];
    let ignored = [".a.csv", "_a.csv", "a.csv.tmp", "#a.csv", "a.csv#1", "a.parquet", "_log/a.csv", ".x/a.csv", "csv"];
    for name in names.iter().chain(&ignored) {
        stage.text(name, "x\n1\n");
    }
    let source = stage.source("csv");
    assert_eq!(ids(&source), ["B.CSV", "a-b/x.csv", "a.csv", "a/b/c.csv", "a/z.csv", "b.csv", "é.csv"]);
    let file = &source.discover().unwrap()[0];
    assert_eq!((file.size, file.path.clone()), (4, stage.folder.path().join("./B.CSV").into()));
}

#[tokio::test]
async fn a_file_says_when_it_was_modified() {
    let stage = Stage::new();
    let modify = |time| {
        stage.text("a.csv", "x\n1\n");
        fs::File::options().write(true).open(stage.path("a.csv")).unwrap().set_modified(time).unwrap();
        let (listed, named) = (stage.source("csv"), stage.connect("a.csv", None).unwrap());
        let modified_us = listed.discover().unwrap()[0].modified_us;
        assert_eq!(named.discover().unwrap()[0].modified_us, modified_us);
        modified_us
    };
    let second = Duration::from_secs(1);
    assert_eq!(modify(UNIX_EPOCH + 1_769_860_800 * second + Duration::from_micros(7)), 1_769_860_800_000_007);
    assert_eq!(modify(UNIX_EPOCH - second), -1_000_000);
}

#[tokio::test]
async fn one_file_and_globs() {
    let stage = Stage::new();
    for name in ["in/a.csv", "in/x-1.csv", "in/d/x-2.csv", "in/d/e/x-3.csv", "in/x-4.log", "in/.x-5.csv", "x-6.csv"] {
        stage.text(name, "x\n1\n");
    }
    let check = |path: &str, format: Option<&str>, expected: &[&str]| {
        assert_eq!(ids(&stage.connect(path, format).unwrap()), expected, "{path}");
    };
    check("in/a.csv", None, &["a.csv"]);
    check("in/x-4.log", Some("csv"), &["x-4.log"]);
    check("in/*.csv", None, &["a.csv", "x-1.csv"]);
    check("in/**/x-*.csv", None, &["d/e/x-3.csv", "d/x-2.csv", "x-1.csv"]);
    check("in/*.log", Some("csv"), &["x-4.log"]);
    check("in/*", Some("csv"), &["a.csv", "x-1.csv"]);
    check("in/?/*", Some("csv"), &["d/x-2.csv"]);
    check("./in/", Some("csv"), &["a.csv", "d/e/x-3.csv", "d/x-2.csv", "x-1.csv"]);
    let absolute = stage.folder.path().join("in/*.csv").display().to_string();
    check(&absolute, None, &["a.csv", "x-1.csv"]);
}

#[tokio::test]
async fn what_is_not_there() {
    let stage = Stage::new();
    fs::create_dir(stage.path("empty")).unwrap();
    let error = stage.connect("landing/", Some("parquet")).unwrap_err();
    assert!(matches!(&error, Error::PathMissing { path } if path.starts_with(stage.folder.path())), "{error}");
    assert!(matches!(stage.connect("gone.csv", None), Err(Error::PathMissing { .. })));
    assert!(matches!(stage.connect("empty", Some("parquet")), Err(Error::NoColumns { files: 0, .. })));
    assert!(matches!(stage.connect("empty", None), Err(Error::FormatMissing { .. })));
    assert!(matches!(stage.connect("empty", Some("xml")), Err(Error::UnknownFormat { .. })));

    let mut stage = stage;
    stage.contract.declared = Some(decisions(0).schema());
    let source = stage.connect("empty", Some("parquet")).unwrap();
    assert!(ids(&source).is_empty(), "an empty folder has no files, and that is no error");
    fs::remove_dir(stage.path("empty")).unwrap();
    assert!(matches!(source.discover(), Err(Error::PathMissing { .. })));
}

#[cfg(unix)]
#[tokio::test]
async fn links_are_followed_but_not_in_circles() {
    use std::os::unix::fs::symlink;
    let stage = Stage::new();
    stage.text("elsewhere/real.csv", "x\n1\n");
    stage.text("in/a.csv", "x\n1\n");
    symlink(stage.path("elsewhere"), stage.path("in/far")).unwrap();
    symlink(stage.path("elsewhere/real.csv"), stage.path("in/linked.csv")).unwrap();
    symlink(stage.path("in"), stage.path("in/circle")).unwrap();
    symlink(stage.path("nowhere.csv"), stage.path("in/broken.csv")).unwrap();
    let source = stage.connect("in", Some("csv")).unwrap();
    assert_eq!(ids(&source), ["a.csv", "far/real.csv", "linked.csv"]);
}

#[tokio::test]
async fn folders_become_columns() {
    let stage = Stage::with_event_time("event_time");
    let batch = decisions(3);
    for tenant in ["1", "2", "__HIVE_DEFAULT_PARTITION__"] {
        for (date, class) in [("2026-01-31", "a%2Fb"), ("2026-02-01", "c")] {
            stage.parquet(&format!("tenant={tenant}/date={date}/class={class}/x.parquet"), &batch);
        }
    }
    let source = stage.source("parquet");
    let types: Vec<_> = source.schema().fields()[5..].iter().map(|f| (f.name().as_str(), f.data_type())).collect();
    assert_eq!(types, [("class", &DataType::Utf8View), ("date", &DataType::Date32), ("tenant", &DataType::Int64)]);
    let read1 = read_all(&source, "tenant=2/date=2026-01-31/class=a%2Fb/x.parquet").await;
    assert_eq!(read1.column("tenant").as_primitive::<Int64Type>().values(), &[2, 2, 2]);
    assert_eq!(read1.column("date").as_primitive::<Date32Type>().value(2), 20_484);
    assert_eq!(read1.column("class").as_string_view().value(1), "a/b");
    let read2 =
        read(&source, "tenant=__HIVE_DEFAULT_PARTITION__/date=2026-02-01/class=c/x.parquet", &["tenant"], 0.., 2).await;
    assert_eq!((read2.column("tenant").null_count(), read2.rows_read), (3, 3));
}

#[tokio::test]
async fn a_folder_that_does_not_fit_the_declared_type_rejects_the_file() {
    let mut stage = Stage::new();
    stage.text("tenant=7/a.csv", "x\n1\n");
    stage.text("tenant=seven/b.csv", "x\n1\n");
    let fields = ["x", "tenant"].map(|name| arrow::datatypes::Field::new(name, DataType::Int32, false));
    stage.contract.declared = Some(std::sync::Arc::new(arrow::datatypes::Schema::new(fields.to_vec())));
    let source = stage.source("csv");
    let good = read_all(&source, "tenant=7/a.csv").await;
    assert_eq!(good.column("tenant").as_primitive::<arrow::datatypes::Int32Type>().values(), &[7]);
    let bad = read_all(&source, "tenant=seven/b.csv").await.given_up.unwrap();
    assert_eq!(bad.reason.as_str(), "schema_mismatch");
    assert_eq!(bad.detail, "the folder `tenant=` does not hold a Int32");
}
