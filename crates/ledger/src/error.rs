//! What can go wrong with records, and what should be done about it?

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::io::ErrorKind;

use crate::{Block, Digest, Spend};

/// The result of using a store or a log.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a store or a log did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The folder of a local store is not there.
    #[error("`{path}` is not a folder: create it, or correct the root of the project")]
    NoFolder {
        /// The folder.
        path: String,
    },
    /// The store may not be read or written here.
    #[error("no permission to {action} `{path}`: grant it, or choose another root")]
    PermissionDenied {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: String,
        /// What the store said.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// A URL that names no store.
    #[error("`{url}` names no store: {problem}")]
    BadUrl {
        /// What was written, without what may be a password.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The options of a store make no sense, or some are missing.
    #[error("the environment does not say how to open `{url}`: {problem}")]
    Options {
        /// The bucket.
        url: String,
        /// What is wrong, without any value.
        problem: String,
    },
    /// Nobody answered for the store.
    #[error("the store of `{path}` cannot be reached: {}", brief(source.as_ref()))]
    Unreachable {
        /// What was asked for.
        path: String,
        /// What the network said.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// Nobody gave credentials, and this machine has no role that would.
    #[error("there are no credentials for `{path}`: none are in the environment, and this machine gives none")]
    NoCredentials {
        /// What was asked for.
        path: String,
        /// What was tried.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The bucket or container is not there.
    #[error("there is no bucket for `{path}`: create it, or correct the root of the project")]
    NoBucket {
        /// What was asked for.
        path: String,
        /// What the store said.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The store failed.
    #[error("cannot {action} `{path}`: {}", brief(source.as_ref()))]
    Store {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: String,
        /// What the store said.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The store writes over a file that it was told to create, or cannot be told so.
    #[error(
        "the store `{store}` does not honour create-if-absent: two processes could both think they committed; \
         use a store with conditional writes (S3 since 2024, GCS, Azure, MinIO, a local disk)"
    )]
    NoCreate {
        /// How the store calls itself.
        store: String,
    },
    /// A file can be read with a key only, and none is given, or another one.
    #[error("`{path}` is encrypted under key {sealed_under}, and {}", given(given_key))]
    Sealed {
        /// The file.
        path: String,
        /// The name of the key it was sealed under.
        sealed_under: String,
        /// The name of the key that is given.
        given_key: Option<String>,
    },
    /// An encrypted file is not as it was written.
    #[error("`{path}` was changed or cut off after it was encrypted: restore it from a backup")]
    BrokenSeal {
        /// The file.
        path: String,
    },
    /// A path that no store accepts.
    #[error("`{path}` is not a path in a store")]
    InvalidPath {
        /// The path.
        path: String,
    },
    /// A name that cannot be the folder of a log.
    #[error("`{name}` cannot name a log: use letters, digits, `-`, `_` and `.`, and do not start with `.`")]
    InvalidName {
        /// The name.
        name: String,
    },
    /// Somebody else appended the record that was to be appended. What was decided must be decided again.
    #[error("another process committed to this project (log `{log}`, record {seq}): stop it, or start this one again")]
    Conflict {
        /// The log.
        log: String,
        /// The record that both wanted to append.
        seq: u64,
    },
    /// A log is not what was written.
    #[error("the log is damaged at `{file}`: {fault}; restore this file from a backup, and do not edit the log")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong with it.
        fault: Fault,
    },
    /// What a release would cost is not left. Nothing was charged.
    #[error(
        "charge `{id}` costs {spend}, but {}; spend less, or leave this data out: a budget is never refilled",
        shortage(lacking)
    )]
    OverBudget {
        /// The charge.
        id: String,
        /// What it would cost each of its blocks.
        spend: Spend,
        /// The blocks that cannot pay, and what each has left.
        lacking: BTreeMap<Block, Spend>,
    },
    /// Another charge has the same id. Nothing was charged.
    #[error("a charge `{id}` of other blocks or another cost stands in the budget; name another release by another id")]
    OtherCharge {
        /// The id that both have.
        id: String,
    },
    /// A record's body cannot be written as JSON and read back. This is a bug of the caller.
    #[error("a record for log `{log}` cannot be encoded: {source}")]
    Unencodable {
        /// The log.
        log: String,
        /// What the encoder said.
        source: serde_json::Error,
    },
}

/// What is wrong with a file of a log.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A later record exists, this one does not.
    #[error("the record is missing")]
    Missing,
    /// The bytes are no record.
    #[error("it is not a record ({problem})")]
    Unparsable {
        /// What the decoder said.
        problem: String,
    },
    /// The bytes differ from what was written.
    #[error("its bytes were changed")]
    Changed,
    /// The number inside is not the number in the name.
    #[error("it says that it is record {found}, not {expected}")]
    WrongSeq {
        /// The number in the name.
        expected: u64,
        /// The number inside.
        found: u64,
    },
    /// The record does not follow the one before.
    #[error("it follows a record with hash {found}, but the record before has {expected}")]
    WrongPrev {
        /// The hash of the record before.
        expected: Digest,
        /// The hash that is written.
        found: String,
    },
    /// The record is whole, but its body is not what this version of Tidegate reads.
    #[error("this version cannot read its body ({problem})")]
    UnknownBody {
        /// What the decoder said.
        problem: String,
    },
    /// The file has no business in the folder of a log.
    #[error("it does not belong to the log; move it away")]
    Stranger,
}

impl Error {
    /// Wraps what a store said, telling apart what only a permission can solve.
    pub(crate) fn store(
        action: &'static str,
        path: impl std::fmt::Display,
        source: impl StdError + Send + Sync + 'static,
    ) -> Self {
        let path = format!("{path}");
        let (denied, lacking, silent) = (is_denied(&source), lacks_bucket(&source), is_silent(&source));
        let has_no_role = silent && METADATA.iter().any(|host| source.to_string().contains(host));
        let source = Box::new(source);
        match () {
            () if denied => Self::PermissionDenied { action, path, source },
            () if lacking => Self::NoBucket { path, source },
            () if has_no_role => Self::NoCredentials { path, source },
            () if silent => Self::Unreachable { path, source },
            () => Self::Store { action, path, source },
        }
    }
}

/// Which key is given, in words.
fn given(key: &Option<String>) -> String {
    key.as_ref().map_or_else(|| "no key is given".to_owned(), |key| format!("the key given is {key}"))
}

/// The first block that cannot pay, and how many others cannot.
fn shortage(lacking: &BTreeMap<Block, Spend>) -> String {
    let first = lacking.first_key_value().map(|(block, left)| format!("{block} has {left} left"));
    let others = match lacking.len() {
        0 | 1 => String::new(),
        count => format!(", and {} more cannot pay", count - 1),
    };
    first.unwrap_or_default() + &others
}

/// Who gives credentials to machines of AWS and Azure, and of Google.
const METADATA: [&str; 2] = ["169.254.169.254", "metadata.google.internal"];

/// Whether a store said that the bucket itself is missing. It says so in words only, as it does of a missing file.
pub(crate) fn lacks_bucket(error: &(dyn StdError + 'static)) -> bool {
    const WORDS: [&str; 3] = ["NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist"];
    let text = error.to_string();
    WORDS.iter().any(|words| text.contains(words))
}

/// Whether nobody answered.
fn is_silent(error: &(dyn StdError + 'static)) -> bool {
    use object_store::client::{HttpError, HttpErrorKind};
    let kind = error.downcast_ref::<HttpError>().map(HttpError::kind);
    let silent = matches!(kind, Some(HttpErrorKind::Connect | HttpErrorKind::Timeout));
    silent || error.source().is_some_and(is_silent)
}

/// What a store said, in a line. Of an answer in XML its code and message: the rest may repeat what was signed, and as whom.
fn brief(error: &(dyn StdError + 'static)) -> String {
    let text = error.to_string();
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once("</")?.0.lines().next().unwrap_or_default().trim())
    };
    if let Some(code) = element("Code") {
        return element("Message").map_or_else(|| code.to_owned(), |message| format!("{code}, {message}"));
    }
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    if is_silent(error) { deepest.to_string() } else { text }
}

/// The same error for others, with what a store said in a line.
pub(crate) fn in_brief(error: object_store::Error) -> object_store::Error {
    use object_store::Error::{AlreadyExists, Generic, NotFound, PermissionDenied, Precondition, Unauthenticated};
    let told = |source: Box<dyn StdError + Send + Sync>| brief(source.as_ref()).into();
    match error {
        Generic { store, source } => Generic { store, source: told(source) },
        NotFound { path, source } => NotFound { path, source: told(source) },
        AlreadyExists { path, source } => AlreadyExists { path, source: told(source) },
        Precondition { path, source } => Precondition { path, source: told(source) },
        PermissionDenied { path, source } => PermissionDenied { path, source: told(source) },
        Unauthenticated { path, source } => Unauthenticated { path, source: told(source) },
        other => other,
    }
}

/// Whether somewhere down the chain a permission is missing.
pub(crate) fn is_denied(error: &(dyn StdError + 'static)) -> bool {
    use object_store::Error::{PermissionDenied, Unauthenticated};
    let by_system = error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|e| matches!(e.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem));
    let by_store = match error.downcast_ref::<object_store::Error>() {
        Some(PermissionDenied { .. } | Unauthenticated { .. }) => true,
        // Of a listing the client says it in words only.
        Some(generic @ object_store::Error::Generic { .. }) => {
            let text = generic.to_string();
            [401, 403].iter().any(|status| text.contains(&format!("status code: {status}")))
        }
        _ => false,
    };
    by_system || by_store || error.source().is_some_and(is_denied)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_missing_permission_is_found_however_deep_it_is_wrapped() {
        let check = |kind: ErrorKind, denied: bool| {
            let wrapped = || object_store::Error::Generic { store: "x", source: Box::new(io::Error::from(kind)) };
            let outer = object_store::Error::Generic { store: "y", source: Box::new(wrapped()) };
            for error in [Error::store("write", "a/b", io::Error::from(kind)), Error::store("write", "a/b", outer)] {
                assert_eq!(matches!(&error, Error::PermissionDenied { path, .. } if path == "a/b"), denied, "{error}");
            }
        };
        check(ErrorKind::PermissionDenied, true);
        check(ErrorKind::ReadOnlyFilesystem, true);
        check(ErrorKind::NotFound, false);
    }
}
