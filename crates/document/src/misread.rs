//! Why is a text not what it should be, before any rule about its values is asked?

use std::fmt;

use crate::{Location, nearest};

/// A text that cannot be read as the declaration it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {fault}")]
pub struct Misread {
    /// Where.
    pub at: Location,
    /// What is wrong there.
    pub fault: Fault,
}

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It is not YAML or not TOML, or not one document.
    Syntax {
        /// What the reader says.
        message: String,
    },
    /// A name the declaration does not have.
    UnknownName {
        /// The name.
        name: String,
        /// The names that may stand there.
        allowed: Vec<String>,
    },
    /// A name that must be there is not.
    MissingName {
        /// The missing name.
        name: String,
    },
    /// The same name twice in one block.
    RepeatedName {
        /// The name.
        name: String,
    },
    /// A value of another kind was expected.
    WrongKind {
        /// What belongs there.
        expected: String,
    },
}

/// A kind of YAML file, as its complaints speak about it.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// What one of them is called: `a gate file`.
    pub noun: &'static str,
    /// The stable codes of its misreadings.
    pub codes: Codes,
}

/// The stable codes of misreadings, one for each [`Fault`].
#[derive(Debug, Clone, Copy)]
pub struct Codes {
    /// Of [`Fault::Syntax`].
    pub yaml: &'static str,
    /// Of [`Fault::UnknownName`].
    pub unknown_name: &'static str,
    /// Of [`Fault::MissingName`].
    pub missing_name: &'static str,
    /// Of [`Fault::RepeatedName`].
    pub repeated_name: &'static str,
    /// Of [`Fault::WrongKind`].
    pub wrong_kind: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { message } => f.write_str(message),
            Self::UnknownName { name, .. } => write!(f, "unknown name `{name}`"),
            Self::MissingName { name } => write!(f, "`{name}` is missing"),
            Self::RepeatedName { name } => write!(f, "`{name}` is given twice"),
            Self::WrongKind { expected } => write!(f, "expected {expected}"),
        }
    }
}

impl Misread {
    /// A block that lacks a name.
    #[must_use]
    pub fn missing(at: Location, name: &str) -> Self {
        Self { at, fault: Fault::MissingName { name: name.to_owned() } }
    }

    /// The stable code, which is the file kind's own.
    #[must_use]
    pub fn code(&self, kind: &Kind) -> &'static str {
        match self.fault {
            Fault::Syntax { .. } => kind.codes.yaml,
            Fault::UnknownName { .. } => kind.codes.unknown_name,
            Fault::MissingName { .. } => kind.codes.missing_name,
            Fault::RepeatedName { .. } => kind.codes.repeated_name,
            Fault::WrongKind { .. } => kind.codes.wrong_kind,
        }
    }

    /// What repairs it.
    #[must_use]
    pub fn help(&self, kind: &Kind) -> String {
        match &self.fault {
            Fault::Syntax { .. } => format!("{} is one YAML document", kind.noun),
            Fault::UnknownName { name, allowed } => {
                match nearest(name, &allowed.iter().map(String::as_str).collect::<Vec<_>>()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if allowed.is_empty() => "allowed here: none".into(),
                    None => format!("allowed here: {}", allowed.join(", ")),
                }
            }
            Fault::MissingName { name } => format!("add `{name}:`"),
            Fault::RepeatedName { name } => format!("keep one `{name}:`"),
            Fault::WrongKind { expected } => format!("write {expected}"),
        }
    }
}
