//! The audit token: how XNU names one process execution.

use sha2::{Digest, Sha256};

use super::hash::short_hash;

/// `audit_token_t` of `<bsm/audit.h>`: eight words, in the order the kernel writes them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct AuditToken(pub [u32; 8]);

impl AuditToken {
    /// Audit user id; 4294967295 when no audit session was set.
    pub fn auid(self) -> u32 {
        self.0[0]
    }

    /// Effective user id.
    pub fn euid(self) -> u32 {
        self.0[1]
    }

    /// Effective group id.
    pub fn egid(self) -> u32 {
        self.0[2]
    }

    /// Real user id.
    pub fn ruid(self) -> u32 {
        self.0[3]
    }

    /// Real group id.
    pub fn rgid(self) -> u32 {
        self.0[4]
    }

    /// Process id.
    pub fn pid(self) -> u32 {
        self.0[5]
    }

    /// Audit session id.
    pub fn asid(self) -> u32 {
        self.0[6]
    }

    /// Process id version: XNU takes a new one at every fork and every exec.
    pub fn pidversion(self) -> u32 {
        self.0[7]
    }
}

/// The eight words in the kernel's order, separated by commas.
impl std::fmt::Display for AuditToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [first, rest @ ..] = self.0;
        write!(f, "{first}")?;
        rest.iter().try_for_each(|word| write!(f, ",{word}"))
    }
}

/// The machine and the boot a token belongs to: pids and pid versions start again at each boot.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Machine {
    /// `host.id`: the `IOPlatformUUID`; empty when unknown.
    pub host_id: String,
    /// `host.boot.id`: the boot session UUID; empty when unknown.
    pub boot_id: String,
}

impl Machine {
    /// The `host.id` of a machine that nothing names, so that its events still belong together.
    const UNNAMED: &str = "local";

    /// This machine; with an id that stands for one when it has none.
    #[must_use]
    pub fn named(self) -> Machine {
        let host_id = Some(self.host_id).filter(|id| !id.is_empty());
        Machine { host_id: host_id.unwrap_or_else(|| Machine::UNNAMED.to_owned()), ..self }
    }

    /// `process.entity_id` of an execution on this machine: 22 characters of base64url over SHA-256
    /// of host, boot, pid and pid version, so that every source that sees an audit token names the
    /// execution alike.
    pub fn entity_id(&self, pid: u32, pidversion: u32) -> String {
        let mut hash = Sha256::new();
        for part in [self.host_id.as_bytes(), self.boot_id.as_bytes()] {
            hash.update(part);
            hash.update([0]);
        }
        hash.update(pid.to_be_bytes());
        hash.update(pidversion.to_be_bytes());
        short_hash(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_id_depends_on_host_boot_pid_and_pid_version() {
        let machine = |host: &str, boot: &str| Machine { host_id: host.into(), boot_id: boot.into() };
        let base = machine("h", "b").entity_id(1, 2);
        assert_eq!(base.len(), 22);
        assert_eq!(base, machine("h", "b").entity_id(1, 2));
        for other in [
            machine("h2", "b").entity_id(1, 2),
            machine("h", "b2").entity_id(1, 2),
            machine("hb", "").entity_id(1, 2),
            machine("h", "b").entity_id(2, 2),
            machine("h", "b").entity_id(1, 3),
        ] {
            assert_ne!(base, other);
        }
    }
}
