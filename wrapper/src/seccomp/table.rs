//! Our own table: the calls that a container may make, by purpose.
//!
//! The set is what the default profile of Docker 20.10.24 answers, read from the filter that a running container has; what
//! each call does, and so its group, is from the kernel's documentation. `tests/integration/seccomp.rs` reads the filters
//! again and compares. A name that an architecture does not have is ignored there by the runtime.
//!
//! The highest number in the table matters as well: runc answers ENOSYS to calls beyond it, EPERM to others.

use super::domains;
use super::rules::{Action, Architecture, Condition, ENOSYS, Profile, Rule};

/// Starting, waiting for and ending processes and threads. `clone` and `clone3` have rules of their own.
const PROCESSES: &str = "\
    execve execveat exit exit_group fork vfork wait4 waitid waitpid pause restart_syscall \
    set_tid_address prctl seccomp process_mrelease pidfd_open pidfd_send_signal kill tkill tgkill";

/// Who a process is. To change that, the kernel asks for capabilities that a job does not have.
const IDENTITY: &str = "\
    getpid getppid gettid getpgid getpgrp setpgid getsid setsid getuid getuid32 geteuid geteuid32 getgid \
    getgid32 getegid getegid32 getresuid getresuid32 getresgid getresgid32 getgroups getgroups32 setuid \
    setuid32 setgid setgid32 setreuid setreuid32 setregid setregid32 setresuid setresuid32 setresgid \
    setresgid32 setfsuid setfsuid32 setfsgid setfsgid32 setgroups setgroups32 capget capset";

/// Signals.
const SIGNALS: &str = "\
    rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait \
    rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack sigprocmask sigreturn signalfd signalfd4";

/// Which processor runs a thread when, within the container's share; and limits a process sets itself.
const SCHEDULING: &str = "\
    sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam \
    sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity \
    sched_setattr sched_setparam sched_setscheduler sched_yield getcpu getpriority setpriority \
    ioprio_get ioprio_set getrlimit ugetrlimit setrlimit prlimit64 getrusage times";

/// Memory of a process's own.
const MEMORY: &str = "\
    brk mmap mmap2 munmap mremap mprotect madvise mincore msync mlock mlock2 mlockall munlock munlockall \
    membarrier memfd_create memfd_secret remap_file_pages";

/// Waiting for other threads, and what the C library keeps for each of them.
const THREADS: &str = "\
    futex futex_time64 futex_waitv get_robust_list set_robust_list rseq get_thread_area set_thread_area";

/// Opening, making, naming and removing files.
const PATHS: &str = "\
    open openat openat2 creat close close_range access faccessat faccessat2 chdir fchdir getcwd mkdir \
    mkdirat rmdir mknod mknodat link linkat symlink symlinkat readlink readlinkat rename renameat \
    renameat2 unlink unlinkat umask";

/// What is known of a file: owner, mode, times, sizes, attributes.
const METADATA: &str = "\
    stat stat64 fstat fstat64 lstat lstat64 newfstatat fstatat64 statx statfs statfs64 fstatfs fstatfs64 \
    chmod fchmod fchmodat chown chown32 fchown fchown32 lchown lchown32 fchownat utime utimes futimesat \
    utimensat utimensat_time64 getxattr lgetxattr fgetxattr setxattr lsetxattr fsetxattr listxattr \
    llistxattr flistxattr removexattr lremovexattr fremovexattr";

/// Content of files, and of whatever else has a descriptor.
const CONTENT: &str = "\
    read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 lseek _llseek getdents \
    getdents64 truncate truncate64 ftruncate ftruncate64 fallocate fadvise64 fadvise64_64 readahead sync \
    syncfs fsync fdatasync sync_file_range sendfile sendfile64 copy_file_range splice tee vmsplice flock \
    fcntl fcntl64 ioctl dup dup2 dup3 pipe pipe2";

/// Requests that the kernel carries out meanwhile. `io_uring` is left out: see the module.
const ASYNCHRONOUS: &str = "\
    io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents io_pgetevents_time64";

/// Waiting for descriptors, and being told of changes to files.
const EVENTS: &str = "\
    poll ppoll ppoll_time64 select _newselect pselect6 pselect6_time64 epoll_create epoll_create1 \
    epoll_ctl epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait epoll_pwait2 eventfd eventfd2 \
    inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_mark";

/// Clocks and timers. They can be read; to set the host's, the kernel asks for a capability.
const TIME: &str = "\
    time gettimeofday clock_gettime clock_gettime64 clock_getres clock_getres_time64 clock_nanosleep \
    clock_nanosleep_time64 nanosleep alarm getitimer setitimer adjtimex clock_adjtime clock_adjtime64 \
    timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime \
    timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64";

/// Sockets. Which families, [`domains`] says.
const SOCKETS: &str = "\
    socket socketpair bind listen accept accept4 connect shutdown getsockname getpeername getsockopt \
    setsockopt sendto sendmsg sendmmsg recvfrom recvmsg recvmmsg recvmmsg_time64";

/// Queues, semaphores and memory shared with other processes of the container, which has a namespace for them.
const INTER_PROCESS: &str = "\
    ipc msgget msgsnd msgrcv msgctl semget semop semtimedop semtimedop_time64 semctl shmget shmat shmdt \
    shmctl mq_open mq_unlink mq_timedsend mq_timedsend_time64 mq_timedreceive mq_timedreceive_time64 \
    mq_notify mq_getsetattr";

/// What the system is, and random numbers.
const SYSTEM: &str = "uname sysinfo getrandom";

/// A process that locks itself in further.
const OWN_SANDBOX: &str = "landlock_create_ruleset landlock_add_rule landlock_restrict_self";

/// Calls that only some processors have: segments of x86, caches and thread pointers of 32-bit ARM.
const ON_X86: &str = "arch_prctl modify_ldt";
const ON_ARM: &str = "\
    arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls";

/// Reading and writing another process's memory. Before this kernel a tracer could undo a filter.
const TRACING: &str = "ptrace";
const TRACING_SINCE: &str = "4.8";

/// What the default profile of Docker 26.1.5 allows besides: calls on files, on memory and between threads. Some are newer than
/// Docker 20.10, some were denied there.
const SINCE_DOCKER_26: &str = "\
    fchmodat2 cachestat name_to_handle_at futex_wake futex_wait futex_requeue map_shadow_stack \
    pkey_alloc pkey_free pkey_mprotect";
const TRACING_SINCE_DOCKER_26: &str = "process_vm_readv process_vm_writev";

/// The bits of `clone`'s flags that make namespaces: mount, cgroup, uts, ipc, user, pid, net. A namespace of one's own gives
/// capabilities in it, and with them parts of the kernel that containers should not reach.
const NAMESPACES: u64 =
    0x0002_0000 | 0x0200_0000 | 0x0400_0000 | 0x0800_0000 | 0x1000_0000 | 0x2000_0000 | 0x4000_0000;
/// Where the flags are the second argument.
const FLAGS_SECOND: &[&str] = &["s390", "s390x"];

/// The execution domains that programs ask for: Linux, Linux with the addresses of 2.4 or on 32 bits, both, and none, to
/// ask which it is.
const PERSONALITIES: [u64; 5] = [0, 0x0008, 0x0002_0000, 0x0002_0008, 0xffff_ffff];

/// For Docker.
pub fn docker(version: &str) -> Profile {
    domains::close(open(is_26_or_later(version)))
}

/// For Podman without a profile on the host. Podman's own answers ENOSYS to what it does not know, so that programs fall
/// back; some of its runtimes, unlike Docker's, would not do that for calls that are newer than the table.
pub fn podman() -> Profile {
    domains::close(Profile { default_errno_ret: Some(ENOSYS), ..open(true) })
}

fn is_26_or_later(version: &str) -> bool {
    version.split('.').next().and_then(|major| major.parse::<u32>().ok()).is_some_and(|major| major >= 26)
}

/// The names in one of the lists above.
fn names(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.split_ascii_whitespace()
}

/// The table before the socket families are taken away.
fn open(recent: bool) -> Profile {
    let everywhere = [
        PROCESSES,
        IDENTITY,
        SIGNALS,
        SCHEDULING,
        MEMORY,
        THREADS,
        PATHS,
        METADATA,
        CONTENT,
        ASYNCHRONOUS,
        EVENTS,
        TIME,
        SOCKETS,
        INTER_PROCESS,
        SYSTEM,
        OWN_SANDBOX,
    ];
    let recent_calls = if recent { SINCE_DOCKER_26 } else { "" };
    let recent_tracing = if recent { TRACING_SINCE_DOCKER_26 } else { "" };
    let calls = everywhere.into_iter().chain([recent_calls]).flat_map(names);
    let mut syscalls = vec![
        Rule::allow(calls),
        Rule::allow(names(ON_X86)).only_on(&["amd64", "x32", "x86"]),
        Rule::allow(names(ON_ARM)).only_on(&["arm", "arm64"]),
        Rule::allow(names(TRACING).chain(names(recent_tracing))).since_kernel(TRACING_SINCE),
        Rule::allow(["clone"]).when(Condition::masked(0, NAMESPACES, 0)).not_on(FLAGS_SECOND),
        Rule::allow(["clone"]).when(Condition::masked(1, NAMESPACES, 0)).only_on(FLAGS_SECOND),
        // Its flags lie in memory, where a filter cannot read them: programs fall back to `clone`.
        Rule::fail(["clone3"], ENOSYS),
    ];
    syscalls.extend(PERSONALITIES.map(|value| Rule::allow(["personality"]).when(Condition::equal(0, value))));
    Profile {
        default_action: Action::Errno,
        default_errno_ret: None,
        default_errno: None,
        arch_map: Some(architectures()),
        architectures: None,
        syscalls,
    }
}

/// A kernel for 64 bits runs programs for 32 bits, too.
fn architectures() -> Vec<Architecture> {
    [
        ("SCMP_ARCH_X86_64", &["SCMP_ARCH_X86", "SCMP_ARCH_X32"][..]),
        ("SCMP_ARCH_AARCH64", &["SCMP_ARCH_ARM"]),
        ("SCMP_ARCH_S390X", &["SCMP_ARCH_S390"]),
    ]
    .map(|(architecture, others)| Architecture {
        architecture: architecture.to_owned(),
        sub_architectures: Some(others.iter().map(ToString::to_string).collect()),
    })
    .into()
}
