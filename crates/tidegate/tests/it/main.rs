//! Does the command do what its users are told it does?

#![expect(clippy::unwrap_used, reason = "a test that cannot set its stage fails")]

mod bad_input;
mod budget;
mod bundle;
mod canaries;
mod carried;
mod commands;
mod contracts;
mod crash;
mod demo;
mod derived;
mod diff;
mod disorder;
mod encryption;
mod epochs;
mod evidence;
mod feeding;
mod follow;
mod guard;
mod killed;
mod labels;
mod lineage;
mod mappings;
mod noise;
mod outcome_recipes;
mod project;
mod promote;
mod promotion_recipes;
mod quarantine;
mod real_data;
mod real_gates;
mod recipes;
mod report;
mod review;
mod schema_drift;
mod serve;
mod stores;
