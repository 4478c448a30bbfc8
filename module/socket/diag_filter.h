/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The filters of inet_diag: programs that consist of conditional forward jumps. This code uses no
 * sock and no clock.
 */
#ifndef XTCP_DIAG_FILTER_H
#define XTCP_DIAG_FILTER_H

#include <linux/types.h>

/**
 * struct xtcp_diag_facts - what a filter knows about a connection
 * @src: local address: one word for AF_INET, four for AF_INET6
 * @dst: foreign address
 * @cgroup: id of the cgroup (version 2); 0: none
 * @ifindex: the device to which the sock is bound; 0: none
 * @mark: SO_MARK
 * @sport: local port, host order
 * @dport: foreign port, host order
 * @family: AF_INET or AF_INET6
 * @autobound: the program did not choose the local port
 */
struct xtcp_diag_facts {
	const __be32 *src;
	const __be32 *dst;
	u64 cgroup;
	u32 ifindex;
	u32 mark;
	u16 sport;
	u16 dport;
	u8 family;
	bool autobound;
};

/* How many octets xtcp_diag_filter_check() needs for its notes on a program of @len octets. */
static inline unsigned int xtcp_diag_filter_notes(unsigned int len)
{
	return len / 32 + 1;
}

int xtcp_diag_filter_check(const void *program, unsigned int len, bool administrator, u8 *notes);
bool xtcp_diag_filter_accepts(const void *program, unsigned int len, const struct xtcp_diag_facts *facts);

#endif /* XTCP_DIAG_FILTER_H */
