/*
 * Starts one process with its rights already taken away. Compiled into the node by the C compiler that Bun carries,
 * which knows no headers: everything used is declared here. See launch.ts for what the fields mean.
 *
 * Between vfork and exec the child shares our memory and has our thread's stack, so it makes system calls and nothing
 * else: no allocation, no function of libc but `syscall`. What fails is written where the parent reads it.
 */
typedef unsigned long u64;
typedef long i64;

long syscall(long number, ...);
int vfork(void);
int *__errno_location(void);

#if defined(__x86_64__)
enum {
  NR_close = 3, NR_rt_sigaction = 13, NR_rt_sigprocmask = 14, NR_getppid = 110, NR_setsid = 112,
  NR_prctl = 157, NR_chdir = 80, NR_setgroups = 116, NR_setresuid = 117, NR_setresgid = 119, NR_fcntl = 72,
  NR_openat = 257, NR_fstat = 5, NR_exit = 60, NR_prlimit64 = 302, NR_execveat = 322,
  NR_close_range = 436, NR_landlock_create_ruleset = 444, NR_landlock_add_rule = 445, NR_landlock_restrict_self = 446,
  NR_waitid = 247, NR_kill = 62, NR_pidfd_open = 434, NR_dup3 = 292, NR_umask = 95
};
enum { STAT_MODE = 24 };
#elif defined(__aarch64__)
enum {
  NR_close = 57, NR_rt_sigaction = 134, NR_rt_sigprocmask = 135, NR_getppid = 173, NR_setsid = 157,
  NR_prctl = 167, NR_chdir = 49, NR_setgroups = 159, NR_setresuid = 147, NR_setresgid = 149, NR_fcntl = 25,
  NR_openat = 56, NR_fstat = 80, NR_exit = 93, NR_prlimit64 = 261, NR_execveat = 281,
  NR_close_range = 436, NR_landlock_create_ruleset = 444, NR_landlock_add_rule = 445, NR_landlock_restrict_self = 446,
  NR_waitid = 95, NR_kill = 129, NR_pidfd_open = 434, NR_dup3 = 24, NR_umask = 166
};
enum { STAT_MODE = 16 };
#endif

enum {
  AT_FDCWD = -100, AT_EMPTY_PATH = 0x1000, O_PATH = 010000000, O_CLOEXEC = 02000000,
  F_DUPFD_CLOEXEC = 1030, SIG_SETMASK = 2, SIGKILL = 9, SIGSTOP = 19,
  PR_SET_PDEATHSIG = 1, PR_SET_SECCOMP = 22, PR_SET_NO_NEW_PRIVS = 38, SECCOMP_MODE_FILTER = 2,
  LANDLOCK_RULE_PATH_BENEATH = 1, LANDLOCK_RULE_NET_PORT = 2,
  EINTR = 4, P_PID = 1, WNOHANG = 1, WEXITED = 4, CLD_EXITED = 1,
  S_IFMT = 0170000, S_IFDIR = 0040000,
  /* Above every number that a child is given. */
  DESCRIPTOR_HIGH = 100
};

/* Where a launch got to. launch.ts has a text for each. */
enum {
  STAGE_FORK, STAGE_SESSION, STAGE_DESCRIPTORS, STAGE_RLIMIT, STAGE_RULESET, STAGE_PATH_RULE,
  STAGE_PORT_RULE, STAGE_PROGRAM, STAGE_USER, STAGE_PARENT, STAGE_DIRECTORY, STAGE_NO_NEW_PRIVS, STAGE_RESTRICT,
  STAGE_FILTER, STAGE_EXEC, STAGE_WATCH
};

struct rlimit { u64 resource, max; };
/* Rights for all that lies beneath a folder, or for one file. A path that is not there is left out. */
struct path_rule { const char *path; u64 access; };
struct port_rule { u64 access, port; };
/* landlock_ruleset_attr of level 6. */
struct ruleset { u64 fs, net, scoped; };

/* Every field is 8 bytes, as launch.ts writes them. */
struct launch {
  const char *program;
  char **argv;
  char **envp;
  const char *directory;
  i64 *descriptors;
  i64 descriptor_count;
  /* -1: ours. */
  i64 uid, gid;
  struct rlimit *rlimits;
  i64 rlimit_count;
  /* Size of the ruleset this kernel knows; 0: no Landlock. */
  i64 ruleset_bytes;
  struct ruleset ruleset;
  struct path_rule *path_rules;
  i64 path_rule_count;
  struct port_rule *port_rules;
  i64 port_rule_count;
  /* Rights that make sense for a file; the others only for folders. */
  u64 file_access;
  i64 no_new_privs;
  i64 umask;
  /* struct sock_fprog, or null. */
  void *filter;
  /* Written by us: where it failed, and errno; a descriptor of the process. */
  volatile i64 stage, error;
  i64 pidfd;
};

/* The child's last words. */
static void give_up(struct launch *l, i64 stage) {
  l->error = *__errno_location();
  l->stage = stage;
  for (;;) syscall(NR_exit, 127);
}

static void default_signals(void) {
  u64 action[4] = {0, 0, 0, 0}, none = 0;
  for (long signal = 1; signal <= 64; signal++) {
    if (signal != SIGKILL && signal != SIGSTOP) syscall(NR_rt_sigaction, signal, action, 0L, 8L);
  }
  syscall(NR_rt_sigprocmask, (long)SIG_SETMASK, &none, 0L, 8L);
}

/* Moves all of them out of the way first: a number that one needs may be another one's present place. */
static void arrange_descriptors(struct launch *l) {
  i64 moved[16];
  for (i64 i = 0; i < l->descriptor_count; i++) {
    moved[i] = syscall(NR_fcntl, l->descriptors[i], (long)F_DUPFD_CLOEXEC, (long)DESCRIPTOR_HIGH);
    if (moved[i] < 0) give_up(l, STAGE_DESCRIPTORS);
  }
  for (i64 i = 0; i < l->descriptor_count; i++) {
    if (syscall(NR_dup3, moved[i], i, 0L) < 0) give_up(l, STAGE_DESCRIPTORS);
  }
  if (syscall(NR_close_range, l->descriptor_count, 0xffffffffL, 0L) < 0) give_up(l, STAGE_DESCRIPTORS);
}

static void set_rlimits(struct launch *l) {
  for (i64 i = 0; i < l->rlimit_count; i++) {
    u64 pair[2];
    if (syscall(NR_prlimit64, 0L, l->rlimits[i].resource, 0L, pair) < 0) give_up(l, STAGE_RLIMIT);
    /* More than ours we may not give. */
    if (l->rlimits[i].max < pair[1]) pair[1] = l->rlimits[i].max;
    pair[0] = pair[1];
    if (syscall(NR_prlimit64, 0L, l->rlimits[i].resource, pair, 0L) < 0) give_up(l, STAGE_RLIMIT);
  }
}

/* The paths are opened with the node's rights: the user of the app need not be able to get to them. */
static long make_ruleset(struct launch *l) {
  unsigned char facts[256];
  long ruleset = syscall(NR_landlock_create_ruleset, &l->ruleset, l->ruleset_bytes, 0L);
  if (ruleset < 0) give_up(l, STAGE_RULESET);
  for (i64 i = 0; i < l->path_rule_count; i++) {
    /* struct landlock_path_beneath_attr is packed: 8 bytes of rights, 4 of descriptor. */
    u64 rule[2] = {l->path_rules[i].access, 0};
    long path = syscall(NR_openat, (long)AT_FDCWD, l->path_rules[i].path, (long)(O_PATH | O_CLOEXEC), 0L);
    if (path < 0) continue;
    if (syscall(NR_fstat, path, facts) < 0) give_up(l, STAGE_PATH_RULE);
    if ((*(unsigned int *)(facts + STAT_MODE) & S_IFMT) != S_IFDIR) rule[0] &= l->file_access;
    rule[1] = (u64)path;
    if (rule[0] != 0 && syscall(NR_landlock_add_rule, ruleset, (long)LANDLOCK_RULE_PATH_BENEATH, rule, 0L) < 0) {
      give_up(l, STAGE_PATH_RULE);
    }
    syscall(NR_close, path);
  }
  for (i64 i = 0; i < l->port_rule_count; i++) {
    if (syscall(NR_landlock_add_rule, ruleset, (long)LANDLOCK_RULE_NET_PORT, &l->port_rules[i], 0L) < 0) {
      give_up(l, STAGE_PORT_RULE);
    }
  }
  return ruleset;
}

static void change_user(struct launch *l) {
  if (l->uid < 0) return;
  if (syscall(NR_setgroups, 0L, 0L) < 0 || syscall(NR_setresgid, l->gid, l->gid, l->gid) < 0 ||
      syscall(NR_setresuid, l->uid, l->uid, l->uid) < 0) {
    give_up(l, STAGE_USER);
  }
}

static void child(struct launch *l, long parent) {
  long ruleset = -1;
  default_signals();
  if (syscall(NR_setsid) < 0) give_up(l, STAGE_SESSION);
  arrange_descriptors(l);
  set_rlimits(l);
  if (l->ruleset_bytes > 0) ruleset = make_ruleset(l);
  long program = syscall(NR_openat, (long)AT_FDCWD, l->program, (long)(O_PATH | O_CLOEXEC), 0L);
  if (program < 0) give_up(l, STAGE_PROGRAM);
  if (syscall(NR_chdir, l->directory) < 0) give_up(l, STAGE_DIRECTORY);
  change_user(l);
  syscall(NR_umask, l->umask);
  /* After the change of user, which clears it. The node may have ended before. */
  if (syscall(NR_prctl, (long)PR_SET_PDEATHSIG, (long)SIGKILL, 0L, 0L, 0L) < 0 || syscall(NR_getppid) != parent) {
    give_up(l, STAGE_PARENT);
  }
  if (l->no_new_privs && syscall(NR_prctl, (long)PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) < 0) {
    give_up(l, STAGE_NO_NEW_PRIVS);
  }
  if (ruleset >= 0) {
    if (syscall(NR_landlock_restrict_self, ruleset, 0L) < 0) give_up(l, STAGE_RESTRICT);
    syscall(NR_close, ruleset);
  }
  /* Last: the filter forbids some of what was needed. */
  if (l->filter && syscall(NR_prctl, (long)PR_SET_SECCOMP, (long)SECCOMP_MODE_FILTER, l->filter, 0L, 0L) < 0) {
    give_up(l, STAGE_FILTER);
  }
  syscall(NR_execveat, program, "", l->argv, l->envp, (long)AT_EMPTY_PATH);
  give_up(l, STAGE_EXEC);
}

/*
 * Returns the pid, or -1 with `stage` and `error` set and nothing left behind. `parent` is our pid. Our thread stands
 * still until the child has executed the program.
 */
long launch(struct launch *l, long parent) {
  u64 all = ~0UL, before = 0;
  int pid;
  l->stage = STAGE_FORK;
  l->error = 0;
  /* No handler of ours may run in the child, which has our memory. */
  syscall(NR_rt_sigprocmask, (long)SIG_SETMASK, &all, &before, 8L);
  pid = vfork();
  if (pid == 0) child(l, parent);
  if (pid < 0) l->error = *__errno_location();
  syscall(NR_rt_sigprocmask, (long)SIG_SETMASK, &before, 0L, 8L);
  if (pid < 0) return -1;
  if (l->error != 0) {
    syscall(NR_waitid, (long)P_PID, (long)pid, 0L, (long)WEXITED, 0L);
    return -1;
  }
  l->pidfd = syscall(NR_pidfd_open, (long)pid, 0L);
  if (l->pidfd < 0) {
    l->stage = STAGE_WATCH;
    l->error = *__errno_location();
    syscall(NR_kill, (long)pid, (long)SIGKILL);
    syscall(NR_waitid, (long)P_PID, (long)pid, 0L, (long)WEXITED, 0L);
    return -1;
  }
  return pid;
}

/*
 * How a child ended; it is gone for good then. -1 while it runs, else its exit code, or 1000 + the number of the signal
 * that ended it. -2 when it is no child of ours.
 */
long reap(long pid) {
  int facts[32];
  long answer;
  facts[4] = 0;
  do {
    answer = syscall(NR_waitid, (long)P_PID, pid, facts, (long)(WEXITED | WNOHANG), 0L);
  } while (answer < 0 && *__errno_location() == EINTR);
  if (answer < 0) return -2;
  /* siginfo_t, 64 bits: si_code at 8, si_pid at 16, si_status at 24. Without an end it stays empty. */
  if (facts[4] == 0) return -1;
  return facts[2] == CLD_EXITED ? facts[6] : 1000 + facts[6];
}
