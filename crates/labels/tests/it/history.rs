//! Is it told what became of each word?

use tidegate_labels::History;

use crate::rows::{HOUR_US, Label, labels, resolver, said, show};

#[test]
fn each_word_is_told_with_what_became_of_it() {
    let first = said("d1", "good", 1);
    let second = Label { version: 2, ..said("d1", "bad", 2) };
    let again = Label { ingested_us: 3 * HOUR_US, ..second.clone() };
    let model = Label { kind: "LLM", identifier: "judge", ..said("d1", "good", 4) };
    let suspect = Label { annotator: Some("bot"), identifier: "bot", ..said("d1", "good", 5) };
    let step = Label { scope: "step", target: Some("s"), ..said("d1", "good", 6) };
    let taken = Label { identifier: "x", op: "retract", version: 7, ..said("d1", "good", 7) };
    let before = Label { identifier: "x", version: 1, ..said("d1", "good", 8) };
    let late = said("d1", "good", 99);
    let rows = [late, before, taken, step, suspect, model, again, second, first, said("d2", "good", 1)];
    let entry = "[[entry]]\nannotator_token = 'bot'\nsince = 1970-01-01\nreason = 'a burst'";
    let mut resolver = resolver("", entry, Some(50 * HOUR_US));
    let mut history = History::of("d1");
    for rows in rows.chunks(3) {
        resolver.add(&labels(rows)).unwrap();
        history.add(&labels(rows)).unwrap();
    }
    let told = history.finish(&resolver).unwrap();
    assert_eq!(
        show(&told, &["label_id", "label_value", "standing", "is_effective"]),
        [
            "l-d1-1 good superseded false",
            "l-d1-2 bad counts true",
            "l-d1-2 bad delivered again false",
            "l-d1-4 good counts false",
            "l-d1-5 good quarantined: a burst false",
            "l-d1-6 good other scope false",
            "l-d1-7 good retracts false",
            "l-d1-8 good retracted false",
            "l-d1-99 good not yet known false",
        ]
    );
}

#[test]
fn of_a_decision_nobody_labelled_nothing_is_told() {
    let told = History::of("d1").finish(&resolver("", "", None)).unwrap();
    assert_eq!(told.num_rows(), 0);
}
