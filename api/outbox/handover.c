#include "api/outbox/handover.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MOST_FILES = 16, MAGIC = 0x70683031 };

enum { FREE, TAKEN, GIVEN };

struct slot {
    _Atomic uint32_t phase;
    char id[PH_SESSION_ID_BYTES];
};

struct page {
    uint32_t magic;
    char owner[PH_SESSION_ID_BYTES];
    struct slot slots[PH_HANDOVER_SLOTS];
};

struct ph_handover {
    int fd;
    struct page *page;
};

static void unmap(int fd, struct page *page) {
    munmap(page, sizeof(*page));
    close(fd);
}

/* The file of this number, locked and mapped. -EAGAIN when another process has it. */
static int map(const char *folder, int number, int *fd, struct page **page) {
    char path[768];
    if (snprintf(path, sizeof(path), "%s/outbox.%d", folder, number) >= (int)sizeof(path))
        return -ENAMETOOLONG;
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0)
        return errno == ENOSPC ? -ENOSPC : errno == EACCES ? -EACCES : -EIO;
    int code = flock(file, LOCK_EX | LOCK_NB) < 0 ? -EAGAIN : 0;
    /* The blocks must be there: a store into the map cannot say that the disk is full. */
    if (code == 0)
        code = -posix_fallocate(file, 0, sizeof(**page));
    void *mapped =
        code == 0 ? mmap(NULL, sizeof(**page), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) : MAP_FAILED;
    if (code == 0 && mapped == MAP_FAILED)
        code = -EIO;
    if (code < 0) {
        close(file);
        return code;
    }
    *fd = file;
    *page = mapped;
    return 0;
}

static int settle_page(struct page *page, ph_handover_settle *settle, void *opaque) {
    char given[PH_HANDOVER_SLOTS][PH_SESSION_ID_BYTES];
    size_t count = 0;
    page->owner[PH_SESSION_ID_CHARACTERS] = '\0';
    for (int i = 0; i < PH_HANDOVER_SLOTS; i++) {
        struct slot *slot = &page->slots[i];
        if (atomic_load(&slot->phase) != GIVEN)
            continue;
        memcpy(given[count], slot->id, PH_SESSION_ID_BYTES);
        given[count++][PH_SESSION_ID_CHARACTERS] = '\0';
    }
    return settle(opaque, page->owner, (const char(*)[PH_SESSION_ID_BYTES])given, count);
}

/* Settles what its last owner left, and makes the page new for another. */
static int renew(struct page *page, ph_handover_settle *settle, void *opaque) {
    int code = page->magic == MAGIC ? settle_page(page, settle, opaque) : 0;
    if (code < 0)
        return code;
    memset(page, 0, sizeof(*page));
    ph_random_id(page->owner, PH_SESSION_ID_CHARACTERS);
    page->magic = MAGIC;
    return 0;
}

/* Settles the file of this number, unless its process lives, and keeps it when there is none yet. */
static int visit(
    struct ph_handover *handover, const char *folder, int number, ph_handover_settle *settle, void *opaque) {
    int fd = -1;
    struct page *page = NULL;
    int code = map(folder, number, &fd, &page);
    if (code < 0)
        return code == -EAGAIN ? 0 : code;
    code = renew(page, settle, opaque);
    if (code < 0 || handover->page) {
        unmap(fd, page);
        return code;
    }
    handover->fd = fd;
    handover->page = page;
    return 0;
}

static bool exists(const char *folder, int number) {
    char path[768];
    snprintf(path, sizeof(path), "%s/outbox.%d", folder, number);
    return access(path, F_OK) == 0;
}

int ph_handover_open(
    struct ph_handover **result, const char *folder, ph_handover_settle *settle, void *opaque) {
    struct ph_handover *handover = calloc(1, sizeof(*handover));
    if (!handover)
        return -ENOMEM;
    int code = 0;
    for (int number = 0; code == 0 && number < MOST_FILES; number++) {
        if (handover->page && !exists(folder, number))
            break;
        code = visit(handover, folder, number, settle, opaque);
    }
    if (code == 0 && !handover->page)
        code = -EAGAIN;
    if (code < 0) {
        ph_handover_close(handover);
        return code;
    }
    *result = handover;
    return 0;
}

void ph_handover_close(struct ph_handover *handover) {
    if (!handover)
        return;
    if (handover->page)
        unmap(handover->fd, handover->page);
    free(handover);
}

const char *ph_handover_owner(const struct ph_handover *handover) {
    return handover->page->owner;
}

int ph_handover_take(struct ph_handover *handover, const char *id) {
    for (int i = 0; i < PH_HANDOVER_SLOTS; i++) {
        uint32_t expected = FREE;
        if (!atomic_compare_exchange_strong(&handover->page->slots[i].phase, &expected, TAKEN))
            continue;
        snprintf(handover->page->slots[i].id, PH_SESSION_ID_BYTES, "%s", id);
        return i;
    }
    return -EAGAIN;
}

void ph_handover_give(struct ph_handover *handover, int slot) {
    atomic_store(&handover->page->slots[slot].phase, GIVEN);
}

void ph_handover_clear(struct ph_handover *handover, int slot) {
    atomic_store(&handover->page->slots[slot].phase, FREE);
}
