//! How are rows handed over, and how many may be in flight?

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use tidegate_ledger::Store;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::chain::{Chain, Position};
use crate::file::Format;
use crate::group::{Answer, Queued, UNIT};
use crate::lane::{Lane, Message};
use crate::metrics::{Counters, add};
use crate::shape::Shape;
use crate::{Arrival, Error, Metrics, Options, Producer, Receipt, Result};

/// The writing end of one stream's landed files.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
/// use arrow::array::{Int64Array, RecordBatch};
/// use arrow::datatypes::{DataType, Field, Schema};
/// use tidegate_land::{Arrival, Landing, Options, Producer};
/// use tidegate_ledger::Store;
///
/// # let folder = tempfile::tempdir()?;
/// let store = Store::open_local(&folder)?;
/// let schema = Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, false)]));
/// let landing = Landing::open(store, "clicks", Arc::clone(&schema), Options::default())?;
///
/// let batch = RecordBatch::try_new(schema, vec![Arc::new(Int64Array::from(vec![1, 2, 3]))])?;
/// let producer = Producer::new("web-1")?;
/// let receipt = landing.put(Arrival { producer: producer.clone(), sequence: 1, batch }).await?;
/// assert!(!receipt.duplicate); // The rows are on disk.
/// assert_eq!(landing.position(&producer).await?, 1);
/// landing.close().await;
/// # Ok(())
/// # }
/// ```
///
/// Dropping it ends its tasks at once; what was not acknowledged may then be landed or not. [`close`](Self::close) lands it.
#[derive(Debug)]
pub struct Landing {
    core: Arc<Core>,
}

/// What lanes share.
#[derive(Debug)]
pub(crate) struct Core {
    store: Store,
    stream: String,
    shape: Shape,
    pub(crate) format: Format,
    pub(crate) options: Options,
    pub(crate) counters: Counters,
    room: Arc<Semaphore>,
    units: u32,
    /// How many wait for room. While some do, open files are finished early.
    pub(crate) pressed: watch::Sender<usize>,
    lanes: Mutex<Lanes>,
}

#[derive(Debug, Default)]
struct Lanes {
    doors: HashMap<Producer, Door>,
    closed: bool,
}

/// The way into a lane.
#[derive(Debug)]
struct Door {
    queue: mpsc::UnboundedSender<Message>,
    task: JoinHandle<()>,
}

impl Landing {
    /// Opens the landing of a stream. Nothing is read or written before something arrives. The store must honour
    /// create-if-absent, which [`Store::probe`] tries.
    ///
    /// # Errors
    /// [`Error::InvalidStream`], or [`Error::Unwritable`] when Parquet has no such columns.
    pub fn open(store: Store, stream: &str, schema: SchemaRef, options: Options) -> Result<Self> {
        if !is_stream(stream) {
            return Err(Error::InvalidStream { name: stream.chars().take(100).collect() });
        }
        let format = Format::new(Arc::clone(&schema), &options);
        let stream = stream.to_owned();
        if let Err(problem) = format.start() {
            return Err(Error::Unwritable { stream, problem: problem.to_string() });
        }
        let units = u32::try_from(options.queue_bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let core = Core {
            store,
            stream,
            shape: Shape::new(schema, options.extra),
            format,
            options,
            counters: Counters::default(),
            room: Arc::new(Semaphore::new(units as usize)),
            units,
            pressed: watch::Sender::new(0),
            lanes: Mutex::default(),
        };
        Ok(Self { core: Arc::new(core) })
    }

    /// Lands rows, and returns when they are there to stay.
    ///
    /// # Errors
    /// One of [`offer`](Self::offer), or of [`Pending`].
    pub async fn put(&self, arrival: Arrival) -> Result<Receipt> {
        self.offer(arrival).await?.await
    }

    /// Queues rows, as soon as there is room for them. Those of one producer are landed in the order in which these calls
    /// were made. So many can be under way, and share a file.
    ///
    /// # Errors
    /// When they do not fit the stream, are [`TooLarge`](Error::TooLarge), or there was no room for a while
    /// ([`Error::Busy`]). Nothing was taken then.
    pub async fn offer(&self, arrival: Arrival) -> Result<Pending> {
        self.take(arrival, async |units| self.core.wait_for_room(units).await).await
    }

    /// As [`offer`](Self::offer), without waiting for room.
    ///
    /// # Errors
    /// As there; [`Error::Busy`] when there is no room now.
    pub fn try_put(&self, arrival: Arrival) -> Result<Pending> {
        use futures::FutureExt;
        let taken = self.take(arrival, async |units| self.core.room_now(units).ok_or_else(|| self.core.busy()));
        // Nothing in it waits.
        taken.now_or_never().unwrap_or_else(|| Err(self.core.busy()))
    }

    async fn take(
        &self,
        arrival: Arrival,
        room: impl AsyncFnOnce(u32) -> Result<OwnedSemaphorePermit>,
    ) -> Result<Pending> {
        let Arrival { producer, sequence, batch } = arrival;
        if sequence == 0 {
            // Nothing is landed before the first, so 0 would pass for something that is.
            return Err(Error::Gap { producer, expected: 1, found: 0 });
        }
        let core = &self.core;
        let fit = core.shape.fit(batch.schema_ref())?;
        let room = room(core.units_of(fit.bytes(&batch))?).await?;
        let batch = fit.apply(&batch)?;
        self.enqueue(producer, sequence, batch, room)
    }

    fn enqueue(
        &self,
        producer: Producer,
        sequence: u64,
        batch: RecordBatch,
        room: OwnedSemaphorePermit,
    ) -> Result<Pending> {
        let (answer, answered) = oneshot::channel();
        let queued = Queued { sequence, batch, since: Instant::now(), room, answer: Answer(answer) };
        self.core.send(producer, Message::Arrival(queued))?;
        add(&self.core.counters.waiting, 1);
        Ok(Pending { answered, core: Arc::clone(&self.core) })
    }

    /// The number of a producer's last arrival that is landed; 0 when none is.
    ///
    /// # Errors
    /// [`Error::Store`] or [`Error::Damaged`].
    pub async fn position(&self, producer: &Producer) -> Result<u64> {
        Ok(self.core.chain(producer).end().await?.map_or(0, Position::landed))
    }

    /// Lands what was taken before, and returns when each of it is answered.
    pub async fn flush(&self) {
        let mut flushes = Vec::new();
        for door in self.core.lanes().doors.values() {
            let (done, flushed) = oneshot::channel();
            // A lane that has ended has nothing left.
            if door.queue.send(Message::Flush(done)).is_ok() {
                flushes.push(flushed);
            }
        }
        for flushed in flushes {
            let _ = flushed.await;
        }
    }

    /// Takes no more, lands what was taken, and returns when that is done. Later arrivals get [`Error::Closed`].
    pub async fn close(&self) {
        let doors = {
            let mut lanes = self.core.lanes();
            lanes.closed = true;
            std::mem::take(&mut lanes.doors)
        };
        // Without its sender a queue has an end, and its lane with it.
        let tasks: Vec<_> = doors.into_values().map(|door| door.task).collect();
        for task in tasks {
            let _ = task.await;
        }
    }

    /// How much was landed, and how much waits.
    pub fn metrics(&self) -> Metrics {
        let free = self.core.room.available_permits();
        self.core.counters.snapshot(((self.core.units as usize - free) * UNIT) as u64)
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        for door in self.core.lanes().doors.values() {
            door.task.abort();
        }
    }
}

impl Core {
    fn chain(&self, producer: &Producer) -> Chain {
        Chain { store: self.store.clone(), stream: self.stream.clone(), producer: producer.clone() }
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        // Nothing panics while it is held, and the map would be whole if something did.
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn busy(&self) -> Error {
        add(&self.counters.busy, 1);
        Error::Busy { retry_after: self.options.retry_after }
    }

    fn units_of(&self, bytes: usize) -> Result<u32> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).max(1);
        let limit = self.options.queue_bytes;
        if units > self.units { Err(Error::TooLarge { bytes, limit }) } else { Ok(units) }
    }

    fn room_now(&self, units: u32) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.room).try_acquire_many_owned(units).ok()
    }

    async fn wait_for_room(&self, units: u32) -> Result<OwnedSemaphorePermit> {
        if let Some(room) = self.room_now(units) {
            return Ok(room);
        }
        let _pressing = Pressing::new(&self.pressed);
        let room = timeout(self.options.patience, Arc::clone(&self.room).acquire_many_owned(units)).await;
        room.ok().and_then(Result::ok).ok_or_else(|| self.busy())
    }

    /// Hands a message to the lane of a producer, which is started if it is not there.
    fn send(self: &Arc<Self>, producer: Producer, message: Message) -> Result<()> {
        let mut lanes = self.lanes();
        if lanes.closed {
            return Err(Error::Closed);
        }
        let message = match lanes.doors.get(&producer) {
            Some(door) => match door.queue.send(message) {
                Ok(()) => return Ok(()),
                // Its task has died, of a bug. The next one begins with what the store says.
                Err(mpsc::error::SendError(message)) => message,
            },
            None if lanes.doors.len() >= self.options.producers => return Err(self.busy()),
            None => message,
        };
        let (queue, taken) = mpsc::unbounded_channel();
        let _ = queue.send(message);
        let lane = Lane::new(Arc::clone(self), self.chain(&producer), taken);
        let task = tokio::spawn(lane.run());
        lanes.doors.insert(producer, Door { queue, task });
        Ok(())
    }

    /// Lets a lane go that has nothing to do. Nobody can hand it something meanwhile.
    pub(crate) fn retire(&self, producer: &Producer, queue: &mpsc::UnboundedReceiver<Message>) -> bool {
        let mut lanes = self.lanes();
        let retires = queue.is_empty();
        if retires {
            lanes.doors.remove(producer);
        }
        retires
    }
}

/// Somebody waits for room.
struct Pressing<'a>(&'a watch::Sender<usize>);

impl<'a> Pressing<'a> {
    fn new(pressed: &'a watch::Sender<usize>) -> Self {
        pressed.send_modify(|waiting| *waiting += 1);
        Self(pressed)
    }
}

impl Drop for Pressing<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting -= 1);
    }
}

/// Rows that were taken. Resolves when they are landed, or are known not to be.
///
/// Dropping it does not take them back.
///
/// # Errors
/// [`Error::Gap`], [`Error::Overtaken`], [`Error::Store`], [`Error::Damaged`], [`Error::Encode`] or [`Error::Closed`]. All
/// that the producer sent after these rows fails too, and must be sent again with them.
#[derive(Debug)]
#[must_use = "rows are landed only when this says so"]
pub struct Pending {
    answered: oneshot::Receiver<Result<Receipt>>,
    core: Arc<Core>,
}

impl Future for Pending {
    type Output = Result<Receipt>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.answered).poll(context));
        Poll::Ready(answer.unwrap_or(Err(Error::Closed)))
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.core.counters.waiting.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
    }
}

fn is_stream(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    name.len() <= 64 && name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(plain)
}
