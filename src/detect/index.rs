//! Which matchers an event can concern, by its kind, a few of its texts such as the name of its process, and whether
//! something waits.
//!
//! Nearly every event concerns none: to know that at once costs less than to ask each stage of each rule. What the
//! index leaves out no stage would select; what it gives, a stage may still refuse.

use std::ops::BitOrAssign;

use super::joins::Joins;
use super::kinds::Kinds;
use super::matchers::Matchers;
use crate::eql::{ByText, Kind, Query, Stage};
use crate::event::{Event, Field, field};

/// The fields of which a text is looked up, those that distinguish most events first.
const INDEXED: [Field; 3] = [field::PROCESS_NAME, field::PROCESS_SIGNING_ID, field::PARENT_NAME];

/// Those matchers that events of one kind can concern.
#[derive(Clone, Copy, Default, Debug)]
struct Concerned {
    /// They can begin something in such an event.
    begin: Matchers,
    /// They can only continue, or end, what waits.
    go_on: Matchers,
}

impl BitOrAssign for Concerned {
    fn bitor_assign(&mut self, other: Concerned) {
        self.begin |= other.begin;
        self.go_on |= other.go_on;
    }
}

/// The matchers by the kinds of events that their stages may select.
#[derive(Debug, Default)]
struct ByKind([Concerned; Kinds::COUNT]);

/// The matchers by a text that a field of an event has to have.
#[derive(Debug)]
struct Texts {
    field: Field,
    /// Of all stages that want such a text: events of others are not looked at.
    kinds: Kinds,
    matchers: ByText<ByKind>,
}

/// The matchers of a detector by what their stages select.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// How many there are.
    count: usize,
    /// Stages of which a field must have one of some texts.
    by_text: Vec<Texts>,
    /// Stages that want no such text.
    of_any: ByKind,
    /// Matchers that see every event: those that wait for one not to occur.
    always: Matchers,
    /// Whether something waits in each matcher, and those in which something does.
    waits: Vec<bool>,
    waiting: Matchers,
    /// For each kind of events, the matchers by the field by which those are known that continue or end what waits, and
    /// its position.
    by_join: [Vec<(usize, Matchers)>; Kinds::COUNT],
    /// The answer, and from where on it is to be given.
    concerned: Matchers,
    next: usize,
}

impl Index {
    /// Adds the next matcher.
    pub(super) fn add(&mut self, query: &Query, joins: &mut Joins) {
        let at = self.count;
        self.count += 1;
        self.waits.push(false);
        if query.stages.iter().any(|stage| stage.missing) {
            self.always |= Matchers::at(at);
            return;
        }
        for (place, stage) in query.stages.iter().enumerate() {
            self.add_stage(at, stage, place == 0 || query.kind == Kind::Sample, joins);
        }
        if let Some(until) = &query.until {
            self.add_stage(at, until, false, joins);
        }
    }

    fn add_stage(&mut self, at: usize, stage: &Stage, begins: bool, joins: &mut Joins) {
        if !begins {
            let join = joins.position(stage.known_by().as_slice());
            for place in Kinds::selected_by(stage).places() {
                let joined = &mut self.by_join[place];
                match joined.iter_mut().find(|(known, _)| *known == join) {
                    Some((_, matchers)) => *matchers |= Matchers::at(at),
                    None => joined.push((join, Matchers::at(at))),
                }
            }
        }
        let Some(wanted) = stage.filter.wanted(&INDEXED) else { return self.of_any.add(at, stage, begins) };
        for (field, text) in wanted {
            let known = self.by_text.iter().position(|texts| texts.field == field).unwrap_or_else(|| {
                let (kinds, matchers) = (Kinds::default(), ByText::default());
                self.by_text.push(Texts { field, kinds, matchers });
                self.by_text.len() - 1
            });
            let texts = &mut self.by_text[known];
            texts.kinds |= Kinds::selected_by(stage);
            texts.matchers.of(text).add(at, stage, begins);
        }
    }

    /// All matchers see every event.
    pub(super) fn set_always(&mut self) {
        self.always = Matchers::ALL;
    }

    /// Whether the matcher at this position has something that waits.
    pub(super) fn set_waiting(&mut self, at: usize, waits: bool) {
        if self.waits[at] == waits {
            return;
        }
        self.waits[at] = waits;
        let mut sharing = Matchers::sharing(at).map_while(|at| self.waits.get(at));
        let others = self.waiting & !Matchers::at(at);
        self.waiting = if sharing.any(|waits| *waits) { others | Matchers::at(at) } else { others };
    }

    /// Looks up which matchers the event can concern; [`Index::next`] gives them.
    pub(super) fn look_up(&mut self, event: &Event, joins: &mut Joins) {
        let kinds = Kinds::of(event);
        let mut concerned = self.of_any.of(kinds);
        for texts in self.by_text.iter().filter(|texts| texts.kinds.intersects(kinds)) {
            event.any(texts.field, |value| {
                texts.matchers.get(value).into_iter().for_each(|matchers| concerned |= matchers.of(kinds));
                false
            });
        }
        let goes_on = concerned.go_on & self.waiting;
        (self.concerned, self.next) = (self.always | concerned.begin, 0);
        if goes_on.is_empty() {
            return;
        }
        for (join, matchers) in kinds.places().flat_map(|place| &self.by_join[place]) {
            let asked = *matchers & goes_on;
            if !asked.is_empty() {
                self.concerned |= asked & joins.waiting(*join, event);
            }
        }
    }

    /// The position of the next matcher that the event can concern, in order.
    pub(super) fn next(&mut self) -> Option<usize> {
        let at = self.concerned.next(self.next, self.count)?;
        self.next = at + 1;
        Some(at)
    }
}

impl ByKind {
    fn add(&mut self, at: usize, stage: &Stage, begins: bool) {
        let (one, none) = (Matchers::at(at), Matchers::default());
        let (begin, go_on) = if begins { (one, none) } else { (none, one) };
        Kinds::selected_by(stage).places().for_each(|place| self.0[place] |= Concerned { begin, go_on });
    }

    /// Those that events of these kinds can concern.
    fn of(&self, kinds: Kinds) -> Concerned {
        let mut concerned = Concerned::default();
        kinds.places().for_each(|place| concerned |= self.0[place]);
        concerned
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eql::{self, JoinKey, Lineages};
    use crate::event::{Categories, FieldType, Fields, Timestamp};

    fn index(queries: &[&str]) -> (Index, Joins) {
        let (mut fields, mut lineages, mut index) = (Fields::default(), Lineages::default(), Index::default());
        let mut joins = Joins::default();
        for query in queries {
            index.add(&eql::compile(query, &mut fields, &mut lineages).unwrap(), &mut joins);
        }
        (index, joins)
    }

    fn event(categories: Categories, names: &[&str]) -> Event {
        let mut event = Event::new(Timestamp::default(), categories);
        event.push_int(field::PROCESS_PID, 7);
        names.iter().for_each(|name| event.push_str(field::PROCESS_NAME, name));
        event
    }

    fn concerned((index, joins): &mut (Index, Joins), event: &Event) -> Vec<usize> {
        joins.next_event();
        index.look_up(event, joins);
        std::iter::from_fn(|| index.next()).collect()
    }

    /// Something waits in the matcher at this position for an event of the pid of all.
    fn wait((index, joins): &mut (Index, Joins), at: usize) {
        let join = JoinKey { field: Some(field::PROCESS_PID), kind: FieldType::Long, optional: false };
        index.set_waiting(at, true);
        joins.wait(Some(join), Some(eql::last_of("n1:7")), Matchers::at(at));
    }

    #[test]
    fn a_matcher_in_which_nothing_waits_is_asked_only_about_what_begins_it() {
        let mut index = index(&[
            r#"sequence by process.pid [process where process.name == "a"] [network where true] until [any where true]"#,
            r#"sample by host.id [process where process.name == "a"] [network where true]"#,
        ]);
        let network = event(Categories::NETWORK, &["a"]);
        assert_eq!(concerned(&mut index, &event(Categories::PROCESS, &["a"])), [0, 1]);
        assert_eq!(concerned(&mut index, &network), [1]);
        index.0.set_waiting(0, true);
        assert_eq!(concerned(&mut index, &network), [1], "something waits, but not for this key");
        wait(&mut index, 0);
        assert_eq!(concerned(&mut index, &network), [0, 1]);
        index.0.set_waiting(0, false);
        assert_eq!(concerned(&mut index, &network), [1]);
    }

    #[test]
    fn matchers_beyond_the_bits_of_one_word_are_asked_about_what_continues_them() {
        let query = r#"sequence by process.pid [process where process.name == "a"] [network where true]"#;
        for count in [1, 64, 65, 200] {
            let mut index = index(&vec![query; count]);
            let network = event(Categories::NETWORK, &["b"]);
            assert_eq!(concerned(&mut index, &network), [0; 0], "of {count}");
            (0..count).step_by(3).for_each(|at| wait(&mut index, at));
            assert_eq!(concerned(&mut index, &network), (0..count).step_by(3).collect::<Vec<_>>(), "of {count}");
        }
    }

    #[test]
    fn a_matcher_is_asked_only_about_its_categories_and_names() {
        let mut index = index(&[
            r#"process where process.name == "osascript" and process.pid > 1"#,
            r#"process where process.name : ("CURL", "sh")"#,
            r#"process where process.name : "c*""#,
            r#"process where process.name == "a" or process.pid == 1"#,
            r#"process where not process.name == "a""#,
            r#"network where process.name in ("curl", "nscurl")"#,
            r#"any where process.name == "curl""#,
            r#"sequence by process.pid [process where process.name == "x"] [network where true]"#,
            r#"sequence with maxspan=1s [process where process.name == "x"] ![network where true]"#,
        ]);
        (0..9).for_each(|at| wait(&mut index, at));
        let mut of = |categories, names: &[&str]| concerned(&mut index, &event(categories, names));
        let (process, network) = (Categories::PROCESS, Categories::NETWORK);
        assert_eq!(of(process, &["osascript"]), [0, 2, 3, 4, 8]);
        assert_eq!(of(process, &["Curl"]), [1, 2, 3, 4, 6, 8]);
        assert_eq!(of(process, &["x", "sh"]), [1, 2, 3, 4, 7, 8]);
        assert_eq!(of(process, &[]), [2, 3, 4, 8]);
        assert_eq!(of(network, &["curl"]), [5, 6, 7, 8]);
        assert_eq!(of(process.with(network), &["nscurl"]), [2, 3, 4, 5, 7, 8]);
    }

    #[test]
    fn more_matchers_than_bits_of_a_word_are_found_in_order() {
        let queries: Vec<String> =
            (0..200).map(|at| format!("process where process.name == \"n{}\"", at % 3)).collect();
        let mut index = index(&queries.iter().map(String::as_str).collect::<Vec<_>>());
        let found = concerned(&mut index, &event(Categories::PROCESS, &["n1"]));
        assert_eq!(found, (1..200).step_by(3).collect::<Vec<_>>());
    }
}
