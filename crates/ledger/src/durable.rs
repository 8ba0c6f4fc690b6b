//! How does a file reach the disk so that it is there after the power fails, and whole?
//!
//! `object_store` links or renames a file before its bytes are on the disk: after a power cut the name can stand for
//! nothing. Here the order is: write a staged file, sync it, give it its name, sync the folder. Staged files are named
//! as `object_store` names its own (`name#1`), which its listings leave out, and hidden (`.name#1`): what a crash leaves
//! beside released files must not be read by those who read all of a folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use object_store::PutPayload;

use crate::crash;
use crate::store::Created;

/// Writes a file that must not exist yet.
pub(crate) fn create(path: &Path, bytes: &PutPayload) -> io::Result<Created> {
    crash::point();
    let staged = Staged::write(path, bytes)?;
    crash::point();
    let created = match fs::hard_link(&staged.0, path) {
        Ok(()) => Created::New,
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Created::AlreadyExists,
        Err(e) => return Err(e),
    };
    crash::point();
    drop(staged);
    // Also for a file that was there: its name may come from an earlier try that failed to sync.
    sync_folder(path)?;
    Ok(created)
}

/// Writes a file, in place of the one that may be there.
pub(crate) fn replace(path: &Path, bytes: &PutPayload) -> io::Result<()> {
    crash::point();
    let staged = Staged::write(path, bytes)?;
    crash::point();
    fs::rename(&staged.0, path)?;
    crash::point();
    // The name is taken away already, and the next writer may have taken it again.
    std::mem::forget(staged);
    sync_folder(path)
}

/// A file that is written and synced, but has not its name yet. It is removed when it is dropped.
struct Staged(PathBuf);

impl Staged {
    fn write(path: &Path, bytes: &PutPayload) -> io::Result<Self> {
        let (mut file, staged) = Self::open(path)?;
        bytes.iter().try_for_each(|part| file.write_all(part))?;
        file.sync_all()?;
        Ok(staged)
    }

    fn open(path: &Path) -> io::Result<(File, Self)> {
        let mut number: u64 = 1;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        loop {
            let staged = path.with_file_name(format!(".{name}#{number}"));
            match OpenOptions::new().write(true).create_new(true).open(&staged) {
                Ok(file) => return Ok((file, Self(staged))),
                Err(e) if e.kind() == ErrorKind::AlreadyExists => number += 1,
                Err(e) if e.kind() == ErrorKind::NotFound => create_folders(path)?,
                Err(e) => return Err(e),
            }
        }
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // A staged file that stays is never read; there is nothing better to do about it.
        let _ = fs::remove_file(&self.0);
    }
}

/// Creates the folders above `path`, each of them durable.
fn create_folders(path: &Path) -> io::Result<()> {
    let Some(folder) = path.parent() else {
        return Err(ErrorKind::NotFound.into());
    };
    if folder.is_dir() {
        return Ok(());
    }
    create_folders(folder)?;
    match fs::create_dir(folder) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
        created => created?,
    }
    sync_folder(folder)
}

/// Makes the name of a file or folder durable. Elsewhere than on Unix, folders cannot be synced.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}
