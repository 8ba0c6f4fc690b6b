//! Definitions that are known to be right or wrong, with some of their words changed: the fuzz target `clauses` without a fuzzer,
//! for every test run.

use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;

use crate::reading::read;

/// A file of tests: its streams, and each of its signals as words.
struct Known {
    streams: String,
    signals: Vec<Vec<String>>,
}

static KNOWN: LazyLock<Vec<Known>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/slt");
    let mut files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    files.sort();
    let known = files.iter().map(|file| known(&std::fs::read_to_string(file).unwrap()));
    known.filter(|known| !known.signals.is_empty()).collect()
});

/// Words that something depends on, and some that nobody expects.
static WORDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let odd = [
        "'",
        "''",
        "\"",
        "`",
        "$",
        "$$",
        "$x",
        "--",
        "/*",
        "*/",
        ";",
        "(",
        ")",
        "[",
        "{",
        ",",
        "::",
        "=>",
        "-1",
        "0",
        "1e400",
        "9223372036854775808",
        "170141183460469231731687303715884105728",
        "NaN",
        "NULL",
        "TRUE",
        "INTERVAL",
        "'1 day'",
        "'-1 second'",
        "'1e9 years'",
        "WITH",
        "OPTIONS",
        "OVER",
        "RANGE",
        "DISTINCT",
        "CAST",
        "GROUP",
        "HAVING",
        "UNION",
        "\u{0}",
        "\u{202e}",
        "é",
        "🦀",
        "'🦀'",
        "\r\n",
        "\t",
    ];
    let told = KNOWN.iter().flat_map(|known| known.signals.iter().flatten().cloned());
    let mut words = odd.map(str::to_owned).into_iter().chain(told).collect::<Vec<_>>();
    words.sort();
    words.dedup();
    words
});

fn known(text: &str) -> Known {
    let mut known = Known { streams: String::new(), signals: Vec::new() };
    for block in text.split("\n\n") {
        let Some((head, statement)) = block.split_once('\n') else { continue };
        if !head.starts_with("statement") {
            continue;
        }
        let statement = statement.split("\n----").next().unwrap_or(statement);
        if statement.starts_with("CREATE STREAM") && head == "statement ok" {
            known.streams.push_str(statement.trim_end_matches(';'));
            known.streams.push_str(";\n");
        } else if statement.starts_with("CREATE SIGNAL") {
            known.signals.push(words(statement));
        }
    }
    known
}

/// Words, numbers, texts in quotes and single signs.
fn words(statement: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let (mut word, mut is_quoted) = (String::new(), false);
    for c in statement.chars() {
        let is_part = is_quoted || c == '\'' || c.is_alphanumeric() || c == '_' || c == '.';
        if !is_part {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
            words.extend((!c.is_whitespace()).then(|| c.to_string()));
            continue;
        }
        word.push(c);
        is_quoted ^= c == '\'';
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// One change of a word: left out, doubled, exchanged with the next, replaced, or with another before it.
fn change(words: &mut Vec<String>, kind: u8, at: prop::sample::Index, other: prop::sample::Index) {
    if words.is_empty() {
        return;
    }
    let (at, other) = (at.index(words.len()), other.get(&WORDS));
    match kind % 5 {
        0 => drop(words.remove(at)),
        1 => words.insert(at, words[at].clone()),
        2 => {
            let next = (at + 1) % words.len();
            words.swap(at, next);
        }
        3 => words[at].clone_from(other),
        _ => words.insert(at, other.clone()),
    }
}

/// So many that a test run has them in seconds; more by `PROPTEST_CASES`.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(3_000)
}

#[test]
fn what_is_known_to_be_right_is() {
    let right = KNOWN.iter().flat_map(|known| known.signals.iter().map(move |words| (known, words.join(" "))));
    let right = right.filter(|(known, signal)| read(&format!("{}{signal};", known.streams)));
    assert!(right.count() > 40, "the corpus is read");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn changed_words_are_read_or_refused_with_their_place(
        file in any::<prop::sample::Index>(),
        signal in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<u8>(), any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..5),
    ) {
        let known = file.get(&KNOWN);
        let mut words = signal.get(&known.signals).clone();
        for (kind, at, other) in changes {
            change(&mut words, kind, at, other);
        }
        read(&format!("{}{};", known.streams, words.join(" ")));
    }

    #[test]
    fn a_statement_that_is_cut_off_is_refused_with_its_place(
        file in any::<prop::sample::Index>(),
        signal in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let known = file.get(&KNOWN);
        let signal = signal.get(&known.signals).join(" ");
        let places = signal.char_indices().map(|(at, _)| at).collect::<Vec<_>>();
        read(&format!("{}{}", known.streams, &signal[..*cut.get(&places)]));
    }
}
