//! What only this system knows of a process, a user and itself.

use super::users::{User, Users};
use crate::event::{Event, Scalar, field};
use crate::source::live::Lookup;

/// Adds to a process event its unique pid, while the process lives.
pub(super) fn add_unique_pid(event: &mut Event, lookup: &dyn Lookup) {
    let number = |field| event.int(field).and_then(|number| u32::try_from(number).ok());
    if let (Some(pid), Some(version), None) =
        (number(field::PROCESS_PID), number(field::PIDVERSION), event.int(field::UNIQUE_PID))
        && !event.is_type("end")
        && let Some(unique) = lookup.unique_pid(pid, version)
    {
        event.push_int(field::UNIQUE_PID, i64::try_from(unique).unwrap_or(i64::MAX));
    }
}

/// Adds to any event what its source did not know: the name of its user, if it is known by now, and the version of
/// macOS.
pub(super) fn enrich(event: &mut Event, users: &Users, os_version: Option<&str>) {
    add_user_name(event, users);
    if let Some(version) = os_version {
        event.push_str(field::HOST_OS_VERSION, version);
    }
}

/// Adds the name of the event's user. `false`: it is being looked up.
pub(super) fn add_user_name(event: &mut Event, users: &Users) -> bool {
    let Some(uid) = unnamed_user(event) else { return true };
    match users.name(uid) {
        User::Asked => return false,
        User::Nameless => {}
        User::Named(name) => event.push_str(field::USER_NAME, &name),
    }
    true
}

/// The user that an event states by number alone.
pub(super) fn unnamed_user(event: &Event) -> Option<u32> {
    if event.str(field::USER_NAME).is_some() {
        return None;
    }
    event.str(field::USER_ID).and_then(|uid| uid.parse().ok())
}

/// The user whose name an event lacks; of a connection that does not state its user, the one of its process.
pub(super) fn nameless_user(event: &Event) -> Option<u32> {
    if event.any(field::USER_NAME, |_| true) {
        return None;
    }
    let mut user = None;
    event.any(field::USER_ID, |value| {
        user = match value {
            Scalar::Str(text) => text.parse().ok(),
            Scalar::Int(number) => u32::try_from(number).ok(),
            _ => None,
        };
        user.is_some()
    });
    user
}

/// What runs now of the process that a connection names, and its parent.
pub(super) fn running(connection: &Event, lookup: &dyn Lookup) -> Vec<Event> {
    let pid = connection.int(field::PROCESS_PID).and_then(|pid| u32::try_from(pid).ok());
    let unique = connection.int(field::UNIQUE_PID).and_then(|unique| u64::try_from(unique).ok());
    pid.zip(unique).map(|(pid, unique)| lookup.running(pid, unique)).unwrap_or_default()
}
