//! Do the recipes in `sql/drift/` tell what was planted, and nothing else?

use std::fs;
use std::path::Path;

use crate::project::Project;

/// A project of recipes, and of the streams that they read.
fn project(recipes: &[&str]) -> Project {
    let project = Project::empty();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sql/drift");
    for name in ["streams"].iter().chain(recipes) {
        let name = format!("{name}.sql");
        project.write(&format!("sql/{name}"), fs::read_to_string(folder.join(name)).unwrap());
    }
    project
}

/// Lands what a query answers, as Parquet. It may read `days` days of `rows` rows: the day `d` from 2026-01-05 on, the row
/// `j`, its time `at` and a number `r` in 0..1000 that is spread evenly.
fn land(project: &Project, path: &str, size: (u32, u32), columns: &str) {
    land_where(project, path, size, columns, "true");
}

/// As [`land`], only the rows of which `condition` holds.
fn land_where(project: &Project, path: &str, (days, rows): (u32, u32), columns: &str, condition: &str) {
    let query = format!(
        "SELECT {columns} FROM (
           SELECT d, j, to_timestamp(1767571200 + d * 86400 + j * 86400 / {rows}) AS at, (j * 7919 + d * 104729) % 1000 AS r
           FROM (SELECT unnest(range(0, {days})) AS d) CROSS JOIN (SELECT unnest(range(0, {rows})) AS j))
         WHERE {condition}"
    );
    project.land(path, &query);
}

/// Lands decisions of 40 users.
fn decide(project: &Project, size: (u32, u32), columns: &str) {
    let columns = format!("at AS event_time, 'u' || (j % 40) AS user_token, {columns}");
    land(project, "landing/decisions/a.parquet", size, &columns);
    if !project.path("landing/labels").is_dir() {
        land(project, "landing/labels/a.parquet", (1, 1), "at AS labeled_at");
    }
}

/// The rows of a query of one column, in order.
fn rows(project: &Project, query: &str) -> Vec<String> {
    let answer = project.run(&["sql", "--format", "csv", query]).ok().stdout;
    let mut rows = answer.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    rows.sort();
    rows
}

/// The days and groups of which a recipe gives an alarm.
#[track_caller]
fn check(project: &Project, recipe: &str, group: &str, alarm: &str, expected: &[&str]) {
    let query = format!("SELECT date || ' ' || {group} FROM released.{recipe} WHERE {alarm}");
    assert_eq!(rows(project, &query), expected, "{recipe}: {alarm}");
}

#[test]
fn they_are_a_project() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sql/drift");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let names = files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect::<Vec<_>>();
    let recipes = names.iter().map(String::as_str).filter(|name| *name != "streams").collect::<Vec<_>>();
    assert_eq!(recipes.len(), 8);
    let project = project(&recipes);
    project.run(&["generate", "--rows", "2000", "--days", "2"]).ok();
    assert!(project.run(&["check"]).ok().stdout.contains("2 streams and 18 signals are ready to run"));
    let docs = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/recipes.md")).unwrap();
    assert!(recipes.iter().all(|recipe| docs.contains(&format!("`{recipe}.sql`"))), "docs/recipes.md names each");
}

/// Input tokens grow by half, and another task takes over, on the fifth of eight days.
#[test]
fn generated_drift_is_told_and_nothing_without_it() {
    for planted in [true, false] {
        let project = project(&["input_drift", "prompt_length", "tenant_drift"]);
        let arguments =
            ["generate", "--rows", "60000", "--days", "8", "--seed", "3", "--users", "2000", "--tenants", "4"];
        project.run(&[&arguments[..], if planted { &["--drift"] } else { &[] }].concat()).ok();
        project.run(&["run", "--until-end"]).ok();
        let days = |recipe: &str, alarm: &str| {
            rows(&project, &format!("SELECT DISTINCT date FROM released.{recipe} WHERE {alarm}"))
        };
        // A fixed baseline and a week before remember what was; the previous window tells a change once.
        let (since, once): (&[&str], &[&str]) = match planted {
            true => (&["2026-01-09", "2026-01-10", "2026-01-11", "2026-01-12"], &["2026-01-09"]),
            false => (&[], &[]),
        };
        assert_eq!(days("input_drift", "tokens_verdict = 'drift'"), since);
        assert_eq!(days("input_drift", "classes_verdict = 'drift'"), Vec::<String>::new());
        assert_eq!(days("prompt_length_drift", "verdict = 'drift'"), since);
        assert_eq!(days("tenant_drift", "tasks_verdict = 'drift' AND tasks_stand_out"), once);
        assert_eq!(days("tenant_drift", "tokens_verdict = 'drift' AND tokens_stand_out"), once);
    }
}

#[test]
fn other_inputs_than_those_of_the_baseline() {
    let project = project(&["input_drift"]);
    decide(
        &project,
        (6, 800),
        "'t' || (j % 2) AS task_class, 'm' AS model_version, 1000 + r AS input_tokens,
         CASE WHEN d >= 4 AND j % 2 = 1 AND r < 400 THEN 'scanned' ELSE 'typed' || ((r / 2) % 3) END AS input_class",
    );
    project.run(&["run", "--until-end"]).ok();
    check(&project, "input_drift", "task_class", "classes_verdict = 'drift'", &["2026-01-09 t1", "2026-01-10 t1"]);
    check(&project, "input_drift", "task_class", "tokens_verdict = 'drift'", &[]);
}

#[test]
fn tools_are_called_otherwise() {
    let project = project(&["tool_mix"]);
    decide(
        &project,
        (4, 800),
        "'t' || (j % 2) AS task_class, CASE WHEN d >= 2 AND j % 2 = 0 THEN 't5' ELSE 't4' END AS tool_schema_version,
         CASE WHEN d >= 3 AND j % 2 = 1 THEN (r / 2) % 6 ELSE (r / 2) % 3 END AS tool_calls",
    );
    project.run(&["run", "--until-end"]).ok();
    check(&project, "tool_mix_drift", "task_class", "calls_verdict = 'drift'", &["2026-01-08 t1"]);
    check(&project, "tool_mix_drift", "task_class", "schemas_verdict = 'drift'", &["2026-01-07 t0"]);
    check(&project, "tool_mix_drift", "task_class", "new_schemas = 1.0", &["2026-01-07 t0"]);
}

/// Two hours of seven Mondays: many corrections at nine, few at ten; on the last one as many at ten as at nine.
#[test]
fn outcomes_of_an_hour_of_the_week() {
    let project = project(&["outcome_anomaly"]);
    let rate = "CASE WHEN j % 2 = 0 OR d = 6 THEN 400 ELSE 100 END + d % 3 * 20";
    let columns = format!(
        "to_timestamp(1767571200 + d * 7 * 86400 + (9 + j % 2) * 3600 + j) AS event_time, 'u' || (j % 40) AS user_token,
         'support' AS task_class, CASE WHEN (j * 613) % 1000 < {rate} THEN 'edited' ELSE 'accepted' END AS outcome"
    );
    land(&project, "landing/decisions/a.parquet", (7, 2000), &columns);
    land(&project, "landing/labels/a.parquet", (1, 1), "at AS labeled_at");
    project.run(&["run", "--until-end"]).ok();
    let hour = "CAST(hour_of_day(window_start) AS VARCHAR)";
    check(&project, "outcome_anomaly", hour, "verdict = 'anomaly'", &["2026-02-16 10"]);
    let judged = rows(&project, "SELECT count(*) FROM released.outcome_anomaly WHERE verdict <> 'insufficient'");
    assert_eq!(judged, ["10"]);
}

/// Of three tasks that answer at twice the length, one has longer inputs, and one another bundle.
#[test]
fn behaviour_that_moved_by_itself() {
    let project = project(&["silent_change"]);
    decide(
        &project,
        (3, 1200),
        "'t' || (j % 3) AS task_class, 'm' AS model_version, 'p' AS prompt_template_version, 'accepted' AS outcome,
         CASE WHEN d = 2 AND j % 3 = 1 THEN '2' ELSE '1' END AS bundle_version,
         (100 + r) * CASE WHEN d = 2 THEN 2 ELSE 1 END AS output_tokens,
         (500 + r) * CASE WHEN d = 2 AND j % 3 = 2 THEN 3 ELSE 1 END AS input_tokens",
    );
    project.run(&["run", "--until-end"]).ok();
    check(&project, "silent_change", "task_class", "silent_change", &["2026-01-07 t0"]);
    check(&project, "silent_change", "task_class", "inputs_verdict = 'drift'", &["2026-01-07 t2"]);
    check(&project, "silent_change", "task_class", "outputs_verdict = 'drift'", &["2026-01-07 t0", "2026-01-07 t2"]);
}

#[test]
fn a_tenant_with_other_work_and_one_too_small_to_look_at() {
    let project = project(&["tenant_drift"]);
    // The last tenant has rows of four users.
    decide(
        &project,
        (3, 1200),
        "CASE WHEN j % 40 < 4 THEN 'small' ELSE 'n' || ((j / 40) % 3) END AS tenant_id, 1000 + r AS input_tokens,
         CASE WHEN d = 2 AND (j / 40) % 3 = 1 AND r < 500 THEN 'new' ELSE 'usual' END AS task_class",
    );
    project.run(&["run", "--until-end"]).ok();
    let alarm = "tasks_verdict = 'drift' AND tasks_stand_out";
    check(&project, "tenant_drift", "tenant_id", alarm, &["2026-01-07 n1"]);
    check(&project, "tenant_drift", "tenant_id", "tokens_stand_out", &[]);
    check(&project, "tenant_drift", "tenant_id", "tenant_id = 'small'", &[]);
}

#[test]
fn labels_that_come_later() {
    let project = project(&["label_delay"]);
    let delay = "CASE WHEN d >= 2 THEN 172800 ELSE 7200 END + r * 3";
    let labels = format!(
        "'l' || d || '-' || j AS label_id, d || '-' || j AS decision_id, 'qa' AS label_name,
         to_timestamp(1767571200 + d * 86400 + j * 86400 / 600 + {delay}) AS labeled_at"
    );
    land(&project, "landing/labels/a.parquet", (4, 600), &labels);
    decide(&project, (4, 600), "d || '-' || j AS decision_id, 'support' AS task_class");
    project.run(&["run", "--until-end"]).ok();
    check(&project, "label_delay_drift", "task_class", "verdict = 'drift'", &["2026-01-07 support"]);
    check(&project, "label_delay_drift", "task_class", "unlabelled > 0", &[]);
    let moved =
        rows(&project, "SELECT round(moved_by_s / 3600) FROM released.label_delay_drift WHERE verdict = 'drift'");
    assert_eq!(moved, ["46.0"]);
}

#[test]
fn days_that_are_incomplete_stale_or_small_and_a_new_kind_of_label() {
    let project = project(&["data_quality"]);
    let fresh =
        "to_timestamp(1767571200 + d * 86400 + j * 86400 / 400 + CASE WHEN d = 20 THEN 3600 ELSE 60 END + r % 60)";
    let columns = format!(
        "at AS event_time, 'u' || (j % 40) AS user_token, {fresh} AS ingested_at,
         CASE WHEN d <> 10 THEN r / 1000.0 END AS confidence, 'typed' AS input_class"
    );
    let volume = "j < CASE WHEN d = 28 THEN 80 ELSE 200 + d % 7 * 20 + (d / 7) % 3 * 4 END";
    land_where(&project, "landing/decisions/a.parquet", (29, 400), &columns, volume);
    land(
        &project,
        "landing/labels/a.parquet",
        (4, 40),
        "at AS labeled_at, CASE WHEN d >= 2 AND j = 7 THEN 'toxicity' ELSE 'helpfulness' END AS label_name",
    );
    project.run(&["run", "--until-end"]).ok();
    check(&project, "data_quality", "'null'", "confidence_null_rate = 1.0", &["2026-01-15 null"]);
    check(
        &project,
        "data_quality",
        "'stale'",
        "freshness_verdict = 'drift'",
        &["2026-01-25 stale", "2026-01-26 stale"],
    );
    check(&project, "data_quality", "'small'", "volume_verdict = 'anomaly'", &["2026-02-02 small"]);
    let of = |column: &str| {
        rows(&project, &format!("SELECT date || ' ' || unnest({column}) FROM released.label_names_changed"))
    };
    assert_eq!((of("appeared"), of("vanished")), (vec!["2026-01-07 toxicity".to_owned()], vec![]));
}
