//! Is every file of the registry what its name says, and is every file there that another one needs?

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use tidegate_gate::bundle::{Digest, Manifest};

use super::{
    BLOBS, BUNDLES, LABELS, Labelled, Registry, blob_path, bundle_path, check, digest_of, label_of, label_path,
};
use crate::failure::Result;

/// What was looked at, and what is wrong with it.
#[derive(Debug, Serialize)]
pub(crate) struct Audit {
    pub(crate) bundles: usize,
    pub(crate) blobs: usize,
    pub(crate) labels: usize,
    /// What is wrong, by path.
    pub(crate) bad: BTreeMap<String, String>,
}

impl Registry {
    /// Reads every bundle, blob and label.
    pub(crate) async fn audit(&self) -> Result<Audit> {
        let mut auditor = Auditor::new(self);
        for path in self.store.list(BUNDLES).await? {
            match digest_of(&path).filter(|digest| bundle_path(*digest) == path) {
                Some(digest) => auditor.follow(digest).await?,
                None => auditor.is_bad(path, "its name is not a digest"),
            }
        }
        for path in self.store.list(BLOBS).await? {
            match digest_of(&path).filter(|digest| blob_path(*digest) == path) {
                Some(digest) => auditor.blob(digest, None).await?,
                None => auditor.is_bad(path, "its name is not a digest"),
            }
        }
        let labels = self.store.list(LABELS).await?;
        for path in &labels {
            auditor.label(path).await?;
        }
        Ok(auditor.finish(labels.len()))
    }

    /// Reads one bundle, its blobs, and the bundles that it names.
    pub(crate) async fn audit_one(&self, digest: Digest) -> Result<Audit> {
        let mut auditor = Auditor::new(self);
        auditor.follow(digest).await?;
        Ok(auditor.finish(0))
    }
}

/// What was read so far, so that nothing is read twice.
struct Auditor<'a> {
    registry: &'a Registry,
    /// Without a manifest where the file is bad.
    bundles: BTreeMap<Digest, Option<Manifest>>,
    blobs: BTreeSet<Digest>,
    bad: BTreeMap<String, String>,
}

impl<'a> Auditor<'a> {
    fn new(registry: &'a Registry) -> Self {
        Self { registry, bundles: BTreeMap::new(), blobs: BTreeSet::new(), bad: BTreeMap::new() }
    }

    fn finish(self, labels: usize) -> Audit {
        Audit { bundles: self.bundles.len(), blobs: self.blobs.len(), labels, bad: self.bad }
    }

    fn is_bad(&mut self, path: String, problem: impl Into<String>) {
        self.bad.insert(path, problem.into());
    }

    /// Reads a bundle and whatever it needs.
    async fn follow(&mut self, digest: Digest) -> Result<()> {
        self.bundle(digest, None).await?;
        let Some(manifest) = self.bundles.get(&digest).cloned().flatten() else { return Ok(()) };
        for blob in manifest.kept() {
            self.blob(blob, Some(&manifest)).await?;
        }
        for parent in manifest.parents.iter().flat_map(|parents| [parents.previous, parents.last_known_good]) {
            self.bundle(parent, Some(&manifest)).await?;
        }
        Ok(())
    }

    async fn bundle(&mut self, digest: Digest, needed_by: Option<&Manifest>) -> Result<()> {
        if self.bundles.contains_key(&digest) {
            return Ok(());
        }
        let path = bundle_path(digest);
        let manifest = match self.registry.store.get(&path).await? {
            Some(bytes) => check(digest, &bytes),
            None => Err(is_missing(needed_by)),
        };
        let manifest = manifest.map_err(|problem| self.is_bad(path, problem)).ok();
        self.bundles.insert(digest, manifest);
        Ok(())
    }

    async fn blob(&mut self, digest: Digest, needed_by: Option<&Manifest>) -> Result<()> {
        if !self.blobs.insert(digest) {
            return Ok(());
        }
        let path = blob_path(digest);
        match self.registry.store.get(&path).await?.map(|bytes| Digest::of(&bytes)) {
            Some(found) if found == digest => {}
            Some(found) => self.is_bad(path, format!("its bytes have the digest {found}")),
            None => self.is_bad(path, is_missing(needed_by)),
        }
        Ok(())
    }

    /// A label must mean a bundle that has it.
    async fn label(&mut self, path: &str) -> Result<()> {
        let Some(label) = label_of(path).filter(|label| label_path(label) == path) else {
            self.is_bad(path.to_owned(), "its name is not that of a label");
            return Ok(());
        };
        let Some(bytes) = self.registry.store.get(path).await? else { return Ok(()) };
        let Ok(Labelled { digest }) = serde_json::from_slice(&bytes) else {
            self.is_bad(path.to_owned(), "it holds no digest");
            return Ok(());
        };
        match self.bundles.get(&digest) {
            None => self.is_bad(path.to_owned(), format!("it means {digest}, which is not here")),
            Some(Some(manifest)) if manifest.label() != label => {
                self.is_bad(path.to_owned(), format!("it means {digest}, which is {}", manifest.label()));
            }
            // A bundle whose file is bad was told already.
            Some(_) => {}
        }
        Ok(())
    }
}

fn is_missing(needed_by: Option<&Manifest>) -> String {
    match needed_by {
        Some(manifest) => format!("it is missing, and {} needs it", manifest.label()),
        None => "it is missing".to_owned(),
    }
}
