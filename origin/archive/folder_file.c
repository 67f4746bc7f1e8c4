#include "origin/archive/folder_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"

enum { most_publication_bytes = 64 << 10 };

int ph_archive_path(char path[PH_ARCHIVE_PATH_BYTES], const char *dir, const char *name) {
    int size = snprintf(path, PH_ARCHIVE_PATH_BYTES, "%s/%s", dir, name);
    return size > 0 && size < PH_ARCHIVE_PATH_BYTES ? 0 : -ENAMETOOLONG;
}

bool ph_archive_has_file(const char *dir, const char *name) {
    char path[PH_ARCHIVE_PATH_BYTES];
    return ph_archive_path(path, dir, name) == 0 && access(path, F_OK) == 0;
}

int ph_archive_read_publication(const char *dir, struct ph_publication *publication) {
    char path[PH_ARCHIVE_PATH_BYTES];
    struct ph_bytes *json = NULL;
    int code = ph_archive_path(path, dir, "publication.json");
    if (!code)
        code = ph_file_load(path, most_publication_bytes, &json);
    if (!code)
        code = ph_publication_from_json(
            (const char *)ph_bytes_data(json), ph_bytes_size(json), publication, NULL);
    ph_bytes_unref(&json);
    return code;
}

static bool is_counted(const char *name) {
    size_t size = strlen(name);
    return strcmp(name, "index") == 0 || (size > 4 && strcmp(name + size - 4, ".m4s") == 0);
}

/* The files of an open folder; what cannot be removed is a folder, or stays. */
static uint64_t remove_files(DIR *folder, const char *keep) {
    struct dirent *entry;
    struct stat status;
    uint64_t freed = 0;
    while ((entry = readdir(folder))) {
        bool is_kept = keep && strcmp(entry->d_name, keep) == 0;
        if (is_kept || fstatat(dirfd(folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) ||
            S_ISDIR(status.st_mode) || unlinkat(dirfd(folder), entry->d_name, 0))
            continue;
        freed += is_counted(entry->d_name) ? (uint64_t)status.st_size : 0;
    }
    return freed;
}

uint64_t ph_archive_remove_folder(const char *dir, const char *keep) {
    char path[PH_ARCHIVE_PATH_BYTES];
    DIR *folder = opendir(dir);
    struct dirent *entry;
    uint64_t freed = 0;
    while (folder && (entry = readdir(folder))) {
        if (*entry->d_name == '.' || ph_archive_path(path, dir, entry->d_name))
            continue;
        DIR *inner = opendir(path);
        if (!inner)
            continue;
        freed += remove_files(inner, NULL);
        closedir(inner);
        rmdir(path);
    }
    if (folder) {
        rewinddir(folder);
        freed += remove_files(folder, keep);
        closedir(folder);
    }
    rmdir(dir);
    return freed;
}
