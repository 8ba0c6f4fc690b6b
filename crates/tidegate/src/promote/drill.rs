//! Could everything be restored, and how long would it take?
//!
//! A drill does what a rollback needs: it finds the last known good by one read, reads its manifest and the bytes of every
//! component that is kept here, and checks each against its digest. What lies elsewhere is named, not fetched.

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

/// Restores the last known good of a name, into a folder if there is one.
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
    let bundle = now.last_known_good.parse::<Digest>().map_err(|error| {
        Failure::infrastructure(
            "TG656",
            format!("the pointer names no bundle: {error}"),
            "run `tidegate promote verify`",
        )
    })?;
    let mut found =
        Rehearsal { bundle, restored: 0, elsewhere: Vec::new(), problems: Vec::new(), took: Duration::ZERO };
    match registry.get(bundle).await {
        Err(failure) => found.problems.push(failure.to_string()),
        Ok(manifest) => {
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
        }
    }
    found.took = clock().saturating_sub(begun);
    Ok(found)
}

fn write(into: Option<&Path>, name: &str, bytes: &[u8]) -> Result<()> {
    let Some(folder) = into else { return Ok(()) };
    let path = folder.join(name);
    let written = std::fs::create_dir_all(path.parent().unwrap_or(folder)).and_then(|()| std::fs::write(&path, bytes));
    written.map_err(|error| Failure::io("write", path.display(), &error))
}
