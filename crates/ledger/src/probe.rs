//! Does a store create a file only where there is none?
//!
//! Everything rests on it, and some stores take the condition, ignore it, and say that all is well. So it is tried.

use bytes::Bytes;

use crate::{Created, Error, Result, Store};

/// Where the probes lie: no log, since the name of a log does not start with a dot.
const FOLDER: &str = "log/.probe";

impl Store {
    /// Proves that this store honours create-if-absent: of two creations of one new file the second must find the
    /// first. Nothing is left behind.
    ///
    /// # Errors
    /// [`Error::NoCreate`] when it does not; otherwise what [`create`](Self::create) and [`delete`](Self::delete) say.
    pub async fn probe(&self) -> Result<()> {
        let random = getrandom::u64().map_err(|e| Error::store("probe", FOLDER, e))?;
        let path = format!("{FOLDER}/{random:016x}");
        let creates_once = self.creates_once(&path).await;
        let deleted = self.delete(&path).await;
        if !creates_once? {
            return Err(Error::NoCreate { store: self.to_string() });
        }
        deleted
    }

    async fn creates_once(&self, path: &str) -> Result<bool> {
        let (first, second) = (Bytes::from_static(b"first"), Bytes::from_static(b"second"));
        match self.create(path, first.clone()).await {
            Err(e) if is_unsupported(&e) => return Ok(false),
            // It may be there already, by a try of our own whose answer was lost; its bytes are looked at below.
            created => drop(created?),
        }
        let created = self.create(path, second).await?;
        Ok(created == Created::AlreadyExists && self.get(path).await? == Some(first))
    }
}

/// Whether a store says itself that it knows no conditions.
fn is_unsupported(error: &Error) -> bool {
    use object_store::Error::{NotImplemented, NotSupported};
    let Error::Store { source, .. } = error else { return false };
    matches!(source.downcast_ref(), Some(NotImplemented { .. } | NotSupported { .. }))
}
