/* Puts every file of a folder under the archive at PORTHOLE_ARCHIVE_URL, from so many threads, and prints one
 * line of JSON: store_put <folder> <prefix> <threads> [composition] With "composition" each file is appended
 * in parts, as a recording is, instead of put at once. */
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "core/base/clock.h"
#include "core/store/store.h"

enum { most_files = 100000, most_threads = 64 };

static struct {
    struct ph_store *store;
    const char *folder, *prefix;
    bool composes;
    char *names[most_files];
    unsigned count;
    atomic_uint next;
    atomic_ullong bytes;
    atomic_int code;
} work;

static int compose(const char *key, const char *path) {
    struct ph_composition *composition;
    struct ph_receipt *receipts = calloc(10000, sizeof(*receipts));
    char token[PH_COMPOSITION_TOKEN_BYTES];
    uint64_t part_bytes, front_bytes, offset = 0;
    FILE *file = fopen(path, "re");
    int code = ph_composition_begin(work.store, key, "video/mp4", &composition, token);
    if (!file || code)
        return code ? code : -ENOENT;
    ph_composition_bounds(composition, &part_bytes, &front_bytes);
    uint8_t *front = malloc(front_bytes), *part = malloc(part_bytes);
    size_t front_size = fread(front, 1, front_bytes, file), count = 0, size;
    while (!code && (size = fread(part, 1, part_bytes, file)) > 0) {
        code = ph_composition_append(
            composition, (uint32_t)count + 2, offset, (struct ph_slice){part, size}, &receipts[count]);
        offset += size;
        count++;
    }
    if (!code)
        code = ph_composition_finish(composition, (struct ph_slice){front, front_size}, receipts, count);
    atomic_fetch_add(&work.bytes, offset + front_size);
    ph_composition_free(composition);
    fclose(file);
    free(front);
    free(part);
    free(receipts);
    return code;
}

static int put(const char *key, const char *path) {
    const struct ph_store_put put = {
        .key = key, .path = path, .content_type = "video/iso.segment", .if_absent = true};
    struct ph_store_object written;
    int code = ph_store_put(work.store, &put, &written);
    atomic_fetch_add(&work.bytes, written.bytes);
    return code;
}

static void *run(void *opaque) {
    unsigned index;
    while ((index = atomic_fetch_add(&work.next, 1)) < work.count) {
        char key[PH_STORE_KEY_BYTES], path[4096];
        snprintf(key, sizeof(key), "%s/%s", work.prefix, work.names[index]);
        snprintf(path, sizeof(path), "%s/%s", work.folder, work.names[index]);
        int code = work.composes ? compose(key, path) : put(key, path);
        if (code < 0)
            atomic_store(&work.code, code);
    }
    return opaque;
}

static int read_folder(void) {
    DIR *folder = opendir(work.folder);
    const struct dirent *entry;
    if (!folder)
        return -ENOENT;
    while ((entry = readdir(folder)) && work.count < most_files) {
        if (entry->d_name[0] != '.')
            work.names[work.count++] = strdup(entry->d_name);
    }
    closedir(folder);
    return 0;
}

int main(int argument_count, char **arguments) {
    struct ph_store_options options = {.url = getenv("PORTHOLE_ARCHIVE_URL"),
        .storage_class = "",
        .encryption = "",
        .ca_file = "",
        .public_url = "",
        .data_dir = "."};
    struct ph_error error = {"usage: store_put <folder> <prefix> <threads> [composition]"};
    pthread_t threads[most_threads];
    unsigned thread_count = argument_count > 3 ? (unsigned)strtoul(arguments[3], NULL, 10) : 0;
    if (!options.url || !thread_count || thread_count > most_threads ||
        ph_store_create(&work.store, &options, &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
        return 2;
    }
    work.folder = arguments[1];
    work.prefix = arguments[2];
    work.composes = argument_count > 4;
    atomic_store(&work.code, read_folder());
    int64_t began_us = ph_now_us();
    for (unsigned i = 0; i < thread_count; i++) {
        if (pthread_create(&threads[i], NULL, run, NULL))
            return 1;
    }
    for (unsigned i = 0; i < thread_count; i++)
        pthread_join(threads[i], NULL);
    double seconds = (double)(ph_now_us() - began_us) / PH_SECOND_US;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"seconds\":%.3f,\"bytes\":%llu,\"cpu\":%.3f,\"code\":%d}\n", seconds, atomic_load(&work.bytes),
        (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
            (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / PH_SECOND_US,
        atomic_load(&work.code));
    if (atomic_load(&work.code) < 0)
        fprintf(stderr, "%s\n", ph_store_is_well(work.store, &error) ? "a call failed" : error.text);
    ph_store_destroy(work.store);
    for (unsigned i = 0; i < work.count; i++)
        free(work.names[i]);
    return atomic_load(&work.code) < 0;
}
