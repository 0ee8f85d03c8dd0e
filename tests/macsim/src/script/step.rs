//! What one step does.
use serde_json::Value;

/// The keys of a step besides those of time and number.
pub const KEYS: [&str; 21] = [
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
    "slept_ms",
    "es_subscribe_refused",
    "write_file",
    "sh",
    "exit",
    "fixed",
];

pub fn run(s: &Value) -> Result<(), String> {
    if let Some(v) = s.get("es_new_client_result") {
        crate::es::set_new_client_result(v.as_str().ok_or("not a string")?)?;
    }
    if let Some(v) = s.get("sysctl") {
        for (k, v) in v.as_object().ok_or("not an object")? {
            let b = sysctl_bytes(v).ok_or("not a string, a number or a list of u32")?;
            crate::shims::world::with(|w| w.sysctl.insert(k.clone(), b));
        }
    }
    if let Some(v) = s.get("map_path") {
        for (k, v) in v.as_object().ok_or("not an object")? {
            crate::shims::world::with(|w| w.paths.push((k.clone(), v.as_str().unwrap_or("").into())));
        }
    }
    if let Some(v) = s["hostname"].as_str() {
        crate::shims::world::with(|w| w.hostname = Some(v.into()));
    }
    if let Some(n) = s["inet_errno"].as_i64() {
        crate::shims::world::with(|w| w.inet_errno = Some(n as i32).filter(|n| *n != 0));
    }
    if let Some(ms) = s["slept_ms"].as_u64() {
        crate::shims::time::sleep_was(ms);
    }
    if let Some(n) = s["euid"].as_u64() {
        crate::shims::world::with(|w| w.euid = Some(n as u32));
    }
    if let Some(v) = s["es_subscribe_refused"].as_array() {
        crate::es::refuse_subscriptions(v.iter().filter_map(Value::as_u64).map(|n| n as u32).collect());
    }
    if let Some(v) = s.get("proc") {
        crate::proc::step(v)?;
    }
    if let Some(v) = s.get("es") {
        crate::es::step(v)?;
    }
    if let Some(n) = s["drop_seq"].as_u64() {
        crate::es::drop_events(n, s["drop_type"].as_str());
    }
    if let Some(n) = s["ntstat_enobufs"].as_u64() {
        crate::ntstat::enobufs(n);
    }
    if let Some(v) = s.get("ntstat") {
        crate::ntstat::step(v)?;
    }
    if let Some(n) = s["es_connect_layout_shift"].as_u64() {
        crate::es::set_connect_shift(n as usize);
    }
    if let Some(n) = s["es_queue_limit"].as_u64() {
        crate::es::set_limit(n);
    }
    if let Some(v) = s.get("write_file") {
        std::fs::write(v["path"].as_str().unwrap_or(""), v["text"].as_str().unwrap_or("")).map_err(|e| format!("write_file: {e}"))?;
    }
    if let Some(c) = s["sh"].as_str() {
        let st = std::process::Command::new("/bin/sh").args(["-c", c]).status().map_err(|e| e.to_string())?;
        if !st.success() {
            return Err(format!("sh: {st}"));
        }
    }
    if let Some(v) = s.get("signal") {
        let n = match v.as_str().map(|s| s.trim_start_matches("SIG")) {
            Some("TERM") => libc::SIGTERM,
            Some("HUP") => libc::SIGHUP,
            Some("INT") => libc::SIGINT,
            Some("KILL") => libc::SIGKILL,
            Some("USR1") => libc::SIGUSR1,
            Some("USR2") => libc::SIGUSR2,
            Some("QUIT") => libc::SIGQUIT,
            Some("CHLD") => libc::SIGCHLD,
            _ => return Err(format!("signal {v}")),
        };
        unsafe { libc::kill(libc::getpid(), n) };
    }
    if let Some(n) = s["exit"].as_i64() {
        unsafe { libc::_exit(n as i32) };
    }
    Ok(())
}

fn sysctl_bytes(v: &Value) -> Option<Vec<u8>> {
    match v {
        Value::String(x) => Some([x.as_bytes(), b"\0"].concat()),
        Value::Array(a) => {
            let numbers = a.iter().map(|n| u32::try_from(n.as_u64()?).ok()).collect::<Option<Vec<u32>>>()?;
            Some(numbers.iter().flat_map(|n| n.to_ne_bytes()).collect())
        }
        v => {
            let n = v.as_i64()?;
            Some(i32::try_from(n).map_or_else(|_| n.to_ne_bytes().to_vec(), |n| n.to_ne_bytes().to_vec()))
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
