//! May this bundle come after those it names?
//!
//! Errors, not warnings: traces and reports know a version by its label alone, and an order of versions that
//! says otherwise than `parents` would mislead whoever has to go back in a hurry.

use super::error::{Error, Result};
use super::manifest::{Manifest, Parents};

/// Checks a bundle against the bundles before it.
///
/// # Guarantee
/// The bundles have one name; the version is later than that of the previous one, by the precedence of
/// semantic versions; and no component has a version that meant other bytes in either of them.
///
/// # Errors
/// TG657: [`Error::OtherName`], [`Error::NotLater`], [`Error::SameVersion`].
pub fn check(manifest: &Manifest, parents: &Parents<Manifest>) -> Result<()> {
    let label = Box::new(manifest.label());
    let Parents { previous, last_known_good } = parents;
    for (role, parent) in [("previous", previous), ("last_known_good", last_known_good)] {
        if parent.bundle != manifest.bundle {
            return Err(Error::OtherName { label, role, parent: Box::new(parent.label()) });
        }
    }
    if manifest.version <= previous.version {
        return Err(Error::NotLater { label, previous: Box::new(previous.label()) });
    }
    same_versions(manifest, previous)?;
    same_versions(manifest, last_known_good)
}

fn same_versions(manifest: &Manifest, parent: &Manifest) -> Result<()> {
    for (part, name, pin) in manifest.pins() {
        let before = parent.components.get(&part).and_then(|pins| pins.get(name));
        if before.is_some_and(|before| before.version == pin.version && before.digest != pin.digest) {
            let (component, version) = (name.clone(), pin.version.clone());
            return Err(Error::SameVersion { part, component, version, parent: Box::new(parent.label()) });
        }
    }
    Ok(())
}
