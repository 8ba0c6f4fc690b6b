//! How does a row name its evidence?
//!
//! By where it lies, in words that tell nothing: the tenant's name is a keyed hash, the object's is drawn.

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;
use tidegate_keyring::Owner;

/// Names one text of evidence.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EvidenceRef {
    pub(crate) object: ObjectName,
    pub(crate) number: u32,
}

/// Where texts lie that were written together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ObjectName {
    pub(crate) tenant: Owner,
    /// The day (UTC) on which the last of them expires.
    pub(crate) day: NaiveDate,
    pub(crate) drawn: u128,
}

impl ObjectName {
    pub(crate) fn path(&self) -> String {
        format!("{FOLDER}/{}/{}/{:032x}", self.tenant, self.day.format("%Y-%m-%d"), self.drawn)
    }

    /// The object at a path below [`FOLDER`], if that is one.
    pub(crate) fn of_path(path: &str) -> Option<Self> {
        let mut parts = path.strip_prefix(FOLDER)?.strip_prefix('/')?.split('/');
        let (tenant, day, drawn) = (parts.next()?, parts.next()?, parts.next()?);
        let day = NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()?;
        let name = Self { tenant: tenant.parse().ok()?, day, drawn: drawn_of(drawn)? };
        (name.path() == path).then_some(name)
    }
}

/// Where evidence lies.
pub(crate) const FOLDER: &str = "evidence";

impl fmt::Display for EvidenceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ObjectName { tenant, day, drawn } = &self.object;
        write!(f, "ev_{tenant}_{}_{drawn:032x}_{}", day.format("%Y%m%d"), self.number)
    }
}

impl fmt::Debug for EvidenceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that names no evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no reference to evidence: take it from `evidence_ref` of a row, where it begins with `ev_`")]
pub struct NoReference;

impl NoReference {
    /// The stable code of the problem.
    pub fn code(&self) -> &'static str {
        "TG737"
    }
}

impl FromStr for EvidenceRef {
    type Err = NoReference;

    fn from_str(text: &str) -> Result<Self, NoReference> {
        read(text).filter(|reference| reference.to_string() == text).ok_or(NoReference)
    }
}

fn read(text: &str) -> Option<EvidenceRef> {
    let mut parts = text.strip_prefix("ev_")?.split('_');
    let (tenant, day, drawn, number) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let tenant: Owner = tenant.parse().ok().filter(|tenant: &Owner| !tenant.is_user())?;
    let day = NaiveDate::parse_from_str(day, "%Y%m%d").ok()?;
    Some(EvidenceRef { object: ObjectName { tenant, day, drawn: drawn_of(drawn)? }, number: number.parse().ok()? })
}

fn drawn_of(text: &str) -> Option<u128> {
    (text.len() == 32).then(|| u128::from_str_radix(text, 16).ok()).flatten()
}
