//! Does the answer depend on the rows alone? Every law of the algebra over random rows, random cuts
//! between batches, partitions and epochs, and random orders of merging.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringViewArray};
use datafusion::arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use datafusion::prelude::SessionContext;
use proptest::prelude::*;
use proptest::sample::Index;
use tidegate_algebra::{Closed, Cut, Error, Panes, Released, StaticTable, UnitKey, Windows, session};

use crate::rows::{self, Row, WINDOW_US, name_of, rows};
use crate::run::{
    Answer, at_least, block_on, cut, cut_at_least, cut_in, cut_windows, in_pieces, rows_and_pieces, state_of, whole,
};

/// Every admitted aggregate that needs no order.
const UNORDERED: &str = "
    count(*) AS n, count(x) AS n_x, count(DISTINCT u) AS units, count(DISTINCT i) AS values_i,
    sum(i) AS sum_i, sum(CAST(i % 7 AS INT)) AS sum_small, sum(CAST(b AS INT)) AS sum_b, sum(x) AS sum_x, sum(d) AS sum_d,
    avg(i) AS avg_i, avg(x) AS avg_x, avg(d) AS avg_d,
    min(x) AS min_x, max(x) AS max_x, min(CAST(x / 3 AS REAL)) AS min_real, min(i) AS min_i, max(d) AS max_d,
    min(k) AS min_k, max(u) AS max_u, max(ts) AS max_ts, min(DISTINCT i) AS min_distinct,
    var(x) AS var_x, var_pop(x) AS var_pop_x, stddev(x) AS stddev_x, stddev_pop(i) AS stddev_pop_i,
    bool_and(b) AS all_b, bool_or(b) AS any_b, bit_and(i) AS and_i, bit_or(i) AS or_i, bit_xor(i) AS xor_i,
    sum(x) FILTER (WHERE b) AS sum_x_b, max(x) FILTER (WHERE b) AS max_x_b, count(*) FILTER (WHERE b) AS n_b,
    median(i) AS median_i, percentile_cont(0.9) WITHIN GROUP (ORDER BY x) AS p90_x";

/// Every aggregate that keeps a sketch, within its capacity and beyond.
const SKETCHES: &str = "
    ddsketch(x) AS dd_x, ddsketch(i, alpha => 0.05) AS dd_i, ddsketch(d) AS dd_d, ddsketch(x) FILTER (WHERE b) AS dd_x_b,
    freq(u) AS freq_u, freq(i, capacity => 3) AS freq_i, freq(b) AS freq_b,
    hll(u) AS hll_u, hll(x, lg_k => 4) AS hll_x, hll(i) AS hll_i,
    profile(x) AS profile_x, profile(u) AS profile_u, profile(b) FILTER (WHERE b) AS profile_b";

/// Every aggregate that merges kept sketches, here of single rows.
const KEPT: &str = "
    ddsketch_merge(dd) AS dd, freq_merge(freq) AS freq, hll_merge(hll) AS hll, profile_merge(profile) AS profile,
    ddsketch_merge(dd) FILTER (WHERE b) AS dd_b, count(*) AS n";

/// Every admitted aggregate whose order is made total by its value.
const ORDERED: &str = "
    array_agg(i ORDER BY x, i) AS all_i, first_value(i ORDER BY x, i) AS first_i,
    last_value(i ORDER BY x, i) AS last_i, last_value(i ORDER BY x, i) IGNORE NULLS AS last_known_i, nth_value(i, 2 ORDER BY x, i) AS second_i, sum(x) AS sum_x,
    count(*) AS n";

/// Queries of different shapes; all of them keep every law.
static QUERIES: LazyLock<Vec<Cut>> = LazyLock::new(|| {
    let queries = [
        format!("SELECT k, {UNORDERED} FROM t GROUP BY k"),
        format!("SELECT {UNORDERED} FROM t"),
        format!("SELECT k, {ORDERED} FROM t GROUP BY k"),
        format!("SELECT {ORDERED} FROM t"),
        "SELECT b, string_agg(u, ',' ORDER BY ts DESC, u) AS all_u FROM t GROUP BY b".to_owned(),
        "SELECT first_value(u ORDER BY x DESC NULLS LAST, u) AS top_u, min(d) AS min_d FROM t".to_owned(),
        "SELECT min(x) AS min_x, max(x) AS max_x FROM t".to_owned(),
        "SELECT k, b, sum(x) / count(*) AS ratio FROM t WHERE i > 0 GROUP BY k, b HAVING count(*) > 1".to_owned(),
        "SELECT x, i, d, b, count(*) AS n FROM t GROUP BY x, i, d, b".to_owned(),
        "SELECT k, window_start, u FROM t GROUP BY k, window_start, u".to_owned(),
        format!("SELECT k, {SKETCHES} FROM t GROUP BY k"),
        format!("SELECT {SKETCHES} FROM t"),
        format!("SELECT k, {KEPT} FROM t GROUP BY k"),
        format!("SELECT {KEPT} FROM t"),
        "SELECT k, ddsketch_quantile(ddsketch(x), 0.9) AS p90, freq_top(freq(u), 2) AS top, hll_count(hll(i)) AS distinct_i
            FROM t GROUP BY k"
            .to_owned(),
    ];
    let joins = [
        format!("SELECT p.v, {UNORDERED} FROM t JOIN p ON t.k = p.name WHERE i < 1000 GROUP BY p.v"),
        format!("SELECT p.name, {ORDERED} FROM t LEFT JOIN p ON p.name = t.k AND p.v = t.b GROUP BY p.name"),
    ];
    let joins =
        joins.iter().map(|sql| block_on(cut_in(&with_table(&[0, 2, 3]), rows::schema(), sql, None, None)).unwrap());
    queries.iter().map(|sql| cut(sql)).chain(joins).collect()
});

/// A session with a table `p` of names, half of them true.
fn with_table(names: &[u8]) -> SessionContext {
    let values = names.iter().map(|name| Some(name % 2 == 0)).collect::<BooleanArray>();
    let names = names.iter().map(|name| Some(name_of(*name))).collect::<StringViewArray>();
    let columns: [(_, ArrayRef); 2] = [("name", Arc::new(names)), ("v", Arc::new(values))];
    let table = StaticTable::new("p", RecordBatch::try_from_iter(columns).unwrap()).unwrap();
    let session = session();
    session.register_table("p", Arc::new(table)).unwrap();
    session
}

/// The same query at thresholds 1 to 6.
static THRESHOLDS: LazyLock<Vec<Cut>> = LazyLock::new(|| {
    (1..=6).map(|k| cut_at_least(k, "SELECT k, count(*) AS n, count(DISTINCT u) AS units FROM t GROUP BY k")).collect()
});

const GAP_US: i64 = 300;

/// Windows of every kind over panes of [`WINDOW_US`], and sessions.
static KINDS: LazyLock<Vec<(Windows, Cut)>> = LazyLock::new(|| {
    let panes = "SELECT k, window_start, window_start AS window_end, count(*) AS n FROM t GROUP BY k, window_start";
    let sessions = "SELECT k, window_start, window_end, count(*) AS n FROM (
        SELECT k, ts AS window_start, ts + INTERVAL '300 microseconds' AS window_end FROM t)
        GROUP BY window_end, k, window_start";
    let of = |windows, sql| (windows, block_on(cut_in(&session(), rows::schema(), sql, None, Some(windows))).unwrap());
    vec![
        of(Windows::tumble(WINDOW_US), panes),
        of(Windows::Hop { slide_us: WINDOW_US, size_us: 3 * WINDOW_US }, panes),
        of(Windows::Hop { slide_us: 2 * WINDOW_US, size_us: 3 * WINDOW_US }, panes),
        of(Windows::Cumulate { step_us: WINDOW_US, size_us: 4 * WINDOW_US }, panes),
        of(Windows::Session { gap_us: GAP_US }, sessions),
    ]
});

/// Whose window it is, and the start and the end of it.
type Window = (Option<String>, i64, i64);

/// The windows of `rows` and how many rows each has, row by row.
fn windows_of(windows: &Windows, rows: &[Row]) -> BTreeMap<Window, i64> {
    let mut counts = BTreeMap::new();
    if let Windows::Session { .. } = windows {
        for key in rows.iter().map(|row| row.k).collect::<BTreeSet<_>>() {
            let mut times = rows.iter().filter(|row| row.k == key).map(|row| row.ts).collect::<Vec<_>>();
            times.sort_unstable();
            for session in times.chunk_by(|left, right| right - left <= GAP_US) {
                let (first, last) = (session[0], session[session.len() - 1]);
                counts.insert((key.map(name_of), first, last + GAP_US), session.len() as i64);
            }
        }
        return counts;
    }
    for row in rows {
        for (start, end) in windows.of_pane(windows.pane_of(row.ts)) {
            *counts.entry((row.k.map(name_of), start, end)).or_default() += 1;
        }
    }
    counts
}

/// The released windows of [`KINDS`]. Windows that begin together are kept by their ends.
fn shown_windows(windows: &Windows, released: &Released) -> BTreeMap<Window, i64> {
    let keys = released.rows.column(0).as_string_view();
    let times = |column: usize| released.rows.column(column).as_primitive::<TimestampMicrosecondType>();
    let counts = released.rows.column(3).as_primitive::<Int64Type>();
    let shown = |row: usize| {
        let (key, end) = (times(1).value(row), times(2).value(row));
        let (start, end) = match *windows {
            Windows::Cumulate { size_us, .. } => ((key - 1).div_euclid(size_us) * size_us, key),
            Windows::Session { .. } => (key, end),
            _ => (key, windows.end_of(key).unwrap()),
        };
        ((keys.is_valid(row).then(|| keys.value(row).to_owned()), start, end), counts.value(row))
    };
    let shown = (0..keys.len()).map(shown).collect::<BTreeMap<_, _>>();
    assert_eq!(shown.len(), keys.len(), "a window is shown once");
    shown
}

static WINDOWS: LazyLock<Cut> =
    LazyLock::new(|| cut_windows("SELECT k, window_start, count(*) AS n FROM t GROUP BY k, window_start"));

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn pieces_in_any_order_release_as_the_whole((rows, pieces) in rows_and_pieces()) {
        for cut in QUERIES.iter() {
            let all = Panes::default();
            let expected = block_on(whole(cut, &rows, &all));
            prop_assert_eq!(block_on(in_pieces(cut, &pieces, &all)), expected, "{}", cut.describe().0);
        }
    }

    #[test]
    fn no_path_shows_a_group_below_its_threshold((rows, pieces) in rows_and_pieces()) {
        let mut groups: BTreeMap<Option<String>, (i64, HashSet<u8>)> = BTreeMap::new();
        for row in &rows {
            let (count, units) = groups.entry(row.k.map(name_of)).or_default();
            *count += 1;
            units.extend(row.u);
        }
        for (k, cut) in (1..).zip(THRESHOLDS.iter()) {
            let released = block_on(async {
                let states = pieces.states(cut).await.unwrap();
                cut.release(states, &Panes::default()).await.unwrap()
            });
            let shown = groups.iter().filter(|(_, (_, units))| units.len() >= k);
            let shown = shown.map(|(key, (count, units))| (key.clone(), (*count, units.len() as i64)));
            let shown = shown.collect::<BTreeMap<_, _>>();
            prop_assert_eq!(released.withheld as usize, groups.len() - shown.len(), "k = {}", k);
            prop_assert_eq!(counts_of(&released), shown, "k = {}", k);
        }
    }

    #[test]
    fn only_closed_windows_of_wanted_days_are_shown(
        (rows, pieces) in rows_and_pieces(),
        watermark_us in prop::option::of(-3_000_i64..6_000),
        sealed_us in prop::option::of(-3_000_i64..6_000),
        days in prop::option::of(prop::collection::btree_set(-2..2, 0..3)),
    ) {
        let panes = Panes { closed: Closed { watermark_us, sealed_us }, days, ..Panes::default() };
        let answer = block_on(in_pieces(&WINDOWS, &pieces, &panes));
        // A shown window is whole, and as if the rows of other windows had never been read.
        let is_shown = |row: &&Row| {
            let start = row.window_start();
            let closed = watermark_us.is_some_and(|watermark| start + WINDOW_US <= watermark)
                || sealed_us.is_some_and(|sealed| start <= sealed);
            let day = if start < 0 { -1 } else { 0 };
            closed && panes.days.as_ref().is_none_or(|days| days.contains(&day))
        };
        let closed = rows.iter().filter(is_shown).cloned().collect::<Vec<_>>();
        prop_assert_eq!(answer, block_on(whole(&WINDOWS, &closed, &forever())));
    }

    #[test]
    fn windows_of_every_kind_hold_their_rows(
        (rows, pieces) in rows_and_pieces(),
        watermark_us in prop::option::of(-3_000_i64..6_000),
        sealed_us in prop::option::of(-3_000_i64..6_000),
        lateness_us in 0..2_000_i64,
        days in prop::option::of(prop::collection::btree_set(-2..2, 0..3)),
    ) {
        let panes = Panes { closed: Closed { watermark_us, sealed_us }, lateness_us, days, ..Panes::default() };
        for (windows, cut) in KINDS.iter() {
            let released = block_on(async { cut.release(pieces.states(cut).await.unwrap(), &panes).await.unwrap() });
            let day = |start| windows.day_of(start);
            let wanted = |start| panes.days.as_ref().is_none_or(|days| days.contains(&day(start)));
            let all = windows_of(windows, &rows);
            let of_days = all.iter().filter(|((_, start, _), _)| wanted(*start));
            let closed = of_days.clone().filter(|((_, start, end), _)| panes.closed.contains(*start, *end));
            let closed = closed.map(|(window, n)| (window.clone(), *n)).collect::<BTreeMap<_, _>>();
            prop_assert_eq!(shown_windows(windows, &released), closed, "{}", windows);

            let pending = of_days.filter(|((_, start, end), _)| !panes.is_final(windows, *start, *end));
            let days = pending.map(|((_, start, _), _)| day(*start)).collect::<BTreeSet<_>>();
            prop_assert_eq!(released.pending.keys().copied().collect::<BTreeSet<_>>(), days, "{}", windows);
        }
    }

    #[test]
    fn a_state_says_which_days_and_times_its_windows_cover(rows in rows()) {
        for (windows, cut) in KINDS.iter() {
            let partial = block_on(cut.partial(&rows::schema(), &[vec![rows::batch(&rows)]])).unwrap();
            for (_, start, end) in windows_of(windows, &rows).into_keys() {
                prop_assert!(partial.days.contains(&windows.day_of(start)), "{}: {}", windows, start);
                let touches = |&(from, to): &(i64, i64)| from < end && start < to;
                prop_assert!(partial.covered.iter().any(touches), "{}: {} to {}", windows, start, end);
            }
            prop_assert!(partial.covered.windows(2).all(|pair| pair[0].1 < pair[1].0), "{}", windows);
        }
    }

    #[test]
    fn decode_undoes_encode_and_the_empty_state_is_the_identity(rows in rows()) {
        for cut in QUERIES.iter() {
            let state = block_on(state_of(cut, &rows)).unwrap();
            let bytes = cut.layout().encode(&state).unwrap();
            let decoded = cut.layout().decode(&bytes).unwrap();
            prop_assert_eq!(decoded.rows(), state.rows());
            prop_assert_eq!(cut.layout().encode(&decoded).unwrap(), bytes);

            let all = Panes::default();
            let alone = Answer::new(block_on(cut.release(vec![state.clone()], &all)));
            for states in [vec![cut.layout().empty(), state.clone()], vec![state.clone(), cut.layout().empty()], vec![state]] {
                let merged = block_on(cut.merge(states)).unwrap();
                prop_assert_eq!(&Answer::new(block_on(cut.release(vec![merged], &all))), &alone);
            }
        }
    }

    #[test]
    fn damaged_bytes_are_refused(rows in rows(), which in any::<Index>(), place in any::<Index>(), flip in 1_u8..) {
        let cut = which.get(&QUERIES);
        let mut bytes = cut.layout().encode(&block_on(state_of(cut, &rows)).unwrap()).unwrap();
        let cut_short = &bytes[..place.index(bytes.len())];
        prop_assert!(cut.layout().decode(cut_short).is_err());
        let place = place.index(bytes.len());
        bytes[place] ^= flip;
        prop_assert!(cut.layout().decode(&bytes).is_err(), "byte {} of {}", place, bytes.len());
        bytes[place] ^= flip;
        bytes.push(flip);
        prop_assert!(cut.layout().decode(&bytes).is_err());
    }
}

/// Every window is closed.
fn forever() -> Panes {
    closed(Some(i64::MAX), None)
}

fn closed(watermark_us: Option<i64>, sealed_us: Option<i64>) -> Panes {
    Panes { closed: Closed { watermark_us, sealed_us }, ..Panes::default() }
}

/// Rows of the query in [`THRESHOLDS`], by key.
fn counts_of(released: &Released) -> BTreeMap<Option<String>, (i64, i64)> {
    let keys = released.rows.column(0).as_string_view();
    let counts = released.rows.column(1).as_primitive::<Int64Type>();
    let units = released.rows.column(2).as_primitive::<Int64Type>();
    let key = |row| keys.is_valid(row).then(|| keys.value(row).to_owned());
    (0..keys.len()).map(|row| (key(row), (counts.value(row), units.value(row)))).collect()
}

fn row(ts: i64, u: u8) -> Row {
    Row { ts, k: Some(0), u: Some(u), x: Some(1.5), i: Some(7), d: Some(12_345), b: Some(true) }
}

#[test]
fn every_byte_of_a_state_is_guarded() {
    let cut = &THRESHOLDS[1];
    let state = block_on(state_of(cut, &[row(0, 0), row(0, 1)])).unwrap();
    let bytes = cut.layout().encode(&state).unwrap();
    for place in 0..bytes.len() {
        assert!(cut.layout().decode(&bytes[..place]).is_err(), "cut at {place}");
        for bit in [1, 0x80] {
            let mut damaged = bytes.clone();
            damaged[place] ^= bit;
            assert!(cut.layout().decode(&damaged).is_err(), "bit {bit:#x} of byte {place}");
        }
    }
    assert!(cut.layout().decode(&bytes).is_ok());
}

#[test]
fn nothing_is_released_from_nothing() {
    for cut in QUERIES.iter() {
        let all = Panes::default();
        let of_nothing = Answer::new(block_on(cut.release(vec![], &all)));
        assert_eq!(of_nothing, block_on(whole(cut, &[], &all)));
        assert_eq!(of_nothing, Answer::new(block_on(cut.release(vec![cut.layout().empty()], &all))));
        assert!(cut.layout().empty().is_empty());
        assert_eq!(cut.layout().decode(&cut.layout().encode(&cut.layout().empty()).unwrap()).unwrap().rows(), 0);
    }
}

#[test]
fn having_runs_after_the_threshold() {
    let cut = cut_at_least(2, "SELECT k, count(*) AS n FROM t GROUP BY k HAVING count(*) < 3");
    let few = |k, units: &[u8]| units.iter().map(move |&u| Row { k: Some(k), ..row(0, u) }).collect::<Vec<_>>();
    let rows = [few(1, &[1]), few(2, &[1, 2]), few(3, &[1, 2, 3])].concat();
    let released = block_on(async {
        let state = state_of(&cut, &rows).await.unwrap();
        cut.release(vec![state], &Panes::default()).await.unwrap()
    });
    // Group 1 is withheld; group 3 is dropped by the query itself, which withholds nothing.
    assert_eq!(released.withheld, 1);
    assert_eq!(released.rows.column(0).as_string_view().iter().collect::<Vec<_>>(), [Some(name_of(2).as_str())]);
}

#[test]
fn a_query_without_groups_has_a_threshold_too() {
    let cut = cut_at_least(3, "SELECT count(*) AS n FROM t");
    let released = |rows: Vec<Row>| {
        block_on(async {
            let states = vec![state_of(&cut, &rows).await.unwrap(), state_of(&cut, &rows).await.unwrap()];
            cut.release(states, &Panes::default()).await.unwrap()
        })
    };
    let few = released(vec![row(0, 1), row(0, 2)]);
    assert_eq!((few.rows.num_rows(), few.withheld), (0, 1));
    let enough = released(vec![row(0, 1), row(0, 2), row(0, 3)]);
    assert_eq!((enough.rows.num_rows(), enough.withheld), (1, 0));
    assert_eq!(enough.rows.column(0).as_primitive::<Int64Type>().value(0), 6);
}

#[test]
fn a_window_is_shown_when_its_end_is_passed() {
    let cut = &*WINDOWS;
    let rows = [row(-1, 1), row(0, 1), row(999, 1), row(1_000, 1)];
    let starts = |panes: &Panes| {
        let released = block_on(async {
            let state = state_of(cut, &rows).await.unwrap();
            cut.release(vec![state], panes).await.unwrap()
        });
        let released = released.sorted_by(&[1]).unwrap();
        released.column(1).as_primitive::<TimestampMicrosecondType>().values().to_vec()
    };
    let passed = |watermark_us| closed(Some(watermark_us), None);
    assert_eq!(starts(&Panes::default()), [0; 0]);
    assert_eq!(starts(&passed(-1)), [0; 0]);
    assert_eq!(starts(&passed(999)), [-1_000]);
    assert_eq!(starts(&passed(1_000)), [-1_000, 0]);
    assert_eq!(starts(&closed(Some(-1), Some(0))), [-1_000, 0]);
    assert_eq!(starts(&closed(None, Some(1_000))), [-1_000, 0, 1_000]);
    assert_eq!(starts(&Panes { days: Some(BTreeSet::from([0])), ..forever() }), [0, 1_000]);
    assert_eq!(starts(&Panes { days: Some(BTreeSet::new()), ..forever() }), [0; 0]);
}

#[test]
fn states_of_other_definitions_are_refused() {
    const SQL: &str = "SELECT k, count(*) AS n FROM t GROUP BY k";
    let another = |threshold, sql: &str, window_us| {
        block_on(cut_in(&session(), rows::schema(), sql, Some(threshold), window_us)).unwrap()
    };
    let ours = another(at_least(3), SQL, None);
    let other_key = UnitKey::new(*b"another secret!!");
    let others = [
        ("threshold", another(at_least(4), SQL, None)),
        ("unit key", another(tidegate_algebra::Threshold { key: other_key, ..at_least(3) }, SQL, None)),
        (
            "unit",
            another(tidegate_algebra::Threshold { unit: datafusion::logical_expr::col("k"), ..at_least(3) }, SQL, None),
        ),
        ("no threshold", cut(SQL)),
        ("aggregate", another(at_least(3), "SELECT k, count(x) AS n FROM t GROUP BY k", None)),
        ("filter", another(at_least(3), "SELECT k, count(*) AS n FROM t WHERE b GROUP BY k", None)),
        ("key", another(at_least(3), "SELECT u, count(*) AS n FROM t GROUP BY u", None)),
    ];
    let rows = [row(0, 1), row(0, 2), row(0, 3)];
    let own = block_on(state_of(&ours, &rows)).unwrap();
    for (what, other) in others {
        let foreign = block_on(state_of(&other, &rows)).unwrap();
        let bytes = other.layout().encode(&foreign).unwrap();
        let refused = [
            ours.layout().decode(&bytes).err(),
            ours.layout().encode(&foreign).err(),
            block_on(ours.merge(vec![own.clone(), foreign.clone()])).err(),
            block_on(ours.release(vec![foreign], &Panes::default())).err(),
        ];
        for error in refused {
            assert!(matches!(error, Some(Error::FingerprintMismatch { .. })), "{what}: {error:?}");
        }
    }
    // What runs above the cut is no part of what a state means.
    let having = another(at_least(3), "SELECT k FROM t GROUP BY k HAVING count(*) > 0", None);
    assert_eq!(having.fingerprint(), ours.fingerprint());
    assert_eq!(another(at_least(3), SQL, None).fingerprint(), ours.fingerprint());
}

#[test]
fn another_table_makes_other_states() {
    let cut = |names: &[u8]| {
        let sql = "SELECT count(*) AS n FROM t JOIN p ON t.k = p.name";
        block_on(cut_in(&with_table(names), rows::schema(), sql, None, None)).unwrap()
    };
    assert_eq!(cut(&[0, 1]).fingerprint(), cut(&[0, 1]).fingerprint());
    assert_ne!(cut(&[0, 1]).fingerprint(), cut(&[0, 1, 2]).fingerprint());
    assert_ne!(cut(&[0]).fingerprint(), cut(&[2]).fingerprint());
}

#[test]
fn rows_without_a_partner_are_not_aggregated() {
    let filtered = Row { i: Some(8), ..row(0, 3) };
    let rows = [Row { k: None, ..row(0, 1) }, Row { k: Some(1), ..row(0, 1) }, row(0, 2), filtered];
    let aggregated = |join: &str| {
        let sql = format!("SELECT count(*) AS n FROM (SELECT * FROM t WHERE i < 8) AS t {join} p ON t.k = p.name");
        let cut = block_on(cut_in(&with_table(&[0]), rows::schema(), &sql, None, None)).unwrap();
        assert_eq!(cut.source_columns("t").unwrap(), ["k", "i"]);
        // Twice, and on two threads: what one micro-batch counted is not counted by the next.
        [0, 1].map(|_| {
            let halves = [vec![rows::batch(&rows[..2])], vec![rows::batch(&rows[2..])]];
            block_on(cut.partial(&rows::schema(), &halves)).unwrap().rows_aggregated
        })
    };
    assert_eq!(aggregated("JOIN"), [1, 1]);
    assert_eq!(aggregated("LEFT JOIN"), [3, 3]);
}

#[test]
fn a_state_says_nothing_about_its_values() {
    let cut = &THRESHOLDS[0];
    let secret = Row { k: Some(3), u: Some(5), ..row(0, 5) };
    let partial = block_on(cut.partial(&rows::schema(), &[vec![rows::batch(&[secret])]])).unwrap();
    let text = format!("{partial:?} {:?}", partial.state);
    assert!(!text.contains(&name_of(3)) && !text.contains(&name_of(5)), "{text}");
    assert!(text.contains("rows: 1"), "{text}");
}

#[test]
fn keys_in_a_dictionary_survive_merging_and_encoding() {
    use datafusion::arrow::array::{DictionaryArray, RecordBatch};
    use datafusion::arrow::datatypes::{Field, Int32Type, Schema};
    use std::sync::Arc;

    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let schema = Arc::new(Schema::new(vec![Field::new("k", dictionary, true)]));
    let batch = |keys: Vec<Option<&str>>| {
        let keys = keys.into_iter().collect::<DictionaryArray<Int32Type>>();
        RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(keys)]).unwrap()
    };
    block_on(async {
        let sql = "SELECT CAST(k AS VARCHAR) AS k, count(*) AS n, count(*) AS units FROM t GROUP BY k";
        let cut = cut_in(&session(), Arc::clone(&schema), sql, None, None).await.unwrap();
        let left = cut.partial(&schema, &[vec![batch(vec![Some("b"), None]), batch(vec![Some("a")])]]).await.unwrap();
        let right = cut.partial(&schema, &[vec![batch(vec![Some("c"), Some("b")])]]).await.unwrap();
        let merged = cut.merge(vec![left.state, right.state]).await.unwrap();
        let merged = cut.layout().decode(&cut.layout().encode(&merged).unwrap()).unwrap();
        let released = cut.release(vec![merged], &Panes::default()).await.unwrap();
        let counts = released.rows.column(1).as_primitive::<Int64Type>().values().iter().sum::<i64>();
        assert_eq!((released.rows.num_rows(), counts), (4, 5));
    });
}
