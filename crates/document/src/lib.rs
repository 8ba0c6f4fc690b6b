//! How is a declaration in YAML or TOML read, so that each complaint has its place?
//!
//! ```
//! use tidegate_document::{Source, Spanned};
//!
//! #[derive(serde::Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Named {
//!     name: Spanned<String>,
//! }
//!
//! let source = Source { file: "a.yaml", text: "name: tide\n" };
//! let named: Named = source.read()?;
//! assert_eq!(source.at(named.name.referenced).to_string(), "a.yaml:1:7");
//!
//! let misread = Source { file: "a.yaml", text: "nmae: tide\n" }.read::<Named>().err().unwrap();
//! assert_eq!(misread.to_string(), "a.yaml:1:1: unknown name `nmae`");
//! # Ok::<(), tidegate_document::Misread>(())
//! ```
//!
//! Gate files, bundle files and contracts are YAML; rules of labels, of risk and of tenants are TOML. What their values must
//! be is theirs to say, and so are the codes under which a text that cannot be read is refused. Absent: files, and any rule
//! about values.

mod location;
mod misread;
mod nearest;
mod source;
mod toml;

pub use location::Location;
pub use misread::{Codes, Fault, Kind, Misread};
pub use nearest::nearest;
/// Where the YAML reader found a value; [`Source::at`] makes a [`Location`] of it.
pub use serde_saphyr::Location as Place;
/// A value with its place.
pub use serde_saphyr::Spanned;
pub use source::Source;
