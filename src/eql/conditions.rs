//! Expressions to conditions: names resolved, literals checked against the type of their field.

use std::ops::Range;

use super::Error;
use super::ast::{self, Expr, ExprKind, Operator};
use super::comparison::Comparison;
use super::functions::Function;
use super::lineages::Lineages;
use super::literal;
use super::node::{Call, Node, Operand, all, any};
use super::stage::Stage;
use super::value::TypedField;
use crate::event::{Field, FieldType, Fields};

/// Compiles the conditions of one query.
pub(super) struct Compiler<'c> {
    pub text: &'c str,
    fields: &'c mut Fields,
    lineages: &'c mut Lineages,
    /// The names of the events of earlier stages, and which event of the sequence each is.
    pub aliases: Vec<(String, usize)>,
    /// The name of the event of the current stage.
    pub own_alias: Option<String>,
    /// What the regular expressions so far may take.
    regex_bytes: usize,
}

impl<'c> Compiler<'c> {
    pub(super) fn new(text: &'c str, fields: &'c mut Fields, lineages: &'c mut Lineages) -> Compiler<'c> {
        Compiler { text, fields, lineages, aliases: Vec::new(), own_alias: None, regex_bytes: 0 }
    }

    pub(super) fn name(&self, field: Field) -> &str {
        self.fields.name(field)
    }

    pub(super) fn resolve(&mut self, name: &str, span: &Range<usize>) -> Result<TypedField, Error> {
        let (name, at) = self.unaliased(name);
        match self.fields.resolve(name) {
            Ok(resolved) => {
                Ok(TypedField { field: resolved.field, kind: resolved.kind, caseless: resolved.caseless, at })
            }
            Err(unknown) => {
                let suggestion = unknown.suggestion.clone();
                let error = Error::new(format!("unknown field `{name}`"), span.clone());
                Err(Error { suggestion, ..error })
            }
        }
    }

    /// The field of `event0.process.pid`, and which event of the sequence is meant.
    fn unaliased<'n>(&self, name: &'n str) -> (&'n str, Option<usize>) {
        let Some((first, rest)) = name.split_once('.') else { return (name, None) };
        if self.own_alias.as_deref() == Some(first) {
            return (rest, None);
        }
        match self.aliases.iter().rfind(|(alias, _)| alias == first) {
            Some((_, at)) => (rest, Some(*at)),
            None => (name, None),
        }
    }

    /// Whether the expression names events of earlier stages.
    pub(super) fn names_other_events(&self, expr: &Expr) -> bool {
        let mut names = Vec::new();
        expr.field_names(&mut names);
        names.into_iter().any(|name| self.unaliased(name).1.is_some())
    }

    /// The field of an expression that is one; `None` inside for an optional field that does not exist.
    pub(super) fn field(&mut self, expr: &Expr) -> Result<Option<Option<TypedField>>, Error> {
        match &expr.kind {
            ExprKind::Field { name, optional: true, .. } => Ok(Some(self.resolve(name, &expr.span).ok())),
            ExprKind::Field { name, optional: false, event } => {
                let field = self.resolve(name, &expr.span)?;
                Ok(Some(Some(TypedField { at: event.or(field.at), ..field })))
            }
            _ => Ok(None),
        }
    }

    /// Whether it is `null`, an optional field that does not exist, which counts as `null`, or a function of either.
    fn is_null(&mut self, expr: &Expr) -> Result<bool, Error> {
        if let ExprKind::Call { function, args, .. } = &expr.kind {
            for (at, arg) in args.iter().enumerate() {
                if !function.is_optional(at) && self.is_null(arg)? {
                    return Ok(true);
                }
            }
            return Ok(false);
        }
        Ok(expr.kind == ExprKind::Null || matches!(self.field(expr)?, Some(None)))
    }

    pub(super) fn condition(&mut self, expr: &Expr) -> Result<Node, Error> {
        Ok(match &expr.kind {
            ExprKind::Bool(value) => Node::Constant(*value),
            ExprKind::Null => Node::Unknown,
            ExprKind::Not(inner) => self.condition(inner)?.negated(),
            ExprKind::And(parts) => all(self.conditions(parts)?),
            ExprKind::Or(parts) => any(self.conditions(parts)?),
            ExprKind::Compare(left, comparison, right) => self.comparison(left, *comparison, right)?,
            ExprKind::Matches { value, operator, insensitive, list } => {
                self.matches(value, (*operator, *insensitive), list)?
            }
            ExprKind::Call { function, insensitive, args } => self.test_call(expr, *function, *insensitive, args)?,
            ExprKind::Field { .. } => match self.field(expr)? {
                Some(Some(field)) if field.kind != FieldType::Boolean => {
                    return Err(Error::new("this field is not true or false: compare it", expr.span.clone()));
                }
                Some(None) => Node::Unknown,
                _ => Node::Truth(self.operand(expr)?),
            },
            ExprKind::DescendantOf(stage) => Node::Lineage(self.mark(stage)?),
            ExprKind::Text(_) | ExprKind::Number(_) => {
                return Err(Error::new("expected a comparison, found a value", expr.span.clone()));
            }
        })
    }

    fn conditions(&mut self, exprs: &[Expr]) -> Result<Vec<Node>, Error> {
        exprs.iter().map(|expr| self.condition(expr)).collect()
    }

    fn mark(&mut self, stage: &ast::Stage) -> Result<u128, Error> {
        let filter = self.condition(&stage.condition)?;
        let compiled = Stage::new(stage, filter);
        self.lineages.mark(&self.text[stage.span.clone()], compiled, &stage.span)
    }

    fn comparison(&mut self, left: &Expr, comparison: Comparison, right: &Expr) -> Result<Node, Error> {
        if left.is_literal() && !right.is_literal() {
            return self.comparison(right, comparison.flipped(), left);
        }
        if comparison == Comparison::NotEqual {
            return Ok(self.comparison(left, Comparison::Equal, right)?.negated());
        }
        let (is_left_null, is_right_null) = (self.is_null(left)?, self.is_null(right)?);
        if is_left_null || is_right_null {
            let (null, other) = if is_right_null { (right, left) } else { (left, right) };
            // It may be wrong for all that.
            self.operand(null)?;
            return Ok(match comparison {
                Comparison::Equal => Node::Exists(self.operand(other)?).negated(),
                _ => Node::Unknown,
            });
        }
        match &right.kind {
            ExprKind::Bool(flag) if comparison == Comparison::Equal && left.is_condition() => {
                let node = self.condition(left)?;
                Ok(if *flag { node } else { node.negated() })
            }
            _ if right.is_literal() => match self.field(left)? {
                Some(Some(field)) => Ok(Node::Field(field, literal::comparison(field, comparison, right)?)),
                _ => {
                    self.check_comparison(left, right)?;
                    Ok(Node::Compare(self.operand(left)?, comparison, self.operand(right)?))
                }
            },
            _ => Ok(Node::Compare(self.operand(left)?, comparison, self.operand(right)?)),
        }
    }

    fn matches(&mut self, value: &Expr, operator: (Operator, bool), list: &[Expr]) -> Result<Node, Error> {
        self.check_list(value, operator, list)?;
        // Nothing is equal to `null`.
        let list: Vec<Expr> = list.iter().filter(|item| item.kind != ExprKind::Null).cloned().collect();
        if list.is_empty() || self.is_null(value)? {
            self.operand(value)?;
            return Ok(Node::Unknown);
        }
        match self.field(value)? {
            Some(Some(field)) => {
                Ok(Node::Field(field, literal::list(Some(field), operator, &list, &mut self.regex_bytes)?))
            }
            _ => {
                let test = literal::list(None, operator, &list, &mut self.regex_bytes)?;
                Ok(Node::Tested(self.operand(value)?, test))
            }
        }
    }

    /// A call that is a condition: on a field and literals it is a test of the field.
    fn test_call(&mut self, expr: &Expr, function: Function, insensitive: bool, args: &[Expr]) -> Result<Node, Error> {
        if !function.is_condition() {
            self.check_call(expr, function, args)?;
            let message = format!("`{}` returns a value, not true or false: compare it", function.name());
            return Err(Error::new(message, expr.span.clone()));
        }
        self.check_call(expr, function, args)?;
        for arg in args {
            if self.is_null(arg)? {
                return Ok(Node::Unknown);
            }
        }
        let literals = args[1..].iter().all(Expr::is_literal);
        match self.field(&args[0])? {
            Some(Some(field)) if literals => {
                let folded = insensitive || field.caseless;
                Ok(Node::Field(field, literal::function(function, folded, &args[1..])?))
            }
            _ => Ok(Node::Truth(self.operand(expr)?)),
        }
    }

    fn operand(&mut self, expr: &Expr) -> Result<Operand, Error> {
        Ok(match &expr.kind {
            ExprKind::Text(text) => Operand::Text(text.as_str().into()),
            ExprKind::Number(number) => Operand::Number(*number),
            ExprKind::Bool(flag) => Operand::Bool(*flag),
            ExprKind::Null => Operand::Null,
            ExprKind::Field { .. } => match self.field(expr)? {
                Some(Some(field)) => Operand::Field(field),
                _ => Operand::Null,
            },
            ExprKind::Call { function, insensitive, args } => self.call(expr, *function, *insensitive, args)?,
            _ => Operand::Condition(Box::new(self.condition(expr)?)),
        })
    }

    fn call(&mut self, expr: &Expr, function: Function, insensitive: bool, args: &[Expr]) -> Result<Operand, Error> {
        self.check_call(expr, function, args)?;
        if let Function::CidrMatch | Function::Wildcard = function {
            let test = literal::function(function, insensitive, &args[1..])?;
            return Ok(Operand::Tested(Box::new((self.operand(&args[0])?, test))));
        }
        let args = args.iter().map(|arg| self.operand(arg)).collect::<Result<_, _>>()?;
        Ok(Operand::Call(Box::new(Call { function, insensitive, args })))
    }
}
