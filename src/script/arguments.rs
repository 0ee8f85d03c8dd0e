//! The arguments of osascript(1) and automator(1).

/// What a program was given.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) source: &'static str,
    pub(super) language: Option<&'static str>,
    pub(super) text: Option<String>,
    pub(super) path: Option<String>,
    pub(super) arguments: u64,
}

/// `osascript [-l language] [-i] [-s flags] [-e statement | programfile] [argument …]`, by the rules of
/// getopt(3): options may be joined, an option's value may follow at once, `--` ends them.
pub(super) fn osascript(args: &[&str]) -> Given {
    let (mut statements, mut language, mut is_interactive) = (Vec::new(), None, false);
    let mut at = 0;
    while let Some(arg) = args.get(at).filter(|arg| arg.len() > 1 && arg.starts_with('-')) {
        at += 1;
        if *arg == "--" {
            break;
        }
        for (place, option) in arg.char_indices().skip(1) {
            if !matches!(option, 'e' | 'l' | 's') {
                is_interactive |= option == 'i';
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
                'e' => statements.push(value),
                'l' => language = language_named(value),
                _ => {}
            }
            break;
        }
    }
    let rest = args.get(at..).unwrap_or_default();
    let count = |rest: &[&str]| rest.len() as u64;
    if !statements.is_empty() {
        // osascript runs them as the lines of one script.
        let text = Some(statements.join("\n"));
        return Given { source: "inline", language, text, arguments: count(rest), ..Given::default() };
    }
    match rest.split_first() {
        Some((path, arguments)) if *path != "-" && !is_interactive => {
            let is_applet = path.trim_end_matches('/').ends_with(".app");
            let source = if is_applet { "applet" } else { "file" };
            Given { source, language, path: Some((*path).to_owned()), arguments: count(arguments), ..Given::default() }
        }
        rest => {
            let arguments = rest.map_or(0, |(_, arguments)| count(arguments));
            Given { source: "stdin", language, arguments, ..Given::default() }
        }
    }
}

fn language_named(name: &str) -> Option<&'static str> {
    ["AppleScript", "JavaScript"].into_iter().find(|known| known.eq_ignore_ascii_case(name))
}

/// `automator [-v] [-i input] [-D name=value] workflow`
pub(super) fn automator(args: &[&str]) -> Given {
    let mut at = 0;
    while let Some(arg) = args.get(at).filter(|arg| arg.len() > 1 && arg.starts_with('-')) {
        at += match *arg {
            "-i" | "-D" => 2,
            _ => 1,
        };
    }
    let path = args.get(at).map(|path| (*path).to_owned());
    let source = if path.is_some() { "workflow" } else { "unknown" };
    Given { source, path, ..Given::default() }
}

/// An application saved from Script Editor or Automator: the script stands in its bundle.
pub(super) fn applet(executable: &str, source: &'static str) -> Given {
    let bundle = executable.split_once("/Contents/MacOS/").map(|(bundle, _)| bundle.to_owned());
    Given { source: if bundle.is_some() { source } else { "unknown" }, path: bundle, ..Given::default() }
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
