//! A value of a field, as whoever asks for it sees it.

use std::borrow::Cow;

use super::Number;

/// A borrowed value of a field.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Scalar<'a> {
    /// Text.
    Str(&'a str),
    /// A whole number.
    Int(i64),
    /// A number that is not an `i64`.
    Float(f64),
    /// A boolean.
    Bool(bool),
}

impl<'a> Scalar<'a> {
    /// The value as text, the way a `keyword` field indexes it.
    pub fn text(self) -> Cow<'a, str> {
        match self {
            Scalar::Str(text) => text.into(),
            Scalar::Int(number) => number.to_string().into(),
            Scalar::Float(number) => Number::Float(number).to_string().into(),
            Scalar::Bool(flag) => if flag { "true" } else { "false" }.into(),
        }
    }

    /// The value as text, in ASCII lower case.
    pub fn lower_text(self) -> Cow<'a, str> {
        let text = self.text();
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) { text.to_ascii_lowercase().into() } else { text }
    }

    /// The value as a number; not a boolean.
    pub fn number(self) -> Option<Number> {
        match self {
            Scalar::Str(text) => Number::parse(text),
            Scalar::Int(number) => Some(Number::Int(number)),
            Scalar::Float(number) => Some(Number::Float(number)),
            Scalar::Bool(_) => None,
        }
    }
}
