//! Where does a project keep its files, and which of them are encrypted?
//!
//! Everything below the private folders that may hold values of rows. Released files are for readers, and the logs hold
//! positions, counts and hashes.

use std::fmt;
use std::path::{Path, PathBuf};

use tidegate_ledger::{SealKey, Store, StoreUrl};
use tidegate_source::Remote;

use crate::cli::Place;
use crate::config::{Config, Encryption};
use crate::failure::{Failure, Result};

/// Folders whose files are sealed when there is a key.
const PRIVATE: [&str; 7] = ["state", "staging", "quarantine", "dedupe", "keys", "internal", "local"];

/// Where a project keeps its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Root {
    /// A folder, which may not be there yet.
    Folder(PathBuf),
    /// A place in an object store, whose bucket must be there.
    Bucket(StoreUrl),
}

impl Root {
    /// Reads what was typed or written; a folder is relative to `base`.
    fn parse(text: &Path, base: &Path) -> Result<Self> {
        let Some(url) = text.to_str().filter(|text| StoreUrl::is_url(text)) else {
            return Ok(Self::Folder(base.join(text)));
        };
        Ok(match StoreUrl::folder(url)? {
            Some(folder) => Self::Folder(folder.into()),
            None => Self::Bucket(url.parse()?),
        })
    }

    /// Whether there may be anything to read. A bucket is asked when it is opened.
    pub(crate) fn exists(&self) -> bool {
        match self {
            Self::Folder(folder) => folder.is_dir(),
            Self::Bucket(_) => true,
        }
    }

    /// The folder, if it is one.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(folder) => Some(folder),
            Self::Bucket(_) => None,
        }
    }

    /// Makes the folder, if it is one.
    pub(crate) fn create(&self) -> Result<()> {
        let Self::Folder(folder) = self else { return Ok(()) };
        std::fs::create_dir_all(folder).map_err(|error| Failure::io("create", folder.display(), &error))
    }

    /// Its files as they lie there, private ones sealed.
    pub(crate) fn plain(&self) -> Result<Store> {
        Ok(match self {
            Self::Folder(folder) => Store::open_local(folder)?,
            Self::Bucket(url) => Store::open_url(&url.to_string(), std::env::vars())?,
        })
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(f),
            Self::Bucket(url) => url.fmt(f),
        }
    }
}

/// The storage root of a project.
pub(crate) fn root_of(place: &Place, config: &Config) -> Result<Root> {
    let here = Path::new("");
    match (&place.root, &config.storage.root) {
        (Some(typed), _) => Root::parse(typed, here),
        (None, Some(declared)) => Root::parse(declared, &place.project),
        (None, None) => Ok(Root::Folder(place.project.clone())),
    }
}

/// The store at a root that is there.
pub(crate) fn open(root: &Root, config: &Config) -> Result<Store> {
    let store = root.plain()?;
    Ok(match key(&config.encryption)? {
        Some(key) => store.sealed(key, PRIVATE),
        None => store,
    })
}

/// The bucket of a URL, for reading what lies there. A client of its own: it is used by threads that block.
pub(crate) fn remote(url: &StoreUrl) -> Result<Remote> {
    let store = Store::open_url(&url.to_string(), std::env::vars())?;
    Remote::new(url.to_string(), store.objects()).map_err(|error| Failure::io("read", url, &error))
}

/// Where the relative paths of streams begin: in the project's folder, or at the root if that is in a bucket.
pub(crate) fn landing_store(folder: &Path, root: &Root, config: &Config) -> Result<Store> {
    match root {
        Root::Folder(_) => Ok(Store::open_local(folder)?),
        Root::Bucket(_) => open(root, config),
    }
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
