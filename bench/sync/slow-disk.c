// Simulates a slow disk. Loaded with LD_PRELOAD. Every fsync and fdatasync sleeps first, unless the
// file has not changed since its last sync: on a slow disk such a sync is fast too.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// Number of writes by inode, now and at the last sync. Files that share a slot can only cause
// additional delays.
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

// The function with which SQLite writes, under both of its names.
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
