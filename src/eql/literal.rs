//! Literals to tests, checked against the type of the field they are compared with.

use regex::RegexBuilder;

use super::Error;
use super::ast::{Expr, ExprKind, Operator};
use super::comparison::Comparison;
use super::dates::Date;
use super::functions::Function;
use super::ip::{IpSet, address};
use super::limits::{REGEX_BYTES, REGEXES, REGEXES_BYTES};
use super::lucene::{Caseless, translated};
use super::pattern::Pattern;
use super::test::Test;
use super::value::TypedField;
use crate::event::{FieldType, Number};

/// A smaller regular expression counts as this many bytes.
const SMALL_REGEX: usize = 32 << 10;

/// `field == literal`, `field < literal`, …
pub(super) fn comparison(field: TypedField, comparison: Comparison, right: &Expr) -> Result<Test, Error> {
    if comparison == Comparison::Equal {
        return equal(Some(field), right, field.caseless);
    }
    let wrong = || Error::new("values of this field cannot be compared with that value", right.span.clone());
    match field.kind {
        FieldType::Long | FieldType::Double => {
            number(right).map(|number| Test::Number(comparison, number)).ok_or_else(wrong)
        }
        FieldType::Ip => address(&text(right)).map(|address| Test::Address(comparison, address)).ok_or_else(wrong),
        FieldType::Date => date(right).map(|date| Test::Date(comparison, date)).ok_or_else(wrong),
        FieldType::Boolean => Err(wrong()),
        _ => Ok(Test::Text(comparison, text(right).into())),
    }
}

/// `value in (…)`, `value : (…)`, `value like (…)`, `value regex (…)`; the flag disregards case.
pub(super) fn list(
    field: Option<TypedField>,
    (operator, insensitive): (Operator, bool),
    list: &[Expr],
    regex_bytes: &mut usize,
) -> Result<Test, Error> {
    let folded = insensitive || field.is_some_and(|field| field.caseless);
    match operator {
        Operator::In => equal_to_one(field, list, folded),
        Operator::Regex => regex(field, list, insensitive, regex_bytes),
        _ if list.iter().all(|item| !text(item).contains(['*', '?'])) => equal_to_one(field, list, folded),
        _ => Ok(Test::Patterns(list.iter().map(|item| Pattern::new(&text(item), folded)).collect())),
    }
}

/// A function of a field and literals.
pub(super) fn function(function: Function, insensitive: bool, args: &[Expr]) -> Result<Test, Error> {
    let texts: Vec<String> = args.iter().map(text).collect();
    if let Some(wrong) = args.iter().find(|arg| !matches!(arg.kind, ExprKind::Text(_))) {
        let message = format!("`{}` compares with strings in double quotes, not with fields", function.name());
        return Err(Error::new(message, wrong.span.clone()));
    }
    let all = |pattern: fn(&str, bool) -> Pattern| texts.iter().map(|text| pattern(text, insensitive)).collect();
    Ok(match function {
        Function::CidrMatch => {
            let networks: Vec<&str> = texts.iter().map(String::as_str).collect();
            Test::Addresses(IpSet::new(&networks).map_err(|wrong| {
                let at = texts.iter().position(|text| text == wrong).unwrap_or(0);
                Error::new(format!("`{wrong}` is not a network such as 10.0.0.0/8"), args[at].span.clone())
            })?)
        }
        Function::StartsWith => Test::Patterns(all(Pattern::prefix)),
        Function::EndsWith => Test::Patterns(all(Pattern::suffix)),
        Function::StringContains => Test::Patterns(all(Pattern::inner)),
        _ => Test::Patterns(all(Pattern::new)),
    })
}

fn equal_to_one(field: Option<TypedField>, list: &[Expr], folded: bool) -> Result<Test, Error> {
    if let [one] = list {
        return equal(field, one, folded);
    }
    let mut tests = Vec::with_capacity(list.len());
    for item in list {
        tests.push(equal(field, item, folded)?);
    }
    if field.is_some_and(|field| field.kind == FieldType::Ip) {
        // One set of all networks is looked up at once.
        let networks: Vec<String> = list.iter().map(text).collect();
        let networks: Vec<&str> = networks.iter().map(String::as_str).collect();
        return Ok(IpSet::new(&networks).map_or(Test::Either(tests.into()), Test::Addresses));
    }
    let texts: Option<Box<[Box<str>]>> = tests
        .iter()
        .map(|test| match test {
            Test::Equals(text) | Test::EqualsInsensitive(text) => Some(text.clone()),
            _ => None,
        })
        .collect();
    let numbers: Option<Box<[Number]>> = tests
        .iter()
        .map(|test| match test {
            Test::Number(Comparison::Equal, number) => Some(*number),
            _ => None,
        })
        .collect();
    Ok(match (texts, numbers) {
        (Some(texts), _) => Test::one_of(texts, folded),
        (_, Some(numbers)) => Test::Numbers(numbers),
        _ => Test::Either(tests.into()),
    })
}

fn equal(field: Option<TypedField>, right: &Expr, folded: bool) -> Result<Test, Error> {
    let wrong = |what: &str| Error::new(format!("this field holds {what}"), right.span.clone());
    match field.map(|field| field.kind) {
        Some(FieldType::Long | FieldType::Double) => {
            number(right).map(|number| Test::Number(Comparison::Equal, number)).ok_or_else(|| wrong("numbers"))
        }
        Some(FieldType::Boolean) => match text(right).as_str() {
            "true" => Ok(Test::Bool(true)),
            "false" => Ok(Test::Bool(false)),
            _ => Err(wrong("true or false")),
        },
        Some(FieldType::Ip) => IpSet::new(&[&text(right)]).map(Test::Addresses).map_err(|_| wrong("addresses")),
        Some(FieldType::Date) => {
            date(right).map(|date| Test::Date(Comparison::Equal, date)).ok_or_else(|| wrong("dates"))
        }
        _ if folded => Ok(Test::EqualsInsensitive(text(right).into())),
        _ => Ok(Test::Equals(text(right).into())),
    }
}

/// Of a field they are Lucene's, of anything else a script's. They match the whole value. All of a list become one,
/// so that one limit bounds them.
fn regex(field: Option<TypedField>, list: &[Expr], insensitive: bool, bytes: &mut usize) -> Result<Test, Error> {
    let is_field = field.is_some();
    let caseless = match field {
        Some(field) if field.caseless => Caseless::Everywhere,
        _ if insensitive => Caseless::Characters,
        _ => Caseless::Nowhere,
    };
    let build = |pattern: &str, limit: usize| {
        let mut builder = RegexBuilder::new(pattern);
        builder.case_insensitive(insensitive && !is_field).dot_matches_new_line(is_field).size_limit(limit);
        builder.build()
    };
    if let Some(first) = list.get(REGEXES) {
        return Err(Error::new(format!("a list has at most {REGEXES} regular expressions"), first.span.clone()));
    }
    let mut parts = Vec::with_capacity(list.len());
    for item in list {
        let text = text(item);
        let wrong = |what: &str| Error::new(format!("invalid regular expression: {what}"), item.span.clone());
        let length = text.len();
        let text = if is_field { translated(&text, caseless).map_err(|what| wrong(&what))? } else { text };
        // Alone first: `a)|(b` would close the brackets put around it.
        let size = if build(&text, SMALL_REGEX).is_ok() { SMALL_REGEX.min(length * 64) } else { REGEX_BYTES };
        *bytes += size;
        if *bytes > REGEXES_BYTES {
            return Err(wrong("the regular expressions of this query are too large together"));
        }
        if size == REGEX_BYTES {
            build(&text, REGEX_BYTES).map_err(|error| {
                let error = error.to_string();
                wrong(error.lines().last().unwrap_or_default().trim_start_matches("error: "))
            })?;
        }
        parts.push(text);
    }
    let whole = format!("^(?:(?:{}))$", parts.join(")|(?:"));
    build(&whole, REGEX_BYTES).map(|regex| Test::Regex(Box::new(regex))).map_err(|_| {
        let span = list.first().map_or(0, |first| first.span.start)..list.last().map_or(0, |last| last.span.end);
        Error::new("invalid regular expression: the list is too large", span)
    })
}

fn number(expr: &Expr) -> Option<Number> {
    match &expr.kind {
        ExprKind::Number(number) => Some(*number),
        ExprKind::Text(text) => Number::parse(text),
        _ => None,
    }
}

fn date(expr: &Expr) -> Option<Date> {
    match &expr.kind {
        ExprKind::Number(number) => Date::from_number(*number),
        ExprKind::Text(text) => Date::parse(text),
        _ => None,
    }
}

fn text(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Text(text) => text.clone(),
        ExprKind::Number(number) => number.to_string(),
        ExprKind::Bool(flag) => flag.to_string(),
        _ => String::new(),
    }
}
