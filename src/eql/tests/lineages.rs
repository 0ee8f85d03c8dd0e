//! `descendant of […]`.

use std::sync::Arc;

use super::*;
use crate::event::Context;

const OSASCRIPT: &str = "process where descendant of [process where process.name == \"osascript\"]";

/// An event of a process whose ancestors' events match these queries.
fn below(lineage: u128) -> Event {
    let mut event = Event::new(Timestamp::default(), Categories::PROCESS);
    event.context = Some(Arc::new(Context { lineage, ..Context::default() }));
    event
}

fn selected(query: &str, lineage: u128) -> bool {
    compiled(query).unwrap().stages[0].selects(&below(lineage))
}

#[test]
fn an_event_descends_from_what_the_bit_of_the_query_says() {
    assert!(selected(OSASCRIPT, 0b1));
    assert!(!selected(OSASCRIPT, 0b10), "another query's bit");
    assert!(!selected(OSASCRIPT, 0));
    assert!(!compiled(OSASCRIPT).unwrap().stages[0].selects(&Event::new(Timestamp::default(), Categories::PROCESS)));
}

#[test]
fn a_process_does_not_descend_from_itself() {
    let mut fields = Fields::new();
    let osascript = event(&mut fields, &json!({"process.name": "osascript"}));
    let mut lineages = Lineages::default();
    let query = compile(OSASCRIPT, &mut fields, &mut lineages).unwrap();
    assert_eq!(lineages.marks(&osascript), 1, "its children descend from it");
    assert!(!query.stages[0].selects(&osascript));
}

#[test]
fn not_descendant_of_holds_of_an_event_of_which_nothing_is_known() {
    let query = "process where not descendant of [process where true]";
    assert!(selected(query, 0));
    assert!(!selected(query, 1));
}

#[test]
fn the_marks_of_an_event_are_the_queries_it_matches() {
    let (mut fields, mut lineages) = (Fields::new(), Lineages::default());
    let text = "process where descendant of [process where process.pid == 1] or \
                descendant of [any where process.pid < 3] or descendant of [network where process.pid == 1]";
    compile(text, &mut fields, &mut lineages).unwrap();
    for (pid, marks) in [(1, 0b011), (2, 0b010), (3, 0)] {
        assert_eq!(lineages.marks(&event(&mut fields, &json!({"process.pid": pid}))), marks, "{pid}");
    }
}

#[test]
fn a_query_marks_events_of_its_category_and_of_no_other() {
    for (query, of_process, of_network) in [("process", 1, 0), ("network", 0, 1), ("any", 1, 1), ("file", 0, 0)] {
        let (mut fields, mut lineages) = (Fields::new(), Lineages::default());
        let text = format!("process where descendant of [{query} where process.pid == 1]");
        compile(&text, &mut fields, &mut lineages).unwrap();
        let mut event = event(&mut fields, &json!({"process.pid": 1}));
        for (category, marks) in [(Categories::PROCESS, of_process), (Categories::NETWORK, of_network)] {
            event.categories = category;
            assert_eq!(lineages.marks(&event), marks, "{query} {category:?}");
            lineages.ask_every_query();
            assert_eq!(lineages.marks(&event), marks, "{query} {category:?}, asked every query");
        }
    }
}

#[test]
fn a_descendant_of_a_descendant_has_the_inner_query_first() {
    let (mut fields, mut lineages) = (Fields::new(), Lineages::default());
    let text = "process where descendant of [process where process.name == \"b\" and \
                descendant of [process where process.name == \"a\"]]";
    let query = compile(text, &mut fields, &mut lineages).unwrap();
    let mut named = |name: &str, lineage: u128| {
        let mut event = event(&mut fields, &json!({"process.name": name}));
        event.context = below(lineage).context;
        event
    };
    let (a, b) = (named("a", 0), named("b", 0b01));
    assert_eq!(lineages.marks(&a), 0b01);
    assert_eq!(lineages.marks(&b), 0b10, "b below a");
    assert_eq!(lineages.marks(&named("b", 0)), 0, "b alone");
    assert!(query.stages[0].selects(&named("c", 0b11)));
    assert!(!query.stages[0].selects(&named("c", 0b01)), "below a, not below b");
}

#[test]
fn rules_share_128_queries_and_the_129th_is_refused() {
    let (mut fields, mut lineages) = (Fields::new(), Lineages::default());
    let query = |pid: usize| format!("process where descendant of [process where process.pid < {pid}]");
    let mut last = None;
    for pid in 0..128 {
        last = Some(compile(&query(pid), &mut fields, &mut lineages).unwrap());
    }
    assert!(last.unwrap().stages[0].selects(&below(1 << 127)));
    assert_eq!(lineages.marks(&event(&mut fields, &json!({"process.pid": -1}))), u128::MAX);
    let error = compile(&query(128), &mut fields, &mut lineages).unwrap_err();
    assert_eq!(error.message, "the loaded rules have more than 128 `descendant of` queries");
    assert_eq!(&query(128)[error.span], "process where process.pid < 128");
    assert!(compile(&query(5), &mut fields, &mut lineages).is_ok(), "it has its bit");
}

#[test]
fn the_same_text_in_other_rules_and_runs_shares_a_bit() {
    let (mut fields, mut lineages) = (Fields::new(), Lineages::default());
    let below_osascript = "descendant of [process where process.name == \"osascript\"]";
    for text in [OSASCRIPT.to_owned(), format!("sequence [process where {below_osascript}] with runs=100")] {
        let query = compile(&text, &mut fields, &mut lineages).unwrap();
        assert!(query.stages[0].selects(&below(1)), "{text}");
    }
    assert_eq!(lineages.marks(&event(&mut fields, &json!({"process.name": "osascript"}))), 1);
}

#[test]
fn a_refused_rule_leaves_no_query_behind() {
    let (mut fields, mut lineages) = (Fields::new(), Lineages::default());
    assert!(compile(&format!("{OSASCRIPT} and zebra == 1"), &mut fields, &mut lineages).is_err());
    assert_eq!(lineages.marks(&event(&mut fields, &json!({"process.name": "osascript"}))), 0);
}
