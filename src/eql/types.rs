//! What kinds of values expressions have, and which of them operators and functions take.
//!
//! Elasticsearch refuses a query that gives them others, as no event could meet it.

use super::Error;
use super::ast::{Expr, ExprKind, Operator};
use super::conditions::Compiler;
use super::functions::Function;
use super::limits::OPERANDS;
use super::value::Datum;
use crate::event::{FieldType, Number};

/// A longer expression is not written out in a message.
const MAX_SHOWN: usize = 60;

/// A kind of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Text,
    Integer,
    Float,
    Boolean,
    Date,
    Address,
    /// Of `null` and of an optional field that does not exist: it is taken for any other.
    Unknown,
}

impl Type {
    fn of_field(kind: FieldType) -> Type {
        match kind {
            FieldType::Keyword | FieldType::Wildcard | FieldType::Object => Type::Text,
            FieldType::Long => Type::Integer,
            FieldType::Double => Type::Float,
            FieldType::Boolean => Type::Boolean,
            FieldType::Date => Type::Date,
            FieldType::Ip => Type::Address,
        }
    }

    /// A value of the kind, as messages name it.
    fn named(self) -> &'static str {
        match self {
            Type::Text => "a string",
            Type::Integer => "a whole number",
            Type::Float => "a number",
            Type::Boolean => "true or false",
            Type::Date => "a date",
            Type::Address => "an address",
            Type::Unknown => "null",
        }
    }

    /// Whether it can stand where the other is asked for; a number is asked for as [`Type::Float`].
    fn is(self, wanted: Type) -> bool {
        self == wanted || self == Type::Unknown || (self, wanted) == (Type::Integer, Type::Float)
    }

    /// Whether values of the two can be equal.
    fn compares_with(self, other: Type) -> bool {
        self.is(other) || other.is(self)
    }
}

impl Function {
    /// What the argument at this place must be; `None`: anything.
    fn takes(self, argument: usize) -> Option<Type> {
        use Function::{Add, Divide, Modulo, Multiply, Subtract};
        use Function::{EndsWith, Length, StartsWith, StringContains, Wildcard};
        Some(match (self, argument) {
            (Function::Concat | Function::String, _) => return None,
            (Add | Divide | Modulo | Multiply | Subtract, _) => Type::Float,
            (Function::CidrMatch, 0) => Type::Address,
            (Function::Substring, 1 | 2) | (Function::IndexOf, 2) | (Function::Number, 1) => Type::Integer,
            (Function::Between, 3) => Type::Boolean,
            (Function::CidrMatch | Function::Substring | Function::IndexOf | Function::Number, _) => Type::Text,
            (Function::Between | EndsWith | Length | StartsWith | StringContains | Wildcard, _) => Type::Text,
        })
    }

    /// What it returns; `None`: that depends on the arguments, which are numbers.
    fn returns(self) -> Option<Type> {
        use Function::{Add, Divide, Modulo, Multiply, Subtract};
        match self {
            Function::Length | Function::IndexOf => Some(Type::Integer),
            Function::Number => Some(Type::Float),
            Function::Between | Function::Concat | Function::String | Function::Substring => Some(Type::Text),
            Function::CidrMatch | Function::Wildcard => Some(Type::Boolean),
            Function::EndsWith | Function::StartsWith | Function::StringContains => Some(Type::Boolean),
            Add | Divide | Modulo | Multiply | Subtract => None,
        }
    }
}

impl Compiler<'_> {
    /// Refuses a call with too few or too many arguments, or with wrong ones.
    pub(super) fn check_call(&mut self, expr: &Expr, function: Function, args: &[Expr]) -> Result<(), Error> {
        function.check_arguments(args.len(), &expr.span)?;
        if operands(expr) > OPERANDS {
            let message = format!("`{}` is made of more than {OPERANDS} functions and values", function.name());
            return Err(Error::new(message, expr.span.clone()));
        }
        for (at, arg) in args.iter().enumerate() {
            if let Some(wanted) = function.takes(at) {
                self.check_type(arg, wanted, function.name())?;
            }
        }
        let divides = matches!(function, Function::Divide | Function::Modulo);
        match args {
            [_, divisor] if divides && is_zero(divisor) => {
                Err(Error::new("a number cannot be divided by zero", divisor.span.clone()))
            }
            _ => Ok(()),
        }
    }

    /// Refuses what `:`, `in`, `like` and `regex` cannot compare.
    pub(super) fn check_list(
        &mut self,
        value: &Expr,
        (operator, insensitive): (Operator, bool),
        list: &[Expr],
    ) -> Result<(), Error> {
        let name = match operator {
            Operator::Colon => ":",
            Operator::In if insensitive => "in~",
            Operator::In => "in",
            Operator::Like => "like",
            Operator::Regex => "regex",
        };
        let wanted = match self.type_of(value)? {
            _ if name != "in" => Type::Text,
            // These are written as strings, and checked when they are read.
            Type::Date | Type::Address | Type::Unknown => return Ok(()),
            Type::Integer => Type::Float,
            found => found,
        };
        self.check_type(value, wanted, name)?;
        list.iter().try_for_each(|item| self.check_type(item, wanted, name))
    }

    /// Refuses to compare what is not a field with a literal of another kind.
    pub(super) fn check_comparison(&mut self, left: &Expr, right: &Expr) -> Result<(), Error> {
        let (left, other) = (self.type_of(left)?, self.type_of(right)?);
        if left.compares_with(other) {
            return Ok(());
        }
        let message = format!("{} cannot be compared with {}", left.named(), other.named());
        Err(Error::new(message, right.span.clone()))
    }

    fn check_type(&mut self, expr: &Expr, wanted: Type, taker: &str) -> Result<(), Error> {
        let found = self.type_of(expr)?;
        if found.is(wanted) {
            return Ok(());
        }
        let text = self.text.get(expr.span.clone()).filter(|text| text.len() <= MAX_SHOWN).unwrap_or("…");
        let remedy = match (wanted, found) {
            (_, Type::Integer | Type::Float | Type::Boolean) if matches!(taker, ":" | "in~") && !expr.is_literal() => {
                ": write `==` or `in`".to_owned()
            }
            (_, Type::Address) if matches!(taker, ":" | "in~") => ": write `==`, `in` or `cidrMatch`".to_owned(),
            (Type::Text, _) if expr.is_literal() => ": write it in double quotes".to_owned(),
            (Type::Text, _) => format!(": write `string({text})`"),
            (Type::Float, Type::Text) if expr.is_literal() => ": write it without quotes".to_owned(),
            (Type::Float, Type::Text) => format!(": write `number({text})`"),
            (Type::Float, Type::Boolean) if matches!(expr.kind, ExprKind::Matches { .. }) => {
                ": put the arithmetic before it in parentheses".to_owned()
            }
            _ => String::new(),
        };
        let message = format!("`{taker}` takes {}, not {}{remedy}", wanted.named(), found.named());
        Err(Error::new(message, expr.span.clone()))
    }

    fn type_of(&mut self, expr: &Expr) -> Result<Type, Error> {
        Ok(match &expr.kind {
            ExprKind::Text(_) => Type::Text,
            ExprKind::Number(Number::Int(_)) => Type::Integer,
            ExprKind::Number(Number::Float(_)) => Type::Float,
            ExprKind::Null => Type::Unknown,
            ExprKind::Field { .. } => match self.field(expr)? {
                Some(Some(field)) => Type::of_field(field.kind),
                _ => Type::Unknown,
            },
            ExprKind::Call { function, args, .. } => match function.returns() {
                Some(returned) => returned,
                None => {
                    let mut fraction = false;
                    for arg in args {
                        fraction |= self.type_of(arg)? == Type::Float;
                    }
                    if fraction { Type::Float } else { Type::Integer }
                }
            },
            _ => Type::Boolean,
        })
    }
}

/// Whether it is a number that is zero, or arithmetic that comes to it.
fn is_zero(expr: &Expr) -> bool {
    constant(expr).is_some_and(|number| number.to_f64() == 0.0)
}

/// The number that an expression without fields comes to.
fn constant(expr: &Expr) -> Option<Number> {
    match &expr.kind {
        ExprKind::Number(number) => Some(*number),
        ExprKind::Call { function, args, .. } if function.returns().is_none() => {
            let args: Vec<_> = args.iter().map(|arg| constant(arg).map(Datum::Number)).collect();
            function.value(false, &args)?.as_number()
        }
        _ => None,
    }
}

/// How many functions and values an expression is made of; a list of patterns counts as none.
fn operands(expr: &Expr) -> usize {
    let ExprKind::Call { function, args, .. } = &expr.kind else { return 1 };
    let values = if matches!(function, Function::CidrMatch | Function::Wildcard) { &args[..1] } else { args };
    1 + values.iter().map(operands).sum::<usize>()
}
