//! The guest's heap: the host's own, counted, so that a run can say how much memory the guest needs without the
//! simulator's.
use libc::{c_int, c_void};
use std::sync::atomic::{AtomicUsize, Ordering};

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

extern "C" {
    fn malloc_usable_size(p: *mut c_void) -> usize;
}

/// Bytes in use and the most there were, each block with what the allocator rounds it up to.
pub fn used() -> (usize, usize) {
    (NOW.load(Ordering::Relaxed), MOST.load(Ordering::Relaxed))
}

unsafe fn taken(p: *mut c_void) -> *mut c_void {
    let n = malloc_usable_size(p);
    let now = NOW.fetch_add(n, Ordering::Relaxed) + n;
    if now > MOST.load(Ordering::Relaxed) {
        MOST.fetch_max(now, Ordering::Relaxed);
    }
    p
}
/// A block that the simulator allocated for the guest was never counted: the sum stays at 0 or above.
unsafe fn given(p: *mut c_void) {
    let n = malloc_usable_size(p);
    let _ = NOW.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| Some(now.saturating_sub(n)));
}

pub unsafe extern "C" fn malloc(n: usize) -> *mut c_void {
    taken(libc::malloc(n))
}
pub unsafe extern "C" fn calloc(n: usize, size: usize) -> *mut c_void {
    taken(libc::calloc(n, size))
}
pub unsafe extern "C" fn realloc(p: *mut c_void, n: usize) -> *mut c_void {
    given(p);
    let q = libc::realloc(p, n);
    // Where there was no room the old block is still there.
    taken(if q.is_null() && n > 0 { p } else { q });
    q
}
pub unsafe extern "C" fn free(p: *mut c_void) {
    given(p);
    libc::free(p)
}
pub unsafe extern "C" fn posix_memalign(p: *mut *mut c_void, a: usize, n: usize) -> c_int {
    let e = libc::posix_memalign(p, a, n);
    if e == 0 {
        taken(*p);
    }
    super::errno::to_darwin(e)
}
