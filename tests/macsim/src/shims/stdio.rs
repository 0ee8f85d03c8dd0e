//! The standard streams of C: the host's own. The guest has none of its own; the coverage runtime of an instrumented
//! one writes its counters with them.
use std::ffi::{c_char, c_int, c_long, c_void};

unsafe extern "C" {
    fn __snprintf_chk(to: *mut c_char, count: usize, flag: c_int, room: usize, format: *const c_char, ...) -> c_int;
    fn __strncpy_chk(to: *mut c_char, from: *const c_char, count: usize, room: usize) -> *mut c_char;
    fn fopen(path: *const c_char, mode: *const c_char) -> *mut c_void;
    fn fdopen(fd: c_int, mode: *const c_char) -> *mut c_void;
    fn fclose(stream: *mut c_void) -> c_int;
    fn fread(to: *mut c_void, size: usize, count: usize, stream: *mut c_void) -> usize;
    fn fwrite(from: *const c_void, size: usize, count: usize, stream: *mut c_void) -> usize;
    fn fseek(stream: *mut c_void, at: c_long, whence: c_int) -> c_int;
    fn ftell(stream: *mut c_void) -> c_long;
    fn fflush(stream: *mut c_void) -> c_int;
    fn fileno(stream: *mut c_void) -> c_int;
    fn feof(stream: *mut c_void) -> c_int;
    fn fprintf(stream: *mut c_void, format: *const c_char, ...) -> c_int;
    static stderr: *mut c_void;
}

pub(crate) fn table(table: &mut Vec<crate::shims::Import>) {
    crate::shims::functions!(table:
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
    table.push(("___stderrp", (&raw const stderr as usize, true)));
}
