//! Does the command do what its users are told it does?

#![expect(clippy::unwrap_used, reason = "a test that cannot set its stage fails")]

mod bad_input;
mod budget;
mod bundle;
mod carried;
mod commands;
mod crash;
mod demo;
mod derived;
mod diff;
mod disorder;
mod encryption;
mod epochs;
mod feeding;
mod follow;
mod guard;
mod noise;
mod project;
mod promote;
mod promotion_recipes;
mod quarantine;
mod real_data;
mod real_gates;
mod recipes;
mod report;
mod schema_drift;
