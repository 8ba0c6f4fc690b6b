//! Do signals over public telemetry give the answers that DuckDB gave?
//!
//! The data lies in the folder named by `TIDEGATE_REAL_DATA`, by default beside the checkout; where it is
//! absent these tests say so and pass.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::project::Project;

pub(crate) fn data() -> Option<PathBuf> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder =
        std::env::var_os("TIDEGATE_REAL_DATA").map_or_else(|| repository.join("../shared/data"), PathBuf::from);
    if folder.join("answers.json").is_file() {
        return folder.canonicalize().ok();
    }
    eprintln!("skipped: no real telemetry at {}", folder.display());
    None
}

/// What DuckDB answered.
struct Answers(Value);

impl Answers {
    fn of(data: &Path) -> Self {
        Self(serde_json::from_str(&fs::read_to_string(data.join("answers.json")).unwrap()).unwrap())
    }

    fn of_query(&self, dataset: &str, name: &str) -> &Value {
        let answers = self.0["answers"].as_array().unwrap();
        answers.iter().find(|answer| answer["dataset"] == dataset && answer["name"] == name).unwrap()
    }

    /// One cell of an answer of one row.
    fn number(&self, dataset: &str, name: &str, column: &str) -> u64 {
        let answer = self.of_query(dataset, name);
        let place = answer["columns"].as_array().unwrap().iter().position(|name| name == column).unwrap();
        answer["rows"][0][place].as_u64().unwrap()
    }
}

/// The project of the repository over the real data, run to the end.
struct Real {
    project: Project,
    arguments: Vec<String>,
    answers: Answers,
}

impl Real {
    fn run() -> Option<Self> {
        let data = data()?;
        let project = Project::empty();
        let definitions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/real");
        let arguments = vec![
            "--project".to_owned(),
            definitions.display().to_string(),
            "--root".to_owned(),
            project.path("out").display().to_string(),
            "--param".to_owned(),
            format!("real_data={}", data.display()),
        ];
        let real = Self { project, arguments, answers: Answers::of(&data) };
        real.tidegate(&["run", "--until-end"]);
        Some(real)
    }

    fn tidegate(&self, arguments: &[&str]) -> String {
        let all = arguments.iter().copied().chain(self.arguments.iter().map(String::as_str)).collect::<Vec<_>>();
        self.project.run(&all).ok().stdout
    }

    /// Compares a query's rows with the answer's columns, floats to 10 digits.
    #[track_caller]
    fn check(&self, dataset: &str, name: &str, columns: &[&str], query: &str) {
        let answer = self.answers.of_query(dataset, name);
        let names = answer["columns"].as_array().unwrap();
        let places =
            columns.iter().map(|column| names.iter().position(|name| name == column).unwrap()).collect::<Vec<_>>();
        let expected = answer["rows"].as_array().unwrap();
        let found: Value = serde_json::from_str(&self.tidegate(&["sql", "--format", "json", query])).unwrap();
        let found = found.as_array().unwrap();
        assert_eq!(found.len(), expected.len(), "{dataset} {name}");
        for (found, expected) in found.iter().zip(expected) {
            for (column, &place) in columns.iter().zip(&places) {
                assert!(alike(&found[column], &expected[place]), "{name} {column}: {found} is not {expected}");
            }
        }
    }
}

fn alike(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Number(found), Value::Number(expected)) if expected.is_f64() => {
            let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
            (found - expected).abs() <= 1e-10 * expected.abs().max(1e-3)
        }
        (Value::String(found), Value::String(expected)) => {
            let plain = |text: &str| text.replace("+00:00", "Z");
            plain(found) == plain(expected)
        }
        (found, expected) => found == expected,
    }
}

#[test]
fn aider_hours_months_and_cohorts() {
    let Some(real) = Real::run() else { return };
    real.check(
        "aider_telemetry",
        "tumbling_1h_sends_totals",
        &["windows", "total", "mx"],
        "SELECT COUNT(*) AS windows, SUM(n) AS total, MAX(n) AS mx FROM released.aider_sends_hourly",
    );
    real.check(
        "aider_telemetry",
        "tumbling_1h_sends_top5",
        &["w", "n"],
        "SELECT window_start AS w, n FROM released.aider_sends_hourly ORDER BY n DESC, window_start LIMIT 5",
    );
    real.check(
        "aider_telemetry",
        "monthly_sends",
        &["m", "n", "models", "tokens", "cost"],
        "SELECT month AS m, n, models, tokens, cost FROM released.aider_sends_monthly ORDER BY m",
    );
    real.check(
        "aider_telemetry",
        "sessions_30min_gap",
        &["sessions", "events"],
        "SELECT COUNT(*) AS sessions, SUM(n) AS events FROM released.aider_sessions",
    );
    let report: Value = serde_json::from_str(&fresh_report(&real)).unwrap();
    for row in real.answers.of_query("aider_telemetry", "k_anonymity_models")["rows"].as_array().unwrap() {
        let signal = &report["signals"][format!("aider_models_of_{}", row[0])];
        assert_eq!((&signal["rows_released"], &signal["withheld"]), (&row[1], &row[2]), "k = {}", row[0]);
    }
}

/// A run from nothing tells how many groups it withheld.
fn fresh_report(real: &Real) -> String {
    fs::remove_dir_all(real.project.path("out")).unwrap();
    real.tidegate(&["run", "--until-end", "--json"])
}

#[test]
fn azure_minutes() {
    let Some(real) = Real::run() else { return };
    real.check(
        "azure_llm_2023",
        "tumbling_1min",
        &["w", "n", "c"],
        "SELECT window_start AS w, n, context_tokens AS c FROM released.azure_minutes ORDER BY 1",
    );
    real.check(
        "azure_llm_2023",
        "hopping_5min_1min_peak",
        &["s", "n"],
        "SELECT window_start AS s, n FROM released.azure_five_minutes
         WHERE window_start IN (SELECT window_start FROM released.azure_minutes) ORDER BY n DESC, window_start LIMIT 3",
    );
}

#[test]
fn openhands_benchmarks_and_weeks() {
    let Some(real) = Real::run() else { return };
    real.check(
        "openhands_index",
        "by_benchmark",
        &["benchmark", "n", "resolved", "unknown", "cost"],
        "SELECT benchmark, n, resolved, unknown, cost FROM released.openhands_by_benchmark ORDER BY 1",
    );
    real.check(
        "openhands_index",
        "weekly_ingest",
        &["w", "n", "runs"],
        "SELECT window_start AS w, n, runs FROM released.openhands_weekly ORDER BY 1",
    );
}

/// The population stability index as `answers.json` defines it: shares of at least half a row.
fn psi(reference: &[f64], current: &[f64]) -> f64 {
    let shares = |counts: &[f64]| {
        let rows = counts.iter().sum::<f64>();
        counts.iter().map(|count| count.max(0.5) / rows).collect::<Vec<_>>()
    };
    let shares = shares(reference).into_iter().zip(shares(current));
    shares.map(|(reference, current)| (current - reference) * (current / reference).ln()).sum()
}

/// The index over the sketches in a signal of two rows, at the cuts that the answer names, and the answer.
fn psi_at_cuts(real: &Real, dataset: &str, name: &str, signal: &str, column: &str) -> (f64, f64) {
    let answer = &real.answers.of_query(dataset, name)["value"];
    let ranks = answer["edges"].as_array().unwrap().iter().map(|edge| format!("ddsketch_rank({column}, {edge})"));
    let ranks = ranks.collect::<Vec<_>>().join(", ");
    let query = format!("SELECT n, [{ranks}] AS ranks FROM released.{signal} ORDER BY before DESC");
    let rows: Value = serde_json::from_str(&real.tidegate(&["sql", "--format", "json", &query])).unwrap();
    let counts = |row: &Value| {
        let n = row["n"].as_f64().unwrap();
        let upto = row["ranks"].as_array().unwrap().iter().map(|rank| (rank.as_f64().unwrap() * n).round());
        let upto = std::iter::once(0.0).chain(upto).chain([n]).collect::<Vec<_>>();
        upto.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<_>>()
    };
    (psi(&counts(&rows[0]), &counts(&rows[1])), answer["psi"].as_f64().unwrap())
}

fn one_row(real: &Real, query: &str) -> Value {
    serde_json::from_str::<Value>(&real.tidegate(&["sql", "--format", "json", query])).unwrap()[0].take()
}

#[test]
fn aider_switched_its_model() {
    let Some(real) = Real::run() else { return };
    let answer = &real.answers.of_query("aider_telemetry", "psi_main_model")["value"];
    let row = one_row(&real, "SELECT * FROM released.aider_switch");
    assert_eq!((&row["n_ref"], &row["n_cur"]), (&answer["n_ref"], &answer["n_cur"]));
    assert_eq!((&row["models"], &row["prompt_tokens"]), (&"drift".into(), &"drift".into()));
    let new = row["new_models"].as_array().unwrap();
    assert!(new.contains(&"anthropic/claude-3-7-sonnet-20250219".into()), "{new:?}");
    // Counts per model are exact, so that the answer's own formula gives the answer to the last digits. Ours adds half a
    // row to every count instead of to those of none; numpy gives this for it.
    let counts =
        "SELECT unnest(freq_top(models, 100))['value'] AS model, before, unnest(freq_top(models, 100))['count'] AS n
      FROM released.aider_sends_around_switch";
    let sides = "sum(n) FILTER (WHERE before) AS r, sum(n) FILTER (WHERE NOT before) AS c";
    let query = format!("SELECT model, {sides} FROM ({counts}) GROUP BY model");
    let models: Value = serde_json::from_str(&real.tidegate(&["sql", "--format", "json", &query])).unwrap();
    let side =
        |name| models.as_array().unwrap().iter().map(|row| row[name].as_f64().unwrap_or(0.0)).collect::<Vec<_>>();
    assert_eq!(models.as_array().unwrap().len() as u64, answer["categories"].as_u64().unwrap());
    assert!((psi(&side("r"), &side("c")) - answer["psi"].as_f64().unwrap()).abs() < 1e-9);
    assert!((row["psi_models"].as_f64().unwrap() - 4.244_004_718_155_923_5).abs() < 1e-12);
    // Numbers of tokens are in bins of 2 %: at one cut, 6 of the 66 current rows lie above it and in its bin. What that
    // comes to was measured (0.014), not derived.
    let (found, expected) =
        psi_at_cuts(&real, "aider_telemetry", "psi_prompt_tokens", "aider_sends_around_switch", "prompt_tokens");
    assert!((found - expected).abs() < 0.02, "{found}, not {expected}");
}

/// Counted row by row at the cuts that the answer names, its index is a query.
#[test]
fn aider_prompts_by_the_rows_themselves() {
    let Some(real) = Real::run() else { return };
    let answer = &real.answers.of_query("aider_telemetry", "psi_prompt_tokens")["value"];
    let cuts = answer["edges"].as_array().unwrap().iter().enumerate();
    let cases = cuts.map(|(bin, cut)| format!("WHEN prompt_tokens <= {cut} THEN {bin} ")).collect::<String>();
    let query = format!(
        "WITH sends AS (
           SELECT event_ts < TIMESTAMP '2025-02-24' AS before, CASE {cases} ELSE 9 END AS bin FROM aider
           WHERE event = 'message_send' AND event_ts >= TIMESTAMP '2025-01-24' AND event_ts < TIMESTAMP '2025-03-01'),
         bins AS (
           SELECT bin, count(*) FILTER (WHERE before) AS r, count(*) FILTER (WHERE NOT before) AS c FROM sends GROUP BY bin),
         shares AS (
           SELECT greatest(r, 0.5) / sum(r) OVER () AS r, greatest(c, 0.5) / sum(c) OVER () AS c FROM bins)
         SELECT sum((c - r) * ln(c / r)) AS psi, count(*) AS bins FROM shares"
    );
    let row = one_row(&real, &query);
    let (found, expected) = (row["psi"].as_f64().unwrap(), answer["psi"].as_f64().unwrap());
    assert_eq!(row["bins"], 10);
    assert!((found - expected).abs() < 1e-9, "{found}, not {expected}");
}

#[test]
fn azure_halves_are_alike() {
    let Some(real) = Real::run() else { return };
    // Whole numbers up to 53 have bins of their own, so that the sketch counts as exactly as the rows.
    let (found, expected) =
        psi_at_cuts(&real, "azure_llm_2023", "psi_generated_tokens_halves", "azure_halves", "generated_tokens");
    assert!((found - expected).abs() < 1e-11, "{found}, not {expected}");
    let row = one_row(&real, "SELECT * FROM released.azure_drift");
    assert_eq!((&row["n_ref"], &row["n_cur"], &row["verdict"]), (&5740.into(), &3079.into(), &"stable".into()));
    // In bins that the sketch chooses.
    assert!((row["psi"].as_f64().unwrap() - expected).abs() < 5e-4, "{row}");
}

#[test]
fn census_years_are_alike() {
    let Some(data) = data() else { return };
    let answers = Answers::of(&data);
    let file = data.join("census_ma_employment/predictions.parquet").display().to_string();
    let compared = |sketch: &str| {
        let query = format!(
            "SELECT drift({sketch} FILTER (WHERE year = 2015), {sketch} FILTER (WHERE year = 2016)) AS d FROM '{file}'"
        );
        let answer = Project::empty().run(&["sql", "--format", "json", &query]).ok().stdout;
        serde_json::from_str::<Value>(&answer).unwrap()[0]["d"].take()
    };
    for (name, sketch) in
        [("psi_pred_2015_2016", "ddsketch(predicted_probability)"), ("psi_age_2015_2016", "ddsketch(\"AGEP\")")]
    {
        let answer = &answers.of_query("census_ma_employment", name)["value"];
        let found = compared(sketch);
        assert_eq!((&found["n_ref"], &found["n_cur"]), (&answer["n_ref"], &answer["n_cur"]));
        assert_eq!(found["verdict"], "stable", "{name}");
        // Ages are in other bins than at the answer's cuts.
        assert!((found["psi"].as_f64().unwrap() - answer["psi"].as_f64().unwrap()).abs() < 2e-4, "{name}: {found}");
    }
    for column in ["SEX", "RAC1P", "MAR", "SCHL", "CIT"] {
        assert_eq!(compared(&format!("freq(\"{column}\")"))["verdict"], "stable", "{column}");
    }
    assert_eq!(compared("freq(prediction)")["verdict"], "stable");
}

#[test]
fn the_same_telemetry_in_many_files_releases_the_same_bytes() {
    let Some(data) = data() else { return };
    let sql = "
        CREATE STREAM aider WITH (path = 'landing', format = 'ndjson', event_time = 'event_ts');
        CREATE SIGNAL sends AS
        SELECT window_start, window_end, main_model, COUNT(*) AS n, SUM(cost_usd) AS cost, AVG(cost_usd) AS mean
        FROM TUMBLE(aider, event_ts, INTERVAL '1 day') WHERE event = 'message_send'
        GROUP BY window_start, window_end, main_model;";
    let (whole, fed) = (Project::with_sql(sql), Project::with_sql(sql));
    let events = format!(
        "SELECT event_ts, event, main_model, cost_usd FROM '{}'",
        data.join("aider_telemetry/events.parquet").display()
    );
    let rows: Vec<Value> =
        serde_json::from_str(&whole.run(&["sql", "--format", "json", "--project", "/", &events]).ok().stdout).unwrap();
    let lines = rows.iter().map(|row| format!("{row}\n")).collect::<Vec<_>>();
    whole.write("landing/all.ndjson", lines.concat());
    whole.run(&["run", "--until-end"]).ok();
    for (part, lines) in lines.chunks(3_000).enumerate() {
        fed.write(&format!("landing/{part:02}.ndjson"), lines.concat());
        fed.run(&["run"]).ok();
    }
    fed.run(&["run", "--until-end"]).ok();
    assert_eq!(whole.files("released"), fed.files("released"));
    assert!(whole.files("released").len() > 50);
}

/// The events of aider as they were delivered, at least once: batches of CSV lines `event_id,event_ts`.
fn deliveries(data: &Path) -> Vec<Vec<String>> {
    let file = |name: &str| data.join("aider_telemetry").join(name).display().to_string();
    let query = format!(
        "SELECT snapshot_no, event_id, event_ts FROM '{}' JOIN '{}' USING (event_id) ORDER BY snapshot_no, pos",
        file("deliveries.parquet"),
        file("events.parquet")
    );
    let rows = Project::empty().run(&["sql", "--format", "csv", &query]).ok().stdout;
    let mut batches = BTreeMap::<u64, Vec<String>>::new();
    for row in rows.lines().skip(1) {
        let (batch, event) = row.split_once(',').unwrap();
        batches.entry(batch.parse().unwrap()).or_default().push(event.to_owned());
    }
    batches.into_values().collect()
}

/// How far behind the latest event a row may be in the answers on late rows.
const DELAYS: [(&str, i64); 3] = [("0s", 0), ("1h", 3600), ("24h", 86_400)];

/// What became of the rows of a stream, added up over runs.
#[derive(Debug, Default, PartialEq)]
struct Fate {
    read: u64,
    delivered: u64,
    duplicate: u64,
    behind: u64,
    /// Late for windows of one microsecond.
    late: u64,
}

/// Lands one batch after the other, with a run after each; the fate of the same rows under every delay.
fn deliver(batches: &[Vec<String>]) -> Vec<Fate> {
    let stream = |(name, seconds): (&str, i64)| {
        format!(
            "CREATE STREAM by_{name} (event_id BIGINT, event_ts TIMESTAMP)
              WITH (path = 'landing', format = 'csv', event_time = 'event_ts', watermark = INTERVAL '{seconds} seconds',
                dedupe_key = 'event_id', dedupe_horizon = INTERVAL '9000 days');
            CREATE SIGNAL instants_{name} AS SELECT window_start, COUNT(*) AS n
            FROM TUMBLE(by_{name}, event_ts, INTERVAL '1 microsecond') GROUP BY window_start;"
        )
    };
    let project = Project::with_sql(&DELAYS.map(stream).concat());
    let mut fates = DELAYS.map(|_| Fate::default());
    for (number, batch) in batches.iter().enumerate() {
        project.write(&format!("landing/{number:04}.csv"), format!("event_id,event_ts\n{}\n", batch.join("\n")));
        let report: Value = serde_json::from_str(&project.run(&["run", "--json"]).ok().stdout).unwrap();
        for (fate, (name, _)) in fates.iter_mut().zip(DELAYS) {
            let stream = &report["streams"][format!("by_{name}")];
            let count = |value: &Value| value.as_u64().unwrap();
            fate.read += count(&stream["account"]["read"]);
            fate.delivered += count(&stream["account"]["delivered"]);
            fate.duplicate += count(&stream["account"]["duplicate"]);
            fate.behind += count(&stream["rows_behind"]);
            fate.late += count(&report["signals"][format!("instants_{name}")]["rows"]["late"]);
        }
    }
    fates.into()
}

#[test]
fn aider_deliveries_are_counted_once_and_late_ones_are_known() {
    let Some(data) = data() else { return };
    let answers = Answers::of(&data);
    let batches = deliveries(&data);
    let of_all = |column| answers.number("aider_telemetry", "at_least_once", column);
    assert_eq!(batches.len() as u64, of_all("batches"));
    for (fate, (name, _)) in deliver(&batches).into_iter().zip(DELAYS) {
        let (read, delivered) = (of_all("deliveries"), of_all("distinct_events"));
        let late = answers.number("aider_telemetry", &format!("late_beyond_watermark_{name}"), "late");
        assert_eq!(fate, Fate { read, delivered, duplicate: read - delivered, behind: late, late }, "{name}");
    }
}

/// In their own order hardly any of the deliveries is late.
#[test]
fn aider_deliveries_in_the_wrong_order_are_late() {
    let Some(data) = data() else { return };
    let batches = deliveries(&data);
    let reversed = batches.chunks(16).map(<[_]>::concat).rev().collect::<Vec<_>>();
    for (fate, (name, seconds)) in deliver(&reversed).into_iter().zip(DELAYS) {
        let late = late_of(&reversed, seconds);
        assert!(late > 0, "{name}: {late}");
        assert_eq!((fate.behind, fate.late), (late, late), "{name}");
    }
}

/// New events older than the latest of all earlier batches, less a delay.
fn late_of(batches: &[Vec<String>], delay_s: i64) -> u64 {
    let seconds = |event: &str| {
        let (_, time) = event.split_once(',').unwrap();
        let part = |range: std::ops::Range<usize>| time[range].parse::<i64>().unwrap();
        let (year, month, day) = (part(0..4), part(5..7), part(8..10));
        // Days since some day long ago, March being the first month of a year.
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day;
        ((days * 24 + part(11..13)) * 60 + part(14..16)) * 60 + part(17..19)
    };
    let (mut known, mut latest, mut late) = (BTreeSet::new(), i64::MIN, 0);
    for batch in batches {
        let new = batch.iter().filter(|event| known.insert(event.as_str())).map(|event| seconds(event));
        let new = new.collect::<Vec<_>>();
        late += new.iter().filter(|&&time| time < latest.saturating_sub(delay_s)).count() as u64;
        latest = new.into_iter().fold(latest, i64::max);
    }
    late
}
