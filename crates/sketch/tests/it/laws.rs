//! Does a sketch depend on the values alone?

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::sketches::{Sketch, Value, every_sketch, values};

type Law = Result<(), TestCaseError>;

fn merges_in_any_order<S: Sketch>(a: &[Value], b: &[Value], c: &[Value]) -> Law {
    let whole = S::of(&[a, b, c].concat());
    let [a, b, c] = [a, b, c].map(S::of);
    prop_assert_eq!(&a.clone().with(&b).with(&c), &whole);
    prop_assert_eq!(&a.clone().with(&b.clone().with(&c)), &whole);
    prop_assert_eq!(&c.clone().with(&b).with(&a), &whole);
    prop_assert_eq!(&S::empty().with(&whole), &whole);
    prop_assert_eq!(&whole.clone().with(&S::empty()), &whole);
    // Equal sketches have equal bytes, whichever way they came about.
    prop_assert_eq!(c.with(&b).with(&a).to_bytes(), whole.to_bytes());
    Ok(())
}

fn bytes_are_read_as_they_were_written<S: Sketch>(values: &[Value]) -> Law {
    let sketch = S::of(values);
    let bytes = sketch.to_bytes();
    let read = S::from_bytes(&bytes).unwrap();
    prop_assert_eq!(&read, &sketch);
    prop_assert_eq!(read.to_bytes(), bytes);
    // What was read goes on as if it had never been written.
    prop_assert_eq!(read.with(&sketch), sketch.clone().with(&sketch));
    Ok(())
}

fn taking_away_undoes_merging<S: Sketch>(a: &[Value], b: &[Value]) -> Law {
    if S::SUBTRACTS {
        let (a, b) = (S::of(a), S::of(b));
        let mut both = a.clone().with(&b);
        both.subtract(&b).unwrap();
        prop_assert_eq!(&both, &a);
        prop_assert_eq!(both.to_bytes(), a.to_bytes());
        both.subtract(&a).unwrap();
        prop_assert_eq!(both.to_bytes(), S::empty().to_bytes());
        let refused = both.subtract(&b);
        prop_assert_eq!(refused.is_ok(), b == S::empty());
        prop_assert_eq!(both, S::empty());
    }
    Ok(())
}

fn order_does_not_matter<S: Sketch>(values: &[Value], shuffled: &[Value]) -> Law {
    prop_assert_eq!(S::of(values).to_bytes(), S::of(shuffled).to_bytes());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn merging_is_associative_and_commutative_with_an_identity(a in values(), b in values(), c in values()) {
        every_sketch!(merges_in_any_order(&a, &b, &c));
    }

    #[test]
    fn a_sketch_survives_its_bytes(values in values()) {
        every_sketch!(bytes_are_read_as_they_were_written(&values));
    }

    #[test]
    fn what_was_merged_can_be_taken_away(a in values(), b in values()) {
        every_sketch!(taking_away_undoes_merging(&a, &b));
    }

    #[test]
    fn the_order_of_values_is_forgotten(
        (values, shuffled) in values().prop_flat_map(|values| (Just(values.clone()), Just(values).prop_shuffle())),
    ) {
        every_sketch!(order_does_not_matter(&values, &shuffled));
    }
}
