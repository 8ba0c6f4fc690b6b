//! How does a SQL file become a named, versioned plan with a release policy?
//!
//! [`Definitions::parse`] reads the statements of many files; [`Planner`] turns a signal's definition
//! into a [`Signal`], or into a [`Refusal`] that says where, why, and what to write instead. What this
//! room does not do: it opens no file, reads no telemetry and runs no plan.

mod calls;
mod clause;
mod code;
mod cursor;
mod definition;
mod derived;
mod flink;
mod guard;
mod interval;
mod join;
mod learning;
mod nearest;
mod noise;
mod options;
mod origin;
mod output;
mod pane;
mod parameters;
mod people;
mod plan;
mod policy;
mod refusal;
mod shape;
mod text;
mod under;
mod window;
mod zone;

pub use clause::Differential;
pub use code::Code;
pub use definition::{BUILT_IN, DQ_RESULTS, Definitions, SCHEMA_DRIFT, Scope, SignalDefinition, StreamDefinition};
pub use derived::{Derived, Shown};
pub use interval::StreamJoin;
pub use join::Table;
pub use nearest::nearest;
pub use parameters::{Parameter, query_tokens};
pub use plan::{Planner, Signal, Stream};
pub use policy::Policy;
pub use refusal::{Refusal, refuse};
pub use text::{Place, SourceText, Spanned};
pub use window::{WindowPlanner, WindowedStream};
