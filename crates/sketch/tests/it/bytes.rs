//! Do damaged bytes ever pass for a sketch, or stop the process?

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseError;
use tidegate_sketch::{DdSketch, Freq, Hll, Profile};

use crate::sketches::{Sketch, Value, every_sketch, values};

type Law = Result<(), TestCaseError>;

fn damage_is_found_out<S: Sketch>(values: &[Value], place: Index, flip: u8) -> Law {
    let mut bytes = S::of(values).to_bytes();
    let place = place.index(bytes.len());
    prop_assert!(S::from_bytes(&bytes[..place]).is_err());
    bytes[place] ^= flip;
    prop_assert!(S::from_bytes(&bytes).is_err(), "byte {} of {}", place, bytes.len());
    bytes[place] ^= flip;
    bytes.push(flip);
    prop_assert!(S::from_bytes(&bytes).is_err());
    Ok(())
}

/// What is read at all is written as it was read.
fn read_every_way(bytes: &[u8]) -> Law {
    let canonical = |again: Option<Vec<u8>>| again.is_none_or(|again| again == bytes);
    prop_assert!(canonical(DdSketch::from_bytes(bytes).ok().map(|sketch| sketch.to_bytes())));
    prop_assert!(canonical(Freq::from_bytes(bytes).ok().map(|sketch| sketch.to_bytes())));
    prop_assert!(canonical(Hll::from_bytes(bytes).ok().map(|sketch| sketch.to_bytes())));
    prop_assert!(canonical(Profile::from_bytes(bytes).ok().map(|sketch| sketch.to_bytes())));
    if let Ok(sketch) = DdSketch::from_datadog(bytes) {
        prop_assert_eq!(DdSketch::from_datadog(&sketch.to_datadog()).unwrap().count(), sketch.count());
    }
    Ok(())
}

/// `body` with a head and a checksum that are right, so that what is inside is looked at.
fn sealed(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = [b"TGSK", &[kind, 1][..], body].concat();
    let checksum = twox_hash::XxHash64::oneshot(0x7469_6465_6761_7465, &bytes);
    bytes.extend(checksum.to_le_bytes());
    bytes
}

proptest! {
    #[test]
    fn every_changed_byte_is_noticed(values in values(), place in any::<Index>(), flip in 1_u8..) {
        every_sketch!(damage_is_found_out(&values, place, flip));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_every_way(&bytes)?;
    }

    #[test]
    fn any_body_is_read_or_refused(kind in 1_u8..5, body in prop::collection::vec(prop_oneof![0_u8..4, any::<u8>()], 0..60)) {
        read_every_way(&sealed(kind, &body))?;
    }

    #[test]
    fn a_changed_body_is_read_or_refused(values in values(), which in 0..4_usize, place in any::<Index>(), flip in 1_u8..) {
        use crate::sketches::{Distinct, Fine, Narrow, OfNumbers};
        let bytes = [Fine::of(&values).to_bytes(), Narrow::of(&values).to_bytes(), Distinct::of(&values).to_bytes(), OfNumbers::of(&values).to_bytes()];
        let bytes = &bytes[which];
        let mut body = bytes[6..bytes.len() - 8].to_vec();
        let place = place.index(body.len());
        body[place] ^= flip;
        read_every_way(&sealed(bytes[4], &body))?;
    }

    #[test]
    fn bytes_of_datadog_are_read_or_refused(values in values(), places in prop::collection::vec(any::<(Index, u8)>(), 0..4)) {
        let mut sketch = DdSketch::default();
        values.iter().filter_map(|value| value.0).for_each(|x| sketch.add(x));
        let mut bytes = sketch.to_datadog();
        for (place, flip) in places {
            let place = place.index(bytes.len());
            bytes[place] ^= flip;
        }
        read_every_way(&bytes)?;
    }
}
