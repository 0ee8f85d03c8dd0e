//! The rule language: Elastic's EQL, compiled to a typed query.
//!
//! Text becomes tokens (`lexer`), a syntax tree (`parser`, [`ast`]) and a query over events
//! ([`compile()`], [`Filter`]). The answers are those of Elasticsearch: a positive test asks whether any
//! value of a field passes, a negated one whether none does, and is true of a missing field.

mod always;
pub(crate) mod ast;
mod by_text;
mod categories;
mod comparison;
mod compile;
mod conditions;
mod dates;
mod error;
mod expression;
mod filter;
mod functions;
mod ip;
mod join;
mod keys;
mod lexer;
mod limits;
mod lineages;
mod literal;
mod lucene;
mod node;
mod options;
mod parser;
mod pattern;
pub(crate) mod carets;
mod stage;
mod subject;
mod test;
#[cfg(test)]
mod tests;
mod types;
mod value;

pub(crate) use ast::{Kind, Pipe};
pub(crate) use by_text::ByText;
pub(crate) use compile::{Query, compile, compile_condition, compile_parsed};
pub(crate) use error::Error;
pub(crate) use filter::Condition;
pub(crate) use join::JoinKey;
pub(crate) use keys::{KeyValue, Keys, Written, each_value, last_of, values_of};
pub(crate) use lineages::Lineages;
pub(crate) use parser::parse;
pub(crate) use stage::{Stage, StageCategory};
