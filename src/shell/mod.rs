//! One account of how shells, AppleScript and JavaScript write texts: words, quotes within quotes, operators, substitutions,
//! and what a script puts together of literals and variables.
//!
//! Who reads it asks for what it needs: where a secret is, or what a command runs.

mod assigned;
mod layer;
mod lexer;
mod operands;
mod pairs;
mod reference;
mod together;

pub(crate) use assigned::{MAX_BETWEEN, literals_of};
pub(crate) use layer::{Layer, Shape, Token};
pub(crate) use lexer::{OPENING, lex};
pub(crate) use operands::Operands;
pub(crate) use pairs::{MAX_LIST, opens, pairs, text, values};
pub(crate) use reference::{SCOPES, reference};
pub(crate) use together::{MAX_SUBSTITUTION, Together};
