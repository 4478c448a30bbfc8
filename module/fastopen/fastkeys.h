/* SPDX-License-Identifier: GPL-2.0 */
/* The keys of TCP Fast Open (RFC 7413), and the cookies that they make and check. */
#ifndef XTCP_FASTKEYS_H
#define XTCP_FASTKEYS_H

#include <linux/compiler_types.h>
#include <linux/types.h>

struct sk_buff;
struct xtcp_fastopen_cookie;
struct xtcp_fastopen_keys;
struct xtcp_net;

#define XTCP_FASTOPEN_KEY_LEN	16	/* octets */
/* octets, enough for two keys as text with the final zero; as in Linux */
#define XTCP_FASTOPEN_KEYS_TEXT	74

/* For a listener, or a namespace. */
struct xtcp_fastopen_keys *xtcp_fastkeys_make(const u8 *octets, unsigned int n);
void xtcp_fastkeys_replace(struct xtcp_fastopen_keys __rcu **place, struct xtcp_fastopen_keys *new);
int xtcp_fastkeys_copy(struct xtcp_fastopen_keys __rcu *const *place, u8 *octets);

/* For a namespace. */
int xtcp_fastkeys_draw(struct xtcp_net *xn);
void xtcp_fastkeys_show(const struct xtcp_net *xn, char *text);
int xtcp_fastkeys_read(struct xtcp_net *xn, char *text);
void xtcp_fastkeys_net_exit(struct xtcp_net *xn);

/* For a SYN. */
unsigned int xtcp_fastkeys_check(const struct xtcp_fastopen_keys *keys, const struct sk_buff *skb,
				 const struct xtcp_fastopen_cookie *cookie, struct xtcp_fastopen_cookie *right);

#endif /* XTCP_FASTKEYS_H */
