//! Which change breaks whom?

use super::*;

/// A contract of that version and those columns.
fn contract(version: &str, properties: &str) -> DataContract {
    let text = format!(
        "apiVersion: v3.1.0\nkind: DataContract\nid: a\nversion: {version}\nstatus: active\nteam: {{ name: t }}\n\
         slaProperties: [{{ property: latency, value: 1, unit: m }}]\n\
         customProperties: [{{ property: source, value: s }}, {{ property: reliability, value: exactly-once }}, \
         {{ property: privacyClass, value: restricted }}]\n\
         schema:\n  - name: s\n    properties:\n      - {{ name: id, logicalType: string, required: true }}\n{properties}"
    );
    DataContract::parse("new.yaml", &text).unwrap()
}

fn column(said: &str) -> String {
    format!("      - {{ name: x, {said} }}\n")
}

fn words(words: &str) -> String {
    column(&format!(
        "logicalType: string, quality: [{{ metric: invalidValues, mustBe: 0, arguments: {{ validValues: [{words}] }} }}]"
    ))
}

/// What a change breaks, in both directions: `B`, `F`, or nothing.
fn check(before: &str, after: &str, expected: &str, back: &str) {
    let breaks = |before: &str, after: &str| {
        let found = compare(&contract("2.0.0", after), &contract("1.0.0", before));
        let all = found.iter().map(|found| found.breaks).collect::<Vec<_>>();
        match all.as_slice() {
            [] => "-",
            [Breaks::Backward] => "B",
            [Breaks::Forward] => "F",
            [Breaks::Both] => "BF",
            _ => "several",
        }
    };
    assert_eq!((breaks(before, after), breaks(after, before)), (expected, back), "{before} -> {after}");
}

#[test]
fn columns_come_and_go() {
    check("", &column("logicalType: string"), "-", "-");
    check("", &column("logicalType: string, required: true"), "B", "F");
    let with_default = "logicalType: string, required: true, customProperties: [{ property: default, value: a }]";
    check("", &column(with_default), "-", "F");
    check(&column("logicalType: string"), &column("logicalType: string, required: true"), "B", "F");
    check(&column("logicalType: string"), &column("logicalType: string, unique: true"), "B", "F");
}

#[test]
fn types_are_widened_freely_and_nothing_else() {
    let integer = |physical: &str| column(&format!("logicalType: integer, physicalType: {physical}"));
    let number = |physical: &str| column(&format!("logicalType: number, physicalType: {physical}"));
    let text = |physical: &str| column(&format!("logicalType: string, physicalType: {physical}"));
    check(&integer("int"), &integer("bigint"), "-", "B");
    check(&number("real"), &number("double"), "-", "B");
    check(&text("varchar"), &text("dictionary"), "-", "-");
    check(&integer("int"), &number("double"), "BF", "BF");
    check(&text("varchar"), &integer("int"), "BF", "BF");
}

#[test]
fn a_vocabulary_grows_where_unknown_is_a_word() {
    check(&words("a, b"), &words("a, b, c"), "F", "B");
    check(&words("a, unknown"), &words("a, b, unknown"), "-", "-");
    check(&column("logicalType: string"), &words("a"), "B", "F");
}

#[test]
fn what_a_value_may_be_is_narrowed_and_widened() {
    let range = |range: &str| column(&format!("logicalType: number, logicalTypeOptions: {{ {range} }}"));
    check(&range("minimum: 0"), &range("minimum: 1"), "B", "F");
    check(&range("minimum: 0, maximum: 5"), &range("minimum: 1, maximum: 6"), "several", "several");
    check(&range("minimum: 0"), &range("exclusiveMinimum: 0"), "B", "F");
    check(&column("logicalType: number"), &range("minimum: 0"), "B", "F");
    let pattern = |pattern: &str| column(&format!("logicalType: string, logicalTypeOptions: {{ pattern: {pattern} }}"));
    check(&pattern("a"), &pattern("b"), "BF", "BF");
    check(&column("logicalType: string"), &pattern("a"), "B", "F");
}

#[test]
fn what_values_mean_and_who_sees_them_matters_too() {
    let class = |class: &str| column(&format!("logicalType: string, classification: {class}"));
    check(&class("internal"), &class("restricted"), "F", "B");
    let custom = |property: &str, value: &str| {
        column(&format!("logicalType: string, customProperties: [{{ property: {property}, value: {value} }}]"))
    };
    check(&column("logicalType: string"), &custom("privacyUnit", "user"), "BF", "BF");
    check(&custom("ingestPolicy", "hash"), &custom("ingestPolicy", "tokenize"), "BF", "BF");
    check("", &column("logicalType: string, required: true, primaryKey: true"), "several", "several");
}

#[test]
fn each_mode_allows_what_it_says() {
    let (plain, required) = (contract("1.0.0", ""), contract("2.0.0", &column("logicalType: string, required: true")));
    let removed = contract("3.0.0", "");
    let count =
        |newer: &DataContract, earlier: &[&DataContract], mode| compatibility(newer, earlier, mode).unwrap().len();
    for (mode, added, gone, gone_over_two) in [
        (Mode::Backward, 1, 0, 0),
        (Mode::BackwardTransitive, 1, 0, 0),
        (Mode::Forward, 0, 1, 1),
        (Mode::ForwardTransitive, 0, 1, 1),
        (Mode::Full, 1, 1, 1),
        (Mode::FullTransitive, 1, 1, 1),
        (Mode::None, 0, 0, 0),
    ] {
        assert_eq!(count(&required, &[&plain], mode), added, "{mode:?}");
        assert_eq!(count(&removed, &[&required], mode), gone, "{mode:?}");
        assert_eq!(count(&removed, &[&required, &plain], mode), gone_over_two, "{mode:?}");
    }
}

#[test]
fn only_transitive_modes_look_further_back() {
    let first = contract("1.0.0", &column("logicalType: integer, physicalType: bigint"));
    let second = contract("1.1.0", "");
    let third = contract("1.2.0", &column("logicalType: string"));
    let found = |mode| compatibility(&third, &[&second, &first], mode).unwrap();
    assert_eq!(found(Mode::Full), []);
    let found = found(Mode::FullTransitive);
    let told = "new.yaml:13:17: `x` changed from BIGINT to VARCHAR since 1.0.0: the one is not read as the other (breaks BACKWARD, FORWARD, FULL)";
    assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), [told]);
    assert_eq!(incompatibility_rows(&found).num_rows(), 1);
}

#[test]
fn a_rename_is_a_removal_and_an_addition() {
    let before = contract("1.0.0", &column("logicalType: string, required: true"));
    let after = contract("1.1.0", &column("logicalType: string, required: true").replace("name: x", "name: y"));
    let found = compatibility(&after, &[&before], Mode::Full).unwrap();
    let told = found.iter().map(|found| found.why.as_str()).collect::<Vec<_>>();
    let expected = [
        "rows of the old version do not have it, and it has no default; if it was `x`: a rename is a removal and an addition",
        "readers of the old version rely on it in every row; if it is now `y`: a rename is a removal and an addition",
    ];
    assert_eq!(told, expected);
    assert_eq!((found[1].column.as_deref(), found[1].at.line), (Some("x"), 10), "the stream's name");
}

#[test]
fn versions_of_one_contract_follow_each_other() {
    let (first, second) = (contract("1.0.0", ""), contract("1.1.0", ""));
    assert_eq!(compatibility(&first, &[&second], Mode::None).unwrap_err().code(), "TG711");
    assert_eq!(compatibility(&first, &[&first], Mode::None).unwrap_err().code(), "TG711");
    let other = DataContract { id: "b".into(), ..second };
    assert_eq!(compatibility(&other, &[&first], Mode::None).unwrap_err().code(), "TG710");
}
