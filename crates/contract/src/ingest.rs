//! What may be kept of a column when its rows arrive?

use crate::vocabulary::vocabulary;

vocabulary! {
    /// What becomes of a column's values before anything is written (`ingestPolicy` of a contract's column).
    IngestPolicy {
        /// Written as it is.
        Keep = "keep",
        /// Not written: null, or the empty text where null is not allowed.
        Drop = "drop",
        /// A plain SHA-256, the same for every tenant.
        Hash = "hash",
        /// HMAC-SHA256 under a key of the tenant: the same person is another token elsewhere.
        Tokenize = "tokenize",
        /// What looks like an e-mail address, a phone or card number, an IBAN or a key is blotted out.
        Pattern = "pattern",
        /// Goes to the evidence store, encrypted; the column keeps a reference.
        Evidence = "evidence",
    }
}
