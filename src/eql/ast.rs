//! The syntax tree of a query, before names are resolved.

use std::ops::Range;

/// A query.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The stages; `with runs=N` has been written out. An event query has one.
    pub stages: Vec<Stage>,
    /// What ends a sequence before it is complete.
    pub until: Option<Stage>,
    /// `maxspan`, in milliseconds.
    pub maxspan_ms: Option<i64>,
    /// A sequence, not an event query.
    pub is_sequence: bool,
}

/// `[category where condition] by key, …`
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// `event.category`, or `any`.
    pub category: String,
    /// The condition.
    pub condition: Expr,
    /// The join keys, those of the whole sequence first.
    pub by: Vec<Key>,
    /// The name that `as` gives its event, for later stages to compare with.
    pub alias: Option<String>,
    /// Its place in the text.
    pub span: Range<usize>,
}

/// A join key; `?field` may have no value.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// The field.
    pub name: String,
    /// Written `?field`.
    pub optional: bool,
    /// Its place in the text.
    pub span: Range<usize>,
}

/// An expression and its place in the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Its place in the text.
    pub span: Range<usize>,
}

/// The kinds of expression.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A literal text.
    Text(String),
    /// A literal number.
    Number(f64),
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
    /// A function call.
    Call {
        /// The name, in lower case.
        name: String,
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

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// An operator that takes a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
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
    /// The categories that the query needs, in the order of its stages, `until` last.
    pub fn categories(&self) -> Vec<&str> {
        self.stages.iter().chain(&self.until).map(|stage| stage.category.as_str()).collect()
    }

    /// Whether a stage compares its event with an earlier one of the sequence (`event0.process.pid`).
    pub fn compares_events(&self) -> bool {
        let aliases: Vec<String> = self.stages.iter().filter_map(|stage| Some(stage.alias.clone()? + ".")).collect();
        let refers = |name: &str| aliases.iter().any(|alias| name.starts_with(alias));
        !aliases.is_empty() && self.stages.iter().chain(&self.until).any(|stage| stage.condition.names_field(&refers))
    }

    /// The values that every stage demands of a field with `==`, `in` or `:`; `None` when some stage
    /// does not demand any. It tells for which operating systems a rule is.
    pub fn requires(&self, field: &str) -> Option<Vec<String>> {
        let mut values = Vec::new();
        for stage in &self.stages {
            values.extend(stage.condition.requires(field)?);
        }
        values.dedup();
        Some(values)
    }
}

impl Expr {
    fn names_field(&self, wanted: &dyn Fn(&str) -> bool) -> bool {
        match &self.kind {
            ExprKind::Field { name, .. } => wanted(name),
            ExprKind::Not(inner) => inner.names_field(wanted),
            ExprKind::And(parts) | ExprKind::Or(parts) | ExprKind::Call { args: parts, .. } => {
                parts.iter().any(|part| part.names_field(wanted))
            }
            ExprKind::Compare(left, _, right) => left.names_field(wanted) || right.names_field(wanted),
            ExprKind::Matches { value, .. } => value.names_field(wanted),
            ExprKind::DescendantOf(stage) => stage.condition.names_field(wanted),
            _ => false,
        }
    }

    fn requires(&self, field: &str) -> Option<Vec<String>> {
        let is_field = |expr: &Expr| matches!(&expr.kind, ExprKind::Field { name, .. } if name == field);
        match &self.kind {
            ExprKind::And(all) => all.iter().find_map(|expr| expr.requires(field)),
            ExprKind::Or(any) => {
                let branches: Option<Vec<_>> = any.iter().map(|expr| expr.requires(field)).collect();
                branches.map(|branches| branches.concat())
            }
            ExprKind::Compare(left, Comparison::Equal, right) => match &right.kind {
                ExprKind::Text(text) if is_field(left) => Some(vec![text.clone()]),
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
}
