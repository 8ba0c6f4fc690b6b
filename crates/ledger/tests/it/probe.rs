//! A store that does not honour create-if-absent is found out before anything is entrusted to it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error as StoreError, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result as StoreResult,
};
use tidegate_ledger::{Chain, Created, Error, Store};

use crate::stores;

/// What a store makes of a condition.
#[derive(Clone, Copy, Debug)]
enum Condition {
    /// It writes in any case, and says that it created the file.
    Ignored,
    /// It writes in any case, and says that the file was there.
    Denied,
    /// It says that it knows no conditions.
    Unknown,
}

#[derive(Debug)]
struct Careless(InMemory, Condition);

impl fmt::Display for Careless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Careless")
    }
}

#[async_trait::async_trait]
impl ObjectStore for Careless {
    async fn put_opts(&self, path: &Path, bytes: PutPayload, mut options: PutOptions) -> StoreResult<PutResult> {
        if options.mode != PutMode::Create {
            return self.0.put_opts(path, bytes, options).await;
        }
        let found = self.0.get_opts(path, GetOptions::default()).await.is_ok();
        options.mode = PutMode::Overwrite;
        match self.1 {
            Condition::Unknown => {
                Err(StoreError::NotImplemented { operation: "create".into(), implementer: self.to_string() })
            }
            Condition::Denied if found => {
                self.0.put_opts(path, bytes, options).await?;
                Err(StoreError::AlreadyExists { path: path.to_string(), source: "found".into() })
            }
            Condition::Ignored | Condition::Denied => self.0.put_opts(path, bytes, options).await,
        }
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        self.0.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> StoreResult<GetResult> {
        self.0.get_opts(path, options).await
    }

    async fn get_ranges(&self, path: &Path, ranges: &[Range<u64>]) -> StoreResult<Vec<Bytes>> {
        self.0.get_ranges(path, ranges).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, StoreResult<Path>>) -> BoxStream<'static, StoreResult<Path>> {
        self.0.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        self.0.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> StoreResult<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> StoreResult<()> {
        self.0.copy_opts(from, to, options).await
    }
}

#[tokio::test]
async fn honest_stores_pass_and_nothing_is_left() {
    let (_folder, stores) = stores();
    for store in stores {
        store.probe().await.unwrap();
        store.probe().await.unwrap();
        assert!(store.list("log").await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_store_that_does_not_honour_the_condition_is_refused() {
    for condition in [Condition::Ignored, Condition::Denied, Condition::Unknown] {
        let store = Store::new(Arc::new(Careless(InMemory::new(), condition)));
        let error = store.probe().await.unwrap_err();
        assert!(matches!(error, Error::NoCreate { .. }), "{condition:?}: {error}");
        assert_eq!(
            error.to_string(),
            "the store `Careless` does not honour create-if-absent: two processes could both think they committed; \
             use a store with conditional writes (S3 since 2024, GCS, Azure, MinIO, a local disk)"
        );
        assert!(store.list("log").await.unwrap().is_empty(), "{condition:?}");
    }
}

#[tokio::test]
async fn a_probe_that_was_left_by_a_crash_is_in_no_log() {
    let (_folder, stores) = stores();
    for store in stores {
        assert_eq!(store.create("log/.probe/0123456789abcdef", Bytes::new()).await.unwrap(), Created::New);
        let (mut chain, _) = Chain::<String>::open(store.clone(), "commits").await.unwrap();
        chain.append("first".to_string()).await.unwrap();
        assert_eq!(Chain::<String>::open(store, "commits").await.unwrap().1.len(), 1);
    }
}
