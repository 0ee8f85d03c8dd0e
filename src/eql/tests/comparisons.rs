//! `== != < <= > >=`, `null`, `not`, `and`, `or`.

use super::*;

#[test]
fn every_comparison_of_a_number_holds_below_at_and_above_its_bound() {
    for (operator, at_4, at_5, at_6) in [
        ("==", false, true, false),
        ("!=", true, false, true),
        ("<", true, false, false),
        ("<=", true, true, false),
        (">", false, false, true),
        (">=", false, true, true),
    ] {
        for (pid, expected) in [(4, at_4), (5, at_5), (6, at_6)] {
            let condition = format!("process.pid {operator} 5");
            assert_eq!(selects(&condition, &json!({"process.pid": pid})), expected, "{pid}: {condition}");
        }
    }
}

#[test]
fn every_comparison_of_a_text_holds_below_at_and_above_its_bound() {
    for (operator, below, at, above) in [
        ("==", false, true, false),
        ("!=", true, false, true),
        ("<", true, false, false),
        ("<=", true, true, false),
        (">", false, false, true),
        (">=", false, true, true),
    ] {
        for (name, expected) in [("a", below), ("b", at), ("c", above)] {
            let condition = format!("process.name {operator} \"b\"");
            assert_eq!(selects(&condition, &json!({"process.name": name})), expected, "{name}: {condition}");
        }
    }
}

#[test]
fn a_literal_on_the_left_turns_the_comparison_round() {
    hold(
        json!({"process.pid": 4, "process.name": "b"}),
        &["5 > process.pid", "5 >= process.pid", "4 <= process.pid", "3 < process.pid", "4 == process.pid"],
    );
    fail(json!({"process.pid": 4}), &["5 < process.pid", "4 > process.pid", "4 != process.pid", "5 == process.pid"]);
    hold(json!({"process.name": "b"}), &["\"b\" == process.name", "\"a\" < process.name", "\"a\" != process.name"]);
    hold(json!({}), &["null == process.name", "\"a\" != process.name"]);
}

#[test]
fn equality_of_text_regards_case() {
    hold(json!({"process.name": "Curl"}), &["process.name == \"Curl\"", "process.name != \"curl\""]);
    fail(json!({"process.name": "Curl"}), &["process.name == \"curl\"", "process.name == \"Cur*\""]);
}

#[test]
fn a_positive_test_of_a_missing_field_fails() {
    fail(
        json!({}),
        &[
            "process.name == \"a\"",
            "process.pid == 0",
            "process.pid < 5",
            "process.pid >= 0",
            "process.name : \"*\"",
            "process.name like \"*\"",
            "process.name regex \".*\"",
            "process.name in (\"a\")",
            "process.code_signature.valid",
            "process.code_signature.valid == false",
            "process.name == process.parent.name",
        ],
    );
}

#[test]
fn a_negated_test_of_a_missing_field_holds() {
    hold(
        json!({}),
        &[
            "process.name != \"a\"",
            "process.pid != 5",
            "not process.pid < 5",
            "not process.name == \"a\"",
            "not process.name : \"*\"",
            "process.name not in (\"a\", \"b\")",
            "process.name not like \"*\"",
            "not process.code_signature.valid",
            "process.code_signature.valid != false",
            "process.name != process.parent.name",
        ],
    );
}

#[test]
fn a_positive_test_passes_with_any_value_of_an_array() {
    hold(
        json!({"process.args": ["curl", "-o", "x"]}),
        &[
            "process.args == \"-o\"",
            "process.args : \"CUR*\"",
            "process.args in (\"y\", \"x\")",
            "process.args > \"w\"",
        ],
    );
}

#[test]
fn a_negated_test_passes_when_no_value_of_an_array_does() {
    let args = json!({"process.args": ["curl", "-o", "x"]});
    fail(
        args.clone(),
        &[
            "process.args != \"-o\"",
            "not process.args : \"-*\"",
            "process.args not in (\"curl\")",
            "not process.args > \"w\"",
        ],
    );
    hold(args, &["process.args != \"-p\"", "not process.args : \"+*\"", "process.args not in (\"wget\", \"y\")"]);
}

#[test]
fn two_negations_of_an_array_ask_for_any_value_again() {
    hold(json!({"process.args": ["a", "b"]}), &["not process.args != \"a\"", "not not process.args == \"b\""]);
    fail(json!({"process.args": ["a", "b"]}), &["not not process.args == \"c\"", "not not not process.args == \"a\""]);
}

#[test]
fn null_tells_a_missing_field_from_a_present_one() {
    fail(
        json!({}),
        &["process.name != null", "not process.name == null", "process.name < null", "process.name >= null"],
    );
    hold(json!({}), &["process.name == null", "null == process.name", "not process.name != null"]);
    hold(json!({"process.name": ""}), &["process.name != null", "null != process.name"]);
    fail(json!({"process.name": ""}), &["process.name == null"]);
    hold(json!({"process.code_signature.valid": false}), &["process.code_signature.valid != null"]);
}

#[test]
fn not_binds_closer_than_and_which_binds_closer_than_or() {
    let none = || json!({});
    hold(none(), &["true or true and false", "true or false and false", "not false and true", "not true or true"]);
    fail(none(), &["(true or true) and false", "not (false or true)", "not true and true", "false and true or false"]);
    hold(none(), &["false and false or true", "not false or false", "not (true and false)"]);
}

#[test]
fn not_negates_the_whole_comparison_after_it() {
    hold(json!({"process.pid": 3}), &["not process.pid == 4 and process.pid == 3"]);
    fail(json!({"process.pid": 3}), &["not process.pid == 3 or process.pid == 4"]);
}

#[test]
fn keywords_are_of_any_case_and_in_backticks_a_name_is_a_name() {
    hold(json!({"process.name": "a"}), &["NOT False AND `process`.name In (\"a\")", "`process.name` LIKE \"a\""]);
}

#[test]
fn two_fields_compare_with_each_other() {
    let same = json!({"process.name": "a", "process.parent.name": "a", "process.pid": 5, "process.parent.pid": 4});
    hold(
        same.clone(),
        &[
            "process.name == process.parent.name",
            "process.pid > process.parent.pid",
            "process.pid != process.parent.pid",
        ],
    );
    fail(same, &["process.name != process.parent.name", "process.pid <= process.parent.pid"]);
    hold(json!({"user.id": "501", "process.pid": 501}), &["user.id == process.pid", "process.pid == user.id"]);
    hold(json!({"process.pid": 10, "process.parent.pid": 9}), &["process.pid > process.parent.pid"]);
    hold(json!({"process.args": ["x", "y"], "process.name": "y"}), &["process.name == process.args"]);
}
