/* The name under which a recording is saved (pure). */
#ifndef PH_API_RECORDINGS_RECORDING_FILE_NAME_H
#define PH_API_RECORDINGS_RECORDING_FILE_NAME_H

#include <stdint.h>

enum { PH_RECORDING_FILE_NAME_BYTES = 200 + 32 };

/* "<title> 2026-11-21 14-05.mp4", the time in UTC. Of the title, which is UTF-8, stays what every file system
 * takes and no reader is misled by: no separators, controls, changes of direction or dots at its ends; 80
 * characters at most. */
void ph_recording_file_name(const char *title, int64_t time_ms, char name[PH_RECORDING_FILE_NAME_BYTES]);

#endif
