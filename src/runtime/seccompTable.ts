/**
 * What a container may ask of the kernel by default, as data. A call that is not here is refused with EPERM, so programs
 * see a privilege error and not a crash. The effect equals that of Docker's default profile; the point of the filter is to
 * keep calls away that widen the kernel's attack surface (mounting, loading code, tracing, key rings, io_uring).
 *
 * Names cover all architectures: libseccomp leaves out those that the running one does not have.
 */
const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Calls that every container may make, by subject. */
export const alwaysAllowed: Readonly<Record<string, readonly string[]>> = {
  'Reading and writing': words(`
    _llseek close close_range copy_file_range creat dup dup2 dup3 fadvise64 fadvise64_64 fallocate fcntl fcntl64
    fdatasync flock fsync ftruncate ftruncate64 ioctl lseek open openat openat2 pipe pipe2 pread64 preadv
    preadv2 pwrite64 pwritev pwritev2 read readahead readv sendfile sendfile64 splice sync sync_file_range
    syncfs tee truncate truncate64 umask vmsplice write writev
  `),
  'Files, directories and their attributes': words(`
    access cachestat chdir chmod chown chown32 faccessat faccessat2 fanotify_mark fchdir fchmod fchmodat
    fchmodat2 fchown fchown32 fchownat fgetxattr flistxattr fremovexattr fsetxattr fstat fstat64 fstatat64
    fstatfs fstatfs64 futimesat getcwd getdents getdents64 getxattr getxattrat inotify_add_watch inotify_init
    inotify_init1 inotify_rm_watch lchown lchown32 lgetxattr link linkat listmount listxattr listxattrat
    llistxattr lremovexattr lsetxattr lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at newfstatat
    readlink readlinkat removexattr removexattrat rename renameat renameat2 rmdir setxattr setxattrat stat
    stat64 statfs statfs64 statmount statx symlink symlinkat unlink unlinkat utime utimensat utimensat_time64
    utimes
  `),
  Memory: words(`
    brk madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mmap2
    mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_mrelease
    remap_file_pages
  `),
  'Waiting on descriptors': words(`
    _newselect epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait
    epoll_wait_old eventfd eventfd2 io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64
    io_setup io_submit poll ppoll ppoll_time64 pselect6 pselect6_time64 select signalfd signalfd4 timerfd_create
    timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64
  `),
  Sockets: words(`
    accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmmsg_time64
    recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair
  `),
  'Message queues, semaphores and shared memory': words(`
    ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64
    mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt
    shmget
  `),
  Time: words(`
    adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
    clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time timer_create
    timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 times
  `),
  Signals: words(`
    kill pause pidfd_open pidfd_send_signal restart_syscall rt_sigaction rt_sigpending rt_sigprocmask
    rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo
    sigaltstack sigprocmask sigreturn tgkill tkill
  `),
  Scheduling: words(`
    getcpu getpriority ioprio_get ioprio_set sched_get_priority_max sched_get_priority_min sched_getaffinity
    sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64
    sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield setpriority
  `),
  Identity: words(`
    capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid
    getresgid32 getresuid getresuid32 getuid getuid32 landlock_add_rule landlock_create_ruleset
    landlock_restrict_self prctl seccomp setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups
    setgroups32 setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setuid
    setuid32
  `),
  'Processes and threads': words(`
    execve execveat exit exit_group fork futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake
    get_robust_list get_thread_area getpgid getpgrp getpid getppid getrandom getrlimit getrusage getsid gettid
    prlimit64 riscv_hwprobe rseq set_robust_list set_thread_area set_tid_address setpgid setrlimit setsid
    sysinfo ugetrlimit uname uretprobe vfork wait4 waitid waitpid
  `),
  // ptrace(2) cannot be used to step around a filter since Linux 4.8, and Node.js needs a later kernel anyway.
  Tracing: words('process_vm_readv process_vm_writev ptrace'),
};

/** Calls allowed on top when the container holds the capability. */
export const allowedByCapability: Readonly<Record<string, readonly string[]>> = {
  CAP_BPF: words('bpf'),
  CAP_DAC_READ_SEARCH: words('open_by_handle_at'),
  CAP_PERFMON: words('perf_event_open'),
  CAP_SYSLOG: words('syslog'),
  CAP_SYS_ADMIN: words(`
    bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr lsm_list_modules
    lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname
    sethostname setns syslog umount umount2 unshare
  `),
  CAP_SYS_BOOT: words('reboot'),
  CAP_SYS_CHROOT: words('chroot'),
  CAP_SYS_MODULE: words('delete_module finit_module init_module'),
  CAP_SYS_NICE: words('get_mempolicy mbind set_mempolicy set_mempolicy_home_node'),
  CAP_SYS_PACCT: words('acct'),
  CAP_SYS_PTRACE: words('kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace'),
  CAP_SYS_RAWIO: words('ioperm iopl'),
  CAP_SYS_TIME: words('clock_settime clock_settime64 settimeofday stime'),
  CAP_SYS_TTY_CONFIG: words('vhangup'),
};

/** Calls allowed on top on some architectures (Docker's names of them). */
export const allowedByArchitecture: Readonly<Record<string, readonly string[]>> = {
  amd64: words('arch_prctl modify_ldt'),
  arm64: words('arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2'),
  ppc64le: words('swapcontext sync_file_range2'),
  riscv64: words('riscv_flush_icache'),
  s390x: words('s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr'),
};

/** libseccomp's name of each architecture, followed by those whose programs its kernel runs as well. */
export const seccompArchitectures: Readonly<Record<string, readonly string[]>> = {
  amd64: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
  arm64: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
  loong64: ['SCMP_ARCH_LOONGARCH64'],
  ppc64le: ['SCMP_ARCH_PPC64LE'],
  riscv64: ['SCMP_ARCH_RISCV64'],
  s390x: ['SCMP_ARCH_S390X', 'SCMP_ARCH_S390'],
};

/** What personality(2) may be asked for: PER_LINUX, PER_LINUX32, each with UNAME26, and the query. */
export const allowedPersonalities = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff] as const;

/** Address families that sockets may not have: AF_ALG (kernel crypto) and AF_VSOCK (the host of a virtual machine). */
export const refusedAddressFamilies = { algorithm: 38, nfc: 39, vsock: 40 } as const;

/** All CLONE_NEW* bits: clone(2) without CAP_SYS_ADMIN may make no namespace. clone3(2) hides its flags, so it is ENOSYS. */
export const namespaceCloneFlags = 0x7e02_0000;
