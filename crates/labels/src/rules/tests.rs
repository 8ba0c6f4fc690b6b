use super::*;

fn check(text: &str, expected: &str) {
    let error = Rules::parse("labels.toml", text).unwrap_err();
    assert_eq!(format!("{} {error} | {}", error.code(), error.help()), expected);
}

#[test]
fn refusals_have_a_place_and_a_fix() {
    check("[default]\nmaturty = '3d'\n", "TG781 labels.toml:2:1: unknown name `maturty` | did you mean `maturity`?");
    check("[default]\nrule = 'majorty'\n", "TG781 labels.toml:2:8: unknown name `majorty` | did you mean `majority`?");
    check(
        "[label.a]\nmaturity = '3 months'\n",
        "TG783 labels.toml:2:12: maturity must be a whole number with a unit, as in \"36h\" or \"14d\" | \
         write a whole number with a unit, as in \"36h\" or \"14d\"",
    );
    check(
        "[label.a]\nmin_agreement = 1.5\n",
        "TG783 labels.toml:2:17: min_agreement must be a share from 0 to 1 | write a share from 0 to 1",
    );
    check(
        "[label.a]\nmin_votes = 0\n",
        "TG783 labels.toml:2:13: min_votes must be a whole number from 1 on | write a whole number from 1 on",
    );
    check(
        "[label.a]\norder = ['human', 'human']\n",
        "TG783 labels.toml:2:9: order must be a list that names each kind once at most | \
         write a list that names each kind once at most",
    );
    check(
        "[label.a.weights]\nhuman = -1\n",
        "TG783 labels.toml:2:9: human must be a weight from 0 to 1000 | write a weight from 0 to 1000",
    );
}

#[test]
fn what_is_no_toml_is_told_without_its_values() {
    let error = Rules::parse("labels.toml", "[default\n").unwrap_err();
    assert_eq!(error.code(), "TG780");
    let error = Rules::parse("labels.toml", "[default]\nmin_votes = 'secret'\n").unwrap_err();
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[test]
fn labels_take_over_what_the_default_says() {
    let text = "[default]\nmax_per_annotator = 5\nscopes = ['decision', 'step']\n[default.weights]\nllm = 0.25\n\
                [label.a]\nrule = 'weighted'\n[label.a.annotators]\nann_7 = 2\n[label.b]\nevery_decision = true\n";
    let rules = Rules::parse("labels.toml", text).unwrap();
    let a = rules.of("a");
    assert_eq!((a.resolution, a.max_per_annotator), (Resolution::Weighted, Some(5)));
    assert_eq!(a.weights.of(AnnotatorKind::Llm, Some("x")), 250_000);
    assert_eq!(a.weights.of(AnnotatorKind::Llm, Some("ann_7")), 2_000_000);
    assert_eq!(a.weights.of(AnnotatorKind::Human, None), 1_000_000);
    assert_eq!(rules.of_every_decision().map(|(name, _)| name).collect::<Vec<_>>(), ["b"]);
}

#[test]
fn an_empty_file_has_a_rule_for_every_label() {
    assert_eq!(Rules::parse("labels.toml", "").unwrap().of("x"), &Rule::default());
}

#[test]
fn a_queue_says_which_decisions_wait() {
    let rules = Rules::parse("labels.toml", "[review.a]\nwhen = 'value IS NULL'\n").unwrap();
    let queue = rules.queue("a").unwrap();
    assert_eq!((queue.when.as_str(), queue.kind), ("value IS NULL", LabelKind::Review));
    assert_eq!((rules.queue("b"), rules.queues().collect::<Vec<_>>()), (None, vec!["a"]));
    check(
        "[review.a]\nwhen = ' '\n",
        "TG783 labels.toml:2:8: when must be a condition, as in \"confidence < 0.6\" | \
         write a condition, as in \"confidence < 0.6\"",
    );
    let kinds = "outcome, correction, rating, policy, review, task_completed, hallucination or other";
    check(
        "[review.a]\nwhen = 'true'\nkind = 'gut'\n",
        &format!("TG783 labels.toml:3:8: kind must be {kinds} | write {kinds}"),
    );
}
