//! What does each subcommand do?

pub(crate) mod budget;
pub(crate) mod bundle;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod contract;
pub(crate) mod demo;
pub(crate) mod diff;
pub(crate) mod epochs;
pub(crate) mod explain;
pub(crate) mod follow;
pub(crate) mod gate;
pub(crate) mod generate;
pub(crate) mod init;
pub(crate) mod labels;
pub(crate) mod promote;
pub(crate) mod quarantine;
pub(crate) mod report;
pub(crate) mod review;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod sql;
pub(crate) mod vault;
