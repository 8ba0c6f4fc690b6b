//! How long do many labels take? `cargo test --release -- --ignored --nocapture work` says so.

use std::time::Instant;

use tidegate_labels::Changelog;

use crate::rows::{Decision, HOUR_US, Label, decisions, labels, made, resolver, said};

#[test]
#[ignore = "a measurement"]
fn two_million_labels() {
    const BATCH: u64 = 8_192;
    let id = |i: u64| format!("{:032x}", u128::from(i.wrapping_mul(0x9E37_79B9_7F4A_7C15)) << 64);
    let tenants = ["t1", "t2", "t3", "t4"];
    let label = |i: u64| Label {
        tenant: tenants[(i % 4) as usize],
        identifier: if i.is_multiple_of(3) { "a" } else { "b" },
        kind: if i.is_multiple_of(3) { "HUMAN" } else { "LLM" },
        id: format!("label-{i:030}"),
        ..said(&id(i % 1_500_000), ["good", "bad"][(i % 2) as usize], (i / 10_000) as i64)
    };
    let decision = |i: u64| Decision { tenant: tenants[(i % 4) as usize], ..made(&id(i), 1) };
    let batches = (0..2_000_000 / BATCH).map(|b| labels(&(b * BATCH..(b + 1) * BATCH).map(label).collect::<Vec<_>>()));
    let batches = batches.collect::<Vec<_>>();
    let mut resolver = resolver("[default]\nrule = 'weighted'\nmax_per_annotator = 1000000", "", None);
    let started = Instant::now();
    batches.iter().for_each(|batch| resolver.add(batch).unwrap());
    eprintln!("add: {:?}", started.elapsed());
    let started = Instant::now();
    let effective = resolver.effective(None).unwrap();
    eprintln!("effective: {} rows in {:?}", effective.num_rows(), started.elapsed());
    let mut known = crate::rows::known(&[]);
    let batches =
        (0..1_500_000 / BATCH).map(|b| decisions(&(b * BATCH..(b + 1) * BATCH).map(decision).collect::<Vec<_>>()));
    let batches = batches.collect::<Vec<_>>();
    let started = Instant::now();
    batches.iter().for_each(|batch| known.add(batch).unwrap());
    eprintln!("decisions: {} in {:?}", known.len(), started.elapsed());
    let mut log = Changelog::new(&known, None).unwrap();
    let started = Instant::now();
    let state = log.state(&known, &resolver).unwrap();
    eprintln!("state: {} rows in {:?}", state.num_rows(), started.elapsed());
    let started = Instant::now();
    let changes = log.changes(&state, 0).unwrap();
    eprintln!("first changes: {} in {:?}", changes.num_rows(), started.elapsed());
    log.replay(&changes).unwrap();
    resolver.add(&labels(&[Label { ingested_us: 9_999 * HOUR_US, ..label(5) }])).unwrap();
    let started = Instant::now();
    let changes = log.changes(&state, 1).unwrap();
    eprintln!("next changes: {} in {:?}", changes.num_rows(), started.elapsed());
}
