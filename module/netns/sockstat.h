/* SPDX-License-Identifier: GPL-2.0 */
/* /proc/net/xtcp_sockstat: how many socks and records there are, and how much memory they use. */
#ifndef XTCP_SOCKSTAT_H
#define XTCP_SOCKSTAT_H

struct proto;
struct seq_file;

void xtcp_sockstat_set_protos(struct proto *prot, struct proto *prot6);
int xtcp_sockstat_show(struct seq_file *m, void *v);

#endif /* XTCP_SOCKSTAT_H */
