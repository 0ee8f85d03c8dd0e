//! Which of the fields that rules need the events of a recording state.

use crate::detect::Needs;
use crate::event::{Categories, Event, Field, Fields, field};

/// The fields of the process that macOS holds responsible, of which one event states some and the stream knows them all.
const RESPONSIBLE: [Field; 8] = [
    field::EFFECTIVE_PARENT_ENTITY_ID,
    field::EFFECTIVE_PARENT_PID,
    field::EFFECTIVE_PARENT_NAME,
    field::EFFECTIVE_PARENT_EXECUTABLE,
    field::EFFECTIVE_PROCESS_ENTITY_ID,
    field::EFFECTIVE_PROCESS_PID,
    field::EFFECTIVE_PROCESS_NAME,
    field::EFFECTIVE_PROCESS_EXECUTABLE,
];

/// Which of the fields that rules need the events of a recording state, by category.
#[derive(Clone, Debug, Default)]
pub(super) struct Stated {
    /// The fields, with their names.
    names: Vec<(Field, String)>,
    /// For each field, by its index, the categories of which no event has stated it so far, where rules need it: most
    /// events state few fields, and rules name many.
    unseen: Vec<Categories>,
    /// There are events of these categories that a sensor's messages were, and so state what a sensor can.
    sensed: Categories,
}

impl Stated {
    /// Looks for what the rules need, of these fields.
    pub(super) fn new<'r>(rules: impl Iterator<Item = Needs<'r>>, fields: &Fields) -> Stated {
        let mut stated = Stated::default();
        let mut watch = |field: Field| {
            if stated.names.iter().all(|(known, _)| *known != field) {
                stated.names.push((field, fields.name(field).to_owned()));
                let count = stated.unseen.len().max(field.index() + 1);
                stated.unseen.resize(count, Categories::default());
                stated.unseen[field.index()] = Categories::ALL;
            }
        };
        for needs in rules {
            needs.lacks(&mut |_, field| {
                watch(field);
                stand_ins(field).into_iter().flatten().for_each(|other| watch(*other));
                false
            });
        }
        watch(field::PROCESS_PID);
        stated
    }

    /// Records an event.
    pub(super) fn observe(&mut self, event: &Event) {
        let categories = event.categories;
        if event.line().is_none() {
            self.sensed = self.sensed.with(categories);
            return;
        }
        for field in event.fields() {
            if let Some(unseen) = self.unseen.get_mut(field.index()) {
                *unseen = unseen.without(categories);
            }
        }
    }

    /// What a rule needs that no event of a category states; `any` is any.
    pub(super) fn lacks(&self, needs: &Needs<'_>) -> Option<String> {
        let (category, field) = needs.lacks(&mut |category, field| !self.has(category, field))?;
        let name = self.names.iter().find(|(known, _)| *known == field).map(|(_, name)| name)?;
        let kind = if category == "any" { String::new() } else { format!("{category} ") };
        Some(format!("no {kind}events that state {name}"))
    }

    /// Whether rules see the field in events of a category.
    fn has(&self, category: &str, field: Field) -> bool {
        let categories = if category == "any" { Categories::ALL } else { Categories::named(category) };
        let is_sensed = self.sensed.intersects(categories) && field.is_filled_live();
        if field == field::TIMESTAMP || is_sensed || self.states(categories, field) {
            return true;
        }
        let Some(others) = stand_ins(field) else { return false };
        let is_known = !self.sensed.is_empty() || others.iter().any(|other| self.states(Categories::ALL, *other));
        // By its pid an event belongs to the execution that a source named by audit token.
        is_known && (field != field::PROCESS_ENTITY_ID || self.states(categories, field::PROCESS_PID))
    }

    /// Whether an event of these categories states the field.
    fn states(&self, categories: Categories, field: Field) -> bool {
        self.unseen.get(field.index()).is_none_or(|unseen| !categories.without(*unseen).is_empty())
    }
}

/// The fields from which, as from the messages of a sensor, the stream can tell what a document does not state; `None`:
/// documents are used as they are.
fn stand_ins(field: Field) -> Option<&'static [Field]> {
    match field {
        field::PROCESS_ENTITY_ID => Some(&[field::PIDVERSION]),
        field::ANCESTRY => Some(&[field::PARENT_ENTITY_ID, field::PROCESS_ENTITY_ID, field::PIDVERSION]),
        field if RESPONSIBLE.contains(&field) => Some(&RESPONSIBLE),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{Rule, RuleSet};
    use crate::event::{Decoded, Line, Timestamp, ecs};

    /// What these documents, each a category and the rest, lack for a query.
    fn lacks_after(query: &str, documents: &[(&str, &str)], sensed: &[Categories]) -> Option<String> {
        let mut set = RuleSet::default();
        set.add("r", &format!("[rule]\nrule_id = \"r\"\nname = \"r\"\nquery = '{query}'\n")).unwrap();
        let mut decoder = ecs::Decoder::new(&set.fields);
        let needs: Vec<Needs<'_>> = set.rules.iter().filter_map(Rule::needs).collect();
        let mut stated = Stated::new(needs.iter().cloned(), &set.fields);
        for (category, rest) in documents {
            let text = format!(r#"{{"@timestamp":"2026-01-15T09:30:00Z","event":{{"category":"{category}"}},{rest}}}"#);
            let Ok(Decoded::Event(event)) = decoder.decode(&Line::from(text)) else { panic!("{rest}") };
            stated.observe(&event);
        }
        sensed.iter().for_each(|of| stated.observe(&Event::new(Timestamp::default(), *of)));
        stated.lacks(&needs[0])
    }

    fn lacks(query: &str, documents: &[(&str, &str)]) -> Option<String> {
        lacks_after(query, documents, &[])
    }

    const PROCESS: (&str, &str) = ("process", r#""process":{"name":"a","pid":7}"#);

    #[test]
    fn a_field_is_lacked_only_where_no_event_of_the_category_states_it_and_nothing_else_will_do() {
        let network = ("network", r#""destination":{"ip":"1.2.3.4"}"#);
        for (query, lacked) in [
            (r#"process where process.name == "x""#, None),
            (r#"network where process.name == "x""#, Some("no network events that state process.name")),
            (r#"any where process.name == "x""#, None),
            (r#"any where user.name == "x""#, Some("no events that state user.name")),
            (r#"process where process.name == "x" or user.name == "x""#, None),
            (r#"process where user.id == "1" or user.name == "x""#, Some("no process events that state user.id")),
            (r#"process where user.name != "x""#, None),
            (r#"process where not (user.name == "x" or user.id == "1")"#, None),
            (r#"process where stringContains(user.name, "x")"#, Some("no process events that state user.name")),
            ("process where user.name == null", None),
            ("process where user.name != null", Some("no process events that state user.name")),
            (
                "process where process.pid == process.parent.pid",
                Some("no process events that state process.parent.pid"),
            ),
            (
                "sequence by user.id [process where true] [network where true]",
                Some("no process events that state user.id"),
            ),
            ("sequence [process where true] by ?user.id [network where true] by ?user.id", None),
            (
                "sequence with maxspan=1s [process where true] ![network where user.id == \"1\"] [process where true]",
                None,
            ),
            (
                "sequence [process where true] as event0 [network where destination.port == event0.process.pid]",
                Some("no network events that state destination.port"),
            ),
            (
                "sequence [process where true] as event0 [network where destination.ip == event0.user.id]",
                Some("no process events that state user.id"),
            ),
        ] {
            assert_eq!(lacks(query, &[PROCESS, network]).as_deref(), lacked, "{query}");
        }
    }

    #[test]
    fn what_the_stream_can_tell_is_not_lacked() {
        let query = |key: &str| format!("sequence by {key} [process where true] [network where true]");
        let by_id = query("process.entity_id");
        let lacked = Some("no process events that state process.entity_id".to_owned());
        let network = ("network", r#""process":{"pid":7}"#);
        assert_eq!(lacks(&by_id, &[PROCESS, network]), lacked, "a pid alone names no execution");
        let by_token = ("process", r#""process":{"pid":7},"osawatch":{"process":{"pidversion":8}}"#);
        assert_eq!(lacks(&by_id, &[by_token, network]), None);
        assert_eq!(lacks_after(&by_id, &[network], &[Categories::PROCESS]), None, "messages of eslogger name it");
        let ancestors = r#"network where process.Ext.ancestry == "p""#;
        assert_eq!(lacks(ancestors, &[network]), Some("no network events that state process.Ext.ancestry".into()));
        assert_eq!(lacks(ancestors, &[("process", r#""process":{"parent":{"entity_id":"p"}}"#), network]), None);
        let responsible = r#"network where process.Ext.effective_parent.name == "p""#;
        assert!(lacks(responsible, &[PROCESS, network]).is_some());
        let named = ("process", r#""process":{"Ext":{"effective_parent":{"entity_id":"p"}}}"#);
        assert_eq!(lacks(responsible, &[named, network]), None);
    }

    #[test]
    fn messages_of_a_sensor_state_what_a_sensor_can() {
        let of = |query: &str| lacks_after(query, &[], &[Categories::PROCESS, Categories::NETWORK]);
        assert_eq!(of(r#"network where process.parent.name == "x""#), None);
        assert_eq!(of("network where true and host.id != null"), None);
        let lacked = of(r#"network where dns.question.name == "x""#);
        assert_eq!(lacked.as_deref(), Some("no network events that state dns.question.name"));
    }
}
