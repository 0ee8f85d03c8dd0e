//! A compiled condition, and whether an event meets it.

use std::sync::Arc;

use super::comparison::Comparison;
use super::join::{JoinKey, Link};
use super::node::{Node, Operand, all, any};
use super::subject::Joined;
use super::test::Test;
use super::value::TypedField;
use crate::event::{Event, Field, FieldType, Scalar, field};

/// Whether no event states a field, or none of the values that pass a test.
type IsMissing<'f> = &'f mut dyn FnMut(&TypedField, Option<&Test>) -> bool;

/// What is asked for by `descendant of […]`.
const ANCESTRY: TypedField = TypedField { field: field::ANCESTRY, kind: FieldType::Keyword, caseless: false, at: None };

/// A condition over events.
#[derive(Clone, Debug)]
pub struct Filter(pub(super) Node);

impl Filter {
    /// Whether the event meets the condition.
    pub fn matches(&self, event: &Event) -> bool {
        self.0.matches(event)
    }

    /// Texts, however written in upper and lower case, of which one must be a value of its field; `None`: the condition
    /// can be met without. Of several such lists it is the one whose fields come first.
    pub fn wanted(&self, fields: &[Field]) -> Option<Vec<(Field, &str)>> {
        self.0.wanted(fields)
    }

    /// Whether all events meet the condition, or none does, whose fields have each the one value that is `known` of it;
    /// `None`: others decide.
    pub fn decided(&self, known: &dyn Fn(Field) -> Option<&'static str>) -> Option<bool> {
        self.0.decided(known)
    }

    /// The field that keeps every event of a live Mac from meeting the condition, if there is one: no sensor reports
    /// it, or none of the values that it needs.
    pub fn never_live(&self) -> Option<Field> {
        self.0.blocked(true, &mut |field, test| !can_pass_live(field, test)).map(|field| field.field)
    }

    /// The field without which no event meets the condition, where such a field `is_absent`. Each is asked about that can
    /// be one.
    pub fn lacks(&self, is_absent: &mut dyn FnMut(Field) -> bool) -> Option<Field> {
        self.0.blocked(true, &mut |field, _| is_absent(field.field)).map(|field| field.field)
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

    /// Whether an event meets the condition together with the earlier events of its sequence, each by its position.
    pub fn joins<'e>(&self, earlier: impl Fn(usize) -> Option<&'e Event>, event: &'e Event) -> bool {
        self.0.matches(&Joined { earlier, event })
    }

    /// The field of which an event must have the text that an earlier one has, if there is one.
    pub(super) fn link(&self) -> Option<Link> {
        self.0.link()
    }

    /// As [`Filter::lacks`]; with each field comes the position of its event, `None` for the one that completes.
    pub fn lacks(&self, is_absent: &mut dyn FnMut(Option<usize>, Field) -> bool) -> Option<(Option<usize>, Field)> {
        self.0.blocked(true, &mut |field, _| is_absent(field.at, field.field)).map(|field| (field.at, field.field))
    }

    /// What must hold of the event by itself, whatever the earlier ones are; `None`: nothing.
    pub(super) fn alone(&self) -> Option<Node> {
        self.0.alone()
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

impl Node {
    fn wanted(&self, fields: &[Field]) -> Option<Vec<(Field, &str)>> {
        let place = |field: &Field| fields.iter().position(|known| known == field);
        match self {
            Node::Field(tested, test) if tested.at.is_none() && fields.contains(&tested.field) => {
                Some(test.texts()?.into_iter().map(|text| (tested.field, text)).collect())
            }
            Node::All(nodes) => {
                let lists = nodes.iter().filter_map(|node| node.wanted(fields));
                lists.min_by_key(|list| list.iter().map(|(field, _)| place(field)).max())
            }
            Node::Any(nodes) => {
                let each: Option<Vec<Vec<(Field, &str)>>> = nodes.iter().map(|node| node.wanted(fields)).collect();
                each.map(|each| each.concat())
            }
            _ => None,
        }
    }

    fn decided(&self, known: &dyn Fn(Field) -> Option<&'static str>) -> Option<bool> {
        let of = |nodes: &[Node], by: bool| {
            let mut open = false;
            for node in nodes {
                match node.decided(known) {
                    Some(truth) if truth == by => return Some(by),
                    truth => open |= truth.is_none(),
                }
            }
            (!open).then_some(!by)
        };
        match self {
            Node::Constant(value) => Some(*value),
            Node::Unknown => Some(false),
            Node::Not(node) => node.decided(known).map(|truth| !truth),
            Node::All(nodes) => of(nodes, false),
            Node::Any(nodes) => of(nodes, true),
            Node::Field(tested, test) if tested.at.is_none() => {
                known(tested.field).map(|value| tested.passes(test, Scalar::Str(value)))
            }
            _ => None,
        }
    }

    fn link(&self) -> Option<Link> {
        match self {
            Node::All(nodes) => nodes.iter().find_map(Node::link),
            Node::Compare(Operand::Field(one), Comparison::Equal, Operand::Field(other)) => {
                let (own, earlier) = if one.at.is_none() { (one, other) } else { (other, one) };
                let is_text = [own.kind, earlier.kind] == [FieldType::Keyword; 2];
                let key = |field: &TypedField| JoinKey { field: Some(field.field), kind: field.kind, optional: false };
                let event = earlier.at.filter(|_| own.at.is_none() && is_text)?;
                Some(Link { own: key(own), event, of: key(earlier) })
            }
            _ => None,
        }
    }

    fn alone(&self) -> Option<Node> {
        match self {
            Node::All(nodes) => {
                let known: Vec<Node> = nodes.iter().filter_map(Node::alone).collect();
                (!known.is_empty()).then(|| all(known))
            }
            Node::Any(nodes) => Some(any(nodes.iter().map(Node::alone).collect::<Option<_>>()?)),
            Node::Not(node) => node.alone().filter(|_| matches!(**node, Node::Field(..))).map(Node::negated),
            Node::Field(field, _) => field.at.is_none().then(|| self.clone()),
            _ => None,
        }
    }

    /// A field that keeps the condition from ever being so: it, or each value that would pass, `is_missing`.
    fn blocked(&self, wanted: bool, is_missing: IsMissing<'_>) -> Option<TypedField> {
        match self {
            Node::Not(node) => node.blocked(!wanted, is_missing),
            Node::All(nodes) | Node::Any(nodes) if matches!(self, Node::All(_)) == wanted => {
                nodes.iter().find_map(|node| node.blocked(wanted, is_missing))
            }
            Node::All(nodes) | Node::Any(nodes) => {
                let each: Vec<_> = nodes.iter().map(|node| node.blocked(wanted, is_missing)).collect();
                each.into_iter().collect::<Option<Vec<_>>>()?.into_iter().next()
            }
            _ if !wanted => None,
            Node::Field(field, test) => is_missing(field, Some(test)).then_some(*field),
            Node::Compare(left, _, right) => left.blocked(is_missing).or_else(|| right.blocked(is_missing)),
            Node::Tested(operand, _) | Node::Truth(operand) | Node::Exists(operand) => operand.blocked(is_missing),
            Node::Lineage(_) => is_missing(&ANCESTRY, None).then_some(ANCESTRY),
            _ => None,
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

impl Operand {
    /// A field without which it has no value.
    fn blocked(&self, is_missing: IsMissing<'_>) -> Option<TypedField> {
        match self {
            Operand::Field(field) => is_missing(field, None).then_some(*field),
            Operand::Tested(tested) => tested.0.blocked(is_missing),
            Operand::Call(call) => {
                let needed = call.args.iter().enumerate().filter(|(at, _)| !call.function.is_optional(*at));
                needed.into_iter().find_map(|(_, arg)| arg.blocked(is_missing))
            }
            _ => None,
        }
    }
}

/// Whether a value that the sensors of a live Mac report may pass.
fn can_pass_live(field: &TypedField, test: Option<&Test>) -> bool {
    let passes = |value: &&str| test.is_none_or(|test| field.passes(test, Scalar::Str(value)));
    field.field.is_filled_live() && field.field.live_values().is_none_or(|values| values.iter().any(passes))
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
