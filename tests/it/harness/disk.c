// Laid under a service by LD_PRELOAD: calls that put a database's files on the disk fail while a file says so. What the file
// says is one letter for which calls, `w` for writing and `s` for making it lasting, `1` after it when only one is to fail,
// and the number of the error after a space.
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
