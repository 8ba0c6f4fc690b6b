//! How is evidence written, and given out?

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use tidegate_keyring::{Keyring, Owner};
use tidegate_ledger::{Created, Store};
use zeroize::Zeroizing;

use crate::object::{self, ENTRY, Entry, HEADER, Keys, LONGEST, MAGIC, Record};
use crate::reference::ObjectName;
use crate::{Access, AuditTrail, Error, EvidenceRef, Outcome, Purposes, Reader, Result};

/// Texts of one object at most, and their bytes before another is begun.
const TEXTS: usize = 10_000;
const BYTES: usize = 64 << 20;
/// The longest that evidence is kept.
const LONGEST_TTL: TimeDelta = TimeDelta::days(3650);

/// Texts that are kept encrypted, for a time.
#[derive(Clone, Debug)]
pub struct Vault {
    store: Store,
    keyring: Arc<Keyring>,
    purposes: Purposes,
}

/// A text that is to be kept.
#[derive(Clone, Copy)]
pub struct Evidence<'a> {
    /// Whose it is.
    pub tenant: &'a str,
    /// The token of the user it speaks about, if it speaks about one: then it is forgotten with the user.
    pub user: Option<&'a str>,
    /// What kind of text it is, such as `prompt`; at most 255 bytes.
    pub kind: &'a str,
    /// The text.
    pub content: &'a [u8],
    /// How long it is kept.
    pub ttl: TimeDelta,
}

impl fmt::Debug for Evidence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Evidence({}, {} bytes)", self.kind, self.content.len())
    }
}

/// A text that was kept. It is wiped when it is dropped; `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    /// What kind of text it is.
    pub kind: String,
    /// The text.
    pub bytes: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({}, {} bytes)", self.kind, self.bytes.len())
    }
}

/// A text with its keys and the object it goes to.
struct Ready<'a> {
    /// Its place among those that came.
    place: usize,
    tenant: Owner,
    record: Record<'a>,
}

impl Vault {
    /// A vault below `evidence/`, whose texts are read for some purposes only.
    pub fn new(store: Store, keyring: Arc<Keyring>, purposes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { store, keyring, purposes: Purposes::new(purposes) }
    }

    /// Keeps one text. Nothing is kept, and nothing returned, about a user whose key is destroyed.
    ///
    /// # Errors
    /// As [`put_batch`](Self::put_batch).
    pub async fn put(&self, evidence: Evidence<'_>, now: DateTime<Utc>) -> Result<Option<EvidenceRef>> {
        Ok(self.put_batch(&[evidence], now).await?.pop().flatten())
    }

    /// Keeps the texts of a batch: those of one tenant that expire on one day in one object. Once this returns, they are
    /// there to stay. Each text has a reference, but one about a user whose key is destroyed, which is dropped.
    ///
    /// # Errors
    /// [`Error::Key`] when a tenant's key is destroyed or cannot be had, [`Error::TimeToLive`], [`Error::TooLong`],
    /// [`Error::Store`]. Then some of the texts may lie there, and nobody has a reference to them.
    pub async fn put_batch(&self, texts: &[Evidence<'_>], now: DateTime<Utc>) -> Result<Vec<Option<EvidenceRef>>> {
        let mut objects: BTreeMap<(Owner, chrono::NaiveDate), Vec<Ready<'_>>> = BTreeMap::new();
        for (place, text) in texts.iter().enumerate() {
            let expires = expiry(text, now)?;
            let Some((tenant, record)) = self.ready(text, expires).await? else { continue };
            objects.entry((tenant, expires.date_naive())).or_default().push(Ready { place, tenant, record });
        }
        let mut references = vec![None; texts.len()];
        for ((_, day), texts) in objects {
            for part in parts(texts) {
                self.write(day, &part, &mut references).await?;
            }
        }
        Ok(references)
    }

    /// A text with its keys; nothing if it speaks about a user whose key is destroyed.
    async fn ready<'a>(&self, text: &Evidence<'a>, expires: DateTime<Utc>) -> Result<Option<(Owner, Record<'a>)>> {
        if text.content.len() > LONGEST || text.kind.len() > usize::from(u8::MAX) {
            return Err(Error::TooLong { limit: LONGEST });
        }
        let tenant = self.keyring.owner(text.tenant)?;
        let user = text.user.map(|user| self.keyring.owner_user(tenant, user)).transpose()?;
        let keys = match self.keys_to_write(tenant, user).await {
            Err(tidegate_keyring::Error::UserDestroyed { .. }) => return Ok(None),
            keys => keys?,
        };
        let (user, expires_us) = (user.and_then(|user| user.user_name()), expires.timestamp_micros());
        Ok(Some((tenant, Record { keys, user, expires_us, kind: text.kind, content: text.content })))
    }

    async fn keys_to_write(&self, tenant: Owner, user: Option<Owner>) -> tidegate_keyring::Result<Keys> {
        let key = self.keyring.key(tenant).await?;
        let user = match user {
            Some(user) => Some(self.keyring.key(user).await?),
            None => None,
        };
        Ok(Keys { tenant: key, user })
    }

    async fn write(
        &self,
        day: chrono::NaiveDate,
        texts: &[Ready<'_>],
        references: &mut [Option<EvidenceRef>],
    ) -> Result<()> {
        let Some(first) = texts.first() else { return Ok(()) };
        let mut drawn = [0; 16];
        getrandom::fill(&mut drawn).map_err(|source| Error::NoRandom { source })?;
        let object = ObjectName { tenant: first.tenant, day, drawn: u128::from_be_bytes(drawn) };
        let records: Vec<&Record<'_>> = texts.iter().map(|text| &text.record).collect();
        let bytes = object::encode(object, &records).ok_or(Error::TooLong { limit: LONGEST })?;
        // Nobody else draws this name: what lies there is what this call wrote, though its answer was lost.
        let (Created::New | Created::AlreadyExists) = self.store.create(&object.path(), Bytes::from(bytes)).await?;
        for (number, text) in (0..).zip(texts) {
            references[text.place] = Some(EvidenceRef { object, number });
        }
        Ok(())
    }

    /// Gives out a text, after the access is on record. Attempts that are refused are on record, too.
    ///
    /// # Errors
    /// [`Error::NoPurpose`], [`Error::PurposeNotAllowed`], [`Error::Expired`], [`Error::Destroyed`], [`Error::Absent`],
    /// [`Error::Damaged`], [`Error::Key`], [`Error::Store`]; [`Error::NotRecorded`] when the access cannot be recorded,
    /// whatever else would have come of it.
    pub async fn get(
        &self,
        reference: EvidenceRef,
        reader: &Reader,
        now: DateTime<Utc>,
        audit: &impl AuditTrail,
    ) -> Result<Content> {
        let found = self.find(reference, reader, now).await;
        let access = Access::new(reference, reader, now, Outcome::of(&found));
        audit.record(access).await.map_err(|source| Error::NotRecorded { reference, source })?;
        found
    }

    async fn find(&self, reference: EvidenceRef, reader: &Reader, now: DateTime<Utc>) -> Result<Content> {
        self.purposes.admit(reader)?;
        let path = reference.object.path();
        let entry = self.entry(reference, &path).await?;
        if entry.expires_us <= now.timestamp_micros() {
            return Err(Error::Expired { reference });
        }
        let keys = self.keys_to_read(reference, entry).await?;
        let end = entry.offset.saturating_add(u64::from(entry.length));
        let damaged = || Error::Damaged { reference };
        if entry.length == 0 {
            return Err(damaged());
        }
        let sealed = self.store.get_range(&path, entry.offset..end).await?.ok_or(Error::Absent { reference })?;
        let (kind, bytes) = object::decode(reference, entry, &keys, &sealed).ok_or_else(damaged)?;
        Ok(Content { kind, bytes })
    }

    async fn entry(&self, reference: EvidenceRef, path: &str) -> Result<Entry> {
        let absent = || Error::Absent { reference };
        let header = self.store.get_range(path, 0..HEADER as u64).await?.ok_or_else(absent)?;
        let count = header.strip_prefix(MAGIC).and_then(|count| count.try_into().ok()).map(u32::from_le_bytes);
        let count = count.ok_or(Error::Damaged { reference })?;
        if reference.number >= count {
            return Err(absent());
        }
        let at = HEADER as u64 + u64::from(reference.number) * ENTRY as u64;
        let entry = self.store.get_range(path, at..at + ENTRY as u64).await?.ok_or_else(absent)?;
        Entry::of_bytes(&entry).ok_or(Error::Damaged { reference })
    }

    async fn keys_to_read(&self, reference: EvidenceRef, entry: Entry) -> Result<Keys> {
        use tidegate_keyring::Error::{TenantDestroyed, UserDestroyed};
        let find = async |owner: Owner| match self.keyring.find(owner).await {
            Err(TenantDestroyed { .. }) => Err(Error::Destroyed { reference, of_user: false }),
            Err(UserDestroyed { .. }) => Err(Error::Destroyed { reference, of_user: true }),
            found => Ok(found?),
        };
        let tenant = reference.object.tenant;
        let user = match entry.user {
            Some(user) => Some(find(tenant.with_user_name(user)).await?),
            None => None,
        };
        Ok(Keys { tenant: find(tenant).await?, user })
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn keyring(&self) -> &Keyring {
        &self.keyring
    }
}

fn expiry(text: &Evidence<'_>, now: DateTime<Utc>) -> Result<DateTime<Utc>> {
    if text.ttl < TimeDelta::seconds(1) || text.ttl > LONGEST_TTL {
        return Err(Error::TimeToLive);
    }
    now.checked_add_signed(text.ttl)
        .filter(|expires| expires.format("%Y").to_string().len() == 4)
        .ok_or(Error::TimeToLive)
}

/// Texts in parts that one object each can hold.
fn parts(texts: Vec<Ready<'_>>) -> Vec<Vec<Ready<'_>>> {
    let mut parts: Vec<(usize, Vec<Ready<'_>>)> = Vec::new();
    for text in texts {
        let bytes = text.record.content.len();
        match parts.last_mut() {
            Some((filled, part)) if part.len() < TEXTS && *filled + bytes <= BYTES => {
                *filled += bytes;
                part.push(text);
            }
            _ => parts.push((bytes, vec![text])),
        }
    }
    parts.into_iter().map(|(_, part)| part).collect()
}
