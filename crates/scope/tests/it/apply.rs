//! What becomes of rows, by example.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use tidegate_scope::{Home, Reason, Rules, Scoped, Scoper, Tenants};

const DAY_US: i64 = 86_400_000_000;
/// 2026-01-01 UTC, in days since 1970.
const NEW_YEAR: i64 = 20_454;

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// Rows of `acme` on the first day of 2026, with further columns.
fn rows(count: usize, columns: &[(&str, ArrayRef)]) -> RecordBatch {
    let tenant = texts(&vec![Some("acme"); count]);
    let time: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![NEW_YEAR * DAY_US; count]).with_timezone("UTC"));
    let own = [("tenant_id", tenant), ("event_time", time)];
    let own = own.into_iter().filter(|(name, _)| columns.iter().all(|(other, _)| name != other));
    RecordBatch::try_from_iter(own.chain(columns.iter().cloned())).unwrap()
}

fn consenting() -> Tenants {
    Tenants::parse("", "[tenants.acme]\nlearning = [{ from = 2026-01-01, to = 2026-06-30, scope = \"global\" }]")
        .unwrap()
}

fn words(batch: &RecordBatch, column: &str) -> Vec<String> {
    let column = cast(batch.column_by_name(column).unwrap(), &DataType::Utf8).unwrap();
    column.as_string::<i32>().iter().map(|word| word.unwrap().to_owned()).collect()
}

fn scopes(scoped: &Scoped) -> String {
    words(&scoped.batch, "learning_scope").join(" ")
}

/// The rows that a rule with `condition` makes prohibited, as 0 and 1.
fn check(condition: &str, column: ArrayRef, expected: &str) {
    let rules = format!("[[rule]]\nrisk_class = \"prohibited\"\nall = [{condition}]");
    let scoper = Scoper::new(Rules::parse("", &rules).unwrap(), consenting(), Home::anywhere());
    let batch = rows(column.len(), &[("x", column)]);
    scoper.check(&batch.schema()).unwrap();
    let scoped = scoper.apply(&batch).unwrap();
    let classes = words(&scoped.batch, "risk_class");
    let matched: String = classes.iter().map(|class| if class == "prohibited" { '1' } else { '0' }).collect();
    assert_eq!(matched, expected, "{condition}");
    assert_eq!(scoped.counts.matched, [expected.matches('1').count() as u64]);
}

#[test]
fn conditions_say_what_they_say() {
    let text = || texts(&[Some("a"), Some("b"), None, Some("")]);
    check("{ column = 'x', is = 'a' }", text(), "1000");
    check("{ column = 'x', one_of = ['b', ''] }", text(), "0101");
    check("{ column = 'x', is_null = true }", text(), "0010");
    check("{ column = 'x', is_null = false }", text(), "1101");
    check("{ any = [{ column = 'x', is = 'a' }, { column = 'x', is_null = true }] }", text(), "1010");
    check("{ all = [{ column = 'x', is = 'a' }, { column = 'x', is_null = true }] }", text(), "0000");

    let whole = || Arc::new(Int64Array::from(vec![Some(1), Some(2), None, Some(3)])) as ArrayRef;
    check("{ column = 'x', at_least = 2 }", whole(), "0101");
    check("{ column = 'x', above = 2 }", whole(), "0001");
    check("{ column = 'x', at_most = 2 }", whole(), "1100");
    check("{ column = 'x', below = 2 }", whole(), "1000");
    check("{ column = 'x', at_least = 2, below = 3 }", whole(), "0100");
    check("{ column = 'x', above = 2.5 }", whole(), "0001");
    check("{ column = 'x', one_of = [1, 3] }", whole(), "1001");

    let real = || Arc::new(Float64Array::from(vec![Some(0.5), Some(-0.0), None, Some(f64::NAN)])) as ArrayRef;
    check("{ column = 'x', at_least = 0.5 }", real(), "1001");
    check("{ column = 'x', is = 0 }", real(), "0100");
    check("{ column = 'x', below = 0.25 }", real(), "0101");

    let truth = || Arc::new(BooleanArray::from(vec![Some(true), Some(false), None])) as ArrayRef;
    check("{ column = 'x', is = true }", truth(), "100");
    check("{ column = 'x', is = false }", truth(), "010");
    let exact = vec![9_007_199_254_740_993, 9_007_199_254_740_992];
    check("{ column = 'x', above = 9007199254740992 }", Arc::new(Int64Array::from(exact)), "10");
    check("{ column = 'x', above = 1 }", Arc::new(UInt64Array::from(vec![u64::MAX, 1])), "10");
    check("{ column = 'x', is = 'a' }", arrow::array::new_null_array(&DataType::Null, 2), "00");
    check("{ column = 'x', is_null = true }", arrow::array::new_null_array(&DataType::Null, 2), "11");
}

#[test]
fn without_files_a_row_keeps_its_class_and_is_local() {
    let scoper = Scoper::new(Rules::default(), Tenants::default(), Home::anywhere());
    let scoped = scoper.apply(&rows(2, &[])).unwrap();
    assert_eq!(words(&scoped.batch, "risk_class"), ["low", "low"]);
    assert_eq!(scopes(&scoped), "local local");
    let classes = texts(&[Some("low"), Some("high"), None, Some("prohibited")]);
    let scoped = scoper.apply(&rows(4, &[("risk_class", classes)])).unwrap();
    assert_eq!(words(&scoped.batch, "risk_class"), ["low", "high", "low", "prohibited"]);
    assert_eq!(scopes(&scoped), "local local local none");
    assert_eq!((scoped.counts.classes, scoped.counts.scopes, scoped.counts.raised), ([2, 0, 1, 1], [0, 3, 1], 0));
}

#[test]
fn consent_holds_from_its_first_day_until_before_its_last() {
    let first = NEW_YEAR * DAY_US;
    let last = (NEW_YEAR + 180) * DAY_US;
    let times = TimestampMicrosecondArray::from(vec![Some(first - 1), Some(first), Some(last - 1), Some(last), None]);
    let scoper = Scoper::new(Rules::default(), consenting(), Home::anywhere());
    let scoped = scoper.apply(&rows(5, &[("event_time", Arc::new(times))])).unwrap();
    assert_eq!(scopes(&scoped), "local global global local local");
}

#[test]
fn unknown_tenants_have_not_consented() {
    let tenants = texts(&[Some("acme"), Some("other"), None, Some("ACME")]);
    let batch = rows(4, &[("tenant_id", tenants)]);
    let scoper = Scoper::new(Rules::default(), consenting(), Home::anywhere());
    assert_eq!(scopes(&scoper.apply(&batch).unwrap()), "global local local local");
    let strict = Tenants::parse(
        "",
        "[default]\nscope = \"none\"\n[tenants.acme]\nlearning = [{ from = 2026-01-01, scope = \"local\" }]",
    );
    let scoper = Scoper::new(Rules::default(), strict.unwrap(), Home::anywhere());
    assert_eq!(scopes(&scoper.apply(&batch).unwrap()), "local none none none");
}

#[test]
fn rules_raise_and_never_lower() {
    let rules = "[[rule]]\nrisk_class = \"high\"\nrisk_score = 0.8\nall = [{ column = \"x\", above = 1 }]\n\
                 [[rule]]\nrisk_class = \"low\"\nrisk_score = 0.9\nall = [{ column = \"x\", above = 2 }]";
    let scoper = Scoper::new(Rules::parse("", rules).unwrap(), consenting(), Home::anywhere());
    let batch = rows(
        4,
        &[
            ("x", Arc::new(Int64Array::from(vec![1, 2, 3, 3]))),
            ("risk_class", texts(&[Some("medium"), Some("low"), None, Some("prohibited")])),
            ("risk_score", Arc::new(Float64Array::from(vec![Some(0.1), None, Some(0.95), Some(f64::NAN)]))),
        ],
    );
    let scoped = scoper.apply(&batch).unwrap();
    assert_eq!(words(&scoped.batch, "risk_class"), ["medium", "high", "high", "prohibited"]);
    assert_eq!(scopes(&scoped), "global local local none");
    let scores = scoped.batch["risk_score"].as_primitive::<Float64Type>();
    assert_eq!(scores.iter().collect::<Vec<_>>(), [Some(0.1), Some(0.8), Some(0.95), Some(0.9)]);
    assert_eq!((scoped.counts.matched, scoped.counts.raised), (vec![3, 2], 2));
}

#[test]
fn rows_of_other_regions_are_set_apart_as_they_came() {
    let tenants = "[tenants.acme]\nregion = \"eu\"\n[tenants.far]\nregion = \"us\"";
    let scoper = Scoper::new(Rules::default(), Tenants::parse("", tenants).unwrap(), Home::of(["eu", "eu-west-1"]));
    let tenants = texts(&[Some("acme"), Some("acme"), Some("acme"), Some("far"), Some("other"), Some("other")]);
    let regions = texts(&[Some("eu-west-1"), Some("us"), None, Some("eu"), None, Some("eu")]);
    let batch = rows(6, &[("tenant_id", tenants), ("region", regions)]);
    let scoped = scoper.apply(&batch).unwrap();
    assert_eq!(scoped.refused.reasons, [Reason::RegionElsewhere, Reason::TenantElsewhere, Reason::RegionUnsaid]);
    assert_eq!(scoped.refused.batch.schema(), batch.schema());
    assert_eq!(words(&scoped.refused.batch, "tenant_id"), ["acme", "far", "other"]);
    assert_eq!(words(&scoped.batch, "tenant_id"), ["acme", "acme", "other"]);
    assert_eq!((scoped.counts.rows, scoped.counts.refused, scoped.counts.scopes), (6, 3, [0, 3, 0]));
}

#[test]
fn words_that_nobody_knows_are_refused_not_guessed() {
    let scoper = Scoper::new(Rules::default(), consenting(), Home::anywhere());
    let batch = rows(
        3,
        &[
            ("risk_class", texts(&[Some("severe"), Some("low"), Some("low")])),
            ("learning_scope", texts(&[Some("global"), Some("everyone"), Some("local")])),
        ],
    );
    let scoped = scoper.apply(&batch).unwrap();
    assert_eq!(scoped.refused.reasons, [Reason::UnknownRiskClass, Reason::UnknownLearningScope]);
    assert_eq!(scopes(&scoped), "local");
}

#[test]
fn a_stream_that_lacks_a_column_is_refused_before_its_first_row() {
    let rule = |test: &str| {
        Rules::parse("", &format!("[[rule]]\nrisk_class = \"high\"\nall = [{{ column = \"x\", {test} }}]"))
    };
    let code = |test: &str, columns: &[(&str, ArrayRef)]| {
        let scoper = Scoper::new(rule(test).unwrap(), Tenants::default(), Home::anywhere());
        let batch = rows(0, columns);
        let error = scoper.check(&batch.schema()).unwrap_err();
        assert_eq!(scoper.apply(&batch).unwrap_err().code(), error.code());
        error.code()
    };
    let text = ("x", texts(&[]));
    assert_eq!(code("is = 1", &[]), "TG806");
    assert_eq!(code("is = 1", std::slice::from_ref(&text)), "TG807");
    assert_eq!(code("is = true", std::slice::from_ref(&text)), "TG807");
    assert_eq!(code("is = 'a'", &[("x", Arc::new(Int64Array::from(Vec::<i64>::new())))]), "TG807");
    assert_eq!(code("is = 'a'", &[text.clone(), ("event_time", texts(&[]))]), "TG807");
    assert_eq!(code("is = 'a'", &[text, ("risk_score", texts(&[]))]), "TG807");
}

#[test]
fn the_canonical_stream_keeps_its_schema() {
    let schema = tidegate_contract::decisions();
    let scoper = Scoper::new(Rules::default(), Tenants::default(), Home::of(["eu"]));
    scoper.check(&schema).unwrap();
    let scoped = scoper.apply(&RecordBatch::new_empty(Arc::clone(&schema))).unwrap();
    assert_eq!(scoped.batch.schema(), schema);
}
