//! EQL's functions. A function of a missing value has no value itself.

use std::ops::Range;

use super::Error;
use super::filter::{Datum, Operand, Subject, Test};

/// The functions, with how many arguments each takes.
const NAMES: [(&str, usize, usize); 10] = [
    ("cidrmatch", 2, usize::MAX),
    ("concat", 1, usize::MAX),
    ("endswith", 2, 2),
    ("indexof", 2, 3),
    ("length", 1, 1),
    ("number", 1, 2),
    ("startswith", 2, 2),
    ("string", 1, 1),
    ("stringcontains", 2, 2),
    ("wildcard", 2, usize::MAX),
];

/// The names as Elastic writes them, for messages.
const SPELT: [&str; 10] = [
    "cidrMatch",
    "concat",
    "endsWith",
    "indexOf",
    "length",
    "number",
    "startsWith",
    "string",
    "stringContains",
    "wildcard",
];

/// Refuses a name that is no function.
pub(super) fn check_name(name: &str, span: &Range<usize>) -> Result<(), Error> {
    if NAMES.iter().any(|(known, ..)| *known == name) {
        return Ok(());
    }
    let near = SPELT.iter().map(|spelt| (strsim::damerau_levenshtein(&spelt.to_lowercase(), name), *spelt)).min();
    let error = Error::new(format!("unknown function `{name}`"), span.clone());
    Err(match near {
        Some((distance, spelt)) if distance <= 3 => error.suggest(spelt),
        _ => error,
    })
}

/// Refuses a wrong number of arguments.
pub(super) fn check_arguments(name: &str, count: usize, span: &Range<usize>) -> Result<(), Error> {
    match NAMES.iter().find(|(known, ..)| *known == name) {
        Some((_, least, most)) if (*least..=*most).contains(&count) => Ok(()),
        _ => Err(Error::new(format!("`{name}` does not take {count} arguments"), span.clone())),
    }
}

/// A function call that is neither a test of a field nor constant.
#[derive(Clone, Debug)]
pub(super) struct Function {
    pub name: Name,
    pub insensitive: bool,
    pub args: Vec<Operand>,
}

#[derive(Clone, Debug)]
pub(super) enum Name {
    StartsWith,
    EndsWith,
    StringContains,
    IndexOf,
    Length,
    Concat,
    Number,
    String,
    /// `wildcard` and `cidrMatch` of what is not a field: the test, compiled.
    Passes(Test),
}

impl Function {
    /// Whether any value of the call passes: one for each value of its first argument.
    pub(super) fn any<S: Subject + ?Sized>(&self, event: &S, test: &mut dyn FnMut(Datum<'_>) -> bool) -> bool {
        let Some(first) = self.args.first() else { return false };
        first.any(event, &mut |first| self.value(&first, event).is_some_and(&mut *test))
    }

    fn value<S: Subject + ?Sized>(&self, first: &Datum<'_>, event: &S) -> Option<Datum<'static>> {
        Some(match &self.name {
            Name::Length => Datum::Number(first.text().chars().count() as f64),
            Name::String => Datum::Text(first.text().into_owned().into()),
            Name::Number => Datum::Number(self.number(first, event)?),
            Name::Passes(test) => Datum::Bool(test.passes(first)),
            Name::Concat => {
                let mut text = first.text().into_owned();
                for arg in &self.args[1..] {
                    text += &self.single(arg, event)?.text();
                }
                Datum::Text(text.into())
            }
            Name::StartsWith | Name::EndsWith | Name::StringContains | Name::IndexOf => {
                let (text, part) = (self.folded(first), self.folded(&self.single(&self.args[1], event)?));
                match self.name {
                    Name::StartsWith => Datum::Bool(text.starts_with(&part)),
                    Name::EndsWith => Datum::Bool(text.ends_with(&part)),
                    Name::StringContains => Datum::Bool(text.contains(&part)),
                    _ => Datum::Number(self.index_of(&text, &part, event)? as f64),
                }
            }
        })
    }

    fn folded(&self, datum: &Datum<'_>) -> String {
        let text = datum.text();
        if self.insensitive { text.to_ascii_lowercase() } else { text.into_owned() }
    }

    fn index_of<S: Subject + ?Sized>(&self, text: &str, part: &str, event: &S) -> Option<usize> {
        let start = match self.args.get(2) {
            Some(arg) => self.single(arg, event)?.number()?.max(0.0) as usize,
            None => 0,
        };
        let (from, _) =
            text.char_indices().nth(start).or((start == text.chars().count()).then_some((text.len(), ' ')))?;
        let found = from + text[from..].find(part)?;
        Some(text[..found].chars().count())
    }

    /// `number("42")`, and with a base `number("0x2a", 16)`.
    fn number<S: Subject + ?Sized>(&self, first: &Datum<'_>, event: &S) -> Option<f64> {
        let Some(base) = self.args.get(1) else {
            return first.number().or_else(|| hexadecimal(&first.text()));
        };
        let base = self.single(base, event)?.number()?;
        if !(2.0..=36.0).contains(&base) || base.fract() != 0.0 {
            return None;
        }
        let text = first.text();
        let digits = if base == 16.0 { text.strip_prefix("0x").unwrap_or(&text) } else { &text };
        i64::from_str_radix(digits, base as u32).ok().map(|number| number as f64)
    }

    fn single<S: Subject + ?Sized>(&self, arg: &Operand, event: &S) -> Option<Datum<'static>> {
        let mut value = None;
        arg.any(event, &mut |datum| {
            value = Some(match datum {
                Datum::Text(text) => Datum::Text(text.into_owned().into()),
                Datum::Number(number) => Datum::Number(number),
                Datum::Bool(flag) => Datum::Bool(flag),
            });
            true
        });
        value
    }
}

fn hexadecimal(text: &str) -> Option<f64> {
    i64::from_str_radix(text.strip_prefix("0x")?, 16).ok().map(|number| number as f64)
}
