//! Tokens to a syntax tree: queries, stages and pipes.

use std::ops::Range;

use super::Error;
use super::ast::{Expr, Key, Kind as QueryKind, Query, Stage};
use super::lexer::{Kind, Token, tokens};
use super::limits::{QUERY_BYTES, STAGES};
use super::{categories, limits};

/// Parses a query, without resolving the names in it.
pub(crate) fn parse(text: &str) -> Result<Query, Error> {
    let mut parser = Parser::new(text, false)?;
    let mut query = parser.query()?;
    parser.pipes(&mut query.pipes)?;
    parser.expect_end("the end of the query")?;
    categories::check(&query)?;
    Ok(query)
}

/// Parses a condition over the events of a sequence, without resolving the names in it.
pub(super) fn parse_condition(text: &str) -> Result<Expr, Error> {
    let mut parser = Parser::new(text, true)?;
    let condition = parser.expression()?;
    parser.expect_end("the end of the condition")?;
    Ok(condition)
}

pub(super) struct Parser {
    pub(super) tokens: Vec<Token>,
    pub(super) at: usize,
    depth: usize,
    /// Arithmetic operators so far: each may make the tree one deeper.
    pub(super) operators: usize,
    /// `events[N].` may precede a field.
    pub(super) prefixes: bool,
}

impl Parser {
    fn new(text: &str, prefixes: bool) -> Result<Parser, Error> {
        if text.len() > QUERY_BYTES {
            return Err(Error::new(format!("a query has at most {QUERY_BYTES} bytes"), 0..0));
        }
        Ok(Parser { tokens: tokens(text)?, at: 0, depth: 0, operators: 0, prefixes })
    }

    pub(super) fn peek(&self) -> &Kind {
        &self.tokens[self.at].kind
    }

    pub(super) fn span(&self) -> Range<usize> {
        self.tokens[self.at].span.clone()
    }

    /// From the start of a span to the end of the last token taken.
    pub(super) fn since(&self, start: usize) -> Range<usize> {
        start..self.tokens[self.at.saturating_sub(1)].span.end.max(start)
    }

    pub(super) fn take(&mut self) -> Token {
        let token = self.tokens[self.at].clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    pub(super) fn error(&self, message: impl Into<String>) -> Error {
        Error::new(message, self.span())
    }

    pub(super) fn unexpected(&self, wanted: &str) -> Error {
        match self.peek() {
            Kind::End => self.error(format!("expected {wanted}, found the end of the query")),
            Kind::Name { text, .. } => self.error(format!("expected {wanted}, found `{text}`")),
            Kind::Sign(sign) => self.error(format!("expected {wanted}, found `{sign}`")),
            Kind::Text(_) => self.error(format!("expected {wanted}, found a string")),
            Kind::Number(_) => self.error(format!("expected {wanted}, found a number")),
        }
    }

    fn expect_end(&self, wanted: &str) -> Result<(), Error> {
        if *self.peek() == Kind::End { Ok(()) } else { Err(self.unexpected(wanted)) }
    }

    /// Runs a part of the parser one level deeper.
    pub(super) fn nested<T>(&mut self, parse: impl FnOnce(&mut Parser) -> Result<T, Error>) -> Result<T, Error> {
        self.depth += 1;
        if self.depth > limits::DEPTH {
            return Err(self.error(format!("expressions nest at most {} deep", limits::DEPTH)));
        }
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    pub(super) fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), Kind::Sign(found) if *found == sign)
    }

    pub(super) fn take_sign(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        if found {
            self.take();
        }
        found
    }

    pub(super) fn expect_sign(&mut self, sign: &str) -> Result<(), Error> {
        if self.take_sign(sign) { Ok(()) } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        is_word(&self.tokens[self.at], word)
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.take();
        }
        found
    }

    /// The rest of a name whose dots are separate tokens: `process . name`.
    pub(super) fn dotted(&mut self, mut name: String) -> String {
        while self.is_sign(".") {
            let Some(Token { kind: Kind::Name { text, .. }, .. }) = self.tokens.get(self.at + 1) else { break };
            name = format!("{name}.{text}");
            self.at += 2;
        }
        name
    }

    fn query(&mut self) -> Result<Query, Error> {
        if self.is_word("join") {
            return Err(self.error("`join` is not supported: write `sample by`, or a sequence"));
        }
        let start = self.span().start;
        let is_sample = self.is_word("sample");
        if is_sample || self.is_word("sequence") {
            self.take();
            return if is_sample { self.sample(start) } else { self.sequence(start) };
        }
        let stage = self.event_query()?;
        Ok(Query { kind: QueryKind::Event, stages: vec![stage], until: None, maxspan_ms: None, pipes: Vec::new() })
    }

    pub(super) fn event_query(&mut self) -> Result<Stage, Error> {
        let start = self.span().start;
        let (Kind::Name { text: category, .. } | Kind::Text(category)) = self.peek().clone() else {
            return Err(self.unexpected("an event category such as `process`"));
        };
        let category_span = self.take().span;
        if !self.take_word("where") {
            return Err(self.unexpected("`where`"));
        }
        let condition = self.expression()?;
        let span = self.since(start);
        Ok(Stage { category, category_span, condition, by: Vec::new(), alias: None, missing: false, span })
    }

    fn sample(&mut self, start: usize) -> Result<Query, Error> {
        let by = if self.take_word("by") { self.keys()? } else { Vec::new() };
        if self.is_word("with") {
            return Err(self.error("a sample has no maxspan: its events can be any time apart"));
        }
        let first = self.at;
        let stages = self.stages(&by, start)?;
        if let Some(runs) = self.tokens[first..self.at].iter().find(|token| is_word(token, "with")) {
            return Err(Error::new("a sample has no runs: write the stage several times", runs.span.clone()));
        }
        if self.is_word("until") {
            return Err(self.error("a sample has no `until`: its events have no order"));
        }
        if self.is_sign("|") {
            return Err(self.error("a sample has no pipes: its events have no order"));
        }
        if let Some(stage) = stages.iter().find(|stage| stage.missing || stage.alias.is_some()) {
            let why = "the events of a sample have no order: neither `![…]` nor `as` is supported";
            return Err(Error::new(why, stage.span.clone()));
        }
        if stages[0].by.is_empty() {
            return Err(Error::new("a sample needs a join key: `sample by host.id`", self.since(start)));
        }
        Ok(Query { kind: QueryKind::Sample, stages, until: None, maxspan_ms: None, pipes: Vec::new() })
    }

    fn sequence(&mut self, start: usize) -> Result<Query, Error> {
        let (mut by, mut maxspan_ms) = (Vec::new(), None);
        loop {
            if self.take_word("by") {
                by = self.keys()?;
            } else if self.take_word("with") {
                maxspan_ms = Some(self.maxspan()?);
            } else {
                break;
            }
        }
        let stages = self.stages(&by, start)?;
        let until = if self.take_word("until") { Some(self.stage(&by)?.0) } else { None };
        check_key_counts(stages.iter().chain(&until))?;
        if let Some(stage) = stages.iter().find(|stage| stage.missing) {
            if maxspan_ms.is_none() {
                let why = "a sequence with `![…]` needs `with maxspan`: it is decided when that time has passed";
                return Err(Error::new(why, stage.span.clone()));
            }
            if stages.iter().all(|stage| stage.missing) {
                return Err(Error::new("a sequence needs an event that occurs", stage.span.clone()));
            }
        }
        if let Some(stage) = until.as_ref().filter(|until| until.missing) {
            return Err(Error::new("`until` takes an event that occurs, not `![…]`", stage.span.clone()));
        }
        Ok(Query { kind: QueryKind::Sequence, stages, until, maxspan_ms, pipes: Vec::new() })
    }

    /// The stages in brackets, runs written out.
    fn stages(&mut self, by: &[Key], start: usize) -> Result<Vec<Stage>, Error> {
        let mut stages = Vec::new();
        while self.is_sign("[") || self.is_sign("!") {
            let (stage, runs) = self.stage(by)?;
            stages.extend(std::iter::repeat_n(stage, runs));
            if stages.len() > STAGES {
                return Err(self.error(format!("a sequence has at most {STAGES} stages")));
            }
        }
        if stages.is_empty() {
            return Err(self.unexpected("`[`"));
        }
        if stages.len() < 2 {
            return Err(Error::new("a sequence has two stages or more", self.since(start)));
        }
        check_key_counts(stages.iter())?;
        Ok(stages)
    }

    fn stage(&mut self, by: &[Key]) -> Result<(Stage, usize), Error> {
        let missing = self.take_sign("!");
        self.expect_sign("[")?;
        let mut stage = self.event_query()?;
        self.expect_sign("]")?;
        stage.missing = missing;
        stage.by = by.to_vec();
        let mut runs = 1;
        loop {
            if self.take_word("by") {
                stage.by.extend(self.keys()?);
            } else if self.take_word("with") {
                runs = self.runs()?;
            } else if self.take_word("as") {
                let Kind::Name { text, .. } = self.peek().clone() else { return Err(self.unexpected("a name")) };
                self.take();
                stage.alias = Some(text);
            } else if self.is_word("fork") {
                return Err(self.error("`fork` is not supported: an event continues one sequence of its key"));
            } else {
                return Ok((stage, runs));
            }
        }
    }

    fn keys(&mut self) -> Result<Vec<Key>, Error> {
        let mut keys = Vec::new();
        loop {
            let start = self.span().start;
            let optional = self.take_sign("?");
            let Kind::Name { text, .. } = self.peek().clone() else { return Err(self.unexpected("a field")) };
            self.take();
            let name = self.dotted(text);
            keys.push(Key { name, optional, span: self.since(start) });
            if !self.take_sign(",") {
                return Ok(keys);
            }
        }
    }
}

fn check_key_counts<'s>(stages: impl Iterator<Item = &'s Stage>) -> Result<(), Error> {
    let mut keys = None;
    for stage in stages {
        let first = *keys.get_or_insert(stage.by.len());
        if stage.by.len() != first {
            let message = format!("this stage has {}, the first stage has {first}", join_keys(stage.by.len()));
            return Err(Error::new(message, stage.span.clone()));
        }
    }
    Ok(())
}

fn join_keys(count: usize) -> String {
    format!("{count} join {}", if count == 1 { "key" } else { "keys" })
}

pub(super) fn is_word(token: &Token, word: &str) -> bool {
    matches!(&token.kind, Kind::Name { text, quoted: false } if text.eq_ignore_ascii_case(word))
}
