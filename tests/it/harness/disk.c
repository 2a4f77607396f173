// Loaded under a service with LD_PRELOAD: makes calls that write a database's files fail, for as long as a control file exists.
// The control file has one letter for the calls that fail (`w` for writes, `s` for syncs), then `1` if only one call is to fail,
// and after a space the number of the error (errno).
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fails(int fd, char call) {
    const char *told = getenv("SAMSYN_TEST_DISK");
    char what[16] = {0}, link[64], path[1024] = {0};
    if (!told) return 0;
    int file = (int)syscall(SYS_openat, AT_FDCWD, told, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    long read = syscall(SYS_read, file, what, sizeof what - 1);
    syscall(SYS_close, file);
    if (read < 3 || what[0] != call) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (readlink(link, path, sizeof path - 1) < 0 || !strstr(path, ".db")) return 0;
    if (what[1] == '1') unlink(told);
    errno = atoi(strchr(what, ' '));
    return 1;
}

ssize_t write(int fd, const void *bytes, size_t count) {
    return fails(fd, 'w') ? -1 : syscall(SYS_write, fd, bytes, count);
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
    return fails(fd, 'w') ? -1 : syscall(SYS_pwrite64, fd, bytes, count, at);
}
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    return fails(fd, 'w') ? -1 : syscall(SYS_pwrite64, fd, bytes, count, at);
}
int fsync(int fd) {
    return fails(fd, 's') ? -1 : (int)syscall(SYS_fsync, fd);
}
int fdatasync(int fd) {
    return fails(fd, 's') ? -1 : (int)syscall(SYS_fdatasync, fd);
}
