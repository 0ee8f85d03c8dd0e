//! Which matchers an event can concern, by its category, a few of its texts such as the name of its process, and whether
//! something waits.
//!
//! Nearly every event concerns none: to know that at once costs less than to ask each stage of each rule. What the
//! index leaves out no stage would select; what it gives, a stage may still refuse.

use std::iter;

use super::joins::{Joins, last, words};
use crate::eql::{ByText, Kind, Query, Stage, StageCategory};
use crate::event::{Categories, Event, Field, field};

/// The fields of which a text is looked up, those that distinguish most events first.
const INDEXED: [Field; 4] = [field::PROCESS_NAME, field::PROCESS_SIGNING_ID, field::PARENT_NAME, field::EVENT_TYPE];

/// Matchers by their position, one bit each.
type Mask = Vec<u64>;

/// Those matchers that events of one kind can concern.
#[derive(Debug, Default)]
struct Concerned {
    /// They can begin something in such an event.
    begin: Mask,
    /// They can only continue, or end, what waits.
    go_on: Mask,
}

/// The matchers by the categories of their stages.
#[derive(Debug, Default)]
struct ByCategory {
    process: Concerned,
    network: Concerned,
    /// Stages of any category.
    any: Concerned,
}

/// The matchers of a detector by what their stages select.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Stages of which a field must have one of some texts.
    by_text: Vec<(Field, ByText<ByCategory>)>,
    /// Stages that want no such text.
    of_any: ByCategory,
    /// Matchers that see every event: those that wait for one not to occur.
    always: Mask,
    /// Matchers with something that waits.
    waiting: Mask,
    /// Matchers by the last field by which stages join that continue or end what waits, by its position.
    by_join: Vec<Mask>,
    /// What is left of the current answer.
    concerned: Mask,
    /// The matchers that the current event can only concern if something waits for it.
    continued: Mask,
}

impl Index {
    /// Adds the matcher at this position.
    pub(super) fn add(&mut self, at: usize, query: &Query, joins: &mut Joins) {
        if query.stages.iter().any(|stage| stage.missing) {
            return set(&mut self.always, at);
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
            let join = joins.position(last(&stage.join));
            self.by_join.resize(self.by_join.len().max(join + 1), Mask::new());
            set(&mut self.by_join[join], at);
        }
        let Some(wanted) = stage.filter.wanted(&INDEXED) else { return self.of_any.add(at, stage, begins) };
        for (field, text) in wanted {
            let known = self.by_text.iter().position(|(known, _)| *known == field).unwrap_or_else(|| {
                self.by_text.push((field, ByText::default()));
                self.by_text.len() - 1
            });
            self.by_text[known].1.of(text).add(at, stage, begins);
        }
    }

    /// All of so many matchers see every event.
    pub(super) fn set_always(&mut self, count: usize) {
        (0..count).for_each(|at| set(&mut self.always, at));
    }

    /// Whether the matcher at this position has something that waits.
    pub(super) fn set_waiting(&mut self, at: usize, waits: bool) {
        if waits {
            set(&mut self.waiting, at);
        } else if let Some(word) = self.waiting.get_mut(at / 64) {
            *word &= !(1 << (at % 64));
        }
    }

    /// Looks up which matchers the event can concern; [`Index::next`] gives them.
    pub(super) fn look_up(&mut self, event: &Event, joins: &mut Joins) {
        let Index { by_text, of_any, always, waiting, by_join, concerned, continued } = self;
        concerned.clear();
        continued.clear();
        add(concerned, always);
        of_any.add_to(concerned, continued, event);
        for (field, by_text) in by_text {
            event.any(*field, |value| {
                if let Some(matchers) = by_text.get(value) {
                    matchers.add_to(concerned, continued, event);
                }
                false
            });
        }
        continued.iter_mut().zip(waiting.iter().chain(iter::repeat(&0))).for_each(|(word, waits)| *word &= waits);
        if continued.iter().all(|goes_on| *goes_on == 0) {
            return;
        }
        concerned.resize(concerned.len().max(continued.len()), 0);
        for (join, users) in by_join.iter().enumerate() {
            let users = continued.iter().zip(users).map(|(goes_on, uses)| goes_on & uses);
            if users.clone().all(|users| users == 0) {
                continue;
            }
            let halves = words(joins.waiting(join, event)).into_iter().cycle();
            let continuing = users.zip(halves).map(|(users, half)| users & half);
            concerned.iter_mut().zip(continuing).for_each(|(word, continuing)| *word |= continuing);
        }
    }

    /// The position of the next matcher that the event can concern, in order.
    pub(super) fn next(&mut self) -> Option<usize> {
        let (at, word) = self.concerned.iter_mut().enumerate().find(|(_, word)| **word != 0)?;
        let bit = word.trailing_zeros() as usize;
        *word &= *word - 1;
        Some(at * 64 + bit)
    }
}

impl ByCategory {
    fn add(&mut self, at: usize, stage: &Stage, begins: bool) {
        let add = |concerned: &mut Concerned| {
            set(if begins { &mut concerned.begin } else { &mut concerned.go_on }, at);
        };
        match &stage.category {
            StageCategory::Any => add(&mut self.any),
            StageCategory::Seen(categories) => {
                if categories.intersects(Categories::PROCESS) {
                    add(&mut self.process);
                }
                if categories.intersects(Categories::NETWORK) {
                    add(&mut self.network);
                }
            }
            StageCategory::Unseen(_) => {}
        }
    }

    fn add_to(&self, begun: &mut Mask, continued: &mut Mask, event: &Event) {
        let mut add_to = |concerned: &Concerned| {
            add(begun, &concerned.begin);
            add(continued, &concerned.go_on);
        };
        if event.categories.intersects(Categories::PROCESS) {
            add_to(&self.process);
        }
        if event.categories.intersects(Categories::NETWORK) {
            add_to(&self.network);
        }
        add_to(&self.any);
    }
}

fn set(mask: &mut Mask, at: usize) {
    mask.resize(mask.len().max(at / 64 + 1), 0);
    mask[at / 64] |= 1 << (at % 64);
}

fn add(mask: &mut Mask, other: &Mask) {
    mask.resize(mask.len().max(other.len()), 0);
    mask.iter_mut().zip(other).for_each(|(word, other)| *word |= other);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::joins::bit;
    use crate::eql::{self, JoinKey, Lineages};
    use crate::event::{FieldType, Fields, Timestamp};

    fn index(queries: &[&str]) -> (Index, Joins) {
        let (mut fields, mut lineages, mut index) = (Fields::default(), Lineages::default(), Index::default());
        let mut joins = Joins::default();
        for (at, query) in queries.iter().enumerate() {
            index.add(at, &eql::compile(query, &mut fields, &mut lineages).unwrap(), &mut joins);
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
        joins.wait(&[join], "n1:7", bit(at));
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
