use super::*;

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12 * expected.abs().max(1.0), "{found}, expected {expected}");
}

#[test]
fn agrees_with_scipy() {
    // scipy 1.17: chi2_contingency(correction=False).
    let test = unpooled(&[52, 5, 2, 0, 1], &[24, 2, 2, 2, 0]).unwrap();
    close(test.x2, 5.176691729323308);
    close(test.p, 0.2696435087724743);
    close(test.cramers_v, 0.23983076740168516);
    assert_eq!(test.df, 4);
    let test = chi2_test(&[3963, 1037], &[3754, 1246]).unwrap();
    close(test.x2, 24.79351836889175);
    close(test.p / 6.381168409797956e-07, 1.0);
}

#[test]
fn rare_categories_are_pooled() {
    // Of 90 rows 30 are current: a category needs 15 for an expected count of 5 there. 12 rows are in rare ones, which
    // is too few for a pool of their own, so the only other category joins, and nothing is left to compare.
    assert_eq!(pool_rare(&[52, 5, 2, 0, 1], &[24, 2, 2, 2, 0]), Ok((vec![60], vec![30])));
    assert_eq!(chi2_test(&[52, 5, 2, 0, 1], &[24, 2, 2, 2, 0]), Err(Error::SingleBin));
    assert_eq!(pool_rare(&[50, 40, 4, 0, 5], &[40, 50, 5, 0, 4]), Ok((vec![50, 40, 9], vec![40, 50, 9])));
    assert_eq!(pool_rare(&[50, 20, 3], &[50, 20, 4]), Ok((vec![50, 23], vec![50, 24])));
    assert_eq!(pool_rare(&[50, 0, 50], &[50, 0, 50]), Ok((vec![50, 50], vec![50, 50])));
}

#[test]
fn the_most_frequent_stay() {
    assert_eq!(most_frequent(&[1, 9, 0, 5, 2], &[1, 9, 0, 0, 9], 3), Ok((vec![9, 2, 6], vec![9, 9, 1])));
    assert_eq!(most_frequent(&[1, 9], &[1, 9], 10), Ok((vec![9, 1], vec![9, 1])));
    assert_eq!(most_frequent(&[1, 9], &[1, 9], 1), Err(Error::SingleBin));
    assert!(most_frequent(&[1], &[1, 9], 3).is_err());
}

#[test]
fn nothing_and_one_category_have_no_answer() {
    assert_eq!(chi2_test(&[100], &[90]), Err(Error::SingleBin));
    assert_eq!(chi2_test(&[], &[]), Err(Error::EmptySample));
    assert_eq!(chi2_test(&[1, 2], &[0, 0]), Err(Error::EmptySample));
    assert!(chi2_test(&[1], &[1, 2]).is_err());
}
