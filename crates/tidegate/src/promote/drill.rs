//! Could everything be restored, and how long would it take?
//!
//! A drill does what a rollback needs: it finds by one read what everybody has, to which a candidate goes back, and the last
//! known good, to which everybody goes back; it reads their manifests and the bytes of every component that is kept here, and
//! checks each against its digest. What lies elsewhere is named, not fetched.

use std::path::Path;
use std::time::Duration;

use tidegate_gate::bundle::Digest;
use tidegate_gate::rollout::Rollout;

use crate::failure::{Failure, Result};
use crate::registry::Registry;

/// What a rehearsal found.
#[derive(Debug)]
pub(crate) struct Rehearsal {
    pub(crate) bundle: Digest,
    /// Components that are kept here and are whole.
    pub(crate) restored: usize,
    /// Components that lie elsewhere.
    pub(crate) elsewhere: Vec<String>,
    /// What is damaged or missing.
    pub(crate) problems: Vec<String>,
    pub(crate) took: Duration,
}

/// Restores what everybody has, into a folder if there is one, and the last known good if that is another.
///
/// # Errors
/// When nothing runs, or the store fails; a component that is damaged is found, not an error.
pub(crate) async fn rehearse(
    registry: &Registry,
    rollout: &Rollout,
    into: Option<&Path>,
    clock: impl Fn() -> Duration,
) -> Result<Rehearsal> {
    let begun = clock();
    let now = rollout.now().ok_or_else(|| {
        Failure::usage("TG662", "nothing runs yet that could be restored", "register a baseline and promote it")
    })?;
    let digest = |text: &str| {
        text.parse::<Digest>().map_err(|error| {
            let cause = format!("the pointer names no bundle: {error}");
            Failure::infrastructure("TG656", cause, "run `tidegate promote verify`")
        })
    };
    let (bundle, good) = (digest(&now.general)?, digest(&now.last_known_good)?);
    let mut found =
        Rehearsal { bundle, restored: 0, elsewhere: Vec::new(), problems: Vec::new(), took: Duration::ZERO };
    restore(registry, bundle, into, &mut found).await?;
    if good != bundle {
        restore(registry, good, None, &mut found).await?;
    }
    found.took = clock().saturating_sub(begun);
    Ok(found)
}

async fn restore(registry: &Registry, bundle: Digest, into: Option<&Path>, found: &mut Rehearsal) -> Result<()> {
    let manifest = match registry.get(bundle).await {
        Ok(manifest) => manifest,
        Err(failure) => {
            found.problems.push(failure.to_string());
            return Ok(());
        }
    };
    for (part, name, pin) in manifest.pins() {
        let what = format!("{}/{name}", part.name());
        if !pin.is_kept() {
            found.elsewhere.push(what);
            continue;
        }
        match registry.blob(pin.digest).await? {
            Some(bytes) if Digest::of(&bytes) == pin.digest => {
                write(into, &what, &bytes)?;
                found.restored += 1;
            }
            Some(_) => found.problems.push(format!("{what} is damaged")),
            None => found.problems.push(format!("{what} is missing")),
        }
    }
    Ok(())
}

fn write(into: Option<&Path>, name: &str, bytes: &[u8]) -> Result<()> {
    let Some(folder) = into else { return Ok(()) };
    let path = folder.join(name);
    let written = std::fs::create_dir_all(path.parent().unwrap_or(folder)).and_then(|()| std::fs::write(&path, bytes));
    written.map_err(|error| Failure::io("write", path.display(), &error))
}
