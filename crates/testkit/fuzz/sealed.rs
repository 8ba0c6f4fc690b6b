//! A body in bytes that pass every check but those of the body.

/// `body` of a sketch of `kind` with its head and its checksum.
pub fn sealed(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = [b"TGSK", &[kind, 1][..], body].concat();
    let checksum = twox_hash::XxHash64::oneshot(0x7469_6465_6761_7465, &bytes);
    bytes.extend(checksum.to_le_bytes());
    bytes
}
