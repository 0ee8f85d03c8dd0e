//! Dates, 64-bit numbers and what Elasticsearch indexes of odd values.

use super::*;

#[test]
fn dates_compare_as_instants() {
    let at = |time: &str| json!({"@timestamp": time});
    hold(
        at("2024-01-01T00:00:01.000Z"),
        &[
            "@timestamp == \"2024-01-01T00:00:01Z\"",
            "@timestamp == \"2024-01-01T01:00:01+01:00\"",
            "@timestamp == 1704067201000",
            "@timestamp < \"2024-01-01T00:00:02Z\"",
            "@timestamp > 1704067200999",
            "@timestamp >= \"2024-01-01\"",
            "\"2024-01-01T00:00:02Z\" > @timestamp",
            "@timestamp in (\"2023-01-01\", \"2024-01-01T00:00:01Z\")",
            "@timestamp != \"2024-01-01T00:00:02Z\"",
        ],
    );
    fail(
        at("2024-01-01T00:00:01.000Z"),
        &["@timestamp > 1704067201000", "@timestamp < \"2024-01-01T00:00:01Z\"", "@timestamp > \"2024-01-01\""],
    );
}

#[test]
fn a_date_without_its_smaller_parts_stands_for_all_of_them() {
    let time = json!({"@timestamp": "2024-01-01T10:20:30.500Z"});
    hold(
        time.clone(),
        &[
            "@timestamp == \"2024-01-01\"",
            "@timestamp == \"2024-01-01T10\"",
            "@timestamp == \"2024-01-01T10:20:30Z\"",
            "@timestamp <= \"2024-01-01\"",
        ],
    );
    fail(time, &["@timestamp == \"2024-01-01T10:20:30.000Z\"", "@timestamp > \"2024-01-01\""]);
}

#[test]
fn dates_compare_with_each_other() {
    let times = json!({"process.start": "2024-01-01T00:00:00Z", "process.end": 1_704_067_201_000_i64});
    hold(times.clone(), &["process.start < process.end", "process.end >= process.start"]);
    fail(times, &["process.start == process.end"]);
    hold(
        json!({"process.start": "2024-01-01T00:00:00Z", "event.start": "2024-01-01T01:00:00.000+01:00"}),
        &["process.start == event.start"],
    );
}

#[test]
fn a_malformed_date_is_missing() {
    hold(json!({"process.start": "yesterday"}), &["process.start == null", "not process.start > \"1970\""]);
    assert_eq!(compiled("process where process.start == \"yesterday\"").unwrap_err().message, "this field holds dates");
}

#[test]
fn whole_numbers_have_sixty_four_bits() {
    hold(
        json!({"event.sequence": 9_007_199_254_740_993_i64}),
        &[
            "event.sequence == 9007199254740993",
            "event.sequence != 9007199254740992",
            "event.sequence > 9007199254740992",
            "event.sequence in (1, 9007199254740993)",
        ],
    );
    fail(json!({"event.sequence": 9_007_199_254_740_992_i64}), &["event.sequence == 9007199254740993"]);
}

#[test]
fn a_long_field_cuts_fractions_off() {
    hold(json!({"process.pid": 3.7}), &["process.pid == 3", "process.pid < 3.5"]);
    hold(json!({"process.pid": "3.7"}), &["process.pid == 3"]);
    fail(json!({"process.pid": 3}), &["process.pid == 3.7"]);
}

#[test]
fn a_keyword_keeps_the_decimal_point_of_a_number() {
    hold(json!({"user.id": 1.0}), &["user.id == \"1.0\""]);
    fail(json!({"user.id": 1.0}), &["user.id == \"1\""]);
}

#[test]
fn an_empty_text_is_false() {
    let valid = json!({"process.code_signature.valid": ""});
    hold(valid.clone(), &["process.code_signature.valid == false", "process.code_signature.valid != null"]);
}

#[test]
fn two_unknown_optional_fields_are_both_null() {
    hold(json!({}), &["?no.such == ?nor.this", "process.name == ?no.such"]);
    fail(json!({}), &["?no.such != ?nor.this"]);
}

#[test]
fn numbers_may_begin_or_end_with_their_point_and_dots_may_stand_apart() {
    hold(
        json!({"process.pid": 5, "process.name": "a"}),
        &["process.pid > .5", "process.pid == 5.", "process . pid == 5", "process .name == \"a\""],
    );
}

#[test]
fn booleans_and_addresses_compare_by_their_type() {
    hold(
        json!({"destination.ip": "::ffff:10.0.0.1", "source.ip": "10.0.0.1", "process.code_signature.valid": true,
               "process.code_signature.exists": "true"}),
        &[
            "destination.ip == source.ip",
            "not destination.ip < source.ip",
            "process.code_signature.valid == process.code_signature.exists",
            "string(destination.ip) == \"10.0.0.1\"",
        ],
    );
}
