//! What is said when the guest crashes.
use super::signal::CRASHES;
use libc::{c_int, c_void};

/// Names the guest function in which a crash signal came, then dies of it.
pub(crate) fn install_crash_reporter() {
    unsafe extern "C" fn crash(linux: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
        let context = context as *mut libc::ucontext_t;
        let rip = (*context).uc_mcontext.gregs[libc::REG_RIP as usize] as usize;
        let rsp = (*context).uc_mcontext.gregs[libc::REG_RSP as usize] as usize;
        let addr = (*info).si_addr() as usize;
        let what = match linux {
            libc::SIGSEGV => "SIGSEGV",
            libc::SIGBUS => "SIGBUS",
            libc::SIGILL => "SIGILL (a Rust abort or unreachable, or a trap)",
            _ => "SIGFPE",
        };
        crate::log::raw(&format!(
            "macsim: guest crashed: {what} at {} address {addr:#x}\n",
            crate::loader::describe(rip).unwrap_or(format!("{rip:#x} (simulator or libc)"))
        ));
        if crate::es::arena::was_freed(addr) {
            crate::log::raw(
                "macsim: the address is in a released es_message_t: used after es_release_message, or never retained\n",
            );
        }
        // No frame pointers: list what looks like return addresses into the guest.
        let mut shown = 0;
        for slot in 0..512usize {
            let word = *((rsp + slot * 8) as *const usize);
            if let Some(name) = crate::loader::describe(word) {
                crate::log::raw(&format!("macsim:   maybe from {name}\n"));
                shown += 1;
                if shown == 12 {
                    break;
                }
            }
            if (rsp + slot * 8) & 0xfff == 0xff8 && shown > 4 {
                break;
            }
        }
        libc::signal(linux, libc::SIG_DFL);
        libc::raise(linux);
    }
    // SAFETY: a new mapping that is kept, and a handler of the signature that SA_SIGINFO asks for.
    unsafe {
        let stack = libc::mmap(std::ptr::null_mut(), 1 << 16, 3, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0);
        libc::sigaltstack(&libc::stack_t { ss_sp: stack, ss_flags: 0, ss_size: 1 << 16 }, std::ptr::null_mut());
        for signal in CRASHES {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = crash as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESETHAND;
            libc::sigaction(signal, &action, std::ptr::null_mut());
        }
    }
}
