//! What is released, and over which two tables that differ by one unit?

use std::sync::Arc;

use anyhow::Result;
use datafusion::arrow::array::{Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// 2026-01-05 00:00 UTC.
const DAY_US: i64 = 1_767_571_200_000_000;
const MINUTE_US: i64 = 60_000_000;

/// One row: who, in which group, in which minute of the day, how much.
type Row = (String, &'static str, i64, f64);

/// A question, and the tables it is asked of.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// `$epsilon` and `$delta` and `$bound` are put in when it is asked.
    pub(crate) query: &'static str,
    pub(crate) epsilon: f64,
    pub(crate) delta: f64,
    /// `$bound`, in the cases that can be broken by it.
    pub(crate) bound: u32,
    /// How much a unit changes each statistic of one group, in the unit of the value.
    pub(crate) sensitivities: &'static [Sensitivity],
    /// The columns that are written, of each of `groups`.
    pub(crate) columns: &'static [&'static str],
    /// The values of the first column, for the groups that are looked at; empty where there is one row.
    pub(crate) groups: &'static [&'static str],
    /// Rows of everybody else.
    others: fn() -> Vec<Row>,
    /// Rows of the unit that is in one table and not in the other.
    one: fn() -> Vec<Row>,
}

/// By how much a unit changes what is noised for a statistic, written down without asking the engine.
#[derive(Clone, Copy)]
pub(crate) enum Sensitivity {
    /// Rows: `$bound`.
    Rows,
    /// Values: `$bound`.
    Bound,
    /// A number of the value's unit; its noise is beside the statistic in the released row.
    Of(f64),
    /// A mean: a centered sum, in steps of a power of two, and a count.
    Mean { low: f64, high: f64 },
    /// A variance: as a mean, and a sum of squares in 2^20 steps.
    Variance { low: f64, high: f64 },
    /// The number of units, as the choice of groups has noised it.
    Units,
}

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "count",
        query: "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = $epsilon, privacy_unit_column = u, \
            max_groups_contributed = 1, group_selection_strategy = PUBLIC_GROUPS) \
            COUNT(*, contribution_bounds_per_group => (0, $bound)) AS n FROM d",
        epsilon: 1.0,
        delta: 0.0,
        bound: 4,
        sensitivities: &[Sensitivity::Rows],
        columns: &["n"],
        groups: &[],
        others: || rows(3, "a", 0, 2, 1.0),
        one: || times(9, ("one", "a", 0, 1.0)),
    },
    Case {
        name: "sum, upper bound",
        query: "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = $epsilon, privacy_unit_column = u, \
            max_groups_contributed = 1, group_selection_strategy = PUBLIC_GROUPS) \
            SUM(x, contribution_bounds_per_group => (-2.5, $bound)) AS s FROM d",
        epsilon: 1.0,
        delta: 0.0,
        bound: 4,
        sensitivities: &[Sensitivity::Bound],
        columns: &["s"],
        groups: &[],
        others: || rows(3, "a", 0, 2, 0.7),
        one: || times(3, ("one", "a", 0, 3.3)),
    },
    Case {
        name: "sum, lower bound",
        query: "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = $epsilon, privacy_unit_column = u, \
            max_groups_contributed = 1, group_selection_strategy = PUBLIC_GROUPS) \
            SUM(x, contribution_bounds_per_group => (-7.3, 1.1)) AS s FROM d",
        epsilon: 0.5,
        delta: 0.0,
        bound: 0,
        sensitivities: &[Sensitivity::Of(7.3)],
        columns: &["s"],
        groups: &[],
        others: || rows(3, "a", 0, 2, 0.7),
        one: || times(3, ("one", "a", 0, f64::NEG_INFINITY)),
    },
    Case {
        name: "avg",
        query: "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = $epsilon, privacy_unit_column = u, \
            max_groups_contributed = 1, group_selection_strategy = PUBLIC_GROUPS) \
            AVG(x, contribution_bounds_per_group => (0, 100)) AS m FROM d",
        epsilon: 2.0,
        delta: 0.0,
        bound: 0,
        sensitivities: &[Sensitivity::Mean { low: 0.0, high: 100.0 }],
        columns: &["m"],
        groups: &[],
        others: || rows(6, "a", 0, 2, 45.0),
        one: || times(3, ("one", "a", 0, 1e9)),
    },
    Case {
        name: "variance",
        query: "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = $epsilon, privacy_unit_column = u, \
            max_groups_contributed = 1, group_selection_strategy = PUBLIC_GROUPS) \
            VAR_POP(x, contribution_bounds_per_group => (-10, 10)) AS v FROM d",
        epsilon: 3.0,
        delta: 0.0,
        bound: 0,
        sensitivities: &[Sensitivity::Variance { low: -10.0, high: 10.0 }],
        columns: &["v"],
        groups: &[],
        others: || rows(6, "a", 0, 2, 0.5),
        one: || times(3, ("one", "a", 0, 10.0)),
    },
    Case {
        name: "percentile",
        query: "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = $epsilon, privacy_unit_column = u, \
            max_groups_contributed = 1, group_selection_strategy = PUBLIC_GROUPS) \
            PERCENTILE_CONT(x, 0.5, contribution_bounds_per_row => (0, 100)) AS q FROM d",
        epsilon: 3.0,
        delta: 0.0,
        bound: 0,
        // No standard deviation stands beside it.
        sensitivities: &[],
        columns: &["q"],
        groups: &[],
        others: || rows(3, "a", 0, 2, 20.0),
        one: || times(3, ("one", "a", 0, 90.0)),
    },
    Case {
        name: "gaussian count",
        query: "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = $epsilon, delta = $delta, privacy_unit_column = u, \
            max_groups_contributed = 1, group_selection_strategy = PUBLIC_GROUPS, mechanism = GAUSSIAN) \
            COUNT(*, contribution_bounds_per_group => (0, $bound)) AS n FROM d",
        epsilon: 1.0,
        delta: 1e-3,
        bound: 4,
        sensitivities: &[Sensitivity::Rows],
        columns: &["n"],
        groups: &[],
        others: || rows(3, "a", 0, 2, 1.0),
        one: || times(9, ("one", "a", 0, 1.0)),
    },
    Case {
        name: "selection of one unit",
        query: "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = $epsilon, delta = $delta, privacy_unit_column = u, \
            max_groups_contributed = 1, min_privacy_units_per_group = 1) \
            k, COUNT(DISTINCT u) AS people FROM d GROUP BY k",
        epsilon: 1.0,
        delta: 3e-4,
        bound: 0,
        sensitivities: &[Sensitivity::Units],
        columns: &["kept"],
        groups: &["b"],
        others: || rows(3, "a", 0, 2, 1.0),
        one: || times(2, ("one", "b", 0, 1.0)),
    },
    Case {
        name: "selection, three units at least",
        query: "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = $epsilon, delta = $delta, privacy_unit_column = u, \
            max_groups_contributed = 1, min_privacy_units_per_group = 3) \
            k, COUNT(DISTINCT u) AS people FROM d GROUP BY k",
        epsilon: 1.0,
        delta: 3e-4,
        bound: 0,
        sensitivities: &[Sensitivity::Units],
        columns: &["kept"],
        groups: &["b"],
        others: || rows(2, "b", 0, 2, 1.0),
        one: || times(2, ("one", "b", 0, 1.0)),
    },
    Case {
        name: "units at the threshold",
        query: "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = $epsilon, delta = $delta, privacy_unit_column = u, \
            max_groups_contributed = 1) k, COUNT(DISTINCT u) AS people FROM d GROUP BY k",
        epsilon: 1.0,
        delta: 3e-4,
        bound: 0,
        sensitivities: &[Sensitivity::Units],
        columns: &["people"],
        groups: &["b"],
        others: || rows(9, "b", 0, 1, 1.0),
        one: || times(2, ("one", "b", 0, 1.0)),
    },
    Case {
        name: "three groups, two allowed",
        query: "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = $epsilon, delta = $delta, privacy_unit_column = u, \
            max_groups_contributed = 2) k, COUNT(*, contribution_bounds_per_group => (0, $bound)) AS n, \
            COUNT(DISTINCT u) AS people FROM d GROUP BY k",
        epsilon: 2.0,
        delta: 3e-4,
        bound: 4,
        sensitivities: &[Sensitivity::Rows, Sensitivity::Units],
        columns: &["n", "people"],
        groups: &["a", "b", "c"],
        others: || [rows(30, "a", 0, 1, 1.0), rows(30, "b", 0, 1, 1.0), rows(30, "c", 0, 1, 1.0)].concat(),
        one: || {
            let groups = ["a", "b", "c"].map(|group| times(9, ("one", group, 0, 1.0)));
            groups.concat()
        },
    },
    Case {
        name: "three windows, two allowed",
        query: "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = $epsilon, privacy_unit_column = u, \
            max_groups_contributed = 2, group_selection_strategy = PUBLIC_GROUPS) window_start, window_end, \
            COUNT(*, contribution_bounds_per_group => (0, $bound)) AS n \
            FROM TUMBLE(d, at, INTERVAL '8 hours') GROUP BY window_start, window_end",
        epsilon: 1.0,
        delta: 0.0,
        bound: 4,
        sensitivities: &[Sensitivity::Rows],
        columns: &["n"],
        groups: &["2026-01-05T00:00:00", "2026-01-05T08:00:00", "2026-01-05T16:00:00"],
        others: || [rows(3, "a", 0, 1, 1.0), rows(3, "a", 500, 1, 1.0), rows(3, "a", 1_000, 1, 1.0)].concat(),
        one: || {
            let windows = [1, 501, 1_001].map(|minute| times(9, ("one", "a", minute, 1.0)));
            windows.concat()
        },
    },
    Case {
        name: "count, sum and units together",
        query: "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = $epsilon, delta = $delta, privacy_unit_column = u, \
            max_groups_contributed = 1) k, COUNT(*, contribution_bounds_per_group => (0, $bound)) AS n, \
            SUM(x, contribution_bounds_per_group => (0, 30)) AS s, COUNT(DISTINCT u) AS people FROM d GROUP BY k",
        epsilon: 3.0,
        delta: 3e-4,
        bound: 4,
        sensitivities: &[Sensitivity::Rows, Sensitivity::Of(30.0), Sensitivity::Units],
        columns: &["n", "s", "people"],
        groups: &["b"],
        others: || rows(20, "b", 0, 1, 1.0),
        one: || times(9, ("one", "b", 0, 1e300)),
    },
];

/// `units` people with `each` rows in one group.
fn rows(units: usize, group: &'static str, minute: i64, each: usize, value: f64) -> Vec<Row> {
    let people = (0..units * each).map(|row| format!("{group} {minute} {}", row / each));
    people.map(|person| (person, group, minute, value)).collect()
}

fn times(count: usize, (unit, group, minute, value): (&str, &'static str, i64, f64)) -> Vec<Row> {
    vec![(unit.to_owned(), group, minute, value); count]
}

pub(crate) fn schema() -> SchemaRef {
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let columns = [("u", DataType::Utf8), ("k", DataType::Utf8), ("x", DataType::Float64), ("at", instant)];
    Arc::new(Schema::new(columns.map(|(name, kind)| Field::new(name, kind, true)).to_vec()))
}

impl Case {
    /// One of the two tables.
    pub(crate) fn table(&self, with: bool) -> Result<RecordBatch> {
        let mut rows = (self.others)();
        if with {
            rows.extend((self.one)());
        }
        let at = rows.iter().map(|(_, _, minute, _)| DAY_US + minute * MINUTE_US).collect::<Vec<_>>();
        Ok(RecordBatch::try_new(
            schema(),
            vec![
                Arc::new(rows.iter().map(|(unit, ..)| Some(unit.as_str())).collect::<StringArray>()),
                Arc::new(rows.iter().map(|(_, group, ..)| Some(group)).collect::<StringArray>()),
                Arc::new(rows.iter().map(|(.., value)| Some(*value)).collect::<Float64Array>()),
                Arc::new(TimestampMicrosecondArray::from(at).with_timezone("UTC")),
            ],
        )?)
    }

    /// The day of all rows.
    pub(crate) fn day() -> i32 {
        (DAY_US / (24 * 60 * MINUTE_US)) as i32
    }
}
