//! Is what a person wrote read as it was meant?

use std::collections::BTreeMap;

use super::*;

mod laws;
mod lines;
mod refused;
mod schema;

const V1_4: &str = include_str!("../../../../testdata/bundles/support-1.4.0/bundle.yaml");
const V1_5: &str = include_str!("../../../../testdata/bundles/support-1.5.0/bundle.yaml");

/// The example's first bundle, with each file's path as its bytes.
fn first() -> Manifest {
    sealed(V1_4, "2026-05-04T10:00:00Z", None).unwrap()
}

/// The example's second one.
fn second() -> Manifest {
    let digest = first().digest();
    let parents = Parents { previous: digest, last_known_good: digest };
    sealed(V1_5, "2026-05-11T10:00:00Z", Some(parents)).unwrap()
}

fn sealed(text: &str, created_at: &str, parents: Option<Parents<Digest>>) -> Result<Manifest> {
    let declaration = Declaration::parse("bundle.yaml", text)?;
    let files = declaration.files().map(|file| (file.path.clone(), Digest::of(file.path.as_bytes()))).collect();
    declaration.seal(&Resolved { created_at: created_at.parse().unwrap(), files, parents })
}

#[test]
fn a_declaration_is_read() {
    let declaration = Declaration::parse("bundle.yaml", V1_5).unwrap();
    assert_eq!(declaration.label.to_string(), "support@1.5.0");
    let files: Vec<&str> = declaration.files().map(|file| file.path.as_str()).collect();
    assert_eq!(
        files,
        ["prompts/refund.md", "prompts/system.md", "tools/get_order.json", "policy.yaml", "routing.json", "flags.json"]
    );
    let previous = &declaration.parents.as_ref().unwrap().previous;
    assert_eq!((previous.0.to_string().as_str(), previous.1.line), ("support@1.4.0", 6));
    assert_eq!(declaration.notes.lines().count(), 2);
    assert_eq!(declaration.rollback.len(), 4);
}

#[test]
fn the_bytes_of_a_bundle_stay() {
    let manifest = first();
    assert!(manifest.missing_parts().is_empty());
    assert_eq!((manifest.pins().count(), manifest.kept().count()), (9, 6));
    let text = String::from_utf8(manifest.encode()).unwrap();
    assert!(
        text.starts_with(r#"{"author":"ann@example.com","bundle":"support","components":{"checkpoint":{"agent":{"#)
    );
    assert!(text.contains(r#""parents":null,"rollback":["set support_version to 1.3.2"#), "{text}");
    // Registered digests must survive later versions of this program. Computed by sha256sum.
    assert_eq!(manifest.digest().hex(), "70a2b06d49578ac4b04a9cfcef6de17a957e048d7d40dce8a8a0d2169ae069e5");
}

#[test]
fn layout_does_not_count() {
    let other = V1_4.replace("  tool_schemas:", "  # callable\n  tool_schemas:").replace("{ version", "{   version");
    assert_eq!(sealed(&other, "2026-05-04T10:00:00Z", None).unwrap(), first());
    assert_ne!(sealed(V1_4, "2026-05-04T10:00:01Z", None).unwrap().digest(), first().digest());
}

#[test]
fn what_is_missing_is_told_in_full() {
    let text = "bundle: a\nversion: 0.1.0\nauthor: ann\n";
    let missing = sealed(text, "2026-05-04T10:00:00Z", None).unwrap().missing_parts();
    let parts = Part::ALL.map(Part::name);
    assert_eq!(missing, [parts.as_slice(), &["rollback", "notes"]].concat());
    let mut manifest = first();
    manifest.components.remove(&Part::EmbeddingModel);
    assert_eq!(manifest.missing_parts(), ["embedding_model"]);
}

#[test]
fn what_the_caller_leaves_out_is_an_error() {
    let created_at = "2026-05-04T10:00:00Z".parse().unwrap();
    let declaration = Declaration::parse("bundle.yaml", V1_4).unwrap();
    let error = declaration.seal(&Resolved { created_at, files: BTreeMap::new(), parents: None }).unwrap_err();
    assert_eq!(error.to_string(), "bundle.yaml:14:37: nobody has read `prompts/refund.md`");
    assert_eq!(sealed(V1_5, "2026-05-04T10:00:00Z", None), Err(Error::UnresolvedParents));
}

#[test]
fn only_canonical_bytes_are_a_bundle() {
    let bytes = first().encode();
    let text = String::from_utf8(bytes.clone()).unwrap();
    let damaged = |text: String, reason: &str| {
        let error = Manifest::decode(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    };
    damaged(format!("{text}\n"), "canonical");
    damaged(text.replacen(':', ": ", 1), "canonical");
    damaged(text.replace(r#""parents":null,"#, ""), "canonical");
    damaged(text.replace("tidegate-bundle-v1", "tidegate-bundle-v2"), "tidegate-bundle-v2");
    damaged(text.replace(r#""author""#, r#""autor""#), "autor");
    damaged(text.replace("ann@example.com", ""), "the author is empty");
    damaged(text.replace(r#""version":"1.4.0"}"#, r#""version":"1.4.0+a"}"#), "build metadata");
    damaged(text[..text.len() - 1].to_owned(), "EOF");
}
