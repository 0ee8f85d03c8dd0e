//! What a rule asks of one value, compiled.

use std::collections::HashSet;
use std::net::IpAddr;

use regex::Regex;

use super::comparison::Comparison;
use super::dates::{Date, instant};
use super::ip::{IpSet, address, number};
use super::limits::is_ignored;
use super::pattern::Pattern;
use super::value::{Datum, TypedField, boolean};
use crate::event::{FieldType, Number, Scalar};

/// A longer list is looked up by hash.
const SCANNED: usize = 16;

/// What a value must pass.
#[derive(Clone, Debug)]
pub(super) enum Test {
    Equals(Box<str>),
    EqualsInsensitive(Box<str>),
    OneOf(Box<[Box<str>]>),
    OneOfInsensitive(Box<[Box<str>]>),
    Set(HashSet<Box<str>>),
    /// In lower case.
    SetInsensitive(HashSet<Box<str>>),
    Patterns(Box<[Pattern]>),
    Regex(Box<Regex>),
    Text(Comparison, Box<str>),
    Number(Comparison, Number),
    Numbers(Box<[Number]>),
    Bool(bool),
    Date(Comparison, Date),
    Addresses(IpSet),
    Address(Comparison, IpAddr),
    Either(Box<[Test]>),
}

impl Test {
    /// Equality with one of these texts.
    pub(super) fn one_of(texts: Box<[Box<str>]>, folded: bool) -> Test {
        match (texts.len() > SCANNED, folded) {
            (false, false) => Test::OneOf(texts),
            (false, true) => Test::OneOfInsensitive(texts),
            (true, false) => Test::Set(texts.into_iter().collect()),
            (true, true) => Test::SetInsensitive(texts.iter().map(|text| text.to_ascii_lowercase().into()).collect()),
        }
    }

    /// The texts of which one must be there, however written in upper and lower case; `None`: others may pass too.
    pub(super) fn texts(&self) -> Option<Vec<&str>> {
        match self {
            Test::Equals(text) | Test::EqualsInsensitive(text) => Some(vec![text]),
            Test::OneOf(list) | Test::OneOfInsensitive(list) => Some(list.iter().map(|text| &**text).collect()),
            Test::Set(set) | Test::SetInsensitive(set) => Some(set.iter().map(|text| &**text).collect()),
            _ => None,
        }
    }

    /// What it costs to ask, roughly.
    pub(super) fn cost(&self) -> u32 {
        match self {
            Test::Equals(_) | Test::Bool(_) | Test::Number(..) => 1,
            Test::EqualsInsensitive(_) | Test::Text(..) | Test::Numbers(_) => 2,
            Test::OneOf(list) | Test::OneOfInsensitive(list) => 2 + weight(list.len() / 8),
            Test::Set(_) | Test::SetInsensitive(_) => 5,
            Test::Addresses(_) | Test::Address(..) => 10,
            Test::Date(..) => 20,
            Test::Patterns(patterns) => weight(patterns.len()).saturating_mul(10),
            Test::Regex(_) => 50,
            Test::Either(tests) => tests.iter().map(Test::cost).sum(),
        }
    }

    pub(super) fn passes(&self, datum: &Datum<'_>) -> bool {
        match self {
            Test::Number(..) | Test::Numbers(_) => datum.number().is_some_and(|number| self.passes_number(number)),
            Test::Bool(flag) => *datum == Datum::Bool(*flag),
            Test::Addresses(_) | Test::Address(..) => {
                datum.address().is_some_and(|address| self.passes_address(address))
            }
            Test::Date(comparison, date) => {
                datum.as_number().and_then(Number::truncated).is_some_and(|instant| date.holds(instant, *comparison))
            }
            Test::Either(tests) => tests.iter().any(|test| test.passes(datum)),
            _ => self.passes_text(&datum.text()),
        }
    }

    fn passes_text(&self, text: &str) -> bool {
        match self {
            Test::Equals(wanted) => *text == **wanted,
            Test::EqualsInsensitive(wanted) => text.eq_ignore_ascii_case(wanted),
            Test::OneOf(list) => list.iter().any(|wanted| *text == **wanted),
            Test::OneOfInsensitive(list) => list.iter().any(|wanted| text.eq_ignore_ascii_case(wanted)),
            Test::Set(set) => set.contains(text),
            Test::SetInsensitive(set) => set.contains(text.to_ascii_lowercase().as_str()),
            Test::Patterns(patterns) => patterns.iter().any(|pattern| pattern.matches(text)),
            Test::Regex(regex) => regex.is_match(text),
            Test::Text(comparison, wanted) => comparison.holds(text.cmp(wanted)),
            Test::Either(tests) => tests.iter().any(|test| test.passes_text(text)),
            _ => false,
        }
    }

    fn passes_number(&self, number: Number) -> bool {
        match self {
            Test::Number(comparison, wanted) => number.partial_cmp(wanted).is_some_and(|order| comparison.holds(order)),
            Test::Numbers(list) => list.contains(&number),
            Test::Either(tests) => tests.iter().any(|test| test.passes_number(number)),
            _ => false,
        }
    }

    fn passes_address(&self, address: IpAddr) -> bool {
        match self {
            Test::Addresses(set) => set.contains(address),
            Test::Address(comparison, wanted) => comparison.holds(number(address).cmp(&number(*wanted))),
            Test::Either(tests) => tests.iter().any(|test| test.passes_address(address)),
            _ => false,
        }
    }

    fn passes_date(&self, value: Scalar<'_>) -> bool {
        match self {
            Test::Date(comparison, date) => instant(value).is_some_and(|instant| date.holds(instant, *comparison)),
            Test::Either(tests) => tests.iter().any(|test| test.passes_date(value)),
            _ => false,
        }
    }
}

fn weight(members: usize) -> u32 {
    u32::try_from(members).unwrap_or(1 << 24)
}

impl TypedField {
    /// Whether a value of the field passes; one that Elasticsearch would not index does not.
    pub(super) fn passes(self, test: &Test, value: Scalar<'_>) -> bool {
        match (self.kind, value) {
            (FieldType::Keyword, Scalar::Str(text)) => !is_ignored(text) && test.passes_text(text),
            (FieldType::Wildcard | FieldType::Object, Scalar::Str(text)) => test.passes_text(text),
            (FieldType::Long, value) => {
                let number = value.number().and_then(Number::truncated);
                number.is_some_and(|number| test.passes_number(Number::Int(number)))
            }
            (FieldType::Double, value) => {
                value.number().is_some_and(|number| test.passes_number(Number::Float(number.to_f64())))
            }
            (FieldType::Boolean, value) => boolean(value).is_some_and(|flag| test.passes(&Datum::Bool(flag))),
            (FieldType::Date, value) => test.passes_date(value),
            (FieldType::Ip, Scalar::Str(text)) => address(text).is_some_and(|address| test.passes_address(address)),
            (FieldType::Ip, _) => false,
            (_, value) => test.passes_text(&value.text()),
        }
    }
}
