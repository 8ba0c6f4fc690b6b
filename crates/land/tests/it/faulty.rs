//! A store in memory that denies, that writes and then denies, and that writes when nobody expects it any more.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// What becomes of one write. The error is one that is not tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Done,
    Denied,
    DoneAndDenied,
    /// It is denied, and done before the next write.
    Late,
}

#[derive(Debug, Default)]
pub(crate) struct Faulty {
    pub(crate) files: InMemory,
    pub(crate) fates: Mutex<VecDeque<Fate>>,
    late: Mutex<Vec<(Path, PutPayload, PutOptions)>>,
}

impl Faulty {
    pub(crate) fn with_fates(fates: impl IntoIterator<Item = Fate>) -> Arc<Self> {
        Arc::new(Self { fates: Mutex::new(fates.into_iter().collect()), ..Self::default() })
    }
}

fn denied(path: &Path) -> Error {
    Error::PermissionDenied { path: path.to_string(), source: "denied".into() }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faulty")
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, path: &Path, bytes: PutPayload, options: PutOptions) -> Result<PutResult> {
        let late = std::mem::take(&mut *self.late.lock().unwrap());
        for (path, bytes, options) in late {
            let _ = self.files.put_opts(&path, bytes, options).await;
        }
        let fate = self.fates.lock().unwrap().pop_front().unwrap_or(Fate::Done);
        match fate {
            Fate::Done => self.files.put_opts(path, bytes, options).await,
            Fate::Denied => Err(denied(path)),
            Fate::DoneAndDenied => {
                self.files.put_opts(path, bytes, options).await?;
                Err(denied(path))
            }
            Fate::Late => {
                self.late.lock().unwrap().push((path.clone(), bytes, options));
                Err(denied(path))
            }
        }
    }

    async fn put_multipart_opts(&self, path: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.files.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.files.get_opts(path, options).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.files.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.files.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.files.copy_opts(from, to, options).await
    }
}
