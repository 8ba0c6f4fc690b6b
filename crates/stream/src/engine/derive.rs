//! What follows from what was released? Signals over released signals are computed one after the other, each after those that
//! it reads.

use std::collections::BTreeMap;

use arrow::datatypes::SchemaRef;
use tidegate_signal::{DQ_RESULTS, Derived, SCHEMA_DRIFT};

use super::Engine;
use crate::clock::now_us;
use crate::commit::{Commit, ReleaseCommit};
use crate::derive::{self, table_schema};
use crate::error::Result;
use crate::publish;
use crate::quality::dq_results_schema;
use crate::released::{derived_schema, released_schema};
use crate::schema_drift::schema_drift_schema;
use crate::summary::{Progress, Summary};

impl Engine {
    /// The same engine, which also computes these signals from what others release. Each stands after those that it reads.
    #[must_use]
    pub fn with_derived(mut self, derived: Vec<Derived>) -> Self {
        self.derived = derived;
        self
    }

    /// Computes the signals of which something that they read has changed.
    pub(super) async fn derive(&mut self, summary: &mut Summary, progress: &(dyn Fn(Progress) + Sync)) -> Result<()> {
        if self.derived.is_empty() {
            return Ok(());
        }
        let schemas = self.released_schemas()?;
        for signal in self.derived.clone() {
            let name = signal.name().to_owned();
            let digest = derive::digest(&self.history, &signal);
            if self.history.derived.get(&name) == Some(&digest) {
                continue;
            }
            progress(Progress::Releasing { signal: name.clone() });
            let staged = derive::stage(&self.store, &self.history, &signal, &schemas, self.chain.len()).await;
            let due = match staged {
                Ok(due) => due,
                Err(error) if error.is_damage() => return Err(error),
                // One that fails keeps no other from its readers.
                Err(error) => {
                    self.failed.entry(name).or_insert(error);
                    continue;
                }
            };
            summary.add_release(&name, &due);
            let (entries, removed) = (due.entries.clone(), due.removed.clone());
            self.commit(Commit::Release(ReleaseCommit {
                run_id: self.run.id.clone(),
                generation: self.run.generation,
                committed_at_us: now_us(),
                sealed: BTreeMap::new(),
                releases: due.entries,
                withheld: BTreeMap::new(),
                removed: due.removed,
                derived: BTreeMap::from([(name, digest)]),
            }))
            .await?;
            self.chain.check().await?;
            publish::publish(&self.store, &entries, &removed).await?;
        }
        Ok(())
    }

    /// The columns of every table of released rows.
    fn released_schemas(&self) -> Result<BTreeMap<String, SchemaRef>> {
        let mut schemas = BTreeMap::from([
            (SCHEMA_DRIFT.to_owned(), table_schema(&schema_drift_schema()?)),
            (DQ_RESULTS.to_owned(), table_schema(&dq_results_schema()?)),
        ]);
        for signal in &self.signals {
            schemas.insert(signal.name().to_owned(), table_schema(&released_schema(signal)?));
        }
        for signal in &self.derived {
            schemas.insert(signal.name().to_owned(), table_schema(&derived_schema(signal)?));
        }
        Ok(schemas)
    }
}
