//! Does the command do what its users are told it does?

mod bad_input;
mod commands;
mod demo;
mod feeding;
mod project;
mod real_data;
