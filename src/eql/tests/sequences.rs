//! Sequences, and what a query tells of itself before it is compiled.

use super::*;
use crate::eql::{JoinKey, Kind, StageCategory, ast, parse};
use crate::event::{FieldType, field};

const STAGES: &str = "[process where process.pid == 1] [network where process.pid == 2]";

fn categories(query: &ast::Query) -> Vec<&str> {
    query.stages.iter().map(|stage| stage.category.as_str()).collect()
}

fn names(keys: &[ast::Key]) -> Vec<&str> {
    keys.iter().map(|key| key.name.as_str()).collect()
}

#[test]
fn by_and_maxspan_come_in_either_order() {
    for text in ["by host.id, user.id with maxspan=30s", "with maxspan = 30s by host.id, user.id"] {
        let query = parse(&format!("sequence {text} {STAGES}")).unwrap();
        assert_eq!(query.kind, Kind::Sequence);
        assert_eq!(query.maxspan_ms, Some(30_000), "{text}");
        assert!(query.stages.iter().all(|stage| names(&stage.by) == ["host.id", "user.id"]), "{text}");
    }
}

#[test]
fn a_sequence_may_have_neither_keys_nor_maxspan() {
    let query = compiled(&format!("sequence {STAGES}")).unwrap();
    assert!(query.is_sequence() && query.until.is_none());
    assert_eq!((query.maxspan_ms, query.stages.len(), query.stages[0].join.len()), (None, 2, 0));
    let query = compiled("process where true").unwrap();
    assert_eq!((query.is_sequence(), query.stages.len()), (false, 1));
}

#[test]
fn the_keys_of_a_stage_come_after_those_of_the_sequence() {
    let text = "sequence by host.id [process where true] by process.entity_id, ?user.id \
                [network where true] by process.parent.entity_id, user.name";
    let query = compiled(text).unwrap();
    let key = |field, optional| JoinKey { field: Some(field), kind: FieldType::Keyword, optional };
    let host = key(field::HOST_ID, false);
    assert_eq!(query.stages[0].join, [host, key(field::PROCESS_ENTITY_ID, false), key(field::USER_ID, true)]);
    assert_eq!(query.stages[1].join, [host, key(field::PARENT_ENTITY_ID, false), key(field::USER_NAME, false)]);
}

#[test]
fn each_stage_has_its_own_category_and_condition() {
    let query = compiled(&format!("sequence {STAGES} [file where true] [any where true]")).unwrap();
    let categories: Vec<_> = query.stages.iter().map(|stage| stage.category.clone()).collect();
    let (process, network) = (StageCategory::Seen(Categories::PROCESS), StageCategory::Seen(Categories::NETWORK));
    assert_eq!(categories, [process, network, StageCategory::Unseen("file".to_owned()), StageCategory::Any]);
    let mut fields = Fields::new();
    assert!(query.stages[0].selects(&event(&mut fields, &json!({"process.pid": 1}))));
    assert!(!query.stages[0].selects(&event(&mut fields, &json!({"process.pid": 2}))));
}

#[test]
fn the_units_of_maxspan_are_ms_s_m_h_and_d() {
    for (text, milliseconds) in
        [("250ms", 250), ("30s", 30_000), ("5m", 300_000), ("2h", 7_200_000), ("1d", 86_400_000), ("1.5 s", 1500)]
    {
        let query = compiled(&format!("sequence with maxspan={text} {STAGES}")).unwrap();
        assert_eq!(query.maxspan_ms, Some(milliseconds), "{text}");
    }
}

#[test]
fn runs_write_a_stage_out_with_its_keys() {
    let text =
        "sequence by host.id [process where true] by user.id with runs=3 [network where true] with runs=1 by user.id";
    let query = parse(text).unwrap();
    assert_eq!(categories(&query), ["process", "process", "process", "network"]);
    assert!(query.stages.iter().all(|stage| names(&stage.by) == ["host.id", "user.id"]));
    assert_eq!(compiled("sequence [process where true] with runs=2").unwrap().stages.len(), 2);
    assert_eq!(compiled("sequence [process where true] with runs=100").unwrap().stages.len(), 100);
}

#[test]
fn until_has_the_keys_of_the_sequence_and_its_own() {
    let text = "sequence by host.id [process where true] by user.id [network where true] by user.id \
                until [process where event.type == \"end\"] by ?user.name";
    let until = compiled(text).unwrap().until.unwrap();
    assert_eq!(until.category, StageCategory::Seen(Categories::PROCESS));
    let optional = until.join.iter().map(|key| (key.field.unwrap(), key.optional)).collect::<Vec<_>>();
    assert_eq!(optional, [(field::HOST_ID, false), (field::USER_NAME, true)]);
    let mut fields = Fields::new();
    assert!(until.selects(&event(&mut fields, &json!({"event.type": ["info", "end"]}))));
    assert!(!until.selects(&event(&mut fields, &json!({"event.type": "start"}))));
}

#[test]
fn the_place_of_a_stage_is_its_text_without_brackets() {
    let query = parse(STAGES.replace("[process", "sequence [process").as_str()).unwrap();
    let text = format!("sequence {STAGES}");
    let places: Vec<&str> = query.stages.iter().map(|stage| &text[stage.span.clone()]).collect();
    assert_eq!(places, ["process where process.pid == 1", "network where process.pid == 2"]);
}

#[test]
fn a_condition_that_names_an_earlier_event_is_kept_apart() {
    for (condition, joined) in [
        ("event0.process.pid == process.pid", true),
        ("process.pid == 1 and event0.process.pid == 1", true),
        ("true and (false or not event0.process.pid == 1)", true),
        ("startsWith(process.name, event0.process.name)", true),
        ("event0.process.name : \"a*\"", true),
        ("process.pid == 1", false),
        ("process.name == \"event0.process.name\"", false),
        ("?event0x.pid == 1", false),
    ] {
        let text = format!("sequence [process where true] as event0 [network where {condition}]");
        assert_eq!(compiled(&text).unwrap().stages[1].joined.is_some(), joined, "{condition}");
    }
}

#[test]
fn what_a_condition_demands_of_the_event_by_itself_is_asked_before_the_earlier_events_are() {
    for (condition, names) in [
        (r#"event0.process.pid == 1 or process.name == "a""#, None),
        (
            r#"(event0.process.pid == 1 and process.name == "a") or process.name in ("b", "c")"#,
            Some(vec!["a", "b", "c"]),
        ),
        (r#"not (event0.process.pid == 1 and process.name == "a")"#, None),
        (r#"(event0.process.pid == 1 or process.pid == 1) and not process.name == "a""#, None),
        (r#"event0.process.name == "a""#, None),
    ] {
        let text = format!("sequence [process where true] as event0 [network where {condition}]");
        let query = compiled(&text).unwrap();
        let names = names.map(|names| names.into_iter().map(|name| (field::PROCESS_NAME, name)).collect::<Vec<_>>());
        assert_eq!(query.stages[1].filter.wanted(&[field::PROCESS_NAME]), names, "{condition}");
    }
}

#[test]
fn only_earlier_events_have_a_name() {
    let text = "sequence [process where event1.process.pid == 1] [network where true] as event1";
    assert_eq!(compiled(text).unwrap_err().message, "unknown field `event1.process.pid`");
    let text = "sequence [process where true] [network where event1.process.pid == 1] as event1";
    assert!(compiled(text).unwrap().stages[1].joined.is_none(), "its own");
}

#[test]
fn pipes_are_kept_in_order() {
    let query = compiled("process where true | tail 5 | head 2").unwrap();
    assert_eq!(query.pipes, [crate::eql::Pipe::Tail(5), crate::eql::Pipe::Head(2)]);
}

#[test]
fn missing_events_and_samples_are_queries_of_their_own() {
    let query = compiled("sequence with maxspan=1s ![process where true] [network where true]").unwrap();
    assert_eq!(query.stages.iter().map(|stage| stage.missing).collect::<Vec<_>>(), [true, false]);
    assert_eq!(query.events(), 1);
    let query = compiled("sample by host.id [process where true] [network where true]").unwrap();
    assert_eq!((query.kind, query.is_sequence()), (Kind::Sample, true));
}

#[test]
fn a_query_requires_the_values_that_it_cannot_do_without() {
    let is_macos = Some(vec!["macos".to_owned()]);
    let both = Some(vec!["linux".to_owned(), "macos".to_owned()]);
    for (condition, required) in [
        ("host.os.type == \"macos\"", &is_macos),
        ("host.os.type : \"macos\" and process.pid == 1", &is_macos),
        ("process.pid == 1 and (true and host.os.type == \"macos\")", &is_macos),
        ("host.os.type in (\"linux\", \"macos\")", &both),
        ("host.os.type == \"linux\" or host.os.type == \"macos\"", &both),
        ("host.os.type == \"macos\" or process.pid == 1", &None),
        ("host.os.type != \"macos\"", &None),
        ("not host.os.type == \"macos\"", &None),
        ("host.os.type : \"mac*\"", &None),
        ("host.os.type like \"macos\"", &None),
        ("host.os.name == \"macos\"", &None),
        ("true", &None),
    ] {
        let query = parse(&format!("process where {condition}")).unwrap();
        assert_eq!(&query.requires("host.os.type"), required, "{condition}");
    }
}

#[test]
fn a_sequence_requires_what_every_stage_does() {
    let macos = "[process where host.os.type == \"macos\"]";
    let all = parse(&format!("sequence {macos} {macos}")).unwrap();
    assert_eq!(all.requires("host.os.type"), Some(vec!["macos".to_owned()]));
    let one = parse(&format!("sequence {macos} [network where true]")).unwrap();
    assert_eq!(one.requires("host.os.type"), None);
}
