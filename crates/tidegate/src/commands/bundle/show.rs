//! `tidegate bundle show`: what does a bundle pin, where does it come from, and what does it lack?

use std::fmt::Write;

use serde::Serialize;
use tidegate_gate::bundle::{Digest, Manifest};

use super::{short, to_json};
use crate::failure::Result;
use crate::output::print;
use crate::registry::Registry;

/// A bundle, and what its bytes do not say.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    digest: Digest,
    missing: Vec<&'static str>,
    #[serde(flatten)]
    manifest: &'a Manifest,
}

pub(super) async fn run(registry: &Registry, text: &str, json: bool) -> Result<()> {
    let digest = registry.resolve(text).await?;
    let manifest = registry.get(digest).await?;
    if json {
        return print(&to_json(&Shown { digest, missing: manifest.missing_parts(), manifest: &manifest })?);
    }
    let mut shown = describe(digest, &manifest);
    if let Some(parents) = &manifest.parents {
        for (role, parent) in [("previous", parents.previous), ("last known good", parents.last_known_good)] {
            // A parent that cannot be read is for `verify` to tell; this bundle can be shown without it.
            let label = registry.get(parent).await.map_or_else(|_| "not here".to_owned(), |it| it.label().to_string());
            let _ = writeln!(shown, "{role}: {label} {}", short(parent));
        }
    }
    shown.push_str(&lacks(&manifest.missing_parts()));
    print(&shown)
}

fn describe(digest: Digest, manifest: &Manifest) -> String {
    let mut text = format!("{} {digest}\n", manifest.label());
    let _ = writeln!(text, "by {} at {}", manifest.author, manifest.created_at);
    for line in manifest.notes.lines() {
        let _ = writeln!(text, "  {line}");
    }
    text.push_str("components:\n");
    let wide = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
    let part_width = wide(&mut manifest.pins().map(|(part, ..)| part.name().len()));
    let name_width = wide(&mut manifest.pins().map(|(_, name, _)| name.as_str().len()));
    let version_width = wide(&mut manifest.pins().map(|(.., pin)| pin.version.to_string().len()));
    for (part, name, pin) in manifest.pins() {
        let (part, version, content) = (part.name(), pin.version.to_string(), short(pin.digest));
        let place = pin.uri.as_ref().map_or("kept here", |uri| uri.as_str());
        let _ =
            writeln!(text, "  {part:part_width$}  {name:name_width$}  {version:version_width$}  {content}  {place}");
    }
    text.push_str("rollback:\n");
    for (step, number) in manifest.rollback.iter().zip(1..) {
        let _ = writeln!(text, "  {number}. {step}");
    }
    text
}

/// Whether a bundle can be promoted as far as its own content goes.
pub(super) fn lacks(missing: &[&str]) -> String {
    match missing {
        [] => "nothing is missing\n".to_owned(),
        missing => format!("it cannot be promoted: it lacks {}\n", missing.join(", ")),
    }
}
