//! Whose labels are under suspicion, and since when? `label_quarantine.toml` says so.
//!
//! What is under suspicion is not deleted: it counts as never said, assertions and retractions alike, and counts again
//! when the entry is taken out. An entry holds from `since` on, so that a look back to before it sees what was seen then.

use serde::Deserialize;
use tidegate_document::Source;
use toml::Spanned;
use toml::value::Datetime;

use crate::error::{Error, Result};
use crate::typed::Typed;

/// The labels that are under suspicion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quarantine {
    entries: Vec<Entry>,
}

/// One suspicion: labels that agree with all that is named here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Of this annotator.
    pub annotator_token: Option<String>,
    /// Of this tenant.
    pub tenant: Option<String>,
    /// From this system.
    pub source_system: Option<String>,
    /// Written by an emitter of this `schema_version`.
    pub schema_version: Option<String>,
    /// Dated then or later: microseconds since 1970, as `labeled_at`.
    pub from_us: i64,
    /// Dated earlier than this.
    pub to_us: i64,
    /// Why.
    pub reason: String,
    /// Since when the suspicion holds: microseconds since 1970, as `ingested_at`.
    pub since_us: i64,
}

/// What of a label a suspicion looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Suspect<'a> {
    pub(crate) annotator: Option<&'a str>,
    pub(crate) tenant: &'a str,
    pub(crate) source_system: Option<&'a str>,
    pub(crate) schema_version: Option<&'a str>,
    pub(crate) labeled_us: i64,
}

impl Quarantine {
    /// The name of the file in a project.
    pub const FILE: &str = "label_quarantine.toml";

    /// Reads the list; `file` names the text in errors, nothing is opened.
    ///
    /// # Errors
    /// TG780 to TG784, each with its place.
    ///
    /// ```
    /// let list = tidegate_labels::Quarantine::parse("label_quarantine.toml", r#"
    ///     [[entry]]
    ///     annotator_token = "a_17"
    ///     from = 2026-01-05
    ///     since = 2026-01-10T09:00:00Z
    ///     reason = "a burst of 400 labels in an hour"
    /// "#)?;
    /// assert_eq!(list.entries().len(), 1);
    /// # Ok::<(), tidegate_labels::Error>(())
    /// ```
    pub fn parse(file: &str, text: &str) -> Result<Self> {
        let typed = Typed(Source { file, text });
        let raw: RawQuarantine = typed.read()?;
        let entries = raw.entry.into_iter().map(|entry| entry.raise(&typed)).collect::<Result<_>>()?;
        Ok(Self { entries })
    }

    /// The suspicions in their order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The suspicion that a label falls under as of an instant; all that are listed hold where none is given.
    pub(crate) fn holds(&self, suspect: &Suspect<'_>, as_of_us: Option<i64>) -> Option<&Entry> {
        let in_force = |entry: &&Entry| as_of_us.is_none_or(|as_of| entry.since_us <= as_of);
        self.entries.iter().filter(in_force).find(|entry| entry.matches(suspect))
    }
}

impl Entry {
    fn matches(&self, suspect: &Suspect<'_>) -> bool {
        let agrees = |named: &Option<String>, found: Option<&str>| named.as_deref().is_none_or(|n| found == Some(n));
        agrees(&self.annotator_token, suspect.annotator)
            && agrees(&self.tenant, Some(suspect.tenant))
            && agrees(&self.source_system, suspect.source_system)
            && agrees(&self.schema_version, suspect.schema_version)
            && (self.from_us..self.to_us).contains(&suspect.labeled_us)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawQuarantine {
    #[serde(default)]
    entry: Vec<Spanned<RawEntry>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    annotator_token: Option<String>,
    tenant: Option<String>,
    source_system: Option<String>,
    schema_version: Option<String>,
    from: Option<Spanned<Datetime>>,
    to: Option<Spanned<Datetime>>,
    reason: Spanned<String>,
    since: Spanned<Datetime>,
}

trait Raise {
    fn raise(self, typed: &Typed<'_>) -> Result<Entry>;
}

impl Raise for Spanned<RawEntry> {
    fn raise(self, typed: &Typed<'_>) -> Result<Entry> {
        let span = self.span();
        let raw = self.into_inner();
        let names = [&raw.annotator_token, &raw.tenant, &raw.source_system, &raw.schema_version];
        if names.iter().all(|name| name.is_none()) {
            return Err(Error::NamesNobody { at: typed.at(span) });
        }
        if raw.reason.get_ref().trim().is_empty() {
            return Err(typed.not_allowed("reason", &raw.reason.span(), "a reason that others will understand"));
        }
        let from_us = raw.from.as_ref().map(|from| typed.instant("from", from)).transpose()?.unwrap_or(i64::MIN);
        let to_us = raw.to.as_ref().map(|to| typed.instant("to", to)).transpose()?.unwrap_or(i64::MAX);
        if let Some(to) = raw.to.as_ref().filter(|_| to_us <= from_us) {
            return Err(typed.not_allowed("to", &to.span(), "an instant after `from`"));
        }
        let since_us = typed.instant("since", &raw.since)?;
        Ok(Entry {
            annotator_token: raw.annotator_token,
            tenant: raw.tenant,
            source_system: raw.source_system,
            schema_version: raw.schema_version,
            from_us,
            to_us,
            reason: raw.reason.into_inner(),
            since_us,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let error = Quarantine::parse("label_quarantine.toml", text).unwrap_err();
        assert_eq!(format!("{} {error}", error.code()), expected);
    }

    #[test]
    fn refusals_have_a_place() {
        check("[[entry]]\nsince = 2026-01-01\n", "TG782 label_quarantine.toml:1:1: `reason` is missing");
        check(
            "[[entry]]\nreason = 'x'\nsince = 2026-01-01\n",
            "TG784 label_quarantine.toml:1:1: the entry names nobody",
        );
        check(
            "[[entry]]\nreason = 'x'\ntenant = 't'\nsince = 2026-01-01T10:00:00\n",
            "TG783 label_quarantine.toml:4:9: since must be a date or a time with its zone, as in 2026-01-05T10:00:00Z",
        );
        check(
            "[[entry]]\nreason = 'x'\ntenant = 't'\nsince = 2026-01-01\nfrom = 2026-01-02\nto = 2026-01-02\n",
            "TG783 label_quarantine.toml:6:6: to must be an instant after `from`",
        );
        check("[[entry]]\nannotator = 'a'\n", "TG781 label_quarantine.toml:2:1: unknown name `annotator`");
    }

    #[test]
    fn an_entry_holds_from_since_on_for_what_it_names() {
        let text = "[[entry]]\ntenant = 't'\nfrom = 1970-01-02\nto = 1970-01-03\nsince = 1970-01-05T01:00:00+01:00\nreason = 'x'";
        let list = Quarantine::parse("q", text).unwrap();
        let day = 86_400_000_000;
        let suspect = |tenant, labeled_us| Suspect {
            annotator: None,
            tenant,
            source_system: None,
            schema_version: None,
            labeled_us,
        };
        assert!(list.holds(&suspect("t", day), None).is_some());
        assert!(list.holds(&suspect("t", day), Some(4 * day)).is_some());
        assert!(list.holds(&suspect("t", day), Some(4 * day - 1)).is_none());
        assert!(list.holds(&suspect("u", day), None).is_none());
        assert!(list.holds(&suspect("t", 2 * day), None).is_none());
    }
}
