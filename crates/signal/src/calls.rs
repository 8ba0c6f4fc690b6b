//! Which statistics does a differentially private query ask for, within which bounds?
//!
//! `COUNT(*, contribution_bounds_per_group => (0, 3))` becomes `dp_count(1, 0, 3, 0)` in the token stream, at the same
//! place in the file: an aggregate function whose bounds are arguments, so that the planner checks the rest as usual. The
//! last argument is the share of epsilon, 0 where the call names none.

use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Span, Token, TokenWithSpan, Word};
use tidegate_algebra::private::{Extent, Statistic};

use crate::cursor::{Cursor, is_word};
use crate::options::{Options, split_at_commas};
use crate::{Code, Place, Refusal, SourceText, refuse};

/// The tokens with our functions in place of aggregates.
///
/// # Errors
/// [`Code::MissingBounds`] for a call without bounds, and other refusals of calls that cannot be noised.
pub(crate) fn rewrite(
    tokens: &[TokenWithSpan],
    source: &SourceText,
    session: &SessionContext,
) -> Result<Vec<TokenWithSpan>, Refusal> {
    let mut rewritten = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let statistic = match &token.token {
            Token::Word(word) if word.quote_style.is_none() => Statistic::of_aggregate(&word.value.to_lowercase()),
            _ => None,
        };
        if let Token::Word(word) = &token.token
            && is_open(tokens.get(at + 1))
            && Statistic::is_function(&word.value)
        {
            let cause = format!("there is no function `{}`", word.value);
            let fix = "write COUNT, SUM, AVG and so on, with their bounds";
            return Err(refuse(Code::UnknownFunction, &Place::new(source, token.span), cause, fix));
        }
        let mut cursor = Cursor::new(source, &tokens[at + 1..]);
        match statistic {
            Some(statistic) if is_open(tokens.get(at + 1)) => {
                let Some(inside) = cursor.group()? else { break };
                let call = Call { statistic, token, source };
                rewritten.extend(call.rewrite(inside, session)?);
                at += 1 + cursor.position();
            }
            None if is_word(token, "approx_bounds") && is_open(tokens.get(at + 1)) => {
                let Some(inside) = cursor.group()? else { break };
                rewritten.extend(rewrite_extent(token, inside, source, session)?);
                at += 1 + cursor.position();
            }
            _ => {
                refuse_bounds(token, cursor, source)?;
                rewritten.push(token.clone());
                at += 1;
            }
        }
    }
    Ok(rewritten)
}

/// Refuses bounds in a call of anything that cannot be noised.
fn refuse_bounds(token: &TokenWithSpan, mut call: Cursor<'_>, source: &SourceText) -> Result<(), Refusal> {
    let Token::Word(word) = &token.token else { return Ok(()) };
    let Some(inside) = call.group()? else { return Ok(()) };
    let parts = split_at_commas(inside);
    if !parts.iter().any(|part| part.first().is_some_and(|name| is_word(name, "contribution_bounds_per_group"))) {
        return Ok(());
    }
    let cause = format!("`{}` cannot be noised", word.value);
    let fix = "noised are COUNT, SUM, AVG, VAR_POP, STDDEV_POP and COUNT(DISTINCT unit)";
    Err(refuse(Code::InadmissibleAggregate, &Place::new(source, token.span), cause, fix))
}

fn is_open(token: Option<&TokenWithSpan>) -> bool {
    token.is_some_and(|token| token.token == Token::LParen)
}

/// `APPROX_BOUNDS(SUM(x), epsilon => 0.1)`: which bounds a noised `SUM(x)` needs, at a price of its own.
fn rewrite_extent(
    token: &TokenWithSpan,
    inside: &[TokenWithSpan],
    source: &SourceText,
    session: &SessionContext,
) -> Result<Vec<TokenWithSpan>, Refusal> {
    const FIX: &str = "write APPROX_BOUNDS(SUM(x), epsilon => 0.1), or of COUNT or AVG";
    let place = Place::new(source, token.span);
    let parts = split_at_commas(inside);
    let Some(([statistic, open, argument @ .., close], rest)) = parts.split_first() else {
        return Err(refuse(Code::InvalidQuery, &place, "APPROX_BOUNDS is of a statistic", FIX));
    };
    let extent = match &statistic.token {
        Token::Word(word) => Statistic::of_aggregate(&word.value.to_lowercase()).and_then(Extent::of),
        _ => None,
    };
    let (Some(extent), Token::LParen, Token::RParen) = (extent, &open.token, &close.token) else {
        let place = Place::new(source, statistic.span);
        return Err(refuse(Code::InvalidQuery, &place, "APPROX_BOUNDS is of COUNT, SUM or AVG", FIX));
    };
    let mut options = Options::parse("the call", place.clone(), source, &inside_of(rest), session)?;
    let epsilon = options.number("epsilon")?;
    let epsilon = options.required("epsilon", epsilon, "0.1")?;
    if epsilon.value <= 0.0 {
        return Err(refuse(Code::OptionValue, &epsilon.place, "a share of epsilon is above 0", "write epsilon => 0.1"));
    }
    options.finish()?;
    let call = Call { statistic: Statistic::Extent(extent), token, source };
    Ok(call.call(call.statistic, call.argument(argument), &[epsilon.value]))
}

struct Call<'a> {
    statistic: Statistic,
    /// Its name.
    token: &'a TokenWithSpan,
    source: &'a SourceText,
}

impl Call<'_> {
    fn rewrite(&self, inside: &[TokenWithSpan], session: &SessionContext) -> Result<Vec<TokenWithSpan>, Refusal> {
        let place = Place::new(self.source, self.token.span);
        let name = self.token.token.to_string().to_uppercase();
        let parts = split_at_commas(inside);
        let is_named = |part: &&[TokenWithSpan]| part.get(1).is_some_and(|token| token.token == Token::RArrow);
        let positional = parts.iter().copied().filter(|part| !is_named(part)).collect::<Vec<_>>();
        let named = inside_of(&parts.iter().copied().filter(is_named).collect::<Vec<_>>());
        let mut options = Options::parse("the call", place.clone(), self.source, &named, session)?;
        let mut bounds = options.range("contribution_bounds_per_group")?;
        if let Some(rows) = options.range("contribution_bounds_per_row")? {
            // GoogleSQL's word for the bounds of a percentile.
            if self.statistic == Statistic::Quantile && bounds.is_none() {
                bounds = Some(rows);
            } else {
                let cause = format!("{name} is bounded per group: a unit counts with its whole total or mean");
                let fix = "write contribution_bounds_per_group => (lowest, highest)";
                return Err(refuse(Code::OptionValue, &rows.place, cause, fix));
            }
        }
        let bins = match self.statistic {
            Statistic::Histogram => {
                let bins = options.integer("bins", 1)?;
                Some(options.required("bins", bins, "10")?.value as f64)
            }
            _ => None,
        };
        let epsilon = options.number("epsilon")?;
        if let Some(share) = epsilon.as_ref().filter(|share| share.value <= 0.0) {
            return Err(refuse(
                Code::OptionValue,
                &share.place,
                "a share of epsilon is above 0",
                "write epsilon => 0.1",
            ));
        }
        options.finish()?;
        let share = epsilon.map_or(0.0, |share| share.value);
        let (argument, quantile) = match (self.statistic, positional.as_slice()) {
            (Statistic::Quantile, [argument, quantile]) => (argument, Some(self.number_in(quantile)?)),
            (Statistic::Quantile, _) => {
                let cause = format!("{name} takes two arguments, found {}", positional.len());
                let fix = "write PERCENTILE_CONT(x, 0.95, contribution_bounds_per_row => (lowest, highest))";
                return Err(refuse(Code::InvalidQuery, &place, cause, fix));
            }
            (_, [argument]) => (argument, None),
            _ => {
                let cause = format!("{name} takes one argument, found {}", positional.len());
                let fix = format!("write {name}(column, contribution_bounds_per_group => (lowest, highest))");
                return Err(refuse(Code::InvalidQuery, &place, cause, fix));
            }
        };
        if let Some((distinct, unit)) = argument.split_first().filter(|(first, _)| is_word(first, "distinct")) {
            if self.statistic != Statistic::Count {
                let cause = format!("{name}(DISTINCT ...) cannot be noised: how often a value occurs is not bounded");
                let place = Place::new(self.source, distinct.span);
                return Err(refuse(Code::InadmissibleAggregate, &place, cause, "leave DISTINCT out"));
            }
            if let Some(bounds) = bounds {
                let cause = "COUNT(DISTINCT unit) needs no bounds: a unit counts once";
                return Err(refuse(Code::OptionValue, &bounds.place, cause, "leave them out"));
            }
            return Ok(self.call(Statistic::Units, unit.to_vec(), &[share]));
        }
        let Some(bounds) = bounds else {
            let cause = format!("{name} has no bounds: without them one unit could move it by any amount");
            let example = match self.statistic {
                Statistic::Count => format!("{name}(..., contribution_bounds_per_group => (0, 10))"),
                _ => format!("{name}(..., contribution_bounds_per_group => (lowest, highest))"),
            };
            let fix = format!("write {example}: each unit's own value is clamped to them");
            return Err(refuse(Code::MissingBounds, &place, cause, fix));
        };
        let argument = self.argument(argument);
        let (low, high) = bounds.value;
        let constants = [low, high, share].into_iter().chain(quantile).chain(bins).collect::<Vec<_>>();
        Ok(self.call(self.statistic, argument, &constants))
    }

    /// What is measured; of `*` every row.
    fn argument(&self, argument: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
        match argument {
            [star] if star.token == Token::Mul => vec![self.token_of(Token::Number("1".to_owned(), false))],
            argument => argument.to_vec(),
        }
    }

    fn number_in(&self, tokens: &[TokenWithSpan]) -> Result<f64, Refusal> {
        let number = match tokens {
            [token] => match &token.token {
                Token::Number(number, _) => number.parse::<f64>().ok(),
                _ => None,
            },
            _ => None,
        };
        let place = Place::new(self.source, tokens.first().map_or(self.token.span, |token| token.span));
        number.ok_or_else(|| {
            refuse(Code::OptionValue, &place, "the percentile is a number between 0 and 1", "write 0.95")
        })
    }

    fn call(&self, statistic: Statistic, argument: Vec<TokenWithSpan>, constants: &[f64]) -> Vec<TokenWithSpan> {
        let name = Word { value: statistic.function().to_owned(), quote_style: None, keyword: Keyword::NoKeyword };
        let mut tokens = vec![self.token_of(Token::Word(name)), self.token_of(Token::LParen)];
        tokens.extend(argument);
        for constant in constants {
            tokens.push(self.token_of(Token::Comma));
            if *constant < 0.0 {
                tokens.push(self.token_of(Token::Minus));
            }
            tokens.push(self.token_of(Token::Number(format!("{:?}", constant.abs()), false)));
        }
        tokens.push(self.token_of(Token::RParen));
        tokens
    }

    fn token_of(&self, token: Token) -> TokenWithSpan {
        TokenWithSpan { token, span: self.token.span }
    }
}

/// Parts with commas between them.
fn inside_of(parts: &[&[TokenWithSpan]]) -> Vec<TokenWithSpan> {
    let mut tokens = Vec::new();
    for part in parts {
        if !tokens.is_empty() {
            tokens.push(TokenWithSpan { token: Token::Comma, span: Span::empty() });
        }
        tokens.extend(part.iter().cloned());
    }
    tokens
}
