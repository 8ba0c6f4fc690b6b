//! How is a file put on the object store, so that it is whole, there to stay, and never written twice?

use std::fmt;
use std::path::Path as FsPath;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload};

use crate::{Error, Result, crash, durable};

/// Whether a file was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Created {
    /// It was, now.
    New,
    /// It was there before, and is as it was.
    AlreadyExists,
}

/// The few things that Tidegate asks of an object store. Paths are relative to its root and use `/`.
///
/// # Guarantee
/// When a write returns, the file is whole and durable: object stores promise that themselves; on a local disk the
/// file and its folder are synced. A reader sees all of a file or none of it.
#[derive(Clone, Debug)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    /// Set for a folder on a local disk, where durability is our own business.
    local: Option<LocalFileSystem>,
}

impl Store {
    /// Uses an object store as it is. It must honour [`PutMode::Create`], which [`probe`](Self::probe) tries, and its
    /// writes must be durable.
    pub fn new(objects: Arc<dyn ObjectStore>) -> Self {
        Self { objects, local: None }
    }

    /// Uses a folder on a local disk, which must exist. The disk must support hard links.
    ///
    /// # Errors
    /// [`Error::NoFolder`] when it does not exist, [`Error::PermissionDenied`] when it may not be entered.
    pub fn open_local(folder: impl AsRef<FsPath>) -> Result<Self> {
        let folder = folder.as_ref();
        match std::fs::metadata(folder) {
            Ok(metadata) if metadata.is_dir() => {}
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::store("open", folder.display(), e));
            }
            _ => return Err(Error::NoFolder { path: folder.display().to_string() }),
        }
        let local = LocalFileSystem::new_with_prefix(folder).map_err(|e| Error::store("open", folder.display(), e))?;
        Ok(Self { objects: Arc::new(local.clone()), local: Some(local) })
    }

    /// Writes a file that must not exist yet. Of several writers exactly one gets [`Created::New`].
    ///
    /// # Errors
    /// [`Error::PermissionDenied`] or [`Error::Store`]; after the latter the file may exist or not.
    pub async fn create(&self, path: &str, bytes: Bytes) -> Result<Created> {
        let location = parse(path)?;
        if let Some(file) = self.local_file(&location)? {
            return self.blocking("create", path, move || durable::create(&file, &bytes)).await;
        }
        match self.objects.put_opts(&location, PutPayload::from(bytes), PutMode::Create.into()).await {
            Ok(_) => Ok(Created::New),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(Created::AlreadyExists),
            Err(e) => Err(Error::store("create", path, e)),
        }
    }

    /// Writes a file, in place of the one that may be there.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`] or [`Error::Store`]; after the latter the file is the old one or the new one.
    pub async fn replace(&self, path: &str, bytes: Bytes) -> Result<()> {
        let location = parse(path)?;
        if let Some(file) = self.local_file(&location)? {
            return self.blocking("replace", path, move || durable::replace(&file, &bytes)).await;
        }
        let put = self.objects.put(&location, PutPayload::from(bytes)).await;
        put.map(drop).map_err(|e| Error::store("replace", path, e))
    }

    /// The bytes of a file, or nothing when there is none.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`] or [`Error::Store`].
    pub async fn get(&self, path: &str) -> Result<Option<Bytes>> {
        let location = parse(path)?;
        let read = async { self.objects.get(&location).await?.bytes().await };
        match read.await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(Error::store("read", self.shown(&location), e)),
        }
    }

    /// The paths of all files below a folder, sorted. A folder that does not exist has none.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`] or [`Error::Store`].
    pub async fn list(&self, folder: &str) -> Result<Vec<String>> {
        let location = parse(folder)?;
        let files = self.objects.list(Some(&location)).map_ok(|file| file.location.to_string());
        let mut paths: Vec<String> =
            files.try_collect().await.map_err(|e| Error::store("list", self.shown(&location), e))?;
        paths.sort_unstable();
        Ok(paths)
    }

    /// Removes a file; it is fine if there is none. On a local disk a power cut can bring it back.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`] or [`Error::Store`].
    pub async fn delete(&self, path: &str) -> Result<()> {
        let location = parse(path)?;
        if self.local.is_some() {
            crash::point();
        }
        let deleted = self.objects.delete(&location).await;
        if self.local.is_some() {
            crash::point();
        }
        match deleted {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(Error::store("delete", self.shown(&location), e)),
        }
    }

    fn local_file(&self, location: &Path) -> Result<Option<std::path::PathBuf>> {
        let Some(local) = &self.local else { return Ok(None) };
        let file = local.path_to_filesystem(location);
        file.map(Some).map_err(|_| Error::InvalidPath { path: location.to_string() })
    }

    /// How a path is named in an error: where it is on the disk, if it is on one.
    fn shown(&self, location: &Path) -> String {
        let file = self.local.as_ref().and_then(|local| local.path_to_filesystem(location).ok());
        file.map_or_else(|| location.to_string(), |file| file.display().to_string())
    }

    async fn blocking<T: Send + 'static>(
        &self,
        action: &'static str,
        path: &str,
        write: impl FnOnce() -> std::io::Result<T> + Send + 'static,
    ) -> Result<T> {
        let written = tokio::task::spawn_blocking(write).await.unwrap_or_else(|e| Err(std::io::Error::other(e)));
        written.map_err(|e| Error::store(action, self.shown(&Path::from(path)), e))
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.objects.fmt(f)
    }
}

fn parse(path: &str) -> Result<Path> {
    Path::parse(path).map_err(|_| Error::InvalidPath { path: path.to_string() })
}
