//! The memory of messages: the guest can only read it, and not even that once the message is released, so that a guest
//! which keeps a pointer crashes where it uses it.
//!
//! Messages lie one after the other in slabs, each in pages of its own. A slab is mapped twice: the guest has the one
//! mapping, the simulator writes through the other. So protection changes only when messages are released. A change
//! makes the other CPUs forget what they know of the mapping, which is expensive: while more messages wait, released
//! neighbours become unreadable together, and until then their bytes are 0xDD.
use super::layout;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

const PAGE: usize = 4096;
const SLAB: usize = 4 << 20;
const PAGES: usize = SLAB / PAGE;
/// Slabs of released messages that stay unreadable before one of them is used again, and before one is freed.
const REST: usize = 2;
const KEEP: usize = 8;
/// Released neighbours become unreadable together when they have this many pages.
const TOGETHER: usize = 64;

struct Slab {
    /// Where the simulator writes what the guest reads.
    host: usize,
    used: usize,
    live: usize,
    released: [u64; PAGES / 64],
}
struct Pool {
    /// By the guest's address.
    slabs: BTreeMap<usize, Slab>,
    current: Option<usize>,
    rested: VecDeque<usize>,
    /// Pages that were released and can still be read: address and length.
    readable: (usize, usize),
    /// Address and length of large messages that were released: nothing is left but the address space.
    large: VecDeque<(usize, usize)>,
}
static POOL: Mutex<Pool> = Mutex::new(Pool {
    slabs: BTreeMap::new(),
    current: None,
    rested: VecDeque::new(),
    readable: (0, 0),
    large: VecDeque::new(),
});

fn map(len: usize, prot: i32, flags: i32, fd: i32) -> usize {
    // SAFETY: a new mapping, where the kernel wants it.
    let mapped = unsafe { libc::mmap(std::ptr::null_mut(), len, prot, flags, fd, 0) };
    assert!(mapped != libc::MAP_FAILED, "mmap of {len} bytes: {}", std::io::Error::last_os_error());
    mapped as usize
}
fn protect(at: usize, len: usize, prot: i32) {
    // SAFETY: pages that this module mapped and that hold nothing but messages.
    let result = unsafe { libc::mprotect(at as *mut _, len, prot) };
    assert!(result == 0, "mprotect: {}", std::io::Error::last_os_error());
}
fn unmap(at: usize, len: usize) {
    // SAFETY: as in protect().
    unsafe { libc::munmap(at as *mut _, len) };
}

impl Pool {
    /// Room for a message: the guest's address of it, and the simulator's.
    fn take(&mut self, len: usize) -> (usize, usize) {
        if let Some(at) = self.current
            && self.slabs[&at].used + len > SLAB
        {
            self.current = None;
            if self.slabs[&at].live == 0 {
                self.seal_released();
                self.rested.push_back(at);
            }
        }
        let at = match self.current {
            Some(at) => at,
            None => self.next_slab(),
        };
        self.current = Some(at);
        let slab = self.slabs.get_mut(&at).expect("the current slab");
        let offset = slab.used;
        slab.used += len;
        slab.live += 1;
        (at + offset, slab.host + offset)
    }
    fn next_slab(&mut self) -> usize {
        if self.rested.len() > REST {
            let at = self.rested.pop_front().expect("not empty");
            protect(at, SLAB, libc::PROT_READ);
            let slab = self.slabs.get_mut(&at).expect("a slab");
            (slab.used, slab.released) = (0, [0; PAGES / 64]);
            return at;
        }
        // SAFETY: a name and flags; the file lives on in its mappings.
        let fd = unsafe { libc::memfd_create(c"es messages".as_ptr(), libc::MFD_CLOEXEC) };
        // SAFETY: the file just made.
        assert!(
            // SAFETY: the file just made.
            fd >= 0 && unsafe { libc::ftruncate(fd, SLAB as i64) } == 0,
            "memfd: {}",
            std::io::Error::last_os_error()
        );
        let at = map(SLAB, libc::PROT_READ, libc::MAP_SHARED, fd);
        let host = map(SLAB, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED, fd);
        // SAFETY: the file just made.
        unsafe { libc::close(fd) };
        self.slabs.insert(at, Slab { host, used: 0, live: 0, released: [0; PAGES / 64] });
        at
    }
    fn has_freed(&self, addr: usize) -> bool {
        let in_slab = |(base, slab): (&usize, &Slab)| {
            let page = (addr - base) / PAGE;
            page < PAGES && slab.released[page / 64] >> (page % 64) & 1 == 1
        };
        self.slabs.range(..=addr).next_back().is_some_and(in_slab)
            || self.large.iter().any(|(start, length)| (*start..start + length).contains(&addr))
    }
    /// What was released can be read no longer.
    fn seal_released(&mut self) {
        let (at, len) = std::mem::take(&mut self.readable);
        if len > 0 {
            protect(at, len, libc::PROT_NONE);
        }
    }
    fn give_back(&mut self, at: usize, len: usize) {
        if self.readable.0 + self.readable.1 != at {
            self.seal_released();
            self.readable = (at, 0);
        }
        self.readable.1 += len;
        if self.readable.1 >= TOGETHER * PAGE {
            self.seal_released();
        }
        let (&base, slab) = self.slabs.range_mut(..=at).next_back().expect("a message lies in a slab");
        for page in (at - base) / PAGE..(at - base + len) / PAGE {
            slab.released[page / 64] |= 1 << (page % 64);
        }
        // SAFETY: a message's pages, which are not read any more.
        unsafe { std::ptr::write_bytes((at - base + slab.host) as *mut u8, 0xdd, len) };
        slab.live -= 1;
        if slab.live == 0 && self.current != Some(base) {
            self.seal_released();
            self.rested.push_back(base);
        }
        while self.rested.len() > KEEP {
            let base = self.rested.pop_front().expect("not empty");
            let slab = self.slabs.remove(&base).expect("a slab");
            unmap(base, SLAB);
            unmap(slab.host, SLAB);
        }
    }
}

/// A bump allocator over the message's pages. Bytes never written stay 0xA5 where a field is not available in the
/// message's version, and 0 elsewhere.
pub(crate) struct Arena {
    base: usize,
    host: usize,
    len: usize,
    used: usize,
}
impl Arena {
    pub(crate) fn new(len: usize) -> Arena {
        let len = len.next_multiple_of(PAGE);
        let (base, host) = if len <= SLAB / 4 {
            POOL.lock().unwrap().take(len)
        } else {
            let mapped = map(len, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1);
            (mapped, mapped)
        };
        Arena { base, host, len, used: 0 }
    }
    pub(crate) fn alloc(&mut self, size: usize) -> usize {
        let at = self.base + self.used;
        let room = size.next_multiple_of(8);
        self.used += room;
        assert!(self.used <= self.len, "message arena too small");
        // SAFETY: within the arena, whose pages only this thread writes; they may hold an earlier message.
        unsafe { std::ptr::write_bytes((at - self.base + self.host) as *mut u8, 0, room) };
        at
    }
    pub(crate) fn put<const N: usize>(&self, at: usize, bytes: [u8; N]) {
        self.bytes(at, &bytes)
    }
    pub(crate) fn bytes(&self, at: usize, bytes: &[u8]) {
        assert!(at >= self.base && at + bytes.len() <= self.base + self.used);
        // SAFETY: within the arena, whose pages only this thread writes.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), (at - self.base + self.host) as *mut u8, bytes.len()) }
    }
    pub(crate) fn u32(&self, at: usize, value: u32) {
        self.put(at, value.to_ne_bytes())
    }
    pub(crate) fn u64(&self, at: usize, value: u64) {
        self.put(at, value.to_ne_bytes())
    }
    pub(crate) fn unavailable(&self, at: usize, size: usize) {
        self.bytes(at, &vec![0xa5; size])
    }
    /// Fills an es_string_token_t; the data is NUL-terminated, as Apple's is.
    pub(crate) fn string(&mut self, at: usize, text: &[u8]) -> (usize, usize) {
        let data = self.alloc(text.len() + 1);
        self.bytes(data, text);
        if at != 0 {
            self.u64(at + layout::string::LENGTH, text.len() as u64);
            self.u64(at + layout::string::DATA, data as u64);
        }
        (text.len(), data)
    }
    pub(crate) fn file(&mut self, path: &[u8], mode: u32) -> usize {
        let file = self.alloc(layout::file::SIZE);
        self.string(file + layout::file::PATH, path);
        self.put(file + layout::file::PATH_TRUNCATED, [0]);
        let st = file + layout::file::STAT;
        self.put(st + 4, (mode as u16).to_ne_bytes()); // st_mode
        self.put(st + 6, 1u16.to_ne_bytes()); // st_nlink
        let inode = path.iter().fold(5381u64, |hash, byte| hash.wrapping_mul(33) ^ *byte as u64) & 0xffff_ffff;
        self.u64(st + 8, inode); // st_ino
        self.u32(st, 0x0100_0004); // st_dev
        file
    }
    /// The message is written: its pages.
    pub(crate) fn seal(self) -> Pages {
        if self.base == self.host {
            protect(self.base, self.len, libc::PROT_READ);
        }
        Pages { base: self.base, len: self.len, is_large: self.base == self.host }
    }
}

pub(crate) struct Pages {
    base: usize,
    pub(crate) len: usize,
    is_large: bool,
}
impl Pages {
    /// Nobody may read them from now on.
    pub(crate) fn release(self) {
        if !self.is_large {
            return POOL.lock().unwrap().give_back(self.base, self.len);
        }
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED;
        // SAFETY: takes the place of the message's own pages, which that frees.
        let mapped = unsafe { libc::mmap(self.base as *mut _, self.len, libc::PROT_NONE, flags, -1, 0) };
        assert!(mapped as usize == self.base, "mmap: {}", std::io::Error::last_os_error());
        POOL.lock().unwrap().large.push_back((self.base, self.len));
    }
}

/// No message waits for its reader: what was released becomes unreadable now.
pub(crate) fn seal_released() {
    POOL.lock().unwrap().seal_released();
}

/// Whether a message lay there that was released. For the crash reporter: it does not wait for a lock.
pub(crate) fn was_freed(addr: usize) -> bool {
    POOL.try_lock().is_ok_and(|pool| pool.has_freed(addr))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(at: usize) -> u8 {
        // SAFETY: the tests read only what they have written and not released.
        unsafe { *(at as *const u8) }
    }

    /// Other tests may hold the lock for which was_freed() does not wait.
    fn has_freed(at: usize) -> bool {
        POOL.lock().unwrap().has_freed(at)
    }

    #[test]
    fn a_slab_is_used_again_only_after_others_and_is_clean_then() {
        let mut held = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for round in 0..PAGES * (REST + 3) {
            let mut arena = Arena::new(100);
            let (at, clean) = (arena.alloc(16), arena.alloc(8));
            arena.bytes(at, &[1; 16]);
            let pages = arena.seal();
            assert_eq!((read(at), read(clean)), (1, 0));
            assert!(seen.insert(at) || round >= PAGES * (REST + 1), "round {round}");
            if round == 7 {
                held.push((at, pages));
                continue;
            }
            pages.release();
            assert!(has_freed(at) && !has_freed(&raw const POOL as usize));
        }
        let (at, pages) = held.pop().unwrap();
        assert_eq!((read(at), has_freed(at)), (1, false));
        pages.release();
        assert!(has_freed(at));
        large_messages_leave_nothing_behind();
    }

    fn large_messages_leave_nothing_behind() {
        let mut arena = Arena::new(SLAB);
        let at = arena.alloc(SLAB);
        arena.bytes(at + SLAB - 1, &[5]);
        let pages = arena.seal();
        assert_eq!(read(at + SLAB - 1), 5);
        pages.release();
        assert!(has_freed(at + SLAB - 1));
    }
}
