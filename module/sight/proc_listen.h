/* SPDX-License-Identifier: GPL-2.0 */
/* /proc/net/xtcp_listen: both queues of each listener. */
#ifndef XTCP_PROC_LISTEN_H
#define XTCP_PROC_LISTEN_H

struct seq_file;

int xtcp_proc_listen_show(struct seq_file *m, void *v);

#endif /* XTCP_PROC_LISTEN_H */
