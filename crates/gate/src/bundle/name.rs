//! What may a bundle, a component and a place elsewhere be called?

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name of a bundle or of a component. It stands in paths, so it has no capitals: on some disks `A` is `a`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Name(String);

/// Where bytes lie that Tidegate does not keep: a scheme, a colon and no white space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Uri(String);

impl Name {
    pub(super) const RULE: &str = "lower-case letters, digits and any of - _ ., at most 64, a letter or digit first";
}

impl Uri {
    pub(super) const RULE: &str = "a URI such as `s3://models/agent-7b`";
}

/// A text that breaks the rule it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it must be {0}")]
pub struct NotThis(&'static str);

impl TryFrom<String> for Name {
    type Error = NotThis;

    fn try_from(text: String) -> Result<Self, NotThis> {
        let first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let holds = text.len() <= 64
            && text.starts_with(first)
            && text.chars().all(|c| first(c) || matches!(c, '-' | '_' | '.'));
        if holds { Ok(Self(text)) } else { Err(NotThis(Self::RULE)) }
    }
}

impl TryFrom<String> for Uri {
    type Error = NotThis;

    fn try_from(text: String) -> Result<Self, NotThis> {
        let holds = text.split_once(':').is_some_and(|(scheme, rest)| {
            let follows = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(follows)
                && !rest.is_empty()
                && !rest.contains(|c: char| c.is_whitespace() || c.is_control())
        });
        if holds { Ok(Self(text)) } else { Err(NotThis(Self::RULE)) }
    }
}

/// Text in, text out, alike for both.
macro_rules! is_text {
    ($($type:ident),*) => {$(
        impl $type {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = NotThis;

            fn from_str(text: &str) -> Result<Self, NotThis> {
                text.to_owned().try_into()
            }
        }

        impl From<$type> for String {
            fn from(text: $type) -> Self {
                text.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    )*};
}

is_text!(Name, Uri);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_stand_in_a_path() {
        for good in ["support", "agent-7b", "v1.2_x", "0"] {
            assert_eq!(good.parse::<Name>().unwrap().as_str(), good);
        }
        for bad in ["", ".", "..", "-a", "Support", "a/b", "a@1", "a b", "é", &"a".repeat(65)] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }

    #[test]
    fn uris_have_a_scheme() {
        for good in ["s3://models/a", "oci://registry/x@sha256:00", "urn:x", "file:///a"] {
            assert_eq!(good.parse::<Uri>().unwrap().as_str(), good);
        }
        for bad in ["", "models/a", "s3:", ":x", "1s:x", "s3://a b", "s3://a\n"] {
            assert!(bad.parse::<Uri>().is_err(), "{bad}");
        }
    }
}
