//! Reading on from a row gives what reading from the start gives after it, and a range can be read again.

use std::fs;

use tidegate_source::Source;

use crate::stage::{Outcome, Stage, decisions, read};

const COLUMNS: [&str; 3] = ["event_time", "task_class", "cost_nanousd"];

async fn check(stage: &Stage, format: &str, id: &str) {
    let source = stage.source(format);
    let whole = read(&source, id, &COLUMNS, 0.., 997).await;
    assert!(whole.given_up.is_none());
    check_ranges(&source, id, &whole).await;
    for from_row in [0, 1, 996, 997, 998, 1000, 1999, 2499, 2500, 9999] {
        for batch_rows in [1000, 64] {
            let rest = read(&source, id, &COLUMNS, from_row.., batch_rows).await;
            assert_eq!(rest.rows_read, whole.rows_read.saturating_sub(from_row), "{id} from {from_row}");
            let before = whole.rejected.iter().filter(|r| r.row.unwrap() < from_row).count();
            assert_eq!(rest.rejected, whole.rejected[before..], "{id} from {from_row}");
            let Outcome { batch, .. } = rest;
            if batch.num_rows() > 0 {
                let skipped = from_row as usize - before;
                assert_eq!(batch, whole.batch.slice(skipped, batch.num_rows()), "{id} from {from_row}");
                assert_eq!(skipped + batch.num_rows(), whole.batch.num_rows());
            }
        }
    }
}

/// Reads ranges of a file, of which some have bad rows and some go beyond the end.
async fn check_ranges(source: &Source, id: &str, whole: &Outcome) {
    for (from, to) in [(0, 0), (0, 1), (0, 996), (5, 6), (95, 105), (998, 1001), (1000, 2000), (1500, 9999), (7, 3)] {
        for batch_rows in [1000, 64] {
            let part = read(source, id, &COLUMNS, from..to, batch_rows).await;
            assert!(part.given_up.is_none());
            let rows = to.min(whole.rows_read).saturating_sub(from);
            assert_eq!(part.rows_read, rows, "{id}: {from} to {to}");
            let is_bad_before = |row| whole.rejected.iter().filter(|r| r.row.unwrap() < row).count();
            let (bad_before, bad) = (is_bad_before(from), is_bad_before(from.max(to)));
            assert_eq!(part.rejected, whole.rejected[bad_before..bad], "{id}: {from} to {to}");
            let good = rows as usize - (bad - bad_before);
            assert_eq!(part.batch.num_rows(), good, "{id}: {from} to {to}");
            if good > 0 {
                assert_eq!(part.batch, whole.batch.slice(from as usize - bad_before, good), "{id}: {from} to {to}");
            }
        }
    }
}

#[tokio::test]
async fn good_files() {
    let stage = Stage::with_event_time("event_time");
    let batch = decisions(2500);
    stage.parquet("a.parquet", &batch);
    stage.ipc("a.arrow", &batch);
    stage.ipc_stream("b.arrow", &batch);
    stage.ndjson("a.jsonl", &batch);
    stage.csv("a.csv", &batch);
    for (format, id) in
        [("parquet", "a.parquet"), ("arrow", "a.arrow"), ("arrow", "b.arrow"), ("ndjson", "a.jsonl"), ("csv", "a.csv")]
    {
        check(&stage, format, id).await;
    }
}

#[tokio::test]
async fn files_with_bad_rows() {
    let stage = Stage::with_event_time("event_time");
    let (mut json, mut csv) = (String::new(), String::from("event_time,task_class,cost_nanousd\n"));
    for row in 0..2500 {
        let (minute, second) = (row / 60, row % 60);
        let time = format!("2026-01-31T12:{minute:02}:{second:02}Z");
        match row {
            5 | 1500..1700 => {
                json += "{\"event_time\":\n";
                csv += "too,many,fields,here\n";
            }
            // Two objects on one line and one on two lines: three lines, none of which is one object.
            100 => json += "{\"cost_nanousd\":1}{\"cost_nanousd\":\n\n2}\n",
            101 => csv += "x\n",
            996..=998 => {
                json += &format!("{{\"event_time\":\"{time}\",\"cost_nanousd\":\"x\"}}\n");
                csv += &format!("{time},c,x\n");
            }
            2499 => {
                json += "{\"cost_nanousd\":1}";
                csv += ",c,1";
            }
            _ => {
                json += &format!("{{\"event_time\":\"{time}\",\"task_class\":\"c{row}\",\"cost_nanousd\":{row}}}\n\n");
                csv += &format!("{time},c{row},{row}\n");
            }
        }
    }
    stage.text("a.jsonl", json);
    stage.text("a.csv", csv);
    // Types are declared: the bad rows stand among those that would tell them.
    let declared = decisions(1).project(&[0, 1, 2]).unwrap().schema();
    let stage = Stage {
        contract: tidegate_contract::stream::StreamContract { declared: Some(declared), ..stage.contract },
        ..stage
    };
    check(&stage, "ndjson", "a.jsonl").await;
    check(&stage, "csv", "a.csv").await;
}

#[tokio::test]
async fn what_was_delivered_before_a_file_was_given_up_is_read_again_without_a_word() {
    let stage = Stage::with_event_time("event_time");
    stage.parquet("a.parquet", &decisions(2500));
    stage.ipc("a.arrow", &decisions(2500));
    for (format, id) in [("parquet", "a.parquet"), ("arrow", "a.arrow")] {
        let source = stage.source(format);
        let mut bytes = fs::read(stage.path(id)).unwrap();
        // What lies in the middle of a file is neither its head nor its footer.
        let middle = bytes.len() / 2;
        bytes[middle..middle + 2000].fill(0xff);
        fs::write(stage.path(id), bytes).unwrap();
        let whole = read(&source, id, &COLUMNS, .., 100).await;
        assert!(whole.given_up.is_some() && whole.rows_read > 0, "{id}");
        let again = read(&source, id, &COLUMNS, 0..whole.rows_read, 100).await;
        assert_eq!((again.given_up, again.rows_read), (None, whole.rows_read), "{id}");
        assert_eq!((again.batch, again.rejected), (whole.batch, whole.rejected), "{id}");
    }
}
