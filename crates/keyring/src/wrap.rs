//! How does a key lie on the object store?
//!
//! ```text
//! TGKEY001 | name of the master key, 8 bytes | nonce, 12 bytes | the key under AES-256-GCM, 48 bytes
//! TGGONE01                                                       a tombstone: there was a key, or none may ever be
//! ```
//!
//! The owner is part of what the cipher checks, so a key that is put in the place of another is noticed.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use bytes::Bytes;
use zeroize::Zeroizing;

use crate::key::{KEY, Key};
use crate::{Error, MasterKey, Owner, Result};

const MAGIC: &[u8; 8] = b"TGKEY001";
const TOMBSTONE: &[u8; 8] = b"TGGONE01";
const NONCE: usize = 12;
const HEADER: usize = MAGIC.len() + 8 + NONCE;

/// What stands in the file of a key.
pub(crate) enum Found {
    Key(Key),
    Tombstone,
}

pub(crate) fn tombstone() -> Bytes {
    Bytes::from_static(TOMBSTONE)
}

pub(crate) fn wrap(master: &MasterKey, owner: Owner, key: &Key) -> Result<Bytes> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce).map_err(|source| Error::NoRandom { source })?;
    let aad = owner.to_string();
    let payload = Payload { msg: key.bytes(), aad: aad.as_bytes() };
    let wrapped = cipher(master).encrypt(Nonce::from_slice(&nonce), payload);
    let wrapped = wrapped.map_err(|_| Error::Damaged { path: aad.clone() })?;
    Ok([MAGIC.as_slice(), &master.name(), &nonce, &wrapped].concat().into())
}

pub(crate) fn unwrap(master: &MasterKey, owner: Owner, path: &str, bytes: &[u8]) -> Result<Found> {
    if bytes == TOMBSTONE {
        return Ok(Found::Tombstone);
    }
    let damaged = || Error::Damaged { path: path.to_owned() };
    let (header, wrapped) = bytes.split_at_checked(HEADER).ok_or_else(damaged)?;
    let (magic, header) = header.split_at(MAGIC.len());
    let (name, nonce) = header.split_at(8);
    if magic != MAGIC {
        return Err(damaged());
    }
    if name != master.name() {
        let (wrapped_under, given) = (const_hex::encode(name), const_hex::encode(master.name()));
        return Err(Error::OtherMaster { path: path.to_owned(), wrapped_under, given });
    }
    let owner = owner.to_string();
    let payload = Payload { msg: wrapped, aad: owner.as_bytes() };
    let opened = cipher(master).decrypt(Nonce::from_slice(nonce), payload).map_err(|_| damaged())?;
    let opened = Zeroizing::new(opened);
    let mut key = Zeroizing::new([0; KEY]);
    if opened.len() != KEY {
        return Err(damaged());
    }
    key.copy_from_slice(&opened);
    Ok(Found::Key(Key::new(key)))
}

fn cipher(master: &MasterKey) -> Aes256Gcm {
    Aes256Gcm::new((&*master.secret().derive("wrap keys")).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::owner::Names;

    fn master() -> MasterKey {
        "ab".repeat(32).parse().unwrap()
    }

    #[test]
    fn a_key_is_unwrapped_by_its_master_for_its_owner_and_unchanged() {
        let names = Names::new(master().secret());
        let (acme, globex) = (names.tenant("acme"), names.tenant("globex"));
        let key = Key::random().unwrap();
        let wrapped = wrap(&master(), acme, &key).unwrap();
        let found = unwrap(&master(), acme, "p", &wrapped).unwrap();
        assert!(matches!(found, Found::Key(found) if found.bytes() == key.bytes()));
        assert_ne!(wrapped, wrap(&master(), acme, &key).unwrap(), "a nonce of its own each time");

        assert!(matches!(unwrap(&master(), globex, "p", &wrapped), Err(Error::Damaged { .. })));
        let other: MasterKey = "cd".repeat(32).parse().unwrap();
        assert!(matches!(unwrap(&other, acme, "p", &wrapped), Err(Error::OtherMaster { .. })));
        for at in 0..wrapped.len() {
            let mut changed = wrapped.to_vec();
            changed[at] ^= 1;
            assert!(unwrap(&master(), acme, "p", &changed).is_err(), "byte {at}");
            assert!(unwrap(&master(), acme, "p", &wrapped[..at]).is_err(), "cut off at {at}");
        }
        assert!(matches!(unwrap(&master(), acme, "p", &tombstone()), Ok(Found::Tombstone)));
    }
}
