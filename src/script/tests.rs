use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::event::Timestamp;

fn exec(name: &str, args: &[&str], folder: &str) -> Event {
    let mut event = Event::new(Timestamp::from_nanoseconds(i64::MAX), Categories::PROCESS);
    event.push_str(field::EVENT_TYPE, "start");
    event.push_str(field::PROCESS_NAME, name);
    event.push_str(field::PROCESS_EXECUTABLE, &format!("/usr/bin/{name}"));
    event.push_str(field::PROCESS_WORKING_DIRECTORY, folder);
    args.iter().for_each(|arg| event.push_str(field::PROCESS_ARGS, arg));
    event
}

fn script(mut event: Event, mut examiner: Examiner) -> Script {
    examiner.examine(&mut event);
    event.script.map(|script| (*script).clone()).unwrap_or_default()
}

fn recorded(args: &[&str]) -> Script {
    script(exec("osascript", &[&["osascript"], args].concat(), "/tmp"), Examiner::recorded(Capture::Full))
}

#[test]
fn the_options_of_osascript_are_read_as_getopt_does() {
    for (args, source, language, text, path, rest) in [
        (&["-e", "a", "-e", "b", "x"][..], "inline", Some("AppleScript"), Some("a\nb"), None, 1),
        (&["-ea"], "inline", Some("AppleScript"), Some("a"), None, 0),
        (&["-l", "JavaScript", "-e", "1"], "inline", Some("JavaScript"), Some("1"), None, 0),
        (&["-lapplescript", "-e1"], "inline", Some("AppleScript"), Some("1"), None, 0),
        (&["-s", "so", "f.scpt", "-e", "x"], "file", None, None, Some("/tmp/f.scpt"), 2),
        (&["--", "-f.js"], "file", Some("JavaScript"), None, Some("/tmp/-f.js"), 0),
        (&[], "stdin", None, None, None, 0),
        (&["-"], "stdin", None, None, None, 0),
        (&["-", "x"], "stdin", None, None, None, 1),
        (&["-il", "JavaScript"], "stdin", Some("JavaScript"), None, None, 0),
        (&["-e"], "inline", Some("AppleScript"), Some(""), None, 0),
        (&["/x/A.app"], "applet", None, None, Some("/x/A.app"), 0),
    ] {
        let script = recorded(args);
        assert_eq!((script.source, script.language), (source, language), "{args:?}");
        assert_eq!((script.text.as_deref(), script.path.as_deref()), (text, path), "{args:?}");
        assert_eq!(script.arguments, rest, "{args:?}");
        assert!(script.state.is_none(), "a recording's files are not looked for");
    }
}

#[test]
fn automator_and_applications_name_their_workflow() {
    let automator = |args: &[&str]| script(exec("automator", args, "/tmp"), Examiner::recorded(Capture::Full));
    let found = automator(&["automator", "-v", "-i", "in", "-D", "a=b", "w.workflow"]);
    assert_eq!((found.source, found.path.as_deref()), ("workflow", Some("/tmp/w.workflow")));
    assert_eq!(automator(&["automator"]).source, "unknown");
    let mut event = exec("applet", &["applet"], "/");
    event.remove(field::PROCESS_EXECUTABLE);
    event.push_str(field::PROCESS_EXECUTABLE, "/Users/a/X.app/Contents/MacOS/applet");
    let found = script(event, Examiner::recorded(Capture::Full));
    assert_eq!((found.source, found.path.as_deref()), ("applet", Some("/Users/a/X.app")));
}

#[test]
fn a_live_file_is_hashed_and_its_text_taken_with_its_indicators() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let text = format!("#!/usr/bin/osascript -l JavaScript\neval(1); // {}", "é".repeat(8000));
    fs::write(path("s"), &text).unwrap();
    let live = |name: &str| script(exec("osascript", &["osascript", name], &path("")), Examiner::live(Capture::Full));
    let found = live("s");
    assert_eq!(found.language, Some("JavaScript"));
    assert_eq!(found.size, Some(text.len() as u64));
    assert_eq!(found.sha256.as_deref(), Some(hex(Sha256::digest(&text).as_slice()).as_str()));
    let taken = found.text.unwrap();
    assert!(text.starts_with(&taken) && taken.len() <= MAX_TEXT);
    assert_eq!(found.text_left_out as usize, text.len() - taken.len());
    assert_eq!(found.indicators, ["eval", "osacompile"]);
    assert_eq!(live("none").state, Some("gone"));

    fs::write(path("c.scpt"), b"FasdUAS 1.101.10\0do shell script").unwrap();
    let found = live("c.scpt");
    assert!(found.is_compiled && found.text.is_none() && found.sha256.is_some());
    assert_eq!((found.language, found.indicators), (Some("AppleScript"), vec!["do shell script"]));

    assert!(std::process::Command::new("mkfifo").arg(path("p")).status().unwrap().success());
    assert_eq!(live("p").state, Some("not_a_file"));
    assert_eq!(
        script(exec("osascript", &["osascript", "/dev/zero"], "/"), Examiner::live(Capture::Full)).state,
        Some("not_a_file")
    );
    fs::set_permissions(path("s"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(live("s").state, Some("not_readable_by_user"), "nobody known ran it");
}

#[test]
fn a_file_that_was_written_after_the_exec_is_marked() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("s"), "1").unwrap();
    let mut event = exec("osascript", &["osascript", "s"], &folder.path().display().to_string());
    event.time = Timestamp::from_nanoseconds(0);
    assert_eq!(script(event, Examiner::live(Capture::Full)).state, Some("changed"));
}

#[test]
fn a_workflow_gives_the_scripts_of_its_actions() {
    let document = r#"<?xml version="1.0"?><plist version="1.0"><dict><key>actions</key><array>
        <dict><key>action</key><dict><key>ActionName</key><string>Run Shell Script</string>
        <key>ActionParameters</key><dict><key>COMMAND_STRING</key><string>curl x | sh</string></dict></dict></dict>
        <dict><key>action</key><dict><key>ActionName</key><string>Get Files</string></dict></dict>
        </array></dict></plist>"#;
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("w.workflow/Contents")).unwrap();
    fs::write(folder.path().join("w.workflow/Contents/document.wflow"), document).unwrap();
    let event = exec("automator", &["automator", "w.workflow"], &folder.path().display().to_string());
    let found = script(event, Examiner::live(Capture::Full));
    assert_eq!(found.text.as_deref(), Some("[Run Shell Script]\ncurl x | sh\n[Get Files]\n"));
    assert_eq!(found.indicators, ["curl"]);
}

#[test]
fn hash_leaves_the_text_out_and_off_everything() {
    let event = || exec("osascript", &["osascript", "-e", "do shell script \"x\""], "/");
    let found = script(event(), Examiner::recorded(Capture::Hash));
    assert!(found.text.is_none() && found.sha256.is_some());
    assert_eq!(found.indicators, ["do shell script"]);
    assert_eq!(script(event(), Examiner::recorded(Capture::Off)), Script::default());
}
