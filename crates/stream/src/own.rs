//! How are signals released that every project has and nobody defines?
//!
//! Their rows are a pure function of the log, so that they are released as those of other signals are, once, and made
//! again when a file is lost. The log only grows, and so does each of their days.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema, SchemaRef};
use tidegate_algebra::Fingerprint;
use tidegate_ledger::Store;
use tidegate_signal::Scope;

use crate::commit::ReleaseEntry;
use crate::epoch::sha256_hex;
use crate::error::Result;
use crate::history::History;
use crate::layout;
use crate::publish::{Due, released_by};
use crate::released::{Origin, origin_schema, written};

/// A signal that every project has.
pub(crate) struct OwnSignal {
    pub(crate) name: &'static str,
    /// Changes with the meaning of its rows.
    pub(crate) version: &'static str,
}

impl OwnSignal {
    /// The columns of its files, of which `rows` has those that say something.
    ///
    /// # Errors
    /// Only when Arrow cannot build them.
    pub(crate) fn schema(&self, rows: &RecordBatch) -> Result<SchemaRef> {
        origin_schema(&self.origin(&self.code_hash()), rows)
    }

    /// Stages the days that have more rows than are released, in release records from `record` on.
    pub(crate) async fn stage(
        &self,
        store: &Store,
        history: &History,
        record: u64,
        days: BTreeMap<i32, RecordBatch>,
    ) -> Result<Due> {
        let before = released_by(history, self.name);
        let code_hash = self.code_hash();
        let mut due = Due::default();
        for (day, rows) in days {
            let day = Some(day);
            let is_same =
                |before: &&ReleaseEntry| before.rows == rows.num_rows() as u64 && before.code_hash == code_hash;
            if before.get(&day).is_some_and(is_same) {
                continue;
            }
            let file = written(&self.origin(&code_hash), day, &rows, |_| Vec::new())?;
            let entry = ReleaseEntry {
                signal: self.name.to_owned(),
                day,
                release_id: file.release_id.clone(),
                version: self.version.to_owned(),
                code_hash: code_hash.clone(),
                fingerprint: Fingerprint::default(),
                rows: file.rows,
                bytes: file.bytes.len() as u64,
                sha256: sha256_hex(&file.bytes),
                staged: layout::staging_file(record, &file.release_id),
                path: layout::published_file(Scope::Global, self.name, day),
                ..ReleaseEntry::default()
            };
            store.replace(&entry.staged, file.bytes.into()).await?;
            due.entries.push(entry);
        }
        Ok(due)
    }

    /// Nobody wrote a definition: its name and version stand for it.
    fn code_hash(&self) -> String {
        sha256_hex(format!("{} {}", self.name, self.version).as_bytes())
    }

    fn origin<'a>(&'a self, code_hash: &'a str) -> Origin<'a> {
        Origin { name: self.name, version: self.version, scope: Scope::Global, code_hash }
    }
}

/// Rows of named columns, of which some may be null.
pub(crate) fn rows_of(columns: Vec<(&str, bool, ArrayRef)>) -> Result<RecordBatch> {
    let fields =
        columns.iter().map(|(name, nullable, column)| Field::new(*name, column.data_type().clone(), *nullable));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    Ok(RecordBatch::try_new(schema, columns.into_iter().map(|(_, _, column)| column).collect())?)
}
