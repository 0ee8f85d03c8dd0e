//! The standard streams of C: the host's own. The guest has none of its own; the coverage runtime of an instrumented
//! one writes its counters with them.
use std::ffi::{c_char, c_int, c_long, c_void};

extern "C" {
    fn __snprintf_chk(to: *mut c_char, n: usize, flag: c_int, room: usize, format: *const c_char, ...) -> c_int;
    fn __strncpy_chk(to: *mut c_char, from: *const c_char, n: usize, room: usize) -> *mut c_char;
    fn fopen(path: *const c_char, mode: *const c_char) -> *mut c_void;
    fn fdopen(fd: c_int, mode: *const c_char) -> *mut c_void;
    fn fclose(f: *mut c_void) -> c_int;
    fn fread(to: *mut c_void, size: usize, n: usize, f: *mut c_void) -> usize;
    fn fwrite(from: *const c_void, size: usize, n: usize, f: *mut c_void) -> usize;
    fn fseek(f: *mut c_void, at: c_long, whence: c_int) -> c_int;
    fn ftell(f: *mut c_void) -> c_long;
    fn fflush(f: *mut c_void) -> c_int;
    fn fileno(f: *mut c_void) -> c_int;
    fn feof(f: *mut c_void) -> c_int;
    fn fprintf(f: *mut c_void, format: *const c_char, ...) -> c_int;
    static stderr: *mut c_void;
}

pub fn table(v: &mut Vec<(&'static str, (usize, bool))>) {
    macro_rules! f { ($($n:literal = $f:expr),* $(,)?) => { $( v.push(($n, ($f as *const () as usize, false))); )* } }
    f!(
        "___snprintf_chk" = __snprintf_chk,
        "___strncpy_chk" = __strncpy_chk,
        "_fopen" = fopen,
        "_fdopen" = fdopen,
        "_fclose" = fclose,
        "_fread" = fread,
        "_fwrite" = fwrite,
        "_fseek" = fseek,
        "_ftell" = ftell,
        "_fflush" = fflush,
        "_fileno" = fileno,
        "_feof" = feof,
        "_fprintf" = fprintf
    );
    v.push(("___stderrp", (&raw const stderr as usize, true)));
}
