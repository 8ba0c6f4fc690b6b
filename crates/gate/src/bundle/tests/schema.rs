//! Does the schema for editors say what the parser does?

use serde_json::Value;

use super::*;

const SCHEMA: &str = include_str!("../../../../../docs/schemas/bundle.schema.json");

/// Whether the schema takes the text, after checking that the parser agrees.
fn takes(text: &str) -> bool {
    let schema = jsonschema::validator_for(&serde_json::from_str(SCHEMA).unwrap()).unwrap();
    let value: Value = serde_saphyr::from_str(text).unwrap();
    let errors: Vec<String> =
        schema.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    let parsed = Declaration::parse("b", text);
    assert_eq!(errors.is_empty(), parsed.is_ok(), "{text}\nschema: {errors:?}\nparser: {:?}", parsed.err());
    errors.is_empty()
}

#[test]
fn the_examples_and_what_may_be_left_out_are_taken() {
    assert!(takes(V1_4));
    assert!(takes(V1_5));
    assert!(takes("bundle: a\nversion: 0.1.0-rc.1\nauthor: ann\n"));
    assert!(takes(&V1_5.replace("version: 2.1.0", "version: 2.1.0-alpha.1+build.7")));
}

#[test]
fn what_the_parser_refuses_is_refused() {
    let digest = Digest::of(b"").to_string();
    for (from, to) in [
        ("author: ann@example.com\n", ""),
        ("author: ann@example.com", "author: ' '"),
        ("author:", "autor:"),
        ("bundle: support", "bundle: Support"),
        ("\nversion: 1.5.0", "\nversion: 1.5.0+a"),
        ("\nversion: 1.5.0", "\nversion: 01.5.0"),
        ("  last_known_good: support@1.4.0\n", ""),
        ("previous: support@1.4.0", "previous: support"),
        ("previous: support@1.4.0", "previous: support@1.4.0+a"),
        ("  policy_rules:", "  policies:"),
        ("    refunds: { version: 1.0.0, file: policy.yaml }", "    {}"),
        ("    refunds:", "    a/b:"),
        ("file: policy.yaml", "file: /policy.yaml"),
        ("file: policy.yaml", "file: a/../policy.yaml"),
        ("file: policy.yaml", "file: a//policy.yaml"),
        ("file: policy.yaml", "uri: s3://a"),
        ("file: policy.yaml", &format!("file: a, digest: '{digest}'")),
        ("file: policy.yaml", &format!("uri: a, digest: '{digest}'")),
        ("file: policy.yaml", "digest: sha256, uri: s3://a"),
        (", file: policy.yaml", ""),
        ("version: 1.0.0, file: policy.yaml", "file: policy.yaml"),
        ("- set answer_in_customer_language to off", "- ''"),
    ] {
        assert_eq!(V1_5.matches(from).count(), 1, "{from} must stand in the example once");
        assert!(!takes(&V1_5.replace(from, to)), "{to}");
    }
}

#[test]
fn the_parts_are_those_of_the_code() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let parts = schema["properties"]["components"]["properties"].as_object().unwrap();
    let mut names = Part::ALL.map(Part::name);
    names.sort_unstable();
    let mut parts: Vec<&str> = parts.keys().map(String::as_str).collect();
    parts.sort_unstable();
    assert_eq!(parts, names);
}
