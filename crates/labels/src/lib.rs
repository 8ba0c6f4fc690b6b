//! What do all words on a decision come to?
//!
//! A decision is labelled later, by several people and programs, who correct themselves, take back what they said, and
//! sometimes should not be believed. The stream `labels` keeps all of it and changes nothing. This crate says what it comes
//! to: [`Resolver`] gives every decision's effective label as of any instant, [`resolve()`] is the rule for one, and
//! [`Changelog`] turns differences into signed changes, by which statistics of the past are restated.
//!
//! ```text
//! labels.toml --> Rules --------+
//! label_quarantine.toml --------+--> Resolver --effective()--> labels_effective
//! rows of labels ---------------+       |
//! rows of decisions --> Decisions ------+--> Changelog --changes()--> label_changes
//! ```
//!
//! # Promises
//! - Order, cuts, repetition and merging of the same rows change nothing.
//! - What is taken back stays so, however late an older version comes.
//! - As of an instant everything is as it was then: rows that came later, and suspicions that arose later, do not count.
//! - After any number of settlements the changes add up to what stands, and each -1 repeats what its +1 said.
//!
//! All are held by `tests/it/laws.rs`.
//!
//! Deliberately absent: files, logs, clock, SQL. Labels of steps and sessions count only where a rule says so, and only for
//! the decision that they name.

mod changelog;
mod columns;
mod decisions;
mod error;
mod history;
mod label_rows;
mod quarantine;
mod resolve;
mod resolver;
mod review;
mod rules;
mod typed;
mod words;

pub use changelog::Changelog;
pub use decisions::Decisions;
pub use error::{Error, Location, Result};
pub use history::History;
pub use quarantine::{Entry, Quarantine};
pub use resolve::{Effective, Vote, resolve};
pub use resolver::{Account, CLOCK_SLACK_US, Resolver, effective_schema};
pub use review::{Judgement, NoLabel, Queue, Unsaid, to_labels};
pub use rules::{ChangelogRules, Resolution, Rule, Rules, Weights};
