//! May this version go on? A gate file and evidence in, a verdict out.
//!
//! ```text
//! gates/<name>.yaml --GateFile::parse--> GateFile --+
//!                                                   +--decide--> Verdict --> JSON, exit code
//! released rows -----Evidence::from_rows-> Evidence -+
//! ```
//!
//! **Promote only on evidence.** Missing rows, impossible counts and a test that cannot be computed are
//! `ERROR`; too few events are `CONTINUE`; neither is ever a pass.
//!
//! ```
//! use tidegate_gate::{Cell, Evidence, GateFile, Status, decide};
//!
//! let gate = GateFile::parse("gates/a.yaml", "
//! gate: assistant-v2
//! version: 1
//! arms: { control: v1, treatment: v2 }
//! time: { horizon: { events_per_arm: 20000 } }
//! error: { alpha: 0.05 }
//! checks:
//!   - name: edit_rate
//!     signal: edit_rate_by_arm
//!     direction: lower_is_better
//!     test: { non_inferior: { margin: 1pp } }
//! ")?;
//! let cell = |arm: &str, num| {
//!     Cell { arm: arm.into(), bucket: "0".into(), window_start_us: 0, num, den: 60_000 }
//! };
//! let verdict = decide(&gate, &Evidence::new(vec![cell("v1", 6000), cell("v2", 6030)])?);
//! assert_eq!(verdict.verdict, Status::Pass);
//! # Ok::<(), tidegate_gate::Error>(())
//! ```
//!
//! Deliberately absent: no I/O, no clock, no SQL, no path. The caller reads the file and the released rows
//! and carries the verdict out. Not here yet: sequential tests, noise of differentially private counts,
//! variance between clusters, bundles, stages.

pub mod decide;
pub mod error;
pub mod evidence;
pub mod file;
pub mod verdict;

mod canonical;
mod nearest;
mod tally;
mod words;

pub use decide::decide;
pub use error::{Error, Location, Result};
pub use evidence::{COLUMNS, Cell, Count, Evidence, Row, require_columns};
pub use file::GateFile;
pub use verdict::{Status, Verdict};
