/* SPDX-License-Identifier: GPL-2.0 */
/* /proc/net/xtcp_listen and xtcp_aborts: queues of listeners, and how their connections ended. */
#ifndef XTCP_PROC_LISTEN_H
#define XTCP_PROC_LISTEN_H

#include <linux/seq_file.h>

/* The private data of the open files is a struct seq_net_private. */
extern const struct seq_operations xtcp_proc_listen_ops;
extern const struct seq_operations xtcp_proc_aborts_ops;

#endif /* XTCP_PROC_LISTEN_H */
