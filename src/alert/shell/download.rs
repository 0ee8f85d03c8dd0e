//! Which command downloads, and which runs what is downloaded: `curl … | sh`, `bash -c "$(curl …)"`, `source <(curl …)`.
//! A download that is data, or goes to a file that nothing runs, is not run.

use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};

use super::command::{Command, Word};
use super::interpreter::{Code, interpreter, is_input, opens_shell, program, reads_there};
use super::known::{Known, is_opened};

/// Programs that download.
const DOWNLOADERS: [&str; 3] = ["curl", "wget", "nscurl"];
/// Programs that write what another host sends.
const STREAMS: [&str; 3] = ["nc", "ncat", "netcat"];
/// Words before the text that a shell is given by an option.
const MAX_BEFORE: usize = 32;
/// Functions of interpreters that download.
const FETCH: &str = r#"\burlopen\b|\brequests\.get\b|\bURI\.open\b|\bNet::HTTP\.get\b|\bLWP::Simple::get\b|\bgetprint\b|\bfile_get_contents\W{1,4}https?:|\b(?:dataWith|stringWith|initWith)ContentsOfURL"#;

/// Two variables side by side, which together may be the name of a program.
const SPLIT: &str = r#"\$\{?[a-z_]\w*\}?["']*\$\{?[a-z_]"#;

/// Whether a text may name a program that downloads: `c'u'rl` is one, and letters may be spelled as numbers.
pub(super) fn may_download(text: &str) -> bool {
    static NAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let between = r#"(?:['"\\]|\$[@*])*"#;
        let letters = |name: &str| name.split("").filter(|letter| !letter.is_empty()).collect::<Vec<_>>().join(between);
        let names = DOWNLOADERS.iter().chain(&STREAMS).map(|name| letters(name)).collect::<Vec<_>>().join("|");
        let pattern = format!(r"\b(?:{names}|s_client)\b|/dev/tcp/|{SPLIT}|\$\\*'[^']*\\[xu0-7]|{FETCH}");
        RegexBuilder::new(&pattern).case_insensitive(true).build().ok()
    });
    NAME.as_ref().is_some_and(|name| name.is_match(text))
}

/// Whether a text evaluates what a function of its own language downloads: `exec(urlopen(u).read())`.
pub(super) fn evaluates(text: &str) -> bool {
    static NESTED: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let evaluate = r"\b(?:exec|eval|execfile|instance_eval|Function)\b\s*[( ][^;\n]{0,300}?";
        Regex::new(&format!("{evaluate}(?:{FETCH})")).ok()
    });
    NESTED.as_ref().is_some_and(|nested| nested.is_match(text))
}

/// Whether a process with this name downloads.
pub(in crate::alert) fn is_downloader(name: &str) -> bool {
    DOWNLOADERS.contains(&name)
}

/// Whether a command writes a download to its standard output.
pub(super) fn is_written(command: &Command, known: &Known) -> bool {
    let Command { words, .. } = command;
    let is_download =
        downloader(words).is_some_and(|(name, arguments)| file(&name, arguments).is_none()) || fetches(words);
    let is_function = words.first().is_some_and(|word| known.is_function(&word.text));
    let is_given = command.input == Some(true) || command.has_written || words.iter().any(|word| word.is_download);
    command.output.is_none() && (is_download || is_function || is_given)
}

/// Whether `x script` of AppleScript is here.
fn is_script(words: &[Word], at: usize, verb: &str) -> bool {
    at > 0 && words[at].text == "script" && words[at - 1].text == verb
}

/// Whether what follows is given to a shell: `do shell script "…"`, `doShellScript("…")`.
pub(super) fn calls_shell(words: &[Word]) -> bool {
    words.last().is_some_and(|word| word.text.ends_with("doShellScript"))
        || is_script(words, words.len().saturating_sub(1), "shell")
}

/// The same, or to one that is started: `sh -c "…"`.
pub(super) fn is_for_shell(words: &[Word]) -> bool {
    let is_code = || words.last().and_then(Word::letters).is_some_and(|letters| letters.ends_with('c'));
    let is_shell = || program(words).is_some_and(|(program, _)| program.base_name().ends_with("sh"));
    calls_shell(words) || words.len() <= MAX_BEFORE && is_code() && is_shell()
}

/// Where a command of AppleScript or JavaScript gives what a shell downloads: the words before what is given to the shell.
pub(super) fn gives_download(words: &[Word]) -> Option<usize> {
    let last = words.iter().rposition(|word| word.writes_download)?;
    (1..=last).rfind(|end| calls_shell(&words[..*end]))
}

/// Whether one runs it: `run script (do shell script "curl …")`, `eval(x)`, `do shell script x`, `run script POSIX file "f"`.
fn runs_script(words: &[Word], known: &Known) -> bool {
    let given = gives_download(words);
    let is_held = |at: usize| {
        let value = words.get(at + 1).filter(|word| !word.is_quoted);
        value.is_some_and(|word| known.is_download(&word.text))
    };
    (0..words.len()).any(|at| {
        let is_run = is_script(words, at, "run");
        let is_code = is_run || words[at].text == "eval" && !words[at].is_quoted;
        let is_file = is_run || is_script(words, at, "load");
        (is_code || is_script(words, at, "shell")) && is_held(at)
            || is_code && given.is_some_and(|given| at + 1 < given)
            || is_file && words[at + 1..].iter().take(3).any(|word| word.is_file)
    })
}

/// Whether a command runs a download: that of its standard input, which `is_fed` with one, or one that it is given.
pub(super) fn runs(command: &Command, is_fed: bool, known: &Known) -> bool {
    let words = &command.words;
    if runs_script(words, known) || words.iter().any(|word| is_loaded(word, known)) {
        return true;
    }
    let is_fed = command.input.unwrap_or(is_fed);
    let Some((program, arguments)) = program(words) else { return is_fed && opens_shell(words) };
    let name = program.base_name();
    let first = arguments.first();
    match name.as_str() {
        "eval" => first.is_some_and(|word| word.is_download),
        "source" | "." => first.is_some_and(|word| word.is_download || is_fed && is_input(&word.text)),
        "ssh" => is_fed && reads_there(arguments),
        "open" => opens(arguments, known),
        "load" | "bootstrap" => {
            words.iter().any(|word| word.base_name() == "launchctl") && arguments.iter().any(|word| word.is_file)
        }
        _ => interprets(command, (&name, program, arguments), is_fed),
    }
}

fn interprets(command: &Command, (name, program, arguments): (&str, &Word, &[Word]), is_fed: bool) -> bool {
    // `xargs -0 sh -c`
    let is_passed = |word: &Word| matches!(word.text.as_str(), "{}" | "%");
    let is_argument = || is_fed && command.words.iter().any(|word| word.base_name() == "xargs");
    match interpreter(name).map(|interpreter| interpreter.code(arguments)) {
        Some(Code::Input) => is_fed,
        Some(Code::Word(Some(word))) => word.is_download || is_passed(word) && is_argument(),
        Some(Code::Word(None)) => is_argument(),
        None => program.is_file || command.is_certain && program.is_download,
    }
}

/// `DYLD_INSERT_LIBRARIES=f`
fn is_loaded(word: &Word, known: &Known) -> bool {
    word.text.strip_prefix("DYLD_INSERT_LIBRARIES=").is_some_and(|path| known.is_file(path))
}

/// Whether `open` runs what it opens: an application, a script for Terminal, or what was made executable.
fn opens(arguments: &[Word], known: &Known) -> bool {
    let in_terminal = arguments.windows(2).any(|pair| pair[0].text == "-a" && pair[1].text.contains("Term"));
    let is_run = |word: &Word| in_terminal || is_opened(&word.text) || known.is_allowed(&word.text);
    arguments.iter().any(|word| word.is_file && is_run(word))
}

/// The program of a command that downloads, and its arguments.
pub(super) fn downloader(words: &[Word]) -> Option<(String, &[Word])> {
    let at = words.iter().position(|word| is_downloader(&word.base_name()))?;
    Some((words[at].base_name(), &words[at + 1..]))
}

/// Whether another program writes what it gets from another host: `nc h 80`, `python3 -c "print(urlopen(…).read())"`.
fn fetches(words: &[Word]) -> bool {
    static FETCHES: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(FETCH).ok());
    let Some((program, arguments)) = program(words) else { return false };
    let name = program.base_name();
    let is_client = || name == "openssl" && arguments.iter().any(|word| word.text == "s_client");
    let is_code = || match interpreter(&name).map(|interpreter| interpreter.code(arguments)) {
        Some(Code::Word(Some(word))) => FETCHES.as_ref().is_some_and(|fetches| fetches.is_match(&word.text)),
        _ => false,
    };
    STREAMS.contains(&name.as_str()) || is_client() || is_code()
}

/// The file that a program that downloads writes, by its arguments, with its name where they have it.
pub(super) fn file(name: &str, arguments: &[Word]) -> Option<Option<String>> {
    let is_wget = name == "wget";
    let (output, value) = if is_wget { ("O", "aoeiBtTwQPUlARDIX") } else { ("o", "AbcCdDeEFHKmPQrtTuUwxXyYz") };
    let folder = arguments.windows(2).find(|pair| pair[0].text == "--output-dir").map(|pair| pair[1].text.as_str());
    let in_folder = |name: String| match folder {
        Some(folder) => format!("{}/{name}", folder.trim_end_matches('/')),
        None => name,
    };
    let named = || Some(of_address(arguments).map(in_folder));
    let mut words = arguments.iter().map(|word| word.text.as_str());
    let stated = |path: Option<&str>| (!is_output(path)).then(|| path.map(str::to_owned));
    while let Some(word) = words.next() {
        if let Some(long) = word.strip_prefix("--") {
            let (long, value) = long.split_once('=').map_or((long, None), |(long, value)| (long, Some(value)));
            match long {
                "output" | "output-document" => return stated(value.or_else(|| words.next())),
                "remote-name" | "remote-name-all" if !is_wget => return named(),
                _ => continue,
            }
        }
        let Some(letters) = word.strip_prefix('-') else { continue };
        for (place, letter) in letters.char_indices() {
            let rest = &letters[place + letter.len_utf8()..];
            let mut given = || if rest.is_empty() { words.next() } else { Some(rest) };
            if output.contains(letter) {
                return stated(given());
            }
            if letter == 'O' {
                return named();
            }
            if value.contains(letter) {
                given();
                break;
            }
        }
    }
    is_wget.then(|| of_address(arguments))
}

/// The name of the file at an address: `https://a.example/x.sh?y=z`.
fn of_address(arguments: &[Word]) -> Option<String> {
    let address = arguments.iter().rev().find_map(|word| word.text.split_once("://"))?.1;
    let path = address.split(['?', '#']).next().unwrap_or(address);
    path.rsplit_once('/').map(|(_, name)| name.to_owned())
}

fn is_output(file: Option<&str>) -> bool {
    matches!(file, Some("-" | "/dev/stdout" | "/dev/fd/1"))
}
