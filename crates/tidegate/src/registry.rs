//! Where are bundles kept, and how are they found again?
//!
//! ```text
//! registry/bundles/<sha256>.json          canonical bytes of a bundle
//! registry/blobs/<sha256>                 bytes of its local files
//! registry/labels/<name>/<version>.json   {"digest":"sha256:..."}
//! ```
//!
//! Every file is created once and never changed, and a bundle comes before its label: whoever sees a label finds all
//! of its bytes. A crash, or the loser of a race for a label, leaves bytes without a label, which harm nobody.
//!
//! What is absent: which bundle is in service. A label says what a version is, not where it runs.

mod audit;

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tidegate_gate::bundle::{Digest, Label, Manifest, Reference};
use tidegate_ledger::{Created, Store};

use crate::failure::{Failure, Result};

pub(crate) use audit::Audit;

const BUNDLES: &str = "registry/bundles";
const BLOBS: &str = "registry/blobs";
const LABELS: &str = "registry/labels";

/// A digest is abbreviated to no fewer digits.
const PREFIX_MIN: usize = 8;

/// Bytes by their digest.
pub(crate) type Blobs = BTreeMap<Digest, Vec<u8>>;

/// The bundles of a project.
#[derive(Debug, Clone)]
pub(crate) struct Registry {
    store: Store,
}

/// What a label's file says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Labelled {
    digest: Digest,
}

impl Registry {
    pub(crate) fn open(store: Store) -> Self {
        Self { store }
    }

    /// Keeps a bundle, the bytes of its local files and its label. What is there already stays, so that doing it again
    /// completes what a crash left behind.
    ///
    /// # Errors
    /// TG657 when the label means another bundle.
    pub(crate) async fn put(&self, manifest: &Manifest, blobs: &Blobs) -> Result<Created> {
        for (digest, bytes) in blobs {
            let _ = self.store.create(&blob_path(*digest), bytes.clone()).await?;
        }
        let (digest, label) = (manifest.digest(), manifest.label());
        let _ = self.store.create(&bundle_path(digest), manifest.encode()).await?;
        let text = serde_json::to_vec(&Labelled { digest });
        let text = text.map_err(|error| Failure::infrastructure("TG500", error.to_string(), "report this as a bug"))?;
        let created = self.store.create(&label_path(&label), text).await?;
        match self.labelled(&label).await? {
            Some(kept) if kept != digest => Err(taken(&label, kept, "another was created at the same time")),
            _ => Ok(created),
        }
    }

    /// The bundle with this digest.
    ///
    /// # Errors
    /// TG658 when there is none, TG656 when its file is not what it was.
    pub(crate) async fn get(&self, digest: Digest) -> Result<Manifest> {
        let path = bundle_path(digest);
        let Some(bytes) = self.store.get(&path).await? else {
            return Err(unknown(&digest.to_string(), "`tidegate bundle ls` lists what is here"));
        };
        check(digest, &bytes).map_err(|problem| damaged(&path, &problem))
    }

    /// The bytes of a local file of a bundle, as they are kept now.
    pub(crate) async fn blob(&self, digest: Digest) -> Result<Option<Bytes>> {
        Ok(self.store.get(&blob_path(digest)).await?)
    }

    /// The bundle that a text means: `name@version`, a digest, or the beginning of one. Its file is not read.
    ///
    /// # Errors
    /// TG658 when it means none, or more than one.
    pub(crate) async fn resolve(&self, text: &str) -> Result<Digest> {
        match text.parse() {
            Ok(reference) => self.find(&reference).await,
            Err(_) => self.find_prefix(text).await,
        }
    }

    /// The bundle that a whole reference means.
    pub(crate) async fn find(&self, reference: &Reference) -> Result<Digest> {
        match reference {
            Reference::Digest(digest) => Ok(*digest),
            Reference::Label(label) => match self.labelled(label).await? {
                Some(digest) => Ok(digest),
                None => Err(unknown(&label.to_string(), &self.near(label).await?)),
            },
        }
    }

    async fn find_prefix(&self, text: &str) -> Result<Digest> {
        const SHOWN: usize = 4;
        let prefix = text.strip_prefix("sha256:").unwrap_or(text);
        let is_hex = |c: char| matches!(c, '0'..='9' | 'a'..='f');
        if prefix.len() < PREFIX_MIN || !prefix.chars().all(is_hex) {
            let fix = "write NAME@VERSION, or a digest or at least its first 8 digits, in lower case";
            return Err(Failure::usage("TG658", format!("`{text}` names no bundle"), fix));
        }
        let files = self.store.list(BUNDLES).await?;
        let digests = files.iter().filter_map(|path| digest_of(path));
        let matching = digests.filter(|digest| digest.hex().starts_with(prefix)).collect::<Vec<_>>();
        match matching.as_slice() {
            [digest] => Ok(*digest),
            [] => Err(unknown(text, "`tidegate bundle ls` lists what is here")),
            several => {
                let shown = several.iter().take(SHOWN).map(Digest::to_string).collect::<Vec<_>>().join(", ");
                let cause = format!("`{text}` is the beginning of {} digests: {shown}", several.len());
                Err(Failure::usage("TG658", cause, "write more digits"))
            }
        }
    }

    /// The digest that a label means.
    pub(crate) async fn labelled(&self, label: &Label) -> Result<Option<Digest>> {
        let path = label_path(label);
        let Some(bytes) = self.store.get(&path).await? else { return Ok(None) };
        let labelled = serde_json::from_slice::<Labelled>(&bytes);
        labelled.map(|file| Some(file.digest)).map_err(|error| damaged(&path, &error.to_string()))
    }

    /// All labels, by name and version.
    pub(crate) async fn list(&self) -> Result<BTreeMap<Label, Digest>> {
        let mut labels = BTreeMap::new();
        for label in self.store.list(LABELS).await?.iter().filter_map(|path| label_of(path)) {
            if let Some(digest) = self.labelled(&label).await? {
                labels.insert(label, digest);
            }
        }
        Ok(labels)
    }

    /// What to do about a label that is not there.
    async fn near(&self, label: &Label) -> Result<String> {
        let labels = self.list().await?;
        let latest = labels.keys().rfind(|known| known.bundle == label.bundle);
        Ok(match latest {
            Some(latest) => format!("the latest bundle of that name is {latest}"),
            None => "create it with `tidegate bundle create`; `tidegate bundle ls` lists what is here".to_owned(),
        })
    }
}

/// The bundle in `bytes`, if they are what the digest names.
fn check(digest: Digest, bytes: &[u8]) -> Result<Manifest, String> {
    let found = Digest::of(bytes);
    if found != digest {
        return Err(format!("its bytes have the digest {found}"));
    }
    Manifest::decode(bytes).map_err(|error| error.to_string())
}

fn bundle_path(digest: Digest) -> String {
    format!("{BUNDLES}/{}.json", digest.hex())
}

fn blob_path(digest: Digest) -> String {
    format!("{BLOBS}/{}", digest.hex())
}

fn label_path(label: &Label) -> String {
    format!("{LABELS}/{}/{}.json", label.bundle, label.version)
}

/// The digest that a file is named by.
fn digest_of(path: &str) -> Option<Digest> {
    let name = path.rsplit('/').next().unwrap_or(path);
    Digest::from_hex(name.strip_suffix(".json").unwrap_or(name))
}

/// The label that a file is named by.
fn label_of(path: &str) -> Option<Label> {
    let (bundle, version) = path.strip_prefix(LABELS)?.strip_prefix('/')?.strip_suffix(".json")?.split_once('/')?;
    match format!("{bundle}@{version}").parse() {
        Ok(Reference::Label(label)) => Some(label),
        _ => None,
    }
}

fn unknown(what: &str, fix: &str) -> Failure {
    Failure::usage("TG658", format!("there is no bundle {what}"), fix)
}

fn damaged(path: &str, problem: &str) -> Failure {
    Failure::infrastructure("TG656", format!("{path} is damaged: {problem}"), "restore the file from a backup")
}

/// A label that means another bundle.
pub(crate) fn taken(label: &Label, kept: Digest, why: &str) -> Failure {
    let cause = format!("{label} is {kept} already: {why}");
    Failure::usage("TG657", cause, "raise `version:`; a label never means two bundles")
}
