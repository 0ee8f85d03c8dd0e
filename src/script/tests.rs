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

fn script(event: Event, capture: Capture) -> Script {
    of_arguments(&event, capture).unwrap_or_default()
}

fn recorded(args: &[&str]) -> Script {
    script(exec("osascript", &[&["osascript"], args].concat(), "/tmp"), Capture::Full)
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
    let automator = |args: &[&str]| script(exec("automator", args, "/tmp"), Capture::Full);
    let found = automator(&["automator", "-v", "-i", "in", "-D", "a=b", "w.workflow"]);
    assert_eq!((found.source, found.path.as_deref()), ("workflow", Some("/tmp/w.workflow")));
    assert_eq!(automator(&["automator"]).source, "unknown");
    let mut event = exec("applet", &["applet"], "/");
    event.remove(field::PROCESS_EXECUTABLE);
    event.push_str(field::PROCESS_EXECUTABLE, "/Users/a/X.app/Contents/MacOS/applet");
    let found = script(event, Capture::Full);
    assert_eq!((found.source, found.path.as_deref()), ("applet", Some("/Users/a/X.app")));
}

#[test]
fn a_workflow_gives_the_scripts_of_its_actions() {
    let document = r#"<?xml version="1.0"?><plist version="1.0"><dict><key>actions</key><array>
        <dict><key>action</key><dict><key>ActionName</key><string>Run Shell Script</string>
        <key>ActionParameters</key><dict><key>COMMAND_STRING</key><string>curl x | sh</string></dict></dict></dict>
        <dict><key>action</key><dict><key>ActionName</key><string>Get Files</string></dict></dict>
        </array></dict></plist>"#;
    let mut found = script(exec("automator", &["automator", "w.workflow"], "/"), Capture::Full);
    describe_file(document.as_bytes(), Capture::Full, &mut found);
    assert_eq!(found.text.as_deref(), Some("[Run Shell Script]\ncurl x | sh\n[Get Files]\n"));
    assert_eq!(found.indicators, ["curl"]);
}

#[test]
fn hash_leaves_the_text_out_and_off_everything() {
    let event = || exec("osascript", &["osascript", "-e", "do shell script \"x\""], "/");
    let found = script(event(), Capture::Hash);
    assert!(found.text.is_none() && found.sha256.is_some());
    assert_eq!(found.indicators, ["do shell script"]);
    assert_eq!(script(event(), Capture::Off), Script::default());
}
