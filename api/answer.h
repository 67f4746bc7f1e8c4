/* Answers as JSON. */
#ifndef PH_API_ANSWER_H
#define PH_API_ANSWER_H

#include <jansson.h>

#include "core/http/response.h"

/* Takes over the reference (NULL: out of memory). NULL when out of memory, which ph_http_respond() answers.
 */
struct ph_http_response *ph_answer_json(unsigned status, json_t *body);

#endif
