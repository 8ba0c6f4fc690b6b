//! Which attributes are looked at, and what becomes of the others?
//!
//! A mapping names some hundred keys. Each has a [`Slot`], found once per attribute while a request is decoded; an
//! attribute whose key has none is never stored, only counted ([`Dropped`]).
//!
//! Lists of objects are flattened by many emitters: `retrieval.documents.0.document.score`. Such a key is known under
//! its pattern `retrieval.documents.*.document.score`, and its number tells the objects apart.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::{FixedState, RandomState};

/// The number of a key that a mapping names.
pub(crate) type Slot = u16;

/// Some of the slots of a mapping.
#[derive(Clone, Debug, Default)]
pub(crate) struct SlotSet(Vec<u64>);

impl SlotSet {
    pub(crate) fn insert(&mut self, slot: Slot) {
        let (word, bit) = (usize::from(slot) / 64, slot % 64);
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << bit;
    }

    /// Whether a slot is in both.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(mine, other)| mine & other != 0)
    }

    /// Becomes the same as `other`, in the memory it has.
    pub(crate) fn copy(&mut self, other: &Self) {
        self.0.clone_from(&other.0);
    }
}

impl FromIterator<Slot> for SlotSet {
    fn from_iter<I: IntoIterator<Item = Slot>>(slots: I) -> Self {
        let mut set = Self::default();
        slots.into_iter().for_each(|slot| set.insert(slot));
        set
    }
}

/// How many distinct unknown keys are counted apart while a request is decoded.
const COUNTED_KEYS: usize = 1_024;
/// Longer keys are not looked up as patterns.
const PATTERN_BYTES: usize = 96;

/// What a mapping knows of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) slot: Slot,
    /// Some column asks for it.
    pub(crate) mapped: bool,
    /// It holds what users and models said.
    pub(crate) content: bool,
}

/// The keys a mapping names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    slots: HashMap<Box<str>, Known, FixedState>,
    names: Vec<Box<str>>,
    /// Whatever starts with one of these is content.
    content_prefixes: Vec<Box<str>>,
}

impl Keys {
    /// The slot of `key`, which some column asks for.
    pub(crate) fn map(&mut self, key: &str) -> Slot {
        let known = self.entry(key);
        known.mapped = true;
        known.slot
    }

    /// Declares `key` to be content; with `.**` at its end, whatever starts with it.
    pub(crate) fn content(&mut self, key: &str) {
        match key.strip_suffix("**") {
            Some(prefix) => self.content_prefixes.push(prefix.into()),
            None => self.entry(key).content = true,
        }
    }

    /// Whether `key`, or a key that fits it as a pattern, is content.
    pub(crate) fn is_content(&self, key: &str) -> bool {
        self.slots.get(key).is_some_and(|known| known.content) || self.has_content_prefix(key)
    }

    /// How many slots there are.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// What is known of `key`, and the number in it if it fits a pattern.
    pub(crate) fn find(&self, key: &str) -> Option<(Known, u16)> {
        if let Some(known) = self.slots.get(key) {
            return Some((*known, 0));
        }
        let mut buffer = [0; PATTERN_BYTES];
        let (pattern, number) = pattern(key, &mut buffer)?;
        self.slots.get(pattern).map(|known| (*known, number))
    }

    pub(crate) fn has_content_prefix(&self, key: &str) -> bool {
        self.content_prefixes.iter().any(|prefix| key.starts_with(prefix.as_ref()))
    }

    fn entry(&mut self, key: &str) -> &mut Known {
        let next = Slot::try_from(self.names.len()).unwrap_or(Slot::MAX);
        let names = &mut self.names;
        self.slots.entry(key.into()).or_insert_with(|| {
            names.push(key.into());
            Known { slot: next, mapped: false, content: false }
        })
    }
}

/// `key` with each of its numbers as `*`, and the first number; nothing if it has none, or a long name.
fn pattern<'b>(key: &str, buffer: &'b mut [u8; PATTERN_BYTES]) -> Option<(&'b str, u16)> {
    if key.len() > PATTERN_BYTES || !key.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut number = None;
    let mut length = 0;
    for (index, segment) in key.split('.').enumerate() {
        let counts = !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit());
        let written = if counts { "*" } else { segment };
        if counts && number.is_none() {
            number = Some(segment.parse().ok()?);
        }
        if index > 0 {
            buffer[length] = b'.';
            length += 1;
        }
        buffer[length..length + written.len()].copy_from_slice(written.as_bytes());
        length += written.len();
    }
    let number = number?;
    std::str::from_utf8(&buffer[..length]).ok().map(|pattern| (pattern, number))
}

/// How many attributes were left out, by key.
#[derive(Debug, Default)]
pub(crate) struct Dropped<'a> {
    counts: HashMap<&'a str, u64, RandomState>,
    other: u64,
}

impl<'a> Dropped<'a> {
    pub(crate) fn count(&mut self, key: &'a str) {
        if let Some(count) = self.counts.get_mut(key) {
            *count += 1;
        } else if self.counts.len() < COUNTED_KEYS {
            self.counts.insert(key, 1);
        } else {
            self.other += 1;
        }
    }

    /// Counts attributes whose keys cannot be told.
    pub(crate) fn count_other(&mut self, attributes: u64) {
        self.other += attributes;
    }

    /// The counts by key, at most `keys` of them: those with the most, and the rest under `other`.
    ///
    /// A key may carry a secret itself, so only keys that look like names are shown.
    pub(crate) fn finish(self, keys: usize) -> BTreeMap<String, u64> {
        let mut shown: BTreeMap<String, u64> = BTreeMap::new();
        let mut other = self.other;
        for (key, count) in self.counts {
            match presentable(key) {
                Some(name) => *shown.entry(name).or_default() += count,
                None => other += count,
            }
        }
        let mut ranked: Vec<_> = shown.into_iter().collect();
        ranked.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
        other += ranked.iter().skip(keys).map(|(_, count)| count).sum::<u64>();
        ranked.truncate(keys);
        let mut counts: BTreeMap<_, _> = ranked.into_iter().collect();
        if other > 0 {
            *counts.entry(OTHER.to_owned()).or_default() += other;
        }
        counts
    }
}

/// The name under which keys are counted that are not shown.
pub(crate) const OTHER: &str = "other";

/// `key` as it may be shown, with its numbers as `*`; nothing if it may be more than a name.
fn presentable(key: &str) -> Option<String> {
    let fits = !key.is_empty() && key.len() <= 80;
    let plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
    if !fits || !plain || !key.split(['.', '_', '-']).all(is_word) {
        return None;
    }
    let segments = key.split('.').map(|part| if part.bytes().all(|byte| byte.is_ascii_digit()) { "*" } else { part });
    Some(segments.collect::<Vec<_>>().join("."))
}

/// Whether a part of a key looks like a word or a small number, not like a random string: letters in few humps, then at
/// most three digits.
fn is_word(part: &str) -> bool {
    let letters = part.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = part.len() - letters.len();
    let humps =
        letters.as_bytes().windows(2).filter(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
    letters.len() <= 24 && digits <= 3 && letters.bytes().all(|byte| byte.is_ascii_alphabetic()) && humps.count() <= 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_by_name_and_by_pattern() {
        let mut keys = Keys::default();
        let plain = keys.map("session.id");
        let score = keys.map("retrieval.documents.*.document.score");
        let found = |key: &str| keys.find(key).map(|(known, number)| (known.slot, number));
        assert_eq!(found("session.id"), Some((plain, 0)));
        assert_eq!(found("retrieval.documents.12.document.score"), Some((score, 12)));
        assert_eq!(found("retrieval.documents.x.document.score"), None);
        assert_eq!(found("retrieval.documents.99999999.document.score"), None);
        assert_eq!(found(&"7.".repeat(60)), None);
    }

    #[test]
    fn sets_meet_where_a_slot_is_in_both() {
        let set = |slots: &[Slot]| slots.iter().copied().collect::<SlotSet>();
        assert!(set(&[1, 200]).meets(&set(&[200])) && set(&[63]).meets(&set(&[63, 500])));
        assert!(!set(&[1, 64]).meets(&set(&[0, 65, 128])) && !set(&[]).meets(&set(&[0])));
        let mut copy = set(&[300]);
        copy.copy(&set(&[5]));
        assert!(copy.meets(&set(&[5])) && !copy.meets(&set(&[300])));
    }

    #[test]
    fn only_names_are_shown() {
        for name in ["http.status_code", "gen_ai.usage.total_tokens", "s3.bucket", "db.system", "myApp.userTier"] {
            assert_eq!(presentable(name).as_deref(), Some(name));
        }
        assert_eq!(presentable("a.0.b").as_deref(), Some("a.*.b"));
        for secret in ["sk-9f8a7b6c5d4e", "AKIAIOSFODNN7EXAMPLE", "jane@example.org", "4111111111111111", "näme", ""] {
            assert_eq!(presentable(secret), None, "{secret}");
        }
    }

    #[test]
    fn counts_are_bounded_and_complete() {
        let keys: Vec<String> = (0..3_000_u32).map(|i| format!("k{}.v{}", i / 60, i % 60)).collect();
        let mut dropped = Dropped::default();
        keys.iter().for_each(|key| dropped.count(key));
        dropped.count_other(2);
        let counts = dropped.finish(10);
        assert_eq!(counts.len(), 11);
        assert_eq!(counts.values().sum::<u64>(), 3_002);
    }
}
