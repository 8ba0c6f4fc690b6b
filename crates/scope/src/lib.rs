//! How far may a row be learnt from?
//!
//! ```text
//! risk.toml     rules over columns  -> risk_class, risk_score -> the widest scope of the class --+
//! tenants.toml  consent with dates  -> the widest scope of the tenant at the row's event time ---+-> the narrowest
//! the row       learning_scope      -> what it says of itself -----------------------------------+   of the three
//! ```
//!
//! [`Scoper::apply`] sets the columns `risk_score`, `risk_class` and `learning_scope` of a batch and sets apart the rows
//! that may not be kept at all, such as those of another region. Files are optional: without them a row keeps its class,
//! or is `low`, and its scope is `local`, because nothing is learnt across tenants without consent.
//!
//! It reads no file and no clock, and it does not hold readers to the scope: that is the predicate over
//! `learning_scope` which signals carry.
//!
//! ```
//! use tidegate_scope::{Home, Rules, Scoper, Tenants};
//!
//! let rules = Rules::parse("risk.toml", r#"
//!     [[rule]]
//!     name = "payments"
//!     risk_class = "high"
//!     all = [{ column = "task_class", one_of = ["payment", "refund"] }, { column = "confidence", below = 0.5 }]
//! "#)?;
//! let tenants = Tenants::parse("tenants.toml", r#"
//!     [tenants.acme]
//!     region = "eu"
//!     learning = [{ from = 2026-01-01, to = 2026-07-01, scope = "global" }]
//! "#)?;
//! let scoper = Scoper::new(rules, tenants, Home::of(["eu", "eu-west-1"]));
//! scoper.check(&tidegate_contract::decisions())?;
//! # Ok::<(), tidegate_scope::Error>(())
//! ```

mod column;
mod condition;
mod counts;
mod error;
mod home;
mod rules;
mod scoper;
mod tenants;
mod words;

pub use counts::Counts;
pub use error::{Error, Location, Result};
pub use home::Home;
pub use rules::Rules;
pub use scoper::{Reason, Refused, Scoped, Scoper};
pub use tenants::Tenants;
