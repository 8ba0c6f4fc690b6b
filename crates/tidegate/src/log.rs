//! What does the project's log say? It is read without SQL, beside a process that writes it.

use tidegate_ledger::{Chain, Record, Store};
use tidegate_stream::{Commit, LOG};

use crate::cli::Place;
use crate::config::Config;
use crate::failure::Result;
use crate::storage;

/// The log of a project, and the store that its records name files of.
pub(crate) struct Log {
    /// None while the root does not exist: reading creates nothing.
    pub(crate) store: Option<Store>,
    pub(crate) records: Vec<Record<Commit>>,
}

impl Log {
    /// Reads and verifies the whole log.
    pub(crate) async fn read(place: &Place) -> Result<Self> {
        let config = Config::read(&place.project)?;
        let root = storage::root_of(place, &config)?;
        if !root.exists() {
            return Ok(Self { store: None, records: Vec::new() });
        }
        let store = storage::open(&root, &config)?;
        let (_, records) = Chain::open(store.clone(), LOG).await?;
        Ok(Self { store: Some(store), records })
    }
}
