//! How do the texts of one batch lie in one object, so that each can be read without the others?
//!
//! ```text
//! TGEVID01 | number of texts, 4 bytes | entries of 36 bytes | records
//! entry:  where its record begins, 8 bytes | its length, 4 | when it expires (us since 1970), 8 | its user or zeros, 16
//! record: AES-256-GCM of: length of the kind, 1 byte | kind | content
//! ```
//!
//! Numbers are little-endian. A record's key is derived from the tenant's key for evidence, the user's if there is one, and
//! the object's drawn name; no two objects share one, so the number of the text is the nonce. The reference and the entry
//! are part of what the cipher checks: an expiry that was put off is noticed.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use hkdf::Hkdf;
use sha2::Sha256;
use tidegate_keyring::Key;
use zeroize::Zeroizing;

use crate::EvidenceRef;
use crate::reference::ObjectName;

pub(crate) const MAGIC: &[u8; 8] = b"TGEVID01";
pub(crate) const HEADER: usize = MAGIC.len() + 4;
pub(crate) const ENTRY: usize = 36;
/// Bytes that encrypting adds.
const TAG: usize = 16;
/// Bytes of one text at most.
pub(crate) const LONGEST: usize = 64 << 20;

/// What the index of an object says about one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) offset: u64,
    pub(crate) length: u32,
    pub(crate) expires_us: i64,
    pub(crate) user: Option<[u8; 16]>,
}

impl Entry {
    fn to_bytes(self) -> [u8; ENTRY] {
        let mut bytes = [0; ENTRY];
        bytes[..8].copy_from_slice(&self.offset.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.length.to_le_bytes());
        bytes[12..20].copy_from_slice(&self.expires_us.to_le_bytes());
        bytes[20..].copy_from_slice(&self.user.unwrap_or_default());
        bytes
    }

    pub(crate) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let (offset, bytes) = bytes.split_first_chunk()?;
        let (length, bytes) = bytes.split_first_chunk()?;
        let (expires, bytes) = bytes.split_first_chunk()?;
        let user: [u8; 16] = bytes.try_into().ok()?;
        Some(Self {
            offset: u64::from_le_bytes(*offset),
            length: u32::from_le_bytes(*length),
            expires_us: i64::from_le_bytes(*expires),
            user: (user != [0; 16]).then_some(user),
        })
    }
}

/// The keys that a record is under.
pub(crate) struct Keys {
    pub(crate) tenant: Key,
    pub(crate) user: Option<Key>,
}

impl Keys {
    fn cipher(&self, object: &ObjectName) -> Aes256Gcm {
        let mut secret = Zeroizing::new(Vec::with_capacity(64));
        secret.extend_from_slice(&*self.tenant.derive("evidence"));
        if let Some(user) = &self.user {
            secret.extend_from_slice(&*user.derive("evidence"));
        }
        let mut key = Zeroizing::new([0; 32]);
        let expanded = Hkdf::<Sha256>::new(Some(&object.drawn.to_be_bytes()), &secret).expand(b"record", key.as_mut());
        debug_assert!(expanded.is_ok(), "HKDF gives up to 8160 bytes");
        Aes256Gcm::new((&*key).into())
    }
}

/// One text before it is written.
pub(crate) struct Record<'a> {
    pub(crate) keys: Keys,
    pub(crate) user: Option<[u8; 16]>,
    pub(crate) expires_us: i64,
    pub(crate) kind: &'a str,
    pub(crate) content: &'a [u8],
}

/// The bytes of an object with some texts, or nothing if one of them is too long.
pub(crate) fn encode(object: ObjectName, records: &[&Record<'_>]) -> Option<Vec<u8>> {
    let count = u32::try_from(records.len()).ok()?;
    let mut index = Vec::with_capacity(HEADER + records.len() * ENTRY);
    index.extend_from_slice(MAGIC);
    index.extend_from_slice(&count.to_le_bytes());
    let mut bodies = Vec::new();
    let first = HEADER + records.len() * ENTRY;
    for (number, record) in (0..count).zip(records) {
        let kind = u8::try_from(record.kind.len()).ok()?;
        let mut plain = Zeroizing::new(Vec::with_capacity(1 + record.kind.len() + record.content.len()));
        plain.push(kind);
        plain.extend_from_slice(record.kind.as_bytes());
        plain.extend_from_slice(record.content);
        let entry = Entry {
            offset: u64::try_from(first + bodies.len()).ok()?,
            length: u32::try_from(plain.len() + TAG).ok()?,
            expires_us: record.expires_us,
            user: record.user,
        };
        let reference = EvidenceRef { object, number };
        let bound = bound(reference, entry);
        let payload = Payload { msg: &plain, aad: &bound };
        bodies.extend(record.keys.cipher(&object).encrypt(&nonce(number), payload).ok()?);
        index.extend_from_slice(&entry.to_bytes());
    }
    index.extend_from_slice(&bodies);
    Some(index)
}

/// The kind and the content of a record, if it is what was written.
pub(crate) fn decode(
    reference: EvidenceRef,
    entry: Entry,
    keys: &Keys,
    sealed: &[u8],
) -> Option<(String, Zeroizing<Vec<u8>>)> {
    let bound = bound(reference, entry);
    let payload = Payload { msg: sealed, aad: &bound };
    let plain = keys.cipher(&reference.object).decrypt(&nonce(reference.number), payload).ok()?;
    let plain = Zeroizing::new(plain);
    let (length, rest) = plain.split_first()?;
    let (kind, content) = rest.split_at_checked(usize::from(*length))?;
    Some((std::str::from_utf8(kind).ok()?.to_owned(), Zeroizing::new(content.to_vec())))
}

/// What a record is bound to.
fn bound(reference: EvidenceRef, entry: Entry) -> Vec<u8> {
    [reference.to_string().as_bytes(), &entry.to_bytes()].concat()
}

fn nonce(number: u32) -> aes_gcm::aead::Nonce<Aes256Gcm> {
    let mut nonce = [0; 12];
    nonce[8..].copy_from_slice(&number.to_be_bytes());
    *Nonce::from_slice(&nonce)
}
