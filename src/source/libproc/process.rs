//! What a process is, read from the structures of `<sys/proc_info.h>`: offsets of 64-bit systems.

use crate::source::bytes::{text, u32_at, u64_at};

/// Bytes of `struct proc_bsdinfo`.
pub(crate) const BSD_INFO_SIZE: usize = 136;
/// Bytes of `struct proc_uniqidentifierinfo`.
pub(crate) const UNIQUE_INFO_SIZE: usize = 56;
/// Bytes of a pointer of the process: macOS runs only programs of 64 bits.
const WORD: usize = 8;

/// What `PROC_PIDTBSDINFO` reports about a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BsdInfo {
    /// Parent's pid.
    pub parent_pid: u32,
    /// Effective user id.
    pub user_id: u32,
    /// Real user id.
    pub real_user_id: u32,
    /// Real group id.
    pub real_group_id: u32,
    /// `p_name`, up to 32 bytes, or `p_comm` where it is empty.
    pub name: String,
    /// When the process was made (fork): nanoseconds since 1970.
    pub started: i64,
}

/// What `PROC_PIDUNIQIDENTIFIERINFO` reports about a process (XNU `bsd/sys/proc_info_private.h`). FACT: unique-info
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UniqueInfo {
    /// `p_uniqueid`: new at fork, kept at exec.
    pub unique_pid: u64,
    /// The parent's.
    pub parent_unique_pid: u64,
    /// `p_idversion`: new at every exec.
    pub pidversion: u32,
}

/// Reads `struct proc_bsdinfo`; `None` when it is too short.
pub(crate) fn bsd_info(bytes: &[u8]) -> Option<BsdInfo> {
    let bytes = bytes.get(..BSD_INFO_SIZE)?;
    let names = [text(&bytes[64..96]), text(&bytes[48..64])];
    let seconds = i64::try_from(u64_at(bytes, 120)?).ok()?;
    let microseconds = i64::try_from(u64_at(bytes, 128)?).ok()?;
    Some(BsdInfo {
        parent_pid: u32_at(bytes, 16)?,
        user_id: u32_at(bytes, 20)?,
        real_user_id: u32_at(bytes, 28)?,
        real_group_id: u32_at(bytes, 32)?,
        name: names.into_iter().find(|name| !name.is_empty()).unwrap_or_default(),
        started: seconds.checked_mul(1_000_000_000)?.checked_add(microseconds.checked_mul(1000)?)?,
    })
}

/// Reads `struct proc_uniqidentifierinfo`; `None` when it is too short.
pub(crate) fn unique_info(bytes: &[u8]) -> Option<UniqueInfo> {
    let bytes = bytes.get(..UNIQUE_INFO_SIZE)?;
    let (unique_pid, parent_unique_pid) = (u64_at(bytes, 16)?, u64_at(bytes, 24)?);
    Some(UniqueInfo { unique_pid, parent_unique_pid, pidversion: u32_at(bytes, 32)? })
}

/// The arguments in what `sysctl KERN_PROCARGS2` gives: their number, the program's path with zeros up to a word, then the
/// arguments each ended by a zero (FACT: procargs-padding). A first argument can be empty, so that not all zeros behind the
/// path are padding. The environment behind them is not read. `room` is how long the buffer was: one that is full holds
/// the last bytes of a longer text (FACT: procargs-tail), in which nothing can be found, so none are returned.
pub(crate) fn arguments(bytes: &[u8], room: usize) -> Vec<String> {
    let Some(count) = u32_at(bytes, 0).filter(|_| bytes.len() < room) else { return Vec::new() };
    let rest = &bytes[4..];
    let path = rest.iter().position(|byte| *byte == 0).map(|end| (end + 1).next_multiple_of(WORD));
    let Some(args) = path.and_then(|length| rest.get(length..)) else { return Vec::new() };
    let args = args.split(|byte| *byte == 0).take(usize::try_from(count).unwrap_or(0));
    args.map(|arg| String::from_utf8_lossy(arg).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
        bytes[at..at + value.len()].copy_from_slice(value);
    }

    #[test]
    fn a_process_has_its_parent_user_name_and_start() {
        let mut bytes = [0; BSD_INFO_SIZE];
        put(&mut bytes, 16, &1u32.to_le_bytes());
        put(&mut bytes, 20, &501u32.to_le_bytes());
        put(&mut bytes, 48, b"com.apple.automa");
        put(&mut bytes, 64, b"com.apple.automator.runner");
        put(&mut bytes, 120, &1_700_000_000u64.to_le_bytes());
        put(&mut bytes, 128, &5u64.to_le_bytes());
        let info = bsd_info(&bytes).unwrap();
        assert_eq!((info.parent_pid, info.user_id, info.name.as_str()), (1, 501, "com.apple.automator.runner"));
        assert_eq!(info.started, 1_700_000_000_000_005_000);
        put(&mut bytes, 120, &u64::MAX.to_le_bytes());
        assert_eq!(bsd_info(&bytes), None, "a time beyond the calendar");
    }

    #[test]
    fn arguments_end_where_their_number_says() {
        let bytes = b"\x02\0\0\0/usr/bin/osascript\0\0\0\0\0\0osascript\0-e\0PATH=/bin\0";
        assert_eq!(arguments(bytes, 64), ["osascript", "-e"]);
        assert_eq!(arguments(b"\xff\xff\xff\xff/x\0\0\0\0\0\0", 64), [""]);
        assert!(arguments(b"\xff\xff\xff\xff/x\0", 64).is_empty());
        assert!(arguments(b"\x01", 64).is_empty());
    }

    #[test]
    fn a_program_that_was_given_no_name_has_its_other_arguments_in_their_places() {
        for (path, padding) in [("/usr/bin/osascript", 6), ("/bin/abc", 8), ("/bin/ab", 1)] {
            let zeros = "\0".repeat(padding);
            let bytes = format!("\x03\0\0\0{path}{zeros}\0-e\0beep\0PATH=/bin\0");
            assert_eq!(arguments(bytes.as_bytes(), 64), ["", "-e", "beep"], "{path}");
        }
    }

    #[test]
    fn a_full_buffer_holds_the_end_of_the_environment_and_no_arguments() {
        let bytes = b"\x02\0\0\0/usr/bin/osascript\0\0\0\0\0\0osascript\0-e\0PATH=/bin\0";
        assert_eq!(arguments(bytes, bytes.len()), [""; 0]);
        assert_eq!(arguments(bytes, bytes.len() + 1).len(), 2);
    }

    #[test]
    fn any_bytes_of_any_length_are_read_or_refused() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for length in (0..=BSD_INFO_SIZE + 8).cycle().take(20_000) {
            let bytes: Vec<u8> = (0..length)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (state >> 56) as u8
                })
                .collect();
            let _ = (bsd_info(&bytes), unique_info(&bytes));
            assert!(arguments(&bytes, usize::MAX).len() <= length);
        }
    }
}
