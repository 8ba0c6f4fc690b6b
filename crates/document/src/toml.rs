//! How is TOML read, and what is said where it cannot be?
//!
//! What the reader found is left out of what is said: a value may be nobody's business.

use serde::de::DeserializeOwned;

use crate::{Fault, Misread, Source};

impl Source<'_> {
    /// Reads the text as TOML. Values keep their places as `toml::Spanned`, for [`Source::at_bytes`].
    ///
    /// ```
    /// use tidegate_document::Source;
    ///
    /// #[derive(serde::Deserialize)]
    /// #[serde(deny_unknown_fields)]
    /// struct Named {
    ///     name: toml::Spanned<String>,
    /// }
    ///
    /// let source = Source { file: "a.toml", text: "name = 'tide'\n" };
    /// let named: Named = source.read_toml()?;
    /// assert_eq!(source.at_bytes(named.name.span()).to_string(), "a.toml:1:8");
    ///
    /// let misread = Source { file: "a.toml", text: "nmae = 'tide'\n" }.read_toml::<Named>().err().unwrap();
    /// assert_eq!(misread.to_string(), "a.toml:1:1: unknown name `nmae`");
    /// # Ok::<(), tidegate_document::Misread>(())
    /// ```
    ///
    /// # Errors
    /// [`Misread`], with its place.
    pub fn read_toml<T: DeserializeOwned>(&self) -> Result<T, Misread> {
        toml::from_str(self.text).map_err(|error| {
            let message = error.message().lines().next().unwrap_or("not valid TOML");
            Misread { at: self.at_bytes(error.span().unwrap_or(0..0)), fault: fault(message) }
        })
    }
}

/// Translates what the reader says, which it does in words alone.
fn fault(message: &str) -> Fault {
    // As in: unknown field `x`, expected one of `a`, `b`
    let mut names = message.split('`').skip(1).step_by(2).map(str::to_owned);
    if message.starts_with("unknown field") || message.starts_with("unknown variant") {
        return Fault::UnknownName { name: names.next().unwrap_or_default(), allowed: names.collect() };
    }
    if message.starts_with("missing field") {
        return Fault::MissingName { name: names.next().unwrap_or_default() };
    }
    // As in: invalid type: string "x", expected i64
    match message.split_once(": ").filter(|(kind, _)| kind.starts_with("invalid")) {
        Some((_, rest)) => {
            let expected = rest.rsplit_once("expected ").map_or(rest, |(_, expected)| expected);
            Fault::WrongKind { expected: expected.to_owned() }
        }
        None => Fault::Syntax { message: message.to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Declaration {
        #[expect(dead_code, reason = "only read")]
        kind: Word,
        #[expect(dead_code, reason = "only read")]
        count: Option<u32>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Word {
        Neap,
        Spring,
    }

    fn check(text: &str, message: &str) {
        let misread = Source { file: "f", text }.read_toml::<Declaration>().expect_err(text);
        assert_eq!(misread.to_string(), message);
    }

    #[test]
    fn each_fault_has_its_place_and_no_value() {
        check("kind = 'neap'\ncuont = 1\n", "f:2:1: unknown name `cuont`");
        check("kind = 'naep'\n", "f:1:8: unknown name `naep`");
        check("count = 1\n", "f:1:1: `kind` is missing");
        check("kind = 'spring'\ncount = 'secret'\n", "f:2:9: expected u32");
        let misread = Source { file: "f", text: "kind = \n" }.read_toml::<Declaration>().unwrap_err();
        assert!(matches!(misread.fault, Fault::Syntax { .. }), "{misread}");
    }

    #[test]
    fn names_that_may_stand_there_are_told() {
        let misread = Source { file: "f", text: "kind = 'naep'" }.read_toml::<Declaration>().unwrap_err();
        let expected = Fault::UnknownName { name: "naep".into(), allowed: vec!["neap".into(), "spring".into()] };
        assert_eq!(misread.fault, expected);
    }
}
