//! Do at least k distinct privacy units stand behind a group?
//!
//! Per group the k smallest keyed hashes of its units are kept (a bottom-k set): the state is O(k),
//! merging is a union cut at k, and as soon as k distinct hashes are present the answer "at least k"
//! is exact. Hashes are 128-bit SipHash-2-4 (Aumasson, Bernstein 2012) under a secret of the
//! project, so that a state file cannot be searched for a known user without the secret. A null is
//! nobody and counts for nothing.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, BooleanArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type, UInt64Type};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, Expr, GroupsAccumulator, Signature, Volatility,
};
use sha2::{Digest, Sha256};
use siphasher::sip128::{Hasher128, SipHasher24};

use super::rows::for_each_value;
use super::single::{Grouped, SingleGroup};
use crate::error::Error;

/// The project's secret under which privacy units are hashed.
///
/// States made under different keys must not meet (one person would count twice), so the key's
/// [`id`](UnitKey::id) is part of every fingerprint that depends on it.
#[derive(Clone, PartialEq, Eq)]
pub struct UnitKey([u8; 16]);

impl UnitKey {
    /// A key from 16 secret random bytes.
    pub fn new(secret: [u8; 16]) -> Self {
        Self(secret)
    }

    /// A public name of the key that does not give it away: the first 8 bytes of its SHA-256 in hex.
    pub fn id(&self) -> String {
        let digest = Sha256::new().chain_update("tidegate unit key").chain_update(self.0).finalize();
        digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// 64 bits by which a unit is known.
    pub(crate) fn hash64(&self, unit: &[u8]) -> u64 {
        // The lower half: all bits of the hash are alike.
        self.hash(unit) as u64
    }

    fn hash(&self, unit: &[u8]) -> u128 {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        hasher.write(unit);
        hasher.finish128().as_u128()
    }
}

impl fmt::Debug for UnitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnitKey({})", self.id())
    }
}

impl Hash for UnitKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}

/// The aggregate that is true for groups with at least `k` distinct non-null values of `unit`.
pub(crate) fn at_least(k: u32, key: UnitKey, unit: Expr) -> Expr {
    let function = AtLeastUnits { k: k as usize, key, signature: Signature::any(1, Volatility::Immutable) };
    AggregateUDF::new_from_impl(function).call(vec![unit])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct AtLeastUnits {
    k: usize,
    key: UnitKey,
    signature: Signature,
}

impl AggregateUDFImpl for AtLeastUnits {
    fn name(&self) -> &'static str {
        "at_least_units"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match unit_kind(&arguments[0]) {
            Some(_) => Ok(DataType::Boolean),
            None => plan_err!("a privacy unit is text or an integer, not {}", arguments[0]),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(format!("{}[units]", args.name), DataType::Binary, false))])
    }

    fn accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(SingleGroup::boxed(UnitSets::new(self.k, self.key.clone())))
    }

    fn groups_accumulator_supported(&self, _args: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(UnitSets::new(self.k, self.key.clone())))
    }
}

/// The type a unit column is read as before hashing, so that the same unit hashes alike in every encoding.
pub(crate) fn unit_kind(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some(DataType::Utf8View),
        DataType::UInt64 => Some(DataType::UInt64),
        integer if integer.is_integer() => Some(DataType::Int64),
        DataType::Dictionary(_, value) => unit_kind(value),
        _ => None,
    }
}

/// The units of one group, as far as it matters whether they are `k`.
pub(crate) struct UnitSet {
    k: usize,
    hashes: Vec<u128>,
}

impl UnitSet {
    pub(crate) fn new(k: usize) -> Self {
        Self { k, hashes: Vec::new() }
    }

    /// Adds the units of a state.
    pub(crate) fn extend(&mut self, state: &[u8]) -> Result<(), Error> {
        for hash in hashes_of(state)? {
            insert(&mut self.hashes, self.k, hash);
        }
        Ok(())
    }

    /// Whether there are at least `k`.
    pub(crate) fn is_full(&self) -> bool {
        self.hashes.len() >= self.k
    }

    pub(crate) fn clear(&mut self) {
        self.hashes.clear();
    }
}

/// The hashes that a state holds.
fn hashes_of(state: &[u8]) -> Result<impl Iterator<Item = u128>, Error> {
    let (hashes, rest) = state.as_chunks::<16>();
    match rest {
        [] => Ok(hashes.iter().map(|hash| u128::from_le_bytes(*hash))),
        _ => Err(Error::CorruptState { what: "unit set" }),
    }
}

struct UnitSets {
    k: usize,
    key: UnitKey,
    /// Per group, at most k distinct hashes in ascending order.
    groups: Vec<Vec<u128>>,
}

impl UnitSets {
    fn new(k: usize, key: UnitKey) -> Self {
        Self { k, key, groups: Vec::new() }
    }

    fn insert(&mut self, group: usize, hash: u128) {
        insert(&mut self.groups[group], self.k, hash);
    }
}

fn insert(set: &mut Vec<u128>, k: usize, hash: u128) {
    let full = set.len() >= k;
    if full && set.last().is_none_or(|&largest| hash >= largest) {
        return;
    }
    if let Err(place) = set.binary_search(&hash) {
        if full {
            set.pop();
        }
        set.insert(place, hash);
    }
}

impl Grouped for UnitSets {
    fn resize(&mut self, groups: usize) {
        self.groups.resize_with(groups, Vec::new);
    }

    fn fresh(&self) -> Self {
        Self::new(self.k, self.key.clone())
    }
}

impl GroupsAccumulator for UnitSets {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total_groups: usize,
    ) -> Result<()> {
        self.resize(total_groups);
        let Some(kind) = unit_kind(values[0].data_type()) else {
            return plan_err!("a privacy unit is text or an integer, not {}", values[0].data_type());
        };
        let units = cast(&values[0], &kind)?;
        let key = self.key.clone();
        match kind {
            DataType::Utf8View => {
                let units = units.as_string_view();
                for_each_value(units, groups, filter, |group, row| {
                    self.insert(group, key.hash(units.value(row).as_bytes()));
                });
            }
            DataType::UInt64 => {
                let units = units.as_primitive::<UInt64Type>();
                for_each_value(units, groups, filter, |group, row| {
                    self.insert(group, key.hash(&units.value(row).to_le_bytes()));
                });
            }
            _ => {
                let units = units.as_primitive::<Int64Type>();
                for_each_value(units, groups, filter, |group, row| {
                    self.insert(group, key.hash(&units.value(row).to_le_bytes()));
                });
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total_groups: usize) -> Result<()> {
        self.resize(total_groups);
        let sets = states[0].as_binary::<i32>();
        for (row, &group) in groups.iter().enumerate() {
            for hash in hashes_of(sets.value(row))? {
                self.insert(group, hash);
            }
        }
        Ok(())
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let groups = emit_to.take_needed(&mut self.groups);
        let mut column = BinaryBuilder::with_capacity(groups.len(), groups.iter().map(Vec::len).sum::<usize>() * 16);
        let mut bytes = Vec::new();
        for set in groups {
            bytes.clear();
            bytes.extend(set.into_iter().flat_map(u128::to_le_bytes));
            column.append_value(&bytes);
        }
        Ok(vec![Arc::new(column.finish())])
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = emit_to.take_needed(&mut self.groups);
        let answers = groups.iter().map(|set| Some(set.len() >= self.k)).collect::<BooleanArray>();
        Ok(Arc::new(answers))
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.rows_as_state(values, filter)
    }

    fn size(&self) -> usize {
        let hashes = self.groups.iter().map(Vec::capacity).sum::<usize>();
        self.groups.capacity() * size_of::<Vec<u128>>() + hashes * size_of::<u128>()
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{
        DictionaryArray, Int8Array, Int32Array, Int64Array, LargeStringArray, StringArray, StringViewArray,
        UInt32Array, UInt64Array,
    };
    use datafusion::arrow::datatypes::Int8Type;

    use super::super::check::{Input, every_way};
    use super::*;

    fn key() -> UnitKey {
        UnitKey::new(*b"sixteen secrets!")
    }

    /// Whether each group has at least `k` units.
    fn check(k: usize, values: ArrayRef, groups: &[usize], filter: Option<&BooleanArray>) -> Vec<bool> {
        let total_groups = groups.iter().max().map_or(1, |most| most + 2);
        let input = Input { values, groups, filter, total_groups };
        let answers = every_way(|| UnitSets::new(k, key()), &input).unwrap();
        assert_eq!(answers.null_count(), 0);
        answers.as_boolean().values().iter().collect()
    }

    /// The state of one group of `units`.
    fn state_of(units: ArrayRef) -> Vec<u8> {
        let mut sets = UnitSets::new(3, key());
        let groups = vec![0; units.len()];
        sets.update_batch(&[units], &groups, None, 1).unwrap();
        sets.state(EmitTo::All).unwrap()[0].as_binary::<i32>().value(0).to_vec()
    }

    #[test]
    fn a_group_is_shown_from_k_units_on() {
        let units = || Arc::new(StringArray::from(vec!["a", "b", "a", "c", "b", "a", "d"])) as ArrayRef;
        let groups = [0, 0, 0, 0, 1, 1, 1];
        assert_eq!(check(1, units(), &groups, None), [true, true, false]);
        assert_eq!(check(3, units(), &groups, None), [true, true, false]);
        assert_eq!(check(4, units(), &groups, None), [false, false, false]);
        let filter = BooleanArray::from(vec![Some(true), Some(true), Some(true), Some(false), None, None, Some(true)]);
        assert_eq!(check(2, units(), &groups, Some(&filter)), [true, false, false]);
    }

    #[test]
    fn nobody_is_no_unit() {
        let units = Arc::new(StringViewArray::from(vec![None, Some(""), None]));
        assert_eq!(check(1, Arc::clone(&units) as _, &[0, 1, 2], None), [false, true, false, false]);
        assert_eq!(check(2, units, &[0, 0, 0], None), [false, false]);
    }

    #[test]
    fn a_threshold_of_zero_holds_for_everyone() {
        let units = Arc::new(StringArray::from(vec![Some("a"), None]));
        assert_eq!(check(0, Arc::clone(&units) as _, &[0, 1], None), [true, true, true]);
        let mut sets = UnitSets::new(0, key());
        sets.update_batch(&[units], &[0, 0], None, 1).unwrap();
        assert_eq!(sets.groups, [Vec::new()]);
    }

    #[test]
    fn units_hash_alike_in_every_encoding() {
        let names = ["ann", "a name of more than twelve bytes", "bob"];
        let expected = state_of(Arc::new(StringArray::from(names.to_vec())));
        assert_eq!(expected.len(), 3 * 16);
        assert_eq!(state_of(Arc::new(LargeStringArray::from(names.to_vec()))), expected);
        assert_eq!(state_of(Arc::new(StringViewArray::from(names.to_vec()))), expected);
        let dictionary = [names[2], names[0], names[1], names[0]].into_iter().collect::<DictionaryArray<Int8Type>>();
        assert_eq!(state_of(Arc::new(dictionary)), expected);

        let expected = state_of(Arc::new(Int64Array::from(vec![1, 2, 100])));
        assert_eq!(state_of(Arc::new(Int32Array::from(vec![1, 2, 100]))), expected);
        assert_eq!(state_of(Arc::new(Int8Array::from(vec![100, 2, 1]))), expected);
        assert_eq!(state_of(Arc::new(UInt32Array::from(vec![1, 2, 100]))), expected);
        assert_eq!(state_of(Arc::new(UInt64Array::from(vec![1, 2, 100]))), expected);
        assert_ne!(state_of(Arc::new(StringArray::from(vec!["1", "2", "100"]))), expected);
    }

    #[test]
    fn a_state_holds_no_more_than_k_hashes() {
        let units = Arc::new((0..1_000).collect::<Int64Array>());
        assert_eq!(state_of(units).len(), 3 * 16);
    }

    #[test]
    fn damaged_sets_are_refused() {
        let merge = |bytes: &[u8]| {
            let state = Arc::new(datafusion::arrow::array::BinaryArray::from(vec![bytes])) as ArrayRef;
            UnitSets::new(3, key()).merge_batch(&[state], &[0], 1)
        };
        assert!(merge(&[0; 32]).is_ok());
        assert!(merge(&[0; 17]).is_err());
    }

    #[test]
    fn the_secret_is_not_printed() {
        let text = format!("{:?} {:?}", key(), at_least(3, key(), datafusion::logical_expr::col("u")));
        assert!(text.contains(&key().id()));
        assert!(!text.contains("sixteen") && !text.contains("115, 105, 120"), "{text}");
        assert_ne!(UnitKey::new([0; 16]).id(), key().id());
    }

    #[test]
    fn units_are_text_or_integers() {
        let function = AtLeastUnits { k: 2, key: key(), signature: Signature::any(1, Volatility::Immutable) };
        assert!(function.return_type(&[DataType::Float64]).is_err());
        assert!(function.return_type(&[DataType::Boolean]).is_err());
        assert_eq!(function.return_type(&[DataType::Utf8View]).unwrap(), DataType::Boolean);
    }
}
