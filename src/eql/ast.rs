//! The syntax tree of a query, before names are resolved.

use std::ops::Range;

use super::comparison::Comparison;
use super::functions::Function;
use crate::event::Number;

/// What a query looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Single events.
    Event,
    /// Events one after the other.
    Sequence,
    /// Events in any order.
    Sample,
}

/// What a pipe lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pipe {
    /// `| head N`
    Head(usize),
    /// `| tail N`
    Tail(usize),
}

/// A query.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Query {
    /// What it looks for.
    pub kind: Kind,
    /// The stages; `with runs=N` has been written out. An event query has one.
    pub stages: Vec<Stage>,
    /// What ends a sequence before it is complete.
    pub until: Option<Stage>,
    /// `maxspan`, in milliseconds.
    pub maxspan_ms: Option<i64>,
    /// The pipes, in order.
    pub pipes: Vec<Pipe>,
}

/// `[category where condition] by key, …`
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stage {
    /// `event.category`, or `any`.
    pub category: String,
    /// The place of the category in the text.
    pub category_span: Range<usize>,
    /// The condition.
    pub condition: Expr,
    /// The join keys, those of the whole sequence first.
    pub by: Vec<Key>,
    /// The name that `as` gives its event, for later stages to compare with.
    pub alias: Option<String>,
    /// Written `![…]`: no such event may occur.
    pub missing: bool,
    /// Its place in the text.
    pub span: Range<usize>,
}

/// A join key; `?field` may have no value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Key {
    /// The field.
    pub name: String,
    /// Written `?field`.
    pub optional: bool,
    /// Its place in the text.
    pub span: Range<usize>,
}

/// An expression and its place in the text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Its place in the text.
    pub span: Range<usize>,
}

/// The kinds of expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ExprKind {
    /// A literal text.
    Text(String),
    /// A literal number.
    Number(Number),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
    /// A field; `?field` need not exist.
    Field {
        /// Its name.
        name: String,
        /// Written `?field`.
        optional: bool,
        /// Written `events[N].field`: of which event of the sequence.
        event: Option<usize>,
    },
    /// A function call, or an arithmetic operator.
    Call {
        /// The function.
        function: Function,
        /// The `~` form.
        insensitive: bool,
        /// The arguments.
        args: Vec<Expr>,
    },
    /// `not`.
    Not(Box<Expr>),
    /// `and`, of two or more.
    And(Vec<Expr>),
    /// `or`, of two or more.
    Or(Vec<Expr>),
    /// `== != < <= > >=`.
    Compare(Box<Expr>, Comparison, Box<Expr>),
    /// `: in like regex` and their `~` forms, with one value or a list.
    Matches {
        /// What is tested.
        value: Box<Expr>,
        /// The operator.
        operator: Operator,
        /// Without regard to ASCII case.
        insensitive: bool,
        /// The values on the right.
        list: Vec<Expr>,
    },
    /// `descendant of […]`.
    DescendantOf(Box<Stage>),
}

/// An operator that takes a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    /// `:`, a wildcard match without regard to case.
    Colon,
    /// `in`, `in~`
    In,
    /// `like`, `like~`
    Like,
    /// `regex`, `regex~`
    Regex,
}

impl Query {
    /// All stages in the order of the text, also those inside `descendant of […]`.
    pub(crate) fn all_stages(&self) -> Vec<&Stage> {
        let mut found = Vec::new();
        for stage in self.stages.iter().chain(&self.until) {
            found.push(stage);
            stage.condition.inner_stages(&mut found);
        }
        found
    }

    /// The clauses of all conditions, with the category of their stage: what `and`, `or` and `not` join.
    pub(crate) fn clauses(&self) -> Vec<(&str, Range<usize>)> {
        let mut found: Vec<(&str, Range<usize>)> = Vec::new();
        for stage in self.stages.iter().chain(&self.until) {
            let mut inner = vec![&stage.condition];
            while let Some(expr) = inner.pop() {
                match &expr.kind {
                    ExprKind::Not(part) => inner.push(part),
                    ExprKind::And(parts) | ExprKind::Or(parts) => inner.extend(parts.iter().rev()),
                    // The runs of a stage are one in the text.
                    _ if found.iter().any(|(_, span)| *span == expr.span) => {}
                    _ => found.push((&stage.category, expr.span.clone())),
                }
            }
        }
        found
    }

    /// The values that every stage demands of a field with `==`, `in` or `:`; `None` when some stage
    /// does not demand any. It shows for which operating systems a rule is.
    pub(crate) fn requires(&self, field: &str) -> Option<Vec<String>> {
        let mut values = Vec::new();
        for stage in &self.stages {
            values.extend(stage.condition.requires(field)?);
        }
        values.dedup();
        Some(values)
    }
}

impl Expr {
    fn inner_stages<'e>(&'e self, found: &mut Vec<&'e Stage>) {
        match &self.kind {
            ExprKind::DescendantOf(stage) => {
                found.push(stage);
                stage.condition.inner_stages(found);
            }
            ExprKind::Not(inner) => inner.inner_stages(found),
            ExprKind::And(parts) | ExprKind::Or(parts) | ExprKind::Call { args: parts, .. } => {
                parts.iter().for_each(|part| part.inner_stages(found));
            }
            ExprKind::Compare(left, _, right) => {
                left.inner_stages(found);
                right.inner_stages(found);
            }
            ExprKind::Matches { value, .. } => value.inner_stages(found),
            _ => {}
        }
    }

    /// The names of the fields in the expression, `descendant of […]` left out.
    pub(super) fn field_names<'e>(&'e self, found: &mut Vec<&'e str>) {
        match &self.kind {
            ExprKind::Field { name, .. } => found.push(name),
            ExprKind::Not(inner) => inner.field_names(found),
            ExprKind::And(parts) | ExprKind::Or(parts) | ExprKind::Call { args: parts, .. } => {
                parts.iter().for_each(|part| part.field_names(found));
            }
            ExprKind::Compare(left, _, right) => {
                left.field_names(found);
                right.field_names(found);
            }
            ExprKind::Matches { value, .. } => value.field_names(found),
            _ => {}
        }
    }

    /// The texts that the field is compared with, whichever way.
    pub(crate) fn texts_of(&self, field: &str) -> Vec<&str> {
        let is_field = |expr: &Expr| matches!(&expr.kind, ExprKind::Field { name, .. } if name == field);
        let mut values: Vec<&Expr> = Vec::new();
        let mut inner: Vec<&Expr> = vec![self];
        while let Some(expr) = inner.pop() {
            match &expr.kind {
                ExprKind::Not(part) => inner.push(part),
                ExprKind::And(parts) | ExprKind::Or(parts) | ExprKind::Call { args: parts, .. } => inner.extend(parts),
                ExprKind::Compare(left, _, right) if is_field(left) => values.push(right),
                ExprKind::Compare(left, _, right) if is_field(right) => values.push(left),
                ExprKind::Matches { value, list, .. } if is_field(value) => values.extend(list),
                _ => {}
            }
        }
        let texts = values.into_iter().filter_map(|value| match &value.kind {
            ExprKind::Text(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    /// The values that the expression demands of a field.
    pub(crate) fn requires(&self, field: &str) -> Option<Vec<String>> {
        let is_field = |expr: &Expr| matches!(&expr.kind, ExprKind::Field { name, .. } if name == field);
        match &self.kind {
            ExprKind::And(all) => all.iter().find_map(|expr| expr.requires(field)),
            ExprKind::Or(any) => {
                let branches: Option<Vec<_>> = any.iter().map(|expr| expr.requires(field)).collect();
                branches.map(|branches| branches.concat())
            }
            ExprKind::Compare(left, Comparison::Equal, right) => match (&left.kind, &right.kind) {
                (_, ExprKind::Text(text)) if is_field(left) => Some(vec![text.clone()]),
                (ExprKind::Text(text), _) if is_field(right) => Some(vec![text.clone()]),
                _ => None,
            },
            ExprKind::Matches { value, operator: Operator::In | Operator::Colon, list, .. } if is_field(value) => {
                let text = |expr: &Expr| match &expr.kind {
                    ExprKind::Text(text) if !text.contains(['*', '?']) => Some(text.clone()),
                    _ => None,
                };
                list.iter().map(text).collect()
            }
            _ => None,
        }
    }

    /// Whether it is written as a condition, and not as a value or a field.
    pub(super) fn is_condition(&self) -> bool {
        match &self.kind {
            ExprKind::Not(_) | ExprKind::And(_) | ExprKind::Or(_) | ExprKind::Compare(..) => true,
            ExprKind::Matches { .. } | ExprKind::DescendantOf(_) => true,
            ExprKind::Call { function, .. } => function.is_condition(),
            _ => false,
        }
    }

    /// Whether it is written as one value.
    pub(super) fn is_literal(&self) -> bool {
        matches!(self.kind, ExprKind::Text(_) | ExprKind::Number(_) | ExprKind::Bool(_) | ExprKind::Null)
    }
}
