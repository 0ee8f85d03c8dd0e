//! Every import of the guest that has an implementation here.
pub mod dispatch;
pub mod errno;
pub mod fd;
pub mod file;
pub mod heap;
pub mod mach;
pub mod misc;
pub mod net;
pub mod process;
pub mod signal;
pub mod stdio;
pub mod sysctl;
pub mod terminal;
pub mod thread;
pub mod time;
pub mod world;

use std::collections::HashMap;
use std::sync::OnceLock;

/// The address of a symbol and whether it is data.
pub fn lookup(name: &str) -> Option<(usize, bool)> {
    static T: OnceLock<HashMap<&'static str, (usize, bool)>> = OnceLock::new();
    let t = T.get_or_init(|| table().into_iter().collect());
    // "$NOCANCEL", "$INODE64", "$DARWIN_EXTSN", "$UNIX2003" variants are the plain function here.
    t.get(name).or_else(|| name.split_once('$').and_then(|(n, _)| t.get(n))).copied()
}

macro_rules! fns { ($v:ident: $($n:literal = $f:expr),* $(,)?) => { $( $v.push(($n, ($f as *const () as usize, false))); )* } }
macro_rules! data { ($v:ident: $($n:literal = $f:expr),* $(,)?) => { $( $v.push(($n, (&raw const $f as usize, true))); )* } }

fn table() -> Vec<(&'static str, (usize, bool))> {
    let mut v = Vec::new();
    use libc as l;
    fns!(v: // memory, strings: the same functions on both systems
        "_malloc" = heap::malloc, "_calloc" = heap::calloc, "_realloc" = heap::realloc, "_free" = heap::free, "_posix_memalign" = heap::posix_memalign, "_mach_vm_read_overwrite" = mach::vm_read_overwrite,
        "_memcpy" = l::memcpy, "_memmove" = l::memmove, "_memset" = l::memset, "_memcmp" = l::memcmp, "_memchr" = l::memchr, "_bzero" = misc::bzero, "___bzero" = misc::bzero,
        "_strlen" = l::strlen, "_strnlen" = l::strnlen, "_strcmp" = l::strcmp, "_strncmp" = l::strncmp, "_strchr" = l::strchr, "_strdup" = l::strdup, "_strtol" = l::strtol,
        "_mmap" = misc::mmap, "_munmap" = misc::munmap, "_mprotect" = misc::mprotect, "_madvise" = misc::madvise,
        "___error" = errno::error, "_strerror_r" = errno::strerror_r, "_CCRandomGenerateBytes" = misc::cc_random, "_getentropy" = misc::getentropy,
        "_arc4random_buf" = misc::arc4random_buf, "_arc4random" = misc::arc4random, "___stack_chk_fail" = misc::stack_chk_fail);
    fns!(v: // arithmetic of the compiler's runtime library, and libm
        "___udivti3" = misc::udivti3, "___umodti3" = misc::umodti3, "___divti3" = misc::divti3, "___modti3" = misc::modti3, "_memset_pattern16" = misc::memset_pattern16, "_pow" = misc::pow);
    fns!(v: // files
        "_open" = file::open, "_openat" = file::openat, "_close" = file::close, "_read" = file::read, "_write" = file::write, "_readv" = file::readv, "_writev" = file::writev,
        "_pread" = file::pread, "_pwrite" = file::pwrite, "_lseek" = file::lseek, "_ftruncate" = file::ftruncate, "_fsync" = file::fsync, "_fdatasync" = file::fsync, "_dup" = fd::dup, "_dup2" = fd::dup2,
        "_pipe" = file::pipe, "_flock" = file::flock, "_isatty" = file::isatty, "_umask" = file::umask, "_access" = file::access, "_faccessat" = file::faccessat,
        "_mkdir" = file::mkdir, "_mkdirat" = file::mkdirat, "_rmdir" = file::rmdir, "_unlink" = file::unlink, "_unlinkat" = file::unlinkat, "_rename" = file::rename, "_renameat" = file::renameat,
        "_link" = file::link, "_linkat" = file::linkat, "_symlink" = file::symlink, "_readlink" = file::readlink, "_realpath" = file::realpath, "_chmod" = file::chmod, "_fchmod" = file::fchmod,
        "_chown" = file::chown, "_lchown" = file::lchown, "_fchown" = file::fchown, "_chdir" = file::chdir, "_fchdir" = file::fchdir, "_chroot" = file::chroot, "_mkfifo" = file::mkfifo, "_getcwd" = file::getcwd,
        "_stat" = file::stat, "_lstat" = file::lstat, "_fstat" = file::fstat, "_fstatat" = file::fstatat, "_statvfs" = file::statvfs,
        "_opendir" = file::opendir, "_fdopendir" = file::fdopendir, "_closedir" = file::closedir, "_dirfd" = file::dirfd, "_readdir" = file::readdir, "_readdir_r" = file::readdir_r,
        "_fcntl" = fd::fcntl, "_ioctl" = fd::ioctl, "_setattrlist" = file::attrlist, "_fsetattrlist" = file::attrlist, "_getattrlist" = file::attrlist,
        "_fclonefileat" = file::fclonefileat, "_clonefileat" = file::fclonefileat, "_fcopyfile" = file::fcopyfile, "_copyfile_state_alloc" = file::copyfile_state_alloc, "_copyfile_state_free" = file::copyfile_state_free, "_copyfile_state_get" = file::copyfile_state_get);
    fns!(v: // process
        "_exit" = process::exit_c, "__exit" = process::exit_now, "_abort" = process::abort, "___cxa_atexit" = process::cxa_atexit, "_atexit" = process::atexit,
        "_getenv" = process::getenv, "_setenv" = process::setenv, "_unsetenv" = process::unsetenv, "__NSGetEnviron" = process::ns_get_environ, "__NSGetArgc" = process::ns_get_argc, "__NSGetArgv" = process::ns_get_argv, "__NSGetExecutablePath" = process::ns_get_executable_path,
        "_getpid" = process::getpid, "_getppid" = process::getppid, "_getuid" = process::getuid, "_geteuid" = process::geteuid, "_getgid" = process::getgid, "_getegid" = process::getegid,
        "_setuid" = process::setuid, "_setgid" = process::setgid, "_setgroups" = process::setgroups, "_setpgid" = process::setpgid, "_getpgrp" = process::getpgrp, "_setsid" = process::setsid,
        "_fork" = process::fork, "_execvp" = process::execvp, "_execve" = process::execve, "_waitpid" = process::waitpid, "_wait4" = process::wait4,
        "_posix_spawn" = process::spawn, "_posix_spawnp" = process::spawnp, "_posix_spawn_file_actions_init" = process::fa_init, "_posix_spawn_file_actions_destroy" = process::fa_destroy, "_posix_spawn_file_actions_adddup2" = process::fa_dup2,
        "_posix_spawn_file_actions_addclose" = process::fa_close, "_posix_spawn_file_actions_addinherit_np" = process::fa_inherit, "_posix_spawn_file_actions_addopen" = process::fa_open, "_posix_spawn_file_actions_addchdir_np" = process::fa_chdir,
        "_posix_spawnattr_init" = process::at_init, "_posix_spawnattr_destroy" = process::at_destroy, "_posix_spawnattr_setflags" = process::at_flags, "_posix_spawnattr_setpgroup" = process::at_pgroup, "_posix_spawnattr_setsigdefault" = process::at_sigdefault, "_posix_spawnattr_setsigmask" = process::at_sigmask,
        "_getpwuid_r" = process::getpwuid_r, "_sysconf" = process::sysconf, "_confstr" = process::confstr, "_getrlimit" = process::getrlimit, "_setrlimit" = process::setrlimit, "_getrusage" = process::getrusage,
        "_sysctlbyname" = sysctl::sysctlbyname, "_sysctl" = sysctl::sysctl, "_gethostname" = sysctl::gethostname, "_gethostuuid" = sysctl::gethostuuid, "_uname" = sysctl::uname, "_sched_yield" = l::sched_yield, "_syslog$DARWIN_EXTSN" = l::syslog);
    fns!(v: // signals
        "_sigaction" = signal::sigaction, "_signal" = signal::signal, "_sigemptyset" = signal::sigemptyset, "_sigfillset" = signal::sigfillset, "_sigaddset" = signal::sigaddset, "_sigdelset" = signal::sigdelset, "_sigismember" = signal::sigismember,
        "_pthread_sigmask" = signal::pthread_sigmask, "_sigprocmask" = signal::sigprocmask, "_sigwait" = signal::sigwait, "_kill" = signal::kill, "_raise" = signal::raise, "_pthread_kill" = signal::pthread_kill, "_pause" = signal::pause, "_sigaltstack" = signal::sigaltstack);
    fns!(v: // threads
        "_pthread_create" = thread::create, "_pthread_join" = thread::join, "_pthread_detach" = thread::detach, "_pthread_self" = thread::self_, "_pthread_equal" = thread::equal, "_pthread_setname_np" = thread::setname, "_pthread_threadid_np" = thread::threadid,
        "_pthread_get_stackaddr_np" = thread::stackaddr, "_pthread_get_stacksize_np" = thread::stacksize,
        "_pthread_attr_init" = thread::attr_init, "_pthread_attr_destroy" = thread::attr_destroy, "_pthread_attr_setstacksize" = thread::attr_setstacksize, "_pthread_attr_setdetachstate" = thread::attr_setdetachstate, "_pthread_attr_set_qos_class_np" = thread::attr_set_qos, "_pthread_set_qos_class_self_np" = thread::attr_set_qos,
        "_pthread_mutexattr_init" = thread::mutexattr_init, "_pthread_mutexattr_destroy" = thread::mutexattr_destroy, "_pthread_mutexattr_settype" = thread::mutexattr_settype,
        "_pthread_mutex_init" = thread::mutex_init, "_pthread_mutex_destroy" = thread::mutex_destroy, "_pthread_mutex_lock" = thread::mutex_lock, "_pthread_mutex_trylock" = thread::mutex_trylock, "_pthread_mutex_unlock" = thread::mutex_unlock,
        "_pthread_cond_init" = thread::cond_init, "_pthread_cond_destroy" = thread::cond_destroy, "_pthread_cond_wait" = thread::cond_wait, "_pthread_cond_timedwait" = thread::cond_timedwait, "_pthread_cond_timedwait_relative_np" = thread::cond_timedwait_relative, "_pthread_cond_signal" = thread::cond_signal, "_pthread_cond_broadcast" = thread::cond_broadcast, "_pthread_condattr_init" = thread::condattr, "_pthread_condattr_destroy" = thread::condattr,
        "_pthread_rwlock_init" = thread::rwlock_init, "_pthread_rwlock_rdlock" = thread::rwlock_rdlock, "_pthread_rwlock_wrlock" = thread::rwlock_wrlock, "_pthread_rwlock_unlock" = thread::rwlock_unlock, "_pthread_rwlock_destroy" = thread::rwlock_destroy,
        "_pthread_once" = thread::once, "_pthread_key_create" = thread::key_create, "_pthread_key_delete" = thread::key_delete, "_pthread_setspecific" = thread::setspecific, "_pthread_getspecific" = thread::getspecific,
        "__tlv_atexit" = thread::tlv_atexit, "__tlv_bootstrap" = crate::loader::tlv::macsim_tlv_thunk);
    fns!(v: // time, dispatch, blocks
        "_clock_gettime" = time::clock_gettime, "_clock_gettime_nsec_np" = time::clock_gettime_nsec_np, "_gettimeofday" = time::gettimeofday, "_nanosleep" = time::nanosleep, "_usleep" = time::usleep,
        "_mach_absolute_time" = time::mach_absolute_time, "_mach_continuous_time" = time::mach_continuous_time, "_mach_timebase_info" = time::mach_timebase_info, "_mach_wait_until" = time::mach_wait_until, "_dispatch_time" = time::dispatch_time,
        "_dispatch_semaphore_create" = dispatch::semaphore_create, "_dispatch_semaphore_signal" = dispatch::semaphore_signal, "_dispatch_semaphore_wait" = dispatch::semaphore_wait, "_dispatch_release" = dispatch::release,
        "__Block_copy" = dispatch::block_copy, "__Block_release" = dispatch::block_release);
    fns!(v: // sockets
        "_socket" = net::socket, "_socketpair" = net::socketpair, "_connect" = net::connect, "_bind" = net::bind, "_listen" = net::listen, "_accept" = net::accept, "_shutdown" = net::shutdown,
        "_getsockname" = net::getsockname, "_getpeername" = net::getpeername, "_getpeereid" = net::getpeereid, "_send" = net::send, "_sendto" = net::sendto, "_recv" = net::recv, "_recvfrom" = net::recvfrom,
        "_setsockopt" = net::setsockopt, "_getsockopt" = net::getsockopt, "_poll" = net::poll, "_getaddrinfo" = net::getaddrinfo, "_freeaddrinfo" = net::freeaddrinfo, "_gai_strerror" = net::gai_strerror);
    fns!(v: // dyld, Objective-C, unwinding
        "__dyld_image_count" = misc::dyld_image_count, "__dyld_get_image_header" = misc::dyld_header, "__dyld_get_image_vmaddr_slide" = misc::dyld_slide, "__dyld_get_image_name" = misc::dyld_name,
        "_dlsym" = misc::dlsym, "_dlopen" = misc::dlopen, "_dlclose" = misc::dlclose, "_dlerror" = misc::dlerror, "_dladdr" = misc::dladdr, "_mach_task_self" = misc::mach_task_self, "_mach_error_string" = misc::mach_error_string,
        "_objc_msgSend" = misc::objc_msg_send, "_objc_getClass" = misc::objc_none, "_objc_autoreleasePoolPush" = misc::objc_none, "_objc_autoreleasePoolPop" = misc::objc_none, "_objc_lookUpClass" = misc::objc_none, "_sel_registerName" = misc::objc_none,
        "__Unwind_RaiseException" = misc::unwind::_Unwind_RaiseException, "__Unwind_Resume" = misc::unwind::_Unwind_Resume, "__Unwind_DeleteException" = misc::unwind::_Unwind_DeleteException, "__Unwind_Backtrace" = misc::unwind::_Unwind_Backtrace, "__Unwind_GetCFA" = misc::unwind::_Unwind_GetCFA, "__Unwind_GetIP" = misc::unwind::_Unwind_GetIP, "__Unwind_GetIPInfo" = misc::unwind::_Unwind_GetIPInfo, "__Unwind_GetLanguageSpecificData" = misc::unwind::_Unwind_GetLanguageSpecificData, "__Unwind_GetRegionStart" = misc::unwind::_Unwind_GetRegionStart, "__Unwind_GetTextRelBase" = misc::unwind::_Unwind_GetTextRelBase, "__Unwind_GetDataRelBase" = misc::unwind::_Unwind_GetDataRelBase, "__Unwind_SetGR" = misc::unwind::_Unwind_SetGR, "__Unwind_SetIP" = misc::unwind::_Unwind_SetIP, "__Unwind_FindEnclosingFunction" = misc::unwind::_Unwind_FindEnclosingFunction);
    fns!(v: // pseudo-terminals
        "_openpty" = terminal::openpty, "_posix_openpt" = terminal::posix_openpt, "_grantpt" = terminal::grantpt, "_unlockpt" = terminal::unlockpt, "_ptsname" = terminal::ptsname, "_ptsname_r" = terminal::ptsname_r,
        "_tcgetattr" = terminal::tcgetattr, "_tcsetattr" = terminal::tcsetattr, "_cfmakeraw" = terminal::cfmakeraw, "_killpg" = signal::killpg, "_getpgid" = process::getpgid);
    fns!(v: // libbsm
        "_audit_token_to_auid" = misc::tok_auid, "_audit_token_to_euid" = misc::tok_euid, "_audit_token_to_egid" = misc::tok_egid, "_audit_token_to_ruid" = misc::tok_ruid, "_audit_token_to_rgid" = misc::tok_rgid,
        "_audit_token_to_pid" = misc::tok_pid, "_audit_token_to_asid" = misc::tok_asid, "_audit_token_to_pidversion" = misc::tok_pidversion);
    fns!(v: // same on both systems (struct tm included)
        "_localtime_r" = l::localtime_r, "_gmtime_r" = l::gmtime_r, "_mktime" = l::mktime, "_timegm" = l::timegm, "_time" = l::time, "_snprintf" = l::snprintf, "_strtoul" = l::strtoul, "_strtod" = l::strtod, "_atoi" = l::atoi, "_qsort" = l::qsort,
        "_if_nametoindex" = l::if_nametoindex, "_if_indextoname" = l::if_indextoname, "_strrchr" = l::strrchr, "_strstr" = l::strstr, "_strncpy" = l::strncpy, "_getgroups" = l::getgroups,
        "_utimensat" = file::utimensat, "_futimens" = file::futimens, "_recvmsg" = net::recvmsg, "_sendmsg" = net::sendmsg,
        "_os_log_create" = misc::objc_none, "_os_log_type_enabled" = misc::objc_none, "__os_log_impl" = misc::objc_none, "_os_release" = misc::objc_none);
    stdio::table(&mut v);
    crate::es::table(&mut v);
    crate::proc::table(&mut v);
    data!(v: "__NSConcreteStackBlock" = dispatch::CONCRETE_STACK, "__NSConcreteGlobalBlock" = dispatch::CONCRETE_GLOBAL, "___stack_chk_guard" = misc::STACK_CHK_GUARD, "_mach_task_self_" = misc::MACH_TASK_SELF);
    v
}
