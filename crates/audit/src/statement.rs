//! What is said about what?
//!
//! An [in-toto Statement v1](https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md): subjects, each a
//! name and a SHA-256, and a predicate about them. Absent: what predicates mean, and who says it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::canonical;
use crate::error::{Error, Result};

/// The type of every statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// A predicate about some subjects.
///
/// ```
/// use tidegate_audit::{Statement, Subject};
///
/// let subject = Subject::of("bundle", b"what was approved");
/// let statement = Statement::new(vec![subject], "https://example.com/approval/v1", [("by".into(), "alice".into())])?;
/// assert_eq!(Statement::decode(&statement.encode())?, statement);
/// # Ok::<(), tidegate_audit::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Statement {
    #[serde(rename = "_type")]
    type_uri: String,
    subject: Vec<Subject>,
    predicate_type: String,
    predicate: Map<String, Value>,
}

/// A thing that a statement is about, by its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// What it is called.
    pub name: String,
    /// Which one it is.
    pub digest: DigestSet,
}

/// The digests of a subject. SHA-256 is the only one used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DigestSet {
    /// 64 lower-case hex digits.
    pub sha256: String,
}

impl Subject {
    /// A subject whose content is at hand.
    pub fn of(name: impl Into<String>, content: &[u8]) -> Self {
        Self::with_digest(name, format!("{:x}", Sha256::digest(content)))
    }

    /// A subject whose SHA-256 is known, as 64 lower-case hex digits.
    pub fn with_digest(name: impl Into<String>, sha256: impl Into<String>) -> Self {
        Self { name: name.into(), digest: DigestSet { sha256: sha256.into() } }
    }
}

impl Statement {
    /// A statement about some subjects.
    ///
    /// # Errors
    /// [`Error::Statement`] without subjects, with a digest that is not one, or with a predicate type without a scheme.
    pub fn new(
        subject: Vec<Subject>,
        predicate_type: impl Into<String>,
        predicate: impl IntoIterator<Item = (String, Value)>,
    ) -> Result<Self> {
        Self {
            type_uri: STATEMENT_TYPE.to_owned(),
            subject,
            predicate_type: predicate_type.into(),
            predicate: predicate.into_iter().collect(),
        }
        .checked()
    }

    /// The things it speaks about.
    pub fn subjects(&self) -> &[Subject] {
        &self.subject
    }

    /// What kind of predicate it is: a URI.
    pub fn predicate_type(&self) -> &str {
        &self.predicate_type
    }

    /// What it says.
    pub fn predicate(&self) -> &Map<String, Value> {
        &self.predicate
    }

    /// The one string of bytes that stands for it: JSON, names in byte order, no white space.
    pub fn encode(&self) -> Vec<u8> {
        let subjects = self
            .subject
            .iter()
            .map(|subject| serde_json::json!({"name": subject.name, "digest": {"sha256": subject.digest.sha256}}));
        let value = serde_json::json!({
            "_type": self.type_uri,
            "subject": subjects.collect::<Vec<_>>(),
            "predicateType": self.predicate_type,
            "predicate": self.predicate,
        });
        canonical::text(&value).into_bytes()
    }

    /// Reads a statement. Only what [`encode`](Self::encode) writes is one.
    ///
    /// # Errors
    /// [`Error::Statement`] for everything else.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let statement: Self = serde_json::from_slice(bytes).map_err(|e| fault(e.to_string()))?;
        let statement = statement.checked()?;
        match canonical::first_difference(bytes, &statement.encode()) {
            None => Ok(statement),
            Some(at) => Err(fault(format!("not in canonical form from byte {at} on"))),
        }
    }

    fn checked(self) -> Result<Self> {
        if self.type_uri != STATEMENT_TYPE {
            return Err(fault(format!("its _type is `{}`, not {STATEMENT_TYPE}", self.type_uri)));
        }
        if self.subject.is_empty() {
            return Err(fault("it has no subject".into()));
        }
        if let Some(wrong) = self.subject.iter().find(|subject| !is_sha256(&subject.digest.sha256)) {
            return Err(fault(format!("the sha256 of subject `{}` is not 64 lower-case hex digits", wrong.name)));
        }
        if !self.predicate_type.contains("://") {
            return Err(fault(format!("its predicateType `{}` is not a URI", self.predicate_type)));
        }
        Ok(self)
    }
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
}

fn fault(problem: String) -> Error {
    Error::Statement { problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf '' | sha256sum`
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn sample() -> Statement {
        let predicate = [("z".to_owned(), Value::from(0.1)), ("a".to_owned(), Value::from("ä"))];
        Statement::new(vec![Subject::of("s", b"")], "https://example.com/p/v1", predicate).unwrap()
    }

    #[test]
    fn its_bytes_are_canonical() {
        let expected = format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","predicate":{{"a":"ä","z":0.1}},"predicateType":"https://example.com/p/v1","subject":[{{"digest":{{"sha256":"{EMPTY}"}},"name":"s"}}]}}"#
        );
        assert_eq!(String::from_utf8(sample().encode()).unwrap(), expected);
        assert_eq!(Statement::decode(expected.as_bytes()).unwrap(), sample());
    }

    #[test]
    fn everything_else_is_refused() {
        let good = String::from_utf8(sample().encode()).unwrap();
        let check = |from: &str, to: &str, problem: &str| {
            assert!(good.contains(from), "{from}");
            let error = Statement::decode(good.replacen(from, to, 1).as_bytes()).unwrap_err();
            assert!(error.to_string().contains(problem), "{error}");
        };
        check("Statement/v1", "Statement/v0.1", "_type");
        check("{\"_type", "{ \"_type", "canonical form from byte 1 on");
        check("\"name\":\"s\"", "\"name\":\"s\",\"uri\":\"u\"", "unknown field `uri`");
        check("\"sha256\":\"e3", "\"sha256\":\"E3", "64 lower-case hex digits");
        check("https://example.com/p", "p", "not a URI");
        check("\"z\":0.1", "\"z\":0.10", "canonical");
        check("\"z\":0.1", "\"a\":\"ä\"", "canonical");
        assert!(Statement::new(vec![], "https://example.com/p/v1", []).is_err());
    }
}
