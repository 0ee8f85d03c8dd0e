//! Automator workflows: the scripts that their actions run.

use std::io::Cursor;

use plist::Value;

/// Where an action keeps its script: Run Shell Script, Run AppleScript and Run JavaScript.
const PARAMETERS: [&str; 2] = ["COMMAND_STRING", "source"];
/// A workflow has a handful.
const MAX_ACTIONS: usize = 256;

/// The scripts of a `document.wflow`, each after the name of its action; `None`: it is no workflow.
pub(super) fn scripts(bytes: &[u8]) -> Option<String> {
    if !bytes.starts_with(b"bplist") && !bytes.trim_ascii_start().starts_with(b"<") {
        return None;
    }
    let document = Value::from_reader(Cursor::new(bytes)).ok()?;
    let actions = document.as_dictionary()?.get("actions")?.as_array()?;
    let mut text = String::new();
    for action in actions.iter().take(MAX_ACTIONS) {
        let action = action.as_dictionary().and_then(|action| action.get("action")?.as_dictionary());
        let parameters = action.and_then(|action| action.get("ActionParameters")?.as_dictionary());
        let script =
            parameters.and_then(|parameters| PARAMETERS.iter().find_map(|name| parameters.get(name)?.as_string()));
        let name = action.and_then(|action| action.get("ActionName")?.as_string()).unwrap_or("action");
        match script {
            Some(script) => text += &format!("[{name}]\n{script}\n"),
            None => text += &format!("[{name}]\n"),
        }
    }
    Some(text)
}
