//! How the type of a field decides what its values are.

use super::*;

#[test]
fn a_keyword_of_more_than_1024_characters_is_missing() {
    let (kept, ignored) = (json!({"process.name": "a".repeat(1024)}), json!({"process.name": "a".repeat(1025)}));
    for test in
        ["process.name : \"a*\"", "process.name regex \"a+\"", "length(process.name) > 0", "process.name != null"]
    {
        hold(kept.clone(), &[test]);
        fail(ignored.clone(), &[test]);
    }
    let equal = format!("process.name == \"{}\"", "a".repeat(1025));
    fail(ignored.clone(), &[&equal]);
    hold(ignored, &["process.name == null", "not process.name : \"a*\""]);
}

#[test]
fn the_limit_of_a_keyword_counts_characters_not_bytes() {
    hold(json!({"process.name": "é".repeat(1024)}), &["process.name : \"é*\""]);
    fail(json!({"process.name": "é".repeat(1025)}), &["process.name : \"é*\""]);
}

#[test]
fn the_other_values_of_an_array_stay_when_one_is_too_long() {
    let long = format!("x{}", "a".repeat(1024));
    hold(json!({"process.args": [long, "b"]}), &["process.args == \"b\"", "not process.args : \"x*\""]);
}

#[test]
fn a_wildcard_field_has_text_of_any_length() {
    let long = json!({"process.command_line": "a".repeat(1025)});
    hold(long.clone(), &["process.command_line : \"a*\"", "length(process.command_line) == 1025"]);
    hold(long, &["process.command_line != null", "process.command_line regex \"a{1025}\""]);
}

#[test]
fn a_keyword_compares_with_a_number_as_text() {
    for value in [json!(501), json!("501")] {
        let user = json!({"user.id": value});
        hold(
            user.clone(),
            &["user.id == 501", "user.id == \"501\"", "501 == user.id", "user.id : \"50?\"", "user.id like \"5*\""],
        );
        fail(user, &["user.id == 502", "user.id != \"501\"", "user.id != 501", "user.id == \"0501\""]);
    }
    fail(json!({"user.id": "0501"}), &["user.id == 501"]);
}

#[test]
fn a_keyword_may_hold_a_boolean_as_text() {
    hold(json!({"user.id": true}), &["user.id == \"true\"", "user.id == true"]);
}

#[test]
fn a_long_field_reads_numeric_texts_on_both_sides() {
    for value in [json!(80), json!("80")] {
        let pid = json!({"process.pid": value});
        hold(pid.clone(), &["process.pid == 80", "process.pid == \"80\"", "process.pid < 443", "process.pid > \"9\""]);
        hold(pid.clone(), &["process.pid in (80, 443)", "process.pid == 80.0", "process.pid in (80.0, 443)"]);
        fail(pid, &["process.pid != \"80\"", "process.pid > 443", "process.pid in (8, 0)"]);
    }
}

#[test]
fn a_value_that_is_no_number_is_missing_from_a_long_field() {
    for value in [json!("eighty"), json!(""), json!(true)] {
        let pid = json!({"process.pid": value});
        hold(pid.clone(), &["process.pid == null", "process.pid != 80", "not process.pid > 0"]);
        fail(pid, &["process.pid != null", "process.pid >= 0", "length(string(process.pid)) >= 0"]);
    }
}

#[test]
fn a_boolean_field_reads_the_texts_true_and_false() {
    for value in [json!(true), json!("true")] {
        let valid = json!({"process.code_signature.valid": value});
        hold(
            valid.clone(),
            &[
                "process.code_signature.valid == true",
                "process.code_signature.valid == \"true\"",
                "process.code_signature.valid",
                "process.code_signature.valid != false",
                "true == process.code_signature.valid",
                "process.code_signature.valid in (true)",
            ],
        );
        fail(valid, &["process.code_signature.valid == false", "not process.code_signature.valid"]);
    }
    hold(json!({"process.code_signature.valid": "yes"}), &["process.code_signature.valid == null"]);
    hold(json!({"process.code_signature.valid": 1}), &["process.code_signature.valid == null"]);
}

#[test]
fn an_address_equals_itself_however_written() {
    for value in ["::1", "0:0:0:0:0:0:0:1", "0000::0001", "::1%lo0"] {
        hold(json!({"destination.ip": value}), &["destination.ip == \"::1\"", "destination.ip == \"0:0::1\""]);
        fail(json!({"destination.ip": value}), &["destination.ip != \"::1\"", "destination.ip == \"::2\""]);
    }
    hold(json!({"destination.ip": "FE80::A"}), &["destination.ip == \"fe80::a\"", "destination.ip == \"fe80::a%en0\""]);
}

#[test]
fn a_mapped_address_is_the_address_it_maps() {
    hold(
        json!({"destination.ip": "::ffff:10.1.2.3"}),
        &["destination.ip == \"10.1.2.3\"", "destination.ip == \"10.0.0.0/8\"", "string(destination.ip) : \"10.1.*\""],
    );
    hold(
        json!({"destination.ip": "10.1.2.3"}),
        &["destination.ip == \"::ffff:10.1.2.3\"", "destination.ip == \"::FFFF:a01:203\""],
    );
}

#[test]
fn an_address_equals_the_networks_it_is_in() {
    hold(
        json!({"destination.ip": "10.0.0.7"}),
        &[
            "destination.ip == \"10.0.0.0/29\"",
            "cidrMatch(destination.ip, \"10.0.0.0/8\")",
            "destination.ip in (\"::1\", \"10.0.0.0/29\")",
        ],
    );
    fail(
        json!({"destination.ip": "10.0.0.8"}),
        &["destination.ip == \"10.0.0.0/29\"", "destination.ip != \"10.0.0.0/8\""],
    );
}

#[test]
fn an_address_matches_wildcards_in_its_shortest_form() {
    hold(
        json!({"destination.ip": "10.1.2.3"}),
        &["string(destination.ip) : \"10.*\"", "wildcard(string(destination.ip), \"*.2.?\")"],
    );
    hold(
        json!({"destination.ip": "FE80:0::1"}),
        &["string(destination.ip) : \"FE80::*\"", "string(destination.ip) like \"fe80::*\""],
    );
    fail(json!({"destination.ip": "110.1.2.3"}), &["string(destination.ip) : \"10.*\""]);
}

#[test]
fn a_list_for_an_address_may_mix_networks_and_addresses() {
    let list = "destination.ip in (\"10.0.0.0/8\", \"192.168.0.0/16\", \"0:0:0:0:0:0:0:1\")";
    for (ip, selected) in [("10.1.2.3", true), ("192.168.3.4", true), ("::1", true), ("11.0.0.1", false)] {
        assert_eq!(selects(list, &json!({"destination.ip": ip})), selected, "{ip}");
    }
    assert_eq!(
        compiled("any where destination.ip in (\"10.0.0.0/8\", \"10.*\")").unwrap_err().message,
        "this field holds addresses"
    );
}

#[test]
fn addresses_have_an_order() {
    hold(json!({"destination.ip": "10.0.0.9"}), &["destination.ip < \"10.0.0.10\"", "destination.ip >= \"9.255.0.0\""]);
    hold(json!({"destination.ip": "8.8.8.8"}), &["destination.ip > \"::1\"", "destination.ip < \"fe80::\""]);
    fail(json!({"destination.ip": "10.0.0.9"}), &["destination.ip > \"10.0.0.10\"", "destination.ip <= \"10.0.0.8\""]);
}

#[test]
fn a_malformed_address_is_missing() {
    for value in [json!("10.0.0"), json!("10.0.0.256"), json!("localhost"), json!(""), json!(10)] {
        let ip = json!({"destination.ip": value});
        hold(
            ip.clone(),
            &["destination.ip == null", "destination.ip != \"::1\"", "not cidrMatch(destination.ip, \"0.0.0.0/0\")"],
        );
        fail(ip, &["destination.ip != null", "string(destination.ip) : \"*\"", "destination.ip < \"255.0.0.0\""]);
    }
}
