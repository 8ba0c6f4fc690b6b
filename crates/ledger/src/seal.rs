//! How are private files kept from those who may read the disk, and not the key?
//!
//! Each file is encrypted with AES-256-GCM in chunks (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár,
//! 2015: every chunk says where it stands and whether it is the last), under a key of its own that HKDF derives from the
//! project's key and a random salt. So any range can be read without the rest, and a file that was changed, cut off, or put
//! in the place of another is noticed.
//!
//! ```text
//! TGSEAL01 | name of the key, 8 bytes | salt, 32 bytes | chunk 0 | chunk 1 | ... | last chunk
//! ```
//!
//! A chunk has 64 KiB of the file and 16 bytes by which changes are noticed; the last one has what is left, maybe nothing.

use std::fmt;
use std::ops::Range;

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::generic_array::GenericArray;
use aes_gcm::aead::stream::{NewStream, StreamBE32, StreamPrimitive};
use aes_gcm::aead::{KeyInit, Payload};
use bytes::Bytes;
use hkdf::Hkdf;
use sha2::Sha256;

use crate::{Error, Result};

const MAGIC: &[u8; 8] = b"TGSEAL01";
const NAME: usize = 8;
const SALT: usize = 32;
/// The bytes before the first chunk.
pub(crate) const HEADER: usize = MAGIC.len() + NAME + SALT;
/// Bytes of a file in one chunk.
const CHUNK: usize = 1 << 16;
/// Bytes that sealing adds to a chunk.
const TAG: usize = 16;

/// The secret under which a project's private files are sealed. `Debug` shows its name alone.
#[derive(Clone, PartialEq, Eq)]
pub struct SealKey {
    secret: [u8; 32],
    name: [u8; NAME],
}

/// A text that is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a key is 64 hex digits, as `openssl rand -hex 32` writes them")]
pub struct InvalidKey;

impl std::str::FromStr for SealKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let text = text.trim().as_bytes();
        let mut secret = [0; 32];
        if text.len() != 2 * secret.len() || !text.iter().all(u8::is_ascii_hexdigit) {
            return Err(InvalidKey);
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        for (byte, pair) in secret.iter_mut().zip(text.chunks(2)) {
            *byte = digit(pair[0]).zip(digit(pair[1])).map(|(high, low)| high << 4 | low).ok_or(InvalidKey)?;
        }
        let mut name = [0; NAME];
        Hkdf::<Sha256>::new(None, &secret).expand(b"name of the key", &mut name).map_err(|_| InvalidKey)?;
        Ok(Self { secret, name })
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealKey({})", hex(&self.name))
    }
}

impl SealKey {
    /// `bytes` sealed for the file at `path`, and for no other.
    pub(crate) fn seal(&self, path: &str, bytes: &[u8]) -> Result<Bytes> {
        let mut salt = [0; SALT];
        getrandom::fill(&mut salt).map_err(|e| Error::store("encrypt", path, e))?;
        let chunks = bytes.len().div_ceil(CHUNK).max(1);
        let mut sealed = Vec::with_capacity(HEADER + bytes.len() + chunks * TAG);
        sealed.extend(MAGIC);
        sealed.extend(self.name);
        sealed.extend(salt);
        let stream = self.stream(path, &salt)?;
        for at in 0..chunks {
            let msg = &bytes[at * CHUNK..bytes.len().min((at + 1) * CHUNK)];
            let chunk = Payload { msg, aad: path.as_bytes() };
            sealed.extend(stream.encrypt(position(path, at)?, at + 1 == chunks, chunk).map_err(|_| broken(path))?);
        }
        Ok(sealed.into())
    }

    /// What was sealed as the file at `path`.
    fn open(&self, path: &str, sealed: &[u8]) -> Result<Bytes> {
        let (header, body) = sealed.split_at(HEADER.min(sealed.len()));
        let stream = self.stream_of(path, header)?;
        let chunks = body.len().div_ceil(CHUNK + TAG).max(1);
        let mut bytes = Vec::with_capacity(body.len());
        for at in 0..chunks {
            let msg = &body[at * (CHUNK + TAG)..body.len().min((at + 1) * (CHUNK + TAG))];
            let chunk = Payload { msg, aad: path.as_bytes() };
            bytes.extend(stream.decrypt(position(path, at)?, at + 1 == chunks, chunk).map_err(|_| broken(path))?);
        }
        Ok(bytes.into())
    }

    /// Some bytes of what was sealed as the file at `path`, out of the chunks at [`chunks_of`] the range.
    fn open_range(&self, path: &str, header: &[u8], chunks: &[u8], range: &Range<u64>) -> Result<Bytes> {
        let stream = self.stream_of(path, header)?;
        let first = usize::try_from(range.start).unwrap_or(usize::MAX) / CHUNK;
        let mut bytes = Vec::with_capacity(chunks.len());
        for (place, msg) in chunks.chunks(CHUNK + TAG).enumerate() {
            let chunk = || Payload { msg, aad: path.as_bytes() };
            let at = position(path, first + place)?;
            // How long the file is, is not known here: a full chunk may be its last.
            let opened = stream.decrypt(at, msg.len() < CHUNK + TAG, chunk());
            bytes.extend(opened.or_else(|_| stream.decrypt(at, true, chunk())).map_err(|_| broken(path))?);
        }
        let bytes = Bytes::from(bytes);
        let from = usize::try_from(range.start).unwrap_or(usize::MAX) % CHUNK;
        let length = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
        let from = from.min(bytes.len());
        Ok(bytes.slice(from..from.saturating_add(length).min(bytes.len())))
    }

    fn stream_of(&self, path: &str, header: &[u8]) -> Result<StreamBE32<Aes256Gcm>> {
        let name = header.get(MAGIC.len()..MAGIC.len() + NAME).ok_or_else(|| broken(path))?;
        if name != self.name {
            let given_key = Some(hex(&self.name));
            return Err(Error::Sealed { path: path.to_owned(), sealed_under: hex(name), given_key });
        }
        self.stream(path, header.get(HEADER - SALT..HEADER).ok_or_else(|| broken(path))?)
    }

    /// What seals the chunks of one file.
    fn stream(&self, path: &str, salt: &[u8]) -> Result<StreamBE32<Aes256Gcm>> {
        let mut key = [0; 32];
        let derived = Hkdf::<Sha256>::new(Some(salt), &self.secret).expand(b"private file", &mut key);
        derived.map_err(|_| broken(path))?;
        // No two files share a key, so all nonces may begin alike.
        Ok(StreamBE32::from_aead(Aes256Gcm::new(&key.into()), &GenericArray::default()))
    }
}

/// What the file at `path` says, sealed or not: files from before there was a key are read as they are.
pub(crate) fn open(key: Option<&SealKey>, path: &str, bytes: Bytes) -> Result<Bytes> {
    match key {
        _ if !is_sealed(&bytes) => Ok(bytes),
        Some(key) => key.open(path, &bytes),
        None => Err(without_key(path, &bytes)),
    }
}

/// Some bytes of a sealed file; `header` is its beginning, and `chunks` what lies at [`chunks_of`] the range.
pub(crate) fn open_range(
    key: Option<&SealKey>,
    path: &str,
    header: &[u8],
    chunks: &[u8],
    range: &Range<u64>,
) -> Result<Bytes> {
    key.ok_or_else(|| without_key(path, header))?.open_range(path, header, chunks, range)
}

/// True for the beginning of a sealed file.
pub(crate) fn is_sealed(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Where in a sealed file the chunks lie that have a range of its bytes.
pub(crate) fn chunks_of(range: &Range<u64>) -> Range<u64> {
    let (chunk, sealed) = (CHUNK as u64, (CHUNK + TAG) as u64);
    let start = range.start / chunk * sealed;
    let end = range.end.div_ceil(chunk).saturating_mul(sealed);
    (HEADER as u64).saturating_add(start)..(HEADER as u64).saturating_add(end.max(start.saturating_add(1)))
}

fn without_key(path: &str, header: &[u8]) -> Error {
    let name = header.get(MAGIC.len()..MAGIC.len() + NAME).unwrap_or_default();
    Error::Sealed { path: path.to_owned(), sealed_under: hex(name), given_key: None }
}

fn broken(path: &str) -> Error {
    Error::BrokenSeal { path: path.to_owned() }
}

fn position(path: &str, chunk: usize) -> Result<u32> {
    u32::try_from(chunk).map_err(|_| broken(path))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
