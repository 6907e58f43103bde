/* LD_PRELOAD shim that makes syncs of -wal files fail. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int ends_with(const char *text, const char *ending) {
  size_t length = strlen(text), wanted = strlen(ending);
  return length >= wanted && strcmp(text + length - wanted, ending) == 0;
}

/*
 * Syncs fail while the file FAULT_SWITCH exists. If it contains "once", the first failure removes
 * it and takes 300 ms, like a slow disk.
 */
static int should_fail(const char *path) {
  if (!ends_with(path, "-wal")) return 0;
  const char *name = getenv("FAULT_SWITCH");
  int file = name == NULL ? -1 : open(name, O_RDONLY);
  if (file < 0) return 0;
  char word[8] = {0};
  int is_once = read(file, word, 4) == 4 && strcmp(word, "once") == 0;
  close(file);
  if (is_once) {
    unlink(name);
    usleep(300000);
  }
  return 1;
}

static int sync_as(const char *call, int descriptor) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, call);
  char link[64], path[4096] = {0};
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  if (readlink(link, path, sizeof path - 1) < 0 || !should_fail(path)) return real(descriptor);
  errno = EIO;
  return -1;
}

int fsync(int descriptor) { return sync_as("fsync", descriptor); }
int fdatasync(int descriptor) { return sync_as("fdatasync", descriptor); }
