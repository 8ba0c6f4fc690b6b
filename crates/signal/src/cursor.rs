//! How are the tokens of a statement read from left to right?

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{Span, Token, TokenWithSpan, Tokenizer, TokenizerError};

use crate::{Code, Place, Refusal, SourceText, Spanned, refuse};

/// The tokens of `source` without white space and comments.
pub(crate) fn tokenize(source: &SourceText) -> Result<Vec<TokenWithSpan>, Refusal> {
    let tokens = Tokenizer::new(&GenericDialect, source.text()).tokenize_with_location();
    let tokens = tokens.map_err(|error: TokenizerError| {
        let start = Place::new(source, Span::empty());
        Refusal::from_parser(&ParserError::from(error), &start)
    })?;
    Ok(tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect())
}

/// True when `token` is the unquoted word `word`.
pub(crate) fn is_word(token: &TokenWithSpan, word: &str) -> bool {
    matches!(&token.token, Token::Word(found) if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word))
}

/// A place in the tokens of one statement.
pub(crate) struct Cursor<'a> {
    source: &'a SourceText,
    tokens: &'a [TokenWithSpan],
    position: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(source: &'a SourceText, tokens: &'a [TokenWithSpan]) -> Self {
        Self { source, tokens, position: 0 }
    }

    /// Where the next token stands; after the last one, where the statement ends.
    pub(crate) fn place(&self) -> Place {
        let span = match self.tokens.get(self.position) {
            Some(token) => token.span,
            None => self.tokens.last().map_or(Span::empty(), |last| Span::new(last.span.end, last.span.end)),
        };
        Place::new(self.source, span)
    }

    pub(crate) fn next_is(&self, word: &str) -> bool {
        self.tokens.get(self.position).is_some_and(|token| is_word(token, word))
    }

    /// Steps over `word` if it comes next.
    pub(crate) fn skip(&mut self, word: &str) -> bool {
        let found = self.next_is(word);
        self.position += usize::from(found);
        found
    }

    pub(crate) fn expect(&mut self, word: &str, fix: &str) -> Result<(), Refusal> {
        if self.skip(word) {
            return Ok(());
        }
        Err(refuse(Code::Syntax, &self.place(), format!("expected {word}, found {}", self.found()), fix))
    }

    /// The next name, folded to lower case unless quoted.
    pub(crate) fn name(&mut self, what: &str) -> Result<Spanned<String>, Refusal> {
        let place = self.place();
        match self.tokens.get(self.position).map(|token| &token.token) {
            Some(Token::Word(word)) => {
                self.position += 1;
                let value = if word.quote_style.is_some() { word.value.clone() } else { word.value.to_lowercase() };
                Ok(Spanned { value, place })
            }
            _ => Err(refuse(
                Code::Syntax,
                &place,
                format!("expected the name of the {what}, found {}", self.found()),
                format!("CREATE {} name ...", what.to_uppercase()),
            )),
        }
    }

    /// The tokens between the next `(` and its `)`, if a `(` comes next.
    pub(crate) fn group(&mut self) -> Result<Option<&'a [TokenWithSpan]>, Refusal> {
        if self.tokens.get(self.position).map(|token| &token.token) != Some(&Token::LParen) {
            return Ok(None);
        }
        let mut depth = 0_usize;
        for (index, token) in self.tokens.iter().enumerate().skip(self.position) {
            match token.token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                let inside = &self.tokens[self.position + 1..index];
                self.position = index + 1;
                return Ok(Some(inside));
            }
        }
        Err(refuse(Code::Syntax, &self.place(), "this parenthesis is never closed", "add the missing )"))
    }

    /// All tokens that are left.
    pub(crate) fn rest(&mut self) -> &'a [TokenWithSpan] {
        let rest = &self.tokens[self.position..];
        self.position = self.tokens.len();
        rest
    }

    /// How many tokens have been read.
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    pub(crate) fn at_end(&self) -> bool {
        self.position == self.tokens.len()
    }

    /// The next token as a message shows it.
    pub(crate) fn found(&self) -> String {
        self.tokens
            .get(self.position)
            .map_or_else(|| "the end of the statement".to_owned(), |token| format!("`{}`", token.token))
    }
}
