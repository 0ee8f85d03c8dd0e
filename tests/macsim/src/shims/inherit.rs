//! What a child would inherit: of the guest's descriptors nothing but the three standard ones.
use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::Duration;

/// What was open before the guest ran: whoever started the simulator left it open.
static BEFORE: OnceLock<BTreeSet<i32>> = OnceLock::new();
/// macOS has no socket() that sets FD_CLOEXEC, so that there is a moment without it: looks, and the time between two.
const LOOKS: u32 = 100;
const BETWEEN: Duration = Duration::from_millis(10);

/// To be called before the guest runs.
pub(crate) fn remember() {
    let _ = BEFORE.set(inherited());
}

/// Ends the run when a child that starts now would inherit a descriptor that the guest opened.
pub(crate) fn refuse_leaks(child: &str) {
    let mut leaks = leaks();
    for _ in 0..LOOKS {
        if leaks.is_empty() {
            return;
        }
        std::thread::sleep(BETWEEN);
        leaks.retain(|fd| is_inherited(*fd));
    }
    let names: Vec<_> = leaks.iter().map(|fd| format!("{fd} ({})", name(*fd))).collect();
    fatal!("{child} inherits what has no FD_CLOEXEC: {}", names.join(", "))
}

fn leaks() -> BTreeSet<i32> {
    let empty = BTreeSet::new();
    inherited().difference(BEFORE.get().unwrap_or(&empty)).copied().collect()
}

/// All but the standard descriptors that an exec leaves open.
fn inherited() -> BTreeSet<i32> {
    let entries = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter(|fd| *fd > 2 && is_inherited(*fd)).collect()
}

fn is_inherited(fd: i32) -> bool {
    // SAFETY: takes numbers; of a closed descriptor it is an error.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
    flags >= 0 && flags & libc::FD_CLOEXEC == 0
}

fn name(fd: i32) -> String {
    std::fs::read_link(format!("/proc/self/fd/{fd}")).map_or("closed".into(), |path| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    #[test]
    fn a_descriptor_without_cloexec_is_found_and_one_with_it_is_not() {
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(!leaks().contains(&file.as_raw_fd()));
        // SAFETY: a descriptor of this test.
        unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETFD, 0) };
        assert!(leaks().contains(&file.as_raw_fd()));
        assert_eq!(name(file.as_raw_fd()), "/dev/null");
    }
}
