//! Values as the type of their field makes them, and how two of them compare.

use std::borrow::Cow;
use std::net::IpAddr;

use super::comparison::Comparison;
use super::dates::{Date, instant, written};
use super::ip;
use super::limits::is_ignored;
use crate::event::{Field, FieldType, Number, Scalar};

/// A field, and what its values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TypedField {
    pub field: Field,
    pub kind: FieldType,
    pub caseless: bool,
    /// Of which event of a sequence; `None`: of the event that is looked at.
    pub at: Option<usize>,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Datum<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// A number.
    Number(Number),
    /// A boolean.
    Bool(bool),
    /// An instant, in milliseconds since 1970.
    Date(i64),
    /// An address.
    Address(IpAddr),
}

/// The value of a field as Elasticsearch would index it; `None` when it would not.
pub(super) fn indexed(kind: FieldType, value: Scalar<'_>) -> Option<Datum<'_>> {
    match (kind, value) {
        (FieldType::Keyword, Scalar::Str(text)) if is_ignored(text) => None,
        (FieldType::Long, value) => value.number()?.truncated().map(|number| Datum::Number(Number::Int(number))),
        (FieldType::Double, value) => value.number().map(|number| Datum::Number(Number::Float(number.to_f64()))),
        (FieldType::Boolean, value) => boolean(value).map(Datum::Bool),
        (FieldType::Date, value) => instant(value).map(Datum::Date),
        (FieldType::Ip, Scalar::Str(text)) => ip::address(text).map(Datum::Address),
        (FieldType::Ip, _) => None,
        (_, value) => Some(Datum::Text(value.text())),
    }
}

pub(super) fn boolean(value: Scalar<'_>) -> Option<bool> {
    match value {
        Scalar::Bool(flag) => Some(flag),
        Scalar::Str("true") => Some(true),
        Scalar::Str("false" | "") => Some(false),
        _ => None,
    }
}

impl Datum<'_> {
    /// The value as text.
    pub(super) fn text(&self) -> Cow<'_, str> {
        match self {
            Datum::Text(text) => Cow::Borrowed(text),
            Datum::Number(number) => number.to_string().into(),
            Datum::Bool(flag) => if *flag { "true" } else { "false" }.into(),
            Datum::Date(instant) => written(*instant).into(),
            Datum::Address(address) => address.to_string().into(),
        }
    }

    /// The value as a number; a text may hold one.
    pub(super) fn number(&self) -> Option<Number> {
        match self {
            Datum::Text(text) => Number::parse(text),
            _ => self.as_number(),
        }
    }

    /// The number that it is.
    pub(super) fn as_number(&self) -> Option<Number> {
        match self {
            Datum::Number(number) => Some(*number),
            Datum::Date(instant) => Some(Number::Int(*instant)),
            _ => None,
        }
    }

    fn date(&self) -> Option<Date> {
        match self {
            Datum::Text(text) => Date::parse(text),
            _ => Date::from_number(self.as_number()?),
        }
    }

    pub(super) fn address(&self) -> Option<IpAddr> {
        match self {
            Datum::Address(address) => Some(*address),
            Datum::Text(text) => ip::address(text),
            _ => None,
        }
    }

    pub(super) fn into_owned(self) -> Datum<'static> {
        match self {
            Datum::Text(text) => Datum::Text(text.into_owned().into()),
            Datum::Number(number) => Datum::Number(number),
            Datum::Bool(flag) => Datum::Bool(flag),
            Datum::Date(instant) => Datum::Date(instant),
            Datum::Address(address) => Datum::Address(address),
        }
    }
}

/// Whether two values compare so: dates as instants, numbers as numbers, addresses by their place among all,
/// anything else as text.
pub(super) fn compares(left: &Datum<'_>, comparison: Comparison, right: &Datum<'_>) -> bool {
    match (left, right) {
        (Datum::Date(instant), other) => other.date().is_some_and(|date| date.holds(*instant, comparison)),
        (other, Datum::Date(instant)) => other.date().is_some_and(|date| date.holds(*instant, comparison.flipped())),
        (Datum::Number(_), _) | (_, Datum::Number(_)) => match (left.number(), right.number()) {
            (Some(left), Some(right)) => left.partial_cmp(&right).is_some_and(|order| comparison.holds(order)),
            _ => false,
        },
        (Datum::Address(_), _) | (_, Datum::Address(_)) => match (left.address(), right.address()) {
            (Some(left), Some(right)) => comparison.holds(ip::number(left).cmp(&ip::number(right))),
            _ => false,
        },
        (Datum::Bool(left), Datum::Bool(right)) => comparison.holds(left.cmp(right)),
        _ => comparison.holds(left.text().cmp(&right.text())),
    }
}
