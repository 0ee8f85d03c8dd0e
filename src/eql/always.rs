//! Whether a condition is true of whatever events, as far as that is plain: it would hold back every alert.

use super::comparison::Comparison;
use super::node::{Node, Operand};
use super::test::Test;
use super::value::TypedField;
use crate::event::{FieldType, Scalar};

/// What every event of an alert states.
const STATED: [&str; 10] = [
    "@timestamp",
    "event.category",
    "event.kind",
    "event.type",
    "host.id",
    "host.os.type",
    "process.entity_id",
    "process.executable",
    "process.name",
    "process.pid",
];
/// What the completing event states, too.
const STATED_LAST: [&str; 3] = ["destination.ip", "destination.port", "network.transport"];

/// Values that have nothing in common: what passes all of them passes any.
const TEXTS: [&str; 6] = ["/usr/bin/x", "Q", "42", "a b.c", "\u{e9}\u{4e2d}", "~-_=+()"];
const NUMBERS: [i64; 7] = [1, 2, 80, 443, 4096, 65_535, 99_999];
const DATES: [&str; 3] = ["2025-01-01T00:00:00.000Z", "2027-06-30T12:34:56.789Z", "2099-12-31T23:59:59.999Z"];
const ADDRESSES: [&str; 5] = ["1.1.1.1", "93.184.216.34", "223.255.255.1", "2606:4700::1111", "fe80::1"];

impl Node {
    /// Whether it is `wanted` of whatever events.
    pub(super) fn is_always(&self, wanted: bool) -> bool {
        match self {
            Node::Constant(value) => *value == wanted,
            Node::Not(node) => node.is_always(!wanted),
            Node::All(nodes) if wanted => nodes.iter().all(|node| node.is_always(true)),
            Node::Any(nodes) if !wanted => nodes.iter().all(|node| node.is_always(false)),
            Node::All(nodes) | Node::Any(nodes) => {
                nodes.iter().any(|node| node.is_always(wanted)) || has_opposites(nodes)
            }
            Node::Field(field, test) if wanted => {
                is_stated(*field) && samples(field.kind).iter().all(|value| field.passes(test, *value))
            }
            Node::Field(field, test) => is_never(*field, test),
            Node::Exists(Operand::Field(field)) => wanted && is_stated(*field),
            Node::Compare(Operand::Field(left), comparison, Operand::Field(right)) => {
                wanted && left == right && is_stated(*left) && comparison.holds(std::cmp::Ordering::Equal)
            }
            _ => false,
        }
    }
}

fn is_stated(field: TypedField) -> bool {
    let name = field.field.core_name().unwrap_or_default();
    STATED.contains(&name) || field.at.is_none() && STATED_LAST.contains(&name)
}

fn samples(kind: FieldType) -> Vec<Scalar<'static>> {
    match kind {
        FieldType::Long | FieldType::Double => NUMBERS.map(Scalar::Int).to_vec(),
        FieldType::Date => DATES.map(Scalar::Str).to_vec(),
        FieldType::Ip => ADDRESSES.map(Scalar::Str).to_vec(),
        FieldType::Boolean => [true, false].map(Scalar::Bool).to_vec(),
        _ => TEXTS.map(Scalar::Str).to_vec(),
    }
}

/// Whether no value passes: those of these fields are neither empty nor below 1. An event that does not state the field
/// does not pass either.
fn is_never(field: TypedField, test: &Test) -> bool {
    match test {
        Test::Equals(text) | Test::EqualsInsensitive(text) => text.is_empty() && is_stated(field),
        Test::Number(Comparison::Equal, _) if field.passes(test, Scalar::Int(0)) => is_stated(field),
        Test::Number(Comparison::Less | Comparison::LessOrEqual, _) => {
            is_stated(field) && !NUMBERS.iter().any(|number| field.passes(test, Scalar::Int(*number)))
        }
        _ => false,
    }
}

/// Whether one of them is the negation of another: `a or not a`, `a and not a`.
fn has_opposites(nodes: &[Node]) -> bool {
    let negated = nodes.iter().filter_map(|node| match node {
        Node::Not(inner) => Some(format!("{inner:?}")),
        _ => None,
    });
    negated.into_iter().any(|inner| nodes.iter().any(|node| format!("{node:?}") == inner))
}
