//! Does the typed text make a bundle? Every rule of a declaration is checked here, once.

use std::collections::BTreeMap;
use std::str::FromStr;

use tidegate_document::{Fault, Location, Misread, Place, Source, Spanned};

use super::declaration::{Content, Declaration, DeclaredPin, LocalFile};
use super::error::{Error, Result};
use super::label::can_label;
use super::manifest::Parents;
use super::raw::{RawBundle, RawParents, RawPin, RawPins};
use super::{Digest, Label, Name, Reference, Uri, Version};

const VERSION_RULE: &str = "a semantic version such as 1.4.0";
const LABEL_RULE: &str = "a semantic version such as 1.4.0, without build metadata";
const PATH_RULE: &str = "a path relative to this file, with `/` and without `..`";
const CONTENT_RULE: &str = "either a `file`, or a `digest` with a `uri`";

pub(super) fn parse(file: &str, text: &str) -> Result<Declaration> {
    let source = Source { file, text };
    let raw: RawBundle = source.read()?;
    Reader { source }.raise(raw)
}

/// Checks what was typed, with the text for places in errors.
struct Reader<'a> {
    source: Source<'a>,
}

impl Reader<'_> {
    fn at(&self, place: Place) -> Location {
        self.source.at(place)
    }

    /// A value that breaks a rule.
    fn not_allowed(&self, name: &'static str, value: &Spanned<String>, rule: &'static str) -> Error {
        Error::NotAllowed { at: self.at(value.referenced), name, found: value.value.clone(), rule }
    }

    fn raise(&self, raw: RawBundle) -> Result<Declaration> {
        let version: Version = self.read("version", &raw.version, LABEL_RULE)?;
        if !can_label(&version) {
            return Err(self.not_allowed("version", &raw.version, LABEL_RULE));
        }
        Ok(Declaration {
            label: Label { bundle: self.read("bundle", &raw.bundle, Name::RULE)?, version },
            version_at: self.at(raw.version.referenced),
            author: self.line("author", &raw.author)?,
            parents: raw.parents.as_ref().map(|parents| self.parents(parents)).transpose()?,
            components: raw
                .components
                .into_iter()
                .map(|(part, pins)| Ok((part, self.pins(pins)?)))
                .collect::<Result<_>>()?,
            rollback: raw.rollback.iter().map(|step| self.line("rollback", step)).collect::<Result<_>>()?,
            notes: raw.notes.map(|notes| notes.value.trim().to_owned()).unwrap_or_default(),
        })
    }

    fn parents(&self, raw: &RawParents) -> Result<Parents<(Reference, Location)>> {
        let read = |name, text: &Spanned<String>| -> Result<_> {
            Ok((self.read(name, text, Reference::RULE)?, self.at(text.referenced)))
        };
        Ok(Parents {
            previous: read("parents.previous", &raw.previous)?,
            last_known_good: read("parents.last_known_good", &raw.last_known_good)?,
        })
    }

    fn pins(&self, raw: Spanned<RawPins>) -> Result<BTreeMap<Name, DeclaredPin>> {
        let RawPins(pins) = raw.value;
        if pins.is_empty() {
            let expected = "at least one component; leave the part out until then".into();
            return Err(Misread { at: self.at(raw.referenced), fault: Fault::WrongKind { expected } }.into());
        }
        let pin = |(name, pin): (Spanned<String>, RawPin)| {
            Ok((self.read("a component's name", &name, Name::RULE)?, self.pin(name.referenced, &pin)?))
        };
        pins.into_iter().map(pin).collect()
    }

    fn pin(&self, at: Place, raw: &RawPin) -> Result<DeclaredPin> {
        let content = match (&raw.file, &raw.digest, &raw.uri) {
            (Some(file), None, None) => Content::Local(self.file(file)?),
            (None, Some(digest), Some(uri)) => {
                Content::Elsewhere(self.read("digest", digest, Digest::RULE)?, self.read("uri", uri, Uri::RULE)?)
            }
            (file, digest, uri) => {
                let given = [("file", file), ("digest", digest), ("uri", uri)];
                let given = given.into_iter().filter_map(|(name, value)| value.as_ref().map(|_| name));
                let found = given.collect::<Vec<_>>().join(", ");
                let found = if found.is_empty() { "nothing".to_owned() } else { found };
                return Err(Error::NotAllowed { at: self.at(at), name: "the content", found, rule: CONTENT_RULE });
            }
        };
        let version = self.read("version", &raw.version, VERSION_RULE)?;
        Ok(DeclaredPin { version, version_at: self.at(raw.version.referenced), content })
    }

    fn file(&self, path: &Spanned<String>) -> Result<LocalFile> {
        let is_name = |name: &str| !matches!(name, "" | "." | "..") && !name.contains(['\\', ':']);
        if !path.value.split('/').all(is_name) {
            return Err(self.not_allowed("file", path, PATH_RULE));
        }
        Ok(LocalFile { path: path.value.clone(), at: self.at(path.referenced) })
    }

    fn line(&self, name: &'static str, text: &Spanned<String>) -> Result<String> {
        let line = text.value.trim();
        if line.is_empty() {
            return Err(self.not_allowed(name, text, "some text"));
        }
        Ok(line.to_owned())
    }

    fn read<T: FromStr>(&self, name: &'static str, text: &Spanned<String>, rule: &'static str) -> Result<T> {
        text.value.parse().map_err(|_| self.not_allowed(name, text, rule))
    }
}
