//! How does a log grow, and who may let it grow?

use std::marker::PhantomData;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::record::{decode, parse_file_name};
use crate::{Created, Digest, Error, Fault, Record, Result, Store, encode, file_name, verify};

/// How many records are fetched at once when a log is opened.
const FETCHES: usize = 16;

/// The writing end of one log, whose records all have bodies of the type `B`.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> tidegate_ledger::Result<()> {
/// use tidegate_ledger::{Chain, Store};
///
/// # let folder = tempfile::tempdir().unwrap();
/// let store = Store::open_local(&folder)?;
/// let (mut chain, records) = Chain::<String>::open(store.clone(), "audit").await?;
/// assert!(records.is_empty());
/// chain.append("promoted".to_string()).await?;
///
/// let (_, records) = Chain::<String>::open(store, "audit").await?;
/// assert_eq!((records[0].seq, records[0].body.as_str()), (0, "promoted"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Chain<B> {
    store: Store,
    log: String,
    next: u64,
    head: Digest,
    body: PhantomData<fn(B) -> B>,
}

impl<B: Serialize + DeserializeOwned> Chain<B> {
    /// Opens the log `log/<name>/`, which may be empty, and reads and verifies all of it.
    ///
    /// # Errors
    /// [`Error::Damaged`] names the first file that is wrong; [`Error::InvalidName`], or the store's own errors.
    pub async fn open(store: Store, name: &str) -> Result<(Self, Vec<Record<B>>)> {
        if !is_name(name) {
            return Err(Error::InvalidName { name: name.to_string() });
        }
        let log = format!("log/{name}");
        let files = fetch(&store, &log).await?;
        let records: Vec<Record<B>> = verify(&log, &files)?;
        let head = records.last().map_or(Digest::ZERO, |last| last.digest);
        let chain = Self { store, log, next: records.len() as u64, head, body: PhantomData };
        Ok((chain, records))
    }

    /// Appends a record. When this returns, the record is durable and nobody else can take its place.
    ///
    /// A call that failed may have written the record all the same. Calling again with the same body is safe: finding
    /// its own bytes, it succeeds. Bodies must therefore tell writers apart where that matters, for example by a run id.
    ///
    /// # Errors
    /// [`Error::Conflict`] when another process appended first. What was decided on this chain's records must then be
    /// decided again: on those that [`catch_up`](Self::catch_up) adds, or on those of a newly opened chain.
    pub async fn append(&mut self, body: B) -> Result<Record<B>> {
        let (seq, prev) = (self.next, self.head);
        let bytes: Bytes =
            encode(seq, prev, &body).map_err(|source| Error::Unencodable { log: self.log.clone(), source })?.into();
        let digest = Digest::of(&bytes);
        let file = format!("{}/{}", self.log, file_name(seq));
        if self.store.create(&file, bytes.clone()).await? == Created::AlreadyExists {
            let found = self.store.get(&file).await?;
            if found.as_ref() != Some(&bytes) {
                return Err(Error::Conflict { log: self.log.clone(), seq });
            }
        }
        self.next += 1;
        self.head = digest;
        Ok(Record { seq, prev, digest, body })
    }

    /// Makes sure that nobody else has appended: what this process holds is the whole log.
    ///
    /// # Errors
    /// [`Error::Conflict`] when another process appended, or the store's own errors.
    pub async fn check(&self) -> Result<()> {
        let file = format!("{}/{}", self.log, file_name(self.next));
        match self.store.get(&file).await? {
            None => Ok(()),
            Some(_) => Err(Error::Conflict { log: self.log.clone(), seq: self.next }),
        }
    }

    /// Reads and verifies what others have appended since, and goes on from there.
    ///
    /// # Errors
    /// [`Error::Damaged`] names the first file that is wrong; or the store's own errors. The chain is then as before: it
    /// never moves past a record that its holder has not seen.
    pub async fn catch_up(&mut self) -> Result<Vec<Record<B>>> {
        let (mut next, mut head) = (self.next, self.head);
        let mut records = Vec::new();
        loop {
            let file = format!("{}/{}", self.log, file_name(next));
            let Some(bytes) = self.store.get(&file).await? else { break };
            let record = decode(next, head, &bytes).map_err(|fault| Error::Damaged { file, fault })?;
            next += 1;
            head = record.digest;
            records.push(record);
        }
        (self.next, self.head) = (next, head);
        Ok(records)
    }

    /// The digest of the last record, which stands for all of them; [`Digest::ZERO`] for an empty log.
    pub fn head(&self) -> Digest {
        self.head
    }

    /// How many records there are, which is the number of the next one.
    pub fn len(&self) -> u64 {
        self.next
    }

    /// Whether there is no record yet.
    pub fn is_empty(&self) -> bool {
        self.next == 0
    }
}

/// The bytes of all records. A record that the listing leaves out is asked for by name: a listing that runs while
/// somebody appends may show a record and not the one before.
async fn fetch(store: &Store, log: &str) -> Result<Vec<Bytes>> {
    let mut end = 0;
    for file in store.list(log).await? {
        let name = file.strip_prefix(log).and_then(|name| name.strip_prefix('/')).unwrap_or(&file);
        match parse_file_name(name) {
            Some(seq) => end = end.max(seq.saturating_add(1)),
            None => return Err(Error::Damaged { file, fault: Fault::Stranger }),
        }
    }
    let records = stream::iter((0..end).map(|seq| async move {
        let file = format!("{log}/{}", file_name(seq));
        let bytes = store.get(&file).await?;
        bytes.ok_or(Error::Damaged { file, fault: Fault::Missing })
    }));
    records.buffered(FETCHES).try_collect().await
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && !name.starts_with('.') && name.chars().all(plain)
}
