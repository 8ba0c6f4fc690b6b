//! Where does a stream's `path` option point to?

use std::path::Path;

use glob::Pattern;

use crate::{Error, Place, Remote, Result};

/// The place where the files of a stream lie: a folder, one file, or the files that match a glob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    root: Place,
    select: Select,
}

/// Which files below the root belong to the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Select {
    /// Every file of the format, at any depth.
    All,
    /// One file, by its name, whatever its extension.
    One(String),
    /// The files whose path below the root matches.
    Matching {
        pattern: Pattern,
        /// Whether the pattern itself ends in an extension, so that the format's own extensions do not matter.
        names_extension: bool,
    },
}

impl Location {
    /// Reads a `path` option: a folder, a file or a glob, relative to `base` unless it is absolute.
    ///
    /// An existing file or folder is taken as such even when its name contains `*`, `?` or `[`.
    ///
    /// # Errors
    /// [`Error::PathMissing`] when the file, the folder, or the folder a glob starts in does not exist;
    /// [`Error::BadGlob`] when the glob makes no sense.
    pub fn parse(path: &str, base: &Path) -> Result<Self> {
        let whole = base.join(path);
        if whole.is_dir() {
            return Ok(Self { root: whole.into(), select: Select::All });
        }
        if whole.is_file() {
            let name = whole.file_name().unwrap_or_default().to_string_lossy();
            let select = Select::One(name.into_owned());
            let root = whole.parent().map(Path::to_path_buf).unwrap_or_default();
            return Ok(Self { root: root.into(), select });
        }
        if !is_glob(path) {
            return Err(Error::PathMissing { path: whole });
        }
        let (literal, select) = glob(path)?;
        let root = base.join(literal);
        if !root.is_dir() {
            return Err(Error::PathMissing { path: root });
        }
        Ok(Self { root: root.into(), select })
    }

    /// As [`parse`](Self::parse), but what does not exist yet is taken for a folder, or for one in which a glob starts.
    ///
    /// # Errors
    /// [`Error::BadGlob`] when the glob makes no sense.
    pub fn expect(path: &str, base: &Path) -> Result<Self> {
        match Self::parse(path, base) {
            Err(Error::PathMissing { .. }) if is_glob(path) => {
                let (literal, select) = glob(path)?;
                Ok(Self { root: base.join(literal).into(), select })
            }
            Err(Error::PathMissing { path }) => Ok(Self { root: path.into(), select: Select::All }),
            parsed => parsed,
        }
    }

    /// As [`parse`](Self::parse), for a path in an object store, relative to its root. It waits for the store, and so
    /// belongs on a blocking thread. A folder is there when a file is in it.
    ///
    /// # Errors
    /// Those of [`parse`](Self::parse), and [`Error::Unlistable`] when the store fails.
    pub fn parse_remote(path: &str, remote: &Remote) -> Result<Self> {
        let whole = normal(path);
        let place = |path: &str| Place::Remote { remote: remote.clone(), path: path.to_owned() };
        let unlistable = |source| Error::Unlistable { path: place(&whole).to_string().into(), source };
        if !whole.is_empty() && remote.stat(&whole).map_err(unlistable)?.is_some() {
            let (root, name) = whole.rsplit_once('/').unwrap_or(("", &whole));
            return Ok(Self { root: place(root), select: Select::One(name.to_owned()) });
        }
        let has_any = |folder: &str| remote.has_any(folder).map_err(unlistable);
        if has_any(&whole)? {
            return Ok(Self { root: place(&whole), select: Select::All });
        }
        if !is_glob(&whole) {
            return Err(Error::PathMissing { path: place(&whole).to_string().into() });
        }
        let (literal, select) = glob(&whole)?;
        let root = literal.trim_end_matches('/');
        if has_any(root)? {
            return Ok(Self { root: place(root), select });
        }
        Err(Error::PathMissing { path: place(root).to_string().into() })
    }

    /// As [`expect`](Self::expect), for a path in an object store. It asks the store nothing.
    ///
    /// # Errors
    /// [`Error::BadGlob`] when the glob makes no sense.
    pub fn expect_remote(path: &str, remote: &Remote) -> Result<Self> {
        let whole = normal(path);
        let (root, select) = if is_glob(&whole) { glob(&whole)? } else { (whole.as_str(), Select::All) };
        let path = root.trim_end_matches('/').to_owned();
        Ok(Self { root: Place::Remote { remote: remote.clone(), path }, select })
    }

    /// The folder that the ids of files are relative to.
    pub fn root(&self) -> &Place {
        &self.root
    }

    pub(crate) fn select(&self) -> &Select {
        &self.select
    }
}

/// The literal folders of a glob, and what it selects below them.
fn glob(path: &str) -> Result<(&str, Select)> {
    let (literal, pattern) = split_glob(path);
    let pattern = Pattern::new(pattern).map_err(|e| Error::BadGlob {
        pattern: path.to_string(),
        position: path.chars().count() - pattern.chars().count() + e.pos,
        problem: e.msg,
    })?;
    let extension = Path::new(pattern.as_str()).extension();
    let names_extension = extension.is_some_and(|e| !is_glob(&e.to_string_lossy()));
    Ok((literal, Select::Matching { pattern, names_extension }))
}

/// A path in a store without what only disks know: `.`, and `/` before, after or twice.
fn normal(path: &str) -> String {
    path.split('/').filter(|part| !matches!(*part, "" | ".")).collect::<Vec<_>>().join("/")
}

fn is_glob(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// Splits a glob before its first component with a wildcard.
fn split_glob(path: &str) -> (&str, &str) {
    let wildcard = path.find(['*', '?', '[']).unwrap_or(path.len());
    let start = path[..wildcard].rfind('/').map_or(0, |slash| slash + 1);
    path.split_at(start)
}

#[cfg(test)]
mod tests {
    use super::{Location, split_glob};
    use crate::Error;

    #[test]
    fn a_glob_is_split_before_its_first_wildcard() {
        assert_eq!(split_glob("landing/*.parquet"), ("landing/", "*.parquet"));
        assert_eq!(split_glob("a/**/x-*.csv"), ("a/", "**/x-*.csv"));
        assert_eq!(split_glob("*.csv"), ("", "*.csv"));
        assert_eq!(split_glob("/a/b?/c"), ("/a/", "b?/c"));
    }

    #[test]
    fn what_is_expected_need_not_exist() {
        let base = tempfile::tempdir().unwrap();
        let folder = Location::expect("gone", base.path()).unwrap();
        std::fs::create_dir(base.path().join("gone")).unwrap();
        assert_eq!(folder, Location::parse("gone", base.path()).unwrap());
        let glob = Location::expect("later/*.csv", base.path()).unwrap();
        std::fs::create_dir(base.path().join("later")).unwrap();
        assert_eq!(glob, Location::parse("later/*.csv", base.path()).unwrap());
    }

    #[test]
    fn errors_name_the_resolved_path_or_the_place() {
        let base = tempfile::tempdir().unwrap();
        let error = Location::parse("landing/", base.path()).unwrap_err();
        assert!(error.to_string().contains(&base.path().join("landing").display().to_string()));
        let error = Location::parse("gone/*.csv", base.path()).unwrap_err();
        assert!(matches!(error, Error::PathMissing { path } if path.ends_with("gone")));
        let error = Location::parse("x[1.csv", base.path()).unwrap_err();
        assert!(matches!(error, Error::BadGlob { position: 1, .. }), "{error}");
    }
}
