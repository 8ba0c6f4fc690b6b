//! How fast is text scrubbed, and how fast are users tokenised?

#![expect(missing_docs, reason = "criterion writes a function")]

use std::hint::black_box;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tidegate_contract::IngestPolicy;
use tidegate_keyring::Keyring;
use tidegate_redact::{Redactor, scrub};

const ROWS: usize = 1_000_000;
const USERS: usize = 100_000;
const BATCH: usize = 8192;

/// Prose with some numbers, and nothing that is personal.
fn prose() -> String {
    let lines = (0..10_000).map(|line| {
        format!(
            "the agent looked at invoice {line}, took 0.{line} s and 3 tools, and asked for review at 10:{:02}\n",
            line % 60
        )
    });
    lines.collect()
}

/// Prose with an e-mail address or a number to call in every tenth line.
fn letters() -> String {
    let lines = (0..10_000).map(|line| match line % 10 {
        0 => format!("please write to user{line}@example.com or call +49 30 {:07}\n", line * 7),
        _ => format!("the agent looked at invoice {line} and asked for review; nothing else came of it\n"),
    });
    lines.collect()
}

fn scrubbing(c: &mut Criterion) {
    let mut group = c.benchmark_group("scrub");
    for (name, text) in [("prose", prose()), ("letters", letters())] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        let lines: Vec<&str> = text.lines().collect();
        group.bench_function(name, |b| b.iter(|| lines.iter().map(|line| scrub(black_box(line)).len()).sum::<usize>()));
    }
    group.finish();
}

fn batches(dictionary: bool) -> Vec<RecordBatch> {
    let batch = |first: usize| {
        let rows = first..(first + BATCH).min(ROWS);
        let tenants: ArrayRef =
            Arc::new(rows.clone().map(|row| Some(["acme", "globex"][row % 2])).collect::<StringArray>());
        let users: StringArray = rows.map(|row| Some(format!("user-{:06}", row * 7919 % USERS))).collect();
        let users: ArrayRef = Arc::new(users);
        let coded = arrow::datatypes::DataType::Dictionary(
            Box::new(arrow::datatypes::DataType::Int32),
            Box::new(arrow::datatypes::DataType::Utf8),
        );
        let users =
            if dictionary { arrow::compute::cast(&users, &coded).expect("text has a dictionary") } else { users };
        RecordBatch::try_from_iter([("tenant_id", tenants), ("user_token", users)]).expect("equal lengths")
    };
    (0..ROWS).step_by(BATCH).map(batch).collect()
}

fn tokenising(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let keys = format!("acme = \"{}\"\nglobex = \"{}\"", "ab".repeat(32), "cd".repeat(32));
    let keyring = Arc::new(Keyring::fixed(&keys).expect("keys"));
    let policies = [("tenant_id".to_owned(), IngestPolicy::Keep), ("user_token".to_owned(), IngestPolicy::Tokenize)];
    let redactor = Redactor::new(policies, "tenant_id", keyring);
    let mut group = c.benchmark_group("tokenize");
    group.throughput(Throughput::Elements(ROWS as u64)).sample_size(10);
    for (name, batches) in [("text", batches(false)), ("dictionary", batches(true))] {
        group.bench_function(name, |b| {
            b.iter(|| {
                for batch in &batches {
                    black_box(runtime.block_on(redactor.redact(batch)).expect("redacted"));
                }
            })
        });
    }
    group.finish();
}

criterion_group!(benches, scrubbing, tokenising);
criterion_main!(benches);
