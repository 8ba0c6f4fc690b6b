//! How does Flink spell a window? `TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), size))` is `TUMBLE(t, ts, size)`.
//!
//! The words that Flink has more are taken out of the token stream; every other token keeps its place in
//! the file. The columns of `PARTITION BY` after `TABLE t` are kept: they must be what the query groups by.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::cursor::is_word;
use crate::window::is_window_function;
use crate::{Place, SourceText, Spanned};

/// `PARTITION BY` in a window function: its columns.
pub(crate) type Partition = Vec<Spanned<String>>;

/// The tokens in our spelling, and the columns of `PARTITION BY` where there is one.
pub(crate) fn lift(tokens: Vec<TokenWithSpan>, source: &SourceText) -> (Vec<TokenWithSpan>, Option<Partition>) {
    let mut lifted = vec![false; tokens.len()];
    let mut partition = None;
    for open in 1..tokens.len() {
        if tokens[open].token != Token::LParen || !is_window_function(&tokens[open - 1]) {
            continue;
        }
        let Some(close) = closing(&tokens, open) else { continue };
        let wrapped = open >= 3 && is_word(&tokens[open - 3], "table") && tokens[open - 2].token == Token::LParen;
        if wrapped && tokens.get(close + 1).is_some_and(|token| token.token == Token::RParen) {
            lifted[open - 3] = true;
            lifted[open - 2] = true;
            lifted[close + 1] = true;
        }
        let begins = |at: usize| matches!(tokens[at - 1].token, Token::LParen | Token::Comma | Token::RArrow);
        let table = (open + 1..close.saturating_sub(1)).find(|&at| is_word(&tokens[at], "table") && begins(at));
        if let Some(table) = table {
            lifted[table] = true;
            if let Some(columns) = lift_partition(&tokens, table + 2, close, &mut lifted, source) {
                partition = Some(columns);
            }
        }
        lift_descriptor(&tokens, open, close, &mut lifted);
    }
    let kept = tokens.into_iter().zip(lifted).filter(|(_, lifted)| !lifted);
    (kept.map(|(token, _)| token).collect(), partition)
}

/// `PARTITION BY a, (b)` from `start` up to the comma before the time column.
fn lift_partition(
    tokens: &[TokenWithSpan],
    start: usize,
    close: usize,
    lifted: &mut [bool],
    source: &SourceText,
) -> Option<Partition> {
    let is_partition = is_word(tokens.get(start)?, "partition") && is_word(tokens.get(start + 1)?, "by");
    let descriptor = (start..close).find(|&at| is_word(&tokens[at], "descriptor"))?;
    if !is_partition {
        return None;
    }
    // The comma before DESCRIPTOR divides arguments, and stays.
    lifted[start..descriptor - 1].fill(true);
    let name = |token: &TokenWithSpan| match &token.token {
        Token::Word(word) => {
            let value = if word.quote_style.is_some() { word.value.clone() } else { word.value.to_lowercase() };
            Some(Spanned { value, place: Place::new(source, token.span) })
        }
        _ => None,
    };
    Some(tokens[start + 2..descriptor].iter().filter_map(name).collect())
}

/// `DESCRIPTOR(ts)` is `ts`.
fn lift_descriptor(tokens: &[TokenWithSpan], open: usize, close: usize, lifted: &mut [bool]) {
    for at in open + 1..close {
        if is_word(&tokens[at], "descriptor")
            && tokens[at + 1].token == Token::LParen
            && let Some(end) = closing(tokens, at + 1)
        {
            lifted[at] = true;
            lifted[at + 1] = true;
            lifted[end] = true;
        }
    }
}

/// The position of the `)` that closes the `(` at `open`.
fn closing(tokens: &[TokenWithSpan], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (position, token) in tokens.iter().enumerate().skip(open) {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(position);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cursor::tokenize;

    fn check(flink: &str, expected: &str, columns: &[&str]) {
        let source = SourceText::new("a.sql", flink);
        let (tokens, partition) = lift(tokenize(&source).unwrap(), &source);
        let text = tokens.iter().map(|token| token.token.to_string()).collect::<Vec<_>>().join(" ");
        assert_eq!(text, expected);
        let found = partition.unwrap_or_default().into_iter().map(|column| column.value).collect::<Vec<_>>();
        assert_eq!(found, columns);
    }

    #[test]
    fn flinks_words_are_taken_out() {
        check("FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), 1)) AS w", "FROM TUMBLE ( t , ts , 1 ) AS w", &[]);
        check("FROM hop(TABLE t, DESCRIPTOR(ts), 1, (2))", "FROM hop ( t , ts , 1 , ( 2 ) )", &[]);
        check("FROM TUMBLE(DATA => TABLE t, 1)", "FROM TUMBLE ( DATA => t , 1 )", &[]);
        check("FROM TUMBLE(t, ts, 1) JOIN TABLE(f(x))", "FROM TUMBLE ( t , ts , 1 ) JOIN TABLE ( f ( x ) )", &[]);
    }

    #[test]
    fn the_columns_of_a_partition_are_kept() {
        let ours = "FROM SESSION ( t , ts , 1 )";
        check("FROM TABLE(SESSION(TABLE t PARTITION BY K, DESCRIPTOR(ts), 1))", ours, &["k"]);
        check("FROM TABLE(SESSION(TABLE t PARTITION BY (k, \"L\"), DESCRIPTOR(ts), 1))", ours, &["k", "L"]);
    }

    #[test]
    fn half_a_spelling_is_left_to_the_parser() {
        check("FROM TUMBLE(TABLE", "FROM TUMBLE ( TABLE", &[]);
        check("FROM TABLE(TUMBLE(TABLE)", "FROM TABLE ( TUMBLE ( TABLE )", &[]);
        check("FROM TUMBLE()", "FROM TUMBLE ( )", &[]);
    }
}
