//! Kinds of events: what tells nearly all events from those that a stage wants before anything else is looked at.

use std::ops::BitOrAssign;

use crate::eql::{Stage, StageCategory};
use crate::event::{Categories, Event, Field, Scalar, field};

/// What the one `event.type` of an event says, and the one `event.action` of a start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Happening {
    Fork,
    /// Any other start.
    Start,
    End,
    /// Another type, or several or none.
    Other,
}

impl Happening {
    const ALL: [Happening; 4] = [Happening::Fork, Happening::Start, Happening::End, Happening::Other];

    fn of(event: &Event) -> Happening {
        match only(event, field::EVENT_TYPE) {
            Some("start") if only(event, field::EVENT_ACTION) == Some("fork") => Happening::Fork,
            Some("start") => Happening::Start,
            Some("end") => Happening::End,
            _ => Happening::Other,
        }
    }

    /// The one value that a field of such an event has, where it is known.
    fn value(self, field: Field) -> Option<&'static str> {
        match (self, field) {
            (Happening::Fork, field::EVENT_ACTION) => Some("fork"),
            (Happening::Fork | Happening::Start, field::EVENT_TYPE) => Some("start"),
            (Happening::End, field::EVENT_TYPE) => Some("end"),
            _ => None,
        }
    }
}

/// The text of a field that has one value.
fn only(event: &Event, field: Field) -> Option<&str> {
    let mut values = event.stated(field);
    match (values.next(), values.next()) {
        (Some(Scalar::Str(text)), None) => Some(text),
        _ => None,
    }
}

/// Kinds of events, a bit for each: a category and what happened.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Kinds(u8);

impl Kinds {
    /// How many there are.
    pub(super) const COUNT: usize = 2 * Happening::ALL.len();

    /// Those of an event: of two categories it is of two.
    pub(super) fn of(event: &Event) -> Kinds {
        Kinds::within(event.categories, 1 << Happening::of(event) as u8)
    }

    /// Those of which a stage may select an event.
    pub(super) fn selected_by(stage: &Stage) -> Kinds {
        let categories = match &stage.category {
            StageCategory::Any => Categories::PROCESS.with(Categories::NETWORK),
            StageCategory::Seen(categories) => *categories,
            StageCategory::Unseen(_) => Categories::default(),
        };
        let may_be = |happening: &Happening| stage.filter.decided(&|field| happening.value(field)) != Some(false);
        let happenings = Happening::ALL.into_iter().filter(may_be).fold(0, |all, one| all | 1 << one as u8);
        Kinds::within(categories, happenings)
    }

    /// What happened in each of these categories.
    fn within(categories: Categories, happenings: u8) -> Kinds {
        let of = |category, shift: usize| if categories.intersects(category) { happenings << shift } else { 0 };
        Kinds(of(Categories::PROCESS, 0) | of(Categories::NETWORK, Happening::ALL.len()))
    }

    /// Whether the sets share a kind.
    pub(super) fn intersects(self, other: Kinds) -> bool {
        self.0 & other.0 != 0
    }

    /// The place of each among all.
    pub(super) fn places(self) -> impl Iterator<Item = usize> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let place = rest.trailing_zeros() as usize;
            rest &= rest.wrapping_sub(1);
            (place < Kinds::COUNT).then_some(place)
        })
    }
}

impl BitOrAssign for Kinds {
    fn bitor_assign(&mut self, other: Kinds) {
        self.0 |= other.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eql::{self, Lineages};
    use crate::event::{Fields, Timestamp};

    fn event(categories: Categories, types: &[&str], actions: &[&str]) -> Event {
        let mut event = Event::new(Timestamp::default(), categories);
        types.iter().for_each(|name| event.push_str(field::EVENT_TYPE, name));
        actions.iter().for_each(|name| event.push_str(field::EVENT_ACTION, name));
        event
    }

    const PROCESS: Categories = Categories::PROCESS;

    #[test]
    fn a_stage_may_select_events_of_the_kinds_that_it_does_not_rule_out() {
        let kinds =
            [(&["start"][..], &["fork"][..]), (&["start"], &["exec"]), (&["end"], &[]), (&["info"], &[]), (&[], &[])];
        for (query, wanted) in [
            ("process where true", [true; 5]),
            (r#"process where event.type == "start""#, [true, true, false, true, true]),
            (r#"process where event.type : "START" and process.pid > 1"#, [true, true, false, true, true]),
            (r#"process where event.type in ("end", "info")"#, [false, false, true, true, true]),
            (r#"process where event.type != "end""#, [true, true, false, true, true]),
            (r#"process where event.type == "start" and event.action != "fork""#, [false, true, false, true, true]),
            (r#"process where event.action == "exec" or event.action != "fork""#, [false, true, true, true, true]),
            (r#"process where event.type == "start" or process.pid == 1"#, [true; 5]),
            (r#"process where not (event.type == "end" and process.pid == 1)"#, [true; 5]),
            (r#"process where event.type : "st*""#, [true, true, false, true, true]),
            ("process where false", [false; 5]),
            (r#"network where event.type == "start""#, [false; 5]),
        ] {
            let query = eql::compile(query, &mut Fields::default(), &mut Lineages::default()).unwrap();
            let selected = Kinds::selected_by(&query.stages[0]);
            let of = kinds.map(|(types, actions)| selected.intersects(Kinds::of(&event(PROCESS, types, actions))));
            assert_eq!(of, wanted, "{query:?}");
        }
    }

    #[test]
    fn an_event_of_several_types_or_actions_is_of_no_kind_that_has_one() {
        let kind = |types: &[&str], actions: &[&str]| Kinds::of(&event(PROCESS, types, actions));
        assert_eq!(kind(&["start", "end"], &[]), kind(&["info"], &[]));
        assert_eq!(kind(&["Start"], &[]), kind(&[], &[]));
        assert_eq!(kind(&["start"], &["fork", "exec"]), kind(&["start"], &[]));
        let [process, network] = [PROCESS, Categories::NETWORK].map(|of| Kinds::of(&event(of, &["end"], &[])));
        let both = Kinds::of(&event(PROCESS.with(Categories::NETWORK), &["end"], &[]));
        assert!(!process.intersects(network) && both.intersects(process) && both.intersects(network));
        assert_eq!([process.places().count(), both.places().count(), Kinds::default().places().count()], [1, 2, 0]);
    }
}
