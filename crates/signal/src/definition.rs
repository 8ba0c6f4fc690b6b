//! Which streams and signals do the SQL files of a project define?

use std::collections::BTreeMap;

use chrono_tz::Tz;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::logical_expr::{DdlStatement, LogicalPlan};
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::DFParserBuilder;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tidegate_contract::stream::Dedupe;
use tidegate_contract::{EpochUnit, StreamContract};
use tidegate_privacy::Allowance;

use crate::clause::{ClauseKind, PrivacyClause, lift};
use crate::cursor::{Cursor, is_word, tokenize};
use crate::derived::{reads_signals, signals_read};
use crate::flink::Partition;
use crate::options::Options;
use crate::parameters::substitute;
use crate::zone::time_zone;
use crate::{Code, Parameter, Place, Refusal, SourceText, Spanned, calls, flink, refuse};

const DAY_US: i64 = 86_400_000_000;

/// The signal that every project has: which columns of its streams changed.
pub const SCHEMA_DRIFT: &str = "schema_drift";

/// The signal that every project has: how good rows are, by the rules of the contracts of its streams.
pub const DQ_RESULTS: &str = "dq_results";

/// The signals that every project has.
pub const BUILT_IN: [&str; 2] = [SCHEMA_DRIFT, DQ_RESULTS];

/// `CREATE STREAM`: where telemetry comes from and what it promises.
#[derive(Debug, Clone)]
pub struct StreamDefinition {
    /// The stream's name.
    pub name: Spanned<String>,
    /// Folder, file or glob, as written.
    pub path: Spanned<String>,
    /// The file format, where it is declared.
    pub format: Option<Spanned<String>>,
    /// Event time, watermark, tenant, privacy unit and declared columns.
    pub contract: StreamContract,
    /// The data contract that its rows are held against: one that comes with Tidegate, or a file.
    pub data_contract: Option<Spanned<String>>,
    /// How rows are made of files that hold something else: a mapping that comes with Tidegate, or a file.
    pub mapping: Option<Spanned<String>>,
    /// The zone whose days and months its windows follow.
    pub time_zone: Option<Tz>,
    /// What may be spent of the privacy of one unit on one day; the project's default when absent.
    pub budget: Option<Allowance>,
    /// Where options stand, for messages about them.
    pub event_time_place: Option<Place>,
}

/// `CREATE SIGNAL`: a query with a name, a version and, where people are protected, a privacy clause.
#[derive(Debug, Clone)]
pub struct SignalDefinition {
    /// The signal's name.
    pub name: Spanned<String>,
    /// Its version, as the author declares it.
    pub version: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What kind of statistic it is, for readers.
    pub kind: Option<String>,
    /// What it says, for readers.
    pub description: Option<String>,
    /// For how long a closed window takes late rows, in microseconds.
    pub lateness_us: i64,
    /// How many groups it may have.
    pub max_groups: Option<u64>,
    /// SHA-256 over the statement's tokens: white space, comments and parameter spelling do not matter.
    pub code_hash: String,
    /// The zone whose days and months its windows follow, in place of the stream's.
    pub time_zone: Option<Tz>,
    pub(crate) clause: Option<PrivacyClause>,
    /// The columns of Flink's `PARTITION BY`.
    pub(crate) partition: Option<Partition>,
    pub(crate) query: Vec<TokenWithSpan>,
    /// Where the query begins.
    pub query_place: Place,
    /// It is run once, and not for every window that closes.
    pub once: bool,
    /// Who may read its rows.
    pub scope: Scope,
}

/// Who may read the rows of a signal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scope {
    /// Everybody: they are released.
    #[default]
    Global,
    /// Signals alone that are computed from them.
    Internal,
    /// The operator and the tenant that a row speaks of.
    Local,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Global, Self::Internal, Self::Local];

    /// The folder of its rows, and the schema in which they are a table.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Global => "released",
            Self::Internal => "internal",
            Self::Local => "local",
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Internal => "internal",
            Self::Local => "local",
        }
    }
}

impl SignalDefinition {
    /// A query that is run once, under no name; none when it has no privacy clause.
    ///
    /// # Errors
    /// A [`Refusal`] of its clause.
    pub fn of_query(
        source: &SourceText,
        parameters: &BTreeMap<String, Parameter>,
        session: &SessionContext,
    ) -> Result<Option<Self>, Refusal> {
        let mut tokens = tokenize(source)?;
        while tokens.last().is_some_and(|token| token.token == Token::SemiColon) {
            tokens.pop();
        }
        if !tokens.windows(2).any(|pair| is_word(&pair[0], "select") && is_word(&pair[1], "with")) {
            return Ok(None);
        }
        substitute(&mut tokens, source, parameters)?;
        let query_place = Cursor::new(source, &tokens).place();
        let (query, clause, partition) = lifted(&tokens, source, session)?;
        Ok(Some(Self {
            name: Spanned { value: "query".to_owned(), place: query_place.clone() },
            version: String::new(),
            owner: None,
            kind: None,
            description: None,
            lateness_us: 0,
            max_groups: None,
            code_hash: code_hash(&tokens),
            time_zone: None,
            clause,
            partition,
            query,
            query_place,
            once: true,
            scope: Scope::Global,
        }))
    }

    /// True when its groups are noised.
    pub fn is_differential(&self) -> bool {
        let kind = self.clause.as_ref().map(|clause| &clause.kind);
        matches!(kind, Some(ClauseKind::Differential(_)))
    }

    /// The names of the signals whose rows it reads, as they are written.
    pub fn signals_read(&self) -> impl Iterator<Item = &str> {
        signals_read(&self.query)
    }

    pub(crate) fn clause_place(&self) -> &Place {
        self.clause.as_ref().map_or(&self.query_place, |clause| &clause.place)
    }

    /// Where `word` first stands in the query; the query's beginning if it does not.
    pub(crate) fn word_place(&self, word: &str) -> Place {
        let found = self.query.iter().find(|token| match &token.token {
            Token::Word(found) => found.value.eq_ignore_ascii_case(word),
            _ => false,
        });
        found.map_or_else(|| self.query_place.clone(), |token| self.query_place.at(token.span))
    }
}

/// The definitions of a project.
#[derive(Debug, Clone, Default)]
pub struct Definitions {
    /// Streams in the order of their files.
    pub streams: Vec<StreamDefinition>,
    /// Tables in the order of their files. Of a stream they have the path, the format and the columns.
    pub tables: Vec<StreamDefinition>,
    /// Signals over streams in the order of their files.
    pub signals: Vec<SignalDefinition>,
    /// Signals over released signals in the order of their files.
    pub derived: Vec<SignalDefinition>,
}

impl Definitions {
    /// Reads all statements of all `sources`.
    ///
    /// # Errors
    /// Every refusal that was found, in the order of the files.
    pub async fn parse(
        sources: &[SourceText],
        parameters: &BTreeMap<String, Parameter>,
        session: &SessionContext,
    ) -> Result<Self, Vec<Refusal>> {
        let mut definitions = Self::default();
        let mut refusals = Vec::new();
        for source in sources {
            let tokens = match tokenize(source) {
                Ok(tokens) => tokens,
                Err(refusal) => {
                    refusals.push(refusal);
                    continue;
                }
            };
            for statement in tokens.split(|token| token.token == Token::SemiColon).filter(|tokens| !tokens.is_empty()) {
                if let Err(refusal) = definitions.add(source, statement, parameters, session).await {
                    refusals.push(refusal);
                }
            }
        }
        if refusals.is_empty() { Ok(definitions) } else { Err(refusals) }
    }

    async fn add(
        &mut self,
        source: &SourceText,
        tokens: &[TokenWithSpan],
        parameters: &BTreeMap<String, Parameter>,
        session: &SessionContext,
    ) -> Result<(), Refusal> {
        let mut tokens = tokens.to_vec();
        substitute(&mut tokens, source, parameters)?;
        let mut cursor = Cursor::new(source, &tokens);
        let start = cursor.place();
        let created = cursor.skip("create");
        if created && cursor.skip("stream") {
            let stream = read_stream(&mut cursor, source, session).await?;
            let others = self.streams.iter().chain(&self.tables).map(|other| &other.name);
            refuse_twin("stream", &stream.name, others)?;
            self.streams.push(stream);
        } else if created && cursor.skip("table") {
            let table = read_table(&mut cursor, source, session).await?;
            let others = self.streams.iter().chain(&self.tables).map(|other| &other.name);
            refuse_twin("table", &table.name, others)?;
            self.tables.push(table);
        } else if created && cursor.skip("signal") {
            let signal = read_signal(&mut cursor, source, &tokens, session)?;
            let others = self.signals.iter().chain(&self.derived).map(|other| &other.name);
            refuse_twin("signal", &signal.name, others)?;
            refuse_built_in(&signal.name)?;
            if reads_signals(&signal.query) { self.derived.push(signal) } else { self.signals.push(signal) }
        } else {
            return Err(refuse(
                Code::UnknownStatement,
                &start,
                "a project's SQL files hold CREATE STREAM, CREATE TABLE and CREATE SIGNAL statements only",
                "run queries with `tidegate sql`",
            ));
        }
        Ok(())
    }
}

fn refuse_twin<'a>(
    what: &str,
    name: &Spanned<String>,
    mut others: impl Iterator<Item = &'a Spanned<String>>,
) -> Result<(), Refusal> {
    match others.find(|other| other.value == name.value) {
        None => Ok(()),
        Some(other) => Err(refuse(
            Code::DuplicateName,
            &name.place,
            format!("{what} `{}` is already defined at {}", name.value, other.place),
            "give one of them another name",
        )),
    }
}

fn refuse_built_in(name: &Spanned<String>) -> Result<(), Refusal> {
    let Some(built_in) = BUILT_IN.into_iter().find(|built_in| name.value == *built_in) else { return Ok(()) };
    let about = if built_in == SCHEMA_DRIFT { "columns of its streams that changed" } else { "how good its rows are" };
    let cause = format!("`{built_in}` is a signal that every project has: {about}");
    let fix = format!("give this one another name; `SELECT * FROM released.{built_in}` shows the other");
    Err(refuse(Code::DuplicateName, &name.place, cause, fix))
}

/// `epsilon_budget` and `delta_budget`.
fn read_budget(options: &mut Options) -> Result<Option<Allowance>, Refusal> {
    const DELTA: f64 = 1e-6;
    let (epsilon, delta) = (options.number("epsilon_budget")?, options.number("delta_budget")?);
    let (epsilon, place) = match (&epsilon, &delta) {
        (Some(epsilon), _) => (epsilon.value, &epsilon.place),
        (None, Some(delta)) => {
            let cause = "delta_budget says how sure an epsilon_budget is, and there is none";
            return Err(refuse(Code::MissingOption, &delta.place, cause, "add epsilon_budget = 5.0"));
        }
        (None, None) => return Ok(None),
    };
    let allowance = Allowance { epsilon, delta: delta.map_or(DELTA, |delta| delta.value) };
    allowance.cap().map_err(|error| {
        refuse(Code::OptionValue, place, format!("this is no budget: {error}"), "write epsilon_budget = 5.0")
    })?;
    Ok(Some(allowance))
}

/// A name becomes part of paths: lower-case letters, digits and underscores.
fn read_name(cursor: &mut Cursor<'_>, what: &str) -> Result<Spanned<String>, Refusal> {
    let name = cursor.name(what)?;
    let starts_well = name.value.starts_with(|first: char| first.is_ascii_lowercase() || first == '_');
    let is_plain = name.value.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if starts_well && is_plain && name.value.len() <= 64 {
        return Ok(name);
    }
    Err(refuse(
        Code::BadName,
        &name.place,
        format!("`{}` cannot name a {what}: names are part of paths", name.value),
        "use up to 64 lower-case letters, digits and underscores, a letter first",
    ))
}

async fn read_stream(
    cursor: &mut Cursor<'_>,
    source: &SourceText,
    session: &SessionContext,
) -> Result<StreamDefinition, Refusal> {
    const SHAPE: &str = "CREATE STREAM name [(column TYPE, ...)] WITH (path = '...', event_time = '...')";
    let name = read_name(cursor, "stream")?;
    let columns_place = cursor.place();
    let declared = match cursor.group()? {
        Some(columns) => Some(read_columns(columns, &columns_place, session).await?),
        None => None,
    };
    let mut options = read_with(cursor, "CREATE STREAM", source, session, SHAPE)?;
    if !cursor.at_end() {
        return Err(refuse(Code::Syntax, &cursor.place(), format!("unexpected {}", cursor.found()), SHAPE));
    }
    let path = options.text("path")?;
    let path = options.required("path", path, "'landing/decisions/'")?;
    let format = options.text("format")?;
    if let Some(connector) = options.text("connector")?
        && connector.value != "file"
    {
        let cause = format!("there is no connector `{}`", connector.value);
        return Err(refuse(Code::OptionValue, &connector.place, cause, "write connector = 'file', or leave it out"));
    }
    let data_contract = options.text("contract")?;
    let mapping = options.text("mapping")?;
    if let (Some(mapping), None) = (&mapping, &data_contract) {
        let cause = "a mapping makes rows of a contract's columns, and the stream names no contract";
        return Err(refuse(Code::OptionValue, &mapping.place, cause, "add contract = 'decisions'"));
    }
    let event_time = options.text("event_time")?;
    let event_time_unit = match options.text("event_time_unit")? {
        None => None,
        Some(unit) => Some(unit.value.parse::<EpochUnit>().map_err(|_| {
            let cause = format!("there is no unit of time `{}`", unit.value);
            refuse(Code::OptionValue, &unit.place, cause, "write event_time_unit = 's', 'ms', 'us' or 'ns'")
        })?),
    };
    let watermark_us = options.duration_us("watermark")?.unwrap_or(0);
    let tenant = options.text("tenant")?;
    let privacy_unit = options.text("privacy_unit")?;
    let split_by = options.text("split_by")?;
    let idle_timeout_us = options.duration_us("idle_timeout")?;
    let max_future_skew_us = options.duration_us("max_future_skew")?.unwrap_or(DAY_US);
    let dedupe = read_dedupe(&mut options, event_time.is_some() || data_contract.is_some())?;
    let learning_scope = options.text("learning_scope")?;
    let time_zone = time_zone(&mut options)?;
    let budget = read_budget(&mut options)?;
    options.finish()?;
    let value = |option: Option<Spanned<String>>| option.map(|option| option.value);
    Ok(StreamDefinition {
        event_time_place: event_time.as_ref().map(|column| column.place.clone()),
        budget,
        contract: StreamContract {
            name: name.value.clone(),
            event_time: value(event_time),
            event_time_unit,
            watermark_us,
            tenant: value(tenant),
            privacy_unit: value(privacy_unit),
            split_by: value(split_by),
            idle_timeout_us,
            max_future_skew_us,
            dedupe,
            learning_scope: value(learning_scope),
            declared,
        },
        data_contract,
        mapping,
        name,
        path,
        format,
        time_zone,
    })
}

/// The columns by which rows that are delivered again are known, and for how long.
fn read_dedupe(options: &mut Options, has_event_time: bool) -> Result<Option<Dedupe>, Refusal> {
    let key = options.text("dedupe_key")?;
    let horizon_us = options.duration_us("dedupe_horizon")?.unwrap_or(7 * DAY_US);
    let Some(key) = key else { return Ok(None) };
    let columns = key.value.split(',').map(|column| column.trim().to_owned()).collect::<Vec<_>>();
    if columns.iter().any(String::is_empty) {
        let cause = "the key has a column without a name";
        return Err(refuse(Code::OptionValue, &key.place, cause, "write dedupe_key = 'event_id', or 'a, b'"));
    }
    if !has_event_time {
        let cause = "keys are remembered by event time, and the stream has none";
        return Err(refuse(Code::OptionValue, &key.place, cause, "add event_time = '...'"));
    }
    Ok(Some(Dedupe { columns, horizon_us, seal: None }))
}

/// `CREATE TABLE`: rows that are read whole, and joined.
async fn read_table(
    cursor: &mut Cursor<'_>,
    source: &SourceText,
    session: &SessionContext,
) -> Result<StreamDefinition, Refusal> {
    const SHAPE: &str = "CREATE TABLE name [(column TYPE, ...)] WITH (path = '...', format = 'csv')";
    let name = read_name(cursor, "table")?;
    let columns_place = cursor.place();
    let declared = match cursor.group()? {
        Some(columns) => Some(read_columns(columns, &columns_place, session).await?),
        None => None,
    };
    let mut options = read_with(cursor, "CREATE TABLE", source, session, SHAPE)?;
    if !cursor.at_end() {
        return Err(refuse(Code::Syntax, &cursor.place(), format!("unexpected {}", cursor.found()), SHAPE));
    }
    let path = options.text("path")?;
    let path = options.required("path", path, "'tables/prices.csv'")?;
    let format = options.text("format")?;
    options.finish()?;
    Ok(StreamDefinition {
        contract: StreamContract { declared, ..StreamContract::new(name.value.clone()) },
        data_contract: None,
        mapping: None,
        name,
        path,
        format,
        time_zone: None,
        event_time_place: None,
        budget: None,
    })
}

fn read_with(
    cursor: &mut Cursor<'_>,
    clause: &'static str,
    source: &SourceText,
    session: &SessionContext,
    shape: &str,
) -> Result<Options, Refusal> {
    cursor.expect("WITH", shape)?;
    let place = cursor.place();
    let Some(inside) = cursor.group()? else {
        return Err(refuse(Code::Syntax, &place, format!("expected (, found {}", cursor.found()), shape));
    };
    Options::parse(clause, place, source, inside, session)
}

/// Declared columns: DataFusion's own DDL reads the types.
async fn read_columns(
    columns: &[TokenWithSpan],
    place: &Place,
    session: &SessionContext,
) -> Result<SchemaRef, Refusal> {
    let wrapper = SourceText::new("columns", "CREATE EXTERNAL TABLE t ( ) STORED AS PARQUET LOCATION 'x'");
    let mut tokens = tokenize(&wrapper)?;
    let inside = tokens.iter().position(|token| token.token == Token::RParen).unwrap_or(0);
    tokens.splice(inside..inside, columns.iter().cloned());
    let refusal = |error: &_| Refusal::from_datafusion(error, place);
    let mut parser = DFParserBuilder::new(tokens).build().map_err(|error| refusal(&error))?;
    let statement = parser.parse_statement().map_err(|error| refusal(&error))?;
    let plan = session.state().statement_to_plan(statement).await.map_err(|error| refusal(&error))?;
    match plan {
        LogicalPlan::Ddl(DdlStatement::CreateExternalTable(table)) => {
            Ok(Arc::new(Schema::new(table.schema.fields().clone())))
        }
        _ => Err(refuse(Code::Syntax, place, "these are not columns", "(name TYPE, ...)")),
    }
}

fn read_signal(
    cursor: &mut Cursor<'_>,
    source: &SourceText,
    statement: &[TokenWithSpan],
    session: &SessionContext,
) -> Result<SignalDefinition, Refusal> {
    const SHAPE: &str = "CREATE SIGNAL name [WITH (version = '1.0.0')] AS SELECT ...";
    let name = read_name(cursor, "signal")?;
    let (mut version, mut owner, mut kind, mut description) = ("1.0.0".to_owned(), None, None, None);
    let (mut lateness_us, mut max_groups) = (0, None);
    let (mut zone, mut scope) = (None, Scope::Global);
    if cursor.next_is("with") {
        let mut options = read_with(cursor, "CREATE SIGNAL", source, session, SHAPE)?;
        if let Some(declared) = options.text("version")? {
            version = declared.value;
        }
        owner = options.text("owner")?.map(|option| option.value);
        kind = options.text("kind")?.map(|option| option.value);
        description = options.text("description")?.map(|option| option.value);
        lateness_us = options.duration_us("lateness")?.unwrap_or(0);
        max_groups = options.integer("max_groups", 1)?.map(|option| option.value.unsigned_abs());
        zone = time_zone(&mut options)?;
        scope = read_scope(&mut options)?;
        options.finish()?;
    }
    cursor.expect("AS", SHAPE)?;
    let query_place = cursor.place();
    let (query, clause, partition) = lifted(cursor.rest(), source, session)?;
    if query.first().is_none_or(|first| !is_word(first, "select") && !is_word(first, "with")) {
        return Err(refuse(Code::Syntax, &query_place, "a signal is a SELECT query", SHAPE));
    }
    Ok(SignalDefinition {
        name,
        version,
        owner,
        kind,
        description,
        lateness_us,
        max_groups,
        code_hash: code_hash(statement),
        time_zone: zone,
        clause,
        partition,
        query,
        query_place,
        once: false,
        scope,
    })
}

fn read_scope(options: &mut Options) -> Result<Scope, Refusal> {
    let Some(scope) = options.text("scope")? else { return Ok(Scope::Global) };
    let known = Scope::ALL.into_iter().find(|known| known.name() == scope.value);
    known.ok_or_else(|| {
        let cause = format!("there is no scope `{}`", scope.value);
        refuse(Code::OptionValue, &scope.place, cause, "write scope = 'internal' or 'local', or leave it out")
    })
}

/// A query without its privacy clause and in our spelling, the clause, and the columns of `PARTITION BY`.
type Lifted = (Vec<TokenWithSpan>, Option<PrivacyClause>, Option<Partition>);

fn lifted(tokens: &[TokenWithSpan], source: &SourceText, session: &SessionContext) -> Result<Lifted, Refusal> {
    let (query, clause) = lift(tokens, source, session)?;
    let query = match &clause {
        Some(PrivacyClause { kind: ClauseKind::Differential(_), .. }) => calls::rewrite(&query, source, session)?,
        _ => query,
    };
    let (query, partition) = flink::lift(query, source);
    Ok((query, clause, partition))
}

fn code_hash(statement: &[TokenWithSpan]) -> String {
    let mut digest = Sha256::new();
    for token in statement {
        let text = match &token.token {
            // Unquoted words mean the same in any case.
            Token::Word(word) if word.quote_style.is_none() => word.value.to_lowercase(),
            other => other.to_string(),
        };
        digest.update(text);
        digest.update([0]);
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
