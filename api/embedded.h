/* Files of this folder that the build puts into the program. */
#ifndef PH_API_EMBEDDED_H
#define PH_API_EMBEDDED_H

#include "core/db/db.h"

extern const struct ph_db_migration ph_api_migrations[];
extern const size_t ph_api_migration_count;
extern const char ph_api_description[]; /* openapi.yaml */
extern const char ph_mail_text_template[], ph_mail_html_template[],
    ph_mail_page_template[]; /* mail/templates */

#endif
