//! KERN_PROCARGS2. FACT: procargs-tail
use super::Process;
use super::libproc::find;
use crate::shims::errno::{darwin, set};

/// A larger buffer is refused.
const ARG_MAX: usize = 1 << 20;
const COUNT: usize = 4;
/// A pointer of the process.
const WORD: usize = 8;

/// The path, NULs up to a word (FACT: procargs-padding), the arguments, the environment; that of a process which System
/// Integrity Protection covers is kept from others (FACT: procargs-environment).
fn strings(process: &Process) -> Vec<u8> {
    let mut bytes = process.path.clone();
    bytes.push(0);
    bytes.resize(bytes.len().next_multiple_of(WORD), 0);
    let environment = process.env.iter().filter(|_| !process.platform);
    for text in process.args.iter().chain(environment) {
        bytes.extend(text);
        bytes.push(0);
    }
    bytes
}

/// What is written into a buffer of `room` bytes, as sysctl_procargsx(): the count of arguments, and of the strings the
/// last ones that fit.
fn written(process: &Process, room: usize) -> Result<Vec<u8>, i32> {
    let room = room.checked_sub(COUNT).filter(|room| (1..=ARG_MAX).contains(room)).ok_or(darwin::EINVAL)?;
    let strings = strings(process);
    let count = (process.args.len() as u32).to_ne_bytes();
    Ok([&count, &strings[strings.len().saturating_sub(room)..]].concat())
}

pub(crate) unsafe fn procargs2(pid: i32, out: *mut u8, len: *mut usize) -> i32 {
    let Some(process) = find(pid) else {
        set(darwin::EINVAL);
        return -1;
    };
    if out.is_null() {
        *len = (strings(&process).len() + COUNT).next_multiple_of(COUNT);
        return 0;
    }
    match written(&process, *len) {
        Ok(bytes) => {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), out, bytes.len());
            *len = bytes.len();
            0
        }
        Err(errno) => {
            set(errno);
            -1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proc::Table;
    use serde_json::json;

    #[test]
    fn a_small_buffer_gets_the_last_bytes_and_a_huge_one_is_refused() {
        let step = json!({"path": "/bin/abc", "args": ["one", "two"], "env": ["A=1"]});
        let process = Table::with(|table| table.get_or_make(81, &step));
        let whole = written(&process, 4096).unwrap();
        assert_eq!(whole, b"\x02\0\0\0/bin/abc\0\0\0\0\0\0\0\0one\0two\0A=1\0");
        assert_eq!(written(&process, COUNT + 6).unwrap(), b"\x02\0\0\0o\0A=1\0");
        assert_eq!(written(&process, COUNT + ARG_MAX + 1), Err(darwin::EINVAL));
        assert_eq!(written(&process, COUNT), Err(darwin::EINVAL));
    }

    #[test]
    fn the_environment_of_a_program_of_apples_is_kept_from_others() {
        let step = json!({"path": "/bin/abc", "args": ["one"], "env": ["A=1"], "platform": true});
        let process = Table::with(|table| table.get_or_make(82, &step));
        assert_eq!(written(&process, 4096).unwrap(), b"\x01\0\0\0/bin/abc\0\0\0\0\0\0\0\0one\0");
    }
}
