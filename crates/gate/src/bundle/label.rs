//! How do people name a bundle?

use std::fmt;
use std::str::FromStr;

use semver::Version;

use super::digest::Digest;
use super::name::Name;

/// A bundle's name and version, written `support@1.5.0`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label {
    /// The bundle's name.
    pub bundle: Name,
    /// Its version.
    pub version: Version,
}

/// A bundle, meant by its digest or by its label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// These bytes.
    Digest(Digest),
    /// Whatever bytes have the label.
    Label(Label),
}

/// A text that names no bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it must be {}", Reference::RULE)]
pub struct NotAReference;

impl Reference {
    pub(super) const RULE: &str = "a label such as `support@1.4.0` or a digest, `sha256:` and 64 digits";
}

/// Of two versions that differ only behind a `+` neither is later, so labels have none.
pub(super) fn can_label(version: &Version) -> bool {
    version.build.is_empty()
}

impl FromStr for Reference {
    type Err = NotAReference;

    fn from_str(text: &str) -> Result<Self, NotAReference> {
        let Some((bundle, version)) = text.split_once('@') else {
            return text.parse().map(Self::Digest).map_err(|_| NotAReference);
        };
        let bundle = bundle.parse().map_err(|_| NotAReference)?;
        let version = version.parse().ok().filter(can_label).ok_or(NotAReference)?;
        Ok(Self::Label(Label { bundle, version }))
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.bundle, self.version)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digest(digest) => digest.fmt(f),
            Self::Label(label) => label.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_read_as_it_is_shown() {
        for text in ["support@1.4.0", "support@2.0.0-rc.1", &Digest::of(b"").to_string()] {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), text);
        }
        for bad in ["support", "support@", "support@1.4", "support@1.4.0+a", "@1.4.0", "Support@1.4.0", "sha256:e3b0"] {
            assert_eq!(bad.parse::<Reference>(), Err(NotAReference), "{bad}");
        }
    }
}
