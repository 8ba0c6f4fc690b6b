//! How do bytes become telemetry?
//!
//! One decoder for each form that OTLP travels in. They borrow from the input and fill one [`Sink`], which holds them to
//! the limits, so that what is not asked for is neither copied nor kept.
//!
//! The decoders for protobuf and JSON are our own: generated ones allocate every key and value first, and the JSON of
//! generated types refuses what OTLP allows (integers as text in every place, enumerations by name, `null` for absent,
//! upper-case ids). That they agree with the generated types is held by `tests/it/agree.rs`.

pub(crate) mod json;
pub(crate) mod proto;
pub(crate) mod rows;
