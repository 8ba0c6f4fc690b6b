//! What is refused, at which place, with which help?

use super::*;

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
        "gates/a.yaml:14:37: the margin `1` has no unit",
        "write `1pp` for percentage points or `1%` for percent of the control's rate",
    );
}

#[test]
fn unknown_names_are_refused_at_every_level() {
    let unknown = |from, to, place, name, help| {
        check(from, to, "TG602", &format!("gates/a.yaml:{place}: unknown name `{name}`"), help);
    };
    unknown("version: 1", "versoin: 1", "2:1", "versoin", "did you mean `version`?");
    unknown("from: canary", "from: cannary", "3:16", "cannary", "did you mean `canary`?");
    unknown("control: v1", "contrl: v1", "4:9", "contrl", "did you mean `control`?");
    unknown("window:", "windows:", "6:9", "windows", "did you mean `window`?");
    unknown("alpha: 0.05", "alpha: 0.05, beta: 0.2", "7:23", "beta", "allowed here: alpha, power, sequential");
    unknown("schema_unchanged", "schema_changed", "9:5", "schema_changed", "did you mean `schema_unchanged`?");
    unknown("signal:", "signl:", "12:5", "signl", "did you mean `signal`?");
    unknown("margin:", "margins:", "14:29", "margins", "did you mean `margin`?");
    unknown("lower_is_better", "lower_is_beter", "13:16", "lower_is_beter", "did you mean `lower_is_better`?");
}

/// Time is no evidence: no file can say that its end is a success.
#[test]
fn the_end_of_time_cannot_promote() {
    check(
        "trust:",
        "decide: { at_max: promote }\ntrust:",
        "TG602",
        "gates/a.yaml:8:19: unknown name `promote`",
        "allowed here: hold, rollback",
    );
}

#[test]
fn missing_repeated_and_mistaken_values_are_refused() {
    check("version: 1\n", "", "TG603", "gates/a.yaml:9:1: `version` is missing", "add `version:`");
    check(
        "version: 1\n",
        "version: 1\nversion: 2\n",
        "TG604",
        "gates/a.yaml:3:1: `version` is given twice",
        "keep one `version:`",
    );
    check(
        "{ control: v1, treatment: v2 }",
        "v1",
        "TG605",
        "gates/a.yaml:4:7: expected a block of `name: value`",
        "write a block of `name: value`",
    );
    check(", ramp: [5%, 50%]", "", "TG603", "gates/a.yaml:3:16: `ramp` is missing", "add `ramp:`");
    check("    signal: edit_rate_by_arm\n", "", "TG603", "gates/a.yaml:11:11: `signal` is missing", "add `signal:`");
}

#[test]
fn values_that_break_a_rule_are_refused() {
    let refused = |from, to, message: &str| {
        let error = changed(from, to).unwrap_err();
        assert_eq!((error.code(), error.to_string()), ("TG607", format!("gates/a.yaml:{message}")));
    };
    refused("1pp", "0pp", "14:37: margin is `0pp`, it must be between 0 and 100 with a unit, as in `1pp` or `10%`");
    refused("0.05", "0.5", "7:17: error.alpha is `0.5`, it must be between 0 and 0.5");
    refused("0.05", ".nan", "7:17: error.alpha is `NaN`, it must be between 0 and 0.5");
    refused("0.05", "0.05, power: 1", "7:30: error.power is `1`, it must be between 0.5 and 1");
    refused("version: 1", "version: 0", "2:10: version is `0`, it must be a whole number from 1 on");
    refused("max: 14d", "max: 1d", "6:35: time.max is `1d`, it must be at least `min` and one window");
    refused(
        "min: 2d",
        "min: 2 weeks",
        "6:26: time.min is `2 weeks`, it must be a whole number with a unit, as in `1h` or `14d`",
    );
    refused(
        "to: general",
        "to: shadow",
        "3:28: stage.to is `shadow`, it must be the next stage: local, shadow, canary, general",
    );
    refused(
        "[5%, 50%]",
        "[50%, 5%]",
        "3:43: stage.ramp is `2 shares`, it must be one share or more, each above the last",
    );
    refused(
        "trust:",
        "cohort: { min_units: 20 }\ntrust:",
        "8:22: cohort.min_units is `20`, it must be left out, or `trust` must have `sample_ratio`, which counts units",
    );
    refused("treatment: v2", "treatment: v1", "4:33: arms.treatment is `v1`, it must be another arm than the control");
    refused(
        "assistant-v2",
        "../up",
        "1:7: gate is `../up`, it must be a name of letters, digits and any of - _ . @, not first a dot",
    );
    refused(
        "direction",
        "kind: ratio\n    direction",
        "15:37: margin is `1pp`, it must be in percent of the control's value: a ratio has no percentage points",
    );
    let hard_limit = "{ hard_limit: { limit: 2% } }";
    refused(
        "{ non_inferior: { margin: 1pp } }",
        hard_limit,
        "11:3: checks is `1 checks`, it must be one or more, of which one is no hard limit: nothing would have to be shown",
    );
}

/// A sum says nothing of its own variance.
#[test]
fn a_ratio_needs_buckets() {
    let text = GATE.replace("direction", "kind: ratio\n    direction").replace("1pp", "10%");
    let error = GateFile::parse("a", &text).unwrap_err();
    assert!(error.to_string().contains("`unit.analysis` must be `buckets`"), "{error}");
    assert!(GateFile::parse("a", &text.replace("analysis: events", "analysis: buckets")).is_ok());
}

#[test]
fn names_of_checks_differ() {
    let item = GATE.split("checks:\n").nth(1).unwrap();
    let error = GateFile::parse("a", &format!("{GATE}{item}")).unwrap_err();
    assert!(error.to_string().contains("another name than that of an earlier check"), "{error}");
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
    assert_eq!((&text[at.offset..at.offset + at.length], at.line, at.column), ("1", 15, 37));
}
