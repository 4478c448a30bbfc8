/* SPDX-License-Identifier: GPL-2.0 */
/* Which congestion controls exist, who may use them, and which one a sock uses. */
#ifndef XTCP_ALGORITHMS_H
#define XTCP_ALGORITHMS_H

#include <linux/types.h>

struct sock;
union tcp_cc_info;
struct xtcp_cong_ops;
struct xtcp_net;

#define XTCP_ALGORITHMS_TEXT	2048	/* octets, the size of a list of names, as in Linux */

int xtcp_algorithms_init(void);
const struct xtcp_cong_ops *xtcp_algorithms_inherited(const struct xtcp_net *xn);
int xtcp_algorithms_set_default(struct xtcp_net *xn, const char *name);
void xtcp_algorithms_list(char *text, size_t size, bool allowed_only);
int xtcp_algorithms_allow(char *names);
/* xtcp_algorithms_fill() needs the socket lock; xtcp_algorithms_info() takes it. */
size_t xtcp_algorithms_fill(struct sock *sk, union tcp_cc_info *info);
size_t xtcp_algorithms_info(struct sock *sk, union tcp_cc_info *info);

const struct xtcp_cong_ops *xtcp_algorithms_named(const char *name);

/* Socket lock held, or no other thread can reach the sock. */
void xtcp_algorithms_assign(struct sock *sk);
bool xtcp_algorithms_take_rule(struct sock *sk, const struct xtcp_cong_ops *ops);
void xtcp_algorithms_take_route(struct sock *sk);
int xtcp_algorithms_choose(struct sock *sk, const char *name, bool administrator);
void xtcp_algorithms_start(struct sock *sk);
void xtcp_algorithms_end(struct sock *sk);

#endif /* XTCP_ALGORITHMS_H */
