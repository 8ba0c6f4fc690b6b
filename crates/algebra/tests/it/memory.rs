//! What happens when state does not fit into memory? It spills, or it is refused; the answer stays.

use datafusion::execution::SessionStateBuilder;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::SessionContext;
use tidegate_algebra::{Cut, Error, Panes, session};

use crate::rows::{self, Row};
use crate::run::{Answer, block_on, cut_in, state_of};

/// A session for signals whose operators share `bytes` of memory.
fn bounded(bytes: usize) -> SessionContext {
    let runtime = RuntimeEnvBuilder::new().with_memory_limit(bytes, 1.0).build_arc().unwrap();
    let state = SessionStateBuilder::new_from_existing(session().state()).with_runtime_env(runtime).build();
    SessionContext::new_with_state(state)
}

fn cut(session: &SessionContext) -> Cut {
    let sql = "SELECT i, count(*) AS n, sum(x) AS sum_x, avg(d) AS avg_d, max(x) AS max_x, stddev(x) AS stddev_x,
                      min(u) AS min_u, count(DISTINCT u) AS units FROM t GROUP BY i";
    block_on(cut_in(session, rows::schema(), sql, Some(crate::run::at_least(2)), None)).unwrap()
}

fn many_rows() -> Vec<Row> {
    let row = |n: i64| Row {
        ts: n,
        k: None,
        u: Some((n % 7) as u8),
        x: Some(0.1 * n as f64),
        i: Some(n % 5_000),
        d: Some(n * 1_001),
        b: None,
    };
    (0..10_000).map(row).collect()
}

#[test]
fn a_release_with_little_memory_says_the_same() {
    let rows = many_rows();
    let plenty = cut(&session());
    let states = rows.chunks(250).map(|rows| block_on(state_of(&plenty, rows)).unwrap()).collect::<Vec<_>>();
    let answer_of = |cut: &Cut| block_on(cut.release(states.clone(), &Panes::default()));
    let expected = Answer::new(answer_of(&plenty));
    let mut answered = 0;
    for kilobytes in [100, 1_000, 4_000, 5_000, 6_000, 8_000] {
        let tight = cut(&bounded(kilobytes * 1_000));
        assert_eq!(tight.fingerprint(), plenty.fingerprint());
        match answer_of(&tight) {
            Ok(released) => {
                assert_eq!(Answer::new(Ok(released)), expected, "{kilobytes} kB");
                answered += 1;
            }
            Err(Error::DataFusion(error)) => assert!(error.to_string().contains("Resources exhausted"), "{error}"),
            Err(other) => panic!("{kilobytes} kB: {other}"),
        }
    }
    assert!(answered > 0);
}

#[test]
fn a_partial_with_little_memory_means_the_same() {
    let rows = many_rows();
    let plenty = cut(&session());
    let whole = block_on(state_of(&plenty, &rows)).unwrap();
    let expected = Answer::new(block_on(plenty.release(vec![whole], &Panes::default())));
    for kilobytes in [1_000, 4_000] {
        let tight = cut(&bounded(kilobytes * 1_000));
        // Under pressure a partial aggregation hands out what it has and starts again.
        match block_on(state_of(&tight, &rows)) {
            Ok(state) => {
                let released = block_on(plenty.release(vec![state], &Panes::default()));
                assert_eq!(Answer::new(released), expected, "{kilobytes} kB");
            }
            Err(error) => assert!(error.to_string().contains("Resources exhausted"), "{error}"),
        }
    }
}

#[test]
fn rows_handed_on_as_state_mean_the_same() {
    // A partial aggregation that finds no groups to fold gives one state row for each row.
    let mut config = session().copied_config();
    let execution = &mut config.options_mut().execution;
    execution.skip_partial_aggregation_probe_ratio_threshold = 0.0;
    execution.skip_partial_aggregation_probe_rows_threshold = 0;
    let eager = SessionStateBuilder::new_from_existing(session().state()).with_config(config).build();
    let eager = cut(&SessionContext::new_with_state(eager));
    let plenty = cut(&session());
    let rows = many_rows();
    let batches = rows.chunks(100).map(rows::batch).collect::<Vec<_>>();
    let answer = |cut: &Cut| {
        let state = block_on(cut.partial(&rows::schema(), std::slice::from_ref(&batches))).unwrap().state;
        (state.rows(), Answer::new(block_on(plenty.release(vec![state], &Panes::default()))))
    };
    let (folded, expected) = answer(&plenty);
    let (handed_on, same) = answer(&eager);
    assert_eq!(folded, 5_000);
    assert!(handed_on > 9_000, "{handed_on}");
    assert_eq!(same, expected);
}
