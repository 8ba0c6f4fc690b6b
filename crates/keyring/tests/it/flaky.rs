//! A store in memory that fails now and then, before it does what is asked or after, and may die.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tidegate_ledger::Store;

/// One process's connection to files that others see without faults.
#[derive(Debug)]
pub(crate) struct Flaky {
    files: Arc<InMemory>,
    seed: u64,
    /// How many of 100 requests fail.
    percent: u64,
    /// After how many requests the process is dead: no request does anything any more.
    dies_after: u64,
    asked: AtomicU64,
}

enum Luck {
    Good,
    FailsBefore,
    FailsAfter,
}

impl Flaky {
    pub(crate) fn connect(files: &Arc<InMemory>, seed: u64, percent: u64, dies_after: u64) -> Store {
        let flaky = Self { files: Arc::clone(files), seed, percent, dies_after, asked: AtomicU64::new(0) };
        Store::new(Arc::new(flaky)).with_pause(|_| async {})
    }

    fn luck(&self) -> Luck {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        // A splitmix step: any bits will do, if the seed gives the same ones again.
        let mut bits = (self.seed ^ asked.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits ^= bits >> 31;
        match () {
            () if asked >= self.dies_after => Luck::FailsBefore,
            () if bits % 100 >= self.percent => Luck::Good,
            () if bits & 0x1000 == 0 => Luck::FailsBefore,
            () => Luck::FailsAfter,
        }
    }

    async fn ask<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        match self.luck() {
            Luck::Good => work.await,
            Luck::FailsBefore => Err(failure()),
            Luck::FailsAfter => work.await.and(Err(failure())),
        }
    }
}

fn failure() -> Error {
    Error::Generic { store: "Flaky", source: "503".into() }
}

impl fmt::Display for Flaky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flaky")
    }
}

#[async_trait]
impl ObjectStore for Flaky {
    async fn put_opts(&self, path: &Path, bytes: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.ask(self.files.put_opts(path, bytes, options)).await
    }

    async fn put_multipart_opts(&self, path: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.files.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.ask(self.files.get_opts(path, options)).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        match self.luck() {
            Luck::Good => self.files.delete_stream(paths),
            _ => stream::once(async { Err(failure()) }).boxed(),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.luck() {
            Luck::Good => self.files.list(prefix),
            _ => self.files.list(prefix).take(1).chain(stream::once(async { Err(failure()) })).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.files.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.files.copy_opts(from, to, options).await
    }
}
