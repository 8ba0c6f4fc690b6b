//! Which folders of a store need not be listed again?
//!
//! A store gives its listing in pages of a thousand files: one of millions takes minutes, and a process that keeps running
//! wants it every second. Where the folders below a stream's path are days (`date=2026-01-05`), files land in the latest of
//! them. So a source that is asked again lists the latest days and those it has not seen, and takes the others as they were,
//! until a whole listing is due. A file that lands in an old day, and one that was changed there, is seen by then.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::discover::{Candidates, discover};
use crate::location::Select;
use crate::{Format, Location, Place, Result, SourceFile};

/// How often a whole listing is due.
const WHOLE_EVERY: Duration = Duration::from_secs(600);

/// How many of the latest days are listed each time.
const LATEST: usize = 2;

/// What was seen of a stream's files. Copies share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listing(Arc<Mutex<Option<Seen>>>);

/// The files of a whole listing, by the day whose folder they lie in.
#[derive(Debug)]
struct Seen {
    at: Instant,
    days: BTreeMap<String, Vec<SourceFile>>,
}

impl Listing {
    /// The files that a location has: a whole listing, or what can have changed since the last one.
    pub(crate) fn discover(&self, location: &Location, format: Format) -> Result<Vec<SourceFile>> {
        self.discover_within(location, format, WHOLE_EVERY)
    }

    fn discover_within(&self, location: &Location, format: Format, every: Duration) -> Result<Vec<SourceFile>> {
        let Place::Remote { remote, path } = location.root() else { return discover(location, format) };
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = seen.as_mut().filter(|seen| seen.at.elapsed() < every)
            && let Some(files) = known.refresh(&Candidates { location, format, remote, root: path })?
        {
            return Ok(files);
        }
        let at = Instant::now();
        let files = discover(location, format)?;
        *seen = match location.select() {
            Select::One(_) => None,
            _ => by_day(&files).map(|days| Seen { at, days }),
        };
        Ok(files)
    }
}

impl Seen {
    /// Lists the days that may have changed; nothing if the folders are no longer days alone.
    fn refresh(&mut self, candidates: &Candidates<'_>) -> Result<Option<Vec<SourceFile>>> {
        let (folders, has_files) = candidates.folders()?;
        if has_files || !folders.iter().all(|folder| is_day(folder)) {
            return Ok(None);
        }
        let latest = folders.iter().rev().take(LATEST).collect::<BTreeSet<_>>();
        let mut days = BTreeMap::new();
        for folder in &folders {
            let files = match self.days.remove(folder) {
                Some(files) if !latest.contains(folder) => files,
                _ => candidates.list(folder)?,
            };
            days.insert(folder.clone(), files);
        }
        self.days = days;
        // Folders sort as the paths of their files do: what follows the name of a day is a slash in each of them.
        Ok(Some(self.days.values().flatten().cloned().collect()))
    }
}

/// Files by the folder of their day; nothing if some lie elsewhere.
fn by_day(files: &[SourceFile]) -> Option<BTreeMap<String, Vec<SourceFile>>> {
    let mut days: BTreeMap<String, Vec<SourceFile>> = BTreeMap::new();
    for file in files {
        let (folder, _) = file.id.split_once('/').filter(|(folder, _)| is_day(folder))?;
        days.entry(folder.to_owned()).or_default().push(file.clone());
    }
    Some(days)
}

/// `date=2026-01-05`, under whatever key.
fn is_day(folder: &str) -> bool {
    let day = folder.split_once('=').map_or("", |(_, day)| day);
    day.len() == 10
        && day
            .bytes()
            .enumerate()
            .all(|(at, byte)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() })
}

#[cfg(test)]
mod tests {
    use std::fmt;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::executor::block_on;
    use futures::stream::BoxStream;
    use object_store::memory::InMemory;
    use object_store::path::Path;
    use object_store::{
        CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
        PutMultipartOptions, PutOptions, PutPayload, PutResult,
    };

    use super::*;
    use crate::Remote;

    /// A store in memory that counts listings.
    #[derive(Debug, Default)]
    struct Counting {
        files: InMemory,
        listings: AtomicUsize,
    }

    impl fmt::Display for Counting {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Counting")
        }
    }

    #[async_trait::async_trait]
    impl ObjectStore for Counting {
        async fn put_opts(
            &self,
            path: &Path,
            bytes: PutPayload,
            options: PutOptions,
        ) -> object_store::Result<PutResult> {
            self.files.put_opts(path, bytes, options).await
        }

        async fn put_multipart_opts(
            &self,
            path: &Path,
            options: PutMultipartOptions,
        ) -> object_store::Result<Box<dyn MultipartUpload>> {
            self.files.put_multipart_opts(path, options).await
        }

        async fn get_opts(&self, path: &Path, options: GetOptions) -> object_store::Result<GetResult> {
            self.files.get_opts(path, options).await
        }

        fn delete_stream(
            &self,
            paths: BoxStream<'static, object_store::Result<Path>>,
        ) -> BoxStream<'static, object_store::Result<Path>> {
            self.files.delete_stream(paths)
        }

        fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
            self.listings.fetch_add(1, Ordering::SeqCst);
            self.files.list(prefix)
        }

        async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
            self.files.list_with_delimiter(prefix).await
        }

        async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> object_store::Result<()> {
            self.files.copy_opts(from, to, options).await
        }
    }

    struct Stage {
        store: Arc<Counting>,
        location: Location,
        listing: Listing,
    }

    impl Stage {
        fn new(files: &[&str]) -> Self {
            let store = Arc::new(Counting::default());
            let remote = Remote::new("s3://bucket", Arc::clone(&store) as Arc<dyn ObjectStore>).unwrap();
            let stage = |location| Self { store: Arc::clone(&store), location, listing: Listing::default() };
            let staged = stage(Location::expect_remote("landing/d", &remote).unwrap());
            files.iter().for_each(|file| staged.land(file));
            staged
        }

        fn land(&self, file: &str) {
            let path = Path::parse(format!("landing/d/{file}")).unwrap();
            block_on(self.store.files.put(&path, PutPayload::from_static(b"x"))).unwrap();
        }

        fn remove(&self, file: &str) {
            block_on(self.store.files.delete(&Path::parse(format!("landing/d/{file}")).unwrap())).unwrap();
        }

        /// The files that are listed, and how many listings that took.
        fn list(&self, every: Duration) -> (Vec<String>, usize) {
            let before = self.store.listings.load(Ordering::SeqCst);
            let files = self.listing.discover_within(&self.location, Format::Csv, every).unwrap();
            let took = self.store.listings.load(Ordering::SeqCst) - before;
            (files.into_iter().map(|file| file.id).collect(), took)
        }
    }

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn only_the_latest_days_are_listed_again() {
        let days = (1..=9).map(|day| format!("date=2026-01-0{day}/a.csv")).collect::<Vec<_>>();
        let stage = Stage::new(&days.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(stage.list(LONG), (days.clone(), 1), "all at first");
        stage.land("date=2026-01-09/b.csv");
        stage.land("date=2026-01-10/a.csv");
        stage.land("date=2026-01-10/_hidden.csv");
        stage.land("date=2026-01-02/late.csv");
        let mut expected = days.clone();
        expected.extend(["date=2026-01-09/b.csv".to_owned(), "date=2026-01-10/a.csv".to_owned()]);
        assert_eq!(stage.list(LONG), (expected.clone(), 2), "the two latest");
        expected.insert(2, "date=2026-01-02/late.csv".to_owned());
        assert_eq!(stage.list(Duration::ZERO), (expected.clone(), 1), "a whole listing was due");
        // A day that is gone is gone at once, and one that is new is listed wherever it lies.
        stage.remove("date=2026-01-01/a.csv");
        stage.land("date=2025-12-31/a.csv");
        expected[0] = "date=2025-12-31/a.csv".to_owned();
        assert_eq!(stage.list(LONG), (expected, 3));
    }

    #[test]
    fn folders_that_are_no_days_are_listed_whole() {
        for files in [["a.csv", "date=2026-01-01/a.csv"], ["tenant=a/1.csv", "tenant=b/1.csv"]] {
            let stage = Stage::new(&files);
            assert_eq!(stage.list(LONG).1, 1);
            stage.land("date=2020-01-01/a.csv");
            let (listed, took) = stage.list(LONG);
            assert_eq!((listed.len(), took), (3, 1), "{listed:?}");
        }
        let stage = Stage::new(&["date=2026-01-01/a.csv", "date=2026-01-02/a.csv", "date=2026-01-03/a.csv"]);
        assert_eq!(stage.list(LONG).1, 1);
        stage.land("elsewhere/a.csv");
        let (listed, took) = stage.list(LONG);
        assert_eq!((listed.len(), took), (4, 1), "{listed:?}");
    }
}
