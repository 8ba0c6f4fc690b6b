//! A verdict as a JUnit report, for systems that show test results.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::verdict::{Status, Verdict};

/// One suite for the gate, one case for each check and trust check. What is not a pass is no success: harm is a failure,
/// broken evidence an error, and what is open or inconclusive is a failure too, because silence promotes nothing.
///
/// # Errors
/// When the report cannot be written as XML.
pub fn junit(verdict: &Verdict) -> Result<String, quick_junit::SerializeError> {
    let mut suite = TestSuite::new(format!("{} {}", verdict.gate, verdict.version));
    let checks = verdict.checks.iter().map(|check| (check.name.as_str(), check.verdict, check.reason.as_str()));
    let trust = verdict.trust.iter().map(|trust| (trust.name, trust.verdict, trust.reason.as_str()));
    let whole = (["gate"], [verdict.verdict], [verdict.reason.as_str()]);
    let whole = whole.0.into_iter().zip(whole.1).zip(whole.2).map(|((name, status), reason)| (name, status, reason));
    for (name, status, reason) in whole.chain(checks).chain(trust) {
        let mut case = TestCase::new(name, status_of(status, reason));
        case.set_classname(format!("{}.{}-{}", verdict.gate, verdict.from, verdict.to));
        suite.add_test_case(case);
    }
    let mut report = Report::new("tidegate");
    report.add_test_suite(suite);
    report.to_string()
}

fn status_of(status: Status, reason: &str) -> TestCaseStatus {
    let kind = match status {
        Status::Pass => return TestCaseStatus::success(),
        Status::Error => NonSuccessKind::Error,
        Status::Continue | Status::Inconclusive | Status::Fail => NonSuccessKind::Failure,
    };
    let mut found = TestCaseStatus::non_success(kind);
    found.set_type(status.to_string()).set_message(reason);
    found
}
