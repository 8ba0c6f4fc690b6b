//! What does `SELECT WITH AGGREGATION_THRESHOLD OPTIONS (...)` say, and what is the query without it?
//!
//! The clause is GoogleSQL's. It is lifted out of the token stream, so that the parser sees plain SQL
//! and every other token keeps its place in the file.

use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::tokenizer::{Span, TokenWithSpan};

use crate::cursor::{Cursor, is_word};
use crate::options::Options;
use crate::{Code, Place, Refusal, SourceText, Spanned, refuse};

/// The privacy clause of a signal, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PrivacyClause {
    pub(crate) threshold: Spanned<u32>,
    pub(crate) unit: Option<Spanned<String>>,
    pub(crate) place: Place,
}

/// Takes the privacy clause out of `tokens`.
///
/// # Errors
/// [`Code::BadPrivacyClause`] for a clause that is incomplete, unknown or stands twice.
pub(crate) fn lift(
    tokens: &[TokenWithSpan],
    source: &SourceText,
    session: &SessionContext,
) -> Result<(Vec<TokenWithSpan>, Option<PrivacyClause>), Refusal> {
    let mut rest = tokens.to_vec();
    let mut found: Option<PrivacyClause> = None;
    // `SELECT WITH` begins nothing else in SQL.
    while let Some(select) = rest.windows(2).position(|pair| is_word(&pair[0], "select") && is_word(&pair[1], "with")) {
        let start = select + 1;
        let (clause, length) = read(&rest[start..], source, session)?;
        if found.is_some() {
            let fix = "a signal has one aggregation and one clause";
            return Err(refuse(Code::BadPrivacyClause, &clause.place, "the privacy clause stands twice", fix));
        }
        found = Some(clause);
        rest.drain(start..start + length);
    }
    Ok((rest, found))
}

/// Reads `WITH AGGREGATION_THRESHOLD OPTIONS (...)` and says how many tokens it is.
fn read(
    tokens: &[TokenWithSpan],
    source: &SourceText,
    session: &SessionContext,
) -> Result<(PrivacyClause, usize), Refusal> {
    const SHAPE: &str =
        "write SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20, privacy_unit_column = user_token) ...";
    let mut cursor = Cursor::new(source, tokens);
    cursor.skip("with");
    let name = cursor.place();
    if cursor.next_is("differential_privacy") {
        let cause = "DIFFERENTIAL_PRIVACY is not available in this version";
        return Err(refuse(Code::BadPrivacyClause, &name, cause, SHAPE));
    }
    if !cursor.skip("aggregation_threshold") {
        let cause = format!("expected AGGREGATION_THRESHOLD, found {}", cursor.found());
        return Err(refuse(Code::BadPrivacyClause, &name, cause, SHAPE));
    }
    if !cursor.skip("options") {
        let cause = format!("expected OPTIONS (...), found {}", cursor.found());
        return Err(refuse(Code::BadPrivacyClause, &cursor.place(), cause, SHAPE));
    }
    let place = cursor.place();
    let Some(inside) = cursor.group()? else {
        let cause = format!("expected (, found {}", cursor.found());
        return Err(refuse(Code::BadPrivacyClause, &place, cause, SHAPE));
    };
    let length = cursor.position();
    let whole = Place::new(source, Span::new(tokens[1].span.start, tokens[length - 1].span.end));
    let mut options = Options::parse("AGGREGATION_THRESHOLD", name, source, inside, session)?;
    let threshold = options.integer("threshold", 1)?;
    let threshold = options.required("threshold", threshold, "20")?;
    let unit = options.text("privacy_unit_column")?;
    options.finish()?;
    let value = u32::try_from(threshold.value).ok().filter(|&k| k <= MOST_UNITS).ok_or_else(|| {
        let cause = format!("a threshold above {MOST_UNITS} would keep that many hashes per group");
        refuse(Code::OptionValue, &threshold.place, cause, "choose a smaller threshold")
    })?;
    let threshold = Spanned { value, place: threshold.place };
    Ok((PrivacyClause { threshold, unit, place: whole }, length))
}

/// State is 16 bytes per unit up to the threshold: this keeps a group below 16 MiB.
const MOST_UNITS: u32 = 1_000_000;
