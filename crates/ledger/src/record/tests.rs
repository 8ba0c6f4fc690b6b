use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;

type Body = BTreeMap<String, Vec<i64>>;

fn files<B: Serialize + DeserializeOwned>(bodies: &[B]) -> Vec<Vec<u8>> {
    let mut prev = Digest::ZERO;
    let mut files = Vec::new();
    for (seq, body) in (0..).zip(bodies) {
        let bytes = encode(seq, prev, body).unwrap();
        prev = Digest::of(&bytes);
        files.push(bytes);
    }
    files
}

fn fault(files: &[Vec<u8>]) -> (String, Fault) {
    match verify::<Body>("log/x", files) {
        Err(Error::Damaged { file, fault }) => (file, fault),
        other => panic!("{other:?}"),
    }
}

fn bodies() -> impl Strategy<Value = Vec<Body>> {
    vec(btree_map(".*", vec(any::<i64>(), 0..3), 0..3), 0..6)
}

proptest! {
    #[test]
    fn what_was_written_is_read(bodies in bodies()) {
        let records = verify::<Body>("log/x", &files(&bodies)).unwrap();
        prop_assert_eq!(records.iter().map(|r| r.seq).collect::<Vec<_>>(), (0..bodies.len() as u64).collect::<Vec<_>>());
        for pair in records.windows(2) {
            prop_assert_eq!(pair[0].digest, pair[1].prev);
        }
        prop_assert_eq!(records.into_iter().map(|r| r.body).collect::<Vec<_>>(), bodies);
    }

    #[test]
    fn every_changed_byte_is_noticed(bodies in bodies(), file: prop::sample::Index, at: prop::sample::Index, flip in 1u8..) {
        let mut files = files(&bodies);
        prop_assume!(!files.is_empty());
        let file = file.get_mut(&mut files);
        *at.get_mut(file) ^= flip;
        prop_assert!(verify::<Body>("log/x", &files).is_err());
    }

    #[test]
    fn every_added_or_removed_byte_is_noticed(bodies in bodies(), file: prop::sample::Index, at: prop::sample::Index, byte: Option<u8>) {
        let mut files = files(&bodies);
        prop_assume!(!files.is_empty());
        let file = file.get_mut(&mut files);
        let at = at.index(file.len());
        match byte {
            Some(byte) => file.insert(at, byte),
            None => drop(file.remove(at)),
        }
        prop_assert!(verify::<Body>("log/x", &files).is_err());
    }

    #[test]
    fn only_the_end_can_be_taken_away(bodies in bodies(), gone: prop::sample::Index) {
        let mut files = files(&bodies);
        prop_assume!(!files.is_empty());
        let gone = gone.index(files.len());
        files.remove(gone);
        prop_assert_eq!(verify::<Body>("log/x", &files).is_ok(), gone == files.len());
    }
}

fn three() -> Vec<Vec<u8>> {
    let body = |n: i64| Body::from([("n".to_string(), vec![n])]);
    files(&[body(0), body(1), body(2)])
}

#[test]
fn the_bytes_are_fixed() {
    let zeros = "0".repeat(64);
    let sha256 = "4753fa49a81df2ad7c13c9b44082e2e760c53f4f933e2149d29736bd822047e4";
    let expected = format!(r#"{{"seq":0,"prev":"{zeros}","body":{{"n":[0]}},"sha256":"{sha256}"}}"#);
    assert_eq!(String::from_utf8(three().remove(0)).unwrap(), expected);
}

#[test]
fn each_fault_has_a_name_and_names_its_file() {
    let mut swapped = three();
    swapped.swap(1, 2);
    assert_eq!(
        fault(&swapped),
        ("log/x/00000000000000000001.json".to_string(), Fault::WrongSeq { expected: 1, found: 2 })
    );
    let mut forked = three();
    forked[2] = encode(2, Digest::of(b"other"), &Body::new()).unwrap();
    assert!(matches!(fault(&forked), (file, Fault::WrongPrev { .. }) if file.ends_with("02.json")));
    let mut edited = three();
    edited[2] = String::from_utf8(edited[2].clone()).unwrap().replace("[2]", "[3]").into_bytes();
    assert_eq!(fault(&edited).1, Fault::Changed);
    let mut torn = three();
    torn[2].truncate(20);
    assert!(matches!(fault(&torn).1, Fault::Unparsable { .. }));
    let other = files(&["another kind of body".to_string()]);
    assert!(matches!(fault(&other).1, Fault::UnknownBody { .. }));
}

#[test]
fn a_body_that_cannot_be_read_back_is_never_written() {
    assert!(encode(0, Digest::ZERO, &f64::NAN).is_err());
}

#[test]
fn names_and_numbers() {
    for seq in [0, 42, u64::MAX] {
        assert_eq!(parse_file_name(&file_name(seq)), Some(seq));
    }
    for name in ["42.json", "00000000000000000042.txt", "+0000000000000000042.json", "x"] {
        assert_eq!(parse_file_name(name), None, "{name}");
    }
}
