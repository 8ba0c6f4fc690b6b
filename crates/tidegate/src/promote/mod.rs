//! How is a rollout carried out, so that it can be proven later?
//!
//! `tidegate_gate` decides, this reads the facts and writes what was decided. Every act is an envelope, signed by the person
//! who did it, in a file that is created once; then it becomes a leaf of the audit log. Whoever comes next finishes what a
//! process that died left undone, because a file that is there needs nothing but to be appended.
//!
//! ```text
//! registry/registrations/<id>.json        a bundle and its frozen gates       id = digest of both
//! registry/verdicts/<run id>.json         the verdict and what it rests on    run id = digest of the inputs
//! registry/judgements/<run id>.json       who evaluated it
//! registry/approvals/<id>.json            one person, one verdict
//! registry/drills/<name>/<instant>.json   a rehearsal of the way back
//! registry/charges/<record>.json          what was spent of people's privacy
//! pointers/<name>/<generation>.json       what runs; the highest counts
//! audit/                                  all of these, in order, in a Merkle tree
//! routing/<name>.flagd.json               what runs, for flagd                follows from the pointer
//! events/pointers/<name>/<generation>.json   that it moved, as a CloudEvent   follows from the pointer
//! ```
//!
//! What is absent: rules. None of the verbs knows when a version may move.

mod act;
mod charges;
mod desk;
mod drill;
mod judge;
mod outputs;
mod people;
mod verify;

pub(crate) use act::{Act, Registered};
pub(crate) use charges::file_new;
pub(crate) use desk::{Desk, Filed, Records};
pub(crate) use drill::rehearse;
pub(crate) use judge::{Asking, Judged, judge};
pub(crate) use outputs::publish;
pub(crate) use people::enroll;
pub(crate) use verify::verify;
