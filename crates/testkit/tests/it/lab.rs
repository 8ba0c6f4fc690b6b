//! How does an engine run in a test, over a store and under faults that the test chooses?
//!
//! Streams land as real files in a folder of their own; log, state and released files lie in a store in memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use futures::TryStreamExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::ArrowWriter;
use tempfile::TempDir;
use tidegate_algebra::{UnitKey, session};
use tidegate_ledger::{Chain, Record, Spend, Store};
use tidegate_signal::{Definitions, Planner, SourceText, Stream};
use tidegate_source::Source;
use tidegate_stream::{Commit, Engine, LOG, Limits, Result, RowAccount, StreamAccount, StreamInput};

/// Enough for any test.
const BUDGET: Spend = Spend { rho_nano: 10_000_000_000, delta_atto: 1_000_000_000_000 };

/// A project: its definitions, and the folder that its streams land in.
pub(crate) struct Lab {
    folder: TempDir,
    definitions: Definitions,
}

impl Lab {
    /// A project of `sql`, whose streams declare their columns; their paths are folders.
    pub(crate) async fn new(sql: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let texts = [SourceText::new("lab", sql)];
        let definitions = Definitions::parse(&texts, &BTreeMap::new(), &session()).await.expect("the SQL is sound");
        for stream in &definitions.streams {
            std::fs::create_dir_all(folder.path().join(&stream.path.value)).expect("a folder");
        }
        Self { folder, definitions }
    }

    /// Writes a file of a stream in the format that its extension names.
    pub(crate) fn land(&self, name: &str, rows: &RecordBatch) {
        let path: PathBuf = self.folder.path().join(name);
        let file = File::create(&path).expect("a file");
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("parquet") => {
                let mut writer = ArrowWriter::try_new(file, rows.schema(), None).expect("a writer");
                writer.write(rows).expect("rows are written");
                writer.close().expect("the file is closed");
            }
            Some("arrow") => {
                let mut writer = arrow::ipc::writer::FileWriter::try_new(file, &rows.schema()).expect("a writer");
                writer.write(rows).expect("rows are written");
                writer.finish().expect("the file is closed");
            }
            Some("ndjson") => {
                let mut writer = arrow::json::LineDelimitedWriter::new(file);
                writer.write(rows).expect("rows are written");
                writer.finish().expect("the file is closed");
            }
            Some("csv") => arrow::csv::Writer::new(file).write(rows).expect("rows are written"),
            other => panic!("no format {other:?}"),
        }
    }

    /// The names of all signals.
    pub(crate) fn signals(&self) -> Vec<String> {
        self.definitions.signals.iter().map(|signal| signal.name.value.clone()).collect()
    }

    /// An engine over `store` as a new process would open it, with the signals that `has` says it has.
    pub(crate) async fn open(
        &self,
        store: Store,
        limits: Limits,
        run: &str,
        has: impl Fn(&str) -> bool,
    ) -> Result<Engine> {
        let (mut streams, mut inputs) = (Vec::new(), Vec::new());
        for definition in &self.definitions.streams {
            let format = definition.format.as_ref().map(|format| format.value.as_str());
            let contract = definition.contract.clone();
            let source = Source::connect(&contract, &definition.path.value, format, self.folder.path());
            let source = source.expect("the stream can be read");
            streams.push(Stream { definition: definition.clone(), schema: Arc::clone(source.schema()) });
            inputs.push(StreamInput { contract, source: Arc::new(source), budget: BUDGET });
        }
        let planner = Planner::new(streams, UnitKey::new([7; 16]));
        let mut signals = Vec::new();
        for definition in self.definitions.signals.iter().filter(|definition| has(&definition.name.value)) {
            signals.push(planner.plan(definition).await.expect("the signal is sound"));
        }
        Engine::open(store, inputs, signals, limits, run.to_owned()).await
    }
}

/// All files of a store below a folder, as somebody without any faults sees them.
pub(crate) async fn files(objects: &InMemory, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let listed = objects.list(Some(&Path::from(folder))).try_collect::<Vec<_>>().await.expect("files are listed");
    let mut files = BTreeMap::new();
    for file in listed {
        let bytes = objects.get(&file.location).await.expect("a file").bytes().await.expect("its bytes");
        files.insert(file.location.to_string(), bytes.to_vec());
    }
    files
}

/// The first path that only one of the two has, or that they have with other bytes.
pub(crate) fn first_difference(left: &BTreeMap<String, Vec<u8>>, right: &BTreeMap<String, Vec<u8>>) -> Option<String> {
    let paths = left.keys().chain(right.keys());
    paths.filter(|path| left.get(*path) != right.get(*path)).min().cloned()
}

/// The log of a store.
pub(crate) async fn log(objects: &Arc<InMemory>) -> Vec<Record<Commit>> {
    let store = Store::new(Arc::clone(objects) as Arc<dyn ObjectStore>);
    Chain::open(store, LOG).await.expect("the log is intact").1
}

/// What the log says became of all rows.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    pub(crate) streams: BTreeMap<String, StreamAccount>,
    pub(crate) signals: BTreeMap<String, RowAccount>,
}

impl Accounts {
    /// Adds up the log of a store.
    pub(crate) async fn of(objects: &Arc<InMemory>) -> Self {
        let mut accounts = Self::default();
        for record in log(objects).await {
            let Commit::Epoch(epoch) = record.body else { continue };
            let stream = accounts.streams.entry(epoch.stream).or_default();
            if let Some(first) = epoch.first {
                stream.read += first.rows.read;
                stream.delivered += first.rows.delivered;
                stream.rejected += first.rows.rejected;
                stream.duplicate += first.rows.duplicate;
            }
            for (name, signal) in epoch.signals {
                *accounts.signals.entry(name).or_default() += signal.rows;
            }
        }
        accounts
    }

    /// What is wrong, if each signal and stream should have read `rows` rows once, of them `duplicates` again, and
    /// should have lost none; signals among `joins` read two streams.
    pub(crate) fn fault(&self, rows: u64, duplicates: u64, joins: &[&str]) -> Option<String> {
        let stream_is_right = |account: &StreamAccount| {
            account.balances() && account.read == rows + duplicates && account.delivered == rows
        };
        let signal_is_right = |(name, account): (&String, &RowAccount)| {
            let streams = if joins.contains(&name.as_str()) { 2 } else { 1 };
            let (rows, duplicates) = (rows * streams, duplicates * streams);
            let lost = account.late + account.rejected;
            account.balances() && account.read == rows + duplicates && account.duplicate == duplicates && lost == 0
        };
        let right = self.streams.values().all(stream_is_right) && self.signals.iter().all(signal_is_right);
        (!right).then(|| format!("{rows} rows and {duplicates} duplicates, but {self:?}"))
    }
}

/// Chance for tests: the same seed gives the same draws (SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0xd134_2543_de82_ef95))
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Uniform in `0..bound`, which is above 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.bits() % bound as u64) as usize
    }

    /// True `percent` times in a hundred.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len())]
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}
