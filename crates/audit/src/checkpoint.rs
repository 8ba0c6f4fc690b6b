//! What does the log say that it is, at one size, and who says so?
//!
//! A [C2SP checkpoint](https://c2sp.org/tlog-checkpoint): a [signed note](https://c2sp.org/signed-note) of three lines.
//!
//! ```text
//! example.com/tidegate/audit                    the origin: which log
//! 70000                                         how many entries
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=  the root of their tree, in base64
//!
//! — example.com/tidegate/audit Az3grlgt...      name, base64(4 bytes of key id || 64 bytes of signature)
//! ```
//!
//! Absent: extension lines, and signatures other than ed25519 (type 1).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};
use crate::key::{PrivateKey, PublicKey, SIGNATURE_BYTES};
use crate::merkle::Hash;

/// More signatures than the note specification asks a reader to take.
const SIGNATURES_MAX: usize = 64;

/// A log at one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// How many entries it has.
    pub size: u64,
    /// The root of their tree.
    pub root: Hash,
}

/// A signature line.
struct Line<'a> {
    name: &'a str,
    key_id: [u8; 4],
    signature: Vec<u8>,
}

impl Checkpoint {
    /// The note, signed by the log.
    pub fn sign(&self, key: &PrivateKey) -> String {
        let text = self.text();
        let signature = key.sign(text.as_bytes());
        let bytes = [&key_id(&self.origin, &key.public())[..], &signature].concat();
        format!("{text}\n\u{2014} {} {}\n", self.origin, STANDARD.encode(bytes))
    }

    /// Reads a note that the log has signed. Signatures of others, such as witnesses, are left aside, as the specification
    /// demands.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when it is no checkpoint, is one of another log, or has no valid signature of `key`.
    pub fn verify(note: &[u8], origin: &str, key: &PublicKey) -> Result<Self> {
        let (checkpoint, lines) = Self::parse(note).map_err(fault)?;
        if checkpoint.origin != origin {
            return Err(fault(format!("it is of the log `{}`, not `{origin}`", checkpoint.origin)));
        }
        let id = key_id(origin, key);
        let mut ours = lines.iter().filter(|line| line.name == origin && line.key_id == id).peekable();
        if ours.peek().is_none() {
            return Err(fault(format!("the log's key {} has not signed it", key.id())));
        }
        let text = checkpoint.text();
        let holds = |line: &Line<'_>| {
            let signature: Option<&[u8; SIGNATURE_BYTES]> = line.signature.as_slice().try_into().ok();
            signature.is_some_and(|signature| key.verifies(text.as_bytes(), signature))
        };
        if ours.all(holds) { Ok(checkpoint) } else { Err(fault("the log's signature does not hold")) }
    }

    /// The note without signatures of others: what a log's own file must be, byte for byte.
    pub(crate) fn verify_own(note: &[u8], origin: &str, key: &PublicKey) -> Result<Self> {
        let checkpoint = Self::verify(note, origin, key)?;
        let lines = note.split(|byte| *byte == b'\n').count();
        // Three lines, an empty one, one signature, and nothing after the last newline.
        if lines == 6 { Ok(checkpoint) } else { Err(fault("it has other signatures than the log's own")) }
    }

    fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root.0))
    }

    /// The parts of a note, of which there is one writing only.
    fn parse(note: &[u8]) -> Result<(Self, Vec<Line<'_>>), String> {
        let note = std::str::from_utf8(note).map_err(|_| "it is not UTF-8")?;
        let (text, signatures) = note.split_once("\n\n").ok_or("it has no empty line before its signatures")?;
        let lines: Vec<&str> = text.split('\n').collect();
        let &[origin, size, root] = lines.as_slice() else {
            return Err(format!("it has {} lines of text instead of 3", lines.len()));
        };
        check_origin(origin)?;
        let root = STANDARD.decode(root).ok().and_then(|root| root.try_into().ok()).map(Hash);
        let size = size.parse().map_err(|_| "its second line is not a size")?;
        let checkpoint = Self { origin: origin.to_owned(), size, root: root.ok_or("its third line is not a root")? };
        if checkpoint.text().strip_suffix('\n') != Some(text) {
            return Err("its text is not in canonical form".into());
        }
        let signatures = signatures.strip_suffix('\n').ok_or("it does not end with a newline")?;
        let signatures: Vec<Line<'_>> = signatures.split('\n').map(Line::parse).collect::<Result<_, _>>()?;
        if signatures.len() > SIGNATURES_MAX {
            return Err(format!("it has more than {SIGNATURES_MAX} signatures"));
        }
        Ok((checkpoint, signatures))
    }
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Result<Self, String> {
        let parts = line.strip_prefix("\u{2014} ").and_then(|line| line.split_once(' '));
        let (name, encoded) = parts.ok_or("a signature line is malformed")?;
        let bytes = STANDARD.decode(encoded).map_err(|_| "a signature is not base64")?;
        let (key_id, signature) = bytes.split_first_chunk::<4>().ok_or("a signature is too short")?;
        Ok(Self { name, key_id: *key_id, signature: signature.to_vec() })
    }
}

/// Whether a name can be an origin and the name of a key: not empty, without white space, control characters and `+`.
pub(crate) fn check_origin(origin: &str) -> Result<(), String> {
    let fits = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
    if !origin.is_empty() && origin.chars().all(fits) {
        return Ok(());
    }
    Err(format!("`{origin}` cannot be an origin: use text without spaces and `+`, such as example.com/audit"))
}

/// The short name of an ed25519 key in a note.
fn key_id(name: &str, key: &PublicKey) -> [u8; 4] {
    let hash: [u8; 32] =
        Sha256::new().chain_update(name).chain_update(b"\n\x01").chain_update(key.as_bytes()).finalize().into();
    [hash[0], hash[1], hash[2], hash[3]]
}

fn fault(problem: impl Into<String>) -> Error {
    Error::Checkpoint { problem: problem.into() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ORIGIN: &str = "example.com/audit";

    fn key(seed: u8) -> PrivateKey {
        PrivateKey::from_seed(&[seed; 32])
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint { origin: ORIGIN.into(), size: 70_000, root: Hash([7; 32]) }
    }

    /// The verifier key and the note of the documentation of golang.org/x/mod/sumdb/note, which signs as C2SP does.
    #[test]
    fn a_key_has_the_id_that_others_give_it() {
        let encoded = STANDARD.decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").unwrap();
        let key = ed25519_dalek::VerifyingKey::from_bytes(&encoded[1..].try_into().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        use ed25519_dalek::pkcs8::EncodePublicKey;
        key.write_public_key_pem_file(&file, Default::default()).unwrap();
        assert_eq!(key_id("PeterNeumann", &PublicKey::read(&file).unwrap()), [0xc7, 0x4f, 0x20, 0xa3]);
    }

    #[test]
    fn what_was_signed_is_read_and_witnesses_are_left_aside() {
        let note = checkpoint().sign(&key(1));
        assert_eq!(Checkpoint::verify(note.as_bytes(), ORIGIN, &key(1).public()).unwrap(), checkpoint());
        assert_eq!(Checkpoint::verify_own(note.as_bytes(), ORIGIN, &key(1).public()).unwrap(), checkpoint());
        let witnessed = format!("{note}\u{2014} witness.example/w {}\n", STANDARD.encode([9; 76]));
        assert_eq!(Checkpoint::verify(witnessed.as_bytes(), ORIGIN, &key(1).public()).unwrap(), checkpoint());
        assert!(Checkpoint::verify_own(witnessed.as_bytes(), ORIGIN, &key(1).public()).is_err());
    }

    #[test]
    fn everything_else_is_refused() {
        let good = checkpoint().sign(&key(1));
        let check = |note: &str, problem: &str| {
            let error = Checkpoint::verify(note.as_bytes(), ORIGIN, &key(1).public()).unwrap_err();
            assert!(error.to_string().contains(problem), "{error}");
        };
        check(&checkpoint().sign(&key(2)), "has not signed it");
        check(&Checkpoint { origin: "other".into(), ..checkpoint() }.sign(&key(1)), "of the log `other`");
        check(&good.replacen("70000", "70001", 1), "does not hold");
        check(&good.replacen("70000", "070000", 1), "canonical");
        check(&good.replacen("70000", "+70000", 1), "canonical");
        check(&good.replacen("\n\n", "\nextension\n\n", 1), "4 lines");
        check(good.trim_end(), "newline");
        check("", "empty line");
    }

    proptest! {
        #[test]
        fn one_flipped_bit_is_noticed(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
            let mut note = checkpoint().sign(&key(1)).into_bytes();
            let at = at.index(note.len());
            note[at] ^= 1 << bit;
            prop_assert!(Checkpoint::verify_own(&note, ORIGIN, &key(1).public()).is_err());
        }
    }
}
