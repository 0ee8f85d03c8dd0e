//! Values that do not fit, sequences that do not add up, and queries that are too much.

use super::refusals::refuses;
use super::*;

#[test]
fn a_value_must_fit_the_type_of_its_field() {
    refuses("process where process.pid == «\"one\"»", "this field holds numbers");
    refuses("process where process.pid == «true»", "this field holds numbers");
    refuses("process where process.pid < «\"one\"»", "values of this field cannot be compared with that value");
    refuses("process where process.code_signature.valid == «\"yes\"»", "this field holds true or false");
    refuses("process where process.code_signature.valid == «1»", "this field holds true or false");
    refuses(
        "process where process.code_signature.valid > «true»",
        "values of this field cannot be compared with that value",
    );
    refuses("process where destination.ip == «\"localhost\"»", "this field holds addresses");
    refuses("process where destination.ip in (\"::1\", «10»)", "this field holds addresses");
    refuses("process where «\"ten\"» > destination.ip", "values of this field cannot be compared with that value");
}

#[test]
fn a_function_takes_values_of_the_kind_that_it_is_about() {
    let quotes = "takes a string, not a whole number: write it in double quotes";
    refuses("process where wildcard(process.name, \"a\", «5», 6)", &format!("`wildcard` {quotes}"));
    refuses("process where startsWith(process.name, «5»)", &format!("`startsWith` {quotes}"));
    refuses("process where cidrMatch(destination.ip, «10», 11)", &format!("`cidrMatch` {quotes}"));
    refuses("process where between(process.name, \"a\", «1») == \"b\"", &format!("`between` {quotes}"));
    let pid = "takes a string, not a whole number: write `string(process.pid)`";
    refuses("process where length(«process.pid») == 3", &format!("`length` {pid}"));
    refuses("process where not endsWith~(«process.pid», \"0\")", &format!("`endsWith` {pid}"));
    refuses("process where number(«process.pid») == 1", &format!("`number` {pid}"));
    refuses("process where indexOf(process.name, «process.pid») == 1", &format!("`indexOf` {pid}"));
    refuses("process where string(substring(«process.pid», 1)) : \"1\"", &format!("`substring` {pid}"));
    let message = "`stringContains` takes a string, not an address: write `string(destination.ip)`";
    refuses("network where stringContains(«destination.ip», \"10.\")", message);
    let message = "`length` takes a string, not a date: write `string(@timestamp)`";
    refuses("process where length(«@timestamp») > 0", message);
    let message = "`cidrMatch` takes an address, not a string";
    refuses("network where cidrMatch(«destination.domain», \"10.0.0.0/8\")", message);
    refuses("network where cidrMatch(«\"10.1.1.1\"», \"10.0.0.0/8\")", message);
    let message = "`substring` takes a whole number, not a string";
    refuses("process where substring(process.name, «\"1\"») == \"a\"", message);
    let message = "`number` takes a whole number, not a number";
    refuses("process where number(process.name, «1.0») == 1", message);
    let message = "`between` takes true or false, not a string";
    refuses("process where between(process.name, \"a\", \"b\", «\"true\"») == \"c\"", message);
    let message = "`add` takes a number, not a string: write `number(process.name)`";
    refuses("process where «process.name» + 1 == 2", message);
    let message = "`multiply` takes a number, not a string: write it without quotes";
    refuses("process where process.pid * «\"2\"» == 2", message);
    let message = "`add` takes a number, not true or false: put the arithmetic before it in parentheses";
    refuses("process where process.pid + «1 in (2, 3)»", message);
}

#[test]
fn wildcard_takes_no_patterns_from_fields() {
    let message = "`wildcard` compares with strings in double quotes, not with fields";
    refuses("process where wildcard(process.name, «process.args»)", message);
}

#[test]
fn patterns_and_lists_compare_values_of_one_kind() {
    let number = "takes a string, not a whole number: write `==` or `in`";
    refuses("process where «process.pid» : \"5*\"", &format!("`:` {number}"));
    refuses("process where «process.pid» : 5", &format!("`:` {number}"));
    refuses("process where «length(process.name)» in~ (4)", &format!("`in~` {number}"));
    refuses(
        "process where «process.code_signature.valid» : true",
        "`:` takes a string, not true or false: write `==` or `in`",
    );
    refuses(
        "network where «destination.ip» : \"10.*\"",
        "`:` takes a string, not an address: write `==`, `in` or `cidrMatch`",
    );
    refuses(
        "process where «process.pid» like \"5*\"",
        "`like` takes a string, not a whole number: write `string(process.pid)`",
    );
    refuses(
        "process where user.id : («501», \"0\")",
        "`:` takes a string, not a whole number: write it in double quotes",
    );
    refuses(
        "process where user.id in (\"0\", «501»)",
        "`in` takes a string, not a whole number: write it in double quotes",
    );
    refuses("process where process.pid in (1, «\"2\"»)", "`in` takes a number, not a string: write it without quotes");
    refuses("process where process.code_signature.valid in («\"true\"»)", "`in` takes true or false, not a string");
    refuses(
        "process where length(process.name) in (1, «\"2\"»)",
        "`in` takes a number, not a string: write it without quotes",
    );
}

#[test]
fn what_a_function_returns_compares_with_its_own_kind() {
    refuses("process where length(process.name) == «\"4\"»", "a whole number cannot be compared with a string");
    refuses("process where «4» < string(process.pid)", "a string cannot be compared with a whole number");
    refuses(
        "process where startsWith(process.name, \"a\") == «\"true\"»",
        "true or false cannot be compared with a string",
    );
    refuses("process where process.pid + 1 == «true»", "a whole number cannot be compared with true or false");
}

#[test]
fn a_number_is_not_divided_by_zero() {
    let message = "a number cannot be divided by zero";
    for divided in [
        "process.pid / «0» == 1",
        "not 1 % «0» == 1",
        "modulo(process.pid, «0.0») > 1",
        "divide(7, «2 - 2») == null",
        "process.pid / («3 * (4 / 5)») == 1",
    ] {
        refuses(&format!("process where {divided}"), message);
    }
    hold(json!({"process.pid": 8}), &["process.pid / (5 - 3) == 4", "0 / process.pid == 0"]);
    let zero = json!({"process.exit_code": 0, "process.pid": 8});
    hold(zero.clone(), &["process.pid / process.exit_code == null", "not process.pid % process.exit_code == 0"]);
    fail(zero, &["process.pid / process.exit_code > 0", "process.pid % process.exit_code != null"]);
}

#[test]
fn null_is_in_no_list_but_one_of_in() {
    let message = "expected a string, a number, true or false";
    refuses("process where process.name : (\"a\", «null»)", message);
    refuses("process where process.name in~ («null»)", message);
    refuses("process where process.name like «null»", message);
}

#[test]
fn a_wrong_network_is_pointed_at_among_the_others() {
    for network in ["10.0.0.0/33", "10.0.0/8", "::1/129", "10.0.0.0/", "", "10.*"] {
        let query = format!("process where cidrMatch(destination.ip, \"10.0.0.0/8\", «\"{network}\"», \"::1\")");
        refuses(&query, &format!("`{network}` is not a network such as 10.0.0.0/8"));
    }
}

#[test]
fn a_function_takes_so_many_arguments() {
    refuses("process where true and «startsWith(process.name)»", "`startsWith` takes 2 arguments, got 1");
    refuses("process where «startsWith(process.name, \"a\", \"b\")»", "`startsWith` takes 2 arguments, got 3");
    refuses("process where «length()» == 1", "`length` takes 1 argument, got 0");
    refuses("process where «length(?no.such, 2)» in (3)", "`length` takes 1 argument, got 2");
    let message = "expected a field, a function or a value, found `)`";
    refuses("process where wildcard(process.name, \"a\",«)»", message);
    refuses("process where 1 == «indexOf(process.name)»", "`indexOf` takes 2 to 3 arguments, got 1");
    refuses("process where «cidrMatch(destination.ip)»", "`cidrMatch` takes at least 2 arguments, got 1");
}

#[test]
fn a_wrong_regular_expression_is_pointed_at() {
    let error = compiled("process where process.name regex (\"a\", \"b(\")").unwrap_err();
    assert!(error.message.starts_with("invalid regular expression: "), "{error}");
    assert_eq!(error.span, 39..43);
    assert!(compiled("process where process.name regex \"a)|(b\"").is_err(), "it may not close brackets of ours");
    assert!(compiled("process where process.name regex \"(a{1000}){1000}\"").is_err(), "too large");
}

#[test]
fn the_stages_of_a_sequence_join_by_as_many_keys() {
    refuses(
        "sequence by host.id [process where true] by process.pid [«network where true»]",
        "this stage has 1 join key, the first stage has 2",
    );
    refuses(
        "sequence [process where true] [network where true] until [«any where true»] by host.id, user.id",
        "this stage has 2 join keys, the first stage has 0",
    );
}

#[test]
fn a_sequence_has_two_stages_to_a_hundred() {
    refuses("«sequence [process where true]»", "a sequence has two stages or more");
    refuses("«sequence [process where true] with runs=1»", "a sequence has two stages or more");
    refuses("sequence [process where true] with runs=«0»", "expected a number from 1 to 100, found a number");
    refuses("sequence [process where true] with runs=«1.5»", "expected a number from 1 to 100, found a number");
    refuses("sequence [process where true] with runs=«101»", "expected a number from 1 to 100, found a number");
    let error = compiled(&format!("sequence {}", "[process where true] ".repeat(101))).unwrap_err();
    assert_eq!(error.message, "a sequence has at most 100 stages");
}

#[test]
fn maxspan_is_a_whole_number_of_milliseconds_with_a_unit() {
    for (maxspan, message) in [
        ("30", "expected a unit (ms, s, m, h or d), found `[`"),
        ("30 «w»", "unknown unit `w`: write ms, s, m, h or d"),
        ("«\"30s\"»", "expected a duration such as 30s, found a string"),
        ("«0s»", "maxspan must be a whole number of milliseconds, at least 1"),
        ("«-»5s", "expected a duration such as 30s, found `-`"),
        ("«1.5ms»", "maxspan must be a whole number of milliseconds, at least 1"),
        ("«1e300d»", "maxspan must be a whole number of milliseconds, at least 1"),
    ] {
        let stage = if maxspan.contains('«') { "[any where true]" } else { "«[»any where true]" };
        refuses(&format!("sequence with maxspan={maxspan} {stage}"), message);
    }
}

#[test]
fn a_function_is_made_of_at_most_1000_functions_and_values() {
    let concat = |count: usize| format!("concat({})", vec!["\"a\""; count].join(", "));
    hold(json!({}), &[&format!("{} != \"b\"", concat(999)), &format!("length({}) == 998", concat(998))]);
    for many in [concat(1000), format!("concat({}, {})", concat(600), concat(600))] {
        let error = compiled(&format!("process where true or {many} == \"a\"")).unwrap_err();
        assert_eq!(error.message, "`concat` is made of more than 1000 functions and values");
        assert_eq!(error.span, 22..22 + many.len());
    }
    let list = vec!["\"10.0.0.0/8\""; 5000].join(", ");
    assert!(compiled(&format!("network where string(cidrMatch(destination.ip, {list})) : \"true\"")).is_ok());
}

#[test]
fn brackets_and_calls_nest_at_most_64_deep() {
    let message = "expressions nest at most 64 deep";
    for (start, open, inner, close) in [
        ("", "(", "true", ")"),
        ("", "not (", "true", ")"),
        ("", "length(", "\"a\"", ")"),
        ("process.name : ", "(", "\"a\"", ")"),
        ("process.name == ", "(", "\"a\"", ")"),
        ("", "descendant of [process where ", "true", "]"),
    ] {
        for closed in [0, 1000] {
            let query = format!("process where {start}{}{inner}{}", open.repeat(1000), close.repeat(closed));
            assert_eq!(compiled(&query).unwrap_err().message, message, "{start}{open}");
        }
    }
    let query = |depth: usize| format!("process where {}true{}", "(".repeat(depth), ")".repeat(depth));
    assert!(compiled(&query(63)).is_ok());
    let error = compiled(&query(64)).unwrap_err();
    assert_eq!((error.message.as_str(), error.span), (message, 78..82));
}

#[test]
fn a_query_has_at_most_256_kibibytes() {
    let query = |length: usize| "process where true".to_owned() + &" ".repeat(length - 18);
    assert!(compiled(&query(256 * 1024)).is_ok());
    let error = compiled(&query(256 * 1024 + 1)).unwrap_err();
    assert_eq!((error.message.as_str(), error.span), ("a query has at most 262144 bytes", 0..0));
    let negations = format!("process where {}true", "not ".repeat(100_000));
    assert_eq!(compiled(&negations).unwrap_err().message, "a query has at most 262144 bytes");
}

#[test]
fn a_long_chain_of_conditions_is_compiled() {
    for word in ["and", "or"] {
        let query = format!("process where true{}", format!(" {word} true").repeat(20_000));
        let event = Event::new(Timestamp::default(), Categories::PROCESS);
        assert!(compiled(&query).unwrap().stages[0].selects(&event), "{word}");
    }
}

#[test]
fn hostile_sizes_are_refused_or_compiled_without_a_stack_overflow() {
    let parentheses = "(".repeat(100_000);
    assert!(compiled(&format!("process where {parentheses}")).is_err());
    let list: Vec<String> = (0..28_000).map(|number| format!("\"{number}\"")).collect();
    for operator in ["in", "in~", ":", "like"] {
        let query = compiled(&format!("process where process.name {operator} ({})", list.join(","))).unwrap();
        assert!(!query.stages[0].selects(&Event::new(Timestamp::default(), Categories::PROCESS)), "{operator}");
    }
    let wildcards = list.join(",").replace("\",", "*\",");
    assert!(compiled(&format!("process where process.name : ({wildcards})")).is_ok());
    assert!(compiled(&format!("process where process.name regex ({})", list.join(","))).is_err());
    for nested in ["((a{1000}){1000}){1000}", "(((x*)*)*)*y{1000,100000}", "\\\\W{10000}"] {
        assert!(compiled(&format!("process where process.name regex (\"{nested}\")")).is_err(), "{nested}");
    }
    let sum = "1".to_owned() + &"+1".repeat(100_000);
    assert_eq!(
        compiled(&format!("process where {sum} == 1")).unwrap_err().message,
        "a query has at most 256 arithmetic operators"
    );
    let deep = format!("{}1{}", "(".repeat(60), "+1)".repeat(60));
    assert!(compiled(&format!("process where {deep} == 61")).is_ok());
    assert!(compiled(&format!("process where {}1 == 1", "-".repeat(200_000))).is_ok());
}
