//! The expressions of a query: tokens to a syntax tree, by precedence.

use std::ops::Range;

use super::Error;
use super::ast::{Comparison, Expr, ExprKind, Operator};
use super::lexer::{Kind, Token};
use super::parser::{MAX_STAGES, Parser, is_word};

/// What may stand in brackets within brackets: deep enough for any rule, and no risk to the stack.
const MAX_DEPTH: usize = 64;

impl Parser {
    pub(super) fn expression(&mut self) -> Result<Expr, Error> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(format!("expressions nest at most {MAX_DEPTH} deep")));
        }
        let expr = self.any_of();
        self.depth -= 1;
        expr
    }

    fn any_of(&mut self) -> Result<Expr, Error> {
        let start = self.span().start;
        let mut any = vec![self.all_of()?];
        while self.take_word("or") {
            any.push(self.all_of()?);
        }
        Ok(self.joined(any, ExprKind::Or, start))
    }

    fn all_of(&mut self) -> Result<Expr, Error> {
        let start = self.span().start;
        let mut all = vec![self.negation()?];
        while self.take_word("and") {
            all.push(self.negation()?);
        }
        Ok(self.joined(all, ExprKind::And, start))
    }

    fn joined(&self, mut parts: Vec<Expr>, kind: fn(Vec<Expr>) -> ExprKind, start: usize) -> Expr {
        match parts.len() {
            1 => parts.remove(0),
            _ => Expr { kind: kind(parts), span: self.since(start) },
        }
    }

    fn negation(&mut self) -> Result<Expr, Error> {
        let start = self.span().start;
        let mut negated = false;
        while self.take_word("not") {
            negated = !negated;
        }
        let expr = self.predicate()?;
        Ok(if negated { self.negated(expr, start) } else { expr })
    }

    fn negated(&self, expr: Expr, start: usize) -> Expr {
        Expr { kind: ExprKind::Not(Box::new(expr)), span: self.since(start) }
    }

    fn predicate(&mut self) -> Result<Expr, Error> {
        let start = self.span().start;
        let left = self.operand()?;
        if let Kind::Sign(sign) = *self.peek() {
            let comparison = match sign {
                "==" => Comparison::Equal,
                "!=" => Comparison::NotEqual,
                "<" => Comparison::Less,
                "<=" => Comparison::LessOrEqual,
                ">" => Comparison::Greater,
                ">=" => Comparison::GreaterOrEqual,
                ":" => return self.matches(left, Operator::Colon, start),
                "=" => return Err(self.error("`=` does not compare").suggest("==")),
                "+" | "-" | "*" | "/" | "%" => return Err(self.error("arithmetic is not supported")),
                _ => return Ok(left),
            };
            self.take();
            let right = self.operand()?;
            let kind = ExprKind::Compare(Box::new(left), comparison, Box::new(right));
            return Ok(Expr { kind, span: self.since(start) });
        }
        let negated = self.is_word("not") && self.tokens.get(self.at + 1).is_some_and(|next| operator(next).is_some());
        if negated {
            self.take();
        }
        match operator(&self.tokens[self.at]) {
            Some(operator) => {
                let expr = self.matches(left, operator, start)?;
                Ok(if negated { self.negated(expr, start) } else { expr })
            }
            None => Ok(left),
        }
    }

    fn matches(&mut self, value: Expr, operator: Operator, start: usize) -> Result<Expr, Error> {
        self.take();
        let insensitive = self.take_sign("~") || operator == Operator::Colon;
        let mut list = Vec::new();
        if self.take_sign("(") {
            loop {
                list.push(self.literal()?);
                if !self.take_sign(",") {
                    break;
                }
            }
            self.expect_sign(")")?;
        } else if operator == Operator::In {
            return Err(self.unexpected("a list, `(…)`,"));
        } else {
            list.push(self.literal()?);
        }
        let kind = ExprKind::Matches { value: Box::new(value), operator, insensitive, list };
        Ok(Expr { kind, span: self.since(start) })
    }

    fn literal(&mut self) -> Result<Expr, Error> {
        let expr = self.operand()?;
        match expr.kind {
            ExprKind::Text(_) | ExprKind::Number(_) | ExprKind::Bool(_) => Ok(expr),
            _ => Err(Error::new("a text, a number, true or false is expected here", expr.span)),
        }
    }

    fn operand(&mut self) -> Result<Expr, Error> {
        let start = self.span().start;
        let kind = match self.peek().clone() {
            Kind::Text(text) => {
                self.take();
                ExprKind::Text(text)
            }
            Kind::Number(number) => {
                self.take();
                ExprKind::Number(number)
            }
            Kind::Sign("(") => {
                self.take();
                let inner = self.expression()?;
                self.expect_sign(")")?;
                return Ok(inner);
            }
            Kind::Sign("?") => {
                self.take();
                match self.take().kind {
                    Kind::Name { text, .. } => ExprKind::Field { name: text, optional: true, event: None },
                    _ => return Err(Error::new("`?` stands before a field", self.since(start))),
                }
            }
            Kind::Name { text, quoted } => return self.named(text, quoted, start),
            _ => return Err(self.unexpected("a field, a function or a value")),
        };
        Ok(Expr { kind, span: self.since(start) })
    }

    fn named(&mut self, text: String, quoted: bool, start: usize) -> Result<Expr, Error> {
        let name = self.take();
        let kind = match text.to_ascii_lowercase().as_str() {
            "true" if !quoted => ExprKind::Bool(true),
            "false" if !quoted => ExprKind::Bool(false),
            "null" if !quoted => ExprKind::Null,
            "and" | "or" | "not" | "in" | "where" | "by" | "with" if !quoted => {
                self.at = self.at.saturating_sub(1);
                return Err(self.unexpected("a field, a function or a value"));
            }
            "descendant" if self.is_word("of") => {
                self.take();
                self.expect_sign("[")?;
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return Err(self.error(format!("expressions nest at most {MAX_DEPTH} deep")));
                }
                let prefixes = std::mem::replace(&mut self.prefixes, false);
                let stage = self.event_query()?;
                self.prefixes = prefixes;
                self.depth -= 1;
                self.expect_sign("]")?;
                ExprKind::DescendantOf(Box::new(stage))
            }
            "events" if !quoted && self.is_sign("[") => self.event_of_sequence(start)?,
            lower => {
                let tilde = self.is_sign("~")
                    && matches!(self.tokens.get(self.at + 1), Some(Token { kind: Kind::Sign("("), .. }));
                if tilde || self.is_sign("(") {
                    let name = Expr { kind: ExprKind::Null, span: name.span };
                    return self.call(lower.to_owned(), tilde, &name.span);
                }
                ExprKind::Field { name: text, optional: false, event: None }
            }
        };
        Ok(Expr { kind, span: self.since(start) })
    }

    /// `[N].field`, after `events`.
    fn event_of_sequence(&mut self, start: usize) -> Result<ExprKind, Error> {
        if !self.prefixes {
            let span = self.since(start);
            return Err(Error::new("`events[N].` names events only in the condition of an exception", span));
        }
        self.expect_sign("[")?;
        let event = match *self.peek() {
            Kind::Number(number) if number.fract() == 0.0 && (0.0..MAX_STAGES as f64).contains(&number) => {
                number as usize
            }
            _ => return Err(self.error(format!("an event of the sequence is a number from 0 to {}", MAX_STAGES - 1))),
        };
        self.take();
        self.expect_sign("]")?;
        self.expect_sign(".")?;
        match self.take().kind {
            Kind::Name { text, .. } => Ok(ExprKind::Field { name: text, optional: false, event: Some(event) }),
            _ => Err(Error::new("a field is expected after `events[N].`", self.since(start))),
        }
    }

    fn call(&mut self, name: String, insensitive: bool, name_span: &Range<usize>) -> Result<Expr, Error> {
        super::functions::check_name(&name, name_span)?;
        if insensitive {
            self.take();
        }
        self.expect_sign("(")?;
        let mut args = Vec::new();
        while !self.is_sign(")") {
            args.push(self.expression()?);
            if !self.take_sign(",") {
                break;
            }
        }
        self.expect_sign(")")?;
        let kind = ExprKind::Call { name, insensitive, args };
        Ok(Expr { kind, span: self.since(name_span.start) })
    }
}

fn operator(token: &Token) -> Option<Operator> {
    let operators = [("in", Operator::In), ("like", Operator::Like), ("regex", Operator::Regex)];
    operators.into_iter().find(|(word, _)| is_word(token, word)).map(|(_, operator)| operator)
}
