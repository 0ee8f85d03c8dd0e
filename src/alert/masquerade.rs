//! Programs that only call themselves osascript or automator.

use crate::event::{Event, Scalar, field};

/// The names that the rules look for.
const NAMES: [&str; 4] = ["osascript", "automator", "Automator", "com.apple.automator.runner"];

/// Why the process of this event is not the program its name says: the name is one that the rules look
/// for, and the signing id or the platform bit says otherwise. `None` when nothing says so.
pub(super) fn of(event: &Event) -> Option<String> {
    let name = event.str(field::PROCESS_NAME)?;
    let looked_for = NAMES.iter().any(|known| known.eq_ignore_ascii_case(name));
    if !looked_for {
        return None;
    }
    let process = event
        .context
        .as_ref()
        .and_then(|context| context.process.as_deref())
        .filter(|process| process.name() == Some(name));
    let known = process.and_then(|process| process.signing_id());
    if let Some(signing_id) = event.str(field::PROCESS_SIGNING_ID).or(known) {
        let apples = match name {
            "osascript" => signing_id == "com.apple.osascript",
            _ => signing_id.to_ascii_lowercase().starts_with("com.apple.automator"),
        };
        if !apples {
            return Some(format!("named {name}, but signed as {signing_id}"));
        }
    }
    let is = |field, flag| event.any(field, |value| value == Scalar::Bool(flag));
    if is(field::PROCESS_SIGNATURE_EXISTS, false) {
        return Some(format!("named {name}, but not signed"));
    }
    if is(field::IS_PLATFORM_BINARY, false) {
        return Some(format!("named {name}, but not a program of macOS"));
    }
    None
}
