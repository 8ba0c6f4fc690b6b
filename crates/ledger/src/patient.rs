//! How do others read the same store: a source, or a query engine?
//!
//! Through an [`ObjectStore`] that asks again by the rules of [`Retry`], so that there is one set of rules. What is read in
//! parts is read again whole when an answer breaks off; a listing goes on behind the last file that came.

use std::fmt;
use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetRange, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use crate::error::in_brief;
use crate::retry::Retry;

/// Up to how many bytes an answer is kept here until it is whole. A longer one is handed on as it comes, and is the
/// business of whoever asked.
const KEPT: u64 = 16 << 20;

/// A store that is asked again.
pub(crate) struct Patient {
    objects: Arc<dyn ObjectStore>,
    retry: Retry,
    /// What it is called: the client's own words may hold its options.
    name: Arc<str>,
}

impl Patient {
    pub(crate) fn new(objects: Arc<dyn ObjectStore>, retry: Retry, name: Arc<str>) -> Self {
        Self { objects, retry, name }
    }

    async fn patiently<T, F: Future<Output = Result<T>>>(&self, ask: impl FnMut() -> F) -> Result<T> {
        self.retry.run(ask).await.map_err(in_brief)
    }

    async fn get_whole(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        let result = self.objects.get_opts(path, options).await?;
        let length = result.range.end - result.range.start;
        if length > KEPT || matches!(result.payload, GetResultPayload::File(..)) {
            return Ok(result);
        }
        let (meta, range, attributes) = (result.meta.clone(), result.range.clone(), result.attributes.clone());
        let bytes = result.bytes().await?;
        let payload = GetResultPayload::Stream(stream::once(async { Ok(bytes) }).boxed());
        Ok(GetResult { payload, meta, range, attributes })
    }
}

impl fmt::Display for Patient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for Patient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ObjectStore").field(&self.name).finish()
    }
}

#[async_trait::async_trait]
impl ObjectStore for Patient {
    async fn put_opts(&self, path: &Path, bytes: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.patiently(|| self.objects.put_opts(path, bytes.clone(), options.clone())).await
    }

    async fn put_multipart_opts(&self, path: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.objects.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        let too_long = |range: &GetRange| match range {
            GetRange::Bounded(range) => range.end.saturating_sub(range.start) > KEPT,
            GetRange::Suffix(length) => *length > KEPT,
            GetRange::Offset(_) => false,
        };
        if options.head || options.range.as_ref().is_some_and(too_long) {
            return self.patiently(|| self.objects.get_opts(path, options.clone())).await;
        }
        self.patiently(|| self.get_whole(path, options.clone())).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.objects.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let listing = Listing {
            objects: Arc::clone(&self.objects),
            retry: self.retry.clone(),
            prefix: prefix.cloned(),
            files: self.objects.list(prefix),
            last: None,
            is_ordered: true,
            failures: 0,
        };
        stream::unfold(listing, |mut listing| async { Some((listing.next().await?, listing)) }).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.patiently(|| self.objects.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.patiently(|| self.objects.copy_opts(from, to, options.clone())).await
    }
}

/// A listing on its way.
struct Listing {
    objects: Arc<dyn ObjectStore>,
    retry: Retry,
    prefix: Option<Path>,
    files: BoxStream<'static, Result<ObjectMeta>>,
    last: Option<Path>,
    /// Files come in order of their paths so far; otherwise nobody can say where to go on.
    is_ordered: bool,
    /// How many failures followed each other.
    failures: u32,
}

impl Listing {
    async fn next(&mut self) -> Option<Result<ObjectMeta>> {
        loop {
            match self.files.next().await? {
                Ok(file) => {
                    self.is_ordered &= self.last.as_ref().is_none_or(|last| *last < file.location);
                    self.last = Some(file.location.clone());
                    self.failures = 0;
                    return Some(Ok(file));
                }
                Err(error) => {
                    self.failures += 1;
                    if !self.is_ordered || !self.retry.again(self.failures, &error).await {
                        return Some(Err(in_brief(error)));
                    }
                    self.files = match &self.last {
                        Some(last) => self.objects.list_with_offset(self.prefix.as_ref(), last),
                        None => self.objects.list(self.prefix.as_ref()),
                    };
                }
            }
        }
    }
}
