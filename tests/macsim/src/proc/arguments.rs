//! KERN_PROCARGS2.
use super::libproc::find;
use crate::shims::errno::{darwin, set};

/// sysctl KERN_PROCARGS2: argc, the path, NULs up to a word, the arguments, the environment.
pub(crate) unsafe fn procargs2(pid: i32, out: *mut u8, len: *mut usize) -> i32 {
    let Some(process) = find(pid) else {
        set(darwin::EINVAL);
        return -1;
    };
    let mut bytes = (process.args.len() as u32).to_ne_bytes().to_vec();
    bytes.extend(&process.path);
    bytes.push(0);
    while !bytes.len().is_multiple_of(8) {
        bytes.push(0);
    }
    for text in process.args.iter().chain(process.env.iter()) {
        bytes.extend(text);
        bytes.push(0);
    }
    if out.is_null() {
        *len = bytes.len();
        return 0;
    }
    if *len < bytes.len() {
        set(darwin::ENOMEM);
        return -1;
    }
    std::ptr::copy_nonoverlapping(bytes.as_ptr(), out, bytes.len());
    *len = bytes.len();
    0
}
