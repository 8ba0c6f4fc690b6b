//! Which arrivals share a file, and who waits for it?

use arrow::record_batch::RecordBatch;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use crate::day::Day;
use crate::file::File;
use crate::{Receipt, Result};

/// How many bytes one permit stands for.
pub(crate) const UNIT: usize = 1024;

/// An arrival in the queue of its lane.
pub(crate) struct Queued {
    pub(crate) sequence: u64,
    pub(crate) batch: RecordBatch,
    pub(crate) since: Instant,
    pub(crate) room: OwnedSemaphorePermit,
    pub(crate) answer: Answer,
}

/// Somebody who waits for an arrival to be landed.
pub(crate) struct Answer(pub(crate) oneshot::Sender<Result<Receipt>>);

impl Answer {
    /// Whoever has gone needs no answer.
    pub(crate) fn give(self, answer: Result<Receipt>) {
        let _ = self.0.send(answer);
    }
}

/// Who waits for a file.
#[derive(Default)]
pub(crate) struct Waiters(pub(crate) Vec<(Receipt, Answer)>);

/// Arrivals that will be landed as one file.
pub(crate) struct Group {
    pub(crate) file: File,
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) day: Day,
    pub(crate) since: Instant,
    pub(crate) waiters: Waiters,
    /// The part of all bytes in flight that this file holds.
    pub(crate) room: Option<OwnedSemaphorePermit>,
}

impl Group {
    /// Takes over the room of arrivals that were encoded, and gives back what they no longer need.
    pub(crate) fn settle_room(&mut self, arrived: Vec<OwnedSemaphorePermit>) {
        for room in arrived {
            match &mut self.room {
                Some(all) => all.merge(room),
                None => self.room = Some(room),
            }
        }
        let held = self.file.held_bytes().div_ceil(UNIT);
        if let Some(room) = &mut self.room {
            let spare = room.num_permits().saturating_sub(held);
            drop(room.split(spare));
        }
    }
}
