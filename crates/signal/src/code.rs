//! Which rule was broken? Stable names, documented in `docs/errors.md`.

use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The stable code of a refusal.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code, in order.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code as it is printed.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

codes! {
    /// The text is not SQL.
    Syntax = "TG100",
    /// A statement other than `CREATE STREAM`, `CREATE TABLE` and `CREATE SIGNAL`.
    UnknownStatement = "TG101",
    /// Two definitions share a name.
    DuplicateName = "TG102",
    /// An option that does not exist, or stands twice.
    UnknownOption = "TG103",
    /// An option that is required is absent.
    MissingOption = "TG104",
    /// An option's value has the wrong type or is out of range.
    OptionValue = "TG105",
    /// A `$parameter` without a value.
    UnknownParameter = "TG106",
    /// A name that cannot be a stream or signal.
    BadName = "TG107",
    /// A column that does not exist.
    UnknownColumn = "TG110",
    /// A stream or table that does not exist.
    UnknownTable = "TG111",
    /// A function that does not exist.
    UnknownFunction = "TG112",
    /// The query does not fit its types or its grouping.
    InvalidQuery = "TG113",
    /// A clause that a signal cannot have.
    UnsupportedClause = "TG120",
    /// An aggregate that does not merge exactly.
    InadmissibleAggregate = "TG121",
    /// A function whose answer differs from run to run.
    VolatileFunction = "TG122",
    /// A table has a join key more than once.
    RepeatedKey = "TG123",
    /// A window function used in a way that has no answer.
    BadWindow = "TG130",
    /// A windowed signal does not group by or show its window.
    WindowNotShown = "TG131",
    /// A result column that cannot be released under its name or type.
    BadOutput = "TG132",
    /// A protected stream is read without a privacy clause.
    Unprotected = "TG200",
    /// The privacy clause is wrong.
    BadPrivacyClause = "TG201",
    /// The privacy unit is not the one that the stream declares.
    WrongPrivacyUnit = "TG202",
    /// The query would show privacy units themselves.
    UnitShown = "TG203",
    /// Several groupings of the same rows under one threshold.
    OverlappingGroups = "TG204",
    /// Rows of a protected stream would be shown as they are.
    RowsShown = "TG207",
    /// A noised statistic has no bounds.
    MissingBounds = "TG208",
    /// A differentially private query that no mechanism can answer.
    Unnoisable = "TG209",
    /// The groups are said to be public and do not come from a public table.
    NotPublic = "TG210",
    /// What is shown under a threshold could be subtracted from what was shown.
    Subtractable = "TG214",
    /// A sketch of a protected stream, or what stands in it, would be shown.
    SketchShown = "TG215",
    /// A local signal whose groups may speak of several tenants.
    NotLocal = "TG216",
}

impl Code {
    /// True when the refusal protects somebody, rather than correcting the author.
    pub fn is_privacy(self) -> bool {
        self >= Self::Unprotected
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
