//! Which file comes next, and what was landed already?
//!
//! The files of a producer form a chain: the name of each follows from the one before. Whoever follows it from any of its
//! links comes to the same end, so what is kept about it elsewhere may be old.

use bytes::Bytes;
use parquet::file::metadata::ParquetMetaDataReader;
use serde::{Deserialize, Serialize};
use tidegate_ledger::{Created, PutPayload, Store};

use crate::day::Day;
use crate::file::Format;
use crate::{Error, Producer, Result};

/// The key under which a file's metadata holds its [`Mark`].
pub(crate) const MARK: &str = "tidegate.landing";

/// What a landed file says of itself, as JSON under `tidegate.landing` in the metadata of the Parquet file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Who sent its rows.
    pub producer: String,
    /// The number of its first arrival, which is in its name too.
    pub first: u64,
    /// The number of its last arrival.
    pub last: u64,
    /// The date under which the chain goes on, in a file that has no rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_to: Option<String>,
}

impl Mark {
    pub(crate) fn encode(&self) -> String {
        // Text and numbers only; there is nothing that could fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the mark of a landed file.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it is not Parquet or has none.
    pub fn read(path: &str, bytes: &Bytes) -> Result<Self> {
        let damaged = |problem| Error::Damaged { file: path.to_owned(), problem };
        let metadata =
            ParquetMetaDataReader::new().parse_and_finish(bytes).map_err(|_| damaged("it is not Parquet"))?;
        let values = metadata.file_metadata().key_value_metadata().into_iter().flatten();
        let mark = values.filter(|pair| pair.key == MARK).find_map(|pair| pair.value.as_ref());
        let mark = mark.ok_or_else(|| damaged("it does not say which arrivals it holds"))?;
        serde_json::from_str(mark).map_err(|_| damaged("what it says of its arrivals cannot be read"))
    }
}

/// The end of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// The folder of the next file, unless the day is over.
    date: Day,
    /// The number of the next arrival, and the name of the next file.
    next: u64,
}

impl Position {
    pub(crate) fn landed(self) -> u64 {
        self.next - 1
    }

    /// Where the chain goes on behind a file that stands at this position.
    fn after(self, mark: &Mark, producer: &Producer) -> Option<Self> {
        if mark.producer != producer.as_str() || mark.first != self.next {
            return None;
        }
        match &mark.moved_to {
            Some(date) => {
                Day::try_from(date.clone()).ok().filter(|date| *date > self.date).map(|date| Self { date, ..self })
            }
            None if mark.last >= self.next => Some(Self { next: mark.last.checked_add(1)?, ..self }),
            None => None,
        }
    }
}

/// The files of one producer in one stream.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    pub(crate) store: Store,
    pub(crate) stream: String,
    pub(crate) producer: Producer,
}

impl Chain {
    fn file(&self, at: Position) -> String {
        let Self { stream, producer, .. } = self;
        format!("landing/{stream}/date={}/{producer}-{:020}.parquet", at.date, at.next)
    }

    fn hint(&self) -> String {
        format!("positions/{}/{}.json", self.stream, self.producer)
    }

    /// The end of the chain; nothing when none was begun.
    pub(crate) async fn end(&self) -> Result<Option<Position>> {
        let path = self.hint();
        let Some(hint) = self.store.get(&path).await? else { return Ok(None) };
        let hint: Position = serde_json::from_slice(&hint)
            .ok()
            .filter(|hint: &Position| hint.next > 0)
            .ok_or(Error::Damaged { file: path, problem: "it is not a position" })?;
        self.follow(hint).await.map(Some)
    }

    async fn follow(&self, mut at: Position) -> Result<Position> {
        loop {
            let path = self.file(at);
            let Some(bytes) = self.store.get(&path).await? else { return Ok(at) };
            let mark = Mark::read(&path, &bytes)?;
            let after = at.after(&mark, &self.producer);
            at =
                after.ok_or(Error::Damaged { file: path, problem: "it does not belong behind the files before it" })?;
        }
    }

    /// Says where the chain may be followed from. It need not be the end.
    pub(crate) async fn remember(&self, at: Position) -> Result<()> {
        Ok(self.store.replace(&self.hint(), encode(at)).await?)
    }

    /// Lands a file that holds the arrivals from `first` to `last`, and returns the end of the chain then.
    ///
    /// # Errors
    /// [`Error::Overtaken`] when another file took its place. After [`Error::Store`] it may have been landed or not, or may
    /// still be.
    pub(crate) async fn append(&self, end: Option<Position>, file: &Finished, format: &Format) -> Result<Position> {
        let mut at = match end {
            Some(at) => at,
            None => self.begin(file.day).await?,
        };
        if at.next != file.first {
            return Err(self.overtaken());
        }
        if at.date < file.day {
            at = self.move_on(at, file.day, format).await?;
        }
        self.create(at, &file.bytes).await?;
        Ok(Position { next: file.last + 1, ..at })
    }

    /// Begins a chain, or finds the one that another has begun.
    async fn begin(&self, date: Day) -> Result<Position> {
        let first = Position { date, next: 1 };
        match self.store.create(&self.hint(), encode(first)).await? {
            Created::New => Ok(first),
            Created::AlreadyExists => self.end().await?.ok_or_else(|| self.overtaken()),
        }
    }

    /// Closes the chain in the folder of a day that is over.
    async fn move_on(&self, at: Position, date: Day, format: &Format) -> Result<Position> {
        let mark = Mark {
            producer: self.producer.to_string(),
            first: at.next,
            last: at.landed(),
            moved_to: Some(date.to_string()),
        };
        self.create(at, &format.empty(&mark).map_err(|_| Error::Encode)?).await?;
        Ok(Position { date, ..at })
    }

    async fn create(&self, at: Position, bytes: &PutPayload) -> Result<()> {
        let path = self.file(at);
        match self.store.create(&path, bytes.clone()).await? {
            Created::New => Ok(()),
            // The answer to our own first try may have been lost.
            Created::AlreadyExists if self.store.get(&path).await? == Some(bytes.clone().into()) => Ok(()),
            Created::AlreadyExists => Err(self.overtaken()),
        }
    }

    fn overtaken(&self) -> Error {
        Error::Overtaken { producer: self.producer.clone() }
    }
}

/// A file that can be landed.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) day: Day,
    pub(crate) bytes: PutPayload,
}

fn encode(at: Position) -> Bytes {
    serde_json::to_vec(&at).unwrap_or_default().into()
}
