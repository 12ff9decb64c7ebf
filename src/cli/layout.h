/*
 * What is where in the daemon's data directory, and whose it is:
 *
 *   control.sock   the administrator's door          who started the daemon
 *   ledger.key     opens the ledger's signing keys   who started the daemon
 *   state/         the state database                control
 *   ledger/        the ledger's database             the ledger
 *
 * The directory itself belongs to who started the daemon, so that neither of the two can put
 * something else in the place of the other's.
 */
#pragma once

#include "base/err.h"
#include "os/spawn.h"

#define LAYOUT_STATE "state"
#define LAYOUT_LEDGER "ledger"
#define LAYOUT_KEY "ledger.key"

/*
 * Opens it, and makes what is missing; locked for this process. A descriptor, or -errno:
 * data.open, data.foreign (what is there is not Cordon's), data.busy.
 */
int layout_open(const char *path, const struct spawn_ids *ids, struct err *reterr);

/* Whether the users of control and ledger can get there. */
int layout_check_way(const char *absolute, const struct spawn_ids *ids, struct err *reterr);

/*
 * The key of the ledger (32 bytes) in memory that cannot change any more: from `file`, from the
 * systemd credential "ledger-key", or from LAYOUT_KEY in the directory, which is made if the ledger
 * is new. A descriptor, or -errno (ledger.key).
 */
int layout_key(int directory, const char *file, struct err *reterr);
