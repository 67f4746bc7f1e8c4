/* Defines the whole of transcode/source.h in place of the real source. */
#ifndef PH_TEST_SOURCE_DOUBLE_H
#define PH_TEST_SOURCE_DOUBLE_H

#include "transcode/source.h"

enum { SOURCE_DOUBLE_WIDTH = 640, SOURCE_DOUBLE_HEIGHT = 480 };

void source_double_paint(AVFrame *picture, int64_t number);

#endif
