//! What launchctl(1) and systemextensionsctl(8) print: no interface, so what is not found is not claimed.

/// The job as `launchctl print` shows it. FACT: launchctl-print
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Job {
    /// Such as `running`.
    pub state: Option<String>,
    /// Its process.
    pub pid: Option<u32>,
    /// How it ended last, in launchd's words.
    pub last_exit: Option<String>,
}

/// Reads what `launchctl print` prints.
pub(crate) fn job(text: &str) -> Job {
    let mut job = Job::default();
    for line in text.lines().take(500) {
        // Deeper lines are of endpoints and the like.
        let Some(line) = line.strip_prefix('\t').filter(|line| !line.starts_with('\t')) else { continue };
        match line.split_once(" = ") {
            Some(("state", state)) => job.state = Some(state.trim().to_owned()),
            Some(("pid", pid)) => job.pid = pid.trim().parse().ok(),
            Some(("last exit code" | "last exit reason", code)) => job.last_exit = Some(code.trim().to_owned()),
            _ => {}
        }
    }
    job
}

/// The names of the active extensions of Endpoint Security that `systemextensionsctl list` prints. FACT: extensions-list
pub(crate) fn endpoint_security_extensions(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_ours = false;
    for line in text.lines().take(500) {
        if let Some(category) = line.strip_prefix("--- ") {
            is_ours = category.contains("endpoint_security");
        } else if is_ours && line.contains("[activated enabled]") {
            // enabled, active, teamID, bundleID (version), name, [state]
            let name = line.split('\t').filter(|column| !column.trim().is_empty()).rev().nth(1);
            found.extend(name.map(|name| name.trim().to_owned()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_and_the_last_exit_of_the_job_are_read() {
        let text = "system/io.osawatch.agent = {\n\tactive count = 1\n\tstate = running\n\n\tprogram = /x\n\
            \tpid = 412\n\tlast exit code = 78: EX_CONFIG\n\tendpoints = {\n\t\tstate = other\n\t}\n}\n";
        let wanted = Job { state: Some("running".into()), pid: Some(412), last_exit: Some("78: EX_CONFIG".into()) };
        assert_eq!(job(text), wanted);
        assert_eq!(job("Could not find service"), Job::default());
    }

    #[test]
    fn only_active_extensions_of_endpoint_security_are_named() {
        let text = "2 extension(s)\n--- com.apple.system_extension.network_extension (Go to)\n\
            enabled\tactive\tteamID\tbundleID (version)\tname\t[state]\n\
            *\t*\tAAAAAAAAAA\tcom.a.net (1/1)\tA Network\t[activated enabled]\n\
            --- com.apple.system_extension.endpoint_security\n\
            enabled\tactive\tteamID\tbundleID (version)\tname\t[state]\n\
            *\t*\tBBBBBBBBBB\tcom.b.es (2/2)\tB Security\t[activated enabled]\n\
            \t\tCCCCCCCCCC\tcom.c.es (1/1)\tC Security\t[terminated waiting to uninstall on reboot]\n";
        assert_eq!(endpoint_security_extensions(text), ["B Security"]);
    }
}
