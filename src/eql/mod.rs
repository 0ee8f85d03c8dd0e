//! The rule language: Elastic's EQL, as its rules for macOS use it, compiled to a typed query.
//!
//! Text becomes tokens (`lexer`), a syntax tree (`parser`, [`ast`]) and a query over events
//! ([`compile()`], [`Filter`]). The answers are those of Elasticsearch: a positive test asks whether any
//! value of a field passes, a negated one whether none does, and is true of a missing field.

pub mod ast;
mod compile;
mod error;
mod expression;
mod filter;
mod functions;
mod ip;
mod lexer;
mod lineages;
mod literal;
mod parser;
mod pattern;
#[cfg(test)]
mod tests;

pub use compile::{JoinKey, Query, Stage, StageCategory, compile, compile_condition};
pub use error::Error;
pub use filter::{Condition, Filter};
pub use lineages::Lineages;
pub use parser::parse;
