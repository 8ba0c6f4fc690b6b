//! Which bytes stand for a JSON value, whatever its layout?
//!
//! Names in byte order, no white space, numbers and text as `serde_json` writes them. The same whether or not some other
//! crate turns on `serde_json/preserve_order`.

use std::collections::BTreeMap;

use serde_json::Value;

/// The one text of a value.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let ordered: BTreeMap<&String, &Value> = members.iter().collect();
            let members: Vec<String> = ordered
                .into_iter()
                .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), text(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(",")),
        scalar => scalar.to_string(),
    }
}

/// Where two texts part: the first byte that differs, or the end of the shorter one.
pub(crate) fn first_difference(left: &[u8], right: &[u8]) -> Option<usize> {
    let differs = left.iter().zip(right).position(|(left, right)| left != right);
    differs.or((left.len() != right.len()).then_some(left.len().min(right.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_does_not_count_and_order_is_fixed() {
        let value: Value = serde_json::from_str(r#"{ "b": [1, {"z": null, "a": "\n"}], "a": 0.05 }"#).unwrap();
        assert_eq!(text(&value), r#"{"a":0.05,"b":[1,{"a":"\n","z":null}]}"#);
    }

    #[test]
    fn two_texts_part_at_a_byte_or_where_one_ends() {
        let check = |left: &str, right: &str, at| {
            assert_eq!(first_difference(left.as_bytes(), right.as_bytes()), at, "{left} {right}");
        };
        check("abc", "abc", None);
        check("abc", "abd", Some(2));
        check("ab", "abd", Some(2));
        check("abc", "", Some(0));
    }

    proptest::proptest! {
        #[test]
        fn a_number_that_is_read_is_the_number_that_was_written(number in proptest::num::f64::NORMAL) {
            let written = text(&Value::from(number));
            proptest::prop_assert_eq!(text(&serde_json::from_str(&written).unwrap()), written);
        }
    }
}
