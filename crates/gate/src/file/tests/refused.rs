//! What is refused, at which place, with which help?

use super::*;
use crate::Error;

fn check(from: &str, to: &str, code: &str, message: &str, help: &str) {
    let error = changed(from, to).unwrap_err();
    assert_eq!((error.code(), error.to_string().as_str(), error.help().as_str()), (code, message, help));
}

#[test]
fn a_margin_without_a_unit_is_refused() {
    check(
        "1pp",
        "1",
        "TG606",
        "gates/a.yaml:12:37: the margin `1` has no unit",
        "write `1pp` for percentage points or `1%` for percent of the control's rate",
    );
}

#[test]
fn unknown_names_are_refused_at_every_level() {
    let unknown = |from, to, place, name, help| {
        check(from, to, "TG602", &format!("gates/a.yaml:{place}: unknown name `{name}`"), help);
    };
    unknown("version: 1", "versoin: 1", "2:1", "versoin", "did you mean `version`?");
    unknown("control: v1", "contrl: v1", "3:9", "contrl", "did you mean `control`?");
    unknown("horizon:", "horizons:", "5:3", "horizons", "did you mean `horizon`?");
    unknown("windows: 7", "days: 7", "5:37", "days", "allowed here: events_per_arm, windows");
    unknown("min_buckets", "buckets", "6:11", "buckets", "allowed here: min_buckets");
    unknown("alpha: 0.05", "alpha: 0.05, beta: 0.2", "7:23", "beta", "allowed here: alpha, power");
    unknown("signal:", "sql:", "10:5", "sql", "allowed here: name, signal, direction, test");
    unknown("non_inferior:", "superior:", "12:13", "superior", "allowed here: non_inferior");
    unknown("margin:", "margins:", "12:29", "margins", "did you mean `margin`?");
    unknown("lower_is_better", "lower_is_beter", "11:16", "lower_is_beter", "did you mean `lower_is_better`?");
}

#[test]
fn missing_repeated_and_mistaken_values_are_refused() {
    check("version: 1\n", "", "TG603", "gates/a.yaml:7:1: `version` is missing", "add `version:`");
    check(
        "version: 1\n",
        "version: 1\nversion: 2\n",
        "TG604",
        "gates/a.yaml:3:1: `version` is given twice",
        "keep one `version:`",
    );
    check(
        "20000",
        "many",
        "TG605",
        "gates/a.yaml:5:30: expected a whole number, not negative",
        "write a whole number, not negative",
    );
    check(
        "{ control: v1, treatment: v2 }",
        "v1",
        "TG605",
        "gates/a.yaml:3:7: expected a block of `name: value`",
        "write a block of `name: value`",
    );
}

#[test]
fn values_that_break_a_rule_are_refused() {
    let refused = |from, to, message: &str| {
        let error = changed(from, to).unwrap_err();
        assert_eq!((error.code(), error.to_string()), ("TG607", format!("gates/a.yaml:{message}")));
    };
    refused("1pp", "0pp", "12:37: margin is `0pp`, it must be between 0 and 100 with a unit, as in `1pp` or `10%`");
    refused("0.05", "0.5", "7:17: error.alpha is `0.5`, it must be between 0 and 0.5");
    refused("0.05", ".nan", "7:17: error.alpha is `NaN`, it must be between 0 and 0.5");
    refused("0.05", "0.05, power: 1", "7:30: error.power is `1`, it must be between 0.5 and 1");
    refused("version: 1", "version: 0", "2:10: version is `0`, it must be a whole number from 1 on");
    refused("windows: 7", "windows: 0", "5:46: time.horizon.windows is `0`, it must be a whole number from 1 on");
    refused(
        "20000",
        "29",
        "5:30: time.horizon.events_per_arm is `29`, it must be a whole number from 30 on: the test is asymptotic",
    );
    refused("treatment: v2", "treatment: v1", "3:33: arms.treatment is `v1`, it must be another arm than the control");
    refused(
        "assistant-v2",
        "an assistant",
        "1:7: gate is `an assistant`, it must be a name of letters, digits and any of - _ . / @ :",
    );
}

#[test]
fn exactly_one_check_is_taken() {
    let none = format!("{}checks: []\n", GATE.split("checks:").next().unwrap());
    let error = GateFile::parse("a", &none).unwrap_err();
    assert_eq!(error.to_string(), "a:8:9: checks is `0 checks`, it must be a list of exactly one check");
    let item = GATE.split("checks:\n").nth(1).unwrap();
    let error = GateFile::parse("a", &format!("{GATE}{item}")).unwrap_err();
    assert!(matches!(error, Error::NotAllowed { name: "checks", .. }), "{error}");
}

#[test]
fn what_is_no_yaml_is_refused_with_its_place() {
    for (text, line) in [("", 1), ("gate: [", 1), ("gate: a\n\tversion: 1\n", 1), ("gate: \"a\nversion: 1\n", 3)] {
        let error = GateFile::parse("a", text).unwrap_err();
        let at = error.location().unwrap();
        assert!(at.line <= line && at.offset + at.length <= text.len(), "{text:?}: {error} {at:?}");
        assert!(!error.to_string().contains(" at line "), "{error}");
    }
    let error = GateFile::parse("a", &format!("{GATE}---\n{GATE}")).unwrap_err();
    assert_eq!(error.code(), "TG601", "{error}");
}

#[test]
fn places_cover_the_bytes_they_speak_about() {
    let text = GATE.replace("gate: assistant-v2", "# é\ngate: assistant-v2").replace("1pp", "1");
    let error = GateFile::parse("a", &text).unwrap_err();
    let at = error.location().unwrap();
    assert_eq!((&text[at.offset..at.offset + at.length], at.line, at.column), ("1", 13, 37));
}
