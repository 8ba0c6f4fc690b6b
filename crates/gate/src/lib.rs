//! May this version go on? A gate file and facts in, a verdict out.
//!
//! ```text
//! gates/<name>.yaml --GateFile::parse--> GateFile --+
//!                                                   +--decide--> Verdict --> JSON, exit code
//! released rows --Evidence::from_rows--> Facts -----+
//! ```
//!
//! **Promote only on evidence.** Missing rows, impossible counts and a test that cannot be computed are
//! `ERROR`; too few events are `CONTINUE`; neither is ever a pass. Tests may be looked at as often as one likes, and the
//! noise of private statistics is in their variance.
//!
//! ```
//! use tidegate_gate::{Evidence, Facts, GateFile, Row, Status, decide};
//!
//! let gate = GateFile::parse("gates/a.yaml", "
//! gate: assistant-v2
//! version: 1
//! stage: { from: local, to: shadow }
//! arms: { control: v1, treatment: v2 }
//! time: { window: 1d, min: 1d, max: 7d }
//! error: { alpha: 0.05 }
//! checks:
//!   - name: edit_rate
//!     signal: edit_rate_by_arm
//!     direction: lower_is_better
//!     test: { non_inferior: { margin: 1pp } }
//! ")?;
//! let row = |arm: &str, day: i64, num| Row {
//!     arm: Some(arm.into()),
//!     bucket: Some("0".into()),
//!     window_start_us: Some(day * 86_400_000_000),
//!     numbers: [Some(num), Some(20_000.0), None],
//!     ..Row::default()
//! };
//! let days = (0..7).flat_map(|day| [row("v1", day, 2000.0), row("v2", day, 2010.0)]);
//! let evidence = Evidence::from_rows(gate.checks[0].shape(), days);
//! let facts = Facts {
//!     as_of_us: 7 * 86_400_000_000,
//!     checks: vec![evidence],
//!     ..Facts::default()
//! };
//! assert_eq!(decide(&gate, &facts).verdict, Status::Pass);
//! # Ok::<(), tidegate_gate::Error>(())
//! ```
//!
//! Deliberately absent: no I/O, no clock, no SQL, no path. The caller reads the file and the released rows
//! and carries the verdict out.

pub mod bundle;
pub mod decide;
pub mod error;
pub mod evidence;
pub mod facts;
pub mod file;
pub mod plan;
pub mod render;
pub mod rollout;
pub mod stage;
pub mod verdict;

mod answer;
mod canonical;
mod contrast;
mod judge;
mod looks;
mod series;
mod words;

pub use decide::decide;
pub use error::{Error, Location, Result};
pub use evidence::{Evidence, Row, Shape};
pub use facts::Facts;
pub use file::GateFile;
pub use stage::Stage;
pub use verdict::{Status, Verdict};
