//! Under what are all other keys kept, and where does it come from?

use std::fmt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::key::Key;
use crate::{Error, Result};

const NOT_HEX: &str = "a key is 64 hex digits";

/// The project's secret, under which the keys of tenants are wrapped. `Debug` shows its name alone.
#[derive(Clone)]
pub struct MasterKey {
    secret: Key,
    name: [u8; 8],
}

impl MasterKey {
    /// Reads a key of 64 hex digits out of a file.
    ///
    /// # Errors
    /// [`Error::NoMasterKey`] when there is none.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        let place = format!("`{}`", path.as_ref().display());
        let Ok(text) = std::fs::read_to_string(path) else {
            return Err(Error::NoMasterKey { place, problem: "it cannot be read" });
        };
        Self::parse(&Zeroizing::new(text), &place)
    }

    /// Reads a key of 64 hex digits out of an environment variable.
    ///
    /// # Errors
    /// [`Error::NoMasterKey`] when there is none.
    pub fn from_env(variable: &str) -> Result<Self> {
        let place = format!("environment variable {variable}");
        let Ok(text) = std::env::var(variable) else {
            return Err(Error::NoMasterKey { place, problem: "it is not set" });
        };
        Self::parse(&Zeroizing::new(text), &place)
    }

    fn parse(text: &str, place: &str) -> Result<Self> {
        let secret = Key::from_hex(text.trim());
        let secret = secret.ok_or_else(|| Error::NoMasterKey { place: place.to_owned(), problem: NOT_HEX })?;
        let derived = secret.derive("name of the master key");
        let mut name = [0; 8];
        name.copy_from_slice(&derived[..8]);
        Ok(Self { secret, name })
    }

    pub(crate) fn secret(&self) -> &Key {
        &self.secret
    }

    pub(crate) fn name(&self) -> [u8; 8] {
        self.name
    }
}

impl std::str::FromStr for MasterKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text, "the text")
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", const_hex::encode(self.name))
    }
}
