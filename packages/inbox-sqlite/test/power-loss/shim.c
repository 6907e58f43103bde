/*
 * LD_PRELOAD shim that records all file operations below POWER_LOSS_DIR in the order in which they
 * happen.
 *
 * One mutex is held during an operation and its record, so the trace is a total order. A sync runs
 * outside of the mutex and has two records. It covers exactly the writes recorded before its BEGIN.
 * What waited for it is recorded after its END.
 *
 * Operations that the replay cannot model (such as a shared writable mapping) are recorded as
 * UNSUPPORTED, and the replay rejects such a trace. The -shm file is not recorded: SQLite never reads
 * one that no process has open. The first connection truncates it and rebuilds it from the WAL.
 *
 * POWER_LOSS_SYNC: with `all`, every sync works. With `no-fsync`, `no-fdatasync` or `none`, the
 * calls succeed without a sync and without a record. With `failing`, every 15th sync of a WAL fails
 * with EIO and its data is lost; as on Linux, every descriptor of the file reports the error once.
 * POWER_LOSS_SYNC_US makes every sync last longer, so that writes happen during it on any disk.
 *
 * System calls are made directly, not through dlsym, so that no call can recurse into the shim.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

_Static_assert(sizeof(long) == 8, "64-bit only: offsets are passed in one register");

enum { CREATE = 1, WRITE, TRUNCATE, SYNC_BEGIN, SYNC_END, UNLINK, RENAME, UNSUPPORTED, SYNC_FAILED };
enum { DIRECTORY = 1, MAX_FDS = 65536, MAX_FILES = 4096, FAILING = 15 };

/* `value`: an offset, a size, or which sync. `length`: of the payload that follows. */
struct record { uint32_t kind, file, length, unused; uint64_t value; };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static uint32_t file_of_fd[MAX_FDS];
static uint32_t errors_seen[MAX_FDS];
static struct { dev_t dev; ino_t ino; int is_wal; uint32_t errors; } files[MAX_FILES];
static uint32_t newest = DIRECTORY;
static uint64_t syncs = 0, wal_syncs = 0;
static char root[PATH_MAX];
static char trace_path[PATH_MAX];
static int trace = -1;
static int skips_fsync, skips_fdatasync, fails;
static useconds_t sync_us;

__attribute__((constructor)) static void start(void) {
  const char *dir = getenv("POWER_LOSS_DIR"), *to = getenv("POWER_LOSS_TRACE");
  const char *sync = getenv("POWER_LOSS_SYNC"), *us = getenv("POWER_LOSS_SYNC_US");
  if (dir) snprintf(root, sizeof root, "%s", dir);
  if (to) snprintf(trace_path, sizeof trace_path, "%s", to);
  skips_fsync = sync && (!strcmp(sync, "no-fsync") || !strcmp(sync, "none"));
  skips_fdatasync = sync && (!strcmp(sync, "no-fdatasync") || !strcmp(sync, "none"));
  fails = sync && !strcmp(sync, "failing");
  sync_us = us ? (useconds_t)atoi(us) : 0;
  unsetenv("LD_PRELOAD"); /* child processes are not recorded */
}

static void lock(void) { pthread_mutex_lock(&mutex); }

static void unlock(void) {
  int kept = errno;
  pthread_mutex_unlock(&mutex);
  errno = kept;
}

static void note(uint32_t kind, uint32_t file, uint64_t value, const void *data, size_t length) {
  int kept = errno;
  struct record head = { kind, file, (uint32_t)length, 0, value };
  struct iovec parts[2] = { { &head, sizeof head }, { (void *)data, length } };
  if (trace < 0)
    trace = (int)syscall(SYS_openat, AT_FDCWD, trace_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (syscall(SYS_writev, trace, parts, 2) != (long)(sizeof head + length)) abort();
  errno = kept;
}

static void unsupported(const char *what) { note(UNSUPPORTED, 0, 0, what, strlen(what)); }

static uint32_t file_of(int fd) { return fd >= 0 && fd < MAX_FDS ? file_of_fd[fd] : 0; }

/* Returns the name in the traced directory; "" for the directory; NULL for a path elsewhere. */
static const char *traced_name(int at, const char *path, char *full) {
  char base[PATH_MAX] = "", link[64];
  if (!root[0] || !path) return NULL;
  if (path[0] != '/') {
    if (at == AT_FDCWD) { if (!getcwd(base, sizeof base)) return NULL; }
    else {
      snprintf(link, sizeof link, "/proc/self/fd/%d", at);
      ssize_t n = readlink(link, base, sizeof base - 1);
      if (n < 0) return NULL;
      base[n] = 0;
    }
    if (snprintf(full, PATH_MAX, "%s/%s", base, path) >= PATH_MAX) return NULL;
  } else if (snprintf(full, PATH_MAX, "%s", path) >= PATH_MAX) return NULL;
  size_t n = strlen(root), length = strlen(full);
  if (strncmp(full, root, n) || (full[n] && full[n] != '/')) return NULL;
  if (length > 4 && !strcmp(full + length - 4, "-shm")) return NULL;
  return full[n] ? full + n + 1 : "";
}

static uint32_t known(const struct stat *s) {
  for (uint32_t id = newest; id > DIRECTORY; id--)
    if (files[id].ino == s->st_ino && files[id].dev == s->st_dev) return id;
  return 0;
}

static uint32_t created(const struct stat *s, const char *name) {
  if (++newest >= MAX_FILES) abort();
  files[newest].dev = s->st_dev;
  files[newest].ino = s->st_ino;
  files[newest].is_wal = strlen(name) > 4 && !strcmp(name + strlen(name) - 4, "-wal");
  note(CREATE, newest, 0, name, strlen(name));
  return newest;
}

static int do_open(int at, const char *path, int flags, mode_t mode) {
  char full[PATH_MAX];
  struct stat s;
  const char *name = traced_name(at, path, full);
  if (!name) return (int)syscall(SYS_openat, at, path, flags, mode);
  lock();
  int existed = syscall(SYS_faccessat, AT_FDCWD, full, F_OK) == 0;
  int fd = (int)syscall(SYS_openat, at, path, flags, mode);
  if (fd >= MAX_FDS) abort();
  if (fd >= 0 && fstat(fd, &s) == 0) {
    if (!*name) file_of_fd[fd] = DIRECTORY;
    else if (S_ISDIR(s.st_mode) || strchr(name, '/')) unsupported("a folder in the folder");
    else if (flags & O_PATH) file_of_fd[fd] = 0;
    else {
      file_of_fd[fd] = existed ? known(&s) : created(&s, name);
      errors_seen[fd] = files[file_of_fd[fd]].errors;
      if (!file_of_fd[fd]) unsupported("a file that exists without a record");
      else if (existed && (flags & O_TRUNC)) note(TRUNCATE, file_of_fd[fd], 0, NULL, 0);
    }
  }
  unlock();
  return fd;
}

#define MODE(flags) \
  mode_t mode = 0; \
  if ((flags) & (O_CREAT | __O_TMPFILE)) { va_list l; va_start(l, flags); mode = va_arg(l, mode_t); va_end(l); }
int open(const char *path, int flags, ...) { MODE(flags) return do_open(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return do_open(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE(flags) return do_open(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE(flags) return do_open(at, path, flags, mode); }
int __open_2(const char *path, int flags) { return do_open(AT_FDCWD, path, flags, 0); }
int __open64_2(const char *path, int flags) { return do_open(AT_FDCWD, path, flags, 0); }
int creat(const char *path, mode_t mode) { return do_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }

int close(int fd) {
  if (!file_of(fd)) return (int)syscall(SYS_close, fd);
  lock();
  file_of_fd[fd] = 0;
  int result = (int)syscall(SYS_close, fd);
  unlock();
  return result;
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) {
  uint32_t file = file_of(fd);
  if (!file) return syscall(SYS_pwrite64, fd, data, length, offset);
  lock();
  ssize_t n = syscall(SYS_pwrite64, fd, data, length, offset);
  if (n > 0) note(WRITE, file, (uint64_t)offset, data, (size_t)n);
  unlock();
  return n;
}
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) { return pwrite(fd, data, length, offset); }

ssize_t write(int fd, const void *data, size_t length) {
  uint32_t file = file_of(fd);
  if (!file) return syscall(SYS_write, fd, data, length);
  lock();
  ssize_t n = syscall(SYS_write, fd, data, length);
  /* Derives the start from the end, which works with O_APPEND too. */
  if (n > 0) note(WRITE, file, (uint64_t)(lseek(fd, 0, SEEK_CUR) - n), data, (size_t)n);
  unlock();
  return n;
}

/* Writes only the first part: callers must expect short writes. */
static ssize_t first_part(const struct iovec *parts, int count) {
  for (int i = 0; i < count; i++) if (parts[i].iov_len) return i;
  return -1;
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
  if (!file_of(fd)) return syscall(SYS_writev, fd, parts, count);
  ssize_t i = first_part(parts, count);
  return i < 0 ? 0 : write(fd, parts[i].iov_base, parts[i].iov_len);
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
  if (!file_of(fd)) return syscall(SYS_pwritev, fd, parts, count, offset, 0L);
  ssize_t i = first_part(parts, count);
  return i < 0 ? 0 : pwrite(fd, parts[i].iov_base, parts[i].iov_len, offset);
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) { return pwritev(fd, parts, count, offset); }

int ftruncate(int fd, off_t size) {
  uint32_t file = file_of(fd);
  if (!file) return (int)syscall(SYS_ftruncate, fd, size);
  lock();
  int result = (int)syscall(SYS_ftruncate, fd, size);
  if (result == 0) note(TRUNCATE, file, (uint64_t)size, NULL, 0);
  unlock();
  return result;
}
int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }

int fallocate(int fd, int mode, off_t offset, off_t length) {
  uint32_t file = file_of(fd);
  struct stat s;
  if (!file) return (int)syscall(SYS_fallocate, fd, mode, offset, length);
  lock();
  int known_size = fstat(fd, &s) == 0;
  int result = (int)syscall(SYS_fallocate, fd, mode, offset, length);
  if (result == 0 && (mode || !known_size)) unsupported("fallocate with a mode");
  else if (result == 0 && offset + length > s.st_size) note(TRUNCATE, file, (uint64_t)(offset + length), NULL, 0);
  unlock();
  return result;
}
int fallocate64(int fd, int mode, off64_t offset, off64_t length) { return fallocate(fd, mode, offset, length); }
int posix_fallocate(int fd, off_t offset, off_t length) { return fallocate(fd, 0, offset, length) ? errno : 0; }
int posix_fallocate64(int fd, off64_t offset, off64_t length) { return posix_fallocate(fd, offset, length); }

static int do_sync(int fd, long call, int is_skipped) {
  uint32_t file = file_of(fd);
  if (!file) return (int)syscall(call, fd);
  if (is_skipped) return 0;
  lock();
  uint64_t which = ++syncs;
  int is_failing = fails && files[file].is_wal && ++wal_syncs % FAILING == 0;
  note(SYNC_BEGIN, file, which, NULL, 0);
  unlock();
  int result = (int)syscall(call, fd);
  if (result == 0 && sync_us) usleep(sync_us);
  lock();
  if (is_failing) files[file].errors++;
  note(result == 0 && !is_failing ? SYNC_END : SYNC_FAILED, file, which, NULL, 0);
  if (errors_seen[fd] != files[file].errors) {
    errors_seen[fd] = files[file].errors;
    result = -1;
    errno = EIO;
  }
  unlock();
  return result;
}
int fsync(int fd) { return do_sync(fd, SYS_fsync, skips_fsync); }
int fdatasync(int fd) { return do_sync(fd, SYS_fdatasync, skips_fdatasync); }

int unlinkat(int at, const char *path, int flags) {
  char full[PATH_MAX];
  const char *name = traced_name(at, path, full);
  if (!name) return (int)syscall(SYS_unlinkat, at, path, flags);
  lock();
  int result = (int)syscall(SYS_unlinkat, at, path, flags);
  if (result == 0) note(UNLINK, 0, 0, name, strlen(name));
  unlock();
  return result;
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }

int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
  char from_full[PATH_MAX], to_full[PATH_MAX], both[2 * PATH_MAX];
  const char *old = traced_name(from_at, from, from_full), *new = traced_name(to_at, to, to_full);
  if (!old && !new) return (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
  lock();
  int result = (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
  if (result == 0 && old && new && !flags)
    note(RENAME, 0, 0, both, (size_t)snprintf(both, sizeof both, "%s/%s", old, new));
  else if (result == 0) unsupported("a rename into or out of the folder");
  unlock();
  return result;
}
int renameat(int from_at, const char *from, int to_at, const char *to) { return renameat2(from_at, from, to_at, to, 0); }
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

void *mmap(void *at, size_t length, int access, int flags, int fd, off_t offset) {
  if (file_of(fd) && (access & PROT_WRITE) && (flags & MAP_SHARED)) {
    lock();
    unsupported("a shared writable mapping");
    unlock();
  }
  return (void *)syscall(SYS_mmap, at, length, access, flags, fd, offset);
}
void *mmap64(void *at, size_t length, int access, int flags, int fd, off64_t offset) {
  return mmap(at, length, access, flags, fd, offset);
}
