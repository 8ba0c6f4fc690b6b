//! Where does a file lie, and how is it opened?

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use crate::Remote;
use crate::remote::RemoteFile;

/// Where a file or a folder lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On a local disk.
    Local(PathBuf),
    /// In an object store.
    Remote {
        /// The store.
        remote: Remote,
        /// The path there, with `/` between its parts.
        path: String,
    },
}

impl Place {
    /// The path on a disk, if it is one.
    pub fn local(&self) -> Option<&Path> {
        match self {
            Self::Local(path) => Some(path),
            Self::Remote { .. } => None,
        }
    }

    /// Opens a file that had this size when it was listed.
    pub(crate) fn open(&self, size: u64) -> io::Result<Opened> {
        let file = match self {
            Self::Local(path) => Bytewise::Local(File::open(path)?),
            Self::Remote { remote, path } => Bytewise::Remote(remote.open(path, size)?),
        };
        Ok(Opened { file, fault: Fault::default() })
    }
}

impl From<&str> for Place {
    fn from(path: &str) -> Self {
        Self::Local(path.into())
    }
}

impl From<PathBuf> for Place {
    fn from(path: PathBuf) -> Self {
        Self::Local(path)
    }
}

impl From<&Path> for Place {
    fn from(path: &Path) -> Self {
        Self::Local(path.to_path_buf())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => path.display().fmt(f),
            Self::Remote { remote, path } if path.is_empty() => f.write_str(remote.url()),
            Self::Remote { remote, path } => write!(f, "{}/{path}", remote.url()),
        }
    }
}

/// Why a store did not give the bytes of a file. A decoder that meets this says that the bytes are wrong, which they are not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fault(Arc<Mutex<Option<ErrorKind>>>);

impl Fault {
    pub(crate) fn kind(&self) -> Option<ErrorKind> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note<T>(&self, read: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &read {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.kind());
        }
        read
    }
}

/// A file that is open, wherever it lies.
pub(crate) struct Opened {
    file: Bytewise,
    fault: Fault,
}

enum Bytewise {
    Local(File),
    Remote(RemoteFile),
}

impl Opened {
    /// What went wrong while it was read, now or later.
    pub(crate) fn fault(&self) -> Fault {
        self.fault.clone()
    }

    /// Says that the file is read at several places in turn, such as its columns.
    pub(crate) fn read_at(&self, places: usize) {
        if let Bytewise::Remote(file) = &self.file {
            file.read_at(places);
        }
    }
}

impl Read for Opened {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.file {
            Bytewise::Local(file) => file.read(buffer),
            Bytewise::Remote(file) => self.fault.note(file.read(buffer)),
        }
    }
}

impl Seek for Opened {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match &mut self.file {
            Bytewise::Local(file) => file.seek(to),
            Bytewise::Remote(file) => file.seek(to),
        }
    }
}

impl Length for Opened {
    fn len(&self) -> u64 {
        match &self.file {
            Bytewise::Local(file) => file.len(),
            Bytewise::Remote(file) => file.size(),
        }
    }
}

/// Reads on from some place in a file.
pub(crate) enum Onward {
    Local(BufReader<File>),
    Remote(RemoteFile, Fault),
}

impl Read for Onward {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Local(file) => file.read(buffer),
            Self::Remote(file, fault) => fault.note(file.read(buffer)),
        }
    }
}

impl ChunkReader for Opened {
    type T = Onward;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        match &self.file {
            Bytewise::Local(file) => file.get_read(start).map(Onward::Local),
            Bytewise::Remote(file) => Ok(Onward::Remote(file.from(start), self.fault.clone())),
        }
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        match &self.file {
            Bytewise::Local(file) => file.get_bytes(start, length),
            Bytewise::Remote(file) => match file.part(start, length as u64) {
                // What asks for more than there is has read something else wrong.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(error.into()),
                read => Ok(self.fault.note(read)?),
            },
        }
    }
}
