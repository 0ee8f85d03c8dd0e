//! Tokens to a syntax tree.

use std::ops::Range;

use super::Error;
use super::ast::{Expr, Key, Query, Stage};
use super::lexer::{Kind, Token, tokens};

/// A rule is a page of text; these bound what a hostile one can cost.
const MAX_BYTES: usize = 256 * 1024;
pub(super) const MAX_STAGES: usize = 100;

/// Parses a query, without resolving the names in it.
pub fn parse(text: &str) -> Result<Query, Error> {
    if text.len() > MAX_BYTES {
        return Err(Error::new(format!("a query has at most {MAX_BYTES} bytes"), 0..0));
    }
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0, prefixes: false };
    let query = parser.query()?;
    match parser.peek() {
        Kind::End => Ok(query),
        Kind::Sign("|") => Err(parser.error("pipes are not supported: a rule looks at events one by one")),
        _ => Err(parser.unexpected("the end of the query")),
    }
}

/// Parses a condition over the events of a sequence, without resolving the names in it.
pub(super) fn parse_condition(text: &str) -> Result<Expr, Error> {
    if text.len() > MAX_BYTES {
        return Err(Error::new(format!("a condition has at most {MAX_BYTES} bytes"), 0..0));
    }
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0, prefixes: true };
    let condition = parser.expression()?;
    match parser.peek() {
        Kind::End => Ok(condition),
        _ => Err(parser.unexpected("the end of the condition")),
    }
}

pub(super) struct Parser {
    pub(super) tokens: Vec<Token>,
    pub(super) at: usize,
    pub(super) depth: usize,
    /// `events[N].` may stand before a field.
    pub(super) prefixes: bool,
}

impl Parser {
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
            Kind::End => self.error(format!("the query ends where {wanted} is expected")),
            Kind::Name { text, .. } => self.error(format!("`{text}` stands where {wanted} is expected")),
            Kind::Sign(sign) => self.error(format!("`{sign}` stands where {wanted} is expected")),
            Kind::Text(_) | Kind::Number(_) => self.error(format!("a value stands where {wanted} is expected")),
        }
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

    fn query(&mut self) -> Result<Query, Error> {
        if self.is_word("sample") || self.is_word("join") {
            return Err(self.error("samples and joins are not supported: write a sequence"));
        }
        let start = self.span().start;
        if self.take_word("sequence") {
            return self.sequence(start);
        }
        let stage = self.event_query()?;
        Ok(Query { stages: vec![stage], until: None, maxspan_ms: None, is_sequence: false })
    }

    pub(super) fn event_query(&mut self) -> Result<Stage, Error> {
        let start = self.span().start;
        let (Kind::Name { text: category, .. } | Kind::Text(category)) = self.peek().clone() else {
            return Err(self.unexpected("an event category, such as `process`,"));
        };
        self.take();
        if !self.take_word("where") {
            return Err(self.unexpected("`where`"));
        }
        let condition = self.expression()?;
        Ok(Stage { category, condition, by: Vec::new(), alias: None, span: self.since(start) })
    }

    fn sequence(&mut self, start: usize) -> Result<Query, Error> {
        let (mut by, mut maxspan_ms, mut stages, mut until) = (Vec::new(), None, Vec::new(), None);
        loop {
            if self.take_word("by") {
                by = self.keys()?;
            } else if self.take_word("with") {
                maxspan_ms = Some(self.maxspan()?);
            } else {
                break;
            }
        }
        while self.is_sign("[") || self.is_sign("!") {
            let (stage, runs) = self.stage(&by)?;
            stages.extend(std::iter::repeat_n(stage, runs));
            if stages.len() > MAX_STAGES {
                return Err(self.error(format!("a sequence has at most {MAX_STAGES} stages")));
            }
        }
        if self.take_word("until") {
            until = Some(self.stage(&by)?.0);
        }
        if stages.is_empty() {
            return Err(self.unexpected("`[`"));
        }
        if stages.len() < 2 {
            return Err(Error::new("a sequence has two stages or more", self.since(start)));
        }
        let keys = stages[0].by.len();
        if let Some(stage) = stages.iter().chain(&until).find(|stage| stage.by.len() != keys) {
            let message = format!("this stage has {} join keys, the first stage has {keys}", stage.by.len());
            return Err(Error::new(message, stage.span.clone()));
        }
        Ok(Query { stages, until, maxspan_ms, is_sequence: true })
    }

    fn stage(&mut self, by: &[Key]) -> Result<(Stage, usize), Error> {
        if self.is_sign("!") {
            return Err(self.error("stages for missing events, `![…]`, are not supported"));
        }
        self.expect_sign("[")?;
        let mut stage = self.event_query()?;
        self.expect_sign("]")?;
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
                return Err(self.error("`fork` is not supported"));
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
            keys.push(Key { name: text, optional, span: self.since(start) });
            if !self.take_sign(",") {
                return Ok(keys);
            }
        }
    }

    fn maxspan(&mut self) -> Result<i64, Error> {
        if !self.take_word("maxspan") {
            return Err(self.unexpected("`maxspan`"));
        }
        self.expect_sign("=")?;
        let start = self.span().start;
        let Kind::Number(number) = *self.peek() else { return Err(self.unexpected("a duration such as 30s")) };
        self.take();
        let unit = match self.peek() {
            Kind::Name { text, .. } => text.clone(),
            _ => return Err(self.unexpected("a unit, ms, s, m, h or d,")),
        };
        let milliseconds = match unit.as_str() {
            "ms" => 1.0,
            "s" => 1e3,
            "m" => 60e3,
            "h" => 3600e3,
            "d" => 86_400e3,
            _ => return Err(self.error(format!("unknown unit `{unit}`: write ms, s, m, h or d"))),
        };
        self.take();
        let span = number * milliseconds;
        if !(1.0..=1e15).contains(&span) || span.fract() != 0.0 {
            return Err(Error::new("maxspan must be a whole number of milliseconds, at least 1", self.since(start)));
        }
        Ok(span as i64)
    }

    fn runs(&mut self) -> Result<usize, Error> {
        if !self.take_word("runs") {
            return Err(self.unexpected("`runs`"));
        }
        self.expect_sign("=")?;
        match *self.peek() {
            Kind::Number(number) if (1.0..=MAX_STAGES as f64).contains(&number) && number.fract() == 0.0 => {
                self.take();
                Ok(number as usize)
            }
            _ => Err(self.unexpected(&format!("a number from 1 to {MAX_STAGES}"))),
        }
    }
}

pub(super) fn is_word(token: &Token, word: &str) -> bool {
    matches!(&token.kind, Kind::Name { text, quoted: false } if text.eq_ignore_ascii_case(word))
}
