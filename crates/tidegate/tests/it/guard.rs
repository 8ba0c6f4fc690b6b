//! Do sketches of people stay where nobody but other signals reads them?

use std::fmt::Write;

use serde_json::Value;

use crate::project::Project;

const STREAM: &str = "
CREATE STREAM d (at TIMESTAMP, who VARCHAR, g VARCHAR, x DOUBLE, tool VARCHAR)
  WITH (path = 'landing', format = 'csv', event_time = 'at', privacy_unit = 'who');
";
const KEPT: &str = "
CREATE SIGNAL kept WITH (scope = 'internal') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 3)
  window_start, g, COUNT(*) AS n, ddsketch(x) AS s, freq(tool) AS f, hll(x) AS h, profile(x) AS p
FROM TUMBLE(d, at, INTERVAL '1 hour') GROUP BY window_start, g;
CREATE SIGNAL handed_on WITH (scope = 'internal') AS
SELECT window_start, g, ddsketch_merge(s) OVER (PARTITION BY g ORDER BY window_start) AS s FROM internal.kept;
";
/// A value that occurs once, and the name of somebody.
const CANARIES: [&str; 2] = ["canary-tool", "canary-person"];

/// Three hours: of `many` five people in each, of `few` two.
fn project(sql: &str) -> Project {
    let project = Project::with_sql(&format!("{STREAM}{KEPT}{sql}"));
    let mut rows = "at,who,g,x,tool\n".to_owned();
    for hour in 0..3 {
        for row in 0..100 {
            let (g, people) = if row % 10 == 0 { ("few", 2) } else { ("many", 5) };
            let x = f64::from(row) + if hour == 2 { 500.0 } else { 0.0 };
            let tool = if (hour, row) == (2, 55) { CANARIES[0] } else { "search" };
            writeln!(rows, "2026-01-05T{hour:02}:30:00Z,{}-{},{g},{x},{tool}", CANARIES[1], row % people).unwrap();
        }
    }
    project.write("landing/a.csv", rows);
    project
}

fn asked(project: &Project, query: &str) -> Vec<Value> {
    serde_json::from_str(&project.run(&["sql", query, "--format", "json"]).ok().stdout).unwrap()
}

#[test]
fn a_sketch_of_people_is_kept_inside_or_refused() {
    let sketches = ["ddsketch(x)", "freq(tool)", "hll(x)", "profile(x)", "ddsketch_quantile(ddsketch(x), 0.5)"];
    for sketch in sketches {
        let sql = format!(
            "CREATE SIGNAL shown AS SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 3)
              window_start, {sketch} AS s FROM TUMBLE(d, at, INTERVAL '1 hour') GROUP BY window_start;"
        );
        let failure = project(&sql).run(&["check"]).failure();
        assert!(failure.contains("TG215") && failure.contains("scope = 'internal'"), "{sketch}: {failure}");
    }
    let project = project("");
    project.run(&["run", "--until-end"]).ok();
    assert!(project.files("internal").keys().any(|path| path.starts_with("signal=kept/")));
    assert_eq!(project.files("released").len(), 0, "nothing is released");
    for (name, bytes) in project.files("log") {
        let text = String::from_utf8_lossy(&bytes);
        assert!(CANARIES.iter().all(|canary| !text.contains(canary)), "{name}");
    }
}

#[test]
fn nobody_asks_internal_rows() {
    let project = project("");
    project.run(&["run", "--until-end"]).ok();
    let file = project.files("internal").into_keys().find(|path| path.starts_with("signal=kept")).unwrap();
    for (query, code) in [
        ("SELECT * FROM internal.kept".to_owned(), "TG111"),
        ("SELECT * FROM released.kept".to_owned(), "TG111"),
        (format!("SELECT * FROM 'internal/{file}'"), "TG205"),
        ("SELECT * FROM 'internal/signal=kept/'".to_owned(), "TG205"),
        (format!("SELECT * FROM './released/../internal/{file}'"), "TG205"),
        (format!("SELECT * FROM '{}'", project.path("internal").join(&file).display()), "TG205"),
    ] {
        let failure = project.run(&["sql", &query]).failure();
        assert!(failure.contains(code), "{query}: {failure}");
    }
}

#[test]
fn what_sketches_say_of_each_other_may_be_shown() {
    let project = project(
        "
CREATE SIGNAL compared AS SELECT window_start, g, n,
  drift(lag(s) OVER w, s)['verdict'] AS verdict, psi(lag(s) OVER w, s) AS psi, ks_test(lag(s) OVER w, s)['p'] AS p,
  wasserstein(lag(p) OVER w, p)['w1'] AS w1, total_variation(lag(f) OVER w, f) AS tools, chi2_test(lag(f) OVER w, f) AS chi2,
  ddsketch_count(s) AS of_numbers, hll_count(h) AS distinct_x, freq_error(f) AS unknown,
  profile_nulls(p) AS nulls, ddsketch_count(profile_sketch(p)) AS of_profile, s IS NULL AS absent
FROM internal.kept WINDOW w AS (PARTITION BY g ORDER BY window_start);
CREATE SIGNAL against_before AS SELECT window_start, g,
  psi(ddsketch_merge(s) OVER (PARTITION BY g ORDER BY window_start ROWS BETWEEN 24 PRECEDING AND 1 PRECEDING), s) AS psi
FROM internal.kept;
CREATE SIGNAL against_baseline AS SELECT b.g, psi(b.s, c.s) AS psi, ddsketch_count(coalesce(b.s, c.s)) AS n
FROM internal.kept AS c JOIN (SELECT g, ddsketch_merge(s) AS s FROM internal.kept WHERE window_start < TIMESTAMP '2026-01-05 02:00:00' GROUP BY g) AS b
ON b.g = c.g WHERE c.window_start = TIMESTAMP '2026-01-05 02:00:00';
CREATE SIGNAL of_all AS SELECT ddsketch_count(ddsketch_merge(s)) AS n
FROM (SELECT s FROM internal.kept UNION ALL SELECT s FROM internal.handed_on UNION ALL SELECT NULL AS s);
CREATE SIGNAL by_subquery AS SELECT g, psi((SELECT first_value(s ORDER BY window_start) FROM internal.kept), s) AS psi
FROM internal.kept;
",
    );
    project.run(&["run", "--until-end"]).ok();
    let rows = asked(&project, "SELECT * FROM released.compared ORDER BY window_start");
    let of = |column: &str| rows.iter().map(|row| row[column].clone()).collect::<Vec<_>>();
    assert_eq!(of("g"), ["many"; 3], "a group below the threshold is not compared");
    assert_eq!(of("verdict"), ["insufficient", "stable", "drift"]);
    assert_eq!(
        (of("of_numbers"), of("of_profile"), of("nulls")),
        (vec![90.into(); 3], vec![90.into(); 3], vec![0.into(); 3])
    );
    let psi = |query: &str| asked(&project, query)[0]["psi"].as_f64().unwrap();
    let before = psi("SELECT psi FROM released.against_before ORDER BY window_start DESC LIMIT 1");
    let baseline = psi("SELECT psi FROM released.against_baseline");
    assert!(before > 1.0 && (before - baseline).abs() < 1e-12, "{before} {baseline}");
    assert_eq!(asked(&project, "SELECT n FROM released.of_all")[0]["n"], 90 * 3 + 90 * (1 + 2 + 3));
    // Nothing that stands in a sketch, and no sketch, is in what readers see.
    let released = project.files("released");
    assert!(released.keys().any(|path| path.starts_with("signal=by_subquery/")));
    for (name, bytes) in released {
        let has = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
        assert!(CANARIES.iter().all(|canary| !has(canary.as_bytes())), "{name}");
    }
}

/// Ways to bytes, to values, or to knowing which sketches are equal.
const REFUSED: &[&str] = &[
    // The sketch itself, and what is read off it.
    "SELECT s FROM internal.kept",
    "SELECT s AS anything FROM internal.handed_on",
    "SELECT ddsketch_quantile(s, 0.5) AS q FROM internal.kept",
    "SELECT ddsketch_quantile(ddsketch_merge(s), [0.5]) AS q FROM internal.kept",
    "SELECT ddsketch_rank(s, 3.0) AS r FROM internal.kept",
    "SELECT ddsketch_bins(s) AS b FROM internal.kept",
    "SELECT ddsketch_to_bytes(s) AS b FROM internal.kept",
    "SELECT ddsketch_bins(profile_sketch(p)) AS b FROM internal.kept",
    "SELECT freq_top(f, 1000) AS t FROM internal.kept",
    "SELECT new_categories(lag(f) OVER (ORDER BY window_start), f) AS c FROM internal.kept",
    "SELECT vanished_categories(f, lag(f) OVER (ORDER BY window_start)) AS c FROM internal.kept",
    "SELECT unnest(freq_top(f, 3)) AS t FROM internal.kept",
    "SELECT g, max(s) AS s FROM internal.kept GROUP BY g",
    // Bytes as something else.
    "SELECT encode(s, 'hex') AS b FROM internal.kept",
    "SELECT md5(s) AS b FROM internal.kept",
    "SELECT sha256(s) AS b FROM internal.kept",
    "SELECT octet_length(s) AS b FROM internal.kept",
    "SELECT CAST(s AS VARCHAR) AS b FROM internal.kept",
    "SELECT TRY_CAST(s AS VARCHAR) AS b FROM internal.kept",
    "SELECT arrow_cast(s, 'Utf8') AS b FROM internal.kept",
    "SELECT s || 'a' AS b FROM internal.kept",
    "SELECT substr(arrow_cast(s, 'Utf8'), 1, 1) AS b FROM internal.kept",
    "SELECT concat(s, 'a') AS b FROM internal.kept",
    // In something else.
    "SELECT array_agg(s) AS b FROM internal.kept",
    "SELECT [s] AS b FROM internal.kept",
    "SELECT [s][1] AS b FROM internal.kept",
    "SELECT struct(s) AS b FROM internal.kept",
    "SELECT named_struct('a', s)['a'] AS b FROM internal.kept",
    "SELECT map(['a'], [s]) AS b FROM internal.kept",
    "SELECT unnest([s]) AS b FROM internal.kept",
    "SELECT encode(b, 'hex') AS b FROM (SELECT unnest(array_agg(s)) AS b FROM internal.kept)",
    "SELECT to_hex(count(DISTINCT s)) AS b FROM internal.kept",
    // Which are equal, and which is greater.
    "SELECT s = lag(s) OVER () AS b FROM internal.kept",
    "SELECT s IS DISTINCT FROM lag(s) OVER (ORDER BY window_start) AS b FROM internal.kept",
    "SELECT count(*) AS n FROM internal.kept GROUP BY s",
    "SELECT count(*) AS n FROM internal.kept GROUP BY GROUPING SETS ((s), (g))",
    "SELECT g FROM internal.kept ORDER BY s LIMIT 1",
    "SELECT row_number() OVER (ORDER BY s ROWS UNBOUNDED PRECEDING) AS r FROM internal.kept",
    "SELECT count(*) OVER (PARTITION BY s) AS r FROM internal.kept",
    "SELECT first_value(n ORDER BY s) AS n FROM internal.kept",
    "SELECT count(*) AS n FROM (SELECT DISTINCT s FROM internal.kept)",
    "SELECT DISTINCT ON (s) n FROM internal.kept",
    "SELECT ddsketch_count(ddsketch_merge(DISTINCT s)) AS n FROM internal.kept",
    "SELECT count(*) AS n FROM (SELECT s FROM internal.kept UNION SELECT s FROM internal.handed_on)",
    "SELECT count(*) AS n FROM (SELECT s FROM internal.kept INTERSECT SELECT s FROM internal.handed_on)",
    "SELECT count(*) AS n FROM (SELECT s FROM internal.kept EXCEPT SELECT s FROM internal.handed_on)",
    "SELECT count(*) AS n FROM internal.kept AS a JOIN internal.kept AS b ON a.s = b.s",
    "SELECT count(*) AS n FROM internal.kept AS a JOIN internal.handed_on AS b USING (s)",
    "SELECT count(*) AS n FROM internal.kept AS a JOIN internal.kept AS b ON a.g = b.g AND a.s < b.s",
    "SELECT n FROM internal.kept WHERE s IN (SELECT s FROM internal.handed_on)",
    "SELECT n FROM internal.kept WHERE 'a' IN (SELECT s FROM internal.handed_on)",
    "SELECT n FROM internal.kept WHERE s > X'00'",
    "SELECT n FROM internal.kept AS a WHERE EXISTS (SELECT 1 FROM internal.handed_on AS b WHERE a.s = b.s)",
    "WITH RECURSIVE r AS (SELECT s FROM internal.kept UNION SELECT s FROM r) SELECT count(*) AS n FROM r",
    // By way of a condition, of another type, or of a sketch of chosen values.
    "SELECT CASE s WHEN X'00' THEN 1 ELSE 2 END AS b FROM internal.kept",
    "SELECT CASE WHEN n > 1 THEN s END AS b FROM internal.kept",
    "SELECT nullif(s, X'00') IS NULL AS b FROM internal.kept",
    "SELECT (SELECT ddsketch_quantile(s, 0.5) FROM internal.kept LIMIT 1) AS b FROM internal.handed_on",
    "SELECT 'a' AS b UNION ALL SELECT s FROM internal.kept",
    "SELECT octet_length(b) AS n FROM (SELECT s AS b FROM internal.kept UNION ALL SELECT 'a')",
    "SELECT psi(X'00', s) AS b FROM internal.kept",
    "SELECT psi(decode('00', 'hex'), coalesce(s, X'00')) AS b FROM internal.kept",
    "SELECT total_variation((SELECT freq(v) FROM (VALUES ('canary-tool')) AS t(v)), f) AS b FROM internal.kept",
];

#[test]
fn no_way_to_bytes_or_values_is_planned() {
    let signal = |(number, query): (usize, &&str)| format!("CREATE SIGNAL m{number} AS {query};\n");
    let signals = REFUSED.iter().enumerate().map(signal).collect::<String>();
    let failure = project(&signals).run(&["check"]).failure();
    let before = STREAM.lines().count() + KEPT.lines().count();
    let messages = failure.split("\n\n").collect::<Vec<_>>();
    for (number, query) in REFUSED.iter().enumerate() {
        let place = format!("[sql/all.sql:{}:", before + number + 1);
        let said = messages.windows(2).find(|said| said[1].contains(&place));
        // Some functions are not built in, or take text alone.
        let refused = |said: &[&str]| ["TG215", "TG112", "TG113"].iter().any(|code| said.concat().contains(code));
        assert!(said.is_some_and(refused), "{query}\n{said:?}\n{failure}");
    }
}

/// What stands above the aggregation of internal rows is handed on as any value is.
#[test]
fn internal_rows_do_not_open_their_own_sketches() {
    for (value, having) in [
        ("freq_top(freq(tool), 100)", ""),
        ("ddsketch_quantile(ddsketch(x), 0.5)", ""),
        ("encode(ddsketch(x), 'hex')", ""),
        ("COUNT(*)", "HAVING ddsketch_quantile(ddsketch(x), 0.5) > 10"),
    ] {
        let sql = format!(
            "CREATE SIGNAL opened WITH (scope = 'internal') AS SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 3)
              window_start, {value} AS v FROM TUMBLE(d, at, INTERVAL '1 hour') GROUP BY window_start {having};
             CREATE SIGNAL shown AS SELECT v FROM internal.opened;"
        );
        let failure = project(&sql).run(&["check"]).failure();
        assert!(failure.contains("TG215"), "{value} {having}: {failure}");
    }
    let counted = "CREATE SIGNAL counted WITH (scope = 'internal') AS SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 3)
      window_start, profile_nulls(profile(x)) AS nulls, profile(x) AS p FROM TUMBLE(d, at, INTERVAL '1 hour') GROUP BY window_start;";
    project(counted).run(&["check"]).ok();
}

/// A sketch of chosen values that others released is not read beside those of people: their distance would count theirs.
#[test]
fn no_sketch_of_chosen_values_is_read_beside_them() {
    let sql = "CREATE STREAM chosen (at TIMESTAMP, v VARCHAR) WITH (path = 'landing', format = 'csv', event_time = 'at');
      CREATE SIGNAL public AS SELECT window_start, COUNT(*) AS n, freq(v) AS f FROM TUMBLE(chosen, at, INTERVAL '1 hour')
      GROUP BY window_start;
      CREATE SIGNAL counts AS SELECT window_start, total_variation(c.f, i.f) AS t FROM released.public AS c
      JOIN internal.kept AS i USING (window_start);";
    let failure = project(sql).run(&["check"]).failure();
    assert!(failure.contains("TG215") && failure.contains("`public` has a column of bytes"), "{failure}");
}
