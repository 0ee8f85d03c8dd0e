//! EQL's functions and arithmetic operators: one table of them, and what each returns for its arguments.
//!
//! A function of a missing value returns nothing, except that an optional argument may be missing.
//! Places and lengths count UTF-16 units, as Elasticsearch does.

use std::ops::Range;

use super::Error;
use super::limits::TEXT_BYTES;
use super::value::Datum;
use crate::event::Number;

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    /// `add(a, b)`, `a + b`
    Add,
    /// `between(text, left, right, greedy)`
    Between,
    /// `cidrMatch(address, network, …)`
    CidrMatch,
    /// `concat(value, …)`
    Concat,
    /// `divide(a, b)`, `a / b`
    Divide,
    /// `endsWith(text, end)`
    EndsWith,
    /// `indexOf(text, part, start)`
    IndexOf,
    /// `length(text)`
    Length,
    /// `modulo(a, b)`, `a % b`
    Modulo,
    /// `multiply(a, b)`, `a * b`
    Multiply,
    /// `number(text, base)`
    Number,
    /// `startsWith(text, start)`
    StartsWith,
    /// `string(value)`
    String,
    /// `stringContains(text, part)`
    StringContains,
    /// `substring(text, start, end)`
    Substring,
    /// `subtract(a, b)`, `a - b`
    Subtract,
    /// `wildcard(text, pattern, …)`
    Wildcard,
}

/// Its name as Elastic writes it, and how many arguments it takes.
type Signature = (&'static str, usize, usize);

const ALL: [Function; 17] = [
    Function::Add,
    Function::Between,
    Function::CidrMatch,
    Function::Concat,
    Function::Divide,
    Function::EndsWith,
    Function::IndexOf,
    Function::Length,
    Function::Modulo,
    Function::Multiply,
    Function::Number,
    Function::StartsWith,
    Function::String,
    Function::StringContains,
    Function::Substring,
    Function::Subtract,
    Function::Wildcard,
];

impl Function {
    /// The function of a name, in any letter case.
    pub(super) fn named(name: &str, span: &Range<usize>) -> Result<Function, Error> {
        if let Some(function) = ALL.into_iter().find(|function| function.name().eq_ignore_ascii_case(name)) {
            return Ok(function);
        }
        if name.eq_ignore_ascii_case("_arraysearch") {
            let why = "`_arraysearch` is not supported: it searches call stacks, which no sensor on macOS reports";
            return Err(Error::new(why, span.clone()));
        }
        let error = Error::new(format!("unknown function `{name}`"), span.clone());
        Err(error.suggest_nearest(name, ALL.into_iter().map(Function::name)))
    }

    fn signature(self) -> Signature {
        match self {
            Function::Add => ("add", 2, 2),
            Function::Between => ("between", 3, 4),
            Function::CidrMatch => ("cidrMatch", 2, usize::MAX),
            Function::Concat => ("concat", 1, usize::MAX),
            Function::Divide => ("divide", 2, 2),
            Function::EndsWith => ("endsWith", 2, 2),
            Function::IndexOf => ("indexOf", 2, 3),
            Function::Length => ("length", 1, 1),
            Function::Modulo => ("modulo", 2, 2),
            Function::Multiply => ("multiply", 2, 2),
            Function::Number => ("number", 1, 2),
            Function::StartsWith => ("startsWith", 2, 2),
            Function::String => ("string", 1, 1),
            Function::StringContains => ("stringContains", 2, 2),
            Function::Substring => ("substring", 2, 3),
            Function::Subtract => ("subtract", 2, 2),
            Function::Wildcard => ("wildcard", 2, usize::MAX),
        }
    }

    /// The name as Elastic writes it.
    pub(crate) fn name(self) -> &'static str {
        self.signature().0
    }

    /// Refuses a wrong number of arguments.
    pub(super) fn check_arguments(self, count: usize, span: &Range<usize>) -> Result<(), Error> {
        let (name, least, most) = self.signature();
        if (least..=most).contains(&count) {
            return Ok(());
        }
        let takes = match (least, most) {
            (_, usize::MAX) => format!("at least {}", arguments(least)),
            (least, most) if least == most => arguments(least),
            (least, most) => format!("{least} to {}", arguments(most)),
        };
        Err(Error::new(format!("`{name}` takes {takes}, got {count}"), span.clone()))
    }

    /// Whether the argument at this place may be missing.
    pub(super) fn is_optional(self, argument: usize) -> bool {
        let (_, least, most) = self.signature();
        argument >= least && most != usize::MAX
    }

    /// Whether it returns true or false.
    pub(super) fn is_condition(self) -> bool {
        matches!(
            self,
            Function::CidrMatch
                | Function::EndsWith
                | Function::StartsWith
                | Function::StringContains
                | Function::Wildcard
        )
    }

    /// What the function returns for these values. `cidrMatch` and `wildcard` are tests, and not called here.
    pub(super) fn value(self, insensitive: bool, args: &[Option<Datum<'static>>]) -> Option<Datum<'static>> {
        let first = args.first()?.as_ref()?;
        let arg = |at: usize| args.get(at).and_then(Option::as_ref);
        let text = |at: usize| arg(at).map(|datum| folded(datum, insensitive));
        Some(match self {
            Function::Length => int(utf16_length(&first.text())),
            Function::String => Datum::Text(first.text().into_owned().into()),
            Function::Number => Datum::Number(to_number(first, arg(1))?),
            Function::Concat => concat(args)?,
            Function::StartsWith => Datum::Bool(text(0)?.starts_with(&text(1)?)),
            Function::EndsWith => Datum::Bool(text(0)?.ends_with(&text(1)?)),
            Function::StringContains => {
                let part = text(1)?;
                Datum::Bool(text(0)?.contains(&part) && !part.is_empty())
            }
            Function::IndexOf => int(index_of(&text(0)?, &text(1)?, arg(2))?),
            Function::Substring => substring(&first.text(), arg(1)?, arg(2))?,
            Function::Between => {
                let greedy = arg(3) == Some(&Datum::Bool(true));
                Datum::Text(between(&first.text(), &text(1)?, &text(2)?, greedy, insensitive).into())
            }
            Function::CidrMatch | Function::Wildcard => return None,
            Function::Add => arithmetic(args, i64::checked_add, |left, right| left + right)?,
            Function::Subtract => arithmetic(args, i64::checked_sub, |left, right| left - right)?,
            Function::Multiply => arithmetic(args, i64::checked_mul, |left, right| left * right)?,
            Function::Divide => arithmetic(args, i64::checked_div, |left, right| left / right)?,
            Function::Modulo => arithmetic(args, i64::checked_rem, |left, right| left % right)?,
        })
    }
}

/// Whole numbers give a whole number; `None` when it does not fit, or is divided by zero.
fn arithmetic(
    args: &[Option<Datum<'static>>],
    whole: fn(i64, i64) -> Option<i64>,
    real: fn(f64, f64) -> f64,
) -> Option<Datum<'static>> {
    let number = |at: usize| args.get(at)?.as_ref()?.as_number();
    let number = match (number(0)?, number(1)?) {
        (Number::Int(left), Number::Int(right)) => Number::Int(whole(left, right)?),
        (left, right) => Number::Float(Some(real(left.to_f64(), right.to_f64())).filter(|number| number.is_finite())?),
    };
    Some(Datum::Number(number))
}

fn arguments(count: usize) -> String {
    format!("{count} {}", if count == 1 { "argument" } else { "arguments" })
}

fn int(length: usize) -> Datum<'static> {
    Datum::Number(Number::Int(length as i64))
}

fn folded(datum: &Datum<'_>, insensitive: bool) -> String {
    let text = datum.text();
    if insensitive { text.to_ascii_lowercase() } else { text.into_owned() }
}

fn concat(args: &[Option<Datum<'static>>]) -> Option<Datum<'static>> {
    let mut text = String::new();
    for arg in args {
        text += &arg.as_ref()?.text();
        if text.len() > TEXT_BYTES {
            return None;
        }
    }
    Some(Datum::Text(text.into()))
}

fn utf16_length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// The byte after this many UTF-16 units of the text; `None` beyond its end.
fn byte_of(text: &str, units: usize) -> Option<usize> {
    let mut counted = 0;
    for (at, c) in text.char_indices() {
        if counted >= units {
            return Some(at);
        }
        counted += c.len_utf16();
    }
    (counted >= units).then_some(text.len())
}

fn index_of(text: &str, part: &str, start: Option<&Datum<'_>>) -> Option<usize> {
    let start = match start {
        Some(start) => usize::try_from(start.number()?.to_index()).unwrap_or(0),
        None => 0,
    };
    // Beyond the end only nothing is found, and that at the end.
    let from = byte_of(text, start).unwrap_or(text.len());
    let found = from + text[from..].find(part)?;
    Some(utf16_length(&text[..found]))
}

/// As a slice in Python: places from the end are negative, and what lies outside is cut off.
fn substring(text: &str, start: &Datum<'_>, end: Option<&Datum<'_>>) -> Option<Datum<'static>> {
    let length = utf16_length(text) as i64;
    let place = |datum: &Datum<'_>| {
        let index = datum.as_number()?.to_index();
        Some(if index < 0 { length.saturating_add(index).max(0) } else { index.min(length) })
    };
    let start = place(start)?;
    let end = match end {
        Some(end) => place(end)?,
        None => length,
    };
    if start >= end {
        return Some(Datum::Text("".into()));
    }
    let byte = |place: i64| byte_of(text, usize::try_from(place).ok()?);
    let (from, to) = (byte(start)?, byte(end)?);
    Some(Datum::Text(text[from..to.max(from)].to_owned().into()))
}

/// What is between the first `left` and the next `right`, the last when greedy; empty when there is none. Between
/// nothing and something is all of the text.
fn between(text: &str, left: &str, right: &str, greedy: bool, insensitive: bool) -> String {
    if left.is_empty() || right.is_empty() {
        return text.to_owned();
    }
    // Lower case of ASCII has the same length: places in one text are places in the other.
    let searched = if insensitive { text.to_ascii_lowercase() } else { text.to_owned() };
    let Some(start) = searched.find(left).map(|at| at + left.len()) else { return String::new() };
    let rest = &searched[start..];
    match if greedy { rest.rfind(right) } else { rest.find(right) } {
        Some(length) => text[start..start + length].to_owned(),
        None => String::new(),
    }
}

/// `number("42")`, `number("-3.14")`, `number("0x2a")`, and with a base `number("2a", 16)`.
fn to_number(value: &Datum<'_>, base: Option<&Datum<'_>>) -> Option<Number> {
    let text = value.text();
    let hexadecimal = text.strip_prefix("0x");
    let base = match base {
        Some(base) => match base.as_number()? {
            Number::Int(base) => u32::try_from(base).ok().filter(|base| (2..=36).contains(base))?,
            Number::Float(_) => return None,
        },
        None if hexadecimal.is_some() => 16,
        None => 10,
    };
    if base == 10 {
        return Number::parse(&text);
    }
    let digits = hexadecimal.filter(|_| base == 16).unwrap_or(&text);
    i64::from_str_radix(digits, base).ok().map(Number::Int)
}
