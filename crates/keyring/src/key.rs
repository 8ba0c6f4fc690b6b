//! What is made of a key?
//!
//! Never what it encrypts or tokenises itself: for each use another key is derived from it (HKDF-SHA256), so that what
//! is known of one use says nothing about another.

use std::fmt;
use std::sync::Arc;

use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{Error, Result};

/// Bytes of a key.
pub(crate) const KEY: usize = 32;

/// The secret of a tenant or of one of its users. It is wiped when the last copy is dropped; `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Key(Arc<Zeroizing<[u8; KEY]>>);

impl Key {
    pub(crate) fn new(bytes: Zeroizing<[u8; KEY]>) -> Self {
        Self(Arc::new(bytes))
    }

    /// A key that nobody has.
    pub(crate) fn random() -> Result<Self> {
        let mut bytes = Zeroizing::new([0; KEY]);
        getrandom::fill(bytes.as_mut()).map_err(|source| Error::NoRandom { source })?;
        Ok(Self::new(bytes))
    }

    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 2 * KEY || !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let mut bytes = Zeroizing::new([0; KEY]);
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            let digit = |at: usize| char::from(pair[at]).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            *byte = digit(0)? << 4 | digit(1)?;
        }
        Some(Self::new(bytes))
    }

    pub(crate) fn bytes(&self) -> &[u8; KEY] {
        &self.0
    }

    /// The key for one use. Uses with other labels have keys that say nothing about this one.
    pub fn derive(&self, label: &str) -> Zeroizing<[u8; KEY]> {
        let mut derived = Zeroizing::new([0; KEY]);
        let expanded = Hkdf::<Sha256>::new(None, self.bytes()).expand(label.as_bytes(), derived.as_mut());
        debug_assert!(expanded.is_ok(), "HKDF gives up to 8160 bytes");
        derived
    }

    /// What makes this tenant's tokens of identifiers.
    pub fn tokens(&self) -> Tokens {
        Tokens(mac(&self.derive("token")))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Makes tokens of identifiers: HMAC-SHA256 under a key of the tenant, its first 128 bits. The same identifier is the same
/// token whenever it comes, and another one with another tenant.
#[derive(Clone)]
pub struct Tokens(Hmac<Sha256>);

impl Tokens {
    /// The token of an identifier.
    pub fn token(&self, identifier: &[u8]) -> Token {
        Token(short(self.0.clone(), identifier))
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens(..)")
    }
}

/// What stands for an identifier: 32 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token([u8; 16]);

impl Token {
    /// The digits, for columns: without an allocation.
    pub fn digits(&self) -> [u8; 32] {
        let mut digits = [0; 32];
        for (pair, byte) in digits.chunks_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        digits
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&const_hex::encode(self.0))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// HMAC-SHA256 under a key. Its state is made once and copied for each message.
pub(crate) fn mac(key: &[u8; KEY]) -> Hmac<Sha256> {
    // HMAC itself fills a shorter key up to a block with zeros.
    let mut block = Zeroizing::new([0; 64]);
    block[..KEY].copy_from_slice(key);
    Mac::new((&*block).into())
}

/// The first 128 bits of the code of a message.
pub(crate) fn short(mut mac: Hmac<Sha256>, message: &[u8]) -> [u8; 16] {
    mac.update(message);
    let code = mac.finalize().into_bytes();
    let mut short = [0; 16];
    short.copy_from_slice(&code[..16]);
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    #[test]
    fn tokens_are_what_any_hmac_and_hkdf_say() {
        // python: hmac.digest(HKDF(SHA256, 32, None, b"token").derive(bytes(range(32))), b"alice", "sha256").hex()[:32]
        let token = Key::from_hex(HEX).unwrap().tokens().token(b"alice");
        assert_eq!(token.to_string(), TOKEN_OF_ALICE);
        assert_eq!(std::str::from_utf8(&token.digits()).unwrap(), TOKEN_OF_ALICE);
    }
    const TOKEN_OF_ALICE: &str = "07362a5700b76f9454b77f18f14b841b";

    #[test]
    fn uses_have_keys_of_their_own_and_nothing_is_shown() {
        let key = Key::from_hex(HEX).unwrap();
        assert_ne!(*key.derive("token"), *key.derive("evidence"));
        let shown = format!("{key:?} {:?}", key.tokens());
        assert_eq!(shown, "Key(..) Tokens(..)");
    }
}
