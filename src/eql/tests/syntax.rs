//! Comments, literals and names: how a query is written.

use super::*;

/// The text that a literal stands for, asked of a command line that has it.
#[track_caller]
fn is_literal_for(literal: &str, text: &str) {
    hold(json!({"process.command_line": text}), &[&format!("process.command_line == {literal}")]);
}

#[test]
fn comments_are_blank() {
    hold(
        json!({"process.pid": 5}),
        &[
            "true // and false",
            "true /* and false */",
            "// a \"quote\"\nprocess.pid /* ** / */ == /**/ 5 //",
            "true /* on\nlines */ and // more\n true",
        ],
    );
    fail(json!({}), &["true // or\n and false", "true /* x */ and false /* y */"]);
}

#[test]
fn a_comment_does_not_end_with_its_own_first_star() {
    assert_eq!(compiled("process where true /*/ and false").unwrap_err().message, "unterminated comment");
    hold(json!({}), &["true /*/ and false */"]);
}

#[test]
fn a_comment_may_have_comments_in_it() {
    hold(json!({}), &["true /* or /* x */ and */ and true", "/*/**/*/ true", "true /* a /* b /* c */ */ false */"]);
    // What has no end of its own is none.
    hold(json!({}), &["true /* all of /tmp/* and /var/* */ and true", "true /* é/* */ and true /* x */"]);
    fail(json!({}), &["true /* /tmp/* */ and false"]);
}

#[test]
fn what_looks_like_a_comment_in_a_text_is_text() {
    is_literal_for("\"http://x/*y*/\"", "http://x/*y*/");
    is_literal_for("\"\"\"a // b\"\"\"", "a // b");
}

#[test]
fn a_text_has_escapes() {
    is_literal_for(r#""a\tb\nc\rd\be\ff""#, "a\tb\nc\rd\u{8}e\u{c}f");
    is_literal_for(r#""\\ \" \'""#, "\\ \" '");
    is_literal_for(r#""C:\\x\\*""#, r"C:\x\*");
    is_literal_for(r#""it's""#, "it's");
}

#[test]
fn a_text_has_characters_by_their_code() {
    is_literal_for(r#""\u{41}\u{1F600}\u{e9}\u{000041}""#, "A😀éA");
    is_literal_for(r#""\u0041b""#, "Ab");
}

#[test]
fn a_text_in_three_quotes_is_raw() {
    is_literal_for(r#""""C:\new\"x"\u{41}""""#, r#"C:\new\"x"\u{41}"#);
    is_literal_for("\"\"\"a\nb\"\"\"", "a\nb");
    is_literal_for("\"\"\"\"\"\"", "");
    is_literal_for("\"\"\"\"a\"\"\"\"", "\"a\"");
}

#[test]
fn a_text_after_a_question_mark_is_raw() {
    is_literal_for(r#"?"C:\new\u{41}""#, r"C:\new\u{41}");
    is_literal_for(r#"?'say "a"'"#, "say \"a\"");
    is_literal_for(r#"?"""#, "");
}

#[test]
fn numbers_have_signs_fractions_and_exponents() {
    hold(json!({"process.exit_code": -5}), &["process.exit_code == -5", "process.exit_code == -0.5e1"]);
    hold(json!({"process.pid": 1500}), &["process.pid == 1.5e3", "process.pid == 15E+2", "process.pid > 1499.5"]);
    hold(json!({"process.pid": 15}), &["process.pid == 150e-1", "process.pid == 015"]);
}

#[test]
fn true_false_and_a_boolean_field_are_conditions() {
    hold(json!({"process.code_signature.valid": true}), &["true", "TRUE", "process.code_signature.valid", "not false"]);
    fail(json!({"process.code_signature.valid": false}), &["false", "process.code_signature.valid", "not true"]);
}

#[test]
fn an_optional_field_that_no_table_holds_is_missing() {
    fail(
        json!({"process.name": "a"}),
        &[
            "?no.such == \"a\"",
            "?no.such < 5",
            "?no.such : \"*\"",
            "?no.such in (\"a\")",
            "?no.such != null",
            "?no.such",
            "startsWith(?no.such, \"a\")",
            "length(?no.such) >= 0",
            "process.name == ?no.such",
            "endsWith(process.name, ?no.such)",
        ],
    );
    hold(json!({"process.name": "a"}), &["?no.such != \"a\"", "?no.such == null", "not ?no.such != null"]);
}

#[test]
fn what_is_asked_of_an_optional_field_that_no_table_holds_is_unknown_and_so_is_its_negation() {
    for asked in [
        "?no.such : \"*\"",
        "?no.such in (\"a\")",
        "?no.such like~ \"a*\"",
        "?no.such regex \"a\"",
        "?no.such > 3",
        "?no.such",
        "null : \"a\"",
        "startsWith(?no.such, \"a\")",
        "endsWith(process.name, ?no.such)",
        "cidrMatch(?no.such, \"10.0.0.0/8\")",
    ] {
        let negated =
            [format!("not {asked}"), format!("({asked}) == false"), format!("not ({asked} and process.pid == 3)")];
        fail(json!({"process.name": "a", "process.pid": 1}), &[asked, &negated[0], &negated[1], &negated[2]]);
        hold(json!({"process.name": "a"}), &[&format!("{asked} or process.name == \"a\"")]);
    }
    fail(json!({"process.name": "a"}), &["?no.such not in (\"a\")"]);
}

#[test]
fn a_function_of_an_optional_field_that_no_table_holds_is_null_as_well() {
    for asked in [
        "length(?no.such) > 3",
        "length(?no.such) in (3)",
        "concat(\"a\", ?no.such) : \"a*\"",
        "process.pid + length(?no.such) <= 3",
        "endsWith(process.name, substring(?no.such, 1))",
    ] {
        fail(json!({"process.name": "a", "process.pid": 1}), &[asked, &format!("not {asked}")]);
    }
    hold(
        json!({"process.name": "a"}),
        &[
            "length(?no.such) == null",
            "length(?no.such) != 3",
            "not length(?no.such) == 3",
            "indexOf(process.name, \"a\", ?no.such) == 0",
        ],
    );
    assert!(compiled("process where length(?no.such, 1) == 3").is_err());
}

#[test]
fn an_optional_field_that_exists_is_that_field() {
    hold(
        json!({"process.name": "a"}),
        &["?process.name == \"a\"", "startsWith(?process.name, \"a\")", "?process.name != null"],
    );
    fail(json!({"process.name": "a"}), &["?process.name == \"b\"", "?process.name == null"]);
}

#[test]
fn two_backticks_in_a_name_are_one_of_it() {
    hold(json!({}), &["?`no``such` == null", "?`no-such`.`a``` == null", "`process`.name == null"]);
    assert_eq!(compiled("process where `a``b` == 1").unwrap_err().message, "unknown field `a`b`");
    assert_eq!(compiled("process where `a`` == 1").unwrap_err().message, "unterminated name: a backtick is missing");
}

#[test]
fn brackets_nest_as_deep_as_a_rule_needs() {
    let nested = format!("{}false{}", "(".repeat(60), ")".repeat(60));
    fail(json!({}), &[&nested]);
    hold(json!({}), &[&format!("not {nested}")]);
}

#[test]
fn tens_of_thousands_of_negations_cancel_out() {
    hold(json!({}), &[&format!("{}true", "not ".repeat(60_000)), &format!("{}false", "not ".repeat(60_001))]);
}
