//! A project in a temporary folder, and the command run in it.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

pub(crate) struct Project {
    folder: TempDir,
}

impl Project {
    /// An empty folder.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A project with one SQL file, `sql/all.sql`.
    pub(crate) fn with_sql(sql: &str) -> Self {
        let project = Self::empty();
        project.write("sql/all.sql", sql);
        project
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Runs `tidegate` in the project's folder.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(arguments, &[])
    }

    /// The same, with variables of the environment.
    pub(crate) fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
        let output = Command::new(env!("CARGO_BIN_EXE_tidegate"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env("NO_COLOR", "1")
            .env_remove("TIDEGATE_LOG")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        Run::of(&output)
    }

    /// Runs `tidegate` and writes what it prints to a file.
    pub(crate) fn run_to_file(&self, arguments: &[&str], name: &str) -> PathBuf {
        let output =
            Command::new(env!("CARGO_BIN_EXE_tidegate")).args(arguments).current_dir(self.folder.path()).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self.write(name, output.stdout)
    }

    /// Lands what a query answers, as Parquet. It may read any file.
    #[track_caller]
    pub(crate) fn land(&self, name: &str, query: &str) {
        let asked = Command::new(env!("CARGO_BIN_EXE_tidegate"))
            .args(["sql", "--project", "/", "--format", "parquet", query])
            .output()
            .unwrap();
        assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
        self.write(name, asked.stdout);
    }

    /// Every file below `folder`, by its path there.
    pub(crate) fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(&self.path(folder), &self.path(folder), &mut files);
        files
    }
}

fn collect(base: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(base, &path, files);
        } else {
            let name = path.strip_prefix(base).unwrap().display().to_string();
            match fs::read(&path) {
                // A process that runs beside the test may have moved it on.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                bytes => {
                    files.insert(name, bytes.unwrap());
                }
            }
        }
    }
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Fails the test, with everything that was said, unless the run ended well.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Exit code and message, for a snapshot.
    pub(crate) fn failure(&self) -> String {
        format!("exit code {}\n{}", self.code, self.stderr)
    }
}
