/* The janitor of a folder: what a bucket's lifecycle rules do. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/store/store_file.h"

enum { most_looked_at = 10000 };

#define DAY_MS INT64_C(86400000)

/* Nobody writes one file for longer. */
static const int64_t new_file_ms = DAY_MS;

int ph_store_file_apply_rules(
    struct ph_store *base, const struct ph_store_rules *rules, struct ph_error *error) {
    (void)error;
    struct ph_store_file *store = ph_store_file_of(base);
    pthread_mutex_lock(&store->sweeping);
    store->rules = *rules;
    pthread_mutex_unlock(&store->sweeping);
    return 0;
}

struct sweep {
    struct ph_store_file *store;
    int64_t date_ms;   /* the janitor's */
    int64_t before_ms; /* what was written earlier goes */
    unsigned looked_at;
    int removed;
};

static int64_t in_ms(const struct timespec *time) {
    return (int64_t)time->tv_sec * 1000 + time->tv_nsec / 1000000;
}

/* A copy is another name of the same file, and no older than that: ctime tells when it was given. */
static int64_t written_ms(const struct stat *status) {
    int64_t written = in_ms(&status->st_mtim), named = in_ms(&status->st_ctim);
    return status->st_nlink > 1 && named > written ? named : written;
}

/* Ends the walk with 1 when enough was looked at. */
static int sweep_object(
    void *opaque, int dir_fd, const char *name, const char *key, const struct stat *status) {
    struct sweep *sweep = opaque;
    if (ph_store_is_cancelled(&sweep->store->base))
        return -ECANCELED;
    if (written_ms(status) < sweep->before_ms) {
        if (unlinkat(dir_fd, name, 0) == 0)
            sweep->removed++;
        else if (errno != ENOENT)
            return -errno;
    }
    snprintf(sweep->store->swept_after, PH_STORE_KEY_BYTES, "%s", key);
    return ++sweep->looked_at == most_looked_at ? 1 : 0;
}

static void sweep_left(void *opaque, int dir_fd, const char *name) {
    (void)opaque;
    /* Fails for one that holds something; what is put there meanwhile makes it again. */
    unlinkat(dir_fd, name, AT_REMOVEDIR);
}

/* The folder's own files of one kind. */
static int sweep_own(struct sweep *sweep, int dir_fd, int64_t before_ms) {
    DIR *dir = ph_file_open_folder(dir_fd, ".");
    if (!dir)
        return -errno;
    int fd = dirfd(dir);
    const struct dirent *entry = readdir(dir);
    for (unsigned i = 0; entry && i < most_looked_at; entry = readdir(dir), i++) {
        struct stat status;
        if (*entry->d_name == '.' || fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if (S_ISREG(status.st_mode) && written_ms(&status) < before_ms && unlinkat(fd, entry->d_name, 0) == 0)
            sweep->removed++;
    }
    closedir(dir);
    return 0;
}

/* Goes on where the last sweep ended, through both places. */
static int sweep_objects(struct sweep *sweep) {
    struct ph_store_file *store = sweep->store;
    const struct place {
        const char *prefix;
        uint32_t days;
    } places[] = {{"live", store->rules.live_expire_days}, {"uploads", store->rules.uploads_expire_days}};
    const struct ph_folder_visitor visitor = {sweep_object, sweep_left, sweep};
    int code = 0;
    for (; store->swept_place < sizeof(places) / sizeof(places[0]) && code == 0; store->swept_place++) {
        const struct place *place = &places[store->swept_place];
        sweep->before_ms = sweep->date_ms - place->days * DAY_MS;
        if (place->days)
            code = ph_folder_walk(&store->folder, place->prefix, store->swept_after, &visitor);
        if (code != 0)
            return code < 0 ? code : 0;
        *store->swept_after = '\0';
    }
    store->swept_place = 0;
    return code;
}

int ph_store_file_sweep(struct ph_store *base) {
    struct ph_store_file *store = ph_store_file_of(base);
    struct sweep sweep = {.store = store};
    pthread_mutex_lock(&store->sweeping);
    sweep.date_ms = ph_store_file_date_ms(store);
    int64_t abort_ms = store->rules.abort_multipart_days * DAY_MS;
    int code = sweep_own(&sweep, store->folder.new_fd, sweep.date_ms - new_file_ms);
    if (code == 0 && abort_ms)
        code = sweep_own(&sweep, store->folder.compositions_fd, sweep.date_ms - abort_ms);
    if (code == 0)
        code = sweep_objects(&sweep);
    pthread_mutex_unlock(&store->sweeping);
    code = ph_store_file_told(store, code);
    return code < 0 ? code : sweep.removed;
}
