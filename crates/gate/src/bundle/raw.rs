//! What was typed, and where? No rule is checked here but kinds and names.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use tidegate_document::Spanned;

use super::Part;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBundle {
    pub(super) bundle: Spanned<String>,
    pub(super) version: Spanned<String>,
    pub(super) author: Spanned<String>,
    pub(super) parents: Option<RawParents>,
    pub(super) notes: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) components: BTreeMap<Part, Spanned<RawPins>>,
    #[serde(default)]
    pub(super) rollback: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawParents {
    pub(super) previous: Spanned<String>,
    pub(super) last_known_good: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPin {
    pub(super) version: Spanned<String>,
    pub(super) file: Option<Spanned<String>>,
    pub(super) digest: Option<Spanned<String>>,
    pub(super) uri: Option<Spanned<String>>,
}

/// Components by name, with the place of each name: a map would forget it.
pub(super) struct RawPins(pub(super) Vec<(Spanned<String>, RawPin)>);

impl<'de> Deserialize<'de> for RawPins {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Pins)
    }
}

struct Pins;

impl<'de> Visitor<'de> for Pins {
    type Value = RawPins;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a block of `name: value`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawPins, A::Error> {
        let mut pins = Vec::new();
        while let Some(pin) = map.next_entry()? {
            pins.push(pin);
        }
        Ok(RawPins(pins))
    }
}
