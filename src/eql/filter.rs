//! A compiled condition, and whether an event meets it.

use std::sync::Arc;

use super::ast::Comparison;
use super::operand::{Budget, Joined, Operand, Subject};
use super::test::Test;
use super::value::{TypedField, compares, indexed};
use crate::event::field::PROCESS_NAME;
use crate::event::{Event, Field};

/// A condition over events.
#[derive(Clone, Debug)]
pub struct Filter(pub(super) Node);

impl Filter {
    /// Whether the event meets the condition.
    pub fn matches(&self, event: &Event) -> bool {
        self.0.matches(event)
    }

    /// Why no event can meet the condition when these fields have no values, if that is so: such a field.
    pub fn needs(&self, is_missing: &dyn Fn(Field) -> bool) -> Option<Field> {
        self.0.blocked(true, is_missing)
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

    /// Whether an event meets the condition together with the earlier events of its sequence.
    pub fn joins(&self, earlier: &[Arc<Event>], event: &Event) -> bool {
        self.0.matches(&Joined { earlier, event })
    }

    /// Why no sequence of this many events can meet the condition, where that is plain.
    pub fn never_true(&self, events: usize) -> Option<String> {
        self.0.never_true(events)
    }

    /// Whether it is true of whatever events.
    pub fn is_always_true(&self) -> bool {
        self.0.is_always(true)
    }
}

#[derive(Clone, Debug)]
pub(super) enum Node {
    Constant(bool),
    /// `null` as a condition: neither it nor its negation is true.
    Unknown,
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

impl Node {
    pub(super) fn negated(self) -> Node {
        match self {
            Node::Not(inner) => *inner,
            Node::Constant(value) => Node::Constant(!value),
            Node::Unknown => Node::Unknown,
            node => Node::Not(Box::new(node)),
        }
    }

    /// As a query of Elasticsearch: true or false, and a test of a missing value is false.
    pub(super) fn matches<S: Subject + ?Sized>(&self, event: &S) -> bool {
        match self {
            Node::Constant(value) => *value,
            Node::Unknown => false,
            Node::Not(node) => !node.matches(event),
            Node::All(nodes) => nodes.iter().all(|node| node.matches(event)),
            Node::Any(nodes) => nodes.iter().any(|node| node.matches(event)),
            Node::Field(field, test) => event.any(*field, |value| field.passes(test, value)),
            Node::Exists(operand) => operand.exists(event),
            Node::Lineage(mark) => event.lineage() & mark != 0,
            Node::Compare(left, comparison, right) => {
                let budget = Budget::new();
                let found = left.any(event, &budget, &mut |left| {
                    right.any(event, &budget, &mut |right| budget.is_spent() || compares(&left, *comparison, &right))
                });
                budget.answer(found)
            }
            Node::Tested(operand, test) => {
                let budget = Budget::new();
                let found = operand.any(event, &budget, &mut |datum| test.passes(&datum));
                budget.answer(found)
            }
            Node::Truth(operand) => {
                let budget = Budget::new();
                let found = operand.any(event, &budget, &mut |datum| datum == super::value::Datum::Bool(true));
                budget.answer(found)
            }
        }
    }

    /// As a value: what is asked of a missing value is unknown.
    pub(super) fn truth<S: Subject + ?Sized>(&self, event: &S) -> Option<bool> {
        let decided = |nodes: &[Node], by: bool| {
            let mut all_known = true;
            for node in nodes {
                match node.truth(event) {
                    Some(truth) if truth == by => return Some(by),
                    Some(_) => {}
                    None => all_known = false,
                }
            }
            all_known.then_some(!by)
        };
        let known = match self {
            Node::Unknown => false,
            Node::Not(node) => return node.truth(event).map(|truth| !truth),
            Node::All(nodes) => return decided(nodes, false),
            Node::Any(nodes) => return decided(nodes, true),
            Node::Field(field, _) => event.any(*field, |value| indexed(field.kind, value).is_some()),
            Node::Compare(left, _, right) => left.exists(event) && right.exists(event),
            Node::Tested(operand, _) | Node::Truth(operand) => operand.exists(event),
            Node::Constant(_) | Node::Exists(_) | Node::Lineage(_) => true,
        };
        known.then(|| self.matches(event))
    }

    /// What it costs to ask, roughly, so that cheap questions come first.
    pub(super) fn cost(&self) -> u32 {
        match self {
            Node::Constant(_) | Node::Unknown | Node::Lineage(_) => 0,
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

    /// A missing field for whose sake the condition can never be so.
    fn blocked(&self, wanted: bool, is_missing: &dyn Fn(Field) -> bool) -> Option<Field> {
        let field_of = |operand: &Operand| match operand {
            Operand::Field(field) => is_missing(field.field).then_some(field.field),
            _ => None,
        };
        match self {
            Node::Not(node) => node.blocked(!wanted, is_missing),
            Node::All(nodes) | Node::Any(nodes) if matches!(self, Node::All(_)) == wanted => {
                nodes.iter().find_map(|node| node.blocked(wanted, is_missing))
            }
            Node::All(nodes) | Node::Any(nodes) => {
                let all: Option<Vec<Field>> = nodes.iter().map(|node| node.blocked(wanted, is_missing)).collect();
                all?.into_iter().next()
            }
            _ if !wanted => None,
            Node::Field(field, _) => is_missing(field.field).then_some(field.field),
            Node::Compare(left, _, right) => field_of(left).or_else(|| field_of(right)),
            Node::Tested(operand, _) | Node::Truth(operand) | Node::Exists(operand) => field_of(operand),
            _ => None,
        }
    }

    fn is_always(&self, wanted: bool) -> bool {
        match self {
            Node::Constant(value) => *value == wanted,
            Node::Not(node) => node.is_always(!wanted),
            Node::All(nodes) if wanted => nodes.iter().all(|node| node.is_always(true)),
            Node::Any(nodes) if !wanted => nodes.iter().all(|node| node.is_always(false)),
            Node::All(nodes) | Node::Any(nodes) => nodes.iter().any(|node| node.is_always(wanted)),
            _ => false,
        }
    }

    fn never_true(&self, events: usize) -> Option<String> {
        match self {
            Node::Constant(false) | Node::Unknown => Some("it is always false".to_owned()),
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
        let Some(name) = field.field.core_name() else { continue };
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
