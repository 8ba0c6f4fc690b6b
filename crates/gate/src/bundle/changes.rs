//! What differs between two bundles?

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Manifest, Name, Part, Pin};

/// One component that is not the same in both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its part.
    pub part: Part,
    /// Its name.
    pub name: Name,
    /// What became of it.
    pub kind: Kind,
    /// What it was; none when it was added.
    pub before: Option<Pin>,
    /// What it is; none when it was removed.
    pub after: Option<Pin>,
}

/// What became of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// Its version, content or place changed.
    Changed,
}

/// The components that differ from `before` to `after`, by part and name.
#[must_use]
pub fn diff(before: &Manifest, after: &Manifest) -> Vec<Change> {
    let mut sides: BTreeMap<(Part, &Name), [Option<&Pin>; 2]> = BTreeMap::new();
    for (side, manifest) in [before, after].into_iter().enumerate() {
        for (part, name, pin) in manifest.pins() {
            sides.entry((part, name)).or_default()[side] = Some(pin);
        }
    }
    let change = |((part, name), [before, after]): ((Part, &Name), [Option<&Pin>; 2])| {
        let kind = match (before, after) {
            (None, _) => Kind::Added,
            (_, None) => Kind::Removed,
            (Some(before), Some(after)) if before == after => return None,
            _ => Kind::Changed,
        };
        Some(Change { part, name: name.clone(), kind, before: before.cloned(), after: after.cloned() })
    };
    sides.into_iter().filter_map(change).collect()
}
