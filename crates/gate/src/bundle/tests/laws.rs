//! Laws for random bundles: decoding undoes encoding, and no changed byte passes for the same bundle.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use super::*;

fn name() -> impl Strategy<Value = Name> {
    "[a-z0-9][a-z0-9._-]{0,12}".prop_map(|text| text.parse().unwrap())
}

fn version() -> impl Strategy<Value = Version> {
    (0u64..40, 0u64..40, 0u64..40, "(rc\\.[1-9])?").prop_map(|(major, minor, patch, pre)| {
        let version = Version::new(major, minor, patch);
        if pre.is_empty() { version } else { format!("{version}-{pre}").parse().unwrap() }
    })
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<u64>().prop_map(|seed| Digest::of(&seed.to_le_bytes()))
}

fn pin() -> impl Strategy<Value = Pin> {
    let uri = option::of("s3://[a-z]{1,9}").prop_map(|uri| uri.map(|text| text.parse().unwrap()));
    (version(), digest(), uri).prop_map(|(version, digest, uri)| Pin { version, digest, uri })
}

prop_compose! {
    fn manifest()(
        (bundle, version) in (name(), version()),
        author in "\\PC{1,20}",
        us in 0i64..4_000_000_000_000_000,
        parents in option::of((digest(), digest())),
        components in btree_map(proptest::sample::select(&Part::ALL), btree_map(name(), pin(), 1..4), 0..9),
        rollback in vec("\\PC{1,30}", 0..4),
        notes in any::<String>(),
    ) -> Manifest {
        let created_at = Timestamp::from_unix_us(us).unwrap();
        let parents = parents.map(|(previous, last_known_good)| Parents { previous, last_known_good });
        Manifest { format: Format::V1, bundle, version, author, created_at, parents, components, rollback, notes }
    }
}

proptest! {
    #[test]
    fn decoding_undoes_encoding(manifest in manifest()) {
        let bytes = manifest.encode();
        let again = Manifest::decode(&bytes).unwrap();
        prop_assert_eq!(again.encode(), bytes);
        prop_assert_eq!(again, manifest);
    }

    /// The bytes are refused, or they are those of another bundle, with another digest.
    #[test]
    fn any_flipped_byte_is_noticed(manifest in manifest(), at in any::<prop::sample::Index>(), mask in 1u8..) {
        let mut bytes = manifest.encode();
        let at = at.index(bytes.len());
        bytes[at] ^= mask;
        if let Ok(other) = Manifest::decode(&bytes) {
            prop_assert_ne!(other.digest(), manifest.digest());
            prop_assert_ne!(other, manifest);
        }
    }

    #[test]
    fn a_diff_read_backwards_is_the_diff_back(before in manifest(), after in manifest()) {
        let there = diff(&before, &after);
        let back = diff(&after, &before);
        prop_assert_eq!(there.len(), back.len());
        for (there, back) in there.iter().zip(&back) {
            prop_assert_eq!((&there.before, &there.after), (&back.after, &back.before));
        }
    }

    #[test]
    fn no_text_is_too_strange(text in "\\PC{0,60}") {
        if let Err(error) = Declaration::parse("a", &format!("bundle: {text}")) {
            let at = error.location().unwrap();
            prop_assert!(at.offset + at.length <= text.len() + 8, "{}", error);
        }
    }
}
