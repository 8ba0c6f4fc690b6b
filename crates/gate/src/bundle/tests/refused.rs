//! What is refused, at which place, with which help?

use super::*;

/// Parses the second example with one piece replaced.
fn refused(from: &str, to: &str) -> Error {
    assert_eq!(V1_5.matches(from).count(), 1, "{from} must stand in the example once");
    Declaration::parse("b", &V1_5.replace(from, to)).expect_err(to)
}

fn check(from: &str, to: &str, code: &str, message: &str, help: &str) {
    let error = refused(from, to);
    assert_eq!((error.code(), error.to_string().as_str(), error.help().as_str()), (code, message, help));
}

#[test]
fn unknown_names_are_refused_at_every_level() {
    let unknown = |from, to, message, help| check(from, to, "TG651", message, help);
    unknown("author:", "autor:", "b:4:1: unknown name `autor`", "did you mean `author`?");
    unknown("  previous:", "  before:", "b:6:3: unknown name `before`", "allowed here: previous, last_known_good");
    unknown("tool_schemas", "tool_schema", "b:20:3: unknown name `tool_schema`", "did you mean `tool_schemas`?");
    unknown(
        "file: policy.yaml",
        "path: policy.yaml",
        "b:33:32: unknown name `path`",
        "allowed here: version, file, digest, uri",
    );
}

#[test]
fn missing_repeated_and_mistaken_values_are_refused() {
    check("author: ann@example.com\n", "", "TG652", "b:37:1: `author` is missing", "add `author:`");
    let error = refused("version: 2.1.0, ", "");
    assert!(error.to_string().ends_with("`version` is missing"), "{error}");
    assert_eq!(error.location().unwrap().line, 21);
    check("    refund:", "    system:", "TG653", "b:19:5: `system` is given twice", "keep one `system:`");
    check("notes: |", "author: a\nnotes: |", "TG653", "b:8:1: `author` is given twice", "keep one `author:`");
    let error = refused("{ version: 1.0.0, file: policy.yaml }", "policy.yaml");
    assert_eq!((error.code(), error.to_string().as_str()), ("TG654", "b:33:14: expected a block of `name: value`"));
    let error = refused("    refunds: { version: 1.0.0, file: policy.yaml }\n", "    {}\n");
    let message = "b:33:5: expected at least one component; leave the part out until then";
    assert_eq!((error.code(), error.to_string().as_str()), ("TG654", message));
}

#[test]
fn values_that_break_a_rule_are_refused() {
    let broken = |from: &str, to: &str, message: &str| {
        let error = refused(from, to);
        assert_eq!((error.code(), error.to_string()), ("TG655", format!("b:{message}")));
    };
    let name = "lower-case letters, digits and any of - _ ., at most 64, a letter or digit first";
    broken("bundle: support", "bundle: Support", &format!("2:9: bundle is `Support`, it must be {name}"));
    broken("    by_tenant:", "    by tenant:", &format!("35:5: a component's name is `by tenant`, it must be {name}"));
    let semver = "it must be a semantic version such as 1.4.0";
    broken("version: 2.1.0", "version: v2", &format!("21:27: version is `v2`, {semver}"));
    broken("version: 2.1.0", "version: 2.1", &format!("21:27: version is `2.1`, {semver}"));
    broken(
        "\nversion: 1.5.0",
        "\nversion: 1.5.0+a",
        &format!("3:10: version is `1.5.0+a`, {semver}, without build metadata"),
    );
    broken(
        "previous: support@1.4.0",
        "previous: support",
        "6:13: parents.previous is `support`, it must be a label such as `support@1.4.0` or a digest, `sha256:` and 64 digits",
    );
    broken(
        "uri: s3://indexes/help-pages-2026.5.4",
        "uri: help-pages",
        "26:12: uri is `help-pages`, it must be a URI such as `s3://models/agent-7b`",
    );
    for path in ["/etc/passwd", "../policy.yaml", "a//b", "./a", "a\\b", "c:/a"] {
        let message =
            format!("33:38: file is `{path}`, it must be a path relative to this file, with `/` and without `..`");
        broken("policy.yaml", path, &message);
    }
    broken(
        ", file: policy.yaml",
        "",
        "33:5: the content is `nothing`, it must be either a `file`, or a `digest` with a `uri`",
    );
    broken(
        "file: policy.yaml",
        "file: a, uri: s3://b",
        "33:5: the content is `file, uri`, it must be either a `file`, or a `digest` with a `uri`",
    );
    broken("- set answer_in_customer_language to off", "- ''", "40:5: rollback is ``, it must be some text");
    let error = refused("digest: \"sha256:2", "digest: \"sha256:X");
    assert!(matches!(error, Error::NotAllowed { name: "digest", .. }), "{error}");
}

#[test]
fn what_is_no_yaml_is_refused_with_its_place() {
    for text in ["", "bundle: [", "bundle: a\n\tversion: 1\n", "bundle: \"a\nversion: 1\n"] {
        let error = Declaration::parse("b", text).unwrap_err();
        let at = error.location().unwrap();
        assert!(at.offset + at.length <= text.len(), "{text:?}: {error} {at:?}");
        assert!(!error.to_string().contains(" at line "), "{error}");
    }
    let error = Declaration::parse("b", &format!("{V1_5}---\n{V1_5}")).unwrap_err();
    assert_eq!(error.code(), "TG650", "{error}");
}
