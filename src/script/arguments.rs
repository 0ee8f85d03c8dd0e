//! The arguments of osascript(1) and automator(1).

/// What osascript takes a statement for.
const APPLESCRIPT: Option<&str> = Some("AppleScript");

/// What a program was given.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Invocation {
    pub(super) source: &'static str,
    pub(super) language: Option<&'static str>,
    pub(super) text: Option<String>,
    pub(super) path: Option<String>,
    pub(super) arguments: u64,
}

/// What the options of an osascript mean.
struct Options<'a> {
    /// What follows each `-e`.
    statements: Vec<&'a str>,
    /// The language that `-l` names.
    named: Option<Option<&'static str>>,
    /// `-i`: statements are read from standard input.
    is_interactive: bool,
    /// The arguments after the options.
    rest: &'a [&'a str],
}

/// Reads options by the rules of getopt(3): they may be joined, an option's value may follow at once, `--` ends them.
fn options<'a>(args: &'a [&'a str]) -> Options<'a> {
    let mut options = Options { statements: Vec::new(), named: None, is_interactive: false, rest: &[] };
    let mut at = 0;
    while let Some(arg) = args.get(at).filter(|arg| arg.len() > 1 && arg.starts_with('-')) {
        at += 1;
        if *arg == "--" {
            break;
        }
        for (place, option) in arg.char_indices().skip(1) {
            if !matches!(option, 'e' | 'l' | 's') {
                options.is_interactive |= option == 'i';
                continue;
            }
            let joined = &arg[place + 1..];
            let value = if joined.is_empty() {
                at += 1;
                args.get(at - 1).copied().unwrap_or_default()
            } else {
                joined
            };
            match option {
                'e' => options.statements.push(value),
                'l' => options.named = Some(language_named(value)),
                _ => {}
            }
            break;
        }
    }
    options.rest = args.get(at..).unwrap_or_default();
    options
}

/// `osascript [-l language] [-i] [-s flags] [-e statement | programfile] [argument …]`.
pub(super) fn osascript(args: &[&str]) -> Invocation {
    let Options { statements, named, is_interactive, rest } = options(args);
    let count = |rest: &[&str]| rest.len() as u64;
    if !statements.is_empty() {
        // osascript runs them as the lines of one script.
        let text = Some(statements.join("\n"));
        let language = named.unwrap_or(APPLESCRIPT);
        return Invocation { source: "inline", language, text, arguments: count(rest), ..Invocation::default() };
    }
    // A file may state its language itself, by its name or in its bytes.
    let language = named.flatten();
    match rest.split_first() {
        Some((path, arguments)) if !is_standard_input(path) && !is_interactive => {
            let is_applet = path.trim_end_matches('/').ends_with(".app");
            let source = if is_applet { "applet" } else { "file" };
            let path = Some((*path).to_owned());
            Invocation { source, language, path, arguments: count(arguments), ..Invocation::default() }
        }
        rest => {
            let arguments = rest.map_or(0, |(_, arguments)| count(arguments));
            Invocation { source: "stdin", language, arguments, ..Invocation::default() }
        }
    }
}

/// `/dev/fd/63` is a pipe of the shell; here it would name a descriptor of osawatch.
fn is_standard_input(path: &str) -> bool {
    path == "-" || path == "/dev/stdin" || path.starts_with("/dev/fd/")
}

/// What an osascript was given, as its sensor reports it: by its arguments, or where these are missing or joined, by
/// its command line.
pub(super) fn osascript_of(args: &[&str], command_line: Option<&str>) -> Invocation {
    match (args, command_line) {
        ([], None) => Invocation { source: "unknown", ..Invocation::default() },
        ([], Some(line)) => osascript_line(line),
        ([line], _) if line.contains("osascript ") => osascript_line(line),
        (args, _) => osascript(&args[1..]),
    }
}

/// As [`osascript`], for sensors that state the arguments as one text, or only a command line. Whether its words are
/// quoted depends on the sensor: what follows `-e` goes to its closing quote, or to the end.
pub(super) fn osascript_line(line: &str) -> Invocation {
    let mut rest = line.trim_start().split_once(char::is_whitespace).map_or("", |(_, rest)| rest.trim_start());
    let mut args: Vec<String> = Vec::new();
    while !rest.is_empty() {
        let is_statement = args.last().is_some_and(|option| is_option(option, 'e'));
        let (word, after) = match quoted(rest) {
            Some(quoted) => quoted,
            None if is_statement => (rest.to_owned(), ""),
            None => {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        args.push(word);
        rest = after.trim_start();
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    osascript(&args)
}

fn is_option(word: &str, letter: char) -> bool {
    word.len() >= 2
        && word.starts_with('-')
        && word.ends_with(letter)
        && word[1..].bytes().all(|b| b"eils".contains(&b))
}

/// A word in quotes at the start of a text, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|first| matches!(first, '"' | '\''))?;
    let (mut word, mut is_escaped) = (String::new(), false);
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            _ if is_escaped => {
                is_escaped = false;
                if !matches!(letter, '"' | '\\' | '$' | '`') {
                    word.push('\\');
                }
                word.push(letter);
            }
            '\\' if quote == '"' => is_escaped = true,
            _ if letter == quote => {
                let after = &text[at + 1..];
                return (after.is_empty() || after.starts_with(char::is_whitespace)).then_some((word, after));
            }
            letter => word.push(letter),
        }
    }
    None
}

fn language_named(name: &str) -> Option<&'static str> {
    ["AppleScript", "JavaScript"].into_iter().find(|known| known.eq_ignore_ascii_case(name))
}

/// `automator [-v] [-i input] [-D name=value] workflow`
pub(super) fn automator(args: &[&str]) -> Invocation {
    let mut at = 0;
    while let Some(arg) = args.get(at).filter(|arg| arg.len() > 1 && arg.starts_with('-')) {
        at += match *arg {
            "-i" | "-D" => 2,
            _ => 1,
        };
    }
    let path = args.get(at).map(|path| (*path).to_owned());
    let source = if path.is_some() { "workflow" } else { "unknown" };
    Invocation { source, path, ..Invocation::default() }
}

/// An application saved from Script Editor or Automator: the script is in its bundle.
pub(super) fn applet(executable: &str, source: &'static str) -> Invocation {
    let bundle = executable.split_once("/Contents/MacOS/").map(|(bundle, _)| bundle.to_owned());
    Invocation { source: if bundle.is_some() { source } else { "unknown" }, path: bundle, ..Invocation::default() }
}

/// Where the statements after `-e` are: the argument and the byte of it.
pub(super) fn statements(args: &[&str]) -> Vec<(usize, usize)> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(arg) = args.get(at).filter(|arg| arg.len() > 1 && arg.starts_with('-') && **arg != "--") {
        let option = arg.char_indices().skip(1).find(|(_, option)| matches!(option, 'e' | 'l' | 's'));
        at += 1;
        let Some((place, option)) = option else { continue };
        let joined = place + 1 < arg.len();
        let value = if joined { (at - 1, place + 1) } else { (at, 0) };
        at += usize::from(!joined);
        if option == 'e' && value.0 < args.len() {
            found.push(value);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_is_read_whether_its_words_are_quoted_or_not() {
        for (line, language, text) in [
            ("osascript -l JavaScript -e eval(1)", Some("JavaScript"), "eval(1)"),
            (
                "/usr/bin/osascript -e \"do shell script \\\"curl x\\\"\"",
                Some("AppleScript"),
                "do shell script \"curl x\"",
            ),
            ("osascript -e display dialog \"a\"", Some("AppleScript"), "display dialog \"a\""),
            ("osascript -e 'a b' -e 'c'", Some("AppleScript"), "a b\nc"),
            ("osascript -l other -e x", None, "x"),
        ] {
            let given = osascript_line(line);
            assert_eq!((given.source, given.language), ("inline", language), "{line}");
            assert_eq!(given.text.as_deref(), Some(text), "{line}");
        }
        assert_eq!(osascript_line("osascript").source, "stdin");
        assert_eq!(osascript_line("osascript /tmp/a.scpt x").path.as_deref(), Some("/tmp/a.scpt"));
    }

    #[test]
    fn descriptors_are_standard_input() {
        for path in ["-", "/dev/stdin", "/dev/fd/63"] {
            let given = osascript(&[path, "x"]);
            assert_eq!((given.source, given.path, given.arguments), ("stdin", None, 1), "{path}");
        }
    }
}
