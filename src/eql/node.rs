//! What conditions are made of: tests, comparisons, and the operands they compare, which may be conditions again.

use std::borrow::Cow;

use super::comparison::Comparison;
use super::functions::Function;
use super::subject::{Budget, Subject};
use super::test::Test;
use super::value::{Datum, TypedField, compares, indexed};
use crate::event::field::{EVENT_ACTION, EVENT_TYPE, HOST_OS_TYPE, PROCESS_NAME};
use crate::event::{Field, Number};

/// Fields that distinguish few events.
const COMMON: [Field; 3] = [HOST_OS_TYPE, EVENT_TYPE, EVENT_ACTION];

/// A condition.
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
    /// The operand has a value, whichever values its fields have.
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
                let found = operand.any(event, &budget, &mut |datum| datum == Datum::Bool(true));
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
            // Names distinguish most events, so they are compared first.
            Node::Field(field, test) if field.field == PROCESS_NAME => test.cost(),
            // Of these nearly all events have one of a few values.
            Node::Field(field, test) if COMMON.contains(&field.field) => 4 + test.cost(),
            Node::Field(_, test) => 1 + test.cost(),
            Node::Tested(_, test) => 10 + test.cost(),
            Node::Exists(_) => 2,
            Node::Truth(_) | Node::Compare(..) => 30,
        }
    }
}

/// Conditions that must all hold, the cheapest first: they have no effects, so order is free.
pub(super) fn all(mut nodes: Vec<Node>) -> Node {
    if nodes.len() == 1 {
        return nodes.remove(0);
    }
    if nodes.iter().any(|node| matches!(node, Node::Unknown)) {
        let is_false = nodes.iter().any(|node| matches!(node, Node::Constant(false)));
        return if is_false { Node::Constant(false) } else { Node::Unknown };
    }
    nodes.sort_by_key(Node::cost);
    Node::All(nodes.into())
}

/// Conditions of which one must hold.
pub(super) fn any(mut nodes: Vec<Node>) -> Node {
    nodes.retain(|node| !matches!(node, Node::Unknown));
    if nodes.is_empty() {
        return Node::Unknown;
    }
    nodes.sort_by_key(Node::cost);
    Node::Any(nodes.into())
}

/// Something with values: of a field several, else one or none.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    Field(TypedField),
    Text(Box<str>),
    Number(Number),
    Bool(bool),
    Null,
    Call(Box<Call>),
    /// `wildcard` and `cidrMatch` of what is not a field: the test, compiled.
    Tested(Box<(Operand, Test)>),
    Condition(Box<Node>),
}

/// A function call that is neither a test of a field nor constant.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub function: Function,
    pub insensitive: bool,
    pub args: Vec<Operand>,
}

impl Operand {
    /// Whether any value passes.
    pub(super) fn any<S: Subject + ?Sized>(
        &self,
        event: &S,
        budget: &Budget,
        test: &mut dyn FnMut(Datum<'_>) -> bool,
    ) -> bool {
        match self {
            Operand::Field(field) => event.any(*field, |value| indexed(field.kind, value).is_some_and(&mut *test)),
            Operand::Text(text) => test(Datum::Text(Cow::Borrowed(text))),
            Operand::Number(number) => test(Datum::Number(*number)),
            Operand::Bool(flag) => test(Datum::Bool(*flag)),
            Operand::Null => false,
            Operand::Call(call) => {
                let values = &mut Vec::with_capacity(call.args.len());
                call.any(event, budget, values, &mut |value| value.is_some_and(&mut *test))
            }
            Operand::Tested(tested) => {
                let (operand, wanted) = &**tested;
                operand.any(event, budget, &mut |datum| test(Datum::Bool(wanted.passes(&datum))))
            }
            Operand::Condition(node) => node.truth(event).is_some_and(|flag| test(Datum::Bool(flag))),
        }
    }

    /// Whether it has a value, whichever values its fields have: a script asks for `null` of each of them.
    pub(super) fn exists<S: Subject + ?Sized>(&self, event: &S) -> bool {
        match self {
            Operand::Call(call) => call.exists(event),
            Operand::Tested(tested) => tested.0.exists(event),
            _ => self.any(event, &Budget::new(), &mut |_| true),
        }
    }
}

impl Call {
    /// Whether it has a value for each combination of the values of its arguments.
    fn exists<S: Subject + ?Sized>(&self, event: &S) -> bool {
        let mut args = self.args.iter().enumerate();
        if !args.all(|(at, arg)| self.function.is_optional(at) || arg.exists(event)) {
            return false;
        }
        let budget = Budget::new();
        !self.any(event, &budget, &mut Vec::with_capacity(self.args.len()), &mut |value| value.is_none())
    }

    /// Whether any value of the call passes, or that there is none: one for each combination of the values of its arguments.
    fn any<S: Subject + ?Sized>(
        &self,
        event: &S,
        budget: &Budget,
        values: &mut Vec<Option<Datum<'static>>>,
        test: &mut dyn FnMut(Option<Datum<'_>>) -> bool,
    ) -> bool {
        let Some(arg) = self.args.get(values.len()) else {
            return budget.is_spent() || test(self.function.value(self.insensitive, values));
        };
        let mut has_value = false;
        let found = arg.any(event, budget, &mut |datum| {
            has_value = true;
            values.push(Some(datum.into_owned()));
            let found = self.any(event, budget, values, test);
            values.pop();
            found
        });
        if has_value || !self.function.is_optional(values.len()) {
            return found;
        }
        values.push(None);
        let found = self.any(event, budget, values, test);
        values.pop();
        found
    }
}
