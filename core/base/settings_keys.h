/* The table of settings and the checks of their forms; private to settings*.c. */
#ifndef PH_BASE_SETTINGS_KEYS_H
#define PH_BASE_SETTINGS_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

struct ph_setting_key {
    const char *name;
    size_t offset; /* in struct ph_settings: char *, or uint32_t when is_number */
    bool is_number;
    bool is_secret; /* its value is never repeated in an error */
    uint32_t lowest, highest;
    const char *fallback; /* NULL: <scheme><data_dir>/<name> */
    const char *scheme, *name_in_data_dir;
    bool (*has_form)(const char *text); /* never asked about empty text, which means "not given" */
    const char *form;                   /* ends the sentence "<key> must be …" */
};

enum { PH_SETTING_COUNT = 49 };
extern const struct ph_setting_key ph_setting_keys[PH_SETTING_COUNT];

/* Reads the file's values as text, by the table's order; NULL where the file does not give the key. The
 * caller frees each, also after a failure. -ENOENT, -EINVAL, -ENOMEM, -EIO with a sentence. */
int ph_settings_file_read(
    const char *path, char *values[PH_SETTING_COUNT], struct ph_error *error) PH_NODISCARD;
/* The line of a key in the file, 0 when it cannot be told. */
unsigned ph_settings_file_line(const char *path, const char *key);

bool ph_form_is_path(const char *text);
bool ph_form_is_listen(const char *text);
bool ph_form_is_addresses(const char *text);
bool ph_form_is_networks(const char *text);
bool ph_form_is_public_url(const char *text);
bool ph_form_is_node_name(const char *text);
bool ph_form_is_rate_limits(const char *text);
bool ph_form_is_web_origins(const char *text);
bool ph_form_is_ice_servers(const char *text);
bool ph_form_is_database(const char *text);
bool ph_form_is_archive(const char *text);
bool ph_form_is_storage_class(const char *text);
bool ph_form_is_encryption(const char *text);
bool ph_form_is_smtp(const char *text);
bool ph_form_is_smtp_tls(const char *text);
bool ph_form_is_mail_from(const char *text);
bool ph_form_is_yes_or_no(const char *text);
bool ph_form_is_dsn(const char *text);
bool ph_form_is_secret(const char *text);
bool ph_form_is_ladder(const char *text);
bool ph_form_is_preset(const char *text);
bool ph_form_is_encoder(const char *text);
bool ph_form_is_worker_listen(const char *text);
bool ph_form_is_workers(const char *text);
bool ph_form_is_origins(const char *text);
bool ph_form_is_log_level(const char *text);
bool ph_form_is_header(const char *text);
bool ph_form_is_any(const char *text);

#endif
