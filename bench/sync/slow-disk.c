// A disk that takes longer to sync: every fsync and fdatasync sleeps first, but for those that find
// nothing to write, which are quick on a slow disk as well. Loaded with LD_PRELOAD.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// By inode, how often a file was written to, and how often it had been when it was last synced.
// Files that share a slot make each other slower at worst.
#define SLOTS 4096
static atomic_long written[SLOTS];
static atomic_long synced[SLOTS];

static int slot_of(int file) {
  struct stat status;
  return fstat(file, &status) == 0 ? (int)(status.st_ino % SLOTS) : 0;
}

static void delay(void) {
  const char *text = getenv("BENCH_SYNC_MS");
  long ms = text ? atol(text) : 0;
  struct timespec time = {ms / 1000, (ms % 1000) * 1000000};
  nanosleep(&time, NULL);
}

static int sync_with(const char *name, int file) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  int slot = slot_of(file);
  long now = atomic_load(&written[slot]);
  if (now != atomic_load(&synced[slot])) delay();
  int result = real(file);
  if (result == 0) atomic_store(&synced[slot], now);
  return result;
}

int fsync(int file) { return sync_with("fsync", file); }
int fdatasync(int file) { return sync_with("fdatasync", file); }

// What SQLite writes with, under either of its names.
typedef ssize_t (*write_call)(int, const void *, size_t, off_t);

ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) {
  static write_call real;
  if (!real) real = (write_call)dlsym(RTLD_NEXT, "pwrite");
  ssize_t result = real(file, bytes, count, at);
  atomic_fetch_add(&written[slot_of(file)], 1);
  return result;
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off_t at) {
  static write_call real;
  if (!real) real = (write_call)dlsym(RTLD_NEXT, "pwrite64");
  ssize_t result = real(file, bytes, count, at);
  atomic_fetch_add(&written[slot_of(file)], 1);
  return result;
}
