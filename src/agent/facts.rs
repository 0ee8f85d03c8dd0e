//! What only this system knows of a process, a user and itself.

use crate::event::{Event, field};
use crate::source::live::Sensors;

/// Adds to a process event what its source did not know, while the process lives.
pub(super) fn complete_process(event: &mut Event, sensors: &mut Sensors) {
    let number = |field| event.int(field).and_then(|number| u32::try_from(number).ok());
    if let (Some(pid), Some(version), None) =
        (number(field::PROCESS_PID), number(field::PIDVERSION), event.int(field::UNIQUE_PID))
        && !event.is_type("end")
        && let Some(unique) = sensors.lookup.unique_pid(pid, version)
    {
        event.push_int(field::UNIQUE_PID, i64::try_from(unique).unwrap_or(i64::MAX));
    }
    complete(event, sensors);
}

/// Adds to any event what its source did not know.
pub(super) fn complete(event: &mut Event, sensors: &mut Sensors) {
    let uid = event.str(field::USER_ID).and_then(|uid| uid.parse().ok());
    if let (None, Some(uid)) = (event.str(field::USER_NAME), uid)
        && let Some(name) = sensors.lookup.user_name(uid)
    {
        event.push_str(field::USER_NAME, &name);
    }
    if let Some(version) = sensors.os_version.as_deref() {
        event.push_str(field::HOST_OS_VERSION, version);
    }
}

/// What runs now of the process that a connection names, and its parent.
pub(super) fn running(connection: &Event, sensors: &Sensors) -> Vec<Event> {
    let pid = connection.int(field::PROCESS_PID).and_then(|pid| u32::try_from(pid).ok());
    let unique = connection.int(field::UNIQUE_PID).and_then(|unique| u64::try_from(unique).ok());
    pid.zip(unique).map(|(pid, unique)| sensors.lookup.running(pid, unique)).unwrap_or_default()
}
