//! `tidegate bundle create`: a bundle file and the files beside it become a bundle that is kept.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tidegate_gate::Location;
use tidegate_gate::bundle::{
    Declaration, Digest, Error, LocalFile, Manifest, Parents, Reference, Resolved, Timestamp, diff, lineage,
};
use tidegate_ledger::Created;

use super::show::lacks;
use super::to_json;
use crate::cli::Place;
use crate::cli::bundle::CreateBundle;
use crate::failure::{Failure, Result, Snippet};
use crate::output::print;
use crate::registry::{Blobs, Registry, taken};

/// A file is read as a whole; what is larger belongs on a store of its own.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Digests by the path beside the bundle file.
type Files = BTreeMap<String, Digest>;

/// What was done.
#[derive(Debug, Serialize)]
struct Report {
    label: String,
    digest: Digest,
    created: bool,
    dry_run: bool,
    missing: Vec<&'static str>,
    /// The local files whose bytes are kept.
    files: Files,
}

pub(super) async fn run(place: &Place, registry: &Registry, options: &CreateBundle) -> Result<()> {
    let path = if options.file.is_file() { options.file.clone() } else { place.project.join(&options.file) };
    let text = std::fs::read_to_string(&path).map_err(|error| Failure::io("read", path.display(), &error))?;
    let declared = Declared::read(&path, &text)?;
    let (files, blobs) = declared.read_files(path.parent().unwrap_or(Path::new("")))?;
    let parents = declared.find_parents(registry).await?;
    let kept = match registry.labelled(&declared.bundle.label).await? {
        Some(digest) => Some((digest, registry.get(digest).await?)),
        None => None,
    };
    let created_at = match (options.created_at, &kept) {
        (Some(instant), _) => instant,
        (None, Some((_, kept))) => kept.created_at,
        (None, None) => now()?,
    };
    let digests = parents.as_ref().map(|parents| parents.map(Manifest::digest));
    let resolved = Resolved { created_at, files, parents: digests };
    let manifest = declared.bundle.seal(&resolved).map_err(|error| declared.refused(&error))?;
    let is_new = kept.is_none();
    match kept {
        Some((digest, kept)) if kept != manifest => return Err(declared.taken(digest, &kept, &manifest)),
        Some(_) => {}
        None => declared.check_lineage(registry, &manifest, parents.as_ref()).await?,
    }
    let created = match options.dry_run {
        true => is_new,
        false => registry.put(&manifest, &blobs).await? == Created::New,
    };
    let report = Report {
        label: manifest.label().to_string(),
        digest: manifest.digest(),
        created,
        dry_run: options.dry_run,
        missing: manifest.missing_parts(),
        files: resolved.files,
    };
    print(&if options.json { to_json(&report)? } else { describe(&report) })
}

fn describe(report: &Report) -> String {
    let Report { label, digest, created, dry_run, missing, .. } = report;
    let done = match (created, dry_run) {
        (true, false) => "created",
        (true, true) => "would create",
        (false, _) => "is here already:",
    };
    format!("{done} {label} {digest}\n{}", lacks(missing))
}

fn now() -> Result<Timestamp> {
    let since_us = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
    // Whole seconds: nobody types the rest.
    let whole = i64::try_from(since_us / 1_000_000).ok().and_then(|seconds| seconds.checked_mul(1_000_000));
    let instant = whole.and_then(Timestamp::from_unix_us);
    instant.ok_or_else(|| Failure::infrastructure("TG500", "the clock is wrong", "set it, or give --created-at"))
}

/// A bundle file that was read.
struct Declared<'a> {
    text: &'a str,
    bundle: Declaration,
}

impl<'a> Declared<'a> {
    fn read(path: &Path, text: &'a str) -> Result<Self> {
        match Declaration::parse(&path.display().to_string(), text) {
            Ok(bundle) => Ok(Self { text, bundle }),
            Err(error) => Err(refused(&error, error.location(), text)),
        }
    }

    /// The local files, and their bytes.
    fn read_files(&self, folder: &Path) -> Result<(Files, Blobs)> {
        let (mut files, mut blobs) = (Files::new(), Blobs::new());
        for LocalFile { path, at } in self.bundle.files() {
            let refused = |cause, fix| Failure::usage("TG659", cause, fix).at(snippet(at, self.text));
            let bytes = read_file(&folder.join(path)).map_err(|error| {
                let fix = "correct the path, which is relative to the bundle file, or create the file";
                refused(format!("cannot read {}: {error}", folder.join(path).display()), fix)
            })?;
            let Some(bytes) = bytes else {
                let fix = "put it on a store of its own, and name it by `digest:` and `uri:`";
                return Err(refused(format!("{path} has more than {} MiB", FILE_BYTES_MAX >> 20), fix));
            };
            let digest = Digest::of(&bytes);
            files.insert(path.clone(), digest);
            blobs.insert(digest, bytes);
        }
        Ok((files, blobs))
    }

    async fn find_parents(&self, registry: &Registry) -> Result<Option<Parents<Manifest>>> {
        let Some(Parents { previous, last_known_good }) = &self.bundle.parents else { return Ok(None) };
        let find = async |(reference, at): &(Reference, Location)| {
            let found = match registry.find(reference).await {
                Ok(digest) => registry.get(digest).await,
                Err(failure) => Err(failure),
            };
            found.map_err(|failure| failure.at(snippet(at, self.text)))
        };
        Ok(Some(Parents { previous: find(previous).await?, last_known_good: find(last_known_good).await? }))
    }

    async fn check_lineage(
        &self,
        registry: &Registry,
        manifest: &Manifest,
        parents: Option<&Parents<Manifest>>,
    ) -> Result<()> {
        if let Some(parents) = parents {
            return lineage::check(manifest, parents).map_err(|error| self.refused(&error));
        }
        let labels = registry.list().await?;
        let Some(latest) = labels.keys().rfind(|label| label.bundle == manifest.bundle) else {
            return Ok(());
        };
        let cause = format!("{} names no bundle before it, and it is not the first of its name", manifest.label());
        let fix = format!("name them under `parents:`; the latest is {latest}");
        Err(Failure::usage("TG657", cause, fix).at(self.version()))
    }

    /// A label that means another bundle than this one.
    fn taken(&self, digest: Digest, kept: &Manifest, manifest: &Manifest) -> Failure {
        let changes = diff(kept, manifest);
        let why = match changes.first() {
            Some(change) => format!("{}/{} is not the same", change.part, change.name),
            None if kept.created_at != manifest.created_at => format!("it was made at {}", kept.created_at),
            None => "author, parents, rollback or notes are not the same".to_owned(),
        };
        taken(&manifest.label(), digest, &why).at(self.version())
    }

    fn refused(&self, error: &Error) -> Failure {
        refused(error, Some(self.bundle.place_of(error)), self.text)
    }

    fn version(&self) -> Snippet {
        snippet(&self.bundle.version_at, self.text)
    }
}

/// The bytes of a file; nothing when there are too many of them.
fn read_file(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= FILE_BYTES_MAX).then_some(bytes))
}

fn refused(error: &Error, at: Option<&Location>, text: &str) -> Failure {
    // The message without the place, which the snippet shows.
    let (cause, place) = (error.to_string(), error.location().map(|at| format!("{at}: ")).unwrap_or_default());
    let failure = Failure::usage(error.code(), cause.strip_prefix(&place).unwrap_or(&cause), error.help());
    match at {
        Some(at) => failure.at(snippet(at, text)),
        None => failure,
    }
}

fn snippet(at: &Location, text: &str) -> Snippet {
    Snippet::new(at.file.clone(), text.to_owned(), at.offset..at.offset + at.length)
}
