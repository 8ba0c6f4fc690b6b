//! Where does a project keep its files, and which of them are encrypted?
//!
//! Everything below the private folders that may hold values of rows. Released files are for readers, and the logs hold
//! positions, counts and hashes.

use std::path::{Path, PathBuf};

use tidegate_ledger::{SealKey, Store};

use crate::cli::Place;
use crate::config::{Config, Encryption};
use crate::failure::{Failure, Result};

/// Folders whose files are sealed when there is a key.
const PRIVATE: [&str; 7] = ["state", "staging", "quarantine", "dedupe", "keys", "internal", "local"];

/// The storage root of a project.
pub(crate) fn root_of(place: &Place, config: &Config) -> PathBuf {
    let declared = config.storage.root.as_ref().map(|root| place.project.join(root));
    place.root.clone().or(declared).unwrap_or_else(|| place.project.clone())
}

/// The store at a root that is there.
pub(crate) fn open(root: &Path, config: &Config) -> Result<Store> {
    let store = Store::open_local(root)?;
    Ok(match key(&config.encryption)? {
        Some(key) => store.sealed(key, PRIVATE),
        None => store,
    })
}

/// The key that the settings name.
fn key(encryption: &Encryption) -> Result<Option<SealKey>> {
    const FIX: &str = "write one with: openssl rand -hex 32";
    let (text, place) = match (&encryption.key_file, &encryption.key_env) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            let cause = "[encryption] names a key file and an environment variable";
            return Err(Failure::usage("TG301", cause, "name one of them: key_file or key_env"));
        }
        (Some(path), None) => {
            let text = std::fs::read_to_string(path).map_err(|error| Failure::io("read", path.display(), &error))?;
            (text, path.display().to_string())
        }
        (None, Some(name)) => {
            let text = std::env::var(name).map_err(|_| {
                let cause = format!("the key is to be in the environment variable {name}, and that is not set");
                Failure::infrastructure(
                    "TG507",
                    cause,
                    "set it, and do not run without it: private files would be plain",
                )
            })?;
            (text, format!("environment variable {name}"))
        }
    };
    let key = text.parse::<SealKey>();
    key.map(Some).map_err(|error| Failure::infrastructure("TG507", format!("{place} holds no key: {error}"), FIX))
}
