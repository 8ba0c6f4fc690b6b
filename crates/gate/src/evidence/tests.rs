use super::*;

fn row(num: Count, den: Count) -> Row {
    Row { arm: Some("v1".into()), bucket: Some("0".into()), window_start_us: Some(0), num: Some(num), den: Some(den) }
}

fn check(rows: Vec<Row>, code: &str, message: &str) {
    let error = Evidence::from_rows(rows).unwrap_err();
    assert_eq!((error.code(), error.to_string().as_str()), (code, message));
    assert!(error.location().is_none() && !error.help().is_empty());
}

#[test]
fn cells_that_cannot_be_counted_are_refused() {
    use Count::{Float, Integer};
    let good = row(Integer(1), Integer(2));
    check(vec![Row { num: None, ..good.clone() }], "TG621", "row 0 of the evidence has no num");
    check(vec![Row { arm: None, ..good.clone() }], "TG621", "row 0 of the evidence has no arm");
    check(
        vec![good.clone(), Row { window_start_us: None, ..good.clone() }],
        "TG621",
        "row 1 of the evidence has no window_start",
    );
    check(vec![row(Integer(-1), Integer(2))], "TG622", "row 0 of the evidence has num = -1, which is not a count");
    check(vec![row(Integer(1), Float(f64::NAN))], "TG622", "row 0 of the evidence has den = NaN, which is not a count");
    check(vec![row(Integer(1), Float(2.5))], "TG622", "row 0 of the evidence has den = 2.5, which is not a count");
    check(
        vec![row(Integer(1), Float(f64::INFINITY))],
        "TG622",
        "row 0 of the evidence has den = inf, which is not a count",
    );
    check(
        vec![row(Integer(3), Integer(2))],
        "TG623",
        "arm v1, bucket 0, window 1970-01-01T00:00:00Z: num 3 is above den 2",
    );
    check(vec![good.clone(), good.clone()], "TG624", "arm v1, bucket 0, window 1970-01-01T00:00:00Z is given twice");
}

#[test]
fn whole_floats_are_counts() {
    let evidence = Evidence::from_rows([row(Count::Float(0.0), Count::Float(7.0))]).unwrap();
    assert_eq!((evidence.cells()[0].num, evidence.cells()[0].den), (0, 7));
}

#[test]
fn missing_columns_are_named_together() {
    assert!(require_columns(&["den", "arm", "signal", "bucket", "num", "window_start"]).is_ok());
    let error = require_columns(&["arm", "window_start", "n"]).unwrap_err();
    assert_eq!(error.to_string(), "the released signal has no column bucket, num, den");
}
