/* What a transcode process may still do once it reads strangers' bytes: compute, and talk to the sockets it
 * has and to new TCP connections. */
#ifndef PH_TRANSCODE_SANDBOX_H
#define PH_TRANSCODE_SANDBOX_H

#include <stdbool.h>

#include "core/base/error.h"

/* No new privileges, limits on memory, files and descriptors, and a system-call filter that kills the process
 * for anything it does not need; opening a file for reading fails with EACCES instead, because libraries
 * probe. `devices` lets hardware encoders open and drive their device nodes. Covers all threads; call while
 * there is one. 0 or a negative code.
 *
 * Builds with a sanitizer only give up new privileges: what its runtime does to tell a finding (a process for
 * names of functions, a look into its own threads) is what the filter is there to forbid. */
int ph_sandbox_apply(bool devices) PH_NODISCARD;

#endif
