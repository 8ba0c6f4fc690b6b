//! How is an object store read by threads that block?
//!
//! Decoders run on blocking threads and expect files. Here each request to a store is carried out by a small runtime of
//! the store's own while the thread waits for it, so that it does not matter which runtime asks, or whether one does. A
//! file is read by ranges: *windows* of some bytes from where something is asked for, of which the last few are kept. A
//! format that is read from its beginning to its end has the next window fetched meanwhile.
//!
//! Absent: repeated requests, which are the business of the store that is handed in.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt};
use tokio::runtime::{Builder, Runtime};

/// How many bytes of one open file are kept.
const KEPT: u64 = 16 << 20;

/// The bytes of a window: at least enough to be worth a request, at most what is decoded while the next one comes.
const WINDOW: Range<u64> = 64 << 10..4 << 20;

/// How many threads carry out the requests of one store.
const THREADS: usize = 2;

/// An object store whose files are read as if they lay on a disk. Copies share it.
///
/// # Guarantee
/// A file gives the same items as on a disk, in the same order; held by `tests/it/remote.rs`. Of each open file at most
/// 16 MiB are kept, and twice 4 MiB of one that is read in order.
#[derive(Clone)]
pub struct Remote(Arc<Shared>);

struct Shared {
    url: String,
    objects: Arc<dyn ObjectStore>,
    /// Taken when it is dropped.
    runtime: Option<Runtime>,
}

impl Remote {
    /// A store that is called `url` in messages. `objects` should repeat requests that may succeed later, and be used
    /// by nobody else: its connections live on a runtime of their own.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn new(url: impl Into<String>, objects: Arc<dyn ObjectStore>) -> io::Result<Self> {
        let runtime =
            Builder::new_multi_thread().worker_threads(THREADS).thread_name("tidegate-io").enable_all().build()?;
        Ok(Self(Arc::new(Shared { url: url.into(), objects, runtime: Some(runtime) })))
    }

    /// What the store is called.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Begins something; what comes of it can be waited for.
    fn begin<T, F>(&self, work: impl FnOnce(Arc<dyn ObjectStore>) -> F) -> Receiver<io::Result<T>>
    where
        T: Send + 'static,
        F: Future<Output = object_store::Result<T>> + Send + 'static,
    {
        let (done, waiting) = channel();
        let work = work(Arc::clone(&self.0.objects));
        if let Some(runtime) = &self.0.runtime {
            runtime.spawn(async move {
                // Nobody may wait for it any more.
                let _ = done.send(work.await.map_err(io_error));
            });
        }
        waiting
    }

    fn wait<T, F>(&self, work: impl FnOnce(Arc<dyn ObjectStore>) -> F) -> io::Result<T>
    where
        T: Send + 'static,
        F: Future<Output = object_store::Result<T>> + Send + 'static,
    {
        outcome(&self.begin(work))
    }

    /// What the store says about a file, or nothing when there is none.
    pub(crate) fn stat(&self, path: &str) -> io::Result<Option<ObjectMeta>> {
        let path = parse(path)?;
        match self.wait(|objects| async move { objects.head(&path).await }) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            found => found.map(Some),
        }
    }

    /// Whether any file lies below a folder.
    pub(crate) fn has_any(&self, folder: &str) -> io::Result<bool> {
        let folder = parse(folder)?;
        self.wait(|objects| async move { Ok(objects.list(Some(&folder)).try_next().await?.is_some()) })
    }

    /// What `keep` makes of the files below a folder, page by page: no more of a listing is held than what is kept.
    pub(crate) fn list<T: Send + 'static>(
        &self,
        folder: &str,
        mut keep: impl FnMut(ObjectMeta) -> Option<T> + Send + 'static,
    ) -> io::Result<Vec<T>> {
        let folder = parse(folder)?;
        self.wait(|objects| async move {
            let (mut files, mut kept) = (objects.list(Some(&folder)), Vec::new());
            while let Some(file) = files.try_next().await? {
                kept.extend(keep(file));
            }
            Ok(kept)
        })
    }

    /// The names of the folders right below a folder, sorted; and whether files lie there, too.
    pub(crate) fn folders(&self, folder: &str) -> io::Result<(Vec<String>, bool)> {
        let folder = parse(folder)?;
        self.wait(|objects| async move {
            let listed = objects.list_with_delimiter(Some(&folder)).await?;
            let names = listed.common_prefixes.iter().filter_map(|path| path.filename().map(str::to_owned));
            let mut names = names.collect::<Vec<_>>();
            names.sort_unstable();
            Ok((names, !listed.objects.is_empty()))
        })
    }

    /// A file to read, of the size that it had when it was listed.
    pub(crate) fn open(&self, path: &str, size: u64) -> io::Result<RemoteFile> {
        let file = File { remote: self.clone(), path: parse(path)?, size, windows: Mutex::default() };
        Ok(RemoteFile { file: Arc::new(file), position: 0, at_hand: Bytes::new() })
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // A runtime may not be waited for where others run.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Remote").field(&self.0.url).finish()
    }
}

/// Stores are the same when they are called the same.
impl PartialEq for Remote {
    fn eq(&self, other: &Self) -> bool {
        self.0.url == other.0.url
    }
}

impl Eq for Remote {}

fn outcome<T>(waiting: &Receiver<io::Result<T>>) -> io::Result<T> {
    // The runtime ended, or the request panicked.
    waiting.recv().unwrap_or_else(|_| Err(io::Error::other("the request was given up")))
}

fn parse(path: &str) -> io::Result<Path> {
    Path::parse(path).map_err(|error| io::Error::new(ErrorKind::InvalidInput, error))
}

fn io_error(error: object_store::Error) -> io::Error {
    use object_store::Error::{NotFound, PermissionDenied, Unauthenticated};
    let kind = match error {
        NotFound { .. } => ErrorKind::NotFound,
        PermissionDenied { .. } | Unauthenticated { .. } => ErrorKind::PermissionDenied,
        _ => ErrorKind::Other,
    };
    io::Error::new(kind, error)
}

/// A file in a store, and where in it is read. Copies read on their own and share what is kept.
#[derive(Clone)]
pub(crate) struct RemoteFile {
    file: Arc<File>,
    position: u64,
    /// The bytes from `position` on that need no look at what is kept.
    at_hand: Bytes,
}

struct File {
    remote: Remote,
    path: Path,
    size: u64,
    windows: Mutex<Windows>,
}

/// What is kept of a file.
#[derive(Default)]
struct Windows {
    /// The windows and where they begin, the last used one last.
    kept: VecDeque<(u64, Bytes)>,
    /// At how many places of the file is read in turn; none when it is read from its beginning to its end.
    places: Option<u64>,
    /// The window that is on its way, and where it begins.
    ahead: Option<(u64, Receiver<io::Result<Fetched>>)>,
    /// Which version of the file is read.
    version: Option<Version>,
}

type Version = Option<String>;

type Fetched = (Version, Bytes);

impl RemoteFile {
    pub(crate) fn size(&self) -> u64 {
        self.file.size
    }

    /// Says that the file is read at several places in turn, such as its columns.
    pub(crate) fn read_at(&self, places: usize) {
        self.file.lock().places = Some(places.max(1) as u64);
    }

    /// A reader that begins elsewhere.
    pub(crate) fn from(&self, position: u64) -> Self {
        Self { file: Arc::clone(&self.file), position, at_hand: Bytes::new() }
    }

    /// Some bytes of the file.
    pub(crate) fn part(&self, start: u64, length: u64) -> io::Result<Bytes> {
        let end = start.checked_add(length).filter(|end| *end <= self.file.size).ok_or(ErrorKind::UnexpectedEof)?;
        if length == 0 {
            return Ok(Bytes::new());
        }
        let bytes = self.file.window(start..end)?;
        Ok(bytes.slice(..usize::try_from(length).map_err(|_| ErrorKind::OutOfMemory)?))
    }
}

impl Read for RemoteFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at_hand.is_empty() && self.position < self.file.size && !buffer.is_empty() {
            self.at_hand = self.file.window(self.position..self.position + 1)?;
        }
        let length = buffer.len().min(self.at_hand.len());
        buffer[..length].copy_from_slice(&self.at_hand.split_to(length));
        self.position += length as u64;
        Ok(length)
    }
}

impl Seek for RemoteFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(from) => self.file.size.checked_add_signed(from),
            SeekFrom::Current(from) => self.position.checked_add_signed(from),
        };
        self.position = position.ok_or(ErrorKind::InvalidInput)?;
        self.at_hand = Bytes::new();
        Ok(self.position)
    }
}

impl File {
    fn lock(&self) -> MutexGuard<'_, Windows> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bytes from the start of a range to the end of a window that holds the range.
    fn window(&self, range: Range<u64>) -> io::Result<Bytes> {
        let mut windows = self.lock();
        if let Some(found) = windows.find(&range) {
            return Ok(found);
        }
        let window = match windows.ahead.take() {
            Some((start, coming)) if start == range.start => windows.accept(start, outcome(&coming)?)?,
            _ => {
                let wanted = windows.around(&range, self.size);
                let fetched = outcome(&self.fetch(wanted.clone()))?;
                windows.accept(wanted.start, fetched)?
            }
        };
        let end = window.0 + window.1.len() as u64;
        if windows.places.is_none() && end < self.size {
            windows.ahead = Some((end, self.fetch(windows.around(&(end..end + 1), self.size))));
        }
        // A window that was on its way may be shorter than what is wanted now.
        match windows.find(&range) {
            Some(found) => Ok(found),
            None => {
                let fetched = outcome(&self.fetch(range.clone()))?;
                Ok(windows.accept(range.start, fetched)?.1)
            }
        }
    }

    fn fetch(&self, range: Range<u64>) -> Receiver<io::Result<Fetched>> {
        let (path, size) = (self.path.clone(), self.size);
        self.remote.begin(|objects| async move {
            let options = GetOptions { range: Some(range.clone().into()), ..GetOptions::default() };
            let result = objects.get_opts(&path, options).await?;
            let version = result.meta.e_tag.clone();
            if result.meta.size != size || result.range != range {
                return Err(changed());
            }
            Ok((version, result.bytes().await?))
        })
    }
}

impl Windows {
    fn find(&mut self, range: &Range<u64>) -> Option<Bytes> {
        let holds = |(start, bytes): &(u64, Bytes)| *start <= range.start && range.end <= start + bytes.len() as u64;
        let at = self.kept.iter().rposition(holds)?;
        let (start, bytes) = self.kept.remove(at)?;
        self.kept.push_back((start, bytes.clone()));
        Some(bytes.slice(usize::try_from(range.start - start).ok()?..))
    }

    /// The window for a range. At the end of a file it begins earlier: that is where footers lie.
    fn around(&self, range: &Range<u64>, size: u64) -> Range<u64> {
        let window = self.places.map_or(WINDOW.end, |places| (KEPT / places).clamp(WINDOW.start, WINDOW.end));
        let start = if self.places.is_some() || self.kept.is_empty() {
            range.start.min(size.saturating_sub(window))
        } else {
            range.start
        };
        start..range.end.max(start.saturating_add(window).min(size))
    }

    /// Keeps a window, and forgets those that were not used for longest.
    fn accept(&mut self, start: u64, (version, bytes): Fetched) -> io::Result<(u64, Bytes)> {
        if *self.version.get_or_insert_with(|| version.clone()) != version {
            return Err(io_error(changed()));
        }
        self.kept.push_back((start, bytes.clone()));
        let most = if self.places.is_some() { KEPT } else { WINDOW.end };
        let mut bytes_kept = self.kept.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>();
        while bytes_kept > most && self.kept.len() > 1 {
            bytes_kept -= self.kept.pop_front().map_or(0, |(_, bytes)| bytes.len() as u64);
        }
        Ok((start, bytes))
    }
}

fn changed() -> object_store::Error {
    object_store::Error::Generic { store: "remote file", source: "it changed while it was read".into() }
}

#[cfg(test)]
mod tests {
    use object_store::PutPayload;
    use object_store::memory::InMemory;

    use super::*;

    fn remote(bytes: &[u8]) -> (Arc<InMemory>, Remote) {
        let store = Arc::new(InMemory::new());
        futures::executor::block_on(store.put(&Path::from("f"), PutPayload::from(bytes.to_vec()))).unwrap();
        let objects: Arc<dyn ObjectStore> = Arc::clone(&store) as _;
        (store, Remote::new("memory", objects).unwrap())
    }

    #[test]
    fn a_file_is_read_as_it_is_in_order_and_in_parts() {
        let bytes = (0..9_500_000_u32).map(|n| (n % 251) as u8).collect::<Vec<_>>();
        let (_store, remote) = remote(&bytes);
        let mut file = remote.open("f", bytes.len() as u64).unwrap();
        let mut read = Vec::new();
        file.read_to_end(&mut read).unwrap();
        assert!(read == bytes);
        file.seek(SeekFrom::Start(7)).unwrap();
        let mut few = [0; 5];
        file.read_exact(&mut few).unwrap();
        assert_eq!(few, bytes[7..12]);
        for places in [1, 3, 1000] {
            let file = remote.open("f", bytes.len() as u64).unwrap();
            file.read_at(places);
            for (start, length) in [(9_499_992, 8), (0, 10), (5_000_000, 4_500_000), (11, 4 << 20), (70_000, 0)] {
                let part = file.part(start, length).unwrap();
                assert!(part == bytes[start as usize..(start + length) as usize], "{places} {start} {length}");
            }
            let end = file.part(9_499_999, 2).unwrap_err();
            assert_eq!(end.kind(), ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn of_an_open_file_little_is_kept() {
        let bytes = vec![1; 40 << 20];
        let (_store, remote) = remote(&bytes);
        for places in [None, Some(1), Some(100)] {
            let file = remote.open("f", bytes.len() as u64).unwrap();
            if let Some(places) = places {
                file.read_at(places);
            }
            for start in (0..40 << 20).step_by(1 << 20) {
                file.part(start, 1000).unwrap();
                let kept = file.file.lock().kept.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>();
                assert!(kept <= KEPT, "{kept}");
            }
        }
    }

    #[test]
    fn a_file_that_changes_is_noticed() {
        let bytes = vec![1; 10 << 20];
        let (store, remote) = remote(&bytes);
        let file = remote.open("f", bytes.len() as u64).unwrap();
        file.read_at(1);
        file.part(0, 10).unwrap();
        futures::executor::block_on(store.put(&Path::from("f"), PutPayload::from(vec![2; 10 << 20]))).unwrap();
        assert!(file.part(5 << 20, 10).is_err());
        assert!(remote.open("f", 7).unwrap().part(0, 7).is_err(), "of another size than when it was listed");
        assert_eq!(remote.open("g", 7).unwrap().part(0, 7).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
