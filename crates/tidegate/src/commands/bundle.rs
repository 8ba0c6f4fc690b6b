//! `tidegate bundle`: versions of an agent, kept as a whole.

mod create;
mod show;

use std::fmt::Write;
use std::process::ExitCode;

use serde::Serialize;
use tidegate_gate::bundle::{Change, Digest, Kind, Manifest, Pin, diff};

use crate::cli::Place;
use crate::cli::bundle::{Bundle, BundleCommand};
use crate::config::Config;
use crate::failure::{Failure, Result};
use crate::output::print;
use crate::registry::{Audit, Registry};
use crate::storage;
use crate::words::counted;

pub(crate) async fn run(place: &Place, options: Bundle) -> Result<ExitCode> {
    let config = Config::read(&place.project)?;
    let registry = Registry::open(storage::open(&storage::root_of(place, &config)?, &config)?);
    match options.command {
        BundleCommand::Create(options) => create::run(place, &registry, &options).await?,
        BundleCommand::Ls { json } => list(&registry, json).await?,
        BundleCommand::Show { bundle, json } => show::run(&registry, &bundle, json).await?,
        BundleCommand::Diff { before, after, json } => compare(&registry, [&before, &after], json).await?,
        BundleCommand::Verify { bundle, json } => return verify(&registry, bundle.as_deref(), json).await,
    }
    Ok(ExitCode::SUCCESS)
}

/// One label.
#[derive(Debug, Serialize)]
struct Listed {
    label: String,
    digest: Digest,
}

async fn list(registry: &Registry, json: bool) -> Result<()> {
    let labels = registry.list().await?;
    if json {
        let listed = labels.iter().map(|(label, digest)| Listed { label: label.to_string(), digest: *digest });
        return print(&to_json(&listed.collect::<Vec<_>>())?);
    }
    if labels.is_empty() {
        return print("there are no bundles yet: write a bundle.yaml, and `tidegate bundle create` it\n");
    }
    print(&labels.iter().map(|(label, digest)| format!("{label}  {digest}\n")).collect::<String>())
}

/// What differs between two bundles.
#[derive(Debug, Serialize)]
struct Difference {
    before: Listed,
    after: Listed,
    changes: Vec<Change>,
}

async fn compare(registry: &Registry, texts: [&str; 2], json: bool) -> Result<()> {
    let [before, after] = texts;
    let (before, after) = (registry.resolve(before).await?, registry.resolve(after).await?);
    let (before, after) = (registry.get(before).await?, registry.get(after).await?);
    let listed = |manifest: &Manifest| Listed { label: manifest.label().to_string(), digest: manifest.digest() };
    let difference = Difference { before: listed(&before), after: listed(&after), changes: diff(&before, &after) };
    print(&if json { to_json(&difference)? } else { describe(&difference) })
}

fn describe(difference: &Difference) -> String {
    let Difference { before, after, changes } = difference;
    let mut text = format!("{} {}\n{} {}\n", before.label, short(before.digest), after.label, short(after.digest));
    for change in changes {
        let side = |pin: &Option<Pin>| pin.as_ref().map(|pin| format!("{} {}", pin.version, short(pin.digest)));
        let what = match change.kind {
            Kind::Added => "added  ",
            Kind::Removed => "removed",
            Kind::Changed => "changed",
        };
        let sides = [side(&change.before), side(&change.after)];
        let sides = sides.into_iter().flatten().collect::<Vec<_>>().join(" -> ");
        let _ = writeln!(text, "  {what} {}/{}: {sides}", change.part, change.name);
    }
    if changes.is_empty() {
        text.push_str("  all components are the same\n");
    }
    text
}

async fn verify(registry: &Registry, bundle: Option<&str>, json: bool) -> Result<ExitCode> {
    let audit = match bundle {
        Some(text) => registry.audit_one(registry.resolve(text).await?).await?,
        None => registry.audit().await?,
    };
    print(&if json { to_json(&audit)? } else { say(&audit) })?;
    Ok(if audit.bad.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn say(audit: &Audit) -> String {
    let count = |count: usize, what| counted(count as u64, what);
    let (bundles, blobs) = (count(audit.bundles, "bundle"), count(audit.blobs, "blob"));
    let seen = format!("{bundles}, {blobs} and {} were read", count(audit.labels, "label"));
    if audit.bad.is_empty() {
        return format!("{seen}: every digest is right\n");
    }
    let bad = audit.bad.iter().map(|(path, problem)| format!("{path}: {problem}\n")).collect::<String>();
    format!("{bad}{seen}: {} not right; restore what was changed from a backup\n", are(audit.bad.len()))
}

fn are(count: usize) -> String {
    if count == 1 { "1 file is".to_owned() } else { format!("{count} files are") }
}

/// Enough of a digest for people to tell it from others.
fn short(digest: Digest) -> String {
    format!("sha256:{}", &digest.hex()[..12])
}

fn to_json(value: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string_pretty(value);
    let text = text.map_err(|error| Failure::infrastructure("TG500", error.to_string(), "report this as a bug"))?;
    Ok(text + "\n")
}
