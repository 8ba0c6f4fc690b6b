//! How is a file put on the object store, so that it is whole, there to stay, and never written twice?

use std::fmt;
use std::ops::Range;
use std::path::Path as FsPath;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload};

use crate::error::lacks_bucket;
use crate::patient::Patient;
use crate::retry::Retry;
use crate::{Error, Result, SealKey, StoreUrl, crash, durable, seal};

/// Whether a file was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Created {
    /// It was, now.
    New,
    /// It was there before, and is as it was. Over a network it may be our own: see [`Store::create`].
    AlreadyExists,
}

/// The few things that Tidegate asks of an object store. Paths are relative to its root and use `/`.
///
/// # Guarantee
/// When a write returns, the file is whole and durable: object stores promise that themselves; on a local disk the
/// file and its folder are synced. A reader sees all of a file or none of it.
///
/// A store over a network is asked again a few times, after pauses, while its errors may pass: a timeout, a broken
/// connection, a server that is busy. A local disk is asked once.
#[derive(Clone)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    /// Set for a place in a bucket.
    remote: Option<Arc<Remote>>,
    /// Set for a folder on a local disk, where durability is our own business.
    local: Option<LocalFileSystem>,
    retry: Retry,
    sealed: Sealed,
}

/// A place in a bucket, and the client of the bucket.
struct Remote {
    url: StoreUrl,
    bucket: Arc<dyn ObjectStore>,
}

/// Which files are sealed, under which key.
#[derive(Clone, Debug, Default)]
struct Sealed {
    key: Option<Arc<SealKey>>,
    folders: Arc<[String]>,
}

impl Store {
    /// Uses an object store as it is. It must honour [`PutMode::Create`], which [`probe`](Self::probe) tries, and its
    /// writes must be durable.
    pub fn new(objects: Arc<dyn ObjectStore>) -> Self {
        let retry = Retry::with_pause(tokio::time::sleep);
        Self { objects, remote: None, local: None, retry, sealed: Sealed::default() }
    }

    /// Pauses in another way before asking a store over a network again, for example on a simulated clock.
    #[must_use]
    pub fn with_pause<F>(self, pause: impl Fn(Duration) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if self.local.is_some() { self } else { Self { retry: Retry::with_pause(pause), ..self } }
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
        Ok(Self {
            objects: Arc::new(local.clone()),
            remote: None,
            local: Some(local),
            retry: Retry::never(),
            sealed: Sealed::default(),
        })
    }

    /// Uses the place that a URL names: `s3://`, `gs://`, `az://`, `abfss://`, `file://`, or a folder without any scheme.
    /// Credentials and other options are those of `env`, by the names that `object_store` gives them, such as
    /// `AWS_ACCESS_KEY_ID`. Nothing is asked of the store yet.
    ///
    /// One request may take 60 seconds, and connecting five, unless `env` says otherwise (`AWS_TIMEOUT`,
    /// `GOOGLE_TIMEOUT`, `AZURE_TIMEOUT`); 64 are under way at once. A file is put by one request: stores take at least 5
    /// GB by one, and the condition of [`create`](Self::create) holds for all of it.
    ///
    /// # Errors
    /// [`Error::BadUrl`] and [`Error::Options`]; those of [`open_local`](Self::open_local) for a folder.
    pub fn open_url(url: &str, env: impl IntoIterator<Item = (String, String)>) -> Result<Self> {
        if !StoreUrl::is_url(url) {
            return Self::open_local(url);
        }
        if let Some(folder) = StoreUrl::folder(url)? {
            return Self::open_local(folder);
        }
        let url: StoreUrl = url.parse()?;
        let bucket = url.connect(&env.into_iter().collect::<Vec<_>>())?;
        let objects: Arc<dyn ObjectStore> = match url.prefix() {
            "" => Arc::clone(&bucket),
            prefix => Arc::new(PrefixStore::new(Arc::clone(&bucket), prefix)),
        };
        Ok(Self { remote: Some(Arc::new(Remote { url, bucket })), ..Self::new(objects) })
    }

    /// Asks for a file that is not there, to learn whether the store answers, and these credentials open it.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::NoCredentials`], [`Error::NoBucket`], [`Error::PermissionDenied`] or
    /// [`Error::Store`].
    pub async fn reach(&self) -> Result<()> {
        self.plain_range("log/.reach", 0..1).await.map(drop)
    }

    /// Where it is, unless it is a folder or was opened by [`new`](Self::new).
    pub fn url(&self) -> Option<&StoreUrl> {
        self.remote.as_deref().map(|remote| &remote.url)
    }

    /// Its files for others to read, with paths relative to its root. They lie there as they are: what was
    /// [sealed](Self::sealed) stays so. Requests are repeated as this store's own are.
    pub fn objects(&self) -> Arc<dyn ObjectStore> {
        self.patient(&self.objects, self.to_string())
    }

    /// As [`objects`](Self::objects), for all of the [bucket](StoreUrl::bucket) that it is a place in.
    pub fn bucket(&self) -> Option<Arc<dyn ObjectStore>> {
        let Remote { url, bucket } = self.remote.as_deref()?;
        Some(self.patient(bucket, url.bucket().to_owned()))
    }

    fn patient(&self, objects: &Arc<dyn ObjectStore>, name: String) -> Arc<dyn ObjectStore> {
        Arc::new(Patient::new(Arc::clone(objects), self.retry.clone(), name.into()))
    }

    /// Seals what is written below `folders` from now on, and reads what was sealed there. What lies there unsealed is read
    /// as it is.
    #[must_use]
    pub fn sealed<'a>(self, key: SealKey, folders: impl IntoIterator<Item = &'a str>) -> Self {
        let folders = folders.into_iter().map(|folder| format!("{folder}/")).collect();
        Self { sealed: Sealed { key: Some(Arc::new(key)), folders }, ..self }
    }

    /// Writes a file that must not exist yet. Of several writers at most one gets [`Created::New`]; on a local disk
    /// exactly one.
    ///
    /// [`Created::AlreadyExists`] says that the file is there, not that another wrote it: over a network an answer can be
    /// lost, and the next try then finds what the first one wrote. A caller to whom it matters compares the bytes, as
    /// [`Chain::append`](crate::Chain::append) does.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`] or [`Error::Store`]; after the latter the file may exist or not.
    pub async fn create(&self, path: &str, bytes: impl Into<PutPayload>) -> Result<Created> {
        let (location, bytes) = (parse(path)?, self.written(path, bytes.into())?);
        if let Some(file) = self.local_file(&location)? {
            return self.blocking("create", path, move || durable::create(&file, &bytes)).await;
        }
        let created = self.retry.run(|| self.create_once(&location, bytes.clone())).await;
        created.map_err(|e| Error::store("create", self.shown(&location), e))
    }

    async fn create_once(&self, location: &Path, payload: PutPayload) -> object_store::Result<Created> {
        use object_store::Error::{AlreadyExists, NotFound, Precondition};
        let refused = match self.objects.put_opts(location, payload, PutMode::Create.into()).await {
            Ok(_) => return Ok(Created::New),
            Err(e @ (AlreadyExists { .. } | Precondition { .. })) => e,
            Err(e) => return Err(e),
        };
        // S3 says the same (409) when it met another writer who may yet fail.
        match self.objects.head(location).await {
            Ok(_) => Ok(Created::AlreadyExists),
            Err(NotFound { .. }) => Err(refused),
            Err(e) => Err(e),
        }
    }

    /// Writes a file, in place of the one that may be there.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`] or [`Error::Store`]; after the latter the file is the old one or the new one.
    pub async fn replace(&self, path: &str, bytes: Bytes) -> Result<()> {
        let (location, bytes) = (parse(path)?, self.written(path, bytes.into())?);
        if let Some(file) = self.local_file(&location)? {
            return self.blocking("replace", path, move || durable::replace(&file, &bytes)).await;
        }
        let put = self.retry.run(|| self.objects.put(&location, bytes.clone())).await;
        put.map(drop).map_err(|e| Error::store("replace", self.shown(&location), e))
    }

    /// The bytes of a file, or nothing when there is none.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`] or [`Error::Store`]; [`Error::Sealed`] without its key, [`Error::BrokenSeal`] when a sealed
    /// file was changed.
    pub async fn get(&self, path: &str) -> Result<Option<Bytes>> {
        let location = parse(path)?;
        let read = self.retry.run(|| async { self.objects.get(&location).await?.bytes().await }).await;
        let read = self.unless_absent(&location, read)?;
        read.map(|bytes| seal::open(self.sealed.key.as_deref(), path, bytes)).transpose()
    }

    /// Some bytes of a file, or nothing when there is no such file. A range that goes beyond its end is cut off there.
    ///
    /// # Errors
    /// As [`get`](Self::get); [`Error::Store`] also when the range is empty or begins beyond the end.
    pub async fn get_range(&self, path: &str, range: Range<u64>) -> Result<Option<Bytes>> {
        if !self.sealed.covers(path) {
            let from_its_beginning = range.start == 0;
            let read = self.plain_range(path, range).await?;
            return match read {
                Some(bytes) if from_its_beginning => seal::open(None, path, bytes).map(Some),
                read => Ok(read),
            };
        }
        let Some(header) = self.plain_range(path, 0..seal::HEADER as u64).await? else { return Ok(None) };
        if !seal::is_sealed(&header) {
            return self.plain_range(path, range).await;
        }
        let Some(chunks) = self.plain_range(path, seal::chunks_of(&range)).await? else { return Ok(None) };
        seal::open_range(self.sealed.key.as_deref(), path, &header, &chunks, &range).map(Some)
    }

    /// Some bytes as they lie in the store.
    async fn plain_range(&self, path: &str, range: Range<u64>) -> Result<Option<Bytes>> {
        let location = parse(path)?;
        let read = self.retry.run(|| self.objects.get_range(&location, range.clone())).await;
        self.unless_absent(&location, read)
    }

    /// The bytes that stand for `bytes` in the file at `path`.
    fn written(&self, path: &str, bytes: PutPayload) -> Result<PutPayload> {
        match &self.sealed.key {
            Some(key) if self.sealed.covers(path) => Ok(key.seal(path, &Bytes::from(bytes))?.into()),
            _ => Ok(bytes),
        }
    }

    fn unless_absent(&self, location: &Path, read: object_store::Result<Bytes>) -> Result<Option<Bytes>> {
        match read {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e @ object_store::Error::NotFound { .. }) if !lacks_bucket(&e) => Ok(None),
            Err(e) => Err(Error::store("read", self.shown(location), e)),
        }
    }

    /// The paths of all files below a folder, sorted. A folder that does not exist has none.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`] or [`Error::Store`].
    pub async fn list(&self, folder: &str) -> Result<Vec<String>> {
        Ok(self.list_sized(folder).await?.into_iter().map(|(path, _)| path).collect())
    }

    /// The paths of all files below a folder, sorted, and how many bytes each file has.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`] or [`Error::Store`].
    pub async fn list_sized(&self, folder: &str) -> Result<Vec<(String, u64)>> {
        let location = parse(folder)?;
        let files = self.retry.run(|| self.objects.list(Some(&location)).try_collect::<Vec<_>>()).await;
        let files = files.map_err(|e| Error::store("list", self.shown(&location), e))?;
        let mut files: Vec<_> = files.into_iter().map(|file| (file.location.to_string(), file.size)).collect();
        files.sort_unstable();
        Ok(files)
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
        let deleted = self.retry.run(|| self.objects.delete(&location)).await;
        if self.local.is_some() {
            crash::point();
        }
        match deleted {
            Ok(()) => Ok(()),
            Err(e @ object_store::Error::NotFound { .. }) if !lacks_bucket(&e) => Ok(()),
            Err(e) => Err(Error::store("delete", self.shown(&location), e)),
        }
    }

    fn local_file(&self, location: &Path) -> Result<Option<std::path::PathBuf>> {
        let Some(local) = &self.local else { return Ok(None) };
        let file = local.path_to_filesystem(location);
        file.map(Some).map_err(|_| Error::InvalidPath { path: location.to_string() })
    }

    /// How a path is named in an error: where it is on the disk, if it is on one, or in a bucket.
    fn shown(&self, location: &Path) -> String {
        if let Some(remote) = &self.remote {
            return format!("{}/{location}", remote.url);
        }
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

impl Sealed {
    fn covers(&self, path: &str) -> bool {
        self.folders.iter().any(|folder| path.starts_with(folder))
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.remote {
            Some(remote) => remote.url.fmt(f),
            None => self.objects.fmt(f),
        }
    }
}

/// Without the client, whose own words may hold credentials.
impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("root", &self.to_string()).field("retry", &self.retry).finish_non_exhaustive()
    }
}

fn parse(path: &str) -> Result<Path> {
    Path::parse(path).map_err(|_| Error::InvalidPath { path: path.to_string() })
}
