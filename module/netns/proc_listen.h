/* SPDX-License-Identifier: GPL-2.0 */
/* /proc/net/xtcp_listen: the two queues of each listener. */
#ifndef XTCP_PROC_LISTEN_H
#define XTCP_PROC_LISTEN_H

#include <linux/seq_file.h>

/* The private data of the open file is a struct seq_net_private. */
extern const struct seq_operations xtcp_proc_listen_ops;

#endif /* XTCP_PROC_LISTEN_H */
