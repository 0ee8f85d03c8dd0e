//! Lists in a cell: which of its commas are between values, and which are in one.

use serde_json::Value;

/// What is between the values of a list: Kibana's Discover writes the first, its ES|QL the second, Splunk the third.
const SEPARATORS: [&str; 3] = [", ", ",", "\n"];
/// What Kibana writes for an empty value of a list.
const EMPTY: [&str; 2] = ["(blank)", "(empty)"];

/// A list that is written as JSON.
pub(super) fn json(text: &str) -> Option<Value> {
    let list = text.starts_with('[').then(|| serde_json::from_str(text).ok()).flatten()?;
    matches!(list, Value::Array(_)).then_some(list)
}

/// Words in which there is no comma, nor a bracket.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    in_brackets(text).unwrap_or(text).split([',', '\n']).map(str::trim).filter(|word| !word.is_empty())
}

/// The arguments of a process. What is between them is told from what is in them by the command line, in which a space is
/// between them; `None` where that does not tell.
pub(super) fn arguments(text: &str, command_line: Option<&str>) -> Option<Vec<String>> {
    if !text.contains([',', '\n']) {
        return Some(vec![text.to_owned()]);
    }
    let command_line = command_line?;
    let written = [Some(text), in_brackets(text)].into_iter().flatten();
    written
        .flat_map(|text| SEPARATORS.map(|separator| (text, separator)))
        .find_map(|(text, separator)| aligned(text, separator, command_line))
}

/// What is in the brackets that Elasticsearch writes around a list.
fn in_brackets(text: &str) -> Option<&str> {
    text.strip_prefix('[')?.strip_suffix(']')
}

/// As no separator begins with a space, each that is in the text is either in an argument, and so in the command line, or
/// between two, where the command line has a space.
fn aligned(mut text: &str, separator: &str, mut line: &str) -> Option<Vec<String>> {
    let (mut arguments, mut argument) = (Vec::new(), String::new());
    let mut is_start = true;
    loop {
        let (mut part, rest) = text.split_at(text.find(separator).unwrap_or(text.len()));
        if is_start && EMPTY.contains(&part) && !line.starts_with(part) {
            part = "";
        }
        line = line.strip_prefix(part)?;
        argument += part;
        if rest.is_empty() {
            arguments.push(argument);
            return line.is_empty().then_some(arguments);
        }
        text = &rest[separator.len()..];
        is_start = line.starts_with(' ');
        if is_start {
            line = &line[1..];
            arguments.push(std::mem::take(&mut argument));
        } else {
            line = line.strip_prefix(separator)?;
            argument += separator;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_command_line_tells_which_commas_are_between_arguments() {
        for (text, line, expected) in [
            (
                "/usr/bin/osascript, -e, say \"a, b\"",
                "/usr/bin/osascript -e say \"a, b\"",
                vec!["/usr/bin/osascript", "-e", "say \"a, b\""],
            ),
            ("a,b,c d", "a b c d", vec!["a", "b", "c d"]),
            ("a, b", "a  b", vec!["a", " b"]),
            ("a\nb", "a b", vec!["a", "b"]),
            ("a\nb,c", "a\nb c", vec!["a\nb", "c"]),
            ("osascript, -e, (blank), -e, x", "osascript -e  -e x", vec!["osascript", "-e", "", "-e", "x"]),
            ("osascript, (blank)", "osascript (blank)", vec!["osascript", "(blank)"]),
            ("a,,b", "a  b", vec!["a", "", "b"]),
            ("[a, b,c, , d]", "a b,c  d", vec!["a", "b,c", "", "d"]),
            ("[, -f, x, ]", "[ -f x ]", vec!["[", "-f", "x", "]"]),
            ("[[, -f, x, ]]", "[ -f x ]", vec!["[", "-f", "x", "]"]),
        ] {
            let expected = expected.into_iter().map(str::to_owned).collect();
            assert_eq!(arguments(text, Some(line)), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_the_command_line_does_not_tell_is_not_guessed() {
        for (text, line) in [("a, b", None), ("a, b", Some("a b c")), ("a, b", Some("a b\"")), ("a,b", Some("x"))] {
            assert_eq!(arguments(text, line), None, "{text}");
        }
        assert_eq!(arguments("-zsh", None), Some(vec!["-zsh".to_owned()]));
    }

    proptest! {
        #[test]
        fn arguments_are_found_again_however_they_were_joined(
            arguments in prop::collection::vec("[a, \n]{1,5}", 1..5),
            separator in prop::sample::select(&SEPARATORS),
        ) {
            let (text, line) = (arguments.join(separator), arguments.join(" "));
            prop_assert_eq!(super::arguments(&text, Some(&line)), Some(arguments));
        }
    }
}
