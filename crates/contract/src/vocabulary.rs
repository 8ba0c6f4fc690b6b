//! How is a closed vocabulary declared?
//!
//! One declaration gives the enum, its members in order and the word of each, so that the three cannot disagree.

/// A closed vocabulary, for what reads the words of any.
pub(crate) trait Vocabulary: Copy + 'static {
    const MEMBERS: &'static [Self];

    fn word(self) -> &'static str;
}

/// Declares a closed vocabulary: `Variant = "word"`, in the order of `ALL`.
macro_rules! vocabulary {
    (
        $(#[$about:meta])*
        $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl $name {
            /// Every member, in declaration order; `ALL[m as usize] == m`.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word written to the column.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// The member with this word.
            #[must_use]
            pub fn named(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|member| member.as_str() == word)
            }
        }

        impl $crate::vocabulary::Vocabulary for $name {
            const MEMBERS: &'static [Self] = Self::ALL;

            fn word(self) -> &'static str {
                self.as_str()
            }
        }
    };
}

pub(crate) use vocabulary;

#[cfg(test)]
mod tests {
    use crate::*;

    fn check(words: &[&str], expected: &str) {
        assert_eq!(words.join(" "), expected);
    }

    #[test]
    fn words_are_those_of_the_schema_in_its_order() {
        check(
            &Outcome::ALL.iter().map(|o| o.as_str()).collect::<Vec<_>>(),
            "accepted edited rejected escalated rolled_back abandoned error unknown",
        );
        check(&RiskClass::ALL.iter().map(|r| r.as_str()).collect::<Vec<_>>(), "low medium high prohibited");
        check(&Arm::ALL.iter().map(|a| a.as_str()).collect::<Vec<_>>(), "control treatment shadow holdout");
        check(
            &LabelKind::ALL.iter().map(|k| k.as_str()).collect::<Vec<_>>(),
            "outcome correction rating policy review task_completed hallucination other",
        );
    }

    #[test]
    fn a_member_is_its_own_index() {
        for (index, outcome) in Outcome::ALL.iter().enumerate() {
            assert_eq!(*outcome as usize, index);
            assert_eq!(Outcome::named(outcome.as_str()), Some(*outcome));
        }
    }
}
