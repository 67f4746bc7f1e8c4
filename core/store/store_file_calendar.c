/* The janitor's date. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/store/store_file.h"

/* Each hour that the process runs is a day at most: enough for who runs it an hour a day. */
enum { most_pace = 24 };

static const char file_name[] = ".janitor";
static const int64_t saved_every_ms = 3600 * 1000;

/* 0 when there is none. */
static int64_t load(const struct ph_store_file *store) {
    char text[32];
    int fd = openat(store->folder.fd, file_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        close(fd);
    if (size <= 0)
        return 0;
    text[size] = '\0';
    long long date_ms = strtoll(text, NULL, 10);
    return date_ms > 0 ? date_ms : 0;
}

/* One that cannot be kept begins anew with an earlier one, which ends less. */
static void save(struct ph_store_file *store) {
    char text[32], name[PH_FOLDER_NAME_BYTES];
    int fd, size = snprintf(text, sizeof(text), "%" PRId64 "\n", store->date_ms);
    if (ph_folder_create(&store->folder, name, &fd) < 0)
        return;
    int code = ph_file_write(fd, (struct ph_slice){(const uint8_t *)text, (size_t)size});
    if (code == 0 && fsync(fd) < 0)
        code = -errno;
    close(fd);
    if (code < 0 || renameat(store->folder.new_fd, name, store->folder.fd, file_name) < 0)
        ph_folder_discard(&store->folder, name);
    else
        store->saved_date_ms = store->date_ms;
}

int64_t ph_store_file_date_ms(struct ph_store_file *store) {
    int64_t now_ms = ph_clock_utc_us(store->base.clock) / PH_MILLISECOND_US;
    int64_t run_us = ph_clock_monotonic_us(store->base.clock);
    if (!store->date_ms) {
        store->saved_date_ms = store->date_ms = load(store);
        store->dated_us = run_us;
    }
    int64_t most_ms = store->date_ms + most_pace * (run_us - store->dated_us) / PH_MILLISECOND_US;
    if (!store->date_ms)
        store->date_ms = now_ms;
    else if (store->date_ms < now_ms)
        store->date_ms = most_ms < now_ms ? most_ms : now_ms;
    store->dated_us = run_us;
    if (store->date_ms - store->saved_date_ms >= saved_every_ms)
        save(store);
    return store->date_ms < now_ms ? store->date_ms : now_ms;
}
