//! Who signs, and whose signatures count?
//!
//! ed25519 keys from files: private ones as PKCS#8 PEM, as `openssl genpkey -algorithm ed25519` writes them, public ones
//! as SPKI PEM (`openssl pkey -pubout`). Absent: passwords, certificates, and anything that prints a private key.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::spki::der::zeroize::Zeroizing;
use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, KeypairBytes};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};

/// How many bytes a signature has.
pub(crate) const SIGNATURE_BYTES: usize = 64;

/// A key that signs. It is zeroed when dropped, and never printed.
#[derive(Clone)]
pub struct PrivateKey(SigningKey);

/// A key that verifies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// Whose signatures count, by name.
#[derive(Clone, Debug, Default)]
pub struct Keyring(BTreeMap<String, PublicKey>);

impl PrivateKey {
    /// A new key, drawn from the operating system.
    ///
    /// # Errors
    /// [`Error::Key`] when the system has no randomness to give.
    pub fn generate() -> Result<Self> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *seed).map_err(|e| fault("new", format!("cannot be drawn: {e}")))?;
        Ok(Self::from_seed(&seed))
    }

    /// The key of a seed of RFC 8032: for tests and for keys that are kept elsewhere.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Reads PKCS#8 PEM.
    ///
    /// # Errors
    /// [`Error::Key`] when the file cannot be read or is no such key. No error quotes the file.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let pem = Zeroizing::new(read(path)?);
        let key = SigningKey::from_pkcs8_pem(&pem);
        key.map(Self).map_err(|_| fault(path, "is not an ed25519 private key in PKCS#8 PEM"))
    }

    /// Writes PKCS#8 PEM to a file that must not exist yet. On Unix only its owner may read it.
    ///
    /// # Errors
    /// [`Error::Key`] when the file exists or cannot be written.
    pub fn create(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        // Version 1 of PKCS#8, without the public key: what OpenSSL writes, and all that its older versions read.
        let bytes = KeypairBytes { secret_key: self.0.to_bytes(), public_key: None };
        let pem = bytes.to_pkcs8_pem(LineEnding::LF).map_err(|_| fault(path, "cannot be encoded"))?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(path).and_then(|mut file| {
            file.write_all(pem.as_bytes())?;
            file.sync_all()
        });
        written.map_err(|e| io_fault(path, "cannot be written", &e))
    }

    /// The other half, which may be shown.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs some bytes, by RFC 8032.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.public().id())
    }
}

impl PublicKey {
    /// Reads SPKI PEM.
    ///
    /// # Errors
    /// [`Error::Key`] when the file cannot be read or is no such key.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let key = VerifyingKey::from_public_key_pem(&read(path)?);
        key.map(Self).map_err(|_| fault(path, "is not an ed25519 public key in SPKI PEM"))
    }

    /// The key of a text in SPKI PEM.
    ///
    /// # Errors
    /// [`Error::Key`] when it is no such key.
    pub fn from_pem(pem: &str) -> Result<Self> {
        let key = VerifyingKey::from_public_key_pem(pem.trim_start());
        key.map(Self).map_err(|_| fault("public", "is not an ed25519 public key in SPKI PEM"))
    }

    /// The key as SPKI PEM.
    ///
    /// # Errors
    /// [`Error::Key`], for no key that exists.
    pub fn to_pem(&self) -> Result<String> {
        self.0.to_public_key_pem(LineEnding::LF).map_err(|_| fault("public", "cannot be encoded"))
    }

    /// The name of the key: SHA-256 of its SPKI DER, as 64 hex digits. `openssl pkey -pubin -outform DER | sha256sum`
    /// prints it.
    pub fn id(&self) -> String {
        // RFC 8410: SEQUENCE { SEQUENCE { 1.3.101.112 }, BIT STRING }; the same for every key.
        const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        format!("{:x}", Sha256::new().chain_update(SPKI).chain_update(self.0.as_bytes()).finalize())
    }

    /// The 32 bytes of RFC 8032.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Whether this key made a signature. Of the signatures that could be made of one, and of keys that let several pass,
    /// none is accepted.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        self.0.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id())
    }
}

impl Keyring {
    /// Adds a key under a name.
    ///
    /// # Errors
    /// [`Error::Key`] when the name is taken or the key has another name: a signature must name one signer.
    pub fn add(&mut self, name: impl Into<String>, key: PublicKey) -> Result<()> {
        let name = name.into();
        if let Some((other, _)) = self.0.iter().find(|(other, present)| **other == name || **present == key) {
            let problem = format!("collides with `{other}`: a keyring has one name for each key");
            return Err(fault(name, problem));
        }
        self.0.insert(name, key);
        Ok(())
    }

    /// The name and the key that a key id stands for.
    pub fn find(&self, id: &str) -> Option<(&str, &PublicKey)> {
        self.0.iter().map(|(name, key)| (name.as_str(), key)).find(|(_, key)| key.id() == id)
    }

    /// The key of a name.
    pub fn get(&self, name: &str) -> Option<&PublicKey> {
        self.0.get(name)
    }
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|e| io_fault(path, "cannot be read", &e))
}

/// Only the kind of the error is told: the system's text adds nothing, and no error may quote a file.
fn io_fault(path: &Path, what: &str, error: &io::Error) -> Error {
    fault(path, format!("{what}: {}", error.kind()))
}

fn fault(key: impl AsRef<Path>, problem: impl Into<String>) -> Error {
    Error::Key { key: key.as_ref().display().to_string(), problem: problem.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8410, section 10.3: what OpenSSL writes for this key.
    const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\n\
                           MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
                           -----END PRIVATE KEY-----\n";
    const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
                          MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
                          -----END PUBLIC KEY-----\n";

    #[test]
    fn keys_are_written_and_read_as_openssl_does() {
        let folder = tempfile::tempdir().unwrap();
        let (theirs, ours, public) = ["theirs", "ours", "public"].map(|name| folder.path().join(name)).into();
        fs::write(&theirs, PRIVATE).unwrap();
        let key = PrivateKey::read(&theirs).unwrap();
        key.create(&ours).unwrap();
        assert_eq!(fs::read_to_string(&ours).unwrap(), PRIVATE);
        assert_eq!(key.public().to_pem().unwrap(), PUBLIC);
        fs::write(&public, PUBLIC).unwrap();
        assert_eq!(PublicKey::read(&public).unwrap(), key.public());
        // openssl pkey -pubin -in public -outform DER | sha256sum
        let der = key.public().0.to_public_key_der().unwrap();
        assert_eq!(key.public().id(), format!("{:x}", Sha256::digest(der.as_bytes())));

        assert!(key.create(&ours).unwrap_err().to_string().contains("exists"));
        assert!(PrivateKey::read(&public).is_err());
        assert!(PublicKey::read(&ours).is_err());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&ours).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn neither_debug_nor_an_error_shows_a_private_key() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let damaged = PRIVATE.replacen("MC4C", "MC5C", 1);
        fs::write(&file, damaged).unwrap();
        let error = PrivateKey::read(&file).unwrap_err();
        let shown = format!("{error} {error:?} {:?}", PrivateKey::from_seed(&[7; 32]));
        assert!(!shown.contains("INTuctv5") && !shown.contains("0707") && !shown.contains("7, 7"), "{shown}");
    }

    #[test]
    fn a_keyring_has_one_name_for_each_key() {
        let [alice, bob] = [1, 2].map(|seed| PrivateKey::from_seed(&[seed; 32]).public());
        let mut keys = Keyring::default();
        keys.add("alice", alice).unwrap();
        assert!(keys.add("alice", bob).is_err());
        assert!(keys.add("bob", alice).is_err());
        keys.add("bob", bob).unwrap();
        assert_eq!(keys.find(&bob.id()), Some(("bob", &bob)));
    }
}
