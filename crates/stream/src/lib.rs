//! How do files that keep arriving become released days? Epoch by epoch, each one committed or not at all.
//!
//! ```text
//! discover -> plan work -> read a micro-batch once -> partial per signal -> state files -> commit record
//!                                                                  then: release -> staging -> commit -> publish
//! ```
//!
//! An [`Engine`] drains what its sources have. Decisions ([`History`], [`work::plan`](work), [`dirty`])
//! are pure functions over the log and the listing; this crate's I/O carries them out. What it does not
//! do: it parses no SQL and cannot read a value out of state.

mod accounting;
mod admission;
mod backlog;
mod clock;
mod columns;
mod commit;
mod compact;
mod dedupe;
mod deploy;
mod derive;
mod dirty;
mod engine;
mod epoch;
mod error;
mod garbage;
mod history;
mod join;
mod layout;
mod microbatch;
mod noise;
mod own;
mod publish;
mod quality;
mod quarantine;
mod released;
mod replay;
mod revision;
mod rows;
mod schema_drift;
mod standing;
mod state;
mod stop;
mod summary;
mod turns;
mod watermark;
mod work;

pub use accounting::{RowAccount, StreamAccount};
pub use backlog::{Backlog, Unread};
pub use clock::now_us;
pub use columns::{ChangeKind, ColumnChange};
pub use commit::{
    Commit, CompactCommit, EpochCommit, FilePosition, FirstEpoch, JoinedRows, KeyFile, QuarantineFile, ReleaseCommit,
    ReleaseEntry, ReplayCommit, Section, SettledCommit, SignalEpoch, SplitColumns, StateFile, TakenRows,
};
pub use deploy::{DefinedSignal, Fate, Landed, compare};
pub use derive::table_schema;
pub use engine::{Engine, InputEnd, StreamInput};
pub use epoch::Limits;
pub use error::{Error, Result};
pub use history::{History, SetAsideFile, StreamHistory, WaitingRows};
pub use layout::LOG;
pub use noise::clause;
pub use quality::{EpochQuality, RuleOutcome, dq_results_schema};
pub use quarantine::read as read_quarantine;
pub use released::{derived_schema, released_schema};
pub use replay::{Replayed, Skipped};
pub use schema_drift::schema_drift_schema;
pub use standing::{Overdraft, Standing, overdrafts};
pub use stop::Stop;
pub use summary::{Progress, SignalSummary, StreamSummary, Summary};
