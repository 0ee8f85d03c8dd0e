//! A syntax tree to a query: names resolved, literals checked against the type of their field.

use std::ops::Range;

use super::Error;
use super::ast::{self, Comparison, Expr, ExprKind, Operator};
use super::filter::{Condition, Filter, Node, Operand, TypedField};
use super::functions::{Function, Name, check_arguments};
use super::lineages::Lineages;
use super::literal;
use super::parser::{parse, parse_condition};
use crate::event::{Categories, Event, Field, FieldType, Fields};

/// A query that can run.
#[derive(Clone, Debug)]
pub struct Query {
    /// The stages; an event query has one.
    pub stages: Vec<Stage>,
    /// What ends a sequence before it is complete.
    pub until: Option<Stage>,
    /// The longest time from the first event to the last, in milliseconds.
    pub maxspan_ms: Option<i64>,
    /// A sequence, not an event query.
    pub is_sequence: bool,
}

/// One stage: which events, and what they join by.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The category of the events.
    pub category: StageCategory,
    /// What the events must meet.
    pub filter: Filter,
    /// What they join by.
    pub join: Vec<JoinKey>,
}

/// Which events a stage looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StageCategory {
    /// `any`
    Any,
    /// `process` or `network`.
    Seen(Categories),
    /// A category that osawatch has no events of.
    Unseen(String),
}

/// A join key; an optional one joins missing values with missing values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoinKey {
    /// The field.
    pub field: Field,
    /// Written `?field`.
    pub optional: bool,
}

impl Stage {
    /// Whether the event is of the category and meets the condition.
    pub fn selects(&self, event: &Event) -> bool {
        let category = match &self.category {
            StageCategory::Any => true,
            StageCategory::Seen(categories) => event.categories.intersects(*categories),
            StageCategory::Unseen(_) => false,
        };
        category && self.filter.matches(event)
    }
}

/// Compiles a query. The fields it names are wanted from then on; its `descendant of […]` queries join
/// the lineages.
pub fn compile(text: &str, fields: &mut Fields, lineages: &mut Lineages) -> Result<Query, Error> {
    let parsed = parse(text)?;
    let before = lineages.len();
    let query = Compiler { text, fields, lineages }.query(&parsed);
    if query.is_err() {
        // A rule that is refused must not use up bits of the others.
        lineages.truncate(before);
    }
    query
}

/// Compiles a condition over the events of a sequence: `events[N].field` is a field of the event of stage
/// N, from 0; a field alone is one of the completing event.
pub fn compile_condition(text: &str, fields: &mut Fields, lineages: &mut Lineages) -> Result<Condition, Error> {
    let parsed = parse_condition(text)?;
    let before = lineages.len();
    let condition = Compiler { text, fields, lineages }.condition(&parsed);
    if condition.is_err() {
        lineages.truncate(before);
    }
    condition.map(Condition)
}

struct Compiler<'c> {
    text: &'c str,
    fields: &'c mut Fields,
    lineages: &'c mut Lineages,
}

impl Compiler<'_> {
    fn query(&mut self, parsed: &ast::Query) -> Result<Query, Error> {
        Ok(Query {
            stages: parsed.stages.iter().map(|stage| self.stage(stage)).collect::<Result<_, _>>()?,
            until: parsed.until.as_ref().map(|stage| self.stage(stage)).transpose()?,
            maxspan_ms: parsed.maxspan_ms,
            is_sequence: parsed.is_sequence,
        })
    }

    fn stage(&mut self, stage: &ast::Stage) -> Result<Stage, Error> {
        let seen = Categories::named(&stage.category);
        let category = match stage.category.as_str() {
            "any" => StageCategory::Any,
            name if seen.is_empty() => StageCategory::Unseen(name.to_owned()),
            _ => StageCategory::Seen(seen),
        };
        let mut join = Vec::new();
        for key in &stage.by {
            let field = self.resolve(&key.name, &key.span)?.field;
            join.push(JoinKey { field, optional: key.optional });
        }
        Ok(Stage { category, filter: Filter(self.condition(&stage.condition)?), join })
    }

    fn resolve(&mut self, name: &str, span: &Range<usize>) -> Result<TypedField, Error> {
        match self.fields.resolve(name) {
            Ok(resolved) => {
                Ok(TypedField { field: resolved.field, kind: resolved.kind, caseless: resolved.caseless, at: None })
            }
            Err(unknown) => {
                let suggestion = unknown.suggestion.clone();
                let error = Error::new(format!("unknown field `{name}`"), span.clone());
                Err(Error { suggestion, ..error })
            }
        }
    }

    /// The field of an expression that is one; `None` inside for an optional field that does not exist.
    fn field(&mut self, expr: &Expr) -> Result<Option<Option<TypedField>>, Error> {
        match &expr.kind {
            ExprKind::Field { name, optional: true, .. } => Ok(Some(self.resolve(name, &expr.span).ok())),
            ExprKind::Field { name, optional: false, event } => {
                self.resolve(name, &expr.span).map(|field| Some(Some(TypedField { at: *event, ..field })))
            }
            _ => Ok(None),
        }
    }

    fn condition(&mut self, expr: &Expr) -> Result<Node, Error> {
        Ok(match &expr.kind {
            ExprKind::Bool(value) => Node::Constant(*value),
            ExprKind::Not(inner) => not(self.condition(inner)?),
            ExprKind::And(all) => Node::All(self.conditions(all)?),
            ExprKind::Or(any) => Node::Any(self.conditions(any)?),
            ExprKind::Compare(left, comparison, right) => self.comparison(left, *comparison, right)?,
            ExprKind::Matches { value, operator, insensitive, list } => {
                self.matches(value, (*operator, *insensitive), list)?
            }
            ExprKind::Call { name, insensitive, args } => self.test_call(expr, name, *insensitive, args)?,
            ExprKind::Field { .. } => match self.field(expr)? {
                Some(Some(field)) if field.kind != FieldType::Boolean => {
                    return Err(Error::new("this field is not true or false: compare it", expr.span.clone()));
                }
                _ => Node::Truth(self.operand(expr)?),
            },
            ExprKind::DescendantOf(stage) => {
                let compiled = self.stage(stage)?;
                Node::Lineage(self.lineages.mark(&self.text[stage.span.clone()], compiled, &stage.span)?)
            }
            ExprKind::Text(_) | ExprKind::Number(_) | ExprKind::Null => {
                return Err(Error::new("a value alone is no condition: compare it", expr.span.clone()));
            }
        })
    }

    /// Conditions joined by `and` or `or`, the cheapest first: they have no effects, so order is free.
    fn conditions(&mut self, exprs: &[Expr]) -> Result<Box<[Node]>, Error> {
        let mut nodes = exprs.iter().map(|expr| self.condition(expr)).collect::<Result<Vec<_>, _>>()?;
        nodes.sort_by_key(Node::cost);
        Ok(nodes.into())
    }

    fn comparison(&mut self, left: &Expr, comparison: Comparison, right: &Expr) -> Result<Node, Error> {
        if is_literal(left) && !is_literal(right) {
            return self.comparison(right, comparison.flipped(), left);
        }
        if comparison == Comparison::NotEqual {
            return Ok(not(self.comparison(left, Comparison::Equal, right)?));
        }
        match (&left.kind, &right.kind) {
            (_, ExprKind::Null) if comparison == Comparison::Equal => Ok(not(Node::Exists(self.operand(left)?))),
            (_, ExprKind::Null) => Ok(Node::Constant(false)),
            (ExprKind::Call { .. }, ExprKind::Bool(flag)) if comparison == Comparison::Equal => {
                let node = self.condition(left)?;
                Ok(if *flag { node } else { not(node) })
            }
            _ if is_literal(right) => match self.field(left)? {
                Some(Some(field)) => Ok(Node::Field(field, literal::comparison(field, comparison, right)?)),
                Some(None) => Ok(Node::Constant(false)),
                None => Ok(Node::Compare(self.operand(left)?, comparison, self.operand(right)?)),
            },
            _ => Ok(Node::Compare(self.operand(left)?, comparison, self.operand(right)?)),
        }
    }

    fn matches(&mut self, value: &Expr, operator: (Operator, bool), list: &[Expr]) -> Result<Node, Error> {
        match self.field(value)? {
            Some(Some(field)) => Ok(Node::Field(field, literal::list(Some(field), operator, list)?)),
            Some(None) => Ok(Node::Constant(false)),
            None => Ok(Node::Tested(self.operand(value)?, literal::list(None, operator, list)?)),
        }
    }

    /// A call that is a condition: on a field and literals it is a test of the field.
    fn test_call(&mut self, expr: &Expr, name: &str, insensitive: bool, args: &[Expr]) -> Result<Node, Error> {
        check_arguments(name, args.len(), &expr.span)?;
        if matches!(name, "length" | "indexof" | "number" | "string" | "concat") {
            return Err(Error::new(
                format!("`{name}` gives a value, not true or false: compare it"),
                expr.span.clone(),
            ));
        }
        let literals = args[1..].iter().all(is_literal);
        match self.field(&args[0])? {
            Some(Some(field)) if literals => {
                let folded = insensitive || field.caseless;
                Ok(Node::Field(field, literal::function(name, folded, &args[1..])?))
            }
            Some(None) => Ok(Node::Constant(false)),
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
            ExprKind::Call { name, insensitive, args } => self.call(expr, name, *insensitive, args)?,
            _ => return Err(Error::new("a field, a function or a value is expected here", expr.span.clone())),
        })
    }

    fn call(&mut self, expr: &Expr, name: &str, insensitive: bool, args: &[Expr]) -> Result<Operand, Error> {
        check_arguments(name, args.len(), &expr.span)?;
        let (function, taken) = match name {
            "startswith" => (Name::StartsWith, args),
            "endswith" => (Name::EndsWith, args),
            "stringcontains" => (Name::StringContains, args),
            "indexof" => (Name::IndexOf, args),
            "length" => (Name::Length, args),
            "concat" => (Name::Concat, args),
            "number" => (Name::Number, args),
            "string" => (Name::String, args),
            _ => (Name::Passes(literal::function(name, insensitive, &args[1..])?), &args[..1]),
        };
        let args = taken.iter().map(|arg| self.operand(arg)).collect::<Result<_, _>>()?;
        Ok(Operand::Call(Box::new(Function { name: function, insensitive, args })))
    }
}

fn not(node: Node) -> Node {
    match node {
        Node::Not(inner) => *inner,
        Node::Constant(value) => Node::Constant(!value),
        node => Node::Not(Box::new(node)),
    }
}

fn is_literal(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Text(_) | ExprKind::Number(_) | ExprKind::Bool(_) | ExprKind::Null)
}

impl Comparison {
    fn flipped(self) -> Comparison {
        match self {
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
            same => same,
        }
    }
}
