//! Which matchers an event can concern, by its category and the name of its process.
//!
//! Nearly every event concerns none: to know that at once costs less than to ask each stage of each rule. What the
//! index leaves out no stage would select; what it gives, a stage may still refuse.

use std::borrow::Cow;

use ahash::HashMap;

use crate::eql::{Query, Stage, StageCategory};
use crate::event::{Categories, Event, field};

/// Matchers by their position, one bit each.
type Mask = Vec<u64>;

/// The stages of one category.
#[derive(Debug, Default)]
struct Named {
    /// Those that want one of some names, by the name in lower case.
    by_name: HashMap<Box<str>, Mask>,
    /// Those that take any name.
    of_any_name: Mask,
}

/// The matchers of a detector by what their stages select.
#[derive(Debug, Default)]
pub(super) struct Index {
    process: Named,
    network: Named,
    /// Stages of any category.
    any: Named,
    /// Matchers that see every event: those that wait for one not to occur.
    always: Mask,
    /// The current answer.
    concerned: Mask,
}

impl Index {
    /// Adds the matcher at this position.
    pub(super) fn add(&mut self, at: usize, query: &Query) {
        if query.stages.iter().any(|stage| stage.missing) {
            return set(&mut self.always, at);
        }
        for stage in query.stages.iter().chain(&query.until) {
            self.add_stage(at, stage);
        }
    }

    fn add_stage(&mut self, at: usize, stage: &Stage) {
        let mut tables = Vec::with_capacity(2);
        match &stage.category {
            StageCategory::Any => tables.push(&mut self.any),
            StageCategory::Seen(categories) => {
                if categories.intersects(Categories::PROCESS) {
                    tables.push(&mut self.process);
                }
                if categories.intersects(Categories::NETWORK) {
                    tables.push(&mut self.network);
                }
            }
            StageCategory::Unseen(_) => {}
        }
        let names = stage.filter.wanted(field::PROCESS_NAME);
        for table in tables {
            match &names {
                None => set(&mut table.of_any_name, at),
                Some(names) => names.iter().for_each(|name| {
                    set(table.by_name.entry(name.to_ascii_lowercase().into()).or_default(), at);
                }),
            }
        }
    }

    /// The positions of the matchers that the event can concern, in order.
    pub(super) fn concerned(&mut self, event: &Event) -> impl Iterator<Item = usize> + use<'_> {
        let Index { process, network, any, always, concerned } = self;
        concerned.clear();
        add(concerned, always);
        for (table, category) in
            [(process, Some(Categories::PROCESS)), (network, Some(Categories::NETWORK)), (any, None)]
        {
            if category.is_none_or(|category| event.categories.intersects(category)) {
                add(concerned, &table.of_any_name);
                if !table.by_name.is_empty() {
                    event.any(field::PROCESS_NAME, |name| {
                        if let Some(mask) = table.by_name.get(&*lower_case(name.text())) {
                            add(concerned, mask);
                        }
                        false
                    });
                }
            }
        }
        concerned.iter().enumerate().flat_map(|(word, bits)| ones(*bits).map(move |bit| word * 64 + bit))
    }
}

fn lower_case(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) { text.to_ascii_lowercase().into() } else { text }
}

fn set(mask: &mut Mask, at: usize) {
    mask.resize(mask.len().max(at / 64 + 1), 0);
    mask[at / 64] |= 1 << (at % 64);
}

fn add(mask: &mut Mask, other: &Mask) {
    mask.resize(mask.len().max(other.len()), 0);
    mask.iter_mut().zip(other).for_each(|(word, other)| *word |= other);
}

/// The positions of the bits that are set, the lowest first.
fn ones(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = (bits != 0).then(|| bits.trailing_zeros() as usize)?;
        bits &= bits - 1;
        Some(bit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eql::{self, Lineages};
    use crate::event::{Fields, Timestamp};

    fn index(queries: &[&str]) -> Index {
        let (mut fields, mut lineages, mut index) = (Fields::default(), Lineages::default(), Index::default());
        for (at, query) in queries.iter().enumerate() {
            index.add(at, &eql::compile(query, &mut fields, &mut lineages).unwrap());
        }
        index
    }

    fn event(categories: Categories, names: &[&str]) -> Event {
        let mut event = Event::new(Timestamp::default(), categories);
        names.iter().for_each(|name| event.push_str(field::PROCESS_NAME, name));
        event
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
        let mut of = |categories, names: &[&str]| index.concerned(&event(categories, names)).collect::<Vec<_>>();
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
        let found: Vec<usize> = index.concerned(&event(Categories::PROCESS, &["n1"])).collect();
        assert_eq!(found, (1..200).step_by(3).collect::<Vec<_>>());
    }
}
