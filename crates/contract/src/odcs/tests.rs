//! What is read of a contract, and what is refused, at which place, with which help?

use arrow::datatypes::{DataType, TimeUnit};

use super::*;
use crate::{Error, IngestPolicy, PRIVACY_UNIT};

const VISITS: &str = r#"apiVersion: v3.1.0
kind: DataContract
id: urn:contract:visits
version: 1.2.0
status: active
team: { name: trust-eng }
schema:
  - name: visits
    properties:
      - { name: visit_id, logicalType: string, required: true, unique: true, classification: internal }
      - name: user_token
        logicalType: string
        classification: restricted
        customProperties:
          - { property: ingestPolicy, value: tokenize }
          - { property: privacyUnit, value: user }
      - name: kind
        logicalType: string
        physicalType: dictionary
        classification: public
        quality:
          - metric: invalidValues
            name: vocabulary
            arguments: { validValues: [web, app] }
            mustBe: 0
            customProperties: [{ property: onViolation, value: quarantine_row }]
      - { name: pages, logicalType: integer, classification: internal, logicalTypeOptions: { format: i32, minimum: 0 } }
      - name: attr_team
        logicalType: string
        customProperties: [{ property: attribute, value: app.team }, { property: sunset, value: 2027-06-30 }]
    quality:
      - { metric: rowCount, mustBeBetween: [1, 1000000] }
slaProperties:
  - { property: latency, value: 5, unit: m }
  - { property: retention, value: 400, unit: d }
customProperties:
  - { property: source, value: otlp }
  - { property: reliability, value: at-least-once }
  - { property: privacyClass, value: restricted }
"#;

fn visits() -> DataContract {
    DataContract::parse("visits.yaml", VISITS).unwrap()
}

/// Reads the example with one piece replaced.
fn changed(from: &str, to: &str) -> Result<DataContract> {
    assert_eq!(VISITS.matches(from).count(), 1, "{from} must stand in the example once");
    DataContract::parse("c", &VISITS.replace(from, to))
}

fn check(from: &str, to: &str, code: &str, message: &str, help: &str) {
    let error = changed(from, to).expect_err(to);
    assert_eq!((error.code(), error.to_string().as_str(), error.help().as_str()), (code, message, help));
}

#[test]
fn what_is_said_is_read() {
    let contract = visits();
    assert_eq!(contract.label(), "visits 1.2.0");
    assert_eq!((contract.owner.as_str(), contract.source.as_str()), ("trust-eng", "otlp"));
    assert_eq!((contract.reliability, contract.compatibility), (Reliability::AtLeastOnce, Mode::FullTransitive));
    assert_eq!(contract.latency, Duration::from_secs(300));
    assert_eq!(contract.retention, Some(Duration::from_secs(400 * 86_400)));
    assert_eq!(contract.at.to_string(), "visits.yaml:8:11");
    let user = contract.column("user_token").unwrap();
    assert_eq!((user.ingest_policy, user.privacy_unit.as_deref()), (IngestPolicy::Tokenize, Some("user")));
    let team = contract.attribute("app.team").unwrap();
    assert_eq!((team.name.as_str(), team.classification), ("attr_team", Classification::Restricted));
    assert_eq!(team.sunset.unwrap().to_string(), "2027-06-30");
    assert!(contract.attribute("app.secret").is_none());
}

#[test]
fn columns_are_an_arrow_schema() {
    let schema = visits().schema();
    let types = schema.fields().iter().map(|field| field.data_type().to_string()).collect::<Vec<_>>();
    assert_eq!(types, ["Utf8", "Utf8", "Dictionary(Int32, Utf8)", "Int32", "Utf8"]);
    assert_eq!(schema.field(1).metadata()[PRIVACY_UNIT], "user");
    assert!(!schema.field(0).is_nullable() && schema.field(1).is_nullable());
}

#[test]
fn every_logical_type_is_an_arrow_type() {
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let text = VISITS.replace(", logicalTypeOptions: { format: i32, minimum: 0 }", "");
    for (said, expected) in [
        ("logicalType: integer", DataType::Int64),
        ("logicalType: integer, physicalType: smallint", DataType::Int16),
        ("logicalType: number", DataType::Float64),
        ("logicalType: number, physicalType: REAL", DataType::Float32),
        ("logicalType: boolean", DataType::Boolean),
        ("logicalType: date", DataType::Date32),
        ("logicalType: time", DataType::Time64(TimeUnit::Microsecond)),
        ("logicalType: timestamp", utc),
    ] {
        let text = text.replace("name: pages, logicalType: integer", &format!("name: pages, {said}"));
        let contract = DataContract::parse("c", &text).unwrap_or_else(|error| panic!("{said}: {error}"));
        assert_eq!(contract.column("pages").unwrap().data_type, expected, "{said}");
    }
}

#[test]
fn a_column_s_own_words_are_rules_beside_its_quality() {
    let contract = visits();
    let rules = contract.rules.iter().map(|rule| {
        let column = rule.column.as_deref().unwrap_or("-");
        format!("{column} {} {} {}", rule.name, rule.metric.as_str(), rule.threshold)
    });
    let expected = [
        "visit_id required nullValues mustBe 0",
        "visit_id unique duplicateValues mustBe 0",
        "kind vocabulary invalidValues mustBe 0",
        "pages range invalidValues mustBe 0",
        "- rowCount rowCount mustBeBetween 1 and 1000000",
    ];
    assert_eq!(rules.collect::<Vec<_>>(), expected);
    let unique = &contract.rules[1];
    assert_eq!(unique.severity, Severity::Info, "rows may be delivered again");
}

#[test]
fn all_that_is_missing_is_told_at_once() {
    let (text, _) = VISITS.split_once("slaProperties:").unwrap();
    let text = text.replace("team: { name: trust-eng }\n", "");
    let error = DataContract::parse("c", &text).unwrap_err();
    assert_eq!(error.code(), "TG706", "{error}");
    let message = "c:1:1: the contract does not say its owner, source, reliability, latency, privacy class";
    assert_eq!(error.to_string(), message);
    assert!(error.help().starts_with("add `team: { name: trust-eng }`, and `{ property: source"), "{}", error.help());
}

#[test]
fn one_that_is_missing_is_told_alone() {
    check(
        "team: { name: trust-eng }\n",
        "",
        "TG706",
        "c:1:1: the contract does not say its owner",
        "add `team: { name: trust-eng }`",
    );
}

#[test]
fn unknown_names_are_refused_at_every_level() {
    let unknown = |from, to, place: &str, name: &str, help| {
        check(from, to, "TG701", &format!("c:{place}: unknown name `{name}`"), help);
    };
    unknown("status: active", "statsu: active", "5:1", "statsu", "did you mean `status`?");
    unknown(
        "status: active",
        "status: live",
        "5:9",
        "live",
        "allowed here: proposed, draft, active, deprecated, retired",
    );
    unknown("unique: true", "uniqe: true", "10:64", "uniqe", "did you mean `unique`?");
    unknown("minimum: 0", "minimun: 0", "27:107", "minimun", "did you mean `minimum`?");
    unknown("mustBe: 0", "mustBee: 0", "25:13", "mustBee", "did you mean `mustBe`?");
    unknown("validValues:", "validValue:", "24:26", "validValue", "did you mean `validValues`?");
    unknown("value: tokenize", "value: tokenise", "15:46", "tokenise", "did you mean `tokenize`?");
    unknown(
        "value: quarantine_row",
        "value: quarantine",
        "26:64",
        "quarantine",
        "allowed here: drop_column, quarantine_row, stop",
    );
}

/// A policy with a typo would be no policy.
#[test]
fn properties_of_others_are_left_alone_and_those_that_are_nearly_ours_are_not() {
    assert!(changed("property: privacyUnit, value: user", "property: costCentre, value: 17").is_ok());
    let unknown = |to, name: &str, help| {
        let message = format!("c:15:25: unknown name `{name}`");
        check("property: ingestPolicy", &format!("property: {to}"), "TG701", &message, help);
    };
    unknown("ingestPolcy", "ingestPolcy", "did you mean `ingestPolicy`?");
    unknown(
        "INGESTPOLICY",
        "INGESTPOLICY",
        "allowed here: ingestPolicy, privacyUnit, attribute, default, sunset, sinceVersion, onViolation",
    );
    unknown(
        "privacyClass",
        "privacyClass",
        "allowed here: ingestPolicy, privacyUnit, attribute, default, sunset, sinceVersion, onViolation",
    );
}

#[test]
fn values_that_break_a_rule_are_refused() {
    let broken = |from: &str, to: &str, message: &str| {
        let error = changed(from, to).expect_err(to);
        assert_eq!((error.code(), error.to_string()), ("TG705", format!("c:{message}")));
    };
    broken("apiVersion: v3.1.0", "apiVersion: v2.2.2", "1:13: apiVersion is `v2.2.2`, it must be v3.1.0");
    broken(
        "version: 1.2.0",
        "version: 1.2",
        &format!("4:10: version is `1.2`, it must be {}", "a semantic version such as 1.4.0, without build metadata"),
    );
    broken(
        "name: visits\n",
        "name: Visits\n",
        "8:11: name is `Visits`, it must be lower-case letters, digits and _, not first a digit, and at most 64 of them",
    );
    broken(
        "value: restricted }\n",
        "value: internal }\n",
        "13:25: classification is `restricted`, it must be no stricter than the contract's privacyClass",
    );
    broken("[web, app]", "[web, 7]", "24:45: validValues is `7`, it must be a text: put it in quotes");
    broken("[web, app]", "[]", "24:39: validValues is `empty`, it must be one value or more");
    broken("mustBe: 0", "mustBe: .nan", "25:21: the threshold is `no finite number`, it must be a number");
    broken(
        "mustBeBetween: [1, 1000000]",
        "mustBeBetween: [5, 1]",
        "32:44: the threshold is `another list`, it must be two numbers, the smaller first",
    );
    broken("value: 2027-06-30", "value: 2027-6-30", "30:97: sunset is `2027-6-30`, it must be a day, as in 2027-06-30");
    broken(
        "value: 5, unit: m",
        "value: 5, unit: fortnight",
        "34:42: unit is `fortnight`, it must be one of s, m, h, d, y: seconds, minutes, hours, days, years of 365 days",
    );
    broken("value: 5, unit", "value: 0, unit", "34:33: latency is `0`, it must be a number above 0");
    broken("format: i32", "format: u8", "27:102: format is `u8`, it must be one of i16, i32, i64");
    broken(
        "status: active",
        "status: deprecated",
        "5:9: status is `deprecated`, it must be beside a `sunset` under customProperties: the last day on which it holds",
    );
}

#[test]
fn what_is_required_cannot_be_dropped() {
    let from = "unique: true, classification: internal }";
    let to = "classification: internal, customProperties: [{ property: onViolation, value: drop_column }] }";
    let error = changed(from, to).unwrap_err();
    assert_eq!(error.help(), "write quarantine_row or stop: a required column cannot be dropped");
}

#[test]
fn a_metric_of_many_rows_says_nothing_of_one() {
    let to = "mustBeGreaterThan: 0, customProperties: [{ property: onViolation, value: stop }]";
    let error = changed("mustBeBetween: [1, 1000000]", to).unwrap_err();
    assert_eq!(error.help(), "write left out: the metric says nothing of a single row");
}

#[test]
fn patterns_are_compiled_and_kept_small() {
    let with = |pattern: &str| {
        let to = format!("logicalTypeOptions: {{ pattern: '{pattern}' }}, unique: true");
        changed("unique: true", &to).map(|contract| contract.rules.len())
    };
    assert_eq!(with("^[0-9a-f]{32}$"), Ok(6));
    for pattern in ["(", "(?=a)", "((a{1000}){1000}){1000}"] {
        assert_eq!(with(pattern).unwrap_err().code(), "TG705", "{pattern}");
    }
}

#[test]
fn names_stand_once() {
    let error = changed("name: pages", "name: kind").unwrap_err();
    assert_eq!((error.code(), error.to_string().as_str()), ("TG707", "c:27:17: column `kind` is given twice"));
    let rule = "- { metric: nullValues, mustBe: 0 }";
    let error =
        changed("        quality:\n", &format!("        quality:\n          {rule}\n          {rule}\n")).unwrap_err();
    assert_eq!((error.code(), error.to_string().as_str()), ("TG707", "c:23:13: rule `nullValues` is given twice"));
    let error =
        changed("{ property: privacyUnit, value: user }", "{ property: ingestPolicy, value: keep }").unwrap_err();
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        ("TG707", "c:16:25: property `ingestPolicy` is given twice")
    );
}

#[test]
fn a_contract_is_of_one_stream() {
    let error = changed("slaProperties:\n", "  - { name: others, properties: [] }\nslaProperties:\n").unwrap_err();
    assert!(matches!(error, Error::NotAllowed { name: "schema", .. }), "{error}");
}

#[test]
fn rules_for_other_tools_are_left_to_them() {
    let to = "      - { type: sql, query: SELECT 1, mustBe: 1 }\n      - { type: text, description: Be good. }\n      - { metric: rowCount";
    let contract = changed("      - { metric: rowCount", to).unwrap();
    let places = contract.left_to_others.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(places, ["c:32:9"]);
}

#[test]
fn lists_and_blocks_nest() {
    let to = "{ name: flags, logicalType: array, items: { logicalType: object, properties: [{ name: key, logicalType: string, required: true }] } }\n      - { name: pages";
    let contract = changed("{ name: pages", to).unwrap();
    let DataType::List(item) = &contract.column("flags").unwrap().data_type else { panic!("a list") };
    let DataType::Struct(fields) = item.data_type() else { panic!("a block") };
    assert!(item.is_nullable() && !fields[0].is_nullable());
    let error = changed("logicalType: integer", "logicalType: array").unwrap_err();
    assert_eq!((error.code(), error.help().as_str()), ("TG702", "add `items:`"));
}
