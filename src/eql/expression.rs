//! The expressions of a query: tokens to a syntax tree, by precedence.

use std::ops::Range;

use super::Error;
use super::ast::{Expr, ExprKind, Operator};
use super::comparison::Comparison;
use super::functions::Function;
use super::lexer::{Kind, Token};
use super::limits::{OPERATORS, STAGES};
use super::parser::{Parser, is_word};
use crate::event::Number;

const OPERAND: &str = "a field, a function or a value";

impl Parser {
    pub(super) fn expression(&mut self) -> Result<Expr, Error> {
        self.nested(Parser::any_of)
    }

    fn any_of(&mut self) -> Result<Expr, Error> {
        let start = self.span().start;
        let mut any = vec![self.all_of()?];
        while self.take_word("or") {
            any.push(self.all_of()?);
        }
        Ok(self.combined(any, ExprKind::Or, start))
    }

    fn all_of(&mut self) -> Result<Expr, Error> {
        let start = self.span().start;
        let mut all = vec![self.negation()?];
        while self.take_word("and") {
            all.push(self.negation()?);
        }
        Ok(self.combined(all, ExprKind::And, start))
    }

    fn combined(&self, mut parts: Vec<Expr>, kind: fn(Vec<Expr>) -> ExprKind, start: usize) -> Expr {
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
        let left = self.sum()?;
        let Kind::Sign(sign) = *self.peek() else { return Ok(left) };
        let comparison = match sign {
            "==" => Comparison::Equal,
            "!=" => Comparison::NotEqual,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            "=" => return Err(self.error("`=` is not a comparison").suggest("==")),
            _ => return Ok(left),
        };
        self.take();
        let right = self.sum()?;
        let kind = ExprKind::Compare(Box::new(left), comparison, Box::new(right));
        Ok(Expr { kind, span: self.since(start) })
    }

    /// An operand and, binding closer than arithmetic, the `in (…)`, `: …`, `like …` or `regex …` after it.
    fn matched(&mut self) -> Result<Expr, Error> {
        let start = self.span().start;
        let left = self.operand()?;
        let next = self.tokens.get(self.at + 1).and_then(operator);
        let negated = self.is_word("not") && next.is_some_and(|operator| operator != Operator::Colon);
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
                let is_null = operator == Operator::In && !insensitive && self.is_word("null");
                list.push(if is_null { self.operand()? } else { self.literal()? });
                if !self.take_sign(",") {
                    break;
                }
            }
            self.expect_sign(")")?;
        } else if operator == Operator::In {
            return Err(self.unexpected("a list in parentheses"));
        } else {
            list.push(self.literal()?);
        }
        let kind = ExprKind::Matches { value: Box::new(value), operator, insensitive, list };
        Ok(Expr { kind, span: self.since(start) })
    }

    fn literal(&mut self) -> Result<Expr, Error> {
        let expr = self.signed(Parser::operand)?;
        match expr.kind {
            ExprKind::Text(_) | ExprKind::Number(_) | ExprKind::Bool(_) => Ok(expr),
            _ => Err(Error::new("expected a string, a number, true or false", expr.span)),
        }
    }

    fn sum(&mut self) -> Result<Expr, Error> {
        self.chain(&[("+", Function::Add), ("-", Function::Subtract)], Parser::product)
    }

    fn product(&mut self) -> Result<Expr, Error> {
        let signs = [("*", Function::Multiply), ("/", Function::Divide), ("%", Function::Modulo)];
        self.chain(&signs, |parser| parser.signed(Parser::matched))
    }

    /// Operands joined by operators of one precedence, from left to right.
    fn chain(
        &mut self,
        operators: &[(&str, Function)],
        operand: fn(&mut Parser) -> Result<Expr, Error>,
    ) -> Result<Expr, Error> {
        let start = self.span().start;
        let mut left = operand(self)?;
        while let Some((_, function)) = operators.iter().find(|(sign, _)| self.is_sign(sign)) {
            self.operators += 1;
            if self.operators > OPERATORS {
                return Err(self.error(format!("a query has at most {OPERATORS} arithmetic operators")));
            }
            self.take();
            let args = vec![left, operand(self)?];
            let kind = ExprKind::Call { function: *function, insensitive: false, args };
            left = Expr { kind, span: self.since(start) };
        }
        Ok(left)
    }

    fn signed(&mut self, operand: fn(&mut Parser) -> Result<Expr, Error>) -> Result<Expr, Error> {
        let start = self.span().start;
        let mut negative = false;
        while self.is_sign("-") || self.is_sign("+") {
            negative ^= self.is_sign("-");
            self.take();
        }
        let expr = operand(self)?;
        if !negative {
            return Ok(expr);
        }
        let kind = match expr.kind {
            ExprKind::Number(Number::Int(number)) => ExprKind::Number(Number::Int(-number)),
            ExprKind::Number(Number::Float(number)) => ExprKind::Number(Number::Float(-number)),
            _ => {
                let zero = Expr { kind: ExprKind::Number(Number::Int(0)), span: expr.span.clone() };
                ExprKind::Call { function: Function::Subtract, insensitive: false, args: vec![zero, expr] }
            }
        };
        Ok(Expr { kind, span: self.since(start) })
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
                    Kind::Name { text, .. } => ExprKind::Field { name: self.dotted(text), optional: true, event: None },
                    _ => return Err(Error::new("expected a field after `?`", self.since(start))),
                }
            }
            Kind::Name { text, quoted } => return self.named(text, quoted, start),
            _ => return Err(self.unexpected(OPERAND)),
        };
        Ok(Expr { kind, span: self.since(start) })
    }

    fn named(&mut self, text: String, quoted: bool, start: usize) -> Result<Expr, Error> {
        let name_span = self.span();
        let kind = match text.to_ascii_lowercase().as_str() {
            "and" | "or" | "not" | "in" | "where" | "by" | "with" if !quoted => return Err(self.unexpected(OPERAND)),
            "true" if !quoted => {
                self.take();
                ExprKind::Bool(true)
            }
            "false" if !quoted => {
                self.take();
                ExprKind::Bool(false)
            }
            "null" if !quoted => {
                self.take();
                ExprKind::Null
            }
            lower => {
                self.take();
                let tilde = self.is_sign("~")
                    && matches!(self.tokens.get(self.at + 1), Some(Token { kind: Kind::Sign("("), .. }));
                if lower == "descendant" && self.is_word("of") {
                    self.take();
                    return self.nested(|parser| parser.descendant_of(start));
                }
                if lower == "events" && !quoted && self.is_sign("[") {
                    self.event_of_sequence(start)?
                } else if tilde || self.is_sign("(") {
                    return self.call(&text, tilde, &name_span);
                } else {
                    ExprKind::Field { name: self.dotted(text), optional: false, event: None }
                }
            }
        };
        Ok(Expr { kind, span: self.since(start) })
    }

    /// `[…]`, after `descendant of`.
    fn descendant_of(&mut self, start: usize) -> Result<Expr, Error> {
        self.expect_sign("[")?;
        let prefixes = std::mem::replace(&mut self.prefixes, false);
        let stage = self.event_query()?;
        self.prefixes = prefixes;
        self.expect_sign("]")?;
        Ok(Expr { kind: ExprKind::DescendantOf(Box::new(stage)), span: self.since(start) })
    }

    /// `[N].field`, after `events`.
    fn event_of_sequence(&mut self, start: usize) -> Result<ExprKind, Error> {
        if !self.prefixes {
            let span = self.since(start);
            return Err(Error::new("`events[N].` names events only in the condition of an exception", span));
        }
        self.expect_sign("[")?;
        let event = match *self.peek() {
            Kind::Number(Number::Int(number)) => usize::try_from(number).ok().filter(|event| *event < STAGES),
            _ => None,
        };
        let wrong = || self.error(format!("expected the number of an event of the sequence, from 0 to {}", STAGES - 1));
        let event = event.ok_or_else(wrong)?;
        self.take();
        self.expect_sign("]")?;
        self.expect_sign(".")?;
        match self.take().kind {
            Kind::Name { text, .. } => {
                Ok(ExprKind::Field { name: self.dotted(text), optional: false, event: Some(event) })
            }
            _ => Err(Error::new("expected a field after `events[N].`", self.since(start))),
        }
    }

    fn call(&mut self, name: &str, insensitive: bool, name_span: &Range<usize>) -> Result<Expr, Error> {
        let function = Function::named(name, name_span)?;
        if insensitive {
            self.take();
        }
        self.expect_sign("(")?;
        let mut args = Vec::new();
        if !self.is_sign(")") {
            args.push(self.expression()?);
            while self.take_sign(",") {
                args.push(self.expression()?);
            }
        }
        self.expect_sign(")")?;
        let kind = ExprKind::Call { function, insensitive, args };
        Ok(Expr { kind, span: self.since(name_span.start) })
    }
}

fn operator(token: &Token) -> Option<Operator> {
    if token.kind == Kind::Sign(":") {
        return Some(Operator::Colon);
    }
    let operators = [("in", Operator::In), ("like", Operator::Like), ("regex", Operator::Regex)];
    operators.into_iter().find(|(word, _)| is_word(token, word)).map(|(_, operator)| operator)
}
