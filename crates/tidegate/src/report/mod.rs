//! What was released, in pictures: which series does a signal have, and how are they drawn on one page?
//!
//! [`read`] asks released rows alone, so that a report shows nothing that readers do not have already. [`page`] is a pure
//! function of what was read: equal rows give equal bytes. The page carries its style and needs neither script nor network.

mod chart;
mod columns;
mod markup;
mod page;
mod read;
mod scale;
mod strip;
mod values;

pub(crate) use page::page;
pub(crate) use read::read;

/// Newest windows that are drawn of a signal.
const WINDOWS: usize = 200;
/// Groups that are drawn of a signal, those with most windows first.
const GROUPS: usize = 8;
/// Rows that are shown of a signal without windows.
const ROWS: usize = 50;

/// All that a page shows.
pub(crate) struct Report {
    pub(crate) project: String,
    pub(crate) signals: Vec<SignalReport>,
}

/// One signal: what is declared of it, and what it has released.
pub(crate) struct SignalReport {
    name: String,
    version: String,
    owner: Option<String>,
    description: Option<String>,
    is_derived: bool,
    released: Option<Released>,
}

/// What a signal has released.
struct Released {
    /// The version of the newest rows.
    version: Option<String>,
    policy: Policy,
    body: Body,
}

/// Under which condition rows were released, as they say themselves.
enum Policy {
    Open,
    Threshold { k: i64 },
    Noise { mechanism: String, epsilon: f64, delta: f64, unit: String, bounds: String },
}

enum Body {
    Rows(Table),
    Windows(Box<Windows>),
}

/// The newest windows of a signal, for the groups with most of them.
struct Windows {
    /// The column that tells windows apart: `window_start`, or `window_end` where windows begin together.
    by: &'static str,
    /// The windows, by that column, ascending: microseconds since 1970 in UTC. Where they come at regular distances and
    /// rows may be withheld, those that show no group are among them.
    instants: Vec<i64>,
    /// How many of them have released rows.
    released: usize,
    /// How many windows have released rows, drawn or not.
    count: usize,
    /// When the newest window ends, where rows say so.
    newest_end: Option<i64>,
    /// How long the shortest and the longest window is, where rows say so: microseconds.
    lengths_us: Option<(i64, i64)>,
    /// The columns whose values are a group.
    keys: Vec<String>,
    /// The groups that are drawn: the values of their keys.
    groups: Vec<String>,
    /// How many groups these windows have, drawn or not.
    group_count: usize,
    /// Which window shows which group: a row per group, a cell per window.
    is_shown: Vec<Vec<bool>>,
    series: Vec<Series>,
    verdicts: Vec<Verdicts>,
    /// Columns that are in the table and in no picture.
    undrawn: Vec<String>,
    /// Rows that are not drawn, because an earlier one has their window and group.
    repeated: usize,
    table: Table,
}

impl Windows {
    /// How long a cell of the time axis is: the least distance of two windows, or the length of a lonely one.
    fn stride_us(&self) -> i64 {
        let distances = self.instants.windows(2).map(|pair| pair[1].saturating_sub(pair[0]));
        let lonely = self.lengths_us.map_or(3_600_000_000, |(_, longest)| longest);
        distances.min().unwrap_or(lonely).max(1)
    }

    /// True when groups have windows of their own: windows overlap, or are of very different length. Months are not.
    fn are_sessions(&self) -> bool {
        let is_uneven = |(shortest, longest): (i64, i64)| longest / 2 > shortest.min(self.stride_us());
        self.by == "window_start" && self.lengths_us.is_some_and(is_uneven)
    }

    /// When the first window drawn begins and the last one ends.
    fn span_us(&self) -> (i64, i64) {
        let (first, last) = (self.instants.first().copied(), self.instants.last().copied());
        (first.unwrap_or(0), last.unwrap_or(0).saturating_add(self.stride_us()))
    }
}

/// The values of one column: a row per group, a cell per window.
struct Series {
    column: String,
    /// What the band around the values is, where there is one.
    band: Option<Band>,
    points: Vec<Vec<Option<Point>>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Band {
    /// 1.96 standard deviations of the noise to either side: 95 of 100 draws lie within, if noise is Gaussian.
    Noise,
    /// The fields `low` and `high` of the value.
    Interval,
}

/// A finite value in a window, and the band around it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Point {
    value: f64,
    band: Option<(f64, f64)>,
    is_final: bool,
}

/// What a column says of drift: a row per group, a cell per window.
struct Verdicts {
    column: String,
    cells: Vec<Vec<Option<Judged>>>,
}

/// A verdict, and the numbers behind it in words.
#[derive(Debug, Clone)]
struct Judged {
    verdict: Verdict,
    said: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Stable,
    Drift,
    Insufficient,
    Uninformative,
    /// A word that we do not know.
    Other,
}

impl Verdict {
    const ALL: [Self; 5] = [Self::Stable, Self::Drift, Self::Insufficient, Self::Uninformative, Self::Other];

    fn of(word: &str) -> Self {
        Self::ALL.into_iter().find(|verdict| verdict.name().eq_ignore_ascii_case(word)).unwrap_or(Self::Other)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Drift => "drift",
            Self::Insufficient => "insufficient",
            Self::Uninformative => "uninformative",
            Self::Other => "other",
        }
    }
}

/// Rows in words.
struct Table {
    columns: Vec<String>,
    /// A null is none.
    rows: Vec<Vec<Option<String>>>,
    /// How many rows there are, shown or not.
    count: usize,
}
