//! What one step does.
use serde_json::Value;

/// The keys of a step besides those of time and number.
pub(crate) const KEYS: [&str; 33] = [
    "es",
    "es_new_client_result",
    "es_queue_limit",
    "es_connect_layout_shift",
    "drop_seq",
    "drop_type",
    "proc",
    "ntstat",
    "ntstat_enobufs",
    "signal",
    "sysctl",
    "map_path",
    "hostname",
    "euid",
    "inet_errno",
    "host_uuid_errno",
    "slept_ms",
    "clock_ms",
    "interrupted_ms",
    "report_heap",
    "eslogger",
    "programs",
    "es_default_mutes",
    "es_mute_refused",
    "intel",
    "translated",
    "version_compat",
    "es_subscribe_refused",
    "silent_files",
    "write_file",
    "sh",
    "exit",
    "fixed",
];

pub(crate) fn run(step: &Value) -> Result<(), String> {
    the_clocks(step);
    the_mac(step)?;
    its_events(step)?;
    the_host(step)
}

/// What its clocks show, and in which ticks.
fn the_clocks(step: &Value) {
    use crate::shims::time;
    if let Some(ms) = step["slept_ms"].as_u64() {
        time::sleep_was(ms);
    }
    if let Some(ms) = step["interrupted_ms"].as_u64() {
        time::interrupt(ms);
    }
    if let Some(ms) = step["clock_ms"].as_i64() {
        time::set_by(ms);
    }
    if let Some(is_intel) = step["intel"].as_bool() {
        time::set_intel(is_intel);
    }
    if let Some(is_translated) = step["translated"].as_bool() {
        time::set_translated(is_translated);
    }
}

/// What holds for the Mac from now on.
fn the_mac(step: &Value) -> Result<(), String> {
    use crate::shims::world;
    if let Some(value) = step.get("es_new_client_result") {
        crate::es::set_new_client_result(value.as_str().ok_or("not a string")?)?;
    }
    for (name, value) in step["sysctl"].as_object().into_iter().flatten() {
        let bytes = sysctl_bytes(value).ok_or("not a string, a number or a list of u32")?;
        world::with(|world| world.sysctl.insert(name.clone(), bytes));
    }
    for (from, to) in step["map_path"].as_object().into_iter().flatten() {
        world::with(|world| world.paths.push((from.clone(), to.as_str().unwrap_or("").into())));
    }
    if let Some(value) = step["hostname"].as_str() {
        world::with(|world| world.hostname = Some(value.into()));
    }
    if let Some(number) = step["inet_errno"].as_i64() {
        world::with(|world| world.inet_errno = Some(number as i32).filter(|number| *number != 0));
    }
    if let Some(number) = step["host_uuid_errno"].as_i64() {
        world::with(|world| world.host_uuid_errno = Some(number as i32));
    }
    if let Some(number) = step["euid"].as_u64() {
        world::with(|world| world.euid = Some(number as u32));
    }
    if let Some(is_older) = step["version_compat"].as_bool() {
        world::with(|world| world.version_compat = is_older);
    }
    if let Some(names) = step["silent_files"].as_array() {
        let names = names.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        world::with(|world| world.silent_files = names);
    }
    if let Some(value) = step["es_subscribe_refused"].as_array() {
        crate::es::refuse_subscriptions(value.iter().filter_map(Value::as_u64).map(|number| number as u32).collect());
    }
    if let Some(value) = step.get("es_default_mutes") {
        crate::es::set_default_mutes(value)?;
    }
    if let Some(value) = step.get("es_mute_refused") {
        crate::es::refuse_muting(value)?;
    }
    step.get("programs").map_or(Ok(()), crate::programs::step)?;
    step.get("eslogger").map_or(Ok(()), crate::eslogger::step)
}

/// What happens on it.
fn its_events(step: &Value) -> Result<(), String> {
    if let Some(value) = step.get("proc") {
        crate::proc::step(value)?;
    }
    if let Some(value) = step.get("es") {
        crate::es::step(value)?;
    }
    if let Some(number) = step["drop_seq"].as_u64() {
        crate::es::drop_events(number, step["drop_type"].as_str());
    }
    if let Some(number) = step["ntstat_enobufs"].as_u64() {
        crate::ntstat::enobufs(number);
    }
    if let Some(value) = step.get("ntstat") {
        crate::ntstat::step(value)?;
    }
    if let Some(number) = step["es_connect_layout_shift"].as_u64() {
        crate::es::set_connect_shift(number as usize);
    }
    if let Some(number) = step["es_queue_limit"].as_u64() {
        crate::es::set_limit(number);
    }
    Ok(())
}

/// What happens on the host that the simulator runs on.
fn the_host(step: &Value) -> Result<(), String> {
    if let Some(value) = step.get("write_file") {
        std::fs::write(value["path"].as_str().unwrap_or(""), value["text"].as_str().unwrap_or(""))
            .map_err(|error| format!("write_file: {error}"))?;
    }
    if let Some(command) = step["sh"].as_str() {
        let status =
            std::process::Command::new("/bin/sh").args(["-c", command]).status().map_err(|error| error.to_string())?;
        if !status.success() {
            return Err(format!("sh: {status}"));
        }
    }
    if step["report_heap"].as_bool() == Some(true) {
        crate::shims::heap::report();
    }
    if let Some(value) = step.get("signal") {
        let number = signal(value)?;
        // SAFETY: sends a signal to this process.
        unsafe { libc::kill(libc::getpid(), number) };
    }
    if let Some(number) = step["exit"].as_i64() {
        // SAFETY: takes a number and does not return.
        unsafe { libc::_exit(number as i32) };
    }
    Ok(())
}

fn signal(value: &Value) -> Result<i32, String> {
    Ok(match value.as_str().map(|name| name.trim_start_matches("SIG")) {
        Some("TERM") => libc::SIGTERM,
        Some("HUP") => libc::SIGHUP,
        Some("INT") => libc::SIGINT,
        Some("KILL") => libc::SIGKILL,
        Some("USR1") => libc::SIGUSR1,
        Some("INFO") => crate::shims::signal::INFO,
        Some("USR2") => libc::SIGUSR2,
        Some("QUIT") => libc::SIGQUIT,
        Some("CHLD") => libc::SIGCHLD,
        _ => return Err(format!("signal {value}")),
    })
}

fn sysctl_bytes(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some([text.as_bytes(), b"\0"].concat()),
        Value::Array(list) => {
            let numbers =
                list.iter().map(|number| u32::try_from(number.as_u64()?).ok()).collect::<Option<Vec<u32>>>()?;
            Some(numbers.iter().flat_map(|number| number.to_ne_bytes()).collect())
        }
        value => {
            let number = value.as_i64()?;
            Some(
                i32::try_from(number)
                    .map_or_else(|_| number.to_ne_bytes().to_vec(), |number| number.to_ne_bytes().to_vec()),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::sysctl_bytes;
    use serde_json::json;

    #[test]
    fn a_sysctl_may_be_a_text_a_number_or_a_structure() {
        assert_eq!(sysctl_bytes(&json!("a")), Some(b"a\0".to_vec()));
        assert_eq!(sysctl_bytes(&json!(-1)), Some(vec![255; 4]));
        assert_eq!(sysctl_bytes(&json!(1u64 << 40)), Some(vec![0, 0, 0, 0, 0, 1, 0, 0]));
        assert_eq!(sysctl_bytes(&json!([1, u32::MAX])), Some(vec![1, 0, 0, 0, 255, 255, 255, 255]));
        assert_eq!(sysctl_bytes(&json!([-1])), None);
    }
}
