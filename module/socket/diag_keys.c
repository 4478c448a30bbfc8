// SPDX-License-Identifier: GPL-2.0
/*
 * Writes the MD5 keys of a sock into its row. As in Linux, the attribute is INET_DIAG_MD5SIG and
 * contains an array of struct tcp_diag_md5sig. `ss -i` shows the keys as "md5keys:".
 */
#include "socket/diag_keys.h"

#include <linux/inet_diag.h>
#include <linux/rculist.h>
#include <linux/tcp.h>
#include <net/netlink.h>

#include "auth/keys.h"
#include "base/seldom.h"
#include "base/tuple.h"

/* the length of an attribute has 16 bits */
#define KEYS_MAX	((U16_MAX - NLA_HDRLEN) / sizeof(struct tcp_diag_md5sig))

static void fill_diag_key(struct tcp_diag_md5sig *to, const struct xtcp_key *key)
{
	const struct xtcp_peers *peers = &key->peers;

	memset(to, 0, sizeof(*to));
	to->tcpm_family = peers->v4 ? AF_INET : AF_INET6;
	to->tcpm_prefixlen = peers->v4 ? peers->prefix - XTCP_MAPPED_BITS : peers->prefix;
	to->tcpm_keylen = key->md5.len;
	if (peers->v4)
		to->tcpm_addr[0] = peers->addr.s6_addr32[3];
	else
		memcpy(to->tcpm_addr, &peers->addr, sizeof(to->tcpm_addr));
	memcpy(to->tcpm_key, key->md5.octets, key->md5.len);
}

/**
 * xtcp_diag_keys_put() - add the keys of a sock to its row
 * @skb: the message, which ends with the row
 * @sk: the sock, or a listener
 * @cuts: if there is no room for all keys, show those that fit
 *
 * The caller has checked that the requester has CAP_NET_ADMIN in the namespace.
 *
 * Context: process, RCU read side. A key that is added or removed meanwhile may be shown or not.
 *
 * Return: 0; -EMSGSIZE if there is no room for all keys, and @cuts is false.
 */
int xtcp_diag_keys_put(struct sk_buff *skb, const struct sock *sk, bool cuts)
{
	const struct xtcp_seldom *seldom = xtcp_seldom(sk);
	const int room = (skb_tailroom(skb) - NLA_HDRLEN) / (int)sizeof(struct tcp_diag_md5sig);
	const struct xtcp_key *key;
	struct tcp_diag_md5sig *to;
	struct nlattr *attr;
	int n = 0, most;

	if (likely(!seldom))
		return 0;
	hlist_for_each_entry_rcu(key, &seldom->keys, node)
		n++;
	if (!n)
		return 0;
	if (n > room && !cuts)
		return -EMSGSIZE;
	most = min3(n, room, (int)KEYS_MAX);
	if (most <= 0)
		return 0;
	attr = nla_reserve(skb, INET_DIAG_MD5SIG, most * sizeof(*to));
	if (!attr)
		return -EMSGSIZE;
	to = nla_data(attr);
	n = 0;
	hlist_for_each_entry_rcu(key, &seldom->keys, node) {
		if (n == most)
			break;
		fill_diag_key(&to[n++], key);
	}
	/* clear the places of keys that were removed after the count */
	memset(&to[n], 0, (most - n) * sizeof(*to));
	return 0;
}
