//! What a query says besides its events and conditions: `maxspan`, `runs` and pipes.

use super::Error;
use super::ast::Pipe;
use super::lexer::Kind;
use super::limits::STAGES;
use super::parser::Parser;
use crate::event::Number;

impl Parser {
    pub(super) fn maxspan(&mut self) -> Result<i64, Error> {
        if !self.take_word("maxspan") {
            return Err(self.unexpected("`maxspan`"));
        }
        self.expect_sign("=")?;
        let start = self.span().start;
        let Kind::Number(number) = *self.peek() else { return Err(self.unexpected("a duration such as 30s")) };
        self.take();
        let unit = match self.peek() {
            Kind::Name { text, .. } => text.clone(),
            _ => return Err(self.unexpected("a unit (ms, s, m, h or d)")),
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
        let span = number.to_f64() * milliseconds;
        let whole = Number::Float(span).truncated().filter(|_| (1.0..=1e15).contains(&span) && span.fract() == 0.0);
        whole.ok_or_else(|| Error::new("maxspan must be a whole number of milliseconds, at least 1", self.since(start)))
    }

    pub(super) fn runs(&mut self) -> Result<usize, Error> {
        if !self.take_word("runs") {
            return Err(self.unexpected("`runs`"));
        }
        self.expect_sign("=")?;
        self.count(1, STAGES)
    }

    /// A whole number within bounds.
    fn count(&mut self, least: usize, most: usize) -> Result<usize, Error> {
        if let Kind::Number(Number::Int(number)) = *self.peek()
            && let Ok(count) = usize::try_from(number)
            && (least..=most).contains(&count)
        {
            self.take();
            return Ok(count);
        }
        Err(self.unexpected(&format!("a number from {least} to {most}")))
    }

    pub(super) fn pipes(&mut self, pipes: &mut Vec<Pipe>) -> Result<(), Error> {
        const MAX_PIPED: usize = 10_000;
        while self.take_sign("|") {
            if self.take_word("head") {
                pipes.push(Pipe::Head(self.count(0, MAX_PIPED)?));
            } else if self.take_word("tail") {
                pipes.push(Pipe::Tail(self.count(0, MAX_PIPED)?));
            } else if let Kind::Name { text, .. } = self.peek() {
                let why = format!("the pipe `{text}` is not supported: a rule has `head` and `tail`");
                return Err(self.error(why));
            } else {
                return Err(self.unexpected("a pipe, `head` or `tail`"));
            }
        }
        Ok(())
    }
}
