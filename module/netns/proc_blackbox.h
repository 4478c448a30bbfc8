/* SPDX-License-Identifier: GPL-2.0 */
/* /proc/net/xtcp_blackbox: the last events of connections. */
#ifndef XTCP_PROC_BLACKBOX_H
#define XTCP_PROC_BLACKBOX_H

#include <linux/seq_file_net.h>

#include "sight/blackbox.h"

/* The state of one reader, in seq_file->private. */
struct xtcp_proc_box {
	struct seq_net_private p;	/* the first member, as seq_file_net() demands */
	struct xtcp_blackbox box;	/* a copy of the box that is shown */
};

extern const struct seq_operations xtcp_proc_blackbox_ops;

#endif /* XTCP_PROC_BLACKBOX_H */
