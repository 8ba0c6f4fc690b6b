//! What do other systems read when something moved?
//!
//! Both files follow from the pointer, so that writing them again is harmless and a crash between is mended by the next verb.

use tidegate_gate::render::{cloud_event, flagd};
use tidegate_gate::rollout::Pointer;
use tidegate_ledger::Store;

use crate::failure::{Failure, Result};

/// Writes what follows from the newest generation, and its event if it is not there.
pub(crate) async fn publish(store: &Store, pointers: &[Pointer]) -> Result<()> {
    let Some(now) = pointers.last() else { return Ok(()) };
    for pointer in pointers {
        let _ = store.create(&event_path(pointer), bytes_of(&cloud_event(pointer))?).await?;
    }
    let flags = bytes_of(&flagd(now))?;
    if store.get(&flags_path(&now.name)).await?.as_deref() != Some(&flags) {
        store.replace(&flags_path(&now.name), flags.into()).await?;
    }
    Ok(())
}

/// Where the flags of a name lie.
pub(super) fn flags_path(name: &str) -> String {
    format!("routing/{name}.flagd.json")
}

/// Where the event of a generation lies.
pub(super) fn event_path(pointer: &Pointer) -> String {
    format!("events/pointers/{}/{:020}.json", pointer.name, pointer.generation)
}

/// The one string of bytes of a document: names in order, for people to read.
pub(super) fn bytes_of(value: &serde_json::Value) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value)
        .map_err(|error| Failure::infrastructure("TG500", error.to_string(), "report this as a bug"))?;
    bytes.push(b'\n');
    Ok(bytes)
}
