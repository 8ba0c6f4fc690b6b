//! What happens to the arrivals of one producer, in their order?
//!
//! A lane is a task. It encodes arrivals into a file while the file before is being landed:
//!
//! ```text
//! queue --take--> open group --close--> landing --settle--> answers
//!           (encoding, on a thread       (create the file)
//!            that may block)
//! ```
//!
//! When a file cannot be landed, all that came after it fails too: a later number must never be landed before an earlier
//! one. The lane then asks the store how far the chain goes, and its producer sends again from there.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep_until};

use crate::chain::{Chain, Finished, Mark, Position};
use crate::day::Day;
use crate::group::{Group, Queued, Waiters};
use crate::landing::Core;
use crate::metrics::add;
use crate::{Error, Receipt, Result};

/// How long a lane stays when nothing arrives.
const IDLE: Duration = Duration::from_secs(10);

/// After how many files a position is written down, when more keep coming.
const FILES_PER_HINT: u32 = 8;

/// How many arrivals are encoded in one go.
const TAKEN_AT_ONCE: usize = 64;

/// What a lane is told.
pub(crate) enum Message {
    /// Rows to land.
    Arrival(Queued),
    /// Land what came before, and say when that is done.
    Flush(oneshot::Sender<()>),
}

pub(crate) struct Lane {
    core: Arc<Core>,
    chain: Chain,
    queue: mpsc::UnboundedReceiver<Message>,
    /// How many wait for room, all over the landing.
    pressed: watch::Receiver<usize>,
    /// The end of the chain, as far as this lane knows; nothing while it does not.
    end: Option<Option<Position>>,
    open: Option<Group>,
    landing: Option<Landing>,
    files_since_hint: u32,
}

/// A file on its way into the store.
struct Landing {
    task: Task<Result<Landed>>,
    last: u64,
    waiters: Waiters,
    /// Its bytes count until it is landed.
    _room: Option<tokio::sync::OwnedSemaphorePermit>,
}

struct Landed {
    end: Position,
    rows: u64,
    bytes: u64,
}

/// A task that ends with whoever waits for it.
struct Task<T>(JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What a lane does next.
enum Step {
    Take(Message),
    Settle(Result<Landed>),
    Close,
    Retire,
    End,
}

impl Lane {
    pub(crate) fn new(core: Arc<Core>, chain: Chain, queue: mpsc::UnboundedReceiver<Message>) -> Self {
        let pressed = core.pressed.subscribe();
        Self { core, chain, queue, pressed, end: None, open: None, landing: None, files_since_hint: 0 }
    }

    pub(crate) async fn run(mut self) {
        loop {
            match self.next_step().await {
                Step::Take(message) => self.take(message).await,
                Step::Settle(landed) => self.settle(landed).await,
                Step::Close => self.close(),
                Step::Retire if self.core.retire(&self.chain.producer, &self.queue) => break,
                Step::Retire => {}
                Step::End => break self.drain().await,
            }
        }
        self.write_hint().await;
    }

    async fn next_step(&mut self) -> Step {
        let may_close = self.landing.is_none();
        let flush_after = self.core.options.flush_after;
        // A time that no clock reaches is none.
        let closes_at = self.open.as_ref().filter(|_| may_close).and_then(|group| group.since.checked_add(flush_after));
        let may_take = may_close || !self.is_full();
        let is_idle = may_close && self.open.is_none();
        let gives_room = may_close && self.open.is_some();
        if may_close && self.is_full() {
            return Step::Close;
        }
        tokio::select! {
            biased;
            landed = settled(&mut self.landing) => Step::Settle(landed),
            () = at(closes_at) => Step::Close,
            message = self.queue.recv(), if may_take => message.map_or(Step::End, Step::Take),
            _ = self.pressed.wait_for(|waiting| *waiting > 0), if gives_room => Step::Close,
            () = tokio::time::sleep(IDLE), if is_idle => Step::Retire,
        }
    }

    fn is_full(&self) -> bool {
        self.open.as_ref().is_some_and(|group| group.file.encoded_bytes() >= self.core.options.full_at())
    }

    /// Takes a message, and the arrivals that wait right behind it.
    async fn take(&mut self, message: Message) {
        let mut arrivals = Vec::new();
        let mut message = Some(message);
        let mut flush = None;
        let mut bytes = 0;
        while let Some(taken) = message.take() {
            match taken {
                Message::Arrival(arrival) => {
                    bytes += arrival.room.num_permits() * crate::group::UNIT;
                    arrivals.push(arrival);
                }
                Message::Flush(done) => {
                    flush = Some(done);
                    break;
                }
            }
            if arrivals.len() < TAKEN_AT_ONCE && bytes < self.core.options.full_at() {
                message = self.queue.try_recv().ok();
            }
        }
        self.encode(arrivals).await;
        if let Some(done) = flush {
            self.drain().await;
            self.write_hint().await;
            let _ = done.send(());
        }
    }

    /// Lets the open file grow by the arrivals that are new, and finds for the others what they wait for.
    async fn encode(&mut self, arrivals: Vec<Queued>) {
        let mut fresh: Vec<Queued> = Vec::with_capacity(arrivals.len());
        for arrival in arrivals {
            let expected = fresh.last().map(|last| last.sequence + 1);
            if expected == Some(arrival.sequence) {
                fresh.push(arrival);
                continue;
            }
            // Sent again, or out of order: what is new before it goes first.
            self.append(std::mem::take(&mut fresh)).await;
            if let Some(arrival) = self.sort_out(arrival).await {
                fresh.push(arrival);
            }
        }
        self.append(fresh).await;
    }

    /// The number that comes next.
    fn expected(&self) -> u64 {
        let open = self.open.as_ref().map(|group| group.last);
        let taken = open.or(self.landing.as_ref().map(|landing| landing.last));
        taken.unwrap_or_else(|| self.landed()) + 1
    }

    fn landed(&self) -> u64 {
        self.end.flatten().map_or(0, Position::landed)
    }

    /// Returns an arrival that is next. Others are answered, or wait for the file that holds their number.
    async fn sort_out(&mut self, arrival: Queued) -> Option<Queued> {
        let Queued { sequence, .. } = arrival;
        let is_idle = self.open.is_none() && self.landing.is_none();
        // Another process may have gone on with this producer.
        let may_be_behind = self.end.is_none() || (is_idle && sequence > self.expected());
        if may_be_behind && let Err(error) = self.look_up().await {
            self.answer_one(arrival, Err(error));
            return None;
        }
        let receipt = Receipt { sequence, duplicate: true };
        let expected = self.expected();
        if sequence == expected {
            return Some(arrival);
        }
        if sequence <= self.landed() {
            add(&self.core.counters.duplicates, 1);
            self.answer_one(arrival, Ok(receipt));
        } else if sequence > expected {
            let producer = self.chain.producer.clone();
            self.answer_one(arrival, Err(Error::Gap { producer, expected, found: sequence }));
        } else if let Some(landing) = self.landing.as_mut().filter(|landing| sequence <= landing.last) {
            landing.waiters.0.push((receipt, arrival.answer));
        } else if let Some(group) = &mut self.open {
            group.waiters.0.push((receipt, arrival.answer));
        }
        None
    }

    async fn look_up(&mut self) -> Result<()> {
        self.end = None;
        self.end = Some(self.chain.end().await?);
        Ok(())
    }

    fn answer_one(&self, arrival: Queued, answer: Result<Receipt>) {
        if answer.is_err() {
            add(&self.core.counters.failed, 1);
        }
        arrival.answer.give(answer);
    }

    /// Encodes arrivals that are next into the open file.
    async fn append(&mut self, arrivals: Vec<Queued>) {
        let (Some(first), Some(last)) = (arrivals.first(), arrivals.last()) else { return };
        let last = last.sequence;
        let group = match self.open.take() {
            Some(group) => Ok(group),
            None => self.start(first.sequence, first.since),
        };
        let mut group = match group {
            Ok(group) => group,
            Err(error) => return arrivals.into_iter().for_each(|a| self.answer_one(a, Err(error.clone()))),
        };
        let (mut batches, mut rooms) = (Vec::new(), Vec::new());
        for arrival in arrivals {
            batches.push(arrival.batch);
            rooms.push(arrival.room);
            group.waiters.0.push((Receipt { sequence: arrival.sequence, duplicate: false }, arrival.answer));
        }
        let mut file = group.file;
        let encoded = spawn_blocking(move || {
            let written = batches.iter().try_for_each(|batch| file.write(batch));
            written.map(|()| file)
        });
        // A panic of the encoder ends its thread's work, and not the process.
        match encoded.await {
            Ok(Ok(file)) => {
                let mut group = Group { file, last, ..group };
                group.settle_room(rooms);
                self.open = Some(group);
            }
            _ => self.answer(group.waiters, &Error::Encode),
        }
    }

    fn start(&self, first: u64, since: Instant) -> Result<Group> {
        let file = self.core.format.start().map_err(|_| Error::Encode)?;
        let day = Day::of((self.core.options.clock)());
        Ok(Group { file, first, last: first, day, since, waiters: Waiters::default(), room: None })
    }

    /// Sends the open file on its way.
    fn close(&mut self) {
        let (Some(group), Some(end)) = (self.open.take(), self.end) else { return };
        let Group { file, first, last, day, waiters, room, .. } = group;
        let (core, chain) = (Arc::clone(&self.core), self.chain.clone());
        let task = tokio::spawn(async move {
            let rows = file.rows();
            let mark = Mark { producer: chain.producer.to_string(), first, last, moved_to: None };
            let finished = spawn_blocking(move || file.finish(&mark)).await;
            let Ok(Ok(bytes)) = finished else { return Err(Error::Encode) };
            let size = bytes.content_length() as u64;
            let end = chain.append(end, &Finished { first, last, day, bytes }, &core.format).await?;
            Ok(Landed { end, rows, bytes: size })
        });
        self.landing = Some(Landing { task: Task(task), last, waiters, _room: room });
    }

    /// A file is landed, or not.
    async fn settle(&mut self, landed: Result<Landed>) {
        let Some(Landing { waiters, _room: room, .. }) = self.landing.take() else { return };
        drop(room);
        match landed {
            Ok(landed) => {
                self.end = Some(Some(landed.end));
                self.count(&landed, &waiters);
                for (receipt, answer) in waiters.0 {
                    answer.give(Ok(receipt));
                }
                self.files_since_hint += 1;
                if self.files_since_hint >= FILES_PER_HINT || (self.open.is_none() && self.queue.is_empty()) {
                    self.write_hint().await;
                }
            }
            Err(error) => self.fail(&error, waiters).await,
        }
    }

    fn count(&self, landed: &Landed, waiters: &Waiters) {
        let counters = &self.core.counters;
        let duplicates = waiters.0.iter().filter(|(receipt, _)| receipt.duplicate).count() as u64;
        add(&counters.rows, landed.rows);
        add(&counters.bytes, landed.bytes);
        add(&counters.files, 1);
        add(&counters.arrivals, waiters.0.len() as u64 - duplicates);
        add(&counters.duplicates, duplicates);
    }

    /// What is behind a file that failed fails with it. What was landed all the same, by us or another, is acknowledged.
    async fn fail(&mut self, error: &Error, waiters: Waiters) {
        if let Err(problem) = self.look_up().await {
            tracing::warn!(stream = self.chain.stream, %problem, "the end of a producer's files is not known");
        }
        self.answer(waiters, error);
        if let Some(group) = self.open.take() {
            self.answer(group.waiters, error);
        }
    }

    fn answer(&self, waiters: Waiters, error: &Error) {
        let landed = self.landed();
        for (receipt, answer) in waiters.0 {
            if receipt.sequence <= landed {
                add(&self.core.counters.duplicates, 1);
                answer.give(Ok(Receipt { duplicate: true, ..receipt }));
            } else {
                add(&self.core.counters.failed, 1);
                answer.give(Err(error.clone()));
            }
        }
    }

    /// Lands all that was taken.
    async fn drain(&mut self) {
        while self.landing.is_some() || self.open.is_some() {
            if self.landing.is_none() {
                self.close();
            }
            let landed = settled(&mut self.landing).await;
            self.settle(landed).await;
        }
    }

    async fn write_hint(&mut self) {
        let (Some(Some(end)), 1..) = (self.end, self.files_since_hint) else { return };
        self.files_since_hint = 0;
        if let Err(problem) = self.chain.remember(end).await {
            // The one before leads to the same end, by a longer way.
            tracing::debug!(stream = self.chain.stream, %problem, "a position was not written");
        }
    }
}

/// What became of the file that is on its way; waits for ever when there is none.
async fn settled(landing: &mut Option<Landing>) -> Result<Landed> {
    match landing {
        Some(landing) => (&mut landing.task.0).map(|ended| ended.unwrap_or(Err(Error::Encode))).await,
        None => std::future::pending().await,
    }
}

/// Waits until a time; for ever when there is none.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
