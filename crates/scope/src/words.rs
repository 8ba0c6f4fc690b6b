//! Which member of a vocabulary does a word name?

use tidegate_contract::{LearningScope, RiskClass};
use tidegate_document::Source;
use toml::Spanned;

use crate::error::{Error, Result};

/// The class called `word`.
pub(crate) fn class(word: &str) -> Option<RiskClass> {
    RiskClass::ALL.iter().copied().find(|class| class.as_str() == word)
}

/// The scope called `word`.
pub(crate) fn scope(word: &str) -> Option<LearningScope> {
    LearningScope::ALL.iter().copied().find(|scope| scope.as_str() == word)
}

/// The class that a file names.
pub(crate) fn class_in(file: &Source<'_>, word: &Spanned<String>) -> Result<RiskClass> {
    class(word.get_ref()).ok_or_else(|| unknown(file, word, "risk class", RiskClass::ALL.iter().map(|c| c.as_str())))
}

/// The scope that a file names.
pub(crate) fn scope_in(file: &Source<'_>, word: &Spanned<String>) -> Result<LearningScope> {
    let words = LearningScope::ALL.iter().map(|scope| scope.as_str());
    scope(word.get_ref()).ok_or_else(|| unknown(file, word, "learning scope", words))
}

fn unknown(
    file: &Source<'_>,
    word: &Spanned<String>,
    of: &'static str,
    allowed: impl Iterator<Item = &'static str>,
) -> Error {
    Error::UnknownWord { at: file.at_bytes(word.span()), word: word.get_ref().clone(), of, allowed: allowed.collect() }
}

/// The narrower of two scopes.
pub(crate) fn narrower(left: LearningScope, right: LearningScope) -> LearningScope {
    // The vocabulary is declared from wide to narrow; the test below holds it to that.
    left.max(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vocabularies_run_from_little_to_much_risk_and_from_wide_to_narrow() {
        use LearningScope::{Global, Local, None};
        assert!(RiskClass::Low < RiskClass::Medium && RiskClass::High < RiskClass::Prohibited);
        assert_eq!(narrower(Global, Local), Local);
        assert_eq!(narrower(None, Local), None);
    }
}
