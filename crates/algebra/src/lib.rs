//! How does telemetry become statistics that may be shown? By one algebra: *partial -> merge -> release*.
//!
//! - [`Cut::partial`] reads record batches and gives a [`PartialState`]: mergeable, never shown.
//! - [`Cut::merge`] joins states. It is associative and commutative, the empty state is its identity,
//!   and it does not know why two states meet: time, tenants and machines are the caller's business.
//! - [`Cut::release`] is the only step that shows anything. A [`View`] computes on with what was shown.
//!
//! Outside [`mod@release`] nobody can read a value out of a state: its columns are private to this crate.
//! What this room does not do: it reads no files, knows no streams, keeps no log and draws no noise.

mod aggregate;
mod carry;
mod checked;
mod codec;
mod cut;
mod error;
pub mod exact;
mod fingerprint;
mod join;
mod lenient;
mod node;
mod panes;
mod partial;
mod parts;
pub mod private;
mod release;
mod session;
mod sessions;
mod side;
mod state;
mod tables;
mod template;
mod view;
mod windows;

pub use aggregate::{Inadmissible, UnitKey, admit, is_unbounded};
pub use cut::{Cut, StateColumn};
pub use error::{Error, Result};
pub use fingerprint::Fingerprint;
pub use join::{Joined, Waiting};
pub use node::{PANES_COLUMN, Release, Threshold, deviation_column};
pub use partial::Partial;
pub use parts::Part;
pub use release::{Closed, Panes, Released};
pub use session::{Pool, query_session, session, session_in, view_session_in};
pub use side::Side;
pub use state::{PartialState, StateLayout};
pub use tables::StaticTable;
pub use template::StreamTable;
pub use view::View;
pub use windows::{Period, Windows, utc_day};
