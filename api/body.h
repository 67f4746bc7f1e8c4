/* Reads the JSON object of a request's body: each field is taken by its name and rule, and what is left at
 * the end was not asked for. The first fault stays and every later call is a no-op, so a reader runs straight
 * down:
 *
 *     ph_body_open(&body, slice);
 *     ph_body_text(&body, "title", (struct ph_text_rule){.most = 120}, title, sizeof(title));
 *     if (ph_body_enter(&body, "metadata")) {
 *         ph_body_text(&body, "device", …);
 *         ph_body_leave(&body);
 *     }
 *     code = ph_body_close(&body, &fault);
 *
 * A field that is absent leaves its target as it was. */
#ifndef PH_API_BODY_H
#define PH_API_BODY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/error.h"

enum { PH_MOST_BODY_DEPTH = 8 };

/* What is wrong: the field as a JSON pointer (RFC 6901) "/guardians/0/mail", "" for the body itself; and a
 * sentence. */
struct ph_body_fault {
    char field[96];
    char text[192];
};

struct ph_text_rule {
    size_t least, most;                 /* characters */
    bool takes_lines;                   /* line feeds and tabs are no control characters here */
    bool (*has_form)(const char *text); /* NULL: any */
    const char *form;                   /* ends the sentence "must be …" */
};

struct ph_body_level {
    json_t *value;    /* an object, or an array with the index of its next entry; borrowed from the root */
    size_t path_size; /* of the pointer that leads here */
    size_t index;
};

struct ph_body {
    json_t *root;
    int code; /* 0, -EINVAL with the fault, -ENOMEM */
    struct ph_body_fault fault;
    char path[96];
    size_t depth; /* of `levels` in use */
    struct ph_body_level levels[PH_MOST_BODY_DEPTH];
};

/* An empty body is an empty object. Borrows the bytes for the call alone. */
void ph_body_open(struct ph_body *body, struct ph_slice bytes);
/* Refuses what was not taken, frees, and tells: 0; -EINVAL with the fault (if not NULL); -ENOMEM. */
int ph_body_close(struct ph_body *body, struct ph_body_fault *fault) PH_NODISCARD;

/* The field must be there. */
void ph_body_require(struct ph_body *body, const char *name);
void ph_body_text(
    struct ph_body *body, const char *name, struct ph_text_rule rule, char *target, size_t target_bytes);
void ph_body_bool(struct ph_body *body, const char *name, bool *target);
void ph_body_integer(struct ph_body *body, const char *name, int64_t least, int64_t most, int64_t *target);
/* One of `count` texts, as its index. */
void ph_body_choice(
    struct ph_body *body, const char *name, const char *const *choices, size_t count, int *target);
/* Refuses the body for a reason of the reader's own. */
void ph_body_refuse(struct ph_body *body, const char *name, const char *format, ...) PH_PRINTF(3, 4);

/* Into an object that is a field; false when it is absent or there is a fault. */
bool ph_body_enter(struct ph_body *body, const char *name);
/* Out of the object or array, of which nothing may be left. */
void ph_body_leave(struct ph_body *body);
/* Into an array of objects that is a field, `most` entries at most; false as above. */
bool ph_body_enter_list(struct ph_body *body, const char *name, size_t most);
/* Into the list's next object, to be left again; false after the last or on a fault. */
bool ph_body_next(struct ph_body *body);
/* The texts of an array, of which there may be `most`: calls `take` for each. */
void ph_body_texts(struct ph_body *body, const char *name, size_t most, struct ph_text_rule rule,
    void (*take)(void *opaque, const char *text), void *opaque);

#endif
