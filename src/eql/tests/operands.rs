//! Values of every argument, conditions as values, arithmetic, `substring` and `between`.

use super::*;

#[test]
fn any_value_of_every_argument_counts() {
    let args = || json!({"process.name": "b", "process.args": ["a", "b"], "process.command_line": "run b"});
    hold(
        args(),
        &[
            "concat(\"x\", process.args) == \"xb\"",
            "stringContains(process.command_line, process.args)",
            "endsWith(process.command_line, process.args)",
            "concat(process.args, process.args) == \"ba\"",
            "not startsWith(process.command_line, process.args)",
        ],
    );
    fail(args(), &["concat(process.args, process.args) == \"ac\"", "process.args == concat(\"b\", process.args)"]);
}

#[test]
fn a_missing_optional_argument_takes_its_default() {
    hold(
        json!({"process.pid": 1, "process.name": "abab"}),
        &[
            "number(string(process.pid), null) == 1",
            "number(\"0x1f\", null) == 31",
            "indexOf(process.name, \"b\", null) == 1",
            "indexOf(process.name, \"b\", process.exit_code) == 1",
            "substring(process.name, 1, null) == \"bab\"",
            "between(process.name, \"a\", \"b\", null) == \"\"",
        ],
    );
}

#[test]
fn base_ten_reads_decimals() {
    hold(json!({}), &["number(\"-3.14\", 10) == -3.14", "number(\"12\", 10) == 12", "number(\"2a\", 10) == null"]);
}

#[test]
fn a_condition_is_a_value_that_a_missing_field_leaves_unknown() {
    hold(
        json!({}),
        &[
            "null == (process.exit_code > -1)",
            "(process.exit_code > -1) == null",
            "(process.exit_code > -1) != true",
            "(process.exit_code > -1) == false",
            "null == (process.name in (\"a\"))",
            "null == (process.exit_code > -1 and process.pid == 1)",
            "null == (not (process.exit_code > -1))",
            "(process.name == null) == true",
        ],
    );
    fail(json!({}), &["true == (process.name in (\"a\"))", "(process.exit_code > 1) == (process.exit_code > 2)"]);
    let exited = || json!({"process.exit_code": 3, "process.name": "a"});
    hold(
        exited(),
        &[
            "true == (process.name in (\"a\", \"b\"))",
            "(process.exit_code > 1) == (process.exit_code > 2)",
            "null != (process.exit_code > 5)",
            "(process.exit_code > 5) == false",
            "string(process.exit_code > 1) == \"true\"",
            "(process.exit_code == 3 or process.pid == 1) == true",
            "null != (process.exit_code == 3 or process.pid == 1)",
            "null == (process.exit_code == 4 or process.pid == 1)",
        ],
    );
    fail(exited(), &["null == (process.exit_code > -1)"]);
}

#[test]
fn null_alone_is_neither_true_nor_false() {
    fail(json!({}), &["null", "not null", "null and true", "not (null and true)", "null or null", "null or false"]);
    hold(json!({}), &["null or true"]);
}

#[test]
fn arithmetic_has_operators_and_functions() {
    hold(
        json!({"process.pid": 10, "process.exit_code": -7}),
        &[
            "process.pid + 5 == 15",
            "process.pid - 5 == 5",
            "process.pid -5 == 5",
            "5 - process.pid == -5",
            "process.pid * 2 + 1 == 21",
            "1 + process.pid * 2 == 21",
            "(1 + process.pid) * 2 == 22",
            "process.pid / 4 == 2",
            "process.pid / 4.0 == 2.5",
            "process.pid % 3 == 1",
            "process.exit_code / 2 == -3",
            "process.exit_code % 4 == -3",
            "-process.pid == -10",
            "- -process.pid == 10",
            "process.pid - 1 - 2 == 7",
            "add(process.pid, 5) == 15",
            "subtract(process.pid, 5) == 5",
            "multiply(process.pid, 0.5) == 5",
            "divide(process.pid, 3) == 3",
            "modulo(process.pid, 4) == 2",
            "(process.pid + 1) in (10, 11)",
            "20 > process.pid + 5",
            "number(\"4\") + 1 == 5",
        ],
    );
}

#[test]
fn arithmetic_without_an_answer_has_no_value() {
    hold(
        json!({"process.pid": 10, "process.parent.pid": 0, "event.sequence": i64::MAX}),
        &[
            "process.pid / process.parent.pid == null",
            "process.pid % process.parent.pid == null",
            "1.5 / process.parent.pid == null",
            "event.sequence + 1 == null",
            "event.sequence * 2 == null",
            "process.exit_code + 1 == null",
            "process.pid + null == null",
        ],
    );
}

#[test]
fn substring_is_a_slice() {
    hold(
        json!({"process.name": "abcdef"}),
        &[
            "substring(process.name, 2) == \"cdef\"",
            "substring(process.name, 0, 2) == \"ab\"",
            "substring(process.name, -2) == \"ef\"",
            "substring(process.name, 1, -1) == \"bcde\"",
            "substring(process.name, -9, 2) == \"ab\"",
            "substring(process.name, 4, 99) == \"ef\"",
            "substring(process.name, 4, 2) == \"\"",
            "substring(process.name, 99) == \"\"",
            "substring(process.name, null) == null",
        ],
    );
    hold(json!({"process.name": "é😀x"}), &["substring(process.name, 3) == \"x\"", "length(process.name) == 4"]);
}

#[test]
fn between_takes_the_shortest_or_the_longest() {
    hold(
        json!({"process.command_line": "a [x] b [y] C"}),
        &[
            "between(process.command_line, \"[\", \"]\") == \"x\"",
            "between(process.command_line, \"[\", \"]\", true) == \"x] b [y\"",
            "between(process.command_line, \"[\", \"]\", false) == \"x\"",
            "between(process.command_line, \"(\", \"]\") == \"\"",
            "between(process.command_line, \"]\", \"(\") == \"\"",
            "between(process.command_line, \"B \", \" c\") == \"\"",
            "between~(process.command_line, \"B \", \" c\") == \"[y]\"",
            "between(process.command_line, null, \"]\") == null",
            "between(process.command_line, \"\", \"]\") == \"a [x] b [y] C\"",
            "between(process.command_line, \"[\", \"\", true) == \"a [x] b [y] C\"",
        ],
    );
}

#[test]
fn combinations_of_long_arrays_end() {
    let long: Vec<String> = (0..2000).map(|number| number.to_string()).collect();
    fail(
        json!({"process.args": long, "process.parent.args": long}),
        &[
            "concat(process.args, process.parent.args, process.args) == \"x\"",
            "process.args == concat(process.parent.args, \"x\")",
        ],
    );
}
