//! How does a batch become one that may be written?

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, StringArray};
use arrow::compute::{cast, filter};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use foldhash::fast::RandomState;
use tidegate_contract::IngestPolicy;
use tidegate_keyring::{ErasedUsers, Keyring, Owner, Tokens};

use crate::column::{self, Stead, Tenants};
use crate::{ColumnCounts, Counts, Error, Result, Scrubber};

/// Does to each column of a stream's batches what its policy says.
#[derive(Clone, Debug)]
pub struct Redactor {
    policies: BTreeMap<String, IngestPolicy>,
    /// The column that says whose a row is, if rows are somebody's.
    tenant: Option<String>,
    user: Option<String>,
    keyring: Arc<Keyring>,
    scrubber: Scrubber,
}

/// A batch of which what may not be kept is gone.
#[derive(Clone)]
pub struct Redacted {
    /// The rows that may be written, in their order.
    pub batch: RecordBatch,
    /// For each of these rows, its place in the batch that came.
    pub rows: Vec<usize>,
    /// The rows whose tenant is not known, which may be set aside: without a key, what was to be tokenised or kept as
    /// evidence is left out of them.
    pub refused: RecordBatch,
    /// For each of the refused rows, its place in the batch that came, and why it was refused.
    pub reasons: Vec<(usize, Refusal)>,
    /// What is to go to the evidence store. Put it there, then [`Redacted::with_references`].
    pub evidence: Vec<EvidenceText>,
    /// What was done to how many values.
    pub counts: Counts,
}

/// Why a row may be set aside only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// It names no tenant.
    NoTenant,
    /// Keys are given by hand, and its tenant has none.
    UnknownTenant,
}

impl Refusal {
    /// The word for it in quarantine and counts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoTenant => "no_tenant",
            Self::UnknownTenant => "unknown_tenant",
        }
    }
}

/// A text that was taken out of a batch. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct EvidenceText {
    /// The column it stood in.
    pub column: String,
    /// The row of [`Redacted::batch`] it stood in.
    pub row: usize,
    /// Whose it is.
    pub tenant: Arc<str>,
    /// The user it speaks about, as [`Redacted::batch`] names it, if it says.
    pub user: Option<String>,
    /// The text.
    pub text: String,
}

impl fmt::Debug for EvidenceText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EvidenceText({}, row {})", self.column, self.row)
    }
}

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = (self.batch.num_rows(), self.refused.num_rows(), self.evidence.len());
        write!(f, "Redacted({} rows, {} refused, {} texts of evidence)", rows.0, rows.1, rows.2)
    }
}

impl Redacted {
    /// The batch with a reference in the place of each text that was taken out, in the order of
    /// [`evidence`](Self::evidence). Where there is none, the text was dropped.
    ///
    /// # Errors
    /// [`Error::References`] when there are more or fewer references than texts.
    pub fn with_references(&self, references: &[Option<String>]) -> Result<RecordBatch> {
        let texts = self.evidence.len();
        if references.len() != texts {
            return Err(Error::References { references: references.len(), texts });
        }
        let mut of_column: BTreeMap<&str, HashMap<usize, &str>> = BTreeMap::new();
        for (text, reference) in self.evidence.iter().zip(references) {
            let Some(reference) = reference else { continue };
            of_column.entry(&text.column).or_default().insert(text.row, reference);
        }
        let schema = self.batch.schema();
        let mut columns = self.batch.columns().to_vec();
        for (name, references) in of_column {
            let place = schema.index_of(name).map_err(Error::arrow(name))?;
            let otherwise = if schema.field(place).is_nullable() { None } else { Some("") };
            let filled: StringArray =
                (0..self.batch.num_rows()).map(|row| references.get(&row).copied().or(otherwise)).collect();
            columns[place] = cast(&filled, schema.field(place).data_type()).map_err(Error::arrow(name))?;
        }
        rebuilt(schema, columns, self.batch.num_rows())
    }
}

/// What becomes of one row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is written, with the keys of the tenant at this place.
    Written(u32),
    Refused(Refusal),
    /// Its tenant's key is destroyed.
    OfDestroyedTenant,
    OfErasedUser,
}

/// The tenants of a batch: each once.
#[derive(Default)]
struct Known {
    names: Vec<Arc<str>>,
    tokens: Vec<Tokens>,
    erased: Vec<Option<ErasedUsers>>,
}

impl Redactor {
    /// For batches whose rows say in the column `tenant` whose they are. Columns that have no policy are dropped.
    pub fn new(
        policies: impl IntoIterator<Item = (String, IngestPolicy)>,
        tenant: impl Into<String>,
        keyring: Arc<Keyring>,
    ) -> Self {
        Self { tenant: Some(tenant.into()), ..Self::without_tenants(policies, keyring) }
    }

    /// For batches whose rows are nobody's. There is no key for them: `tokenize` and `evidence` drop their columns.
    pub fn without_tenants(policies: impl IntoIterator<Item = (String, IngestPolicy)>, keyring: Arc<Keyring>) -> Self {
        let policies = policies.into_iter().collect();
        Self { policies, tenant: None, user: None, keyring, scrubber: Scrubber::default() }
    }

    /// For batches whose rows say in a column which user they are about: rows of users whose key is destroyed are left
    /// out, and evidence is encrypted under the user's key, too. Users are known by what this column holds after its
    /// policy, which should be `tokenize`.
    #[must_use]
    pub fn with_user(self, column: impl Into<String>) -> Self {
        Self { user: Some(column.into()), ..self }
    }

    /// With other detectors.
    #[must_use]
    pub fn with_scrubber(self, scrubber: Scrubber) -> Self {
        Self { scrubber, ..self }
    }

    /// The columns of redacted batches, for batches with these. Hashes and tokens are text, so a number becomes text.
    ///
    /// # Errors
    /// [`Error::Unfit`], [`Error::NoColumn`].
    pub fn schema(&self, of: &Schema) -> Result<SchemaRef> {
        let written = |field: &Arc<Field>| {
            let data_type = column::written_type(field, self.policy(field.name()))?;
            Ok(Arc::new(field.as_ref().clone().with_data_type(data_type)))
        };
        let fields = of.fields().iter().map(written).collect::<Result<Vec<_>>>()?;
        let role = [(self.tenant.as_ref(), "whose a row is"), (self.user.as_ref(), "which user a row is about")];
        for (column, role) in role {
            if let Some(column) = column.filter(|column| of.index_of(column).is_err()) {
                return Err(Error::NoColumn { column: column.clone(), role });
            }
        }
        Ok(Arc::new(Schema::new_with_metadata(fields, of.metadata().clone())))
    }

    /// Redacts a batch. A tenant that comes for the first time gets a key.
    ///
    /// # Errors
    /// [`Error`]; then nothing of the batch may be written. Errors never hold values of rows.
    pub async fn redact(&self, batch: &RecordBatch) -> Result<Redacted> {
        let schema = self.schema(&batch.schema())?;
        let Some(tenant) = &self.tenant else { return self.redact_nobody_s(batch, &schema) };
        let (known, mut fates) = self.fates(batch, tenant).await?;
        self.leave_out_erased(batch, &known, &mut fates)?;

        let mut counts = counted(&fates);
        let rows: Vec<usize> = places(&fates, |fate| matches!(fate, Fate::Written(_)));
        let of_row: Vec<u32> =
            fates.iter().filter_map(|fate| if let Fate::Written(of) = fate { Some(*of) } else { None }).collect();
        let tenants = Tenants { of_row: &of_row, tokens: &known.tokens };
        let kept = rows_of(batch, &fates, |fate| matches!(fate, Fate::Written(_)))?;
        let written = self.columns(&kept, &schema, Some(&tenants), &mut counts)?;
        let evidence = self.evidence(&kept, &written, &of_row, &known)?;

        let set_aside = rows_of(batch, &fates, |fate| matches!(fate, Fate::Refused(_)))?;
        let refused = self.columns(&set_aside, &schema, None, &mut counts)?;
        let reasons = fates.iter().enumerate().filter_map(|(row, fate)| match fate {
            Fate::Refused(reason) => Some((row, *reason)),
            _ => None,
        });
        Ok(Redacted { batch: written, rows, refused, reasons: reasons.collect(), evidence, counts })
    }

    /// Redacts rows that are nobody's.
    fn redact_nobody_s(&self, batch: &RecordBatch, schema: &SchemaRef) -> Result<Redacted> {
        let mut counts = Counts { rows: batch.num_rows() as u64, ..Counts::default() };
        let written = self.columns(batch, schema, None, &mut counts)?;
        Ok(Redacted {
            refused: RecordBatch::new_empty(Arc::clone(schema)),
            batch: written,
            rows: (0..batch.num_rows()).collect(),
            reasons: Vec::new(),
            evidence: Vec::new(),
            counts,
        })
    }

    fn policy(&self, column: &str) -> IngestPolicy {
        self.policies.get(column).copied().unwrap_or(IngestPolicy::Drop)
    }

    /// What becomes of each row, as far as its tenant says.
    async fn fates(&self, batch: &RecordBatch, tenant: &str) -> Result<(Known, Vec<Fate>)> {
        let tenants = texts(batch, tenant)?;
        let mut known = Known::default();
        let mut of_tenant: HashMap<&str, Fate, RandomState> = HashMap::default();
        let mut fates = Vec::with_capacity(tenants.len());
        for tenant in &tenants {
            let Some(tenant) = tenant.filter(|tenant| !tenant.trim().is_empty()) else {
                fates.push(Fate::Refused(Refusal::NoTenant));
                continue;
            };
            let fate = match of_tenant.get(tenant) {
                Some(fate) => *fate,
                None => {
                    let fate = self.fate_of(tenant, &mut known).await?;
                    of_tenant.insert(tenant, fate);
                    fate
                }
            };
            fates.push(fate);
        }
        Ok((known, fates))
    }

    async fn fate_of(&self, tenant: &str, known: &mut Known) -> Result<Fate> {
        use tidegate_keyring::Error::{NotGiven, TenantDestroyed};
        let keys = async || -> tidegate_keyring::Result<(Owner, Tokens)> {
            let owner = self.keyring.owner(tenant)?;
            Ok((owner, self.keyring.key(owner).await?.tokens()))
        };
        let (owner, tokens) = match keys().await {
            Ok(keys) => keys,
            Err(TenantDestroyed { .. }) => return Ok(Fate::OfDestroyedTenant),
            Err(NotGiven) => return Ok(Fate::Refused(Refusal::UnknownTenant)),
            Err(error) => return Err(error.into()),
        };
        let place = u32::try_from(known.names.len()).unwrap_or(u32::MAX);
        known.names.push(tenant.into());
        known.tokens.push(tokens);
        known.erased.push(self.keyring.erased_users(owner).await?);
        Ok(Fate::Written(place))
    }

    /// Leaves out the rows of users whose key is destroyed. Where a tenant has none, this costs nothing.
    fn leave_out_erased(&self, batch: &RecordBatch, known: &Known, fates: &mut [Fate]) -> Result<()> {
        let Some(user) = &self.user else { return Ok(()) };
        if known.erased.iter().all(Option::is_none) {
            return Ok(());
        }
        let field = Arc::clone(&batch.schema().fields()[batch.schema().index_of(user).map_err(Error::arrow(user))?]);
        let candidates = places(fates, |fate| matches!(fate, Fate::Written(_)));
        let of_row: Vec<u32> =
            fates.iter().filter_map(|fate| if let Fate::Written(of) = fate { Some(*of) } else { None }).collect();
        let kept = rows_of(batch, fates, |fate| matches!(fate, Fate::Written(_)))?;
        let tenants = Tenants { of_row: &of_row, tokens: &known.tokens };
        let array = kept.column_by_name(user).ok_or_else(|| missing(user))?;
        let users = self.column(array, &field, Some(&tenants), &mut ColumnCounts::default());
        let users = users.and_then(|users| column::texts(&users)).map_err(Error::arrow(user))?;
        let mut seen: HashMap<(u32, &str), bool> = HashMap::new();
        for ((user, of), row) in users.iter().zip(&of_row).zip(candidates) {
            let (Some(user), Some(erased)) = (user, &known.erased[*of as usize]) else { continue };
            if *seen.entry((*of, user)).or_insert_with(|| erased.contains(user)) {
                fates[row] = Fate::OfErasedUser;
            }
        }
        Ok(())
    }

    /// All columns after their policies. Without keys, what needs one is left out.
    fn columns(
        &self,
        batch: &RecordBatch,
        schema: &SchemaRef,
        tenants: Option<&Tenants<'_>>,
        counts: &mut Counts,
    ) -> Result<RecordBatch> {
        let mut columns = Vec::with_capacity(batch.num_columns());
        for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
            let mut column = ColumnCounts::default();
            let written = self.column(array, field, tenants, &mut column).map_err(Error::arrow(field.name()))?;
            columns.push(written);
            counts.column(field.name(), &column);
        }
        rebuilt(Arc::clone(schema), columns, batch.num_rows())
    }

    fn column(
        &self,
        array: &ArrayRef,
        field: &Arc<Field>,
        tenants: Option<&Tenants<'_>>,
        counts: &mut ColumnCounts,
    ) -> Result<ArrayRef, ArrowError> {
        let policy = self.policy(field.name());
        let written =
            || column::written_type(field, policy).map(|data_type| field.as_ref().clone().with_data_type(data_type));
        let blank = || match written() {
            Ok(field) => column::blank(array.len(), &field),
            Err(error) => Err(ArrowError::SchemaError(error.to_string())),
        };
        match (policy, tenants) {
            (IngestPolicy::Keep, _) => Ok(Arc::clone(array)),
            (IngestPolicy::Drop, _) => column::dropped(array, field, counts),
            (IngestPolicy::Hash, _) => column::hashed(array, counts),
            (IngestPolicy::Pattern, _) => column::scrubbed(array, self.scrubber, counts),
            (IngestPolicy::Identifier, _) => {
                let stead = match tenants {
                    Some(tenants) => Stead::Token(tenants),
                    None if self.tenant.is_none() => Stead::Hash,
                    None => Stead::Scrubbed,
                };
                column::identifiers(array, self.scrubber, &stead, counts)
            }
            (IngestPolicy::Tokenize, Some(tenants)) => column::tokenized(array, tenants, counts),
            (IngestPolicy::Evidence, Some(_)) => {
                counts.evidence += column::present(array);
                blank()
            }
            (IngestPolicy::Tokenize | IngestPolicy::Evidence, None) => {
                counts.dropped += column::present(array);
                blank()
            }
        }
    }

    /// The texts that go to the evidence store.
    fn evidence(
        &self,
        batch: &RecordBatch,
        written: &RecordBatch,
        of_row: &[u32],
        known: &Known,
    ) -> Result<Vec<EvidenceText>> {
        let is_evidence = |field: &&Arc<Field>| self.policy(field.name()) == IngestPolicy::Evidence;
        let schema = batch.schema();
        let mut columns = schema.fields().iter().filter(is_evidence).peekable();
        if columns.peek().is_none() {
            return Ok(Vec::new());
        }
        let users = self.user.as_ref().map(|user| texts(written, user)).transpose()?;
        let user =
            |row: usize| users.as_ref().filter(|users| users.is_valid(row)).map(|users| users.value(row).to_owned());
        let mut evidence = Vec::new();
        for field in columns {
            for (row, text) in texts(batch, field.name())?.iter().enumerate() {
                let Some(text) = text.filter(|text| !text.is_empty()) else { continue };
                let (column, tenant) = (field.name().clone(), Arc::clone(&known.names[of_row[row] as usize]));
                evidence.push(EvidenceText { column, row, tenant, user: user(row), text: text.to_owned() });
            }
        }
        Ok(evidence)
    }
}

fn counted(fates: &[Fate]) -> Counts {
    let count = |of: Fate| fates.iter().filter(|fate| **fate == of).count() as u64;
    Counts {
        rows: fates.len() as u64,
        rows_without_tenant: count(Fate::Refused(Refusal::NoTenant)),
        rows_of_unknown_tenants: count(Fate::Refused(Refusal::UnknownTenant)),
        rows_of_destroyed_tenants: count(Fate::OfDestroyedTenant),
        rows_of_erased_users: count(Fate::OfErasedUser),
        columns: BTreeMap::new(),
    }
}

fn places(fates: &[Fate], which: impl Fn(&Fate) -> bool) -> Vec<usize> {
    fates.iter().enumerate().filter(|(_, fate)| which(fate)).map(|(row, _)| row).collect()
}

/// Some rows of a batch, without anything of the others.
fn rows_of(batch: &RecordBatch, fates: &[Fate], which: impl Fn(&Fate) -> bool) -> Result<RecordBatch> {
    let mask: BooleanArray = fates.iter().map(|fate| Some(which(fate))).collect();
    let count = mask.true_count();
    if count == fates.len() {
        return Ok(batch.clone());
    }
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns()).map(|(field, array)| {
        filter(array, &mask).and_then(|array| without_leftovers(&array)).map_err(Error::arrow(field.name()))
    });
    rebuilt(Arc::clone(&schema), columns.collect::<Result<Vec<_>>>()?, count)
}

/// Dictionaries and views keep the values of rows that were filtered out: they are let go of.
fn without_leftovers(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match array.data_type() {
        DataType::Dictionary(_, values) => cast(&cast(array, values)?, array.data_type()),
        DataType::Utf8View => Ok(Arc::new(array.as_string_view().gc())),
        DataType::BinaryView => Ok(Arc::new(array.as_binary_view().gc())),
        _ => Ok(Arc::clone(array)),
    }
}

fn texts(batch: &RecordBatch, column: &str) -> Result<StringArray> {
    let array = batch.column_by_name(column).ok_or_else(|| missing(column))?;
    column::texts(array).map_err(Error::arrow(column))
}

fn missing(column: &str) -> Error {
    Error::NoColumn { column: column.to_owned(), role: "whose a row is, or which user it is about" }
}

fn rebuilt(schema: SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema, columns, &options).map_err(Error::arrow("*"))
}
