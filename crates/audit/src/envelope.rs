//! Who says it?
//!
//! A [DSSE](https://github.com/secure-systems-lab/dsse) envelope: a statement and the signatures of those who make it.
//! There is one string of bytes for each envelope, and everything else is refused, so no byte can change unnoticed.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;

use crate::canonical;
use crate::error::{Error, Result};
use crate::key::{Keyring, PrivateKey, SIGNATURE_BYTES};
use crate::statement::Statement;

/// The type of what is signed.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// A statement with at least one signature.
///
/// ```text
/// {"payload":"<base64>","payloadType":"application/vnd.in-toto+json",
///  "signatures":[{"keyid":"<64 hex digits>","sig":"<base64>"}, ...]}     one line, keyids ascending
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    statement: Statement,
    /// By key id.
    signatures: BTreeMap<String, [u8; SIGNATURE_BYTES]>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    payload: String,
    payload_type: String,
    signatures: Vec<WireSignature>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSignature {
    keyid: String,
    sig: String,
}

impl Envelope {
    /// Signs a statement. The same key and statement give the same bytes.
    pub fn sign(statement: Statement, key: &PrivateKey) -> Self {
        Self { statement, signatures: BTreeMap::new() }.signed_by(key)
    }

    /// Adds the signature of another key.
    #[must_use]
    pub fn signed_by(mut self, key: &PrivateKey) -> Self {
        let signature = key.sign(&pae(&self.statement.encode()));
        self.signatures.insert(key.public().id(), signature);
        self
    }

    /// What is said.
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// The ids of the keys that are said to have signed, ascending. Only [`verify`](Self::verify) tells whether they did.
    pub fn key_ids(&self) -> impl Iterator<Item = &str> {
        self.signatures.keys().map(String::as_str)
    }

    /// The names of those who signed it.
    ///
    /// # Errors
    /// [`Error::UnknownKey`] when a signature is of a key that is not on the ring, [`Error::Forged`] when one does not hold.
    /// One bad signature spoils the others: an envelope says nothing beyond what was verified.
    pub fn verify<'a>(&self, keys: &'a Keyring) -> Result<Vec<&'a str>> {
        let message = pae(&self.statement.encode());
        let signers = self.signatures.iter().map(|(keyid, signature)| {
            let (name, key) = keys.find(keyid).ok_or_else(|| Error::UnknownKey { keyid: keyid.clone() })?;
            key.verifies(&message, signature).then_some(name).ok_or_else(|| Error::Forged { name: name.to_owned() })
        });
        signers.collect()
    }

    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        let signatures = self.signatures.iter().map(|(id, sig)| json!({"keyid": id, "sig": STANDARD.encode(sig)}));
        let value = json!({
            "payload": STANDARD.encode(self.statement.encode()),
            "payloadType": PAYLOAD_TYPE,
            "signatures": signatures.collect::<Vec<_>>(),
        });
        canonical::text(&value).into_bytes()
    }

    /// Reads an envelope. Only what [`encode`](Self::encode) writes is one. No signature is verified.
    ///
    /// # Errors
    /// [`Error::Envelope`] or [`Error::Statement`] for everything else.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let wire: Wire = serde_json::from_slice(bytes).map_err(|e| fault(e.to_string()))?;
        if wire.payload_type != PAYLOAD_TYPE {
            return Err(fault(format!("its payloadType is `{}`, not {PAYLOAD_TYPE}", wire.payload_type)));
        }
        if wire.signatures.is_empty() {
            return Err(fault("it has no signature".into()));
        }
        let statement = Statement::decode(&base64(&wire.payload)?)?;
        let mut signatures = BTreeMap::new();
        for WireSignature { keyid, sig } in wire.signatures {
            let sig = base64(&sig)?.try_into().map_err(|_| fault("a signature has not 64 bytes".into()))?;
            if let Some(twice) = signatures.insert(keyid.clone(), sig).map(|_| keyid) {
                return Err(fault(format!("key {twice} signs twice")));
            }
        }
        let envelope = Self { statement, signatures };
        match canonical::first_difference(bytes, &envelope.encode()) {
            None => Ok(envelope),
            Some(at) => Err(fault(format!("not in canonical form from byte {at} on"))),
        }
    }
}

/// What is signed: DSSE's pre-authentication encoding, in which no two pairs of type and body look alike.
fn pae(body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn base64(text: &str) -> Result<Vec<u8>> {
    STANDARD.decode(text).map_err(|e| fault(e.to_string()))
}

fn fault(problem: String) -> Error {
    Error::Envelope { problem }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::statement::Subject;

    fn key(seed: u8) -> PrivateKey {
        PrivateKey::from_seed(&[seed; 32])
    }

    fn ring() -> Keyring {
        let mut keys = Keyring::default();
        keys.add("alice", key(1).public()).unwrap();
        keys.add("bob", key(2).public()).unwrap();
        keys
    }

    fn envelope() -> Envelope {
        let predicate = [("verdict".to_owned(), "PASS".into())];
        let statement = Statement::new(vec![Subject::of("v2", b"v2")], "https://example.com/v/v1", predicate).unwrap();
        Envelope::sign(statement, &key(1)).signed_by(&key(2))
    }

    #[test]
    fn signers_are_named_and_strangers_refused() {
        let keys = ring();
        let mut names = envelope().verify(&keys).unwrap();
        names.sort_unstable();
        assert_eq!(names, ["alice", "bob"]);
        let error = envelope().signed_by(&key(3)).verify(&ring()).unwrap_err();
        assert!(matches!(error, Error::UnknownKey { keyid } if keyid == key(3).public().id()));
    }

    /// The example of the DSSE protocol, with its type instead of ours: only lengths and spaces tell the parts apart.
    #[test]
    fn what_is_signed_has_lengths() {
        assert_eq!(pae(b"hello"), b"DSSEv1 28 application/vnd.in-toto+json 5 hello");
    }

    #[test]
    fn what_is_ambiguous_is_refused() {
        let good = String::from_utf8(envelope().encode()).unwrap();
        assert_eq!(Envelope::decode(good.as_bytes()).unwrap(), envelope());
        let wire: serde_json::Value = serde_json::from_str(&good).unwrap();
        let check = |change: &dyn Fn(&mut serde_json::Value), problem: &str| {
            let mut wire = wire.clone();
            change(&mut wire);
            let error = Envelope::decode(canonical::text(&wire).as_bytes()).unwrap_err();
            assert!(error.to_string().contains(problem), "{error}");
        };
        check(&|e| e["signatures"][1] = e["signatures"][0].clone(), "signs twice");
        check(&|e| e["signatures"].as_array_mut().unwrap().reverse(), "canonical");
        check(&|e| e["signatures"] = json!([]), "no signature");
        check(&|e| e["signatures"][0]["sig"] = "AAAA".into(), "64 bytes");
        check(&|e| e["payloadType"] = "application/json".into(), "payloadType");
        check(&|e| e["extra"] = 1.into(), "unknown field");
        check(&|e| e["payload"] = 1.into(), "invalid type");
        check(&|e| e["payload"] = format!("{} ", e["payload"].as_str().unwrap()).into(), "");
        let twice = good.replacen("{\"payload\"", "{\"payload\":\"\",\"payload\"", 1);
        assert!(Envelope::decode(twice.as_bytes()).is_err());
        assert!(Envelope::decode(format!("{good}\n").as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn one_flipped_bit_is_noticed(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
            let mut bytes = envelope().encode();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(Envelope::decode(&bytes).and_then(|e| e.verify(&ring()).map(drop)).is_err());
        }
    }
}
