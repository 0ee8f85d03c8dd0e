//! Reading the alert file: filters, rotations, following, the page for the incident file.

mod follow;

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use flate2::{Compression, write::GzEncoder};

use crate::util::{fixtures, osawatch};
use follow::text_of;

/// The alert of a golden case, as a line.
fn alert() -> String {
    let input = fixtures().join("replay/public-v4/events.ndjson").display().to_string();
    osawatch(&["replay", "--output", "ndjson", &input]).exits(0).stdout.trim().to_owned()
}

fn numbered(number: u64) -> String {
    alert().replacen("\"sequence\":0", &format!("\"sequence\":{number}"), 1)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn an_alert_is_shown_with_the_triage_note_of_its_rule_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alerts.ndjson");
    fs::write(&file, format!("{}\n{}\n", alert(), alert())).unwrap();
    let run = osawatch(&["alerts", "--output", "text", &shown(&file)]).exits(0);
    assert_eq!(run.stdout.matches("  destination  93.184.216.34").count(), 2, "{}", run.stdout);
    assert_eq!(run.stdout.matches("  what to check\n").count(), 1);
}

#[test]
fn rotated_and_packed_files_come_first_and_lines_pass_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let packed = fs::File::create(path("alerts-20260101T000000-000001.ndjson.gz")).unwrap();
    let mut packed = GzEncoder::new(packed, Compression::default());
    writeln!(packed, "{}", numbered(0)).unwrap();
    packed.finish().unwrap();
    fs::write(path("alerts-20260102T000000-000002.ndjson"), numbered(1) + "\n").unwrap();
    fs::write(path("alerts-of-another.ndjson"), "not ours\n").unwrap();
    fs::write(path("alerts.ndjson"), format!("{}\n{{\"torn\n{}", numbered(2), numbered(3))).unwrap();
    let run = osawatch(&["alerts", &shown(&path("alerts.ndjson"))]).exits(0);
    assert_eq!(run.stdout.lines().map(str::to_owned).collect::<Vec<_>>(), (0..4).map(numbered).collect::<Vec<_>>());
    run.says("alerts.ndjson:2:7: not valid JSON: unterminated string");
}

#[test]
fn alerts_are_chosen_by_rule_and_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alerts.ndjson");
    let other = alert().replace("osascript-network-connection", "another").replace("2026-01-15T", "2026-02-15T");
    fs::write(&file, format!("{}\n{other}\n", alert())).unwrap();
    let count = |args: &[&str]| osawatch(&[&["alerts", &shown(&file)], args].concat()).exits(0).stdout.lines().count();
    assert_eq!(count(&[]), 2);
    assert_eq!(count(&["--rule", "another"]), 1);
    assert_eq!(count(&["--since", "2026-02-01T00:00:00Z"]), 1);
    assert_eq!(count(&["--since", "1h"]), 0);
    assert_eq!(count(&["--since", "876000h"]), 2);
    osawatch(&["alerts", "--since", "soon", &shown(&file)]).exits(64).says("not a duration such as 1h");
    osawatch(&["alerts", &shown(&folder.path().join("none"))]).exits(66).says("cannot read alerts");
}

#[test]
fn a_followed_file_goes_on_through_a_rotation() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("alerts.ndjson"), numbered(0) + "\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_osawatch"));
    command.args(["alerts", "--follow", "--output", "ndjson"]).arg(path("alerts.ndjson"));
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert_eq!(next(), numbered(0));
    let mut file = OpenOptions::new().append(true).open(path("alerts.ndjson")).unwrap();
    // A line that is written in two halves is one line.
    let line = numbered(1) + "\n";
    file.write_all(&line.as_bytes()[..100]).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(700));
    file.write_all(&line.as_bytes()[100..]).unwrap();
    assert_eq!(next(), numbered(1));
    fs::rename(path("alerts.ndjson"), path("alerts-20260102T000000-000001.ndjson")).unwrap();
    file.write_all((numbered(2) + "\n").as_bytes()).unwrap();
    fs::write(path("alerts.ndjson"), numbered(3) + "\n").unwrap();
    assert_eq!((next(), next()), (numbered(2), numbered(3)));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn without_a_file_the_one_of_the_configuration_is_read_also_when_something_else_in_it_is_wrong() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| shown(&folder.path().join(name));
    fs::write(path("moved.ndjson"), alert() + "\n").unwrap();
    for (more, says) in [("", ""), ("keep_files = 0\n", "the configuration is refused: ")] {
        fs::write(path("config.toml"), format!("[alerts]\nfile = \"{}\"\n{more}", path("moved.ndjson"))).unwrap();
        fs::set_permissions(path("config.toml"), fs::Permissions::from_mode(0o600)).unwrap();
        let run = osawatch(&["alerts", "--config", &path("config.toml")]).exits(0).says(says);
        assert_eq!(run.alerts().len(), 1);
        let terminate = ["terminate", "--config", &path("config.toml"), "--alert", "a"];
        osawatch(&terminate).exits(66).says(&format!("{}: no alert has the event.id `a`", path("moved.ndjson")));
    }
    osawatch(&["alerts", "--config", &path("none.toml")]).exits(78).says("none.toml: cannot read: ");
}

/// A page about an alert whose fields try to run as a part of it.
#[test]
fn alerts_are_read_from_standard_input_and_listed_one_a_line() {
    let run = |args: &[&str]| crate::util::osawatch_with_input(args, (alert() + "\n").as_bytes()).exits(0).stdout;
    let list = run(&["alerts", "--list", "-"]);
    assert_eq!(list.lines().count(), 1);
    assert!(list.contains("  medium    ") && list.contains("  osascript-network-connection  "), "{list}");
    assert_eq!(run(&["alerts", "--severity", "medium", "-"]).lines().count(), 1);
    assert_eq!(run(&["alerts", "--severity", "high", "-"]), "");
    assert_eq!(run(&["alerts", "--rule", "x", "--rule", "osascript-network-connection", "-"]).lines().count(), 1);
    assert_eq!(run(&["alerts", "--host", "nobody", "-"]), "");
    assert!(run(&["alerts", "--html", "-", "-"]).starts_with("<!doctype html>"));
}

#[test]
fn events_are_not_alerts_and_ten_of_them_are_named_and_the_rest_counted() {
    let input = "{\"event\":{\"kind\":\"event\"}}\n".repeat(12);
    let run = crate::util::osawatch_with_input(&["alerts", "-"], (input + &alert() + "\n").as_bytes()).exits(0);
    assert_eq!((run.alerts().len(), run.stderr.matches("not an alert, skipped").count()), (1, 10));
    run.says("skipped 12 values that are not alerts");
}

#[test]
fn a_file_that_holds_no_alert_but_other_values_is_none_of_alerts_and_gets_no_page() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| shown(&folder.path().join(name));
    fs::write(path("recording.ndjson"), "{\"event\":{\"kind\":\"event\"}}\n").unwrap();
    fs::write(path("junk.txt"), "no alert\n").unwrap();
    let own = "{\"event\":{\"kind\":\"state\",\"module\":\"osawatch\"}}\n";
    fs::write(path("recorded.ndjson"), format!("{{\"event\":{{\"kind\":\"event\"}}}}\n{own}")).unwrap();
    for name in ["recording.ndjson", "junk.txt", "recorded.ndjson"] {
        osawatch(&["alerts", &path(name)]).exits(65).says(&format!("{name}: holds no alert"));
        osawatch(&["alerts", "--html", &path("page.html"), &path(name)]).exits(65);
        assert!(!folder.path().join("page.html").exists(), "a page of no alerts would be an all-clear");
    }
    fs::write(path("quiet.ndjson"), format!("{own}{{\"ev")).unwrap();
    fs::write(path("empty.ndjson"), "").unwrap();
    fs::write(path("alerts.ndjson"), alert() + "\n").unwrap();
    osawatch(&["alerts", &path("quiet.ndjson"), &path("empty.ndjson")]).exits(0);
    osawatch(&["alerts", "--severity", "critical", &path("alerts.ndjson")]).exits(0);
    let run = osawatch(&["alerts", "--html", &path("page.html"), &path("junk.txt"), &path("alerts.ndjson")]);
    run.exits(65).says("1 alert in ");
    osawatch(&["alerts", "--severity", "critical", "--html", &path("none.html"), &path("alerts.ndjson")]).exits(0);
    let page = fs::read_to_string(path("none.html")).unwrap();
    let left_out = "<li>1 alert of other rules, hosts, severities or times, which were not asked for</li>";
    assert!(page.contains("<h1>No alerts") && page.contains(left_out), "{page}");
}

fn packed(text: &str) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap()
}

#[test]
fn alerts_are_found_however_a_search_or_a_shipper_laid_them_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("export");
    let pretty = |text: &str| format!("{:#}", serde_json::from_str::<serde_json::Value>(text).unwrap());
    let (one, two) = (numbered(1), numbered(2));
    let wrapped =
        serde_json::json!({"@timestamp": "2026-01-15T09:31:00Z", "host": {"name": "shipper"}, "message": one});
    let hits =
        format!(r#"{{"took": 3, "hits": {{"total": 2, "hits": [{{"_source": {one}}}, {{"_source": {two}}}]}}}}"#);
    for (content, count) in [
        (pretty(&one), 1),
        (format!("[{one},\n{two}]"), 2),
        (hits.clone(), 2),
        (pretty(&hits), 2),
        (format!("{wrapped}\n{two}\n"), 2),
        (format!("\u{feff}{one}\r\n{two}"), 2),
    ] {
        for bytes in [content.clone().into_bytes(), packed(&content)] {
            fs::write(&file, &bytes).unwrap();
            let run = osawatch(&["alerts", &shown(&file)]).exits(0);
            assert_eq!(run.alerts().len(), count, "{content}\n{}", run.stderr);
            assert_eq!(run.stdout.lines().last().unwrap(), if count == 1 { one.as_str() } else { two.as_str() });
            let run = crate::util::osawatch_with_input(&["alerts", "-"], &bytes).exits(0);
            assert_eq!(run.alerts().len(), count);
        }
    }
}

#[test]
fn a_directory_is_the_alert_files_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("mac-1")).unwrap();
    fs::write(path("mac-1/alerts.ndjson"), numbered(2) + "\n").unwrap();
    fs::write(path("mac-1/alerts-20260101T000000-000001.ndjson.gz"), packed(&(numbered(1) + "\n"))).unwrap();
    fs::write(path("notes.txt"), "nothing\n").unwrap();
    let run = osawatch(&["alerts", &shown(folder.path())]).exits(0);
    assert_eq!(run.stdout.lines().collect::<Vec<_>>(), [numbered(1), numbered(2)]);
    run.says("notes.txt:1:2: not valid JSON");
}

#[test]
fn an_alert_that_the_copy_of_a_file_holds_too_is_shown_and_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("a.ndjson"), numbered(1) + "\n").unwrap();
    fs::write(path("b.ndjson.gz"), packed(&format!("{}\n{}\n", numbered(1), numbered(2).replace("mac-7", "mac-8"))))
        .unwrap();
    let run = osawatch(&["alerts", "--list", &shown(folder.path())]).exits(0);
    assert_eq!(run.stdout.lines().count(), 2, "{}", run.stdout);
    run.says("1 document of several files, shown once");
    let page = path("page.html");
    osawatch(&["alerts", "--html", &shown(&page), &shown(&path("a.ndjson")), &shown(&path("b.ndjson.gz"))]).exits(0);
    assert!(fs::read_to_string(page).unwrap().contains("<title>osawatch: 2 alerts<"));
}

#[test]
fn an_alert_file_that_is_cut_off_is_read_as_far_as_it_goes_with_exit_code_74() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alerts.gz");
    let whole = packed(&text_of(0..50));
    fs::write(&file, &whole[..whole.len() - 20]).unwrap();
    let run = osawatch(&["alerts", &shown(&file)]).exits(74);
    assert!(!run.alerts().is_empty());
    run.says("the gzip data is truncated; the values before it are used");
    fs::write(&file, b"\xff\xfe{\0}\0").unwrap();
    osawatch(&["alerts", &shown(&file)]).exits(65).says("this is text in UTF-16; convert it: iconv");
}

#[test]
fn only_rotations_are_left_when_the_file_itself_was_moved_away() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("alerts-20260101T000000-000001.ndjson"), numbered(1) + "\n").unwrap();
    let run = osawatch(&["alerts", &shown(&folder.path().join("alerts.ndjson"))]).exits(0);
    assert_eq!(run.alerts().len(), 1);
}

#[test]
fn days_and_the_end_of_a_window_choose_alerts() {
    let text = alert() + "\n";
    let count = |args: &[&str]| {
        let run = crate::util::osawatch_with_input(&[&["alerts", "-"], args].concat(), text.as_bytes()).exits(0);
        run.stdout.lines().count()
    };
    assert_eq!((count(&["--since", "100000d"]), count(&["--since", "1d"])), (1, 0));
    assert_eq!((count(&["--until", "2026-01-15T09:30:11.616Z"]), count(&["--until", "2026-01-15T09:30:11Z"])), (1, 0));
    let day = |day: &str| count(&["--since", day, "--until", day]);
    assert_eq!((day("2026-01-14"), day("2026-01-15"), day("2026-01-16")), (0, 1, 0));
    assert_eq!((count(&["--host", "mac-7"]), count(&["--host", "x", "--host", "mac-7"])), (1, 1));
    assert_eq!((count(&["--severity", "low"]), count(&["--severity", "critical"])), (1, 0));
}

#[test]
fn a_rule_that_no_one_knows_gets_a_hint() {
    let run = crate::util::osawatch_with_input(&["alerts", "--rule", "osascript-network-conection", "-"], b"").exits(0);
    run.says("no known rule has the id `osascript-network-conection`; did you mean `osascript-network-connection`?");
    let run = crate::util::osawatch_with_input(&["alerts", "--rule", "follow-up", "-"], b"").exits(0);
    assert!(!run.stderr.contains("no known rule"), "{}", run.stderr);
}

#[test]
fn a_page_is_a_new_file_and_leaves_another_name_of_the_old_one_alone() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("alerts.ndjson"), alert() + "\n").unwrap();
    osawatch(&["alerts", "--html", &shown(&path("victim")), &shown(&path("alerts.ndjson"))]).exits(0);
    let victim = fs::read_to_string(path("victim")).unwrap();
    fs::hard_link(path("victim"), path("page.html")).unwrap();
    osawatch(&["alerts", "--html", &shown(&path("page.html")), &shown(&path("alerts.ndjson"))]).exits(0);
    assert_eq!(fs::read_to_string(path("victim")).unwrap(), victim);
    assert_eq!(fs::metadata(path("victim")).unwrap().nlink(), 1);
    assert_eq!(fs::metadata(path("page.html")).unwrap().permissions().mode() & 0o777, 0o600);
}

fn hostile_page(folder: &Path) -> PathBuf {
    let path = |name: &str| folder.join(name);
    let hostile = "<script>document.title='owned'</script><img src=x onerror=document.title='owned'>";
    fs::write(path("alerts.ndjson"), alert().replace("eval('')", hostile) + "\n").unwrap();
    osawatch(&["alerts", "--html", &shown(&path("report.html")), &shown(&path("alerts.ndjson"))])
        .exits(0)
        .says("1 alert in");
    path("report.html")
}

#[test]
fn the_page_has_what_a_hostile_alert_says_as_text_alone() {
    let folder = tempfile::tempdir().unwrap();
    let page = fs::read_to_string(hostile_page(folder.path())).unwrap();
    assert!(page.contains("&lt;script&gt;document.title") && !page.contains("<script"));
}

#[test]
#[ignore = "needs Chromium: apt-get install chromium"]
fn the_page_shows_a_hostile_alert_in_a_browser_and_nothing_of_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let page = hostile_page(folder.path());
    let browser = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    let browser = browser.into_iter().find(|browser| Path::new(browser).exists()).expect("Chromium is installed");
    let screenshot = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report.png");
    let _ = fs::remove_file(&screenshot);
    let look = |args: &[String]| {
        let mut command = Command::new(browser);
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]);
        command.arg(format!("--user-data-dir={}", shown(&folder.path().join("profile")))).args(args);
        let output = command.arg(format!("file://{}", shown(&page))).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let seen = look(&["--dump-dom".to_owned()]);
    assert!(seen.contains("<title>osawatch: 1 alert</title>"), "{seen}");
    assert!(seen.contains("What to check: ") && seen.contains("93.184.216.34"));
    look(&[format!("--screenshot={}", shown(&screenshot)), "--window-size=1000,1400".to_owned()]);
    assert!(fs::metadata(&screenshot).unwrap().len() > 10_000);
}

#[test]
fn a_page_holds_64_mib_of_alerts_and_counts_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut large: serde_json::Value = serde_json::from_str(&alert()).unwrap();
    large["message"] = "m".repeat(4 << 20).into();
    fs::write(path("alerts.ndjson"), format!("{large}\n").repeat(18)).unwrap();
    osawatch(&["alerts", "--html", &shown(&path("report.html")), &shown(&path("alerts.ndjson"))])
        .exits(0)
        .says("15 alerts in ")
        .says("3 alerts found no room in the page");
    let page = fs::read_to_string(path("report.html")).unwrap();
    assert!(page.contains("<p>Not in this page: 3 further alerts.</p>"));
}
