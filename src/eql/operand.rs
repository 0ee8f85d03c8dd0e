//! What a condition compares: fields, values, functions of them, and conditions themselves.

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::Arc;

use super::filter::Node;
use super::functions::Function;
use super::limits::COMBINATIONS;
use super::test::Test;
use super::value::{Datum, TypedField, indexed};
use crate::event::{Event, Number, Scalar};

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

/// An event and the events of the sequence that it would continue.
pub(super) struct Joined<'e> {
    pub earlier: &'e [Arc<Event>],
    pub event: &'e Event,
}

impl Subject for Joined<'_> {
    fn any(&self, field: TypedField, test: impl FnMut(Scalar<'_>) -> bool) -> bool {
        match field.at {
            None => self.event.any(field.field, test),
            Some(at) => self.earlier.get(at).is_some_and(|event| event.any(field.field, test)),
        }
    }

    fn lineage(&self) -> u128 {
        self.event.lineage()
    }
}

/// The combinations of values that a comparison may still look at.
pub(super) struct Budget(Cell<u32>);

impl Budget {
    pub(super) fn new() -> Budget {
        Budget(Cell::new(COMBINATIONS))
    }

    /// Whether nothing is left; one is spent.
    pub(super) fn is_spent(&self) -> bool {
        let left = self.0.get();
        self.0.set(left.saturating_sub(1));
        left == 0
    }

    /// What is found after the budget is spent is not an answer.
    pub(super) fn answer(&self, found: bool) -> bool {
        found && self.0.get() > 0
    }
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
            Operand::Call(call) => call.any(event, budget, &mut Vec::with_capacity(call.args.len()), test),
            Operand::Tested(tested) => {
                let (operand, wanted) = &**tested;
                operand.any(event, budget, &mut |datum| test(Datum::Bool(wanted.passes(&datum))))
            }
            Operand::Condition(node) => node.truth(event).is_some_and(|flag| test(Datum::Bool(flag))),
        }
    }

    /// Whether it has a value.
    pub(super) fn exists<S: Subject + ?Sized>(&self, event: &S) -> bool {
        let budget = Budget::new();
        let found = self.any(event, &budget, &mut |_| true);
        budget.answer(found)
    }
}

impl Call {
    /// Whether any value of the call passes: one for each combination of the values of its arguments.
    fn any<S: Subject + ?Sized>(
        &self,
        event: &S,
        budget: &Budget,
        values: &mut Vec<Option<Datum<'static>>>,
        test: &mut dyn FnMut(Datum<'_>) -> bool,
    ) -> bool {
        let Some(arg) = self.args.get(values.len()) else {
            return budget.is_spent() || self.function.value(self.insensitive, values).is_some_and(test);
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
