/* Preloaded into a node: a disk that stands still now and then, as a cloud's volume does. What makes
 * something durable or changes a folder below STALL_FOLDER waits for as many milliseconds as the file
 * STALL_CONTROL says when it begins, or until that file says less than it has waited. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static long wanted_ms(void) {
    const char *control = getenv("STALL_CONTROL");
    char text[32] = "";
    int fd = control ? open(control, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return 0;
    if (read(fd, text, sizeof(text) - 1) < 0)
        text[0] = '\0';
    close(fd);
    return strtol(text, NULL, 10);
}

static void stand_still(const char *path) {
    const char *folder = getenv("STALL_FOLDER");
    const struct timespec step = {0, 5000000};
    if (!folder || strncmp(path, folder, strlen(folder)) != 0)
        return;
    for (long waited_ms = 0; waited_ms < wanted_ms(); waited_ms += 5)
        nanosleep(&step, NULL);
}

static void stand_still_for(int fd) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof(path) - 1);
    if (size < 0)
        return;
    path[size] = '\0';
    stand_still(path);
}

#define NEXT(type, name) ((type)dlsym(RTLD_NEXT, name))

int fsync(int fd) {
    stand_still_for(fd);
    return NEXT(int (*)(int), "fsync")(fd);
}

int fdatasync(int fd) {
    stand_still_for(fd);
    return NEXT(int (*)(int), "fdatasync")(fd);
}

int rename(const char *from, const char *to) {
    stand_still(to);
    return NEXT(int (*)(const char *, const char *), "rename")(from, to);
}

int mkdir(const char *path, mode_t mode) {
    stand_still(path);
    return NEXT(int (*)(const char *, mode_t), "mkdir")(path, mode);
}

int unlink(const char *path) {
    stand_still(path);
    return NEXT(int (*)(const char *), "unlink")(path);
}

int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    if (flags & O_CREAT)
        stand_still(path);
    return NEXT(int (*)(const char *, int, mode_t), "open")(path, flags, mode);
}
