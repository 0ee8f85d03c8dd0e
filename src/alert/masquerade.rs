//! Programs that only call themselves osascript or automator.

use crate::event::{Event, Scalar, field};
use crate::script::Program;

/// Why the process of this event is not the program that its name claims: the name is one that the rules look
/// for, and the signing id or the platform bit contradicts it. `None` when nothing does.
pub(super) fn of(event: &Event) -> Option<String> {
    let name = event.str(field::PROCESS_NAME)?;
    let program = Program::named(name).filter(|program| program.signing_id.is_some())?;
    let process = event
        .context
        .as_ref()
        .and_then(|context| context.process.as_deref())
        .filter(|process| process.name() == Some(name));
    let known = process.and_then(|process| process.signing_id());
    if let Some(signing_id) = event.str(field::PROCESS_SIGNING_ID).or(known)
        && !program.is_signed(signing_id)
    {
        return Some(format!("named {name}, but signed as {signing_id}"));
    }
    // Documents state flags as text too.
    let is_not = |field| event.any(field, |value| value == Scalar::Bool(false) || value == Scalar::Str("false"));
    [
        (field::PROCESS_SIGNATURE_EXISTS, "not signed"),
        (field::PROCESS_SIGNATURE_TRUSTED, "its signature is not trusted"),
        (field::IS_PLATFORM_BINARY, "not a program of macOS"),
    ]
    .into_iter()
    .find(|(field, _)| is_not(*field))
    .map(|(_, but)| format!("named {name}, but {but}"))
}
