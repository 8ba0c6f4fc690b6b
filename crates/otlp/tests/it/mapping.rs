//! Are mapping files read, and mistakes in them shown?

use tidegate_otlp::{Mapping, MappingProblem};

#[test]
fn all_that_are_shipped_are_read() {
    for name in Mapping::names() {
        assert_eq!(Mapping::shipped(name).map(|mapping| mapping.name().to_owned()).as_deref(), Ok(name));
    }
    assert_eq!(Mapping::shipped("otel").unwrap_err().code(), "TG750");
}

fn check(text: &str, code: &str, expected: &str) {
    let error = Mapping::read("ours.toml", text).unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert!(error.to_string().starts_with(expected), "{error}");
}

#[test]
fn mistakes_are_shown_where_they_stand() {
    let start = "name = \"ours\"\nextends = \"otel-genai\"\n[decisions]\n";
    let with = |line: &str| format!("{start}{line}\n");
    check("name = 1", "TG751", "ours.toml:1:8");
    check("name = \"x\"\nextend = \"otel-genai\"", "TG751", "ours.toml:2:1: unknown field `extend`");
    check(&with("outcom = \"a\""), "TG752", "ours.toml:4:1: `decisions` has no column `outcom`");
    check(&with("tenant_id = \"a\""), "TG752", "ours.toml:4:1: column `tenant_id` is set by Tidegate");
    check(&with("region = \"@elsewhere\""), "TG753", "ours.toml:4:10: `@elsewhere` is no source");
    check(
        &with("region = { from = \"a\", convert = \"loud\" }"),
        "TG754",
        "ours.toml:4:34: `loud` is not a conversion",
    );
    check(&with("region = \"gen_ai.input.messages\""), "TG755", "ours.toml:4:10: `gen_ai.input.messages` is content");
    check(&with("region = \"llm.prompts.0\""), "TG755", "ours.toml:4:10");
    check(&with("confidence = { from = \"a\", default = 2.0 }"), "TG756", "ours.toml:4:14");
    check(&with("outcome = { from = \"a\", default = \"fine\" }"), "TG754", "ours.toml:4:11");
    check("name = \"x\"\nextends = \"nothing\"", "TG758", "ours.toml:2:11");
    check("name = \"x\"", "TG757", "ours.toml:1:1");
}

#[test]
fn a_hash_of_content_is_allowed() {
    let text = "name = \"x\"\nextends = \"otel-genai\"\n[decisions]\ninput_class = { from = \"gen_ai.input.messages\", convert = \"hash\" }\n";
    assert!(Mapping::read("x.toml", text).is_ok());
}

#[test]
fn the_list_of_words_for_sources_is_complete() {
    let problem = MappingProblem::UnknownSource("@x".into()).to_string();
    assert!(problem.contains("@guardrail_hits") && problem.contains("@end_time"), "{problem}");
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[a-z@.=\\[\\]\"{}\n ]{0,80}") {
        let _ = Mapping::read("x.toml", &text);
        let _ = Mapping::read("x.toml", &format!("name = \"x\"\nextends = \"otel-genai\"\n[decisions]\nregion = {text}"));
    }
}
