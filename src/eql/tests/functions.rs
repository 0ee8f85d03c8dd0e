//! The functions, alone and in comparisons.

use super::*;

#[test]
fn functions_of_text_regard_case() {
    let curl = || json!({"process.name": "Curl"});
    hold(
        curl(),
        &[
            "startsWith(process.name, \"Cu\")",
            "endsWith(process.name, \"url\")",
            "stringContains(process.name, \"ur\")",
            "wildcard(process.name, \"C*l\")",
            "wildcard(process.name, \"x\", \"C?rl\")",
        ],
    );
    fail(
        curl(),
        &[
            "startsWith(process.name, \"cu\")",
            "endsWith(process.name, \"URL\")",
            "stringContains(process.name, \"UR\")",
            "wildcard(process.name, \"c*l\")",
            "wildcard(process.name, \"x\", \"url\")",
        ],
    );
}

#[test]
fn the_tilde_form_of_a_function_disregards_case() {
    hold(
        json!({"process.name": "Curl"}),
        &[
            "startsWith~(process.name, \"cU\")",
            "endsWith~(process.name, \"URL\")",
            "stringContains~(process.name, \"uR\")",
            "wildcard~(process.name, \"x\", \"C?RL\")",
            "indexOf~(process.name, \"URL\") == 1",
        ],
    );
    fail(json!({"process.name": "Curl"}), &["startsWith~(process.name, \"url\")", "wildcard~(process.name, \"url\")"]);
}

#[test]
fn the_name_of_a_function_may_be_in_any_letter_case() {
    hold(
        json!({"process.name": "Curl", "destination.ip": "10.0.0.1"}),
        &[
            "STARTSWITH(process.name, \"Cu\")",
            "startswith~(process.name, \"cu\")",
            "EndsWith~(process.name, \"RL\")",
            "stringcontains(process.name, \"ur\")",
            "WildCard(process.name, \"C*\")",
            "CIDRMATCH(destination.ip, \"10.0.0.0/8\")",
            "Length(process.name) == 4",
            "indexof(process.name, \"r\") == 2",
        ],
    );
}

#[test]
fn functions_of_text_take_wildcards_literally_and_wildcard_does_not() {
    fail(json!({"process.name": "abc"}), &["startsWith(process.name, \"a*\")", "stringContains(process.name, \"?\")"]);
    hold(json!({"process.name": "a*?"}), &["startsWith(process.name, \"a*\")", "endsWith(process.name, \"?\")"]);
    hold(json!({"process.name": "abc"}), &["wildcard(process.name, \"a*\")"]);
    fail(json!({"process.name": "ab"}), &["startsWith(process.name, \"abc\")", "endsWith(process.name, \"xab\")"]);
    hold(json!({"process.name": "ab"}), &["startsWith(process.name, \"\")", "stringContains(process.name, \"\")"]);
}

#[test]
fn a_function_passes_with_any_value_of_an_array_and_its_negation_with_none() {
    let args = || json!({"process.args": ["-c", "import os"]});
    hold(args(), &["startsWith(process.args, \"imp\")", "length(process.args) == 2", "length(process.args) == 9"]);
    fail(args(), &["not startsWith(process.args, \"-\")", "not length(process.args) == 2"]);
    hold(args(), &["not endsWith(process.args, \"x\")", "not length(process.args) == 3"]);
}

#[test]
fn a_function_differs_from_a_value_when_it_is_equal_for_no_value_of_its_field_also_when_there_is_none() {
    let args = || json!({"process.args": ["-c", "import os"], "process.pid": 7});
    hold(
        args(),
        &[
            "length(process.args) != 3",
            "3 != length(process.args)",
            "substring(process.args, 0, 1) != \"x\"",
            "process.pid % 2 != 0",
            "process.pid + 1 != 9",
            "not length(process.args) != 2",
        ],
    );
    fail(
        args(),
        &[
            "length(process.args) != 2",
            "not length(process.args) == 2",
            "substring(process.args, 0, 1) != \"-\"",
            "concat(\"a\", \"b\") != \"ab\"",
            "process.pid - 1 != 6",
        ],
    );
    hold(
        json!({}),
        &[
            "length(process.args) != 2",
            "concat(process.name, \"a\") != \"x\"",
            "string(process.command_line) != \"x\"",
            "process.pid % 2 != 0",
            "length(process.name) + 1 != 3",
            "not length(process.args) == 2",
            "process.pid + 1 != 9",
            "1 - process.pid != 9",
            "string(process.name) != \"x\"",
            "startsWith(process.name, \"x\") != true",
        ],
    );
}

#[test]
fn a_function_is_null_when_it_is_so_of_any_value_of_its_fields() {
    let args = || json!({"process.args": ["curl", "x"]});
    hold(args(), &["indexOf(process.args, \"u\") == null", "indexOf(process.args, \"z\") == null"]);
    hold(args(), &["length(process.args) != null", "indexOf(process.args, \"u\") == 1"]);
    fail(args(), &["indexOf(process.args, \"u\") != null", "length(process.args) == null"]);
    hold(json!({"process.args": ["u", "xu"]}), &["indexOf(process.args, \"u\") != null"]);
    hold(json!({}), &["length(substring(process.name, 1)) == null", "concat(\"a\", process.args) == null"]);
}

#[test]
fn a_function_equals_true_or_false() {
    let curl = || json!({"process.name": "curl"});
    hold(
        curl(),
        &[
            "startsWith(process.name, \"c\") == true",
            "true == startsWith(process.name, \"c\")",
            "startsWith(process.name, \"c\") != false",
            "endsWith(process.name, \"c\") == false",
            "endsWith(process.name, \"c\") != true",
            "startsWith(process.name, process.name) == true",
        ],
    );
    fail(curl(), &["startsWith(process.name, \"c\") == false", "endsWith(process.name, \"c\") == true"]);
}

#[test]
fn a_function_of_a_missing_field_is_not_true() {
    fail(
        json!({}),
        &[
            "startsWith(process.name, \"\")",
            "wildcard(process.name, \"*\")",
            "cidrMatch(destination.ip, \"0.0.0.0/0\")",
            "length(process.name) >= 0",
            "indexOf(process.name, \"\") >= 0",
            "concat(process.name, \"a\") != null",
            "concat(\"a\", process.name) != null",
            "string(process.pid) != null",
            "number(process.name) != null",
        ],
    );
    hold(
        json!({}),
        &["startsWith(process.name, \"\") == false", "not length(process.name) >= 0", "length(process.name) == null"],
    );
}

#[test]
fn length_counts_characters() {
    hold(
        json!({"process.name": "éa"}),
        &["length(process.name) == 2", "2 == length(process.name)", "length(process.name) < 3"],
    );
    hold(json!({"process.name": ""}), &["length(process.name) == 0"]);
    hold(json!({"process.pid": 1234}), &["length(string(process.pid)) == 4"]);
}

#[test]
fn index_of_finds_the_first_place_from_a_start() {
    hold(
        json!({"process.name": "éabcabc"}),
        &[
            "indexOf(process.name, \"é\") == 0",
            "indexOf(process.name, \"abc\") == 1",
            "indexOf(process.name, \"abc\", 1) == 1",
            "indexOf(process.name, \"abc\", 2) == 4",
            "indexOf(process.name, \"\", 7) == 7",
            "indexOf(process.name, \"x\") == null",
            "indexOf(process.name, \"abc\", 5) == null",
            "indexOf(process.name, \"\", 8) == 7",
            "indexOf(process.name, \"a\", 8) == null",
            "indexOf(process.name, \"abc\", -3) == 1",
        ],
    );
    fail(json!({"process.name": "abc"}), &["indexOf(process.name, \"x\") >= 0", "indexOf(process.name, \"B\") >= 0"]);
}

#[test]
fn concat_joins_texts_numbers_and_booleans() {
    hold(
        json!({"process.name": "a", "process.pid": 5, "process.code_signature.valid": true}),
        &[
            "concat(process.name) == \"a\"",
            "concat(process.name, \":\", process.pid) == \"a:5\"",
            "concat(\"x\", 1, true, process.code_signature.valid) == \"x1truetrue\"",
            "concat(process.name, process.pid) != \"a 5\"",
            "startsWith(concat(\"x\", process.name), \"xa\")",
        ],
    );
}

#[test]
fn number_reads_decimal_hexadecimal_and_any_base() {
    hold(
        json!({"process.name": "42", "process.args": ["0x2a"], "user.id": "z"}),
        &[
            "number(process.name) == 42",
            "number(process.name) > 41.5",
            "number(process.args) == 42",
            "number(process.args, 16) == 42",
            "number(process.name, 8) == 34",
            "number(user.id, 36) == 35",
            "number(user.id) == null",
            "number(process.name, 1) == null",
            "number(process.name, 37) == null",
        ],
    );
}

#[test]
fn string_makes_a_number_text() {
    hold(
        json!({"process.pid": 80}),
        &["string(process.pid) == \"80\"", "string(process.pid) : \"8?\"", "string(80) == \"80\""],
    );
    hold(json!({"process.pid": 80}), &["endsWith(string(process.pid), \"0\")", "string(process.pid) < \"9\""]);
}

#[test]
fn arguments_may_be_fields() {
    hold(
        json!({"process.name": "Curl", "process.command_line": "/usr/bin/curl -o x"}),
        &[
            "stringContains~(process.command_line, process.name)",
            "not stringContains(process.command_line, process.name)",
        ],
    );
    let empty = json!({"process.name": "", "process.command_line": "x"});
    hold(
        empty.clone(),
        &["stringContains(process.command_line, \"\")", "endsWith(process.command_line, process.name)"],
    );
    fail(empty, &["stringContains(process.command_line, process.name)"]);
}

#[test]
fn cidr_match_includes_the_first_and_last_address_of_a_network() {
    for (ip, inside) in [
        ("171.255.255.255", false),
        ("172.16.0.0", true),
        ("172.31.255.255", true),
        ("172.32.0.0", false),
        ("::ffff:172.16.0.0", true),
        ("fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false),
        ("fe80::", true),
        ("febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff%en0", true),
        ("fec0::", false),
        ("192.0.0.8", true),
        ("192.0.0.9", false),
    ] {
        let condition = "cidrMatch(destination.ip, \"172.16.0.0/12\", \"FE80::/10\", \"192.0.0.8\")";
        assert_eq!(selects(condition, &json!({"destination.ip": ip})), inside, "{ip}");
    }
}

#[test]
fn a_function_as_a_value_may_be_cidr_match() {
    hold(json!({"destination.ip": "10.1.1.1"}), &["string(cidrMatch(destination.ip, \"10.6.48.157/8\")) : \"true\""]);
    hold(json!({"destination.ip": "11.1.1.1"}), &["string(cidrMatch(destination.ip, \"10.6.48.157/8\")) : \"false\""]);
    fail(json!({}), &["string(cidrMatch(destination.ip, \"10.6.48.157/8\")) : \"false\""]);
}

#[test]
fn a_network_may_be_written_with_any_address_in_it() {
    hold(json!({"destination.ip": "10.0.0.1"}), &["cidrMatch(destination.ip, \"10.0.0.9/28\")"]);
    fail(json!({"destination.ip": "10.0.0.16"}), &["cidrMatch(destination.ip, \"10.0.0.9/28\")"]);
}
