//! By which hash are categories and distinct values told apart?

use twox_hash::XxHash64;

/// 64 bits of `bytes`. Fixed for all time: stored sketches were made with it.
///
/// It has no key, because sketches of different projects merge. Who can choose values can therefore choose
/// hashes; a stored sketch tells who can guess a value whether it was there.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    XxHash64::oneshot(0, bytes)
}
