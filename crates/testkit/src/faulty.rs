//! What if a store over a network has a bad day?
//!
//! A [`Faulty`] store wraps another one. By chances that follow from a seed it times out, does the work and loses the
//! answer, is busy, denies a create that it made, is slow, or tears a write; at a given operation its process dies.
//! Nothing sleeps: time is a [`Clock`] that counts, and a slow operation lets others go first.
//!
//! ```text
//! operation --seed, number--> fate --+--> error                      nothing was done
//!                                    +--> work --> answer
//!                                    +--> work --> error             the caller cannot know
//!                                    +--> half of the work --> error
//! ```
//!
//! The same seed and the same operations in the same order give the same fates.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use crate::random::{Random, Stream};

/// How long a healthy operation takes.
const HEALTHY: Duration = Duration::from_millis(10);
/// How long a slow one takes at most.
const SLOW_MS: u64 = 20_000;
/// After how long a caller gives up.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How many turns others get at most during one operation.
const TURNS: u64 = 6;

/// Simulated time, shared by its copies. It stands still unless it is told to pass.
#[derive(Clone, Debug, Default)]
pub struct Clock(Arc<AtomicU64>);

impl Clock {
    /// The time since the clock was made.
    pub fn now(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
    }

    /// Lets time pass without waiting for it; other tasks get a turn.
    pub async fn pass(self, how_long: Duration) {
        let micros = u64::try_from(how_long.as_micros()).unwrap_or(u64::MAX);
        self.0.fetch_add(micros, Ordering::Relaxed);
        yield_now().await;
    }
}

/// How likely each fault is in one operation, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Faults {
    /// A timeout before anything was done.
    pub timeout: f64,
    /// A timeout after the work was done.
    pub lost_answer: f64,
    /// A server that is too busy (503).
    pub busy: f64,
    /// A create that was made and is then denied, as if the file had been there (409, 412): so it looks when the client
    /// tries again by itself after a lost answer.
    pub denied_create: f64,
    /// An operation that takes long.
    pub slow: f64,
    /// A write that leaves the first half of the bytes and fails. Only stores without atomic writes do that.
    pub torn: f64,
    /// As `torn`, but never for a create: a file that may be written again, torn or not.
    pub torn_replace: f64,
    /// The last operation that the process starts, counted from 1; whether it is done is left to chance. All later ones
    /// fail.
    pub die_at: Option<u64>,
}

impl Faults {
    /// Every fault of an honest store, each with the same chance.
    pub fn of_chance(chance: f64) -> Self {
        Self {
            timeout: chance,
            lost_answer: chance,
            busy: chance,
            denied_create: chance,
            slow: chance,
            torn: 0.0,
            torn_replace: 0.0,
            die_at: None,
        }
    }
}

/// A kind of fault, to count how often it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// See [`Faults::timeout`].
    Timeout,
    /// See [`Faults::lost_answer`].
    LostAnswer,
    /// See [`Faults::busy`].
    Busy,
    /// See [`Faults::denied_create`].
    DeniedCreate,
    /// See [`Faults::slow`].
    Slow,
    /// See [`Faults::torn`].
    Torn,
    /// See [`Faults::die_at`].
    Dead,
}

/// A store that fails by chance. Wrap a store in an [`Arc`] first to look at it unharmed, or to wrap it again after its
/// process died.
#[derive(Debug)]
pub struct Faulty<S> {
    inner: S,
    seed: u64,
    faults: Faults,
    clock: Clock,
    operations: AtomicU64,
    tally: Mutex<BTreeMap<Fault, u64>>,
}

/// What comes of one operation.
struct Fate {
    outcome: Outcome,
    how_long: Duration,
    /// How often others get a turn before the work, and between it and the answer.
    turns: [u64; 2],
}

enum Outcome {
    Done,
    /// Nothing is done.
    Failed(Error),
    /// It is done, and the answer is lost.
    Lost(Error),
    /// It is done, and denied if it is a create.
    Denied(Error),
    /// Half of it is done.
    Torn(Error),
}

/// What an operation does to the store, as far as its faults differ.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Read,
    Create,
    Write,
}

impl<S: ObjectStore> Faulty<S> {
    /// Wraps a store.
    pub fn new(inner: S, seed: u64, faults: Faults) -> Self {
        let (clock, operations, tally) = (Clock::default(), AtomicU64::new(0), Mutex::default());
        Self { inner, seed, faults, clock, operations, tally }
    }

    /// The clock that its operations take their time on.
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// How many operations were asked for.
    pub fn operations(&self) -> u64 {
        self.operations.load(Ordering::Relaxed)
    }

    /// How often each fault happened.
    pub fn tally(&self) -> BTreeMap<Fault, u64> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn count(&self, fault: Fault) {
        *self.tally.lock().unwrap_or_else(PoisonError::into_inner).entry(fault).or_default() += 1;
    }

    fn fate(&self, kind: Kind, path: &str) -> Fate {
        let number = self.operations.fetch_add(1, Ordering::Relaxed) + 1;
        let mut random = Stream::new(self.seed, "faults").at(number);
        let mut how_long = HEALTHY;
        if random.chance(self.faults.slow) {
            self.count(Fault::Slow);
            how_long = Duration::from_millis(random.below(SLOW_MS));
        }
        let outcome = self.outcome(kind, path, number, &mut random);
        if let Outcome::Failed(_) | Outcome::Lost(_) = outcome {
            how_long = TIMEOUT;
        }
        Fate { outcome, how_long, turns: [random.below(TURNS), random.below(TURNS)] }
    }

    fn outcome(&self, kind: Kind, path: &str, number: u64, random: &mut Random) -> Outcome {
        let told = |what: &str| format!("simulated {what} (seed {}, operation {number})", self.seed);
        let error = |what: &str| Error::Generic { store: "Faulty", source: told(what).into() };
        let Faults { timeout, lost_answer, busy, denied_create, torn, torn_replace, die_at, .. } = self.faults;
        let happens = |random: &mut Random, chance: f64, fault: Fault| {
            let happens = random.chance(chance);
            if happens {
                self.count(fault);
            }
            happens
        };
        if die_at.is_some_and(|last| number >= last) {
            self.count(Fault::Dead);
            let is_done = die_at == Some(number) && random.chance(0.5);
            return if is_done { Outcome::Lost(error("death")) } else { Outcome::Failed(error("death")) };
        }
        if happens(random, timeout, Fault::Timeout) {
            return Outcome::Failed(error("timeout"));
        }
        if happens(random, busy, Fault::Busy) {
            return Outcome::Failed(error("503"));
        }
        if happens(random, lost_answer, Fault::LostAnswer) {
            return Outcome::Lost(error("timeout"));
        }
        if kind == Kind::Create && happens(random, denied_create, Fault::DeniedCreate) {
            let path = path.to_string();
            return Outcome::Denied(match random.chance(0.5) {
                true => Error::AlreadyExists { path, source: told("409").into() },
                false => Error::Precondition { path, source: told("412").into() },
            });
        }
        if kind != Kind::Read && happens(random, torn, Fault::Torn) {
            return Outcome::Torn(error("torn write"));
        }
        if kind == Kind::Write && happens(random, torn_replace, Fault::Torn) {
            return Outcome::Torn(error("torn write"));
        }
        Outcome::Done
    }

    /// Reads something as fate will have it.
    async fn read<T>(&self, path: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.operate(Kind::Read, path, async { Ok(()) }, work).await
    }

    /// Does some work as fate will have it; `half` does half of it.
    async fn operate<T>(
        &self,
        kind: Kind,
        path: &str,
        half: impl Future<Output = Result<()>>,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let fate = self.fate(kind, path);
        self.clock.clone().pass(fate.how_long).await;
        give_turns(fate.turns[0]).await;
        let answer = match fate.outcome {
            Outcome::Done => work.await,
            Outcome::Failed(error) => Err(error),
            Outcome::Lost(error) => {
                // What the store says, be it good or bad, is what gets lost.
                let _ = work.await;
                Err(error)
            }
            Outcome::Denied(error) => work.await.and(Err(error)),
            Outcome::Torn(error) => half.await.and(Err(error)),
        };
        give_turns(fate.turns[1]).await;
        answer
    }
}

impl<S: fmt::Display> fmt::Display for Faulty<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Faulty({}, seed {})", self.inner, self.seed)
    }
}

#[async_trait]
impl<S: ObjectStore> ObjectStore for Faulty<S> {
    async fn put_opts(&self, path: &Path, bytes: PutPayload, options: PutOptions) -> Result<PutResult> {
        let kind = if options.mode == PutMode::Create { Kind::Create } else { Kind::Write };
        let half = async {
            let half: Vec<u8> = bytes.iter().flatten().copied().take(bytes.content_length() / 2).collect();
            self.inner.put_opts(path, half.into(), options.clone()).await.map(drop)
        };
        let whole = self.inner.put_opts(path, bytes.clone(), options.clone());
        self.operate(kind, path.as_ref(), half, whole).await
    }

    /// Fails at the beginning only: the parts are not harmed.
    async fn put_multipart_opts(&self, path: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.read(path.as_ref(), self.inner.put_multipart_opts(path, options)).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.read(path.as_ref(), self.inner.get_opts(path, options)).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let fate = self.fate(Kind::Write, "");
        let deleted = || self.inner.delete_stream(paths);
        let answers = match fate.outcome {
            Outcome::Done => deleted(),
            Outcome::Failed(error) => failed(error),
            Outcome::Lost(error) | Outcome::Denied(error) | Outcome::Torn(error) => {
                deleted().filter(|_| async { false }).chain(failed(error)).boxed()
            }
        };
        after(self.clock().pass(fate.how_long), fate.turns[0], answers)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let fate = self.fate(Kind::Read, "");
        let files = self.inner.list(prefix);
        let answers = match fate.outcome {
            Outcome::Done => files,
            Outcome::Failed(error) => failed(error),
            // The connection breaks after the first file.
            Outcome::Lost(error) | Outcome::Denied(error) | Outcome::Torn(error) => {
                files.take(1).chain(failed(error)).boxed()
            }
        };
        after(self.clock().pass(fate.how_long), fate.turns[0], answers)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.read("", self.inner.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let kind = if options.mode == CopyMode::Create { Kind::Create } else { Kind::Write };
        self.operate(kind, to.as_ref(), async { Ok(()) }, self.inner.copy_opts(from, to, options)).await
    }
}

fn failed<T: Send + 'static>(error: Error) -> BoxStream<'static, Result<T>> {
    stream::once(async { Err(error) }).boxed()
}

/// `answers`, once some time has passed and others had their turns.
fn after<T: Send + 'static>(
    time: impl Future<Output = ()> + Send + 'static,
    turns: u64,
    answers: BoxStream<'static, T>,
) -> BoxStream<'static, T> {
    let waited = async move {
        time.await;
        give_turns(turns).await;
        answers
    };
    stream::once(waited).flatten().boxed()
}

async fn give_turns(turns: u64) {
    for _ in 0..turns {
        yield_now().await;
    }
}

async fn yield_now() {
    let mut yielded = false;
    let once = poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    });
    once.await;
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;

    use super::*;

    fn faulty(faults: Faults) -> (Arc<InMemory>, Faulty<Arc<InMemory>>) {
        let inner = Arc::new(InMemory::new());
        (Arc::clone(&inner), Faulty::new(inner, 1, faults))
    }

    fn path() -> Path {
        Path::from("a")
    }

    async fn create(store: &impl ObjectStore) -> Result<PutResult> {
        store.put_opts(&path(), "12345678".into(), PutMode::Create.into()).await
    }

    fn size(store: &InMemory) -> Option<u64> {
        block_on(store.head(&path())).ok().map(|file| file.size)
    }

    #[test]
    fn without_faults_it_is_the_store_it_wraps() {
        let (inner, store) = faulty(Faults::default());
        block_on(async {
            create(&store).await.unwrap();
            assert!(matches!(create(&store).await, Err(Error::AlreadyExists { .. })));
            assert_eq!(store.get(&path()).await.unwrap().bytes().await.unwrap(), "12345678");
            store.delete(&path()).await.unwrap();
        });
        assert_eq!((size(&inner), store.tally().len()), (None, 0));
    }

    #[test]
    fn each_fault_does_what_it_says() {
        let check = |faults: Faults, fault: Fault, left: Option<u64>| {
            let (inner, store) = faulty(faults);
            let created = block_on(create(&store));
            assert_eq!((created.is_ok(), size(&inner)), (fault == Fault::Slow, left), "{fault:?}: {created:?}");
            assert_eq!(store.tally(), BTreeMap::from([(fault, 1)]));
            assert!(store.clock().now() > Duration::ZERO);
        };
        let none = Faults::default();
        check(Faults { timeout: 1.0, ..none }, Fault::Timeout, None);
        check(Faults { busy: 1.0, ..none }, Fault::Busy, None);
        check(Faults { lost_answer: 1.0, ..none }, Fault::LostAnswer, Some(8));
        check(Faults { denied_create: 1.0, ..none }, Fault::DeniedCreate, Some(8));
        check(Faults { torn: 1.0, ..none }, Fault::Torn, Some(4));
        check(Faults { torn_replace: 1.0, slow: 1.0, ..none }, Fault::Slow, Some(8));
        check(Faults { slow: 1.0, ..none }, Fault::Slow, Some(8));
    }

    #[test]
    fn the_dead_do_nothing() {
        let (inner, store) = faulty(Faults { die_at: Some(2), ..Faults::default() });
        block_on(async {
            create(&store).await.unwrap();
            store.get(&path()).await.unwrap_err();
            store.delete(&path()).await.unwrap_err();
            let listed: Vec<_> = store.list(None).collect().await;
            assert!(matches!(listed[..], [Err(_)]));
        });
        assert_eq!((size(&inner), store.operations()), (Some(8), 4));
    }

    #[test]
    fn the_last_operation_is_done_or_not() {
        let done = |seed| {
            let inner = Arc::new(InMemory::new());
            let store = Faulty::new(Arc::clone(&inner), seed, Faults { die_at: Some(1), ..Faults::default() });
            block_on(create(&store)).unwrap_err();
            size(&inner).is_some()
        };
        let done = (0..100).filter(|seed| done(*seed)).count();
        assert!((20..80).contains(&done), "{done}");
    }

    #[test]
    fn the_same_seed_gives_the_same_fates() {
        let run = |seed| {
            let store = Faulty::new(InMemory::new(), seed, Faults::of_chance(0.2));
            let fates = (0..50).map(|_| block_on(create(&store)).is_ok());
            (fates.collect::<Vec<_>>(), store.tally(), store.clock().now())
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
    }
}
