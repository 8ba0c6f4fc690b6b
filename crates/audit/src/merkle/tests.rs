//! Published values, and the same answers as the RFC's recursion.

use proptest::prelude::*;

use super::*;

/// The RFC's MTH, word for word.
fn naive(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [only] => *only,
        _ => {
            let k = (1..).map(|i| 1 << i).take_while(|k| *k < leaves.len()).last().unwrap_or(1);
            node_hash(&naive(&leaves[..k]), &naive(&leaves[k..]))
        }
    }
}

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|i| leaf_hash(&i.to_be_bytes())).collect()
}

fn hashes(parts: &[Range<u64>], leaves: &[Hash]) -> Vec<Hash> {
    parts.iter().map(|part| root(part, leaves)).collect()
}

fn root(part: &Range<u64>, leaves: &[Hash]) -> Hash {
    let subtrees: Vec<Hash> = subtrees(part)
        .into_iter()
        .map(|Subtree { height, index }| {
            whole_root(&leaves[(index << height) as usize..((index + 1) << height) as usize])
        })
        .collect();
    join(subtrees.into_iter())
}

fn hash(hex: &str) -> Hash {
    let byte = |i: usize| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap();
    Hash(std::array::from_fn(byte))
}

/// The leaves of Certificate Transparency's reference implementation and the heads of their trees.
#[test]
fn heads_are_those_of_certificate_transparency() {
    let entries: [&[u8]; 8] = [
        &[],
        &[0x00],
        &[0x10],
        &[0x20, 0x21],
        &[0x30, 0x31],
        &[0x40, 0x41, 0x42, 0x43],
        &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
        &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
    ];
    let leaves: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
    let check = |size: u64, head: &str| {
        assert_eq!(naive(&leaves[..size as usize]), hash(head), "{size}");
        assert_eq!(root(&(0..size), &leaves), hash(head), "{size}");
    };
    check(0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check(3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77");
    check(8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
}

#[test]
fn every_entry_and_every_older_tree_is_shown_to_be_in_every_small_tree() {
    let all = leaves(40);
    for size in 0..=40 {
        let tree = &all[..size as usize];
        let head = naive(tree);
        for index in 0..size {
            let proof = hashes(&inclusion_parts(index, size), tree);
            assert!(verify_inclusion(&tree[index as usize], index, size, &proof, &head), "{index} in {size}");
        }
        for old in 1..=size {
            let proof = hashes(&consistency_parts(old, size), tree);
            assert!(verify_consistency(old, &naive(&tree[..old as usize]), size, &head, &proof), "{old} of {size}");
        }
        assert!(verify_consistency(0, &empty_root(), size, &head, &[]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_large_tree_has_the_naive_head(size in 1_u64..1_000) {
        let tree = leaves(size);
        prop_assert_eq!(root(&(0..size), &tree), naive(&tree));
    }

    #[test]
    fn no_other_entry_place_size_or_proof_is_accepted(
        size in 1_u64..600, index in any::<prop::sample::Index>(), other in 0_u64..700, wrong in any::<prop::sample::Index>(),
    ) {
        let tree = leaves(size);
        let (head, index) = (naive(&tree), index.index(size as usize) as u64);
        let leaf = tree[index as usize];
        let proof = hashes(&inclusion_parts(index, size), &tree);
        prop_assert!(verify_inclusion(&leaf, index, size, &proof, &head));
        if other != index {
            prop_assert!(!verify_inclusion(&leaf, other, size, &proof, &head));
        }
        // A proof fixes the size only as far as it has steps; its root fixes it, with a signature.
        prop_assert!(!verify_inclusion(&leaf_hash(b"other"), index, size, &proof, &head));
        prop_assert!(!verify_inclusion(&leaf, index, size, &[&proof[..], &[leaf]].concat(), &head));
        if !proof.is_empty() {
            let mut proof = proof;
            let at = wrong.index(proof.len());
            proof[at].0[other as usize % 32] ^= 1;
            prop_assert!(!verify_inclusion(&leaf, index, size, &proof, &head));
            proof.pop();
            prop_assert!(!verify_inclusion(&leaf, index, size, &proof, &head));
        }
    }

    #[test]
    fn a_rewritten_past_is_not_consistent(new in 2_u64..600, old in any::<prop::sample::Index>(), at in any::<prop::sample::Index>()) {
        let old = 1 + old.index(new as usize - 1) as u64;
        let at = at.index(old as usize);
        let tree = leaves(new);
        let kept = naive(&tree[..old as usize]);
        let mut rewritten = tree;
        rewritten[at] = leaf_hash(b"rewritten");
        let proof = hashes(&consistency_parts(old, new), &rewritten);
        prop_assert!(!verify_consistency(old, &kept, new, &naive(&rewritten), &proof));
    }
}
