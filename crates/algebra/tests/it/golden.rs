//! Does this version read the states that earlier ones wrote, and merge them to the same answer?
//!
//! `testdata/state/format-1` says where they come from.

use std::fs;
use std::path::{Path, PathBuf};

use datafusion::arrow::util::pretty::pretty_format_batches;
use tidegate_algebra::{Cut, Panes, PartialState};

use crate::rows::Row;
use crate::run::{block_on, cut, cut_at_least, state_of};

/// Queries whose states are of different kinds, by the names of their files.
fn queries() -> Vec<(&'static str, Cut)> {
    let sums = "SELECT k, count(*) AS n, sum(i) AS sum_i, sum(x) AS sum_x, sum(d) AS sum_d, avg(x) AS avg_x, \
                avg(d) AS avg_d FROM t GROUP BY k";
    let extremes = "SELECT k, min(x) AS min_x, max(x) AS max_x, min(i) AS min_i, max(u) AS max_u, max(ts) AS max_ts \
                    FROM t GROUP BY k";
    let spread = "SELECT k, var(x) AS var_x, stddev_pop(i) AS stddev_i, median(i) AS median_i FROM t GROUP BY k";
    let distinct = "SELECT b, count(DISTINCT u) AS units, count(DISTINCT i) AS values_i, bool_and(b) AS all_b \
                    FROM t GROUP BY b";
    let ordered = "SELECT k, array_agg(i ORDER BY x, i) AS all_i, first_value(i ORDER BY x, i) AS first_i \
                   FROM t GROUP BY k";
    let guarded = "SELECT k, count(*) AS n, count(DISTINCT u) AS units FROM t GROUP BY k";
    vec![
        ("sums", cut(sums)),
        ("extremes", cut(extremes)),
        ("spread", cut(spread)),
        ("distinct", cut(distinct)),
        ("ordered", cut(ordered)),
        ("guarded", cut_at_least(3, guarded)),
    ]
}

/// Rows with nulls in every column but time, sums that rounding would spoil, and every corner of floats but NaN.
fn rows() -> Vec<Row> {
    const FLOATS: [f64; 7] = [1e16, 0.1, -1e16, -0.0, 5e-324, 3.75, -250.125];
    let some = |i: i64, every: i64| i % every != every - 1;
    let row = |i: i64| Row {
        ts: i * 377,
        k: some(i, 6).then_some((i % 3) as u8),
        u: some(i, 7).then_some((i * i % 5) as u8),
        x: some(i, 5).then(|| FLOATS[(i * 3 % 7) as usize]),
        i: some(i, 8).then_some(i * 1_000_003 % 97 - 40),
        d: some(i, 9).then_some(i * 12_345 - 99_999),
        b: some(i, 4).then_some(i % 3 == 0),
    };
    (0..40).map(row).collect()
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/state/format-1").join(name)
}

fn released(cut: &Cut, states: Vec<PartialState>) -> String {
    let released = block_on(cut.release(states, &Panes::default())).unwrap();
    let all = (0..released.rows.num_columns()).collect::<Vec<_>>();
    format!("{}\n", pretty_format_batches(&[released.sorted_by(&all).unwrap()]).unwrap())
}

#[test]
fn states_of_format_1_are_read_and_merged() {
    let rows = rows();
    let halves = [("a", &rows[..20]), ("b", &rows[20..])];
    for (query, cut) in queries() {
        let state_file = |half: &str| file(&format!("{query}-{half}.arrow"));
        if std::env::var_os("TIDEGATE_WRITE_STATES").is_some() {
            let states = halves.map(|(half, rows)| (half, block_on(state_of(&cut, rows)).unwrap()));
            for (half, state) in &states {
                fs::write(state_file(half), cut.layout().encode(state).unwrap()).unwrap();
            }
            let states = states.map(|(_, state)| state);
            fs::write(file(&format!("{query}.txt")), released(&cut, states.into())).unwrap();
        }
        let states = halves.map(|(half, _)| cut.layout().decode(&fs::read(state_file(half)).unwrap()).unwrap());
        let expected = fs::read_to_string(file(&format!("{query}.txt"))).unwrap();
        assert_eq!(released(&cut, states.into()), expected, "{query}");
        // The answer is that of the rows, and not only what it was.
        let whole = block_on(state_of(&cut, &rows)).unwrap();
        assert_eq!(released(&cut, vec![whole]), expected, "{query}");
    }
}

/// Files written by one version are divided like those of the next, or groups would stand in two parts.
#[test]
fn parts_of_states_are_pinned() {
    let cut = cut("SELECT k, count(*) AS n FROM t GROUP BY k");
    let state = block_on(state_of(&cut, &rows())).unwrap();
    let (bytes, lengths) = cut.layout().encode_in_parts(&state, 8).unwrap();
    let mut from = 0;
    let rows = lengths.into_iter().map(|length| {
        from += length;
        cut.layout().decode(&bytes[from - length..from]).unwrap().rows()
    });
    assert_eq!(rows.collect::<Vec<_>>(), [1, 0, 0, 2, 0, 0, 0, 1]);
}
