//! Which bytes stand for a declaration, whatever its layout?
//!
//! JSON with names in byte order and no white space, numbers as `serde_json` writes them. The same whether
//! or not some other crate turns on `serde_json/preserve_order`.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// `sha256:` and the hexadecimal digest of the canonical JSON.
pub(crate) fn digest(value: &Value) -> String {
    let hash = Sha256::digest(canonical(value).as_bytes());
    hash.iter().fold(String::from("sha256:"), |text, byte| format!("{text}{byte:02x}"))
}

/// The canonical JSON itself.
pub(crate) fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let ordered: BTreeMap<&String, &Value> = members.iter().collect();
            let members: Vec<String> = ordered
                .into_iter()
                .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), canonical(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_does_not_count_and_order_is_fixed() {
        let value: Value = serde_json::from_str(r#"{ "b": [1, {"z": null, "a": "\n"}], "a": 0.05 }"#).unwrap();
        assert_eq!(canonical(&value), r#"{"a":0.05,"b":[1,{"a":"\n","z":null}]}"#);
    }

    /// `printf '{}' | sha256sum`
    #[test]
    fn the_digest_is_sha256() {
        let empty = Value::Object(serde_json::Map::new());
        assert_eq!(digest(&empty), "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    }
}
