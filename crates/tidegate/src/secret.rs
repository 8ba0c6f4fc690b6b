//! Where are the project's secrets?
//!
//! Below `keys/` under the storage root: random bytes in hex, made once, on a disk readable by the owner alone. Privacy units are
//! hashed under `keys/unit.key`: whoever has it and the state files could test whether a known user is in a group.

use std::path::Path;

use tidegate_algebra::UnitKey;
use tidegate_ledger::{Created, Store};

use crate::failure::{Failure, Result};
use crate::storage::Root;

const FILE: &str = "keys/unit.key";

/// The key, made now if there is none.
pub(crate) async fn load_or_create(store: &Store, root: &Root) -> Result<UnitKey> {
    kept_or_drawn(store, root, FILE).await.map(UnitKey::new)
}

/// The key, if the project has one.
pub(crate) async fn load(store: &Store) -> Result<Option<UnitKey>> {
    kept(store, FILE).await.map(|key| key.map(UnitKey::new))
}

/// Secret bytes in a file below `keys/`, drawn now if there is none.
pub(crate) async fn kept_or_drawn<const N: usize>(store: &Store, root: &Root, file: &str) -> Result<[u8; N]> {
    if let Some(secret) = kept(store, file).await? {
        return Ok(secret);
    }
    let mut secret = [0_u8; N];
    getrandom::fill(&mut secret)
        .map_err(|error| Failure::infrastructure("TG500", format!("no random bytes: {error}"), "check the system"))?;
    let text = secret.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    // Another process may have been first; then its secret is the project's.
    if store.create(file, text).await? == Created::New
        && let Some(folder) = root.folder()
    {
        restrict(&folder.join(file))?;
    }
    match kept(store, file).await? {
        Some(secret) => Ok(secret),
        None => Err(Failure::infrastructure("TG500", format!("{file} vanished"), "run again")),
    }
}

async fn kept<const N: usize>(store: &Store, file: &str) -> Result<Option<[u8; N]>> {
    let Some(bytes) = store.get(file).await? else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&bytes);
    let digits = text.trim();
    let byte = |at: usize| digits.get(2 * at..2 * at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let secret = (0..N).map(byte).collect::<Option<Vec<_>>>().filter(|_| digits.len() == 2 * N);
    let secret = secret.and_then(|bytes| bytes.try_into().ok());
    secret.map(Some).ok_or_else(|| {
        let cause = format!("{file} is not a key of {} hex digits", 2 * N);
        Failure::infrastructure("TG504", cause, "restore it from a backup")
    })
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
