/* What the first start makes: the data folder and the secrets in it. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/random.h"
#include "core/base/settings.h"
#include "core/base/settings_keys.h"

enum { SECRET_CHARACTERS = 52, MOST_SECRET_BYTES = 512, PATH_BYTES = 768 };

static int prepare_folder(const char *path, struct ph_error *error) {
    char reason[64];
    struct stat status;
    if (mkdir(path, 0700) < 0 && errno != EEXIST) {
        int code = -errno;
        return ph_error_set(error, code,
            "data folder %.200s cannot be made: %s: set PORTHOLE_DATA_DIR to a folder this user may write to",
            path, ph_error_name(code, reason, sizeof(reason)));
    }
    if (stat(path, &status) < 0 || !S_ISDIR(status.st_mode))
        return ph_error_set(error, -ENOTDIR,
            "data folder %.200s is not a folder: set PORTHOLE_DATA_DIR to a folder this user may write to",
            path);
    if (access(path, R_OK | W_OK | X_OK) < 0)
        return ph_error_set(error, -EACCES,
            "data folder %.200s cannot be written to: set PORTHOLE_DATA_DIR to a folder this user may write "
            "to",
            path);
    return 0;
}

/* Reads a secret's file without its line end. -ENOENT when there is none. */
static int read_secret(const char *path, char text[MOST_SECRET_BYTES + 2], struct ph_error *error) {
    char reason[64];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return -ENOENT;
    if (fd < 0) {
        int code = -errno;
        return ph_error_set(
            error, code, "%s: cannot be read: %s", path, ph_error_name(code, reason, sizeof(reason)));
    }
    struct stat status;
    ssize_t size = -1;
    bool is_private = false;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
        is_private = (status.st_mode & (S_IRWXO | S_IWGRP)) == 0;
        size = read(fd, text, MOST_SECRET_BYTES + 1);
    }
    close(fd);
    if (size < 0)
        return ph_error_set(error, -EINVAL, "%s: is not a readable file", path);
    if (!is_private)
        return ph_error_set(error, -EPERM,
            "%s: other users may read or write it, so it is no secret: make a new one (remove the file) or "
            "chmod 600 it",
            path);
    text[size] = '\0';
    text[strcspn(text, "\r\n")] = '\0';
    if (!ph_form_is_secret(text))
        return ph_error_set(
            error, -EINVAL, "%s: must hold one line of %s", path, "32 to 512 characters without spaces");
    return 0;
}

static int write_secret(int fd, const char *text, size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t count = write(fd, text + done, size - done);
        if (count < 0 && errno != EINTR)
            return -errno;
        if (count > 0)
            done += (size_t)count;
    }
    return fsync(fd) < 0 ? -errno : 0;
}

/* Makes the file whole or not at all: written under another name, then linked. When another process was
 * first, its file stays. */
static int make_secret(const char *path) {
    char text[SECRET_CHARACTERS + 2], draft[PATH_BYTES], suffix[17];
    ph_random_id(text, SECRET_CHARACTERS);
    memcpy(text + SECRET_CHARACTERS, "\n", 2);
    ph_random_id(suffix, sizeof(suffix) - 1);
    if (snprintf(draft, sizeof(draft), "%s.%s", path, suffix) >= (int)sizeof(draft))
        return -ENAMETOOLONG;
    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    int code = write_secret(fd, text, SECRET_CHARACTERS + 1);
    close(fd);
    if (code == 0 && link(draft, path) < 0 && errno != EEXIST)
        code = -errno;
    unlink(draft);
    explicit_bzero(text, sizeof(text));
    return code;
}

static int prepare_secret(const char *folder, const char *name, char **secret, struct ph_error *error) {
    char path[PATH_BYTES], text[MOST_SECRET_BYTES + 2], reason[64];
    if (**secret)
        return 0;
    if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
        return ph_error_set(error, -ENAMETOOLONG, "data_dir: the path is too long");
    int code = read_secret(path, text, error);
    if (code == -ENOENT) {
        code = make_secret(path);
        if (code < 0)
            return ph_error_set(error, code, "%s: cannot be made: %s: check PORTHOLE_DATA_DIR", path,
                ph_error_name(code, reason, sizeof(reason)));
        code = read_secret(path, text, error);
    }
    if (code < 0)
        return code;
    char *copy = strdup(text);
    explicit_bzero(text, sizeof(text));
    if (!copy)
        return ph_error_set(error, -ENOMEM, "out of memory");
    free(*secret);
    *secret = copy;
    return 0;
}

int ph_settings_prepare(struct ph_settings *settings, struct ph_error *error) {
    int code = prepare_folder(settings->data_dir, error);
    if (code == 0)
        code = prepare_secret(settings->data_dir, "jwt_secret", &settings->jwt_secret, error);
    if (code == 0)
        code = prepare_secret(settings->data_dir, "cluster_secret", &settings->cluster_secret, error);
    return code;
}
