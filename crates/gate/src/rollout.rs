//! Where does every version stand, and which step may it take?
//!
//! ```text
//! registered --> local --> shadow --> canary(1) --> ... --> canary(k) --> general
//!                  |          |           |                      |            |
//!                  +----------+-----------+----------------------+------------+--> held | rolled back
//! ```
//! A pure function of facts. The one that moves traffic is the [`Pointer`]: generations 0, 1, 2, ... of one name, each the
//! whole routing, created once and never changed. The highest generation says what runs, and names the last known good, so
//! that the way back is one object that restores every component at once.
//!
//! Two things cannot race: whoever creates the next generation has decided on the one before.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::file::{GateFile, Span};
use crate::stage::Stage;
use crate::verdict::Status;

mod advance;
mod refusal;
mod retreat;

pub use advance::{Override, advance};
pub use refusal::Refusal;
pub use retreat::{hold, rollback};

/// A version and the plan by which it is judged, frozen together before anything runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// Of which bundles it is one.
    pub name: String,
    /// The bundle's digest.
    pub bundle: String,
    /// Its semantic version.
    pub label: String,
    /// Parts that the bundle lacks: with any it goes nowhere.
    pub missing_parts: Vec<String>,
    /// Digests of the gates, by the stage that they guard.
    pub gates: BTreeMap<Stage, String>,
    /// What each signal of the gates was defined as: its name and the hash of its definition.
    pub signals: BTreeMap<String, String>,
    /// Whether it is what runs already, taken over as it is: only where nothing has run yet.
    pub baseline: bool,
    /// Who registered it.
    pub author: String,
    /// Who the bundle says has made it.
    pub bundle_author: String,
    /// When, microseconds since 1970.
    pub at_us: i64,
}

/// A verdict about a registered version, under the routing of one generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judgement {
    /// The registration's id.
    pub registration: String,
    /// The digest of the gate.
    pub gate: String,
    /// The verdict's digest.
    pub verdict: String,
    /// The generation at which the step began whose evidence was judged.
    pub step: u64,
    /// What it says.
    pub status: Status,
    /// Up to where the evidence went, microseconds since 1970.
    pub as_of_us: i64,
    /// Who evaluated it.
    pub by: String,
}

/// One person's consent to one verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The registration's id.
    pub registration: String,
    /// The bundle's digest.
    pub bundle: String,
    /// The digest of the gate.
    pub gate: String,
    /// The verdict's digest.
    pub verdict: String,
    /// Who.
    pub by: String,
    /// Their roles.
    pub roles: Vec<String>,
    /// When, microseconds since 1970.
    pub at_us: i64,
}

/// A rehearsal of the way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drill {
    /// Of which bundles.
    pub name: String,
    /// What was restored: what everybody has, to which a candidate goes back.
    pub bundle: String,
    /// Whether every component was there, byte for byte.
    pub restored: bool,
    /// How long it took, microseconds.
    pub took_us: i64,
    /// Who.
    pub by: String,
    /// When, microseconds since 1970.
    pub at_us: i64,
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// What ran already was taken over.
    Adopt,
    /// A version went to the next stage, or to the next share of its ramp.
    Advance,
    /// A version was taken back.
    RollBack,
    /// A version stays where it is and goes no further.
    Hold,
}

/// A version that answers a share of the units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canary {
    /// The bundle's digest.
    pub bundle: String,
    /// Its share of all units in (0, 1).
    pub share: f64,
    /// Which step of the ramp that is, from 0.
    pub step: usize,
}

/// What runs where: one generation, and all of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pointer {
    /// Of which bundles.
    pub name: String,
    /// From 0, without a gap.
    pub generation: u64,
    /// What was done.
    pub action: Action,
    /// The registration that moved.
    pub registration: String,
    /// Its bundle.
    pub bundle: String,
    /// Where it was.
    pub from: Stage,
    /// Where it is now; `registered` once it was rolled back.
    pub to: Stage,
    /// What everybody gets.
    pub general: String,
    /// What some get instead.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub canary: Option<Canary>,
    /// What sees live traffic unseen.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub shadow: Option<String>,
    /// What is asked about historical traces.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub local: Option<String>,
    /// What a permanent share of the units keeps.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub held_back: Option<HeldBack>,
    /// What to return to.
    pub last_known_good: String,
    /// The verdict that allowed or demanded it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub verdict: Option<String>,
    /// Who approved.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub approved_by: Vec<String>,
    /// Why rules were passed over, if they were: loud, and for everybody to read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub break_glass: Option<String>,
    /// Why.
    pub reason: String,
    /// How many acts were known when it was decided.
    pub facts: u64,
    /// Who.
    pub by: String,
    /// When, microseconds since 1970.
    pub at_us: i64,
}

/// A share of the units that never sees a candidate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldBack {
    /// The bundle they keep.
    pub bundle: String,
    /// Their share of all units in (0, 1).
    pub share: f64,
}

/// Whether a version is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is.
    Active,
    /// It stays where it is.
    Held,
    /// It was taken back.
    RolledBack,
}

/// Where one registration stands.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Position {
    /// How far it came.
    pub stage: Stage,
    /// The step of the ramp, from 0, in `canary`.
    pub ramp_step: usize,
    /// The generation at which this step began; none for what is only registered.
    pub since_generation: Option<u64>,
    /// When, microseconds since 1970.
    pub since_us: i64,
    /// Whether it goes on.
    pub standing: Standing,
}

/// Everything that is known of one name.
#[derive(Debug, Clone, Default)]
pub struct Rollout {
    /// Registrations by id, and the order in which they came.
    pub registrations: BTreeMap<String, Registration>,
    /// Gates by digest.
    pub gates: BTreeMap<String, GateFile>,
    /// Verdicts, in their order.
    pub judgements: Vec<Judgement>,
    /// Approvals, in their order.
    pub approvals: Vec<Approval>,
    /// Drills, in their order.
    pub drills: Vec<Drill>,
    /// Generations, from 0.
    pub pointers: Vec<Pointer>,
    /// How many acts all of this is known from.
    pub facts: u64,
}

impl Rollout {
    /// What runs now.
    #[must_use]
    pub fn now(&self) -> Option<&Pointer> {
        self.pointers.last()
    }

    /// The number of the next generation.
    #[must_use]
    pub fn next_generation(&self) -> u64 {
        self.pointers.len() as u64
    }

    /// Where a registration stands; none when there is no such registration.
    #[must_use]
    pub fn position(&self, id: &str) -> Option<Position> {
        let registration = self.registrations.get(id)?;
        let start = Position {
            stage: Stage::Registered,
            ramp_step: 0,
            since_generation: None,
            since_us: registration.at_us,
            standing: Standing::Active,
        };
        let own = self.pointers.iter().filter(|pointer| pointer.registration == id);
        Some(own.fold(start, |at, pointer| match pointer.action {
            Action::Hold => Position { standing: Standing::Held, ..at },
            Action::RollBack => Position { standing: Standing::RolledBack, ..at },
            Action::Adopt | Action::Advance => Position {
                stage: pointer.to,
                ramp_step:
                    pointer.canary.as_ref().filter(|_| pointer.to == Stage::Canary).map_or(0, |canary| canary.step),
                since_generation: Some(pointer.generation),
                since_us: pointer.at_us,
                standing: Standing::Active,
            },
        }))
    }

    /// The registration that is out: beyond `registered`, not yet everybody's, not taken back. One that is held is out still.
    #[must_use]
    pub fn out(&self) -> Option<(&str, Position)> {
        self.registrations.keys().find_map(|id| {
            let position = self.position(id)?;
            let is_out = !matches!(position.stage, Stage::Registered | Stage::General);
            (is_out && position.standing != Standing::RolledBack).then_some((id.as_str(), position))
        })
    }

    /// The gate that guards the next step of a registration.
    #[must_use]
    pub fn gate(&self, id: &str) -> Option<&GateFile> {
        let registration = self.registrations.get(id)?;
        self.gates.get(registration.gates.get(&self.position(id)?.stage)?)
    }

    /// The last verdict about the step at which a registration is.
    #[must_use]
    pub fn judgement(&self, id: &str) -> Option<&Judgement> {
        let step = self.position(id)?.since_generation?;
        self.judgements.iter().rev().find(|judged| judged.registration == id && judged.step == step)
    }

    /// Whose approvals of a verdict hold at an instant: one of each person, the author's not.
    #[must_use]
    pub fn approvals_of(&self, judged: &Judgement, gate: &GateFile, at_us: i64) -> Vec<&Approval> {
        let Some(registration) = self.registrations.get(&judged.registration) else { return Vec::new() };
        let mut found: Vec<&Approval> = Vec::new();
        for approval in &self.approvals {
            let binds = approval.registration == judged.registration
                && approval.bundle == registration.bundle
                && approval.gate == judged.gate
                && approval.verdict == judged.verdict;
            let roles = &gate.approvals.roles;
            let may = roles.is_empty() || approval.roles.iter().any(|role| roles.contains(role));
            let holds = at_us >= approval.at_us && at_us - approval.at_us <= gate.approvals.expire.0;
            let is_other = approval.by != registration.author && approval.by != registration.bundle_author;
            let is_new = is_other && found.iter().all(|other| other.by != approval.by);
            if binds && may && holds && is_new {
                found.push(approval);
            }
        }
        found
    }

    /// The last drill that restored all of what everybody has now, if it is young enough.
    #[must_use]
    pub fn fresh_drill(&self, age: Span, at_us: i64) -> Option<&Drill> {
        let general = &self.now()?.general;
        let mut drills = self.drills.iter().rev().filter(|drill| drill.restored && drill.bundle == *general);
        drills.find(|drill| drill.at_us <= at_us && at_us - drill.at_us <= age.0)
    }
}

#[cfg(test)]
mod tests;
