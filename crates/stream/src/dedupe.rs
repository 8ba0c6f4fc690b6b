//! Was this row delivered before?
//!
//! A stream with a `dedupe_key` remembers the keys of its rows for as long as their event times lie within the horizon
//! of its latest event. A key is 16 bytes of a hash; every epoch writes those that were new, and a run starts by reading
//! the files that can still matter. With a key the seal of its row is remembered, where rows have one: a row of a known key
//! with another seal is not the same row again, and contradicts the one that counts.

use std::collections::HashMap;
use std::hash::Hasher;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, FixedSizeBinaryArray, Int64Array, RecordBatch, StringArray, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, UInt64Type};
use arrow::row::{RowConverter, SortField};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use siphasher::sip128::{Hasher128, SipHasher24};
use tidegate_contract::stream::{Dedupe, StreamContract};
use tidegate_ledger::Store;

use crate::admission::{Duplicates, times};
use crate::commit::KeyFile;
use crate::epoch::sha256_hex;
use crate::error::{Error, Result};
use crate::history::StreamHistory;
use crate::released::to_parquet;

/// The column of seals in files of keys.
const SEAL: &str = "seal";

/// Bytes of memory that a remembered key takes, its place in the table included.
const BYTES_PER_KEY: usize = 56;

/// A row that brought a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    time: i64,
    /// The hash of its seal; 0 where it has none.
    seal: u64,
}

/// What a row is to those that came before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The first of its key.
    New,
    /// Delivered before.
    Again,
    /// Of a known key, and not the same.
    Conflict,
}

/// The keys that a stream remembers.
#[derive(Debug)]
pub(crate) struct Keys {
    contract: StreamContract,
    dedupe: Dedupe,
    /// Per key, what is known of the row that brought it.
    known: HashMap<u128, Known>,
    /// What the present epoch added.
    new: Vec<(u128, Known)>,
    /// How many keys were known when the old ones were last forgotten.
    kept: usize,
    most: usize,
}

impl Keys {
    /// Reads the keys that `stream` remembers, if its contract has any; `memory_bytes` is what they may take.
    pub(crate) async fn load(
        store: &Store,
        contract: &StreamContract,
        stream: &StreamHistory,
        memory_bytes: usize,
    ) -> Result<Option<Self>> {
        let Some(dedupe) = contract.dedupe.clone() else {
            return Ok(None);
        };
        let mut keys = Self {
            contract: contract.clone(),
            dedupe,
            known: HashMap::new(),
            new: Vec::new(),
            kept: 0,
            most: memory_bytes / BYTES_PER_KEY,
        };
        let oldest_us = keys.oldest(stream.latest_us);
        for file in stream.keys.iter().filter(|file| file.latest_us >= oldest_us) {
            let bytes = store.get(&file.path).await?;
            let bytes = bytes.filter(|bytes| sha256_hex(bytes) == file.sha256);
            let bytes = bytes.ok_or_else(|| Error::DamagedFile { path: file.path.clone() })?;
            for batch in batches(bytes, &file.path)? {
                keys.remember(&batch, oldest_us);
            }
        }
        keys.kept = keys.known.len();
        Ok(Some(keys))
    }

    fn oldest(&self, latest_us: Option<i64>) -> i64 {
        latest_us.map_or(i64::MIN, |latest_us| latest_us.saturating_sub(self.dedupe.horizon_us))
    }

    fn remember(&mut self, batch: &RecordBatch, oldest_us: i64) {
        let keys = batch.column(0).as_fixed_size_binary();
        let times = batch.column(1).as_primitive::<Int64Type>();
        // Files from before rows had seals have two columns.
        let seals = batch.column_by_name(SEAL).map(AsArray::as_primitive::<UInt64Type>);
        for (row, (key, &time)) in keys.iter().zip(times.values()).enumerate() {
            let Some(Ok(key)) = key.map(<[u8; 16]>::try_from) else { continue };
            if time >= oldest_us {
                let seal = seals.map_or(0, |seals| seals.value(row));
                self.known.insert(u128::from_be_bytes(key), Known { time, seal });
            }
        }
    }

    /// Says of each row what it is, and remembers those that are new. Rows with a null in their key are always new.
    /// `latest_us` is the stream's latest event before them.
    ///
    /// # Errors
    /// [`Error::TooManyKeys`] when more would have to be remembered than memory allows.
    pub(crate) fn admit(&mut self, batch: &RecordBatch, latest_us: Option<i64>) -> Result<Vec<Verdict>> {
        let oldest_us = self.oldest(latest_us);
        let (hashes, seals) = (self.hashes(batch)?, self.seals(batch)?);
        let times = times(batch, &self.contract).map(<[i64]>::to_vec).unwrap_or_default();
        let rows = hashes.into_iter().zip(seals).zip(times);
        let verdicts = rows.map(|((hash, seal), time)| match hash {
            None => Verdict::New,
            Some(hash) => self.judge(hash, Known { time, seal }, oldest_us),
        });
        let verdicts = verdicts.collect();
        self.forget(oldest_us)?;
        Ok(verdicts)
    }

    fn judge(&mut self, hash: u128, row: Known, oldest_us: i64) -> Verdict {
        match self.known.get(&hash).filter(|first| first.time >= oldest_us) {
            Some(first) if first.seal != 0 && row.seal != 0 && first.seal != row.seal => Verdict::Conflict,
            Some(_) => Verdict::Again,
            None => {
                self.known.insert(hash, row);
                self.new.push((hash, row));
                Verdict::New
            }
        }
    }

    /// A hash of each row's seal, and 0 where it has none.
    fn seals(&self, batch: &RecordBatch) -> Result<Vec<u64>> {
        let Some(column) = self.dedupe.seal.as_ref().and_then(|name| batch.column_by_name(name)) else {
            return Ok(vec![0; batch.num_rows()]);
        };
        let texts = cast(column, &DataType::Utf8)?;
        let seal = |text: Option<&str>| {
            text.map_or(0, |text| {
                let mut hasher = SipHasher24::new();
                hasher.write(text.as_bytes());
                hasher.finish128().h1 | 1
            })
        };
        Ok(texts.as_string::<i32>().iter().map(seal).collect())
    }

    /// Forgets keys behind the horizon, seldom enough that it costs little per row.
    fn forget(&mut self, oldest_us: i64) -> Result<()> {
        if self.known.len() > 2 * self.kept.max(65_536) || self.known.len() > self.most {
            self.known.retain(|_, row| row.time >= oldest_us);
            self.kept = self.known.len();
        }
        if self.known.len() > self.most {
            return Err(Error::TooManyKeys { stream: self.contract.name.clone(), most: self.most });
        }
        Ok(())
    }

    /// The hash of each row's key: nothing where a part of it is null.
    fn hashes(&self, batch: &RecordBatch) -> Result<Vec<Option<u128>>> {
        let columns = self.dedupe.columns.iter().filter_map(|name| batch.column_by_name(name).cloned());
        let columns = columns.collect::<Vec<_>>();
        let fields = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
        let rows = RowConverter::new(fields)?.convert_columns(&columns)?;
        let is_whole = |row: usize| columns.iter().all(|column| column.is_valid(row));
        let hash = |row: usize| {
            let mut hasher = SipHasher24::new();
            hasher.write(rows.row(row).as_ref());
            hasher.finish128().as_u128()
        };
        Ok((0..batch.num_rows()).map(|row| is_whole(row).then(|| hash(row))).collect())
    }

    /// Writes the keys that are new since the last call.
    pub(crate) async fn write_new(&mut self, store: &Store, path: String) -> Result<Option<KeyFile>> {
        let new = std::mem::take(&mut self.new);
        let Some(latest_us) = new.iter().map(|(_, row)| row.time).max() else {
            return Ok(None);
        };
        let keys = FixedSizeBinaryArray::try_from_iter(new.iter().map(|(key, _)| key.to_be_bytes()))?;
        let times = Int64Array::from_iter_values(new.iter().map(|(_, row)| row.time));
        let mut columns = vec![("key", Arc::new(keys) as ArrayRef), ("event_time_us", Arc::new(times))];
        if self.dedupe.seal.is_some() {
            columns.push((SEAL, Arc::new(UInt64Array::from_iter_values(new.iter().map(|(_, row)| row.seal)))));
        }
        let bytes = to_parquet(&RecordBatch::try_from_iter(columns)?)?;
        let file = KeyFile { path: path.clone(), sha256: sha256_hex(&bytes), keys: new.len() as u64, latest_us };
        store.replace(&path, bytes.into()).await?;
        Ok(Some(file))
    }
}

/// Writes which rows had been delivered before.
pub(crate) async fn write_duplicates(store: &Store, path: String, duplicates: &Duplicates) -> Result<Option<String>> {
    if duplicates.is_empty() {
        return Ok(None);
    }
    let all = duplicates.iter().flat_map(|(file, rows)| rows.iter().map(move |row| (file.as_ref(), *row)));
    // Arrow takes iterators of known length only.
    let (files, rows) = all.unzip::<_, _, Vec<_>, Vec<_>>();
    let (files, rows) = (StringArray::from(files), UInt64Array::from(rows));
    let columns = [("file", Arc::new(files) as ArrayRef), ("row", Arc::new(rows))];
    store.replace(&path, to_parquet(&RecordBatch::try_from_iter(columns)?)?.into()).await?;
    Ok(Some(path))
}

/// Reads what [`write_duplicates`] wrote.
pub(crate) async fn read_duplicates(store: &Store, path: &str) -> Result<Duplicates> {
    let bytes = store.get(path).await?.ok_or_else(|| Error::DamagedFile { path: path.to_owned() })?;
    let mut duplicates = Duplicates::new();
    for batch in batches(bytes, path)? {
        let (files, rows) = (batch.column(0).as_string::<i32>(), batch.column(1).as_primitive::<UInt64Type>());
        for (file, &row) in files.iter().zip(rows.values()) {
            duplicates.entry(file.unwrap_or_default().into()).or_default().insert(row);
        }
    }
    Ok(duplicates)
}

/// The batches of a small Parquet file of ours.
pub(crate) fn batches(bytes: bytes::Bytes, path: &str) -> Result<Vec<RecordBatch>> {
    let damaged = || Error::DamagedFile { path: path.to_owned() };
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).and_then(|builder| builder.build());
    reader.map_err(|_| damaged())?.collect::<Result<Vec<_>, _>>().map_err(|_| damaged())
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int32Array, TimestampMicrosecondArray};

    use super::*;

    const HORIZON_US: i64 = 100;

    fn keys() -> Keys {
        let dedupe = Dedupe { columns: vec!["id".to_owned()], horizon_us: HORIZON_US, seal: Some("seal".to_owned()) };
        let mut contract = StreamContract::new("s");
        contract.event_time = Some("t".to_owned());
        Keys { contract, dedupe, known: HashMap::new(), new: Vec::new(), kept: 0, most: 4 }
    }

    fn rows(rows: &[(Option<i32>, i64)]) -> RecordBatch {
        let ids = Arc::new(rows.iter().map(|(id, _)| *id).collect::<Int32Array>()) as ArrayRef;
        let times =
            TimestampMicrosecondArray::from_iter_values(rows.iter().map(|(_, time)| *time)).with_timezone("UTC");
        RecordBatch::try_from_iter_with_nullable([("id", ids, true), ("t", Arc::new(times) as ArrayRef, false)])
            .unwrap()
    }

    fn admit(keys: &mut Keys, batch: &[(Option<i32>, i64)], latest_us: Option<i64>) -> Vec<bool> {
        keys.admit(&rows(batch), latest_us).unwrap().into_iter().map(|verdict| verdict == Verdict::New).collect()
    }

    #[test]
    fn a_known_key_with_another_seal_is_a_conflict() {
        let with_seals = |seals: &[Option<&str>]| {
            let ids = seals.iter().map(|_| (Some(1), 0)).collect::<Vec<_>>();
            let columns = rows(&ids).columns().to_vec();
            let seals: ArrayRef = Arc::new(StringArray::from(seals.to_vec()));
            let named = [("id", Arc::clone(&columns[0])), ("t", Arc::clone(&columns[1])), ("seal", seals)];
            RecordBatch::try_from_iter(named).unwrap()
        };
        use Verdict::{Again, Conflict, New};
        let mut keys = keys();
        let verdicts = keys.admit(&with_seals(&[Some("a"), Some("a"), Some("b"), None]), None).unwrap();
        assert_eq!(verdicts, [New, Again, Conflict, Again]);
        // The first one stands, whatever is sent after it.
        assert_eq!(keys.admit(&with_seals(&[Some("b"), Some("a")]), None).unwrap(), [Conflict, Again]);
    }

    #[test]
    fn a_key_is_new_once() {
        let mut keys = keys();
        assert_eq!(admit(&mut keys, &[(Some(1), 0), (Some(2), 0), (Some(1), 5)], None), [true, true, false]);
        assert_eq!(admit(&mut keys, &[(Some(2), 9), (Some(3), 9)], Some(5)), [false, true]);
    }

    #[test]
    fn a_null_is_never_known() {
        let mut keys = keys();
        assert_eq!(admit(&mut keys, &[(None, 0), (None, 0)], None), [true, true]);
    }

    #[test]
    fn keys_behind_the_horizon_are_new_again() {
        let mut keys = keys();
        admit(&mut keys, &[(Some(1), 0)], None);
        assert_eq!(admit(&mut keys, &[(Some(1), 150)], Some(HORIZON_US)), [false]);
        assert_eq!(admit(&mut keys, &[(Some(1), 150)], Some(HORIZON_US + 1)), [true]);
    }

    #[test]
    fn more_keys_than_memory_allows_are_an_error() {
        let mut keys = keys();
        let many = (0..5).map(|id| (Some(id), 0)).collect::<Vec<_>>();
        assert!(matches!(keys.admit(&rows(&many), None), Err(Error::TooManyKeys { most: 4, .. })));
        let mut keys = self::keys();
        admit(&mut keys, &many[..4], None);
        assert_eq!(admit(&mut keys, &[(Some(9), 500)], Some(500)), [true], "old keys make room");
    }

    /// Keys on disk outlive a version of this program: their hashes must not change.
    #[test]
    fn hashes_are_pinned() {
        let hashes = keys().hashes(&rows(&[(Some(7), 0)])).unwrap();
        assert_eq!(hashes, [Some(64_755_404_291_726_363_507_056_193_287_246_097_005)]);
    }
}
