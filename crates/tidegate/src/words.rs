//! How are counts put in words?

use tidegate_stream::{RowAccount, StreamAccount};

/// `1 row`, `2 rows`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// What became of a stream's rows, as a sum.
pub(crate) fn stream_account(rows: &StreamAccount) -> String {
    let StreamAccount { read, delivered, rejected, duplicate } = rows;
    format!("{read} rows read = {delivered} delivered + {rejected} rejected + {duplicate} duplicate")
}

/// What became of a signal's rows, as a sum.
pub(crate) fn signal_account(rows: &RowAccount) -> String {
    let RowAccount { read, aggregated, filtered, late, rejected, duplicate } = rows;
    format!(
        "{read} rows read = {aggregated} aggregated + {filtered} filtered + {late} late + {rejected} rejected + {duplicate} duplicate"
    )
}
