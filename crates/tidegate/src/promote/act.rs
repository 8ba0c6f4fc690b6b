//! What can be done, and how is it stated?
//!
//! Each act is an in-toto statement whose subjects are the files it is about, by their digests, and whose predicate is the
//! act itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tidegate_audit::{Statement, Subject};
use tidegate_gate::rollout::{Approval, Drill, Judgement, Pointer, Registration};
use tidegate_gate::stage::Stage;
use tidegate_ledger::Charge;

use crate::failure::{Failure, Result};

const TYPE: &str = "https://tidegate.dev/attestation";

/// A registration with the text of its gates: frozen, so that an edited file is another gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Registered {
    pub(crate) registration: Registration,
    /// By the stage that it guards.
    pub(crate) gates: BTreeMap<Stage, String>,
}

impl Registered {
    /// The name of this plan for this bundle: another bundle or another gate is another one.
    pub(crate) fn id(&self) -> String {
        let Registration { name, bundle, gates, baseline, .. } = &self.registration;
        digest_of(&(name, bundle, gates, baseline))
    }
}

/// A verdict, and what it rests on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct VerdictFile<'a> {
    pub(crate) run_id: &'a str,
    pub(crate) registration: &'a str,
    pub(crate) step: u64,
    pub(crate) as_of_us: i64,
    pub(crate) share: Option<f64>,
    /// Released files, and the SHA-256 of their bytes.
    pub(crate) inputs: &'a BTreeMap<String, String>,
    /// What was true besides them.
    pub(crate) changed_signals: &'a [String],
    pub(crate) unpaid_days: &'a [String],
    pub(crate) verdict: Value,
}

/// A charge of the budget, as its log has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Charged {
    /// Its record's number.
    pub(crate) seq: u64,
    /// SHA-256 of the record's file.
    pub(crate) record: String,
    /// Who filed it.
    pub(crate) by: String,
    pub(crate) charge: Charge,
}

/// Something that was done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Act {
    Register(Registered),
    /// With the run's id.
    Judge(String, Judgement),
    Approve(Approval),
    Drill(Drill),
    Point(Pointer),
    Charge(Charged),
}

impl Act {
    /// Where its envelope lies.
    pub(crate) fn path(&self) -> String {
        match self {
            Self::Register(registered) => format!("registry/registrations/{}.json", registered.id()),
            Self::Judge(run_id, _) => format!("registry/judgements/{run_id}.json"),
            Self::Approve(approval) => {
                // Again, once it has expired.
                let id = digest_of(&(&approval.registration, &approval.verdict, &approval.by, approval.at_us));
                format!("registry/approvals/{id}.json")
            }
            Self::Drill(drill) => format!("registry/drills/{}/{:020}.json", drill.name, drill.at_us),
            Self::Point(pointer) => pointer_path(&pointer.name, pointer.generation),
            Self::Charge(charged) => format!("registry/charges/{:020}.json", charged.seq),
        }
    }

    /// Who did it: whose signature it must have.
    pub(crate) fn by(&self) -> &str {
        match self {
            Self::Register(registered) => &registered.registration.author,
            Self::Judge(_, judged) => &judged.by,
            Self::Approve(approval) => &approval.by,
            Self::Drill(drill) => &drill.by,
            Self::Point(pointer) => &pointer.by,
            Self::Charge(charged) => &charged.by,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Register(_) => "registration",
            Self::Judge(..) => "verdict",
            Self::Approve(_) => "approval",
            Self::Drill(_) => "drill",
            Self::Point(_) => "pointer",
            Self::Charge(_) => "charge",
        }
    }

    /// The files it is about.
    fn subjects(&self) -> Vec<Subject> {
        let bundle = |digest: &str| {
            let hex = digest.trim_start_matches("sha256:");
            Subject::with_digest(format!("registry/bundles/{hex}.json"), hex)
        };
        match self {
            Self::Register(registered) => vec![bundle(&registered.registration.bundle)],
            Self::Judge(run_id, judged) => {
                vec![Subject::with_digest(verdict_path(run_id), judged.verdict.trim_start_matches("sha256:"))]
            }
            Self::Approve(approval) => vec![
                bundle(&approval.bundle),
                Subject::with_digest("verdict", approval.verdict.trim_start_matches("sha256:")),
            ],
            Self::Drill(drill) => vec![bundle(&drill.bundle)],
            Self::Point(pointer) => vec![bundle(&pointer.bundle)],
            Self::Charge(charged) => {
                vec![Subject::with_digest(format!("log/budget/{:020}.json", charged.seq), charged.record.clone())]
            }
        }
    }

    /// What is signed.
    pub(crate) fn statement(&self) -> Result<Statement> {
        let predicate = match self {
            Self::Register(registered) => to_map(registered),
            Self::Judge(run_id, judged) => to_map(judged).map(|mut map| {
                map.insert("run_id".to_owned(), Value::from(run_id.as_str()));
                map
            }),
            Self::Approve(approval) => to_map(approval),
            Self::Drill(drill) => to_map(drill),
            Self::Point(pointer) => to_map(pointer),
            Self::Charge(charged) => to_map(charged),
        };
        Ok(Statement::new(self.subjects(), format!("{TYPE}/{}/v1", self.kind()), predicate?)?)
    }

    /// What was signed.
    pub(crate) fn of(statement: &Statement) -> Result<Self> {
        let kind = statement.predicate_type().strip_prefix(TYPE).and_then(|kind| kind.strip_prefix('/'));
        let mut map = statement.predicate().clone();
        let act = match kind.and_then(|kind| kind.strip_suffix("/v1")) {
            Some("registration") => Self::Register(of_map(map)?),
            Some("verdict") => {
                let run_id = map.remove("run_id").and_then(|id| id.as_str().map(str::to_owned)).unwrap_or_default();
                Self::Judge(run_id, of_map(map)?)
            }
            Some("approval") => Self::Approve(of_map(map)?),
            Some("drill") => Self::Drill(of_map(map)?),
            Some("pointer") => Self::Point(of_map(map)?),
            Some("charge") => Self::Charge(of_map(map)?),
            _ => return Err(unknown(statement.predicate_type())),
        };
        Ok(act)
    }
}

/// Where a generation lies.
pub(crate) fn pointer_path(name: &str, generation: u64) -> String {
    format!("pointers/{name}/{generation:020}.json")
}

/// Where a verdict lies.
pub(crate) fn verdict_path(run_id: &str) -> String {
    format!("registry/verdicts/{run_id}.json")
}

/// SHA-256 of a value's JSON, as hex digits. Values are lists, texts and maps in order: there is one JSON of each.
pub(crate) fn digest_of<T: Serialize>(value: &T) -> String {
    let text = serde_json::to_vec(value).unwrap_or_default();
    format!("{:x}", Sha256::digest(text))
}

fn to_map<T: Serialize>(value: &T) -> Result<Map<String, Value>> {
    match serde_json::to_value(value) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(Failure::infrastructure("TG500", "an act is no object", "report this as a bug")),
        Err(error) => Err(Failure::infrastructure("TG500", error.to_string(), "report this as a bug")),
    }
}

fn of_map<T: for<'de> Deserialize<'de>>(map: Map<String, Value>) -> Result<T> {
    serde_json::from_value(Value::Object(map)).map_err(|error| unknown(&error.to_string()))
}

fn unknown(what: &str) -> Failure {
    let cause = format!("an entry of the audit log says what this version does not know: {what}");
    Failure::infrastructure("TG672", cause, "use the version of Tidegate that wrote it, or a later one")
}
