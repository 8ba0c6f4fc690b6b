//! Does a text match a contract's pattern?
//!
//! Most patterns say that an id has so many characters of one class, as `^[0-9a-f]{32}$` does. Every row is asked, and a
//! table answers that many times faster than a regular expression.

use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// A pattern's program may have so many bytes.
const PROGRAM_BYTES: usize = 1 << 20;

/// A regular expression; two are the same when they are written the same.
#[derive(Debug, Clone)]
pub struct Pattern {
    regex: Regex,
    /// The same said more simply, where that is possible.
    run: Option<Run>,
}

/// All of a text are so many bytes of one class.
#[derive(Debug, Clone)]
struct Run {
    /// For each byte whether it is one of the class; none beyond ASCII is.
    class: Box<[bool; 256]>,
    least: usize,
    most: usize,
}

impl Pattern {
    /// `None` if the text is no regular expression, or one that is too large.
    pub(super) fn new(text: &str) -> Option<Self> {
        let regex = RegexBuilder::new(text).size_limit(PROGRAM_BYTES).build().ok()?;
        let run = regex_syntax::parse(text).ok().and_then(|hir| Run::of(&hir));
        Some(Self { regex, run })
    }

    /// Whether it is found in the text.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        match &self.run {
            Some(run) => run.is(text.as_bytes()),
            None => self.regex.is_match(text),
        }
    }

    /// How it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.regex.as_str()
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Run {
    /// From the beginning to the end of the text one class of ASCII, once or repeated; nothing else is recognised.
    fn of(hir: &Hir) -> Option<Self> {
        let HirKind::Concat(parts) = hir.kind() else { return None };
        let [first, middle, last] = parts.as_slice() else { return None };
        let is_whole = *first.kind() == HirKind::Look(Look::Start) && *last.kind() == HirKind::Look(Look::End);
        let (class, least, most) = match middle.kind() {
            HirKind::Class(class) => (class, 1, Some(1)),
            HirKind::Repetition(repetition) => match repetition.sub.kind() {
                HirKind::Class(class) => (class, repetition.min, repetition.max),
                _ => return None,
            },
            _ => return None,
        };
        let size = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        let run = Self { class: table(class)?, least: size(least), most: most.map_or(usize::MAX, size) };
        is_whole.then_some(run)
    }

    fn is(&self, text: &[u8]) -> bool {
        let has_length = (self.least..=self.most).contains(&text.len());
        has_length && text.iter().all(|byte| self.class[usize::from(*byte)])
    }
}

/// For each byte whether it is one of the class; `None` if the class has more than ASCII, where bytes are no characters.
fn table(class: &Class) -> Option<Box<[bool; 256]>> {
    let Class::Unicode(class) = class else { return None };
    let mut table = Box::new([false; 256]);
    for range in class.ranges().iter().filter(|range| range.start() <= range.end()) {
        if !range.end().is_ascii() {
            return None;
        }
        table[range.start() as usize..=range.end() as usize].fill(true);
    }
    Some(table)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_are_recognised_and_the_rest_is_left_to_the_expression() {
        let is_run = |text: &str| Pattern::new(text).unwrap().run.is_some();
        for text in ["^[0-9a-f]{32}$", "^[a-z]+$", "^[A-Z_]{1,64}$", "^[0-9]*$", "^[0-9]{2,}$", "^[ab]$"] {
            assert!(is_run(text), "{text}");
        }
        for text in ["[0-9]{4}", "^[0-9]{4}", r"^\d{4}$", "^[^a]{4}$", "(?i)^[k]{2}$", "(?m)^[0-9]{4}$", "^a[0-9]$", ""]
        {
            assert!(!is_run(text), "{text}");
        }
        assert!(Pattern::new("(").is_none());
    }

    /// Classes, with a mistake or two that an id could have.
    fn pattern() -> impl Strategy<Value = String> {
        let class = prop::sample::select(vec!["[0-9a-f]", "[a-c]", "[A-Z_0-9]", "[-+ ]", r"[\n-~]", "[a-ü]", r"\w"]);
        let times = prop_oneof![
            (0..5_u32).prop_map(|count| format!("{{{count}}}")),
            (0..3_u32, 0..4_u32).prop_map(|(least, more)| format!("{{{least},{}}}", least + more)),
            (0..3_u32).prop_map(|least| format!("{{{least},}}")),
            prop::sample::select(vec!["", "*", "+", "?", "+?"]).prop_map(str::to_owned),
        ];
        let ends = (prop::sample::select(vec!["^", "", "(?i)^", "(?s)^"]), prop::sample::select(vec!["$", "", r"\z"]));
        (class, times, ends).prop_map(|(class, times, (start, end))| format!("{start}{class}{times}{end}"))
    }

    proptest! {
        #[test]
        fn the_table_says_what_the_expression_says(
            pattern in pattern(), text in "[0-9a-fA-Z_ü+ \\n-]{0,6}", any in any::<String>(),
        ) {
            let (pattern, regex) = (Pattern::new(&pattern).unwrap(), Regex::new(&pattern).unwrap());
            prop_assert_eq!(pattern.matches(&text), regex.is_match(&text));
            prop_assert_eq!(pattern.matches(&any), regex.is_match(&any));
        }
    }
}
