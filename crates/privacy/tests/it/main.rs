//! What must not compile: a release without a grant, and two releases for one.

#[test]
fn a_release_needs_a_grant_of_its_own() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
