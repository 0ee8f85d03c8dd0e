//! A compiled condition, and whether an event meets it.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use regex::Regex;

use super::ast::Comparison;
use super::functions::Function;
use super::ip::{IpSet, address, number};
use super::pattern::Pattern;
use crate::event::field::PROCESS_NAME;
use crate::event::{Event, Field, FieldType, Scalar};

/// A keyword of more characters is not indexed, and so missing (`ignore_above`).
const IGNORE_ABOVE: usize = 1024;

/// A condition over events.
#[derive(Clone, Debug)]
pub struct Filter(pub(super) Node);

impl Filter {
    /// Whether the event meets the condition.
    pub fn matches(&self, event: &Event) -> bool {
        self.0.matches(event)
    }
}

/// A condition over the events of a sequence.
#[derive(Clone, Debug)]
pub struct Condition(pub(super) Node);

impl Condition {
    /// Whether the events, in stage order, meet the condition. An event that is not there has no values.
    pub fn holds(&self, events: &[Arc<Event>]) -> bool {
        self.0.matches(events)
    }

    /// Why no sequence of this many events can meet the condition, where that is plain.
    pub fn never_true(&self, events: usize) -> Option<String> {
        self.0.never_true(events)
    }
}

impl Node {
    fn never_true(&self, events: usize) -> Option<String> {
        match self {
            Node::Constant(false) => Some("it is always false".to_owned()),
            Node::Field(field, _) => {
                let at = field.at.filter(|at| *at >= events)?;
                Some(format!("there is no events[{at}] in a sequence of {events}"))
            }
            Node::All(nodes) => nodes.iter().find_map(|node| node.never_true(events)).or_else(|| contradiction(nodes)),
            Node::Any(nodes) => {
                let reasons: Option<Vec<String>> = nodes.iter().map(|node| node.never_true(events)).collect();
                reasons?.into_iter().next()
            }
            _ => None,
        }
    }
}

/// Two values that a field of one value must have at once.
fn contradiction(nodes: &[Node]) -> Option<String> {
    for (at, node) in nodes.iter().enumerate() {
        let Node::Field(field, Test::Equals(one)) = node else { continue };
        let name = field.field.core_name()?;
        let is_single = crate::event::field::ecs().get(name).is_some_and(|row| !row.array);
        let other = nodes[at + 1..].iter().find_map(|other| match other {
            Node::Field(same, Test::Equals(other)) if same == field && other != one => Some(other),
            _ => None,
        });
        if let Some(other) = other.filter(|_| is_single) {
            return Some(format!("{name} cannot be `{one}` and `{other}` at once"));
        }
    }
    None
}

/// What a condition is asked of: an event, or the events of a sequence.
pub(super) trait Subject {
    /// Whether any value of the field passes.
    fn any(&self, field: TypedField, test: impl FnMut(Scalar<'_>) -> bool) -> bool;
    /// The `descendant of […]` queries that are met.
    fn lineage(&self) -> u128;
}

impl Subject for Event {
    fn any(&self, field: TypedField, test: impl FnMut(Scalar<'_>) -> bool) -> bool {
        self.any(field.field, test)
    }

    fn lineage(&self) -> u128 {
        self.context.as_ref().map_or(0, |context| context.lineage)
    }
}

impl Subject for [Arc<Event>] {
    fn any(&self, field: TypedField, test: impl FnMut(Scalar<'_>) -> bool) -> bool {
        let event = field.at.map_or_else(|| self.last(), |at| self.get(at));
        event.is_some_and(|event| event.any(field.field, test))
    }

    fn lineage(&self) -> u128 {
        self.last().map_or(0, |event| event.lineage())
    }
}

#[derive(Clone, Debug)]
pub(super) enum Node {
    Constant(bool),
    Not(Box<Node>),
    All(Box<[Node]>),
    Any(Box<[Node]>),
    /// Some value of the field passes.
    Field(TypedField, Test),
    /// Some pair of values compares so.
    Compare(Operand, Comparison, Operand),
    /// Some value of the operand passes.
    Tested(Operand, Test),
    /// Some value of the operand is true.
    Truth(Operand),
    /// The operand has a value.
    Exists(Operand),
    /// An ancestor's event matches this `descendant of […]` query.
    Lineage(u128),
}

/// A field, and what its values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TypedField {
    pub field: Field,
    pub kind: FieldType,
    pub caseless: bool,
    /// Of which event of a sequence; `None`: of the completing one.
    pub at: Option<usize>,
}

/// What a value must pass.
#[derive(Clone, Debug)]
pub(super) enum Test {
    Equals(Box<str>),
    EqualsInsensitive(Box<str>),
    OneOf(Box<[Box<str>]>),
    OneOfInsensitive(Box<[Box<str>]>),
    Patterns(Box<[Pattern]>),
    Regexes(Box<[Regex]>),
    Text(Comparison, Box<str>),
    Number(Comparison, f64),
    Numbers(Box<[f64]>),
    Bool(bool),
    Addresses(IpSet),
    Address(Comparison, IpAddr),
    Either(Box<[Test]>),
}

/// Something with values: of a field several, else one or none.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    Field(TypedField),
    Text(Box<str>),
    Number(f64),
    Bool(bool),
    Null,
    Call(Box<Function>),
}

/// A value of an operand.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Datum<'a> {
    Text(Cow<'a, str>),
    Number(f64),
    Bool(bool),
}

impl Node {
    pub(super) fn matches<S: Subject + ?Sized>(&self, event: &S) -> bool {
        match self {
            Node::Constant(value) => *value,
            Node::Not(node) => !node.matches(event),
            Node::All(nodes) => nodes.iter().all(|node| node.matches(event)),
            Node::Any(nodes) => nodes.iter().any(|node| node.matches(event)),
            Node::Field(field, test) => event.any(*field, |value| field.passes(test, value)),
            Node::Compare(left, comparison, right) => {
                left.any(event, &mut |left| right.any(event, &mut |right| compares(&left, *comparison, &right)))
            }
            Node::Tested(operand, test) => operand.any(event, &mut |datum| test.passes(&datum)),
            Node::Truth(operand) => operand.any(event, &mut |datum| datum == Datum::Bool(true)),
            Node::Exists(operand) => operand.any(event, &mut |_| true),
            Node::Lineage(mark) => event.lineage() & mark != 0,
        }
    }

    /// What it costs to ask, roughly, so that cheap questions come first.
    pub(super) fn cost(&self) -> u32 {
        match self {
            Node::Constant(_) | Node::Lineage(_) => 0,
            Node::Not(node) => node.cost(),
            Node::All(nodes) | Node::Any(nodes) => 1 + nodes.iter().map(Node::cost).sum::<u32>(),
            // Names tell most events apart, so they are asked for first.
            Node::Field(field, test) if field.field == PROCESS_NAME => test.cost(),
            Node::Field(_, test) => 1 + test.cost(),
            Node::Tested(_, test) => 10 + test.cost(),
            Node::Exists(_) => 2,
            Node::Truth(_) | Node::Compare(..) => 30,
        }
    }
}

impl Test {
    fn cost(&self) -> u32 {
        match self {
            Test::Equals(_) | Test::Bool(_) | Test::Number(..) => 1,
            Test::EqualsInsensitive(_) | Test::Text(..) | Test::Numbers(_) => 2,
            Test::OneOf(list) | Test::OneOfInsensitive(list) => 2 + list.len() as u32 / 8,
            Test::Addresses(_) | Test::Address(..) => 10,
            Test::Patterns(patterns) => 10 * patterns.len() as u32,
            Test::Regexes(regexes) => 50 * regexes.len() as u32,
            Test::Either(tests) => tests.iter().map(Test::cost).sum(),
        }
    }

    pub(super) fn passes(&self, datum: &Datum<'_>) -> bool {
        match self {
            Test::Number(..) | Test::Numbers(_) => datum.number().is_some_and(|number| self.passes_number(number)),
            Test::Bool(flag) => *datum == Datum::Bool(*flag),
            Test::Addresses(_) | Test::Address(..) => {
                address(&datum.text()).is_some_and(|address| self.passes_address(address))
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
            Test::Patterns(patterns) => patterns.iter().any(|pattern| pattern.matches(text)),
            Test::Regexes(regexes) => regexes.iter().any(|regex| regex.is_match(text)),
            Test::Text(comparison, wanted) => comparison.holds(text.cmp(wanted)),
            Test::Either(tests) => tests.iter().any(|test| test.passes_text(text)),
            _ => false,
        }
    }

    fn passes_number(&self, number: f64) -> bool {
        match self {
            Test::Number(comparison, wanted) => number.partial_cmp(wanted).is_some_and(|order| comparison.holds(order)),
            Test::Numbers(list) => list.contains(&number),
            Test::Either(tests) => tests.iter().any(|test| test.passes_number(number)),
            _ => self.passes_text(&number.to_string()),
        }
    }

    fn passes_address(&self, address: IpAddr) -> bool {
        match self {
            Test::Addresses(set) => set.contains(address),
            Test::Address(comparison, wanted) => comparison.holds(number(address).cmp(&number(*wanted))),
            Test::Either(tests) => tests.iter().any(|test| test.passes_address(address)),
            _ => self.passes_text(&address.to_string()),
        }
    }
}

impl TypedField {
    /// Whether a value of the field passes; one that Elasticsearch would not index does not.
    fn passes(self, test: &Test, value: Scalar<'_>) -> bool {
        match (self.kind, value) {
            (FieldType::Keyword, Scalar::Str(text)) => !is_ignored(text) && test.passes_text(text),
            (FieldType::Wildcard | FieldType::Date | FieldType::Object, Scalar::Str(text)) => test.passes_text(text),
            (FieldType::Long | FieldType::Double, value) => {
                value.number().is_some_and(|number| test.passes_number(number))
            }
            (FieldType::Boolean, value) => boolean(value).is_some_and(|flag| test.passes(&Datum::Bool(flag))),
            (FieldType::Ip, Scalar::Str(text)) => address(text).is_some_and(|address| test.passes_address(address)),
            (FieldType::Ip, _) => false,
            (_, value) => test.passes_text(&value.text()),
        }
    }

    fn datum(self, value: Scalar<'_>) -> Option<Datum<'_>> {
        match (self.kind, value) {
            (FieldType::Keyword, Scalar::Str(text)) if is_ignored(text) => None,
            (FieldType::Long | FieldType::Double, value) => value.number().map(Datum::Number),
            (FieldType::Boolean, value) => boolean(value).map(Datum::Bool),
            (FieldType::Ip, Scalar::Str(text)) => address(text).map(|address| Datum::Text(address.to_string().into())),
            (FieldType::Ip, _) => None,
            (_, value) => Some(Datum::Text(value.text())),
        }
    }
}

fn is_ignored(text: &str) -> bool {
    text.len() > IGNORE_ABOVE && text.chars().count() > IGNORE_ABOVE
}

fn boolean(value: Scalar<'_>) -> Option<bool> {
    match value {
        Scalar::Bool(flag) => Some(flag),
        Scalar::Str(text) => text.parse().ok(),
        _ => None,
    }
}

impl Operand {
    /// Whether any value passes.
    pub(super) fn any<S: Subject + ?Sized>(&self, event: &S, test: &mut dyn FnMut(Datum<'_>) -> bool) -> bool {
        match self {
            Operand::Field(field) => event.any(*field, |value| field.datum(value).is_some_and(&mut *test)),
            Operand::Text(text) => test(Datum::Text(Cow::Borrowed(text))),
            Operand::Number(number) => test(Datum::Number(*number)),
            Operand::Bool(flag) => test(Datum::Bool(*flag)),
            Operand::Null => false,
            Operand::Call(function) => function.any(event, test),
        }
    }
}

impl Datum<'_> {
    pub(super) fn text(&self) -> Cow<'_, str> {
        match self {
            Datum::Text(text) => Cow::Borrowed(text),
            Datum::Number(number) => number.to_string().into(),
            Datum::Bool(flag) => if *flag { "true" } else { "false" }.into(),
        }
    }

    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Datum::Text(text) => text.parse().ok(),
            Datum::Number(number) => Some(*number),
            Datum::Bool(_) => None,
        }
    }
}

fn compares(left: &Datum<'_>, comparison: Comparison, right: &Datum<'_>) -> bool {
    match (left, right) {
        (Datum::Number(_), _) | (_, Datum::Number(_)) => match (left.number(), right.number()) {
            (Some(left), Some(right)) => left.partial_cmp(&right).is_some_and(|order| comparison.holds(order)),
            _ => false,
        },
        _ => comparison.holds(left.text().cmp(&right.text())),
    }
}

impl Comparison {
    fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Comparison::Equal => order.is_eq(),
            Comparison::NotEqual => order.is_ne(),
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
        }
    }
}
