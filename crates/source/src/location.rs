//! Where does a stream's `path` option point to?

use std::path::{Path, PathBuf};

use glob::Pattern;

use crate::{Error, Result};

/// The place where the files of a stream lie: a folder, one file, or the files that match a glob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    root: PathBuf,
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
            return Ok(Self { root: whole, select: Select::All });
        }
        if whole.is_file() {
            let name = whole.file_name().unwrap_or_default().to_string_lossy();
            let select = Select::One(name.into_owned());
            let root = whole.parent().map(Path::to_path_buf).unwrap_or_default();
            return Ok(Self { root, select });
        }
        if !is_glob(path) {
            return Err(Error::PathMissing { path: whole });
        }
        let location = Self::glob(path, base)?;
        if !location.root.is_dir() {
            return Err(Error::PathMissing { path: location.root });
        }
        Ok(location)
    }

    /// As [`parse`](Self::parse), but what does not exist yet is taken for a folder, or for one in which a glob starts.
    ///
    /// # Errors
    /// [`Error::BadGlob`] when the glob makes no sense.
    pub fn expect(path: &str, base: &Path) -> Result<Self> {
        match Self::parse(path, base) {
            Err(Error::PathMissing { .. }) if is_glob(path) => Self::glob(path, base),
            Err(Error::PathMissing { path }) => Ok(Self { root: path, select: Select::All }),
            parsed => parsed,
        }
    }

    fn glob(path: &str, base: &Path) -> Result<Self> {
        let (literal, pattern) = split_glob(path);
        let pattern = Pattern::new(pattern).map_err(|e| Error::BadGlob {
            pattern: path.to_string(),
            position: path.chars().count() - pattern.chars().count() + e.pos,
            problem: e.msg,
        })?;
        let extension = Path::new(pattern.as_str()).extension();
        let names_extension = extension.is_some_and(|e| !is_glob(&e.to_string_lossy()));
        Ok(Self { root: base.join(literal), select: Select::Matching { pattern, names_extension } })
    }

    /// The folder that the ids of files are relative to.
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn select(&self) -> &Select {
        &self.select
    }
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
