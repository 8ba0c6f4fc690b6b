//! Reading on from a row gives what reading from the start gives after it.

use crate::stage::{Outcome, Stage, decisions, read};

const COLUMNS: [&str; 3] = ["event_time", "task_class", "cost_nanousd"];

async fn check(stage: &Stage, format: &str, id: &str) {
    let source = stage.source(format);
    let whole = read(&source, id, &COLUMNS, 0, 997).await;
    assert!(whole.given_up.is_none());
    for from_row in [0, 1, 996, 997, 998, 1000, 1999, 2499, 2500, 9999] {
        for batch_rows in [1000, 64] {
            let rest = read(&source, id, &COLUMNS, from_row, batch_rows).await;
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
