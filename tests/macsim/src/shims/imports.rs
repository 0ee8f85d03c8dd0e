//! The table of imports: every symbol that has an implementation here.
use super::{dispatch, errno, file, lock, mach, misc, process, spawn, stdio, thread};

/// A symbol of the guest: its address, and whether it is data.
pub(crate) type Import = (&'static str, (usize, bool));

/// Functions under names of their own.
macro_rules! functions {
    ($table:ident: $($symbol:literal = $function:expr),* $(,)?) => {
        $( $table.push(($symbol, ($function as *const () as usize, false))); )*
    };
}
pub(crate) use functions;
/// Functions whose symbol is their name here, with the underscore that macOS puts in front.
macro_rules! named {
    ($table:ident, $module:path { $($name:ident)* }) => {{
        use $module as module;
        $( $table.push((concat!("_", stringify!($name)), (module::$name as *const () as usize, false))); )*
    }};
}
macro_rules! data {
    ($table:ident: $($symbol:literal = $item:path),* $(,)?) => {
        $( $table.push(($symbol, (&raw const $item as usize, true))); )*
    };
}

pub(super) fn table() -> Vec<Import> {
    let mut table = Vec::new();
    same_name(&mut table);
    other_name(&mut table);
    stdio::table(&mut table);
    crate::es::table(&mut table);
    crate::proc::imports(&mut table);
    data!(table:
        "__NSConcreteStackBlock" = dispatch::CONCRETE_STACK,
        "__NSConcreteGlobalBlock" = dispatch::CONCRETE_GLOBAL,
        "___stack_chk_guard" = misc::STACK_CHK_GUARD,
        "_mach_task_self_" = misc::MACH_TASK_SELF,
    );
    table
}

#[cfg_attr(not(test), allow(clippy::too_many_lines, reason = "a list, one name after the other"))]
fn same_name(table: &mut Vec<Import>) {
    // The same functions on both systems, their structures included.
    named!(table, libc {
        syslog
        memcpy memmove memset memcmp memchr strlen strnlen strcmp strncmp strchr strdup strtol sched_yield
        localtime_r gmtime_r mktime timegm time snprintf strtoul strtod atoi qsort if_nametoindex
        if_indextoname strrchr strstr strncpy getgroups
    });
    named!(table, super::heap {
        malloc calloc realloc free posix_memalign
    });
    named!(table, super::misc {
        bzero mmap munmap mprotect madvise getentropy arc4random_buf arc4random memset_pattern16 pow fmod dlsym
        dlopen dlclose dlerror dladdr mach_task_self mach_error_string
    });
    named!(table, super::file {
        open openat close read write readv writev pread pwrite lseek ftruncate fsync pipe flock isatty umask
        access faccessat mkdir mkdirat rmdir unlink unlinkat rename renameat link linkat symlink readlink readlinkat
        realpath chmod fchmod chown lchown fchown chdir fchdir chroot mkfifo getcwd fclonefileat fcopyfile
        copyfile_state_alloc copyfile_state_free copyfile_state_get
    });
    named!(table, super::status {
        stat lstat fstat fstatat statvfs utimensat futimens
    });
    named!(table, super::directory {
        opendir fdopendir closedir dirfd readdir readdir_r
    });
    named!(table, super::fd {
        dup dup2 fcntl ioctl
    });
    named!(table, super::process {
        abort atexit getenv setenv unsetenv getpid getppid getuid geteuid getgid getegid setuid setgid
        setgroups setpgid getpgrp setsid fork execvp execve waitpid wait4 getpwuid_r getpgid
    });
    named!(table, super::limits {
        sysconf confstr getrlimit setrlimit getrusage
    });
    named!(table, super::sysctl {
        sysctlbyname sysctl gethostname gethostuuid uname
    });
    named!(table, super::signal {
        sigaction signal sigemptyset sigfillset sigaddset sigdelset sigismember pthread_sigmask sigprocmask
        sigwait kill raise pthread_kill pause sigaltstack killpg
    });
    named!(table, super::time {
        clock_gettime clock_gettime_nsec_np gettimeofday nanosleep usleep mach_absolute_time
        mach_continuous_time mach_timebase_info mach_wait_until dispatch_time
    });
    named!(table, super::net {
        socket socketpair connect bind listen accept shutdown getsockname getpeername getpeereid send sendto
        recv recvfrom poll recvmsg sendmsg
    });
    named!(table, super::options {
        setsockopt getsockopt
    });
    named!(table, super::resolve {
        getaddrinfo freeaddrinfo gai_strerror
    });
    named!(table, super::terminal {
        openpty posix_openpt grantpt unlockpt ptsname ptsname_r tcgetattr tcsetattr cfmakeraw
    });
    named!(table, super::errno { strerror_r });
    named!(table, super::misc::unwind {
        _Unwind_RaiseException _Unwind_Resume _Unwind_DeleteException _Unwind_Backtrace _Unwind_GetCFA
        _Unwind_GetIP _Unwind_GetIPInfo _Unwind_GetLanguageSpecificData _Unwind_GetRegionStart
        _Unwind_GetTextRelBase _Unwind_GetDataRelBase _Unwind_SetGR _Unwind_SetIP
        _Unwind_FindEnclosingFunction
    });
}

#[cfg_attr(not(test), allow(clippy::too_many_lines, reason = "a list, one name after the other"))]
fn other_name(table: &mut Vec<Import>) {
    functions!(table:
        "_mach_vm_read_overwrite" = mach::vm_read_overwrite,
        "___bzero" = misc::bzero,
        "___error" = errno::error,
        "_CCRandomGenerateBytes" = misc::cc_random,
        "___stack_chk_fail" = misc::stack_chk_fail,
        "___udivti3" = misc::udivti3,
        "___umodti3" = misc::umodti3,
        "___divti3" = misc::divti3,
        "___modti3" = misc::modti3,
        "_fdatasync" = file::fsync,
        "_setattrlist" = file::attrlist,
        "_fsetattrlist" = file::attrlist,
        "_getattrlist" = file::attrlist,
        "_clonefileat" = file::fclonefileat,
        "_exit" = process::exit_c,
        "__exit" = process::exit_now,
        "___cxa_atexit" = process::cxa_atexit,
        "__NSGetEnviron" = process::ns_get_environ,
        "__NSGetArgc" = process::ns_get_argc,
        "__NSGetArgv" = process::ns_get_argv,
        "__NSGetExecutablePath" = process::ns_get_executable_path,
        "_posix_spawn" = spawn::spawn,
        "_posix_spawnp" = spawn::spawnp,
        "_posix_spawn_file_actions_init" = spawn::fa_init,
        "_posix_spawn_file_actions_destroy" = spawn::fa_destroy,
        "_posix_spawn_file_actions_adddup2" = spawn::fa_dup2,
        "_posix_spawn_file_actions_addclose" = spawn::fa_close,
        "_posix_spawn_file_actions_addinherit_np" = spawn::fa_inherit,
        "_posix_spawn_file_actions_addopen" = spawn::fa_open,
        "_posix_spawn_file_actions_addchdir_np" = spawn::fa_chdir,
        "_posix_spawnattr_init" = spawn::at_init,
        "_posix_spawnattr_destroy" = spawn::at_destroy,
        "_posix_spawnattr_setflags" = spawn::at_flags,
        "_posix_spawnattr_setpgroup" = spawn::at_pgroup,
        "_posix_spawnattr_setsigdefault" = spawn::at_sigdefault,
        "_posix_spawnattr_setsigmask" = spawn::at_sigmask,
        "_pthread_create" = thread::create,
        "_pthread_join" = thread::join,
        "_pthread_detach" = thread::detach,
        "_pthread_self" = thread::self_,
        "_pthread_equal" = thread::equal,
        "_pthread_setname_np" = thread::setname,
        "_pthread_threadid_np" = thread::threadid,
        "_pthread_get_stackaddr_np" = thread::stackaddr,
        "_pthread_get_stacksize_np" = thread::stacksize,
        "_pthread_attr_init" = thread::attr_init,
        "_pthread_attr_destroy" = thread::attr_destroy,
        "_pthread_attr_setstacksize" = thread::attr_setstacksize,
        "_pthread_attr_setdetachstate" = thread::attr_setdetachstate,
        "_pthread_attr_set_qos_class_np" = thread::attr_set_qos,
        "_pthread_set_qos_class_self_np" = thread::attr_set_qos,
        "_pthread_mutexattr_init" = lock::mutexattr_init,
        "_pthread_mutexattr_destroy" = lock::mutexattr_destroy,
        "_pthread_mutexattr_settype" = lock::mutexattr_settype,
        "_pthread_mutex_init" = lock::mutex_init,
        "_pthread_mutex_destroy" = lock::mutex_destroy,
        "_pthread_mutex_lock" = lock::mutex_lock,
        "_pthread_mutex_trylock" = lock::mutex_trylock,
        "_pthread_mutex_unlock" = lock::mutex_unlock,
        "_pthread_cond_init" = lock::cond_init,
        "_pthread_cond_destroy" = lock::cond_destroy,
        "_pthread_cond_wait" = lock::cond_wait,
        "_pthread_cond_timedwait" = lock::cond_timedwait,
        "_pthread_cond_timedwait_relative_np" = lock::cond_timedwait_relative,
        "_pthread_cond_signal" = lock::cond_signal,
        "_pthread_cond_broadcast" = lock::cond_broadcast,
        "_pthread_condattr_init" = lock::condattr,
        "_pthread_condattr_destroy" = lock::condattr,
        "_pthread_rwlock_init" = lock::rwlock_init,
        "_pthread_rwlock_rdlock" = lock::rwlock_rdlock,
        "_pthread_rwlock_wrlock" = lock::rwlock_wrlock,
        "_pthread_rwlock_unlock" = lock::rwlock_unlock,
        "_pthread_rwlock_destroy" = lock::rwlock_destroy,
        "_pthread_once" = lock::once,
        "_pthread_key_create" = thread::key_create,
        "_pthread_key_delete" = thread::key_delete,
        "_pthread_setspecific" = thread::setspecific,
        "_pthread_getspecific" = thread::getspecific,
        "__tlv_atexit" = thread::tlv_atexit,
        "__tlv_bootstrap" = crate::loader::tlv::macsim_tlv_thunk,
        "_dispatch_semaphore_create" = dispatch::semaphore_create,
        "_dispatch_semaphore_signal" = dispatch::semaphore_signal,
        "_dispatch_semaphore_wait" = dispatch::semaphore_wait,
        "_dispatch_release" = dispatch::release,
        "__Block_copy" = dispatch::block_copy,
        "__Block_release" = dispatch::block_release,
        "__dyld_image_count" = misc::dyld_image_count,
        "__dyld_get_image_header" = misc::dyld_header,
        "__dyld_get_image_vmaddr_slide" = misc::dyld_slide,
        "__dyld_get_image_name" = misc::dyld_name,
        "_objc_msgSend" = misc::objc_msg_send,
        "_objc_getClass" = misc::objc_none,
        "_objc_autoreleasePoolPush" = misc::objc_none,
        "_objc_autoreleasePoolPop" = misc::objc_none,
        "_objc_lookUpClass" = misc::objc_none,
        "_sel_registerName" = misc::objc_none,
        "_audit_token_to_auid" = misc::tok_auid,
        "_audit_token_to_euid" = misc::tok_euid,
        "_audit_token_to_egid" = misc::tok_egid,
        "_audit_token_to_ruid" = misc::tok_ruid,
        "_audit_token_to_rgid" = misc::tok_rgid,
        "_audit_token_to_pid" = misc::tok_pid,
        "_audit_token_to_asid" = misc::tok_asid,
        "_audit_token_to_pidversion" = misc::tok_pidversion,
        "_os_log_create" = misc::objc_none,
        "_os_log_type_enabled" = misc::objc_none,
        "__os_log_impl" = misc::objc_none,
        "_os_release" = misc::objc_none,
    );
}
