//! Categories that are counted right, within the capacity and beyond.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn of(capacity: u32, categories: &[u8]) -> Freq {
    let mut freq = Freq::new(capacity).unwrap();
    categories.iter().for_each(|category| freq.add(&format!("c{category}")));
    freq
}

fn truth(categories: &[u8]) -> BTreeMap<String, u64> {
    let mut truth = BTreeMap::new();
    categories.iter().for_each(|category| *truth.entry(format!("c{category}")).or_default() += 1);
    truth
}

proptest! {
    #[test]
    fn what_is_kept_is_exact_and_the_rest_is_bounded(categories in prop::collection::vec(0_u8..40, 0..200), capacity in 1_u32..50) {
        let (freq, truth) = (of(capacity, &categories), truth(&categories));
        prop_assert_eq!(freq.iter().count(), truth.len().min(capacity as usize));
        prop_assert_eq!(freq.is_exact(), truth.len() <= capacity as usize);
        prop_assert_eq!(freq.count(), categories.len() as u64);
        prop_assert_eq!(freq.text, freq.iter().map(|(category, _)| category.len()).sum::<usize>());
        for (category, times) in &truth {
            match freq.get(category) {
                Some(found) => prop_assert_eq!(found, *times),
                None => prop_assert!(*times <= freq.error()),
            }
        }
        if freq.is_exact() {
            prop_assert_eq!(freq.error(), 0);
        }
    }

    #[test]
    fn the_smallest_hashes_are_kept(categories in prop::collection::vec(0_u8..40, 0..200)) {
        let freq = of(5, &categories);
        let mut by_hash = truth(&categories).into_keys().map(|category| (hash(category.as_bytes()), category)).collect::<Vec<_>>();
        by_hash.sort();
        let mut kept = freq.iter().map(|(category, _)| (hash(category.as_bytes()), category.to_owned())).collect::<Vec<_>>();
        kept.sort();
        prop_assert_eq!(kept, &by_hash[..by_hash.len().min(5)]);
    }
}

#[test]
fn the_most_frequent_come_first() {
    let mut freq = of(10, &[3, 1, 1, 2, 3]);
    freq.add_null();
    assert_eq!(freq.top(2), [("c1", 2), ("c3", 2)]);
    assert_eq!(freq.top(9), [("c1", 2), ("c3", 2), ("c2", 1)]);
    assert_eq!((freq.count(), freq.rows(), freq.nulls()), (5, 6, 1));
}

#[test]
fn beyond_its_capacity_nothing_is_taken_back() {
    let mut freq = of(2, &[1, 2, 3]);
    assert_eq!(freq.subtract(&of(2, &[1])), Err(Error::Folded { capacity: 2 }));
    assert_eq!(of(2, &[1]).subtract(&freq), Err(Error::Folded { capacity: 2 }));
    freq = of(3, &[1, 2, 3]);
    assert_eq!(freq.subtract(&of(3, &[1, 1])), Err(Error::NotHeld));
    assert_eq!(freq.subtract(&of(3, &[1])), Ok(()));
    assert_eq!(freq, of(3, &[2, 3]));
    assert_eq!((freq.text, Freq::from_bytes(&freq.to_bytes()).unwrap().text), (4, 4));
}

#[test]
fn capacities_have_a_range_and_do_not_mix() {
    assert!(Freq::new(0).is_err() && Freq::new((1 << 20) + 1).is_err());
    assert_eq!(of(2, &[]).merge(&of(3, &[])), Err(Error::Unlike { name: "capacity", left: 2.0, right: 3.0 }));
}
