use super::*;

#[test]
fn budgets_and_definitions_are_told_by_name() {
    assert_eq!(unchanged(&[]).status, Status::Pass);
    assert_eq!(paid(&[]).status, Status::Pass);
    assert!(unchanged(&["a".into(), "b".into()]).reason.contains("a, b"));
    assert!(paid(&["a, 2026-01-05".into()]).reason.contains("2026-01-05"));
}
