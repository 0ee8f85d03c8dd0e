//! `:`, `like`, `regex` and `in`, with one value and with a list.

use super::*;

#[test]
fn a_colon_matches_wildcards_without_regard_to_case() {
    hold(
        json!({"process.name": "OsaScript"}),
        &[
            "process.name : \"osascript\"",
            "process.name : \"OSA*\"",
            "process.name : \"*SCRIPT\"",
            "process.name : \"o?as*t\"",
            "process.name : \"*ascr*\"",
            "process.name : (\"curl\", \"osa*\")",
        ],
    );
    fail(
        json!({"process.name": "OsaScript"}),
        &["process.name : \"osa\"", "process.name : \"?osascript\"", "process.name : (\"curl\", \"*.py\")"],
    );
}

#[test]
fn only_ascii_letters_have_two_cases() {
    fail(
        json!({"process.name": "É"}),
        &[
            "process.name : \"é\"",
            "process.name : \"*é*\"",
            "process.name in~ (\"é\", \"e\")",
            "process.name like~ \"é*\"",
        ],
    );
    hold(json!({"process.name": "É"}), &["process.name : \"É\"", "process.name : \"?\""]);
}

#[test]
fn a_question_mark_is_one_character_of_any_length() {
    hold(json!({"process.name": "a😀b"}), &["process.name : \"a?b\""]);
    fail(json!({"process.name": "a😀b"}), &["process.name : \"a??b\"", "process.name : \"ab?\""]);
}

#[test]
fn all_but_star_and_question_mark_is_literal_in_a_wildcard() {
    fail(json!({"process.name": "comXapple"}), &["process.name : \"com.apple\"", "process.name like \"com.*\""]);
    hold(json!({"process.name": "[a-z]+(x)|\\"}), &["process.name : \"[a-z]+(x)|*\"", "process.name like \"*|\\\\\""]);
}

#[test]
fn like_regards_case_and_its_tilde_form_does_not() {
    let name = || json!({"process.name": "Curl"});
    hold(name(), &["process.name like \"C?rl\"", "process.name like (\"x\", \"Cu*\")", "process.name like \"Curl\""]);
    fail(name(), &["process.name like \"c?rl\"", "process.name like (\"x\", \"cu*\")", "process.name like \"curl\""]);
    hold(
        name(),
        &["process.name like~ \"c?RL\"", "process.name like~ (\"x\", \"cu*\")", "process.name LIKE~ \"curl\""],
    );
    fail(name(), &["process.name like~ \"url\"", "process.name not like~ (\"x\", \"cu*\")"]);
}

#[test]
fn a_regular_expression_matches_the_whole_value() {
    let name = || json!({"process.name": "python3"});
    hold(name(), &["process.name regex \"python[0-9]\"", "process.name regex (\"ruby\", \"p.*\")"]);
    fail(
        name(),
        &["process.name regex \"python\"", "process.name regex \"ython[0-9]\"", "process.name regex \"a|python\""],
    );
    hold(json!({"process.command_line": "a\nb"}), &["process.command_line regex \"a.b\""]);
    fail(json!({"process.command_line": "a\n"}), &["process.command_line regex \"a\""]);
}

#[test]
fn regex_regards_case_and_its_tilde_form_does_not() {
    fail(json!({"process.name": "Curl"}), &["process.name regex \"curl\"", "process.name regex (\"x\", \"cu.*\")"]);
    hold(json!({"process.name": "Curl"}), &["process.name regex~ \"cURL\"", "process.name regex~ (\"x\", \"cu.*\")"]);
    fail(json!({"process.name": "Curl"}), &["process.name not regex~ \"cURL\""]);
}

#[test]
fn in_regards_case_and_its_tilde_form_does_not() {
    hold(json!({"process.name": "Curl"}), &["process.name in (\"wget\", \"Curl\")", "process.name in (\"Curl\")"]);
    fail(json!({"process.name": "Curl"}), &["process.name in (\"wget\", \"curl\")", "process.name in (\"curl\")"]);
    hold(json!({"process.name": "Curl"}), &["process.name in~ (\"wget\", \"cURL\")", "process.name in~ (\"curl\")"]);
    fail(
        json!({"process.name": "Curl"}),
        &["process.name not in~ (\"wget\", \"cURL\")", "process.name in~ (\"cur*\")"],
    );
}

#[test]
fn in_takes_a_star_literally() {
    hold(json!({"process.name": "c*"}), &["process.name in (\"c*\", \"x\")", "process.name in (\"c*\")"]);
    fail(json!({"process.name": "cd"}), &["process.name in (\"c*\", \"x\")", "process.name in (\"c*\")"]);
}

#[test]
fn nothing_is_in_a_list_for_being_null() {
    hold(json!({"process.pid": 7}), &["process.pid in (7, null)", "process.pid not in (null, 5)"]);
    fail(json!({"process.pid": 7}), &["process.pid in (null, 5)", "process.pid not in (7, null)"]);
    hold(json!({}), &["process.pid not in (7, null)", "destination.ip not in (\"::1\", null)"]);
    fail(json!({}), &["process.pid in (7, null)", "process.pid in (null)", "process.pid not in (null, null)"]);
    hold(json!({"process.name": "a"}), &["substring(process.name, 0) in (\"a\", NULL)"]);
}

#[test]
fn not_in_holds_of_what_the_list_lacks() {
    hold(json!({"process.pid": 7}), &["process.pid not in (5, 6)", "not process.pid in (5, 6)"]);
    fail(json!({"process.pid": 7}), &["process.pid not in (7)", "process.pid not in (6, 7, 8)"]);
}

#[test]
fn a_list_holds_values_of_the_kind_of_the_field() {
    for value in [json!(501), json!("501")] {
        hold(json!({"user.id": value}), &["user.id in (\"0\", \"501\")", "user.id : (\"501\", \"6*\")"]);
        fail(json!({"user.id": value}), &["user.id in (\"0\", \"502\")"]);
    }
    hold(json!({"process.pid": 7}), &["process.pid in (7.0, 8)", "process.pid in (-7, 7)"]);
    hold(json!({"process.code_signature.valid": true}), &["process.code_signature.valid in (false, true)"]);
}

#[test]
fn a_test_of_a_list_or_a_pattern_is_true_or_false() {
    hold(
        json!({"process.name": "Curl", "process.pid": 7}),
        &[
            "process.name in (\"wget\", \"Curl\") == true",
            "process.name : \"wg*\" == false",
            "process.name not in (\"wget\") == true",
            "true == process.name like~ (\"cu*\")",
            "process.name regex \"W.*\" != true",
            "process.pid in (7) and process.name : (\"c*\") == true",
        ],
    );
    fail(json!({"process.name": "Curl"}), &["process.name : \"c*\" == false", "false == process.name in (\"Curl\")"]);
}

#[test]
fn a_caseless_subfield_disregards_case_with_every_operator() {
    hold(
        json!({"process.name": "Curl"}),
        &[
            "process.name.caseless == \"cURL\"",
            "process.name.caseless in (\"curl\", \"x\")",
            "process.name.caseless like \"cur*\"",
            "process.name.caseless regex \"cur.\"",
            "startsWith(process.name.caseless, \"CU\")",
        ],
    );
    fail(json!({"process.name": "Curl"}), &["process.name.caseless != \"cURL\""]);
}

#[test]
fn the_value_tested_may_be_a_function_call() {
    hold(
        json!({"process.name": "Curl"}),
        &[
            "length(process.name) in (3, 4)",
            "concat(process.name, \"!\") : \"curl?\"",
            "(length(process.name) + 1) in (5)",
        ],
    );
    fail(
        json!({"process.name": "Curl"}),
        &["length(process.name) in (5, 6)", "concat(process.name, \"!\") like \"curl?\""],
    );
    fail(json!({}), &["concat(process.name, \"!\") : \"*\""]);
}
