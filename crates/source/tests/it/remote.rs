//! What lies in an object store is read as it is on a disk.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::TryStreamExt;
use futures::executor::block_on;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tidegate_source::{Error, Item, Place, Reason, Remote, Source};

use crate::stage::{Stage, decisions};

/// A store in memory that can be told to fail.
#[derive(Debug, Default)]
struct Bucket {
    files: InMemory,
    /// Whether ranges from beyond the first bytes of a file fail.
    is_broken: AtomicBool,
}

impl Bucket {
    /// A bucket with everything in a folder, below a prefix.
    fn filled(stage: &Stage, prefix: &str) -> Arc<Self> {
        let bucket = Self::default();
        let disk = LocalFileSystem::new_with_prefix(stage.folder.path()).unwrap();
        block_on(async {
            let mut files = disk.list(None);
            while let Some(file) = files.try_next().await.unwrap() {
                let bytes = disk.get(&file.location).await.unwrap().bytes().await.unwrap();
                let path = Path::parse(format!("{prefix}/{}", file.location).trim_start_matches('/')).unwrap();
                bucket.files.put(&path, bytes.into()).await.unwrap();
            }
        });
        Arc::new(bucket)
    }

    fn remote(self: &Arc<Self>) -> Remote {
        Remote::new("s3://bucket", Arc::clone(self) as Arc<dyn ObjectStore>).unwrap()
    }

    fn land(&self, path: &str, bytes: &[u8]) {
        block_on(self.files.put(&Path::parse(path).unwrap(), PutPayload::from(bytes.to_vec()))).unwrap();
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bucket")
    }
}

#[async_trait::async_trait]
impl ObjectStore for Bucket {
    async fn put_opts(&self, path: &Path, bytes: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.files.put_opts(path, bytes, options).await
    }

    async fn put_multipart_opts(&self, path: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.files.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        if self.is_broken.load(Ordering::SeqCst) && !options.head {
            return Err(object_store::Error::Generic { store: "Bucket", source: "503".into() });
        }
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

/// Everything that a source gives, in words, with the files it is from.
async fn told(source: &Source, part: Range<u64>, batch_rows: usize) -> Vec<String> {
    let columns = source.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
    let mut told = vec![format!("{:?}", source.schema())];
    for file in source.discover().unwrap() {
        told.push(format!("{} {} {:?} {:?}", file.id, file.size, file.partitions, source.columns_of(&file)));
        let items = source.open(&file, &columns, part.clone(), batch_rows).unwrap();
        told.extend(futures::StreamExt::collect::<Vec<Item>>(items).await.iter().map(|item| format!("{item:?}")));
    }
    told
}

/// The same files of one format, on a disk and in a bucket.
async fn check(stage: &Stage, path: &str, format: &str) {
    let on_disk = stage.connect(path, Some(format)).unwrap();
    for prefix in ["", "a/root"] {
        let remote = Bucket::filled(stage, prefix).remote();
        let path = format!("{prefix}/{path}");
        let in_bucket = Source::connect_remote(&stage.contract, &path, Some(format), &remote).unwrap();
        for part in [0..u64::MAX, 1700..2400, 10_000..u64::MAX] {
            let told_of_bucket = told(&in_bucket, part.clone(), 700).await;
            assert_eq!(told(&on_disk, part, 700).await, told_of_bucket, "{path} {format}");
        }
    }
}

#[tokio::test]
async fn every_format_gives_the_same_items() {
    let stage = Stage::with_event_time("event_time");
    for (number, count) in [(0, 2500), (1, 1), (2, 1999)] {
        let batch = decisions(count);
        stage.parquet(&format!("date=2026-01-0{number}/x.parquet"), &batch);
        stage.ipc(&format!("t=a%20b/{number}.arrow"), &batch);
        stage.ipc_stream(&format!("t=c/{number}.arrow"), &batch);
        stage.ndjson(&format!("{number}.jsonl"), &batch);
        stage.csv(&format!("in/{number}.csv"), &batch);
    }
    stage.text("broken.parquet", b"PAR1 nothing PAR1");
    stage.text("broken.arrow", b"ARROW1 nothing");
    stage.text("broken.jsonl", b"{\"event_time\": 7\nnot json\n");
    stage.text("in/broken.csv", b"event_time,x\n1,2,3\n\xff,\n");
    stage.text("empty.parquet", b"");
    stage.text("_hidden/x.parquet", b"x");
    stage.text("still.parquet.tmp", b"x");
    for format in ["parquet", "arrow", "ndjson", "csv"] {
        check(&stage, ".", format).await;
    }
    check(&stage, "in/0.csv", "csv").await;
    check(&stage, "*/?.csv", "csv").await;
    check(&stage, "date=*/x.parquet", "parquet").await;
}

#[tokio::test]
async fn a_place_that_is_not_there_is_missing_until_something_lands() {
    let stage = Stage::new();
    let bucket = Bucket::filled(&stage, "");
    let remote = bucket.remote();
    for path in ["landing/", "gone.csv", "landing/*.csv"] {
        let error = Source::connect_remote(&stage.contract, path, Some("csv"), &remote).unwrap_err();
        assert!(matches!(&error, Error::PathMissing { path } if path.starts_with("s3://bucket")), "{error}");
    }
    bucket.land("landing/a.csv", b"x\n1\n");
    let source = Source::connect_remote(&stage.contract, "landing/", Some("csv"), &remote).unwrap();
    assert_eq!(source.root().to_string(), "s3://bucket/landing");
    bucket.land("landing/deeper/b.csv", b"x\n1\n");
    bucket.land("landing2/c.csv", b"x\n1\n");
    let files = source.discover().unwrap();
    assert_eq!(files.iter().map(|file| file.id.as_str()).collect::<Vec<_>>(), ["a.csv", "deeper/b.csv"]);
    assert!(matches!(&files[0].path, Place::Remote { path, .. } if path == "landing/a.csv"));
    assert!(files[0].modified_us > 0);
}

#[tokio::test]
async fn a_store_that_fails_corrupts_no_file() {
    let stage = Stage::new();
    stage.parquet("a.parquet", &decisions(2500));
    stage.ipc("a.arrow", &decisions(2500));
    stage.ndjson("a.jsonl", &decisions(2500));
    stage.csv("a.csv", &decisions(2500));
    let bucket = Bucket::filled(&stage, "");
    let remote = bucket.remote();
    for format in ["parquet", "arrow", "ndjson", "csv"] {
        bucket.is_broken.store(false, Ordering::SeqCst);
        let source = Source::connect_remote(&stage.contract, ".", Some(format), &remote).unwrap();
        let file = &source.discover().unwrap()[0];
        bucket.is_broken.store(true, Ordering::SeqCst);
        let items = source.open(file, &[], 0.., 100).unwrap();
        let items = futures::StreamExt::collect::<Vec<Item>>(items).await;
        let [Item::FileRejected(rejection)] = &items[..] else { panic!("{items:?}") };
        assert_eq!(rejection.reason, Reason::FileUnreadable, "{format}");
        let error = Source::connect_remote(&stage.contract, ".", Some(format), &remote).unwrap_err();
        assert!(matches!(&error, Error::Unreadable { .. }), "{format}: {error}");
    }
}

#[test]
fn it_does_not_matter_which_runtime_asks_or_whether_one_does() {
    let stage = Stage::new();
    stage.csv("a.csv", &decisions(10));
    let remote = Bucket::filled(&stage, "").remote();
    let source = Source::connect_remote(&stage.contract, ".", Some("csv"), &remote).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        assert_eq!(source.discover().unwrap().len(), 1);
        // The last one ends inside of another runtime.
        drop((source, remote));
    });
}
