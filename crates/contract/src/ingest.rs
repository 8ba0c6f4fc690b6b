//! What may be kept of a column when its rows arrive?

use arrow::datatypes::DataType;

use crate::kinds::is_text;
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
        /// Written as it is, but a value in which something of that kind is found is a token: rows can still be told apart.
        Identifier = "identifier",
        /// Goes to the evidence store, encrypted; the column keeps a reference.
        Evidence = "evidence",
    }
}

impl IngestPolicy {
    /// What a column has that does not say: text is looked at, in ids and codes so that they stay apart; the rest is kept.
    pub(crate) fn of_type(data_type: &DataType, is_code: bool) -> Self {
        match (holds_text(data_type), is_code) {
            (false, _) => Self::Keep,
            (true, true) if is_text(data_type) => Self::Identifier,
            (true, _) => Self::Pattern,
        }
    }
}

fn holds_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Struct(fields) => fields.iter().any(|field| holds_text(field.data_type())),
        DataType::List(item) => holds_text(item.data_type()),
        other => is_text(other),
    }
}
