//! What an append and a proof cost as the log grows: `cargo bench -p tidegate-audit`.
//!
//! Logs of a thousand, a hundred thousand and ten million entries, in memory, so that what is measured is the processor's
//! share. `TIDEGATE_AUDIT_ENTRIES=100000` leaves out those that are larger. The entries are numbers, not envelopes: signing
//! ten million would take minutes and measure nothing here.

#![expect(clippy::unwrap_used, reason = "a bench may fail loudly")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion};
use object_store::memory::InMemory;
use tidegate_audit::edge::Edge;
use tidegate_audit::merkle::{Hash, leaf_hash};
use tidegate_audit::tile::{self, Kind, Tile, WIDTH};
use tidegate_audit::{AuditLog, Checkpoint, Envelope, PrivateKey, Statement, Subject};
use tidegate_ledger::{Created, Store};
use tokio::runtime::Runtime;

const ORIGIN: &str = "example.com/audit";

fn key() -> PrivateKey {
    PrivateKey::from_seed(&[1; 32])
}

async fn put(store: &Store, tile: &Tile, bytes: Vec<u8>) {
    let created = store.create(&format!("audit/{}", tile.path()), bytes).await.unwrap();
    assert_eq!(created, Created::New);
}

/// A log of `size` numbers, without the bundles that nobody reads here and the tiles that are superseded.
async fn log_of(size: u64) -> Store {
    let store = Store::new(Arc::new(InMemory::new()));
    let mut edge = Edge::default();
    let mut newest: BTreeMap<Kind, (Tile, Vec<Hash>)> = BTreeMap::new();
    for number in 0..size {
        let mut full = Vec::new();
        // Beginnings are written for the last tile only; that of the lowest level alone changes each time.
        let edge_is_near = size - number <= WIDTH;
        edge.push(leaf_hash(&number.to_be_bytes()), |tile, hashes| {
            if tile.width == WIDTH {
                newest.remove(&tile.kind);
                full.push((tile, tile::encode_hashes(hashes)));
            } else if edge_is_near || tile.kind != (Kind::Hashes { level: 0 }) {
                newest.insert(tile.kind, (tile, hashes.to_vec()));
            }
        });
        for (tile, bytes) in full {
            put(&store, &tile, bytes).await;
        }
    }
    for (tile, hashes) in newest.values() {
        put(&store, tile, tile::encode_hashes(hashes)).await;
    }
    let last = Tile { kind: Kind::Entries, index: size / WIDTH, width: size % WIDTH };
    if last.width > 0 {
        let mut bundle = Vec::new();
        for number in size - last.width..size {
            tile::push_entry(&mut bundle, &number.to_be_bytes()).unwrap();
        }
        put(&store, &last, bundle).await;
    }
    let checkpoint = Checkpoint { origin: ORIGIN.into(), size, root: edge.root() };
    store.replace("audit/checkpoint", checkpoint.sign(&key()).into()).await.unwrap();
    store
}

fn envelope(number: u64) -> Vec<u8> {
    let subject = Subject::of("bundle", &number.to_be_bytes());
    let statement =
        Statement::new(vec![subject], "https://example.com/verdict/v1", [("verdict".into(), "PASS".into())]);
    Envelope::sign(statement.unwrap(), &key()).encode()
}

fn growth(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let largest = std::env::var("TIDEGATE_AUDIT_ENTRIES").map_or(10_000_000, |text| text.parse().unwrap());
    for size in [1_000, 100_000, 10_000_000].into_iter().filter(|size| *size <= largest) {
        let store = runtime.block_on(log_of(size));
        let open = || runtime.block_on(AuditLog::open(store.clone(), "audit", ORIGIN, key())).unwrap();
        c.bench_with_input(BenchmarkId::new("open", size), &size, |b, _| b.iter(|| black_box(open())));

        let log = open();
        let mut index = 0;
        c.bench_with_input(BenchmarkId::new("prove inclusion", size), &size, |b, size| {
            b.iter(|| {
                // Another place each time, far from the last.
                index = (index + 7_368_787) % size;
                runtime.block_on(log.reader().prove_inclusion(index)).unwrap()
            });
        });
        c.bench_with_input(BenchmarkId::new("prove consistency", size), &size, |b, size| {
            b.iter(|| runtime.block_on(log.reader().prove_consistency(size / 3, *size)).unwrap());
        });

        let mut log = open();
        let mut number = 0;
        c.bench_with_input(BenchmarkId::new("append", size), &size, |b, _| {
            b.iter_batched(
                || {
                    number += 1;
                    envelope(number)
                },
                |envelope| runtime.block_on(log.append(&envelope)).unwrap(),
                criterion::BatchSize::SmallInput,
            );
        });
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    growth(&mut criterion);
    criterion.final_summary();
}
