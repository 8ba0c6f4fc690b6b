//! Do the streams have the shape that was asked for: schema, order, repetition, lateness?

use std::time::Duration;

use arrow::array::{Array, UInt32Array};
use arrow::compute::take_record_batch;
use tidegate_testkit::generate::{Config, Generator};

use crate::{config, decisions, first_rows, generator, integers, labels, share, text, times};

const LAG_US_MIN: i64 = 50_000;

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).expect("delays are short")
}

#[test]
fn schemas_are_those_of_the_contract_and_required_columns_are_full() {
    for (batch, schema) in
        [(decisions(config()), tidegate_contract::decisions()), (labels(config()), tidegate_contract::labels())]
    {
        assert_eq!(batch.schema(), schema);
        for (field, column) in schema.fields().iter().zip(batch.columns()) {
            let nulls = column.logical_null_count();
            assert_eq!(nulls > 0, field.is_nullable(), "{} has {nulls} nulls", field.name());
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_rows_and_another_seed_others() {
    let with_seed = |seed| decisions(Config { seed, ..config() });
    assert_eq!(with_seed(1), with_seed(1));
    let (one, two) = (with_seed(1), with_seed(2));
    assert_eq!(one.num_rows(), two.num_rows());
    let ids = first_rows(&text(&one, "decision_id")).len();
    let mut both = text(&one, "decision_id");
    both.extend(text(&two, "decision_id"));
    assert_eq!(first_rows(&both).len(), 2 * ids);
}

#[test]
fn rows_are_as_many_as_asked_for_and_some_are_delivered_twice() {
    let batch = decisions(Config { duplicate_share: 0.01, ..config() });
    assert_eq!(batch.num_rows(), 60_000);
    let ids = text(&batch, "decision_id");
    let first = first_rows(&ids);
    assert_eq!(batch.num_rows() - first.len(), 600);

    let repeated = (0..batch.num_rows()).filter(|row| first[ids[*row].unwrap()] != *row);
    let (again, before): (Vec<u32>, Vec<u32>) =
        repeated.map(|row| (row as u32, first[ids[row].unwrap()] as u32)).unzip();
    let arrived = batch.schema().index_of("ingested_at").unwrap();
    let rows = |rows: Vec<u32>| {
        let mut batch = take_record_batch(&batch, &UInt32Array::from(rows)).unwrap();
        batch.remove_column(arrived);
        batch
    };
    assert_eq!(rows(again), rows(before), "a second delivery differs in its arrival only");
}

#[test]
fn disorder_is_there_and_bounded() {
    let config = config();
    let (disorder, delay) = (micros(config.disorder), micros(config.straggler_delay));
    let batch = decisions(Config { duplicate_share: 0.0, rows: 600_000, ..config });
    let (events, arrivals) = (times(&batch, "event_time"), times(&batch, "ingested_at"));
    let lags: Vec<i64> = arrivals.iter().zip(&events).map(|(arrival, event)| arrival - event).collect();
    assert!(lags.iter().all(|lag| (LAG_US_MIN..=LAG_US_MIN + disorder + delay).contains(lag)));
    let stragglers = share(lags.iter().map(|lag| *lag > LAG_US_MIN + disorder));
    assert!((stragglers - 0.000_5).abs() < 0.000_2, "{stragglers}");

    let mut latest = i64::MIN;
    let (mut fallback, mut behind) = (0, 0_u32);
    for event in events {
        behind += u32::from(event < latest);
        fallback = fallback.max(latest.saturating_sub(event));
        latest = latest.max(event);
    }
    assert!(behind > 100_000, "only {behind} rows out of order");
    assert!(fallback <= disorder + delay, "{fallback}");
}

#[test]
fn chunks_follow_event_time_however_finely_they_are_cut() {
    for rows_per_file in [1_000_000, 1_000, 100] {
        let generator = generator(Config { rows_per_file, ..config() });
        let mut last = i64::MIN;
        for chunk in 0..generator.chunks() {
            let events = times(&generator.decisions(chunk).unwrap(), "event_time");
            assert!(events.iter().all(|event| *event >= last), "chunk {chunk}");
            last = events.into_iter().max().unwrap_or(last);
        }
    }
}

#[test]
fn labels_come_hours_to_days_after_a_decision_that_exists() {
    let (decisions, labels) = (decisions(config()), labels(config()));
    let rows = first_rows(&text(&decisions, "decision_id"));
    let (happened, tenants) = (times(&decisions, "event_time"), text(&decisions, "tenant_id"));
    let label_tenants = text(&labels, "tenant_id");
    let (labeled, arrived) = (times(&labels, "labeled_at"), times(&labels, "ingested_at"));
    let mut delays_hours = Vec::new();
    for (label, decision_id) in text(&labels, "decision_id").into_iter().enumerate() {
        let row = rows[decision_id.unwrap()];
        assert_eq!(tenants[row], label_tenants[label]);
        assert!(arrived[label] > labeled[label]);
        delays_hours.push((labeled[label] - happened[row]) / 3_600_000_000);
    }
    assert!(delays_hours.iter().all(|hours| (1..=10 * 24).contains(hours)));
    delays_hours.sort_unstable();
    let median = delays_hours[delays_hours.len() / 2];
    assert!((6..14).contains(&median), "{median} hours");
    let per_decision = labels.num_rows() as f64 / decisions.num_rows() as f64;
    assert!((0.04..0.052).contains(&per_decision), "{per_decision}");
}

#[test]
fn labels_are_the_same_however_finely_chunks_are_cut() {
    let whole = labels(config());
    let fine = labels(Config { rows_per_file: 1_000, ..config() });
    let ids = |batch| {
        let mut ids: Vec<String> = text(batch, "label_id").into_iter().map(|id| id.unwrap().to_owned()).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(ids(&whole), ids(&fine));
}

#[test]
fn a_label_said_again_keeps_its_key_and_raises_its_version() {
    let labels = labels(Config { label_share: 0.5, ..config() });
    let keys: Vec<_> =
        ["decision_id", "target_scope", "label_name", "identifier"].map(|name| text(&labels, name)).into();
    let key = |row: usize| keys.iter().map(|column| column[row].unwrap()).collect::<Vec<_>>();
    let ids = first_rows(&text(&labels, "label_id"));
    assert_eq!(ids.len(), labels.num_rows(), "label ids are unique");
    let (versions, ops) = (integers(&labels, "version"), text(&labels, "op"));
    let firsts: std::collections::HashSet<_> =
        (0..labels.num_rows()).filter(|row| versions[*row] == Some(1)).map(key).collect();
    let seconds: Vec<usize> = (0..labels.num_rows()).filter(|row| versions[*row] == Some(2)).collect();
    assert!(seconds.len() > 200, "{}", seconds.len());
    assert!(seconds.iter().all(|row| firsts.contains(&key(*row))));
    let taken_back = share(seconds.iter().map(|row| ops[*row] == Some("retract")));
    assert!((taken_back - 0.5).abs() < 0.1, "{taken_back}");
}

#[test]
fn a_bad_configuration_is_refused() {
    let refusal = Generator::new(Config { days: 0, ..Config::default() }).unwrap_err();
    assert_eq!(refusal.to_string(), "days is 0, and must be at least 1");
}
