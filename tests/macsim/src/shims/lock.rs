//! Locks of pthreads. Darwin's objects start with a signature word; a static initializer is that word and zeros. Here
//! word 1 points to a Linux object made at first use.
use super::errno::{darwin, to_darwin};
use libc::{c_int, c_void};
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, Ordering};

#[repr(C)]
pub(crate) struct Object {
    sig: u64,
    ptr: AtomicPtr<c_void>,
}
const MUTEX: [(u64, i32); 4] = [
    (0x32AAABA7, libc::PTHREAD_MUTEX_NORMAL),
    (0x32AAABA1, libc::PTHREAD_MUTEX_ERRORCHECK),
    (0x32AAABA2, libc::PTHREAD_MUTEX_RECURSIVE),
    (0x32AAABA3, libc::PTHREAD_MUTEX_NORMAL),
];
const COND: u64 = 0x3CB0B1BB;
const RWLOCK: u64 = 0x2DA8B3B4;
const ONCE: u64 = 0x30B1BCBA;
unsafe fn get<T>(object: *const Object, what: &str, ok: bool, make: impl FnOnce(*mut T)) -> *mut T {
    let existing = (*object).ptr.load(Ordering::Acquire) as *mut T;
    if !existing.is_null() {
        return existing;
    }
    if !ok {
        fatal!("{what} at {object:?} was never initialized (signature {:#x})", (*object).sig);
    }
    let made = libc::calloc(1, std::mem::size_of::<T>()) as *mut T;
    make(made);
    match (*object).ptr.compare_exchange(std::ptr::null_mut(), made as *mut _, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => made,
        Err(won) => {
            libc::free(made as *mut _);
            won as *mut T
        }
    }
}
unsafe fn drop_obj(object: *const Object) -> *mut c_void {
    (*object).ptr.swap(std::ptr::null_mut(), Ordering::AcqRel)
}
unsafe fn make_mutex(mutex: *mut libc::pthread_mutex_t, ty: i32) {
    let mut attributes: libc::pthread_mutexattr_t = std::mem::zeroed();
    libc::pthread_mutexattr_init(&mut attributes);
    libc::pthread_mutexattr_settype(&mut attributes, ty);
    libc::pthread_mutex_init(mutex, &attributes);
    libc::pthread_mutexattr_destroy(&mut attributes);
}
unsafe fn mutex(object: *const Object) -> *mut libc::pthread_mutex_t {
    let ty = MUTEX.iter().find(|signature| signature.0 == (*object).sig & 0xffff_ffff);
    get(object, "pthread mutex", ty.is_some(), |new| make_mutex(new, ty.unwrap().1))
}
pub(crate) unsafe extern "C" fn mutexattr_init(attributes: *mut [u64; 2]) -> c_int {
    *attributes = [0x4D545841, 0];
    0
}
pub(crate) unsafe extern "C" fn mutexattr_destroy(_: *mut [u64; 2]) -> c_int {
    0
}
pub(crate) unsafe extern "C" fn mutexattr_settype(attributes: *mut [u64; 2], kind: c_int) -> c_int {
    if !(0..=2).contains(&kind) {
        return darwin::EINVAL;
    }
    (*attributes)[1] = kind as u64;
    0
}
pub(crate) unsafe extern "C" fn mutex_init(object: *mut Object, attributes: *const [u64; 2]) -> c_int {
    let kind = if attributes.is_null() { 0 } else { (*attributes)[1] };
    std::ptr::write(
        object,
        Object {
            sig: match kind {
                1 => MUTEX[1].0,
                2 => MUTEX[2].0,
                _ => MUTEX[0].0,
            },
            ptr: AtomicPtr::new(std::ptr::null_mut()),
        },
    );
    mutex(object);
    0
}
pub(crate) unsafe extern "C" fn mutex_lock(object: *mut Object) -> c_int {
    to_darwin(libc::pthread_mutex_lock(mutex(object)))
}
pub(crate) unsafe extern "C" fn mutex_trylock(object: *mut Object) -> c_int {
    to_darwin(libc::pthread_mutex_trylock(mutex(object)))
}
pub(crate) unsafe extern "C" fn mutex_unlock(object: *mut Object) -> c_int {
    to_darwin(libc::pthread_mutex_unlock(mutex(object)))
}
pub(crate) unsafe extern "C" fn mutex_destroy(object: *mut Object) -> c_int {
    let pointer = drop_obj(object) as *mut libc::pthread_mutex_t;
    (*object).sig = 0;
    if pointer.is_null() {
        return 0;
    }
    let errno = libc::pthread_mutex_destroy(pointer);
    libc::free(pointer as *mut _);
    to_darwin(errno)
}
unsafe fn cond(object: *const Object) -> *mut libc::pthread_cond_t {
    get(object, "pthread condition", (*object).sig & 0xffff_ffff == COND, |new| {
        let mut attributes: libc::pthread_condattr_t = std::mem::zeroed();
        libc::pthread_condattr_init(&mut attributes);
        libc::pthread_condattr_setclock(&mut attributes, libc::CLOCK_MONOTONIC);
        libc::pthread_cond_init(new, &attributes);
    })
}
pub(crate) unsafe extern "C" fn cond_init(object: *mut Object, _a: *const c_void) -> c_int {
    std::ptr::write(object, Object { sig: COND, ptr: AtomicPtr::new(std::ptr::null_mut()) });
    cond(object);
    0
}
pub(crate) unsafe extern "C" fn condattr(_: *mut c_void) -> c_int {
    0
}
pub(crate) unsafe extern "C" fn cond_signal(object: *mut Object) -> c_int {
    to_darwin(libc::pthread_cond_signal(cond(object)))
}
pub(crate) unsafe extern "C" fn cond_broadcast(object: *mut Object) -> c_int {
    to_darwin(libc::pthread_cond_broadcast(cond(object)))
}
pub(crate) unsafe extern "C" fn cond_wait(object: *mut Object, mutex_object: *mut Object) -> c_int {
    to_darwin(libc::pthread_cond_wait(cond(object), mutex(mutex_object)))
}
pub(crate) unsafe extern "C" fn cond_timedwait_relative(
    object: *mut Object,
    mutex_object: *mut Object,
    wait: *const libc::timespec,
) -> c_int {
    let mut until: libc::timespec = std::mem::zeroed();
    libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut until);
    until.tv_sec = until.tv_sec.saturating_add((*wait).tv_sec);
    until.tv_nsec += (*wait).tv_nsec;
    if until.tv_nsec >= 1_000_000_000 {
        until.tv_nsec -= 1_000_000_000;
        until.tv_sec = until.tv_sec.saturating_add(1);
    }
    to_darwin(libc::pthread_cond_timedwait(cond(object), mutex(mutex_object), &until))
}
pub(crate) unsafe extern "C" fn cond_timedwait(
    object: *mut Object,
    mutex_object: *mut Object,
    until: *const libc::timespec,
) -> c_int {
    let mut now: libc::timespec = std::mem::zeroed();
    libc::clock_gettime(libc::CLOCK_REALTIME, &mut now);
    let ns = (((*until).tv_sec - now.tv_sec) as i128 * 1_000_000_000 + ((*until).tv_nsec - now.tv_nsec) as i128).max(0);
    cond_timedwait_relative(
        object,
        mutex_object,
        &libc::timespec { tv_sec: (ns / 1_000_000_000) as i64, tv_nsec: (ns % 1_000_000_000) as i64 },
    )
}
pub(crate) unsafe extern "C" fn cond_destroy(object: *mut Object) -> c_int {
    let pointer = drop_obj(object) as *mut libc::pthread_cond_t;
    if !pointer.is_null() {
        libc::pthread_cond_destroy(pointer);
        libc::free(pointer as *mut _);
    }
    0
}
unsafe fn rwlock(object: *const Object) -> *mut libc::pthread_rwlock_t {
    get(object, "pthread rwlock", (*object).sig & 0xffff_ffff == RWLOCK, |new| {
        libc::pthread_rwlock_init(new, std::ptr::null());
    })
}
pub(crate) unsafe extern "C" fn rwlock_init(object: *mut Object, _a: *const c_void) -> c_int {
    std::ptr::write(object, Object { sig: RWLOCK, ptr: AtomicPtr::new(std::ptr::null_mut()) });
    0
}
pub(crate) unsafe extern "C" fn rwlock_rdlock(object: *mut Object) -> c_int {
    to_darwin(libc::pthread_rwlock_rdlock(rwlock(object)))
}
pub(crate) unsafe extern "C" fn rwlock_wrlock(object: *mut Object) -> c_int {
    to_darwin(libc::pthread_rwlock_wrlock(rwlock(object)))
}
pub(crate) unsafe extern "C" fn rwlock_unlock(object: *mut Object) -> c_int {
    to_darwin(libc::pthread_rwlock_unlock(rwlock(object)))
}
pub(crate) unsafe extern "C" fn rwlock_destroy(object: *mut Object) -> c_int {
    let pointer = drop_obj(object);
    if !pointer.is_null() {
        libc::free(pointer)
    }
    0
}
pub(crate) unsafe extern "C" fn once(object: *mut Object, function: extern "C" fn()) -> c_int {
    // One lock for all: a once function that waits for another one would hang.
    static LOCK: Mutex<()> = Mutex::new(());
    if (*object).sig & 0xffff_ffff != ONCE {
        fatal!("pthread_once_t at {object:?} is not initialized");
    }
    let done = || (*object).ptr.load(Ordering::Acquire) as usize == 1;
    if !done() {
        let _g = LOCK.lock().unwrap_or_else(|errno| errno.into_inner());
        if !done() {
            function();
            (*object).ptr.store(std::ptr::without_provenance_mut(1), Ordering::Release);
        }
    }
    0
}
