//! Every mistake in a file has a code, a place and a way out.

use tidegate_contract::{LearningScope, RiskClass};
use tidegate_scope::{Error, Rules, Tenants};

/// `code line:column fix` of the mistake in `text`.
fn told(error: &Error) -> String {
    let at = error.location().map_or_else(String::new, |at| format!("{}:{}", at.line, at.column));
    format!("{} {at} {}", error.code(), error.fix())
}

fn check_rules(text: &str, expected: &str) {
    let error = Rules::parse("risk.toml", text).unwrap_err();
    assert!(told(&error).starts_with(expected), "{} | {error}", told(&error));
}

fn check_tenants(text: &str, expected: &str) {
    let error = Tenants::parse("tenants.toml", text).unwrap_err();
    assert!(told(&error).starts_with(expected), "{} | {error}", told(&error));
}

#[test]
fn mistakes_in_rules_are_told() {
    check_rules("[[rule]", "TG800 1:");
    check_rules("[[rule]]\nall = [{ column = \"a\", is = 1 }]\n", "TG800 ");
    check_rules("[[rules]]\n", "TG801 1:3 did you mean `rule`?");
    check_rules("[[rule]]\nrisk_clas = \"low\"\n", "TG801 2:1 did you mean `risk_class`?");
    check_rules(
        "[[rule]]\nrisk_class = \"hihg\"\nall = [{ column = \"a\", is = 1 }]",
        "TG802 2:14 did you mean `high`?",
    );
    check_rules(
        "[[rule]]\nrisk_class = \"high\"\nall = [\n  { column = \"a\", at_lest = 1 },\n]",
        "TG801 4:19 did you mean `at_least`?",
    );
    check_rules("[scope]\nhigh = \"globale\"", "TG802 2:8 did you mean `global`?");
}

#[test]
fn a_rule_that_would_match_every_row_or_none_is_refused() {
    let rule = |rest: &str| format!("[[rule]]\nrisk_class = \"high\"\n{rest}");
    for rest in [
        "",
        "all = []",
        "any = []",
        "all = [{ column = \"a\", is = 1 }]\nany = [{ column = \"a\", is = 1 }]",
        "all = [{ column = \"a\" }]",
        "all = [{ is = 1 }]",
        "all = [{ column = \"a\", any = [{ column = \"a\", is = 1 }] }]",
        "all = [{ any = [] }]",
    ] {
        check_rules(&rule(rest), "TG803 ");
    }
    for rest in [
        "all = [{ column = \"a\", is = [1] }]",
        "all = [{ column = \"a\", one_of = [] }]",
        "all = [{ column = \"a\", one_of = [1, \"b\"] }]",
        "all = [{ column = \"a\", at_least = \"1\" }]",
        "all = [{ column = \"a\", below = nan }]",
        "risk_score = inf\nall = [{ column = \"a\", is = 1 }]",
    ] {
        check_rules(&rule(rest), "TG809 3:");
    }
}

#[test]
fn more_risk_is_never_learnt_from_more_widely() {
    check_rules("[scope]\nlow = \"local\"\nmedium = \"global\"", "TG804 3:10");
    check_rules("[scope]\nhigh = \"none\"\nprohibited = \"local\"", "TG804 3:14");
    check_rules("[scope]\nprohibited = \"local\"", "TG804 2:14");
    let widest =
        |text| RiskClass::ALL.iter().map(|&class| Rules::parse("", text).unwrap().widest(class)).collect::<Vec<_>>();
    use LearningScope::{Global, Local, None};
    assert_eq!(widest(""), [Global, Global, Local, None]);
    assert_eq!(widest("[scope]\nlow = \"local\""), [Local, Local, Local, None]);
    assert_eq!(widest("[scope]\nmedium = \"none\""), [Global, None, None, None]);
    assert_eq!(widest("[scope]\nhigh = \"global\""), [Global, Global, Global, None]);
}

#[test]
fn mistakes_in_tenants_are_told() {
    let acme = |learning: &str| format!("[tenants.acme]\nlearning = [{learning}]");
    check_tenants("[tenant.acme]", "TG801 1:2 did you mean `tenants`?");
    check_tenants("[tenants.acme]\nregoin = \"eu\"", "TG801 2:1 did you mean `region`?");
    check_tenants(&acme("{ from = 2026-01-01, scope = \"globl\" }"), "TG802 2:42 did you mean `global`?");
    check_tenants(&acme("{ from = \"2026-01-01\", scope = \"global\" }"), "TG800 2:");
    check_tenants(&acme("{ from = 2026-01-01T00:00:00Z, scope = \"global\" }"), "TG809 2:22");
    check_tenants(&acme("{ from = 2026-02-01, to = 2026-02-01, scope = \"global\" }"), "TG805 2:13");
    check_tenants(
        &acme("{ from = 2026-01-01, scope = \"global\" }, { from = 2026-02-01, scope = \"local\" }"),
        "TG805 2:54 end one where the other begins",
    );
    check_tenants("[default]\nscope = \"global\"", "TG805 2:9");
}

#[test]
fn columns_are_counted_in_characters() {
    check_rules(
        "[[rule]]\nrisk_class = \"high\"\nall = [{ column = \"größe\", abve = 1 }]",
        "TG801 3:28 did you mean `above`?",
    );
}

#[test]
fn rules_without_a_name_are_called_by_number() {
    let rule = "risk_class = \"high\"\nall = [{ column = \"a\", is = 1 }]\n";
    let rules = Rules::parse("", &format!("[[rule]]\nname = \"first\"\n{rule}[[rule]]\n{rule}")).unwrap();
    assert_eq!(rules.names().collect::<Vec<_>>(), ["first", "rule 2"]);
}
