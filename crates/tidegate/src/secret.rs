//! Where is the secret under which privacy units are hashed?
//!
//! In `keys/unit.key` under the storage root: 16 random bytes in hex, made once, readable by the owner
//! alone. Whoever has it and the state files could test whether a known user is in a group.

use std::path::Path;

use tidegate_algebra::UnitKey;
use tidegate_ledger::{Created, Store};

use crate::failure::{Failure, Result};

const FILE: &str = "keys/unit.key";

/// The key, made now if there is none.
pub(crate) async fn load_or_create(store: &Store, root: &Path) -> Result<UnitKey> {
    if let Some(key) = load(store).await? {
        return Ok(key);
    }
    let mut secret = [0_u8; 16];
    getrandom::fill(&mut secret)
        .map_err(|error| Failure::infrastructure("TG500", format!("no random bytes: {error}"), "check the system"))?;
    let text = secret.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    // Another process may have been first; then its key is the project's.
    if store.create(FILE, text.into()).await? == Created::New {
        restrict(&root.join(FILE))?;
    }
    match load(store).await? {
        Some(key) => Ok(key),
        None => Err(Failure::infrastructure("TG500", format!("{FILE} vanished"), "run again")),
    }
}

/// The key, if the project has one.
pub(crate) async fn load(store: &Store) -> Result<Option<UnitKey>> {
    let Some(bytes) = store.get(FILE).await? else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&bytes);
    let secret = u128::from_str_radix(text.trim(), 16).ok().filter(|_| text.trim().len() == 32);
    let secret = secret.ok_or_else(|| {
        Failure::infrastructure("TG504", format!("{FILE} is not a key of 32 hex digits"), "restore it from a backup")
    })?;
    Ok(Some(UnitKey::new(secret.to_be_bytes())))
}

#[cfg(unix)]
fn restrict(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let owner_only = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(path, owner_only).map_err(|error| Failure::io("restrict", path.display(), &error))
}

#[cfg(not(unix))]
fn restrict(_path: &Path) -> Result<()> {
    Ok(())
}
