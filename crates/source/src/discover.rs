//! Which files does a stream have, and in what order?

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use glob::MatchOptions;

use crate::location::{Location, Select};
use crate::{Error, Format, Place, Remote, Result, partition};

/// One file of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// The path relative to the location's root, with `/` between its parts: the same on every machine.
    pub id: String,
    /// Where to open it.
    pub path: Place,
    /// Its size in bytes when it was listed.
    pub size: u64,
    /// When it was last modified, as it was listed: microseconds since 1970. 0 where the system does not say.
    pub modified_us: i64,
    /// The values that its folders give (`key=value`), decoded; `None` stands for null.
    pub partitions: BTreeMap<String, Option<String>>,
}

/// Lists the files of a location, sorted by [`id`](SourceFile::id), byte for byte.
///
/// Links are followed. Files and folders whose names start with `.` or `_` are left out, and so are files that are
/// still being written (`*.tmp`, `#*`, and `*#1` as `object_store` stages them). Files that vanish while they are
/// listed are left out too. In an object store nothing is there until it is whole.
///
/// It waits for the disk or the store, and so belongs on a blocking thread. A store gives its listing in pages of about a
/// thousand files. This one is whole: a file may land in an old folder at any time, and one that was read must be seen when its
/// size is another.
///
/// # Errors
/// [`Error::PathMissing`] when the root is gone, [`Error::Unlistable`] when a folder may not be listed.
pub fn discover(location: &Location, format: Format) -> Result<Vec<SourceFile>> {
    let root = match location.root() {
        Place::Local(root) => root,
        Place::Remote { remote, path } => return discover_remote(location, format, remote, path),
    };
    let mut files = BTreeMap::new();
    if let Select::One(name) = location.select() {
        let path = root.join(name);
        let Some(stat) = stat(&path) else {
            return Err(Error::PathMissing { path });
        };
        files.insert(name.clone(), (path, stat));
    } else if root.is_dir() {
        let mut above = Vec::new();
        walk(root, "", &mut above, &mut |id, path, stat| {
            if belongs(location.select(), format, &id) {
                files.insert(id, (path, stat));
            }
        })?;
    } else {
        return Err(Error::PathMissing { path: root.to_path_buf() });
    }
    let files = files.into_iter().map(|(id, (path, stat))| {
        let Stat { size, modified_us } = stat;
        SourceFile { partitions: partition::parse(&id), id, path: path.into(), size, modified_us }
    });
    Ok(files.collect())
}

fn discover_remote(location: &Location, format: Format, remote: &Remote, root: &str) -> Result<Vec<SourceFile>> {
    let candidates = Candidates { location, format, remote, root };
    let Select::One(name) = location.select() else { return candidates.list("") };
    let path = below(root, name);
    let stat = remote.stat(&path).map_err(|error| candidates.unlistable(error))?;
    let place = Place::Remote { remote: remote.clone(), path };
    let Some(stat) = stat else { return Err(Error::PathMissing { path: place.to_string().into() }) };
    Ok(vec![SourceFile {
        partitions: partition::parse(name),
        id: name.clone(),
        path: place,
        size: stat.size,
        modified_us: stat.last_modified.timestamp_micros(),
    }])
}

/// What lies below a folder of a store, of which some files belong to a stream.
pub(crate) struct Candidates<'a> {
    pub(crate) location: &'a Location,
    pub(crate) format: Format,
    pub(crate) remote: &'a Remote,
    pub(crate) root: &'a str,
}

impl Candidates<'_> {
    /// The files of the stream below one of its folders, sorted; below all of them where it is empty.
    pub(crate) fn list(&self, folder: &str) -> Result<Vec<SourceFile>> {
        let (select, format, base) = (self.location.select().clone(), self.format, below(self.root, ""));
        let listed = if folder.is_empty() { self.root.to_owned() } else { below(self.root, folder) };
        let kept = self.remote.list(&listed, move |stat| {
            let id = stat.location.as_ref().strip_prefix(&base)?;
            let name = id.rsplit('/').next().unwrap_or(id);
            let is_visible = !id.split('/').any(is_hidden) && !is_temporary(name);
            (is_visible && belongs(&select, format, id))
                .then(|| (id.to_owned(), stat.location.to_string(), stat.size, stat.last_modified.timestamp_micros()))
        });
        let mut kept = kept.map_err(|error| self.unlistable(error))?;
        kept.sort_unstable();
        let file = |(id, path, size, modified_us): (String, String, u64, i64)| SourceFile {
            partitions: partition::parse(&id),
            id,
            path: Place::Remote { remote: self.remote.clone(), path },
            size,
            modified_us,
        };
        Ok(kept.into_iter().map(file).collect())
    }

    /// The visible folders right below the root, sorted; and whether files lie there, too.
    pub(crate) fn folders(&self) -> Result<(Vec<String>, bool)> {
        let (folders, has_files) = self.remote.folders(self.root).map_err(|error| self.unlistable(error))?;
        Ok((folders.into_iter().filter(|folder| !is_hidden(folder)).collect(), has_files))
    }

    fn unlistable(&self, source: std::io::Error) -> Error {
        Error::Unlistable { path: self.location.root().to_string().into(), source }
    }
}

/// A path in a store below a folder that may be its root.
fn below(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

fn belongs(select: &Select, format: Format, id: &str) -> bool {
    let of_format = format.takes(id);
    match select {
        Select::All => of_format,
        Select::One(name) => id == name,
        Select::Matching { pattern, names_extension } => {
            let options = MatchOptions { require_literal_separator: true, ..MatchOptions::default() };
            (*names_extension || of_format) && pattern.matches_with(id, options)
        }
    }
}

/// Visits every visible file below `folder`; `above` holds the real paths of the folders on the way down, so that a
/// link to one of them ends the descent instead of turning in a circle.
fn walk(
    folder: &Path,
    prefix: &str,
    above: &mut Vec<PathBuf>,
    visit: &mut impl FnMut(String, PathBuf, Stat),
) -> Result<()> {
    let unlistable = |source| Error::Unlistable { path: folder.to_path_buf(), source };
    let real = match folder.canonicalize() {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        real => real.map_err(unlistable)?,
    };
    if above.contains(&real) {
        return Ok(());
    }
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(unlistable)?,
    };
    above.push(real);
    for entry in entries {
        let entry = entry.map_err(unlistable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_hidden(&name) {
            continue;
        }
        let path = entry.path();
        let id = format!("{prefix}{name}");
        if path.is_dir() {
            walk(&path, &format!("{id}/"), above, visit)?;
        } else if let Some(stat) = stat(&path)
            && !is_temporary(&name)
        {
            visit(id, path, stat);
        }
    }
    above.pop();
    Ok(())
}

/// What a listing says about a file.
struct Stat {
    size: u64,
    modified_us: i64,
}

/// What the system says about a file, or nothing when it is gone or is not a file.
fn stat(path: &Path) -> Option<Stat> {
    let metadata = fs::metadata(path).ok()?;
    let modified_us = metadata.modified().map_or(0, micros_since_1970);
    metadata.is_file().then_some(Stat { size: metadata.len(), modified_us })
}

fn micros_since_1970(time: SystemTime) -> i64 {
    let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => micros(after),
        Err(before) => -micros(before.duration()),
    }
}

fn is_hidden(name: &str) -> bool {
    name.starts_with(['.', '_'])
}

fn is_temporary(name: &str) -> bool {
    let staged = name
        .rsplit_once('#')
        .is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()));
    name.starts_with('#') || name.ends_with(".tmp") || staged
}

#[cfg(test)]
mod tests {
    use super::is_temporary;

    #[test]
    fn names_of_files_that_are_still_written() {
        for name in ["a.parquet.tmp", "#a.csv#", "a.parquet#1"] {
            assert!(is_temporary(name), "{name}");
        }
        for name in ["a.parquet", "a#b.parquet", "tmp.csv"] {
            assert!(!is_temporary(name), "{name}");
        }
    }
}
