//! What becomes of rows under a data contract: which stand, what is kept of them, and what is told of how good they are?

use serde_json::{Value, json};

use crate::project::Project;

const SQL: &str = "
CREATE STREAM decisions WITH (path = 'landing/decisions/', format = 'ndjson', contract = 'decisions', watermark = INTERVAL '1 day');
CREATE SIGNAL by_class AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 2)
  window_start, window_end, task_class, COUNT(*) AS n, COUNT(DISTINCT user_token) AS people
FROM TUMBLE(decisions, event_time, INTERVAL '1 day') GROUP BY window_start, window_end, task_class;
CREATE SIGNAL seen WITH (scope = 'local', kind = 'ops') AS
SELECT window_start, window_end, tenant_id, user_token, session_id, override_reason, COUNT(*) AS n
FROM TUMBLE(decisions, event_time, INTERVAL '1 day')
GROUP BY window_start, window_end, tenant_id, user_token, session_id, override_reason;
";

/// A decision as some producer sends it, with what is personal.
pub(crate) fn decision(number: usize) -> Value {
    json!({
        "schema_version": "1.0.0", "decision_id": format!("d{number}"), "trace_id": "0".repeat(32),
        "span_id": "1".repeat(16), "event_time": "2026-01-05T08:00:00Z", "ingested_at": "2026-01-05T08:00:01Z",
        "tenant_id": "acme", "user_token": format!("user{}@example.com", number % 4), "session_id": "chat-4711",
        "region": "eu", "environment": "prod", "task_class": "refund", "model_family": "m", "model_version": "m-1",
        "prompt_template_version": "v1", "policy_version": "p1", "bundle_version": "b1", "outcome": "accepted",
        "latency_us": 1000, "tool_calls": 0, "tool_failures": 0, "retrievals": 0, "guardrail_hits": 0,
        "risk_class": "low", "learning_scope": "global", "sample_weight": 1.0, "envelope_hash": "a".repeat(64),
        "source": "test",
    })
}

fn lines(rows: &[Value]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}

fn asked(project: &Project, query: &str) -> Vec<Value> {
    let rows = project.run(&["sql", "--format", "json", query]).ok().stdout;
    serde_json::from_str(&rows).unwrap_or_else(|_| panic!("{rows}"))
}

/// Ten decisions, of which four break the contract or may be learnt from at home alone.
fn run() -> Project {
    let project = Project::with_sql(SQL);
    let mut rows = (0..10).map(decision).collect::<Vec<_>>();
    rows[3]["outcome"] = "bananas".into();
    rows[4].as_object_mut().unwrap().remove("tenant_id");
    rows[5]["learning_scope"] = "local".into();
    rows[6]["model_version"] = Value::Null;
    project.write("landing/decisions/a.ndjson", lines(&rows));
    project.run(&["run", "--until-end"]).ok();
    project
}

#[test]
fn rows_that_break_a_contract_are_set_aside_with_the_rule() {
    let project = run();
    let released = asked(&project, "SELECT n, people FROM released.by_class");
    assert_eq!(released, [json!({"n": 6, "people": 4})], "ten without three that break it and one for its tenant");
    let listed = project.run(&["quarantine", "show", "--format", "json"]).ok().stdout;
    assert!(!listed.contains("bananas") && !listed.contains("example.com"), "{listed}");
    let counts = project.run(&["quarantine", "ls", "--json"]).ok().stdout;
    assert!(counts.contains("contract_broken"), "{counts}");
}

#[test]
fn what_is_personal_becomes_tokens_before_anything_is_written() {
    let project = run();
    let seen = asked(&project, "SELECT tenant_id, user_token, session_id, n FROM local.seen ORDER BY user_token");
    assert_eq!(seen.iter().map(|row| row["n"].as_i64().unwrap()).sum::<i64>(), 7, "{seen:?}");
    for row in &seen {
        assert_eq!(row["user_token"].as_str().unwrap().len(), 32, "{row}");
        assert_ne!(row["session_id"], "chat-4711");
        assert_eq!(row["tenant_id"], "acme");
    }
    for folder in ["state", "log", "released", "local", "quarantine", "internal", "dedupe", "keys", "staging"] {
        for (name, bytes) in project.files(folder) {
            for secret in ["example.com", "chat-4711", "bananas"] {
                assert!(
                    !bytes.windows(secret.len()).any(|part| part == secret.as_bytes()),
                    "{secret} is in {folder}/{name}"
                );
            }
        }
    }
}

#[test]
fn how_good_rows_are_is_released_without_numbers_of_people() {
    let project = run();
    let worst = asked(
        &project,
        "SELECT contract, column, passed, observed, rows FROM released.dq_results WHERE stream = 'decisions'
         AND column IN ('outcome', 'trace_id') AND metric IN ('invalidValues', 'nullValues') ORDER BY column, metric",
    );
    let of = |column: &str| worst.iter().filter(|row| row["column"] == column).collect::<Vec<_>>();
    assert!(of("outcome").iter().any(|row| row["passed"] == false), "{worst:?}");
    assert!(of("trace_id").iter().all(|row| row["passed"] == true), "{worst:?}");
    assert!(worst.iter().all(|row| row["observed"].is_null() && row["rows"].is_null()), "{worst:?}");
}

#[test]
fn a_contract_of_ones_own_counts_what_it_is_told_to() {
    let project = Project::with_sql(
        "CREATE STREAM visits WITH (path = 'landing/visits/', format = 'ndjson', contract = 'contracts/visits.yaml');
         CREATE SIGNAL pages AS SELECT kind, COUNT(*) AS n, SUM(pages) AS pages FROM visits GROUP BY kind;",
    );
    let contract = "apiVersion: v3.1.0
kind: DataContract
id: urn:contract:visits
name: visits
version: 1.0.0
status: active
team: { name: trust-eng }
schema:
  - name: visits
    properties:
      - { name: visit_id, logicalType: string, required: true, classification: internal }
      - { name: at, logicalType: timestamp, required: true, classification: internal }
      - name: kind
        logicalType: string
        classification: internal
        quality:
          - { metric: nullValues, mustBeLessThan: 50, unit: percent }
      - { name: pages, logicalType: integer, classification: internal, logicalTypeOptions: { minimum: 0 } }
slaProperties: [{ property: latency, value: 5, unit: m }, { property: retention, value: 400, unit: d }]
customProperties:
  - { property: source, value: web }
  - { property: reliability, value: at-least-once }
  - { property: privacyClass, value: internal }
  - { property: eventTime, value: at }
";
    project.write("contracts/visits.yaml", contract);
    project.write(
        "landing/visits/a.ndjson",
        "{\"visit_id\":\"1\",\"at\":\"2026-01-05T08:00:00Z\",\"kind\":\"web\",\"pages\":3}
{\"visit_id\":\"2\",\"at\":\"2026-01-05T08:00:00Z\",\"pages\":4}
{\"visit_id\":\"3\",\"at\":\"2026-01-05T08:00:00Z\",\"pages\":5}
",
    );
    project.run(&["contract", "check", "contracts/visits.yaml"]).ok();
    project.run(&["run", "--until-end"]).ok();
    let nulls = asked(
        &project,
        "SELECT observed, passed, rows FROM released.dq_results WHERE column = 'kind' AND metric = 'nullValues'",
    );
    assert_eq!(nulls.len(), 1, "{nulls:?}");
    assert_eq!((&nulls[0]["passed"], &nulls[0]["rows"]), (&json!(false), &json!(3)));

    let narrower = contract.replace("version: 1.0.0", "version: 1.1.0").replace(
        "      - { name: pages, logicalType: integer, classification: internal, logicalTypeOptions: { minimum: 0 } }\n",
        "      - { name: pages, logicalType: string, classification: internal }\n",
    );
    project.write("contracts/visits-1.1.yaml", narrower);
    let refused =
        project.run(&["contract", "check", "contracts/visits-1.1.yaml", "--against", "contracts/visits.yaml"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stdout.contains("pages"), "{refused:?}");
}

#[test]
fn what_may_be_learnt_follows_risk_consent_and_region() {
    let project = Project::with_sql(SQL);
    project.write("tidegate.toml", "[learning]\nregions = [\"eu\"]\n");
    project.write(
        "tenants.toml",
        "[tenants.acme]\nlearning = [{ from = 2026-01-01, to = 2026-07-01, scope = \"global\" }]\n",
    );
    project.write(
        "risk.toml",
        "[[rule]]\nname = \"payments\"\nrisk_class = \"high\"\nall = [{ column = \"task_class\", is = \"payment\" }]\n",
    );
    let mut rows = (0..8).map(decision).collect::<Vec<_>>();
    rows[0]["task_class"] = "payment".into();
    rows[1]["tenant_id"] = "globex".into();
    rows[2]["region"] = "us".into();
    rows[3]["event_time"] = "2026-08-05T08:00:00Z".into();
    project.write("landing/decisions/a.ndjson", lines(&rows));
    project.run(&["run", "--until-end"]).ok();
    let released = asked(&project, "SELECT SUM(n) AS n FROM released.by_class");
    assert_eq!(
        released,
        [json!({"n": 4})],
        "one is risky, one of a tenant who did not agree, one from elsewhere, one too late"
    );
    let local = asked(&project, "SELECT SUM(n) AS n FROM local.seen");
    assert_eq!(local, [json!({"n": 7})], "alarms see all but what may not be kept here");
    let aside = project.run(&["quarantine", "show", "--format", "json"]).ok().stdout;
    assert!(aside.contains("region_elsewhere"), "{aside}");

    project.write("tenants.toml", "[tenants.acme]\nlerning = []\n");
    let refused = project.run(&["check"]).failure();
    assert!(refused.contains("TG80") && refused.contains("learning"), "{refused}");
}

/// Files as the OpenTelemetry Collector writes them.
#[test]
fn files_of_spans_become_decisions_and_steps() {
    let fixture =
        |name: &str| std::fs::read(format!("{}/../otlp/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    for (format, name, decisions, steps) in
        [("otlp_json", "otel_genai_1_37.json", 2, 0), ("otlp_proto", "otel_genai.binpb", 1, 1)]
    {
        let project = Project::with_sql(&format!(
            "CREATE STREAM decisions WITH (path = 'landing/otlp/', format = '{format}', contract = 'decisions', mapping = 'otel-genai');
             CREATE STREAM steps WITH (path = 'landing/otlp/', format = '{format}', contract = 'decision_steps', mapping = 'otel-genai');
             CREATE SIGNAL seen WITH (scope = 'local', kind = 'ops') AS SELECT tenant_id, COUNT(*) AS n FROM decisions GROUP BY tenant_id;
             CREATE SIGNAL kinds AS SELECT step_kind, COUNT(*) AS n FROM steps GROUP BY step_kind;"
        ));
        project.write(&format!("landing/otlp/{name}"), fixture(name));
        let run = project.run(&["run", "--until-end"]).ok();
        let count = |query: &str| asked(&project, query)[0]["n"].as_i64().unwrap_or(0);
        assert!(count("SELECT SUM(n) AS n FROM local.seen") >= decisions, "{name}: {run:?}");
        assert!(count("SELECT SUM(n) AS n FROM released.kinds") >= steps, "{name}: {run:?}");
        assert_eq!(project.run(&["quarantine", "ls"]).ok().stdout.trim(), "nothing is set aside", "{name}");
    }
    let unmapped =
        Project::with_sql("CREATE STREAM s WITH (path = 'landing/', format = 'otlp_json', contract = 'decisions');");
    unmapped.write("landing/a.json", "{}");
    let refused = unmapped.run(&["check"]).failure();
    assert!(refused.contains("TG321"), "{refused}");
}

#[test]
fn mistakes_about_contracts_have_a_place() {
    for (options, code, word) in [
        ("contract = 'decision'", "TG315", "did you mean 'decisions'"),
        ("contract = 'contracts/gone.yaml'", "TG", "gone.yaml"),
        ("mapping = 'otel-genai'", "TG105", "names no contract"),
        ("contract = 'decisions', privacy_unit = 'tenant_id'", "TG105", "protects `user_token`"),
    ] {
        let project =
            Project::with_sql(&format!("CREATE STREAM s WITH (path = 'landing/s/', format = 'ndjson', {options});"));
        project.write("landing/s/a.ndjson", lines(&[decision(0)]));
        let refused = project.run(&["check"]).failure();
        assert!(refused.contains(code) && refused.contains(word), "{options}: {refused}");
    }
}

#[test]
fn a_decision_that_is_told_otherwise_is_no_repetition() {
    let project = Project::with_sql(SQL);
    let told = |number: usize, seal: &str| {
        let mut row = decision(number);
        row["envelope_hash"] = seal.repeat(64).into();
        row
    };
    let rows = [told(1, "a"), told(1, "a"), told(1, "b"), told(2, "a"), told(3, "a")];
    project.write("landing/decisions/a.ndjson", lines(&rows));
    project.run(&["run"]).ok();
    // The first one stands, whatever comes after it, and in whatever run.
    project.write("landing/decisions/b.ndjson", lines(&[told(2, "c"), told(3, "a")]));
    project.run(&["run", "--until-end"]).ok();
    assert_eq!(asked(&project, "SELECT n, people FROM released.by_class"), [json!({"n": 3, "people": 3})]);
    let set_aside = project.run(&["quarantine", "ls", "--json"]).ok().stdout;
    assert!(set_aside.contains("envelope_conflict") && !set_aside.contains("example.com"), "{set_aside}");
    let epochs = serde_json::from_str::<Value>(&project.run(&["epochs", "--json"]).ok().stdout).unwrap();
    let rows = &epochs["totals"]["streams"]["decisions"]["rows"];
    assert_eq!((&rows["rejected"], &rows["duplicate"]), (&json!(2), &json!(2)), "{rows}");
    let replayed = project.run(&["quarantine", "replay", "--stream", "decisions"]).ok();
    assert!(replayed.stderr.contains("another row of the same key counts"), "{replayed:?}");
    // A signal that comes later passes them over, too.
    project.write("sql/later.sql", "CREATE SIGNAL later WITH (scope = 'local', kind = 'ops') AS SELECT tenant_id, COUNT(*) AS n FROM decisions GROUP BY tenant_id;");
    project.run(&["run", "--until-end"]).ok();
    assert_eq!(asked(&project, "SELECT n FROM local.later"), [json!({"n": 3})]);
}
