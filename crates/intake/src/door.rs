//! How do rows pass redaction, learning scope and contract, in this order?

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::{cast, filter_record_batch};
use arrow::error::ArrowError;
use chrono::{TimeDelta, Utc};
use tidegate_contract::{Checked, DataContract, ENVELOPE_HASH, Held, IngestPolicy, seal_envelope};
use tidegate_redact::{EvidenceText, Redacted, Redactor};
use tidegate_scope::Scoper;
use tidegate_source::{Admit, Admitted};
use tidegate_vault::{Evidence, Vault};
use tokio::runtime::Handle;

/// What rows of one stream must pass.
#[derive(Clone)]
pub struct Door {
    contract: Arc<DataContract>,
    /// None where every column is kept as it is.
    redactor: Option<Arc<Redactor>>,
    /// None where rows say themselves how far they may be learnt from.
    scoper: Option<Arc<Scoper>>,
    reads: Vec<String>,
}

/// Places of rows, and why each may not be kept.
type Refusals = Vec<(usize, String)>;

/// Why rows that arrived are not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denied {
    /// They may not be kept here; sending them again changes nothing.
    Refused(String),
    /// They cannot be redacted now.
    Failed(String),
}

/// Where texts go that are to be kept as evidence.
#[derive(Debug, Clone)]
pub struct EvidenceShelf {
    /// The evidence store.
    pub vault: Arc<Vault>,
    /// How long they are kept.
    pub ttl: TimeDelta,
}

impl Door {
    /// A door for the stream of a contract, which keeps every column as it is.
    pub fn new(contract: Arc<DataContract>) -> Self {
        let ruled = contract.rules.iter().filter_map(|rule| rule.column.clone());
        let reads = ruled.collect::<BTreeSet<_>>().into_iter().collect();
        Self { contract, redactor: None, scoper: None, reads }
    }

    /// The same, whose rows are redacted by `redactor`; `owners` are the columns that say whose a row is.
    #[must_use]
    pub fn redacting<'a>(self, redactor: Arc<Redactor>, owners: impl IntoIterator<Item = &'a str>) -> Self {
        let owners = owners.into_iter().map(str::to_owned);
        let reads = self.reads.into_iter().chain(owners).collect::<BTreeSet<_>>().into_iter().collect();
        Self { redactor: Some(redactor), reads, ..self }
    }

    /// The same, whose rows are marked by `scoper`, which may look at any column.
    #[must_use]
    pub fn scoping(self, scoper: Arc<Scoper>) -> Self {
        let reads = self.contract.columns.iter().map(|column| column.name.clone()).collect();
        Self { scoper: Some(scoper), reads, ..self }
    }

    /// What the columns of a contract are kept as.
    pub fn policies(contract: &DataContract) -> impl Iterator<Item = (String, IngestPolicy)> {
        contract.columns.iter().map(|column| (column.name.clone(), column.ingest_policy))
    }

    /// Makes rows that arrived fit to be written: all of them but those of tenants and users who were erased. They are not
    /// held against the contract yet. Of a row whose tenant is not known, what was to be a token is left out. Without a shelf
    /// texts for the evidence store are dropped.
    ///
    /// # Errors
    /// [`Denied::Refused`] when rows among them may not be kept here, [`Denied::Failed`] when they cannot be redacted; then
    /// nothing of them may be written. In words without a value of the data.
    pub async fn arrive(&self, rows: &RecordBatch, shelf: Option<&EvidenceShelf>) -> Result<RecordBatch, Denied> {
        let (rows, refused) = self.scoped(rows).map_err(Denied::Refused)?;
        if let Some((_, reason)) = refused.first() {
            return Err(Denied::Refused(format!("{} of the rows may not be kept here: {reason}", refused.len())));
        }
        self.redacted(&rows, shelf).await.map_err(Denied::Failed)
    }

    /// Marks rows; and the places of those that may not be kept, with the reason.
    fn scoped(&self, rows: &RecordBatch) -> Result<(RecordBatch, Refusals), String> {
        let Some(scoper) = &self.scoper else { return Ok((rows.clone(), Vec::new())) };
        let scoped = scoper.apply(rows).map_err(|error| error.to_string())?;
        let reasons = scoped.refused.reasons.iter().map(|reason| reason.as_str().to_owned());
        Ok((scoped.batch, scoped.refused.places.into_iter().zip(reasons).collect()))
    }

    async fn redacted(&self, rows: &RecordBatch, shelf: Option<&EvidenceShelf>) -> Result<RecordBatch, String> {
        let rows = match &self.redactor {
            None => rows.clone(),
            Some(redactor) => {
                let mut redacted = redactor.redact(rows).await.map_err(|error| error.to_string())?;
                if let Some(shelf) = shelf.filter(|_| !redacted.evidence.is_empty()) {
                    let references = shelf.keep(&redacted.evidence).await?;
                    redacted.batch = redacted.with_references(&references).map_err(|error| error.to_string())?;
                }
                together(&redacted).map_err(|_| WRONG_COLUMNS.to_owned())?
            }
        };
        match self.contract.column(ENVELOPE_HASH) {
            Some(_) => seal_envelope(&rows).map_err(|error| error.to_string()),
            None => Ok(rows),
        }
    }

    /// Marks and redacts rows and holds them against the contract: with the columns of `rows` by name and type.
    fn pass(&self, rows: &RecordBatch) -> Result<Admitted, String> {
        let (scoped, mut refused) = self.scoped(rows)?;
        let kept = others(rows.num_rows(), refused.iter().map(|(row, _)| *row));
        let scoped = like(rows, scoped.columns().to_vec(), kept.len()).map_err(|_| WRONG_COLUMNS.to_owned())?;
        let mut admitted = match &self.redactor {
            None => self.hold(&scoped)?,
            Some(redactor) => self.hold_redacted(&scoped, redactor)?,
        };
        refused.extend(admitted.refused.into_iter().map(|(at, why)| (kept[at], why)));
        refused.sort_unstable();
        admitted.refused = refused;
        Ok(admitted)
    }

    fn hold_redacted(&self, rows: &RecordBatch, redactor: &Redactor) -> Result<Admitted, String> {
        // Decoders run on threads of their own, so that waiting for a key holds nobody up.
        let redacted = Handle::current().block_on(redactor.redact(rows)).map_err(|error| error.to_string())?;
        let mut refused = redacted.reasons.iter().map(|(row, why)| (*row, why.as_str().to_owned())).collect::<Vec<_>>();
        let known = redacted.rows.iter().chain(redacted.reasons.iter().map(|(row, _)| row)).copied();
        refused.extend(others(rows.num_rows(), known).into_iter().map(|row| (row, "erased".to_owned())));
        let kept = like(rows, redacted.batch.columns().to_vec(), redacted.batch.num_rows());
        let mut admitted = self.hold(&kept.map_err(|_| WRONG_COLUMNS.to_owned())?)?;
        refused.extend(admitted.refused.into_iter().map(|(at, why)| (redacted.rows[at], why)));
        admitted.refused = refused;
        Ok(admitted)
    }

    /// Holds rows against the contract.
    fn hold(&self, rows: &RecordBatch) -> Result<Admitted, String> {
        let held = Held::new(&self.contract, rows);
        let checked = held.check();
        if let Some(reason) = &checked.stop {
            return Err(format!("contract {}: {reason}", self.contract.label()));
        }
        let refused = checked.refused().map(|(row, reason)| (row, reason.to_string())).collect();
        let rows = standing(rows, &checked).map_err(|_| WRONG_COLUMNS.to_owned())?;
        Ok(Admitted { rows, refused, quality: Some(held.tally()) })
    }
}

const WRONG_COLUMNS: &str = "a column has another type after redaction than its stream";

impl EvidenceShelf {
    /// Keeps texts, and says where each lies; nothing of one about a user who was erased.
    async fn keep(&self, texts: &[EvidenceText]) -> Result<Vec<Option<String>>, String> {
        let evidence = texts.iter().map(|text| Evidence {
            tenant: &text.tenant,
            user: text.user.as_deref(),
            kind: &text.column,
            content: text.text.as_bytes(),
            ttl: self.ttl,
        });
        let kept = self.vault.put_batch(&evidence.collect::<Vec<_>>(), Utc::now()).await;
        let kept = kept.map_err(|error| error.to_string())?;
        Ok(kept.into_iter().map(|reference| reference.map(|reference| reference.to_string())).collect())
    }
}

impl Admit for Door {
    fn reads(&self) -> &[String] {
        &self.reads
    }

    fn admit(&self, rows: &RecordBatch, landed: bool) -> Result<Admitted, String> {
        if landed { self.hold(rows) } else { self.pass(rows) }
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Door({})", self.contract.label())
    }
}

/// The places of `count` rows that are not among `named`, rising.
fn others(count: usize, named: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut is_named = vec![false; count];
    named.for_each(|row| is_named[row] = true);
    (0..count).filter(|&row| !is_named[row]).collect()
}

/// The rows that stand, without the columns that were dropped.
fn standing(rows: &RecordBatch, checked: &Checked) -> Result<RecordBatch, ArrowError> {
    let schema = rows.schema();
    let column = |(at, column): (usize, &ArrayRef)| {
        let name = schema.field(at).name();
        match checked.dropped.iter().any(|dropped| dropped.column == *name) {
            true => new_null_array(column.data_type(), column.len()),
            false => Arc::clone(column),
        }
    };
    let columns = rows.columns().iter().enumerate().map(column).collect();
    let rows = like(rows, columns, rows.num_rows())?;
    if checked.stands.true_count() == rows.num_rows() {
        return Ok(rows);
    }
    filter_record_batch(&rows, &checked.stands)
}

/// `columns` under the names and types of `rows`.
fn like(rows: &RecordBatch, columns: Vec<ArrayRef>, count: usize) -> Result<RecordBatch, ArrowError> {
    let schema = rows.schema();
    let typed =
        columns.into_iter().zip(schema.fields()).map(|(column, field)| match column.data_type() == field.data_type() {
            true => Ok(column),
            false => cast(&column, field.data_type()),
        });
    let columns = typed.collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(count));
    RecordBatch::try_new_with_options(schema, columns, &options)
}

/// Rows that were redacted, and then those that may only be set aside.
fn together(redacted: &Redacted) -> Result<RecordBatch, ArrowError> {
    if redacted.refused.num_rows() == 0 {
        return Ok(redacted.batch.clone());
    }
    arrow::compute::concat_batches(&redacted.batch.schema(), [&redacted.batch, &redacted.refused])
}
