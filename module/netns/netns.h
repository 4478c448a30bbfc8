/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A namespace.
 *
 * Comes in: the kernel's namespaces, writes to /proc/sys/net/xtcp, reads of /proc/net/xtcp*. Goes out:
 * calls that begin and end what each room has in a namespace.
 *
 * What may not happen here: touching a segment.
 */
#ifndef XTCP_NETNS_H
#define XTCP_NETNS_H

#include "base/wire.h"

struct xtcp_conn;
struct xtcp_net;

int xtcp_netns_start(struct xtcp_net *xn);
extern const struct xtcp_part xtcp_netns_part;
bool xtcp_netns_unloads(void);

int xtcp_sysctl_net_init(struct xtcp_net *xn, const char *name);
void xtcp_sysctl_net_exit(struct xtcp_net *xn);

extern struct proto *xtcp_sockstat_protos[2];

extern struct rw_semaphore xtcp_proc_reads;

/* What a listing shows of a listener, an entry, a sock or a record. */
struct xtcp_row {
	struct sock *sk;	/* a full sock or a listener; NULL: an entry or a record */
	struct sock *owner;	/* @sk, or the listener of an entry; NULL: a record */
	const void *address;
	struct xtcp_tuple tuple;
	int dev;
	int state;
	u8 timer;		/* enum xtcp_timer_shown: the timer that ends at @expires */
	unsigned long expires;
	unsigned int retransmits;
	unsigned int probes;
	u32 rqueue;
	u32 wqueue;
	u32 mark;
};

bool xtcp_row_of_listener(struct xtcp_row *row, struct sock *lsk);
int xtcp_row_of_conn(struct xtcp_row *row, struct xtcp_conn *conn);

int xtcp_proc_net_init(struct xtcp_net *xn, const char *name);
void xtcp_proc_net_exit(struct xtcp_net *xn, const char *name);

#endif /* XTCP_NETNS_H */
