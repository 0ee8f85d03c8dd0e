//! The guest's heap: the host's own, counted, so that a run can say how much memory the guest needs without the
//! simulator's.
use libc::{c_int, c_void};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static BLOCKS: Cell<u64> = const { Cell::new(0) };
}

unsafe extern "C" {
    fn malloc_usable_size(block: *mut c_void) -> usize;
}

/// Says how much it is now, and how much it was at most.
pub(crate) fn report() {
    let (now, most) = used();
    note!("the guest's heap: {now} bytes, {most} at most");
}

/// Bytes in use and the most there were, each block with what the allocator rounds it up to.
pub(crate) fn used() -> (usize, usize) {
    (NOW.load(Ordering::Relaxed), MOST.load(Ordering::Relaxed))
}

/// Blocks that the guest took on this thread, moved ones counted again.
pub(crate) fn blocks_of_this_thread() -> u64 {
    BLOCKS.with(Cell::get)
}

unsafe fn taken(block: *mut c_void) -> *mut c_void {
    BLOCKS.with(|blocks| blocks.set(blocks.get() + 1));
    let size = malloc_usable_size(block);
    let now = NOW.fetch_add(size, Ordering::Relaxed) + size;
    if now > MOST.load(Ordering::Relaxed) {
        MOST.fetch_max(now, Ordering::Relaxed);
    }
    block
}
/// A block that the simulator allocated for the guest was never counted: the sum stays at 0 or above.
unsafe fn given(block: *mut c_void) {
    let size = malloc_usable_size(block);
    let _ = NOW.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| Some(now.saturating_sub(size)));
}

pub(crate) unsafe extern "C" fn malloc(size: usize) -> *mut c_void {
    taken(libc::malloc(size))
}
pub(crate) unsafe extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    taken(libc::calloc(count, size))
}
pub(crate) unsafe extern "C" fn realloc(block: *mut c_void, size: usize) -> *mut c_void {
    given(block);
    let moved = libc::realloc(block, size);
    // Where there was no room the old block is still there.
    taken(if moved.is_null() && size > 0 { block } else { moved });
    moved
}
pub(crate) unsafe extern "C" fn free(block: *mut c_void) {
    given(block);
    libc::free(block)
}
pub(crate) unsafe extern "C" fn posix_memalign(block: *mut *mut c_void, alignment: usize, size: usize) -> c_int {
    let errno = libc::posix_memalign(block, alignment, size);
    if errno == 0 {
        taken(*block);
    }
    super::errno::to_darwin(errno)
}
