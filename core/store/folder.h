/* Files below a folder, as a store in a folder needs them. Codes are -errno.
 *
 * Names that begin with "." are the folder's own: ".new" holds what is being written, ".compositions" what
 * grows. No key is such a name. */
#ifndef PH_STORE_FOLDER_H
#define PH_STORE_FOLDER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "core/store/store.h"

enum { PH_FOLDER_NAME_BYTES = 64 };

/* Embedded. Used from any thread. */
struct ph_folder {
    int fd;
    int new_fd;
    int compositions_fd;
    const atomic_bool *cancelled; /* borrowed: long work ends with -ECANCELED */
    pthread_mutex_t making;       /* held while folders are made: then one that is there has been synced */
};

/* Makes the folder (0700) and its own ones. */
int ph_folder_init(struct ph_folder *folder, const char *path, const atomic_bool *cancelled) PH_NODISCARD;
void ph_folder_finish(struct ph_folder *folder);

/* The object's file, for reading. -ENOENT also for what is no regular file. */
int ph_folder_open(
    const struct ph_folder *folder, const char *key, int *fd, struct stat *status) PH_NODISCARD;
/* An empty file in ".new". */
int ph_folder_create(const struct ph_folder *folder, char name[PH_FOLDER_NAME_BYTES], int *fd) PH_NODISCARD;
/* `fd`'s own file under one more name in ".new", without a copy. -EXDEV, -EPERM, -EMLINK and the like where
 * that is not to be had. */
int ph_folder_link(const struct ph_folder *folder, char name[PH_FOLDER_NAME_BYTES], int fd) PH_NODISCARD;
void ph_folder_discard(const struct ph_folder *folder, const char *name);
/* Gives what lies under `name` in `from_fd`, synced already, its place; durable when it returns 0. The name
 * is gone then. With `if_absent` what is there stays: -EEXIST, and the name too. */
int ph_folder_place(
    struct ph_folder *folder, int from_fd, const char *name, const char *key, bool if_absent) PH_NODISCARD;
/* -ENOENT when nothing is there. Folders that are empty then go too. */
int ph_folder_remove(const struct ph_folder *folder, const char *key) PH_NODISCARD;
/* Syncs the folder that the object lies in. */
int ph_folder_sync(const struct ph_folder *folder, const char *key) PH_NODISCARD;

/* `size` bytes of one file to a place in another; clones them where the file system can. */
int ph_folder_copy(const struct ph_folder *folder, int from_fd, uint64_t from, int to_fd, uint64_t to,
    uint64_t size) PH_NODISCARD;
int ph_folder_hash(const struct ph_folder *folder, int fd, uint8_t hash[PH_STORE_HASH_BYTES]) PH_NODISCARD;
/* 1 when both have the same bytes, 0 when not. */
int ph_folder_compare(const struct ph_folder *folder, int one_fd, int other_fd) PH_NODISCARD;

/* Visits the objects below "<prefix>/" ("": all) whose keys are greater than `after`, in the bytewise order
 * of their keys. Never follows a symbolic link; holds a bounded number of names, however many a folder has.
 */
struct ph_folder_visitor {
    /* 0 to go on; anything else ends the walk, which returns it. */
    int (*object)(void *opaque, int dir_fd, const char *name, const char *key, const struct stat *status);
    /* All below this folder was visited; NULL: nobody asks. */
    void (*leave)(void *opaque, int dir_fd, const char *name);
    void *opaque;
};
int ph_folder_walk(const struct ph_folder *folder, const char *prefix, const char *after,
    const struct ph_folder_visitor *visitor) PH_NODISCARD;

#endif
