//! What stands for a `$parameter`? A literal, put in as one token: text never becomes syntax.

use std::collections::BTreeMap;

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::cursor::tokenize;
use crate::nearest::nearest;
use crate::{Code, Place, Refusal, SourceText, flink, refuse};

/// The value of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Parameter {
    /// A string.
    Text(String),
    /// A number, kept as written.
    Number(String),
    /// A truth value.
    Boolean(bool),
}

impl Parameter {
    /// The value as typed on a command line: a number or truth value if it reads as one, else text.
    pub fn from_argument(text: &str) -> Self {
        match text {
            "true" => Self::Boolean(true),
            "false" => Self::Boolean(false),
            number if number.parse::<f64>().is_ok_and(f64::is_finite) => Self::Number(number.to_owned()),
            text => Self::Text(text.to_owned()),
        }
    }

    fn token(&self) -> Token {
        match self {
            Self::Text(text) => Token::SingleQuotedString(text.clone()),
            Self::Number(number) => Token::Number(number.clone(), false),
            Self::Boolean(value) => Token::make_keyword(if *value { "TRUE" } else { "FALSE" }),
        }
    }
}

/// Replaces every `$name` by its value.
///
/// # Errors
/// [`Code::UnknownParameter`] for a name without a value.
pub(crate) fn substitute(
    tokens: &mut [TokenWithSpan],
    source: &SourceText,
    parameters: &BTreeMap<String, Parameter>,
) -> Result<(), Refusal> {
    for token in tokens {
        let Token::Placeholder(name) = &token.token else { continue };
        let name = name.trim_start_matches('$');
        let Some(value) = parameters.get(name) else {
            let fix = match nearest(name, parameters.keys().map(String::as_str)) {
                Some(known) => format!("did you mean ${known}?"),
                None => format!("set it under [params] in tidegate.toml or with --param {name}=..."),
            };
            let place = Place::new(source, token.span);
            return Err(refuse(Code::UnknownParameter, &place, format!("parameter ${name} has no value"), fix));
        };
        token.token = value.token();
    }
    Ok(())
}

/// The tokens of an ad hoc query, with parameters put in and Flink's spelling of windows taken out.
///
/// # Errors
/// [`Code::Syntax`] and [`Code::UnknownParameter`].
pub fn query_tokens(
    source: &SourceText,
    parameters: &BTreeMap<String, Parameter>,
) -> Result<Vec<TokenWithSpan>, Refusal> {
    let mut tokens = tokenize(source)?;
    substitute(&mut tokens, source, parameters)?;
    Ok(flink::lift(tokens, source).0)
}
