// SPDX-License-Identifier: GPL-2.0
/*
 * TCP_AO_ADD_KEY, TCP_AO_DEL_KEY and TCP_AO_INFO for setsockopt(), with the same errors as in
 * Linux.
 */
#include "auth/aoopt.h"

#include <linux/string.h>
#include <linux/tcp.h>
#include <linux/xtcp_ao.h>
#include <net/ipv6.h>
#include <net/sock.h>
#include <net/tcp_states.h>

#include "auth/ao.h"
#include "auth/aoconn.h"
#include "auth/aokeys.h"
#include "auth/keys.h"
#include "base/tuple.h"
#include "base/wire.h"

#define MACLEN_DEFAULT	12	/* octets (RFC 5926 section 2.1) */

/**
 * xtcp_aoopt_read() - read a program's struct, which may be of another version
 * @cmd: receives the struct
 * @size: size of the struct in this module, in octets
 * @optval: the struct of the program
 * @optlen: size of the struct in the program; if less than @size, the rest of @cmd is 0
 *
 * Context: process.
 *
 * Return: 0; -EFAULT; -E2BIG when the program's struct is longer than @size, and one of the octets
 * beyond @size is not 0.
 */
int xtcp_aoopt_read(void *cmd, unsigned int size, sockptr_t optval, unsigned int optlen)
{
	int zeros;

	if (optlen > size) {
		zeros = check_zeroed_sockptr(optval, size, optlen - size);
		if (zeros <= 0)
			return zeros ?: -E2BIG;
	}
	memset(cmd, 0, size);
	return copy_from_sockptr(cmd, optval, min(size, optlen)) ? -EFAULT : 0;
}

/* Stores an unchecked address and prefix in @peers. Return: false when the port is not 0. */
static bool read_sockaddr(const struct sock *sk, const struct __kernel_sockaddr_storage *addr, u8 prefix,
			  struct xtcp_peers *peers)
{
	const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)addr;
	const struct sockaddr_in *sin = (const struct sockaddr_in *)addr;

	if (sk->sk_family == AF_INET)
		ipv6_addr_set_v4mapped(sin->sin_addr.s_addr, &peers->addr);
	else
		peers->addr = sin6->sin6_addr;
	peers->v4 = ipv6_addr_v4mapped(&peers->addr);
	peers->prefix = min_t(int, prefix + (peers->v4 ? XTCP_MAPPED_BITS : 0), U8_MAX);
	return !(sk->sk_family == AF_INET ? sin->sin_port : sin6->sin6_port);
}

static bool is_of_peer(const struct sock *sk, const struct xtcp_peers *peers)
{
	struct in6_addr peer;

	if (sk->sk_family == AF_INET) {
		if (!inet_sk(sk)->inet_daddr)
			return true;
		ipv6_addr_set_v4mapped(inet_sk(sk)->inet_daddr, &peer);
	} else {
		peer = sk->sk_v6_daddr;
		if (ipv6_addr_any(&peer))
			return true;
	}
	return ipv6_prefix_equal(&peer, &peers->addr, peers->prefix);
}

/*
 * Reads the peers of a new key. The bits behind the prefix have to be 0; prefix 0 means all peers.
 * Return: false when the peers are not valid, or when @sk has a connection to another peer.
 */
static bool read_new_peers(const struct sock *sk, const struct tcp_ao_add *cmd, struct xtcp_peers *peers)
{
	struct in6_addr masked;
	bool any;

	if (cmd->addr.ss_family != sk->sk_family || !read_sockaddr(sk, &cmd->addr, cmd->prefix, peers))
		return false;
	if (sk->sk_family == AF_INET6 && !cmd->prefix)
		return ipv6_addr_any(&peers->addr);
	any = peers->v4 ? !peers->addr.s6_addr32[3] : ipv6_addr_any(&peers->addr);
	if (!cmd->prefix)
		return any;
	if (any || peers->prefix > 128)
		return false;
	ipv6_addr_prefix(&masked, &peers->addr, peers->prefix);
	return ipv6_addr_equal(&masked, &peers->addr) && is_of_peer(sk, peers);
}

static bool may_choose(const struct sock *sk)
{
	return sk->sk_state != TCP_LISTEN;
}

static bool is_unconnected(const struct sock *sk)
{
	return (1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN);
}

/* A sock that has a connection takes keys only for the VRF that it is bound to. */
static bool read_l3index(const struct sock *sk, int ifindex, struct xtcp_peers *peers)
{
	return xtcp_keys_set_vrf(sk, ifindex, peers) && (is_unconnected(sk) || sk->sk_bound_dev_if == ifindex);
}

static int check_new(const struct sock *sk, const struct tcp_ao_add *cmd, struct xtcp_peers *peers)
{
	const struct xtcp_ao *ao = xtcp_ao_of(sk);

	if (cmd->keylen > TCP_AO_MAXKEYLEN || cmd->reserved || cmd->reserved2 || !read_new_peers(sk, cmd, peers))
		return -EINVAL;
	if (cmd->keyflags & ~(TCP_AO_KEYF_IFINDEX | TCP_AO_KEYF_EXCLUDE_OPT))
		return -EINVAL;
	if ((cmd->set_current || cmd->set_rnext) && !may_choose(sk))
		return -EINVAL;
	peers->in_l3 = cmd->keyflags & TCP_AO_KEYF_IFINDEX;
	if (cmd->ifindex && (!peers->in_l3 || !read_l3index(sk, cmd->ifindex, peers)))
		return -EINVAL;
	/* a segment cannot have both an MD5 digest and TCP-AO */
	if (xtcp_keys_find(sk, &peers->addr, peers->in_l3 ? peers->l3index : XTCP_KEYS_ANY_L3INDEX))
		return -EKEYREJECTED;
	/* RFC 5925 section 3.1: two keys that may be used on one connection have different IDs */
	if (ao && (xtcp_aokeys_overlapping(ao, peers, XTCP_AO_ANY_ID, cmd->rcvid) ||
		   xtcp_aokeys_overlapping(ao, peers, cmd->sndid, XTCP_AO_ANY_ID)))
		return -EEXIST;
	return 0;
}

/* Fills a new key. Return: 0, or the error of TCP_AO_ADD_KEY. */
static int fill_key(struct xtcp_ao_key *key, const struct tcp_ao_add *cmd, const struct xtcp_peers *peers)
{
	int err;

	key->peers = *peers;
	key->sndid = cmd->sndid;
	key->rcvid = cmd->rcvid;
	key->keyflags = cmd->keyflags;
	key->maclen = cmd->maclen ?: MACLEN_DEFAULT;
	/* beside our other options, a SYN has no room for a longer MAC */
	if (key->maclen > XTCP_AO_MAC_MAX)
		return -EMSGSIZE;
	err = xtcp_ao_master_key(key, cmd->alg_name, cmd->key, cmd->keylen);
	if (!err && key->maclen > xtcp_ao_digest_size(key->algorithm))
		err = -EINVAL;
	return err;
}

static int add_key(struct sock *sk, struct tcp_ao_add *cmd)
{
	struct xtcp_peers peers = {};
	struct xtcp_ao_key *key;
	struct xtcp_ao *ao;
	int algorithm, err;

	err = check_new(sk, cmd, &peers);
	if (err)
		return err;
	cmd->alg_name[sizeof(cmd->alg_name) - 1] = '\0';
	algorithm = xtcp_ao_algorithm(cmd->alg_name);
	if (algorithm < 0)
		return algorithm;
	key = sock_kmalloc(sk, xtcp_ao_key_bytes(algorithm), GFP_KERNEL);
	if (!key)
		return -ENOMEM;
	memset(key, 0, xtcp_ao_key_bytes(algorithm));
	key->algorithm = algorithm;
	err = fill_key(key, cmd, &peers);
	ao = err ? NULL : xtcp_aokeys_get(sk, GFP_KERNEL_ACCOUNT);
	if (!ao) {
		xtcp_aokeys_discard(sk, key);
		return err ?: -ENOMEM;
	}
	xtcp_aoconn_derive(sk, ao, key);
	xtcp_aokeys_add(sk, ao, key);
	xtcp_aokeys_choose(ao, cmd->set_current ? key : NULL, cmd->set_rnext ? key : NULL);
	return 0;
}

/*
 * Finds the keys that a program chooses: the Current_key by @sndid, the RNext_key by @rcvid. An ID
 * of -1 chooses no key. Return: false when a chosen key does not exist.
 */
static bool find_chosen(const struct xtcp_ao *ao, int sndid, int rcvid, struct xtcp_ao_key **current_key,
			struct xtcp_ao_key **rnext_key)
{
	if (sndid >= 0)
		*current_key = xtcp_aokeys_by_id(ao, sndid, XTCP_AO_ANY_ID);
	if (rcvid >= 0)
		*rnext_key = xtcp_aokeys_by_id(ao, XTCP_AO_ANY_ID, rcvid);
	return (sndid < 0 || *current_key) && (rcvid < 0 || *rnext_key);
}

static bool is_named(const struct xtcp_ao_key *key, const struct tcp_ao_del *cmd, const struct xtcp_peers *peers)
{
	return key->sndid == cmd->sndid && key->rcvid == cmd->rcvid && key->peers.v4 == peers->v4 &&
	       key->peers.prefix == peers->prefix && ipv6_addr_equal(&key->peers.addr, &peers->addr) &&
	       key->peers.in_l3 == peers->in_l3 && key->peers.l3index == peers->l3index;
}

static int remove_key(struct sock *sk, const struct tcp_ao_del *cmd)
{
	struct xtcp_ao_key *current_key = NULL, *rnext_key = NULL, *key;
	struct xtcp_ao *ao = xtcp_ao_of(sk);
	struct xtcp_peers peers = {};

	if (cmd->reserved || cmd->reserved2 || ((cmd->set_current || cmd->set_rnext) && !may_choose(sk)))
		return -EINVAL;
	if (cmd->keyflags & ~TCP_AO_KEYF_IFINDEX)
		return -EINVAL;
	peers.in_l3 = cmd->keyflags & TCP_AO_KEYF_IFINDEX;
	if (cmd->ifindex && !peers.in_l3)
		return -EINVAL;
	peers.l3index = cmd->ifindex;
	if (!ao || !find_chosen(ao, cmd->set_current ? cmd->current_key : -1, cmd->set_rnext ? cmd->rnext : -1,
				&current_key, &rnext_key))
		return -ENOENT;
	if (cmd->del_async && sk->sk_state != TCP_LISTEN)
		return -EINVAL;
	if (!read_sockaddr(sk, &cmd->addr, cmd->prefix, &peers))
		return -EINVAL;
	hlist_for_each_entry(key, &ao->keys, node) {
		if (!is_named(key, cmd, &peers) || key == current_key || key == rnext_key)
			continue;
		if (!cmd->del_async)
			return xtcp_aokeys_remove(sk, ao, key, current_key, rnext_key);
		xtcp_aokeys_forget(sk, ao, key);
		return 0;
	}
	return -ENOENT;
}

static bool has_md5_keys(const struct sock *sk)
{
	return !hlist_empty(&xtcp_seldom(sk)->keys);
}

static int set_info(struct sock *sk, const struct tcp_ao_info_opt *cmd)
{
	struct xtcp_ao_key *current_key = NULL, *rnext_key = NULL;
	struct xtcp_ao *ao;

	if ((cmd->set_current || cmd->set_rnext) && !may_choose(sk))
		return -EINVAL;
	if (cmd->reserved || cmd->reserved2)
		return -EINVAL;
	if (cmd->ao_required && xtcp_seldom(sk) && has_md5_keys(sk))
		return -EKEYREJECTED;
	/* without TCP-AO the sock has no key that could be chosen */
	if ((cmd->set_current || cmd->set_rnext) && !xtcp_ao_of(sk))
		return -ENOENT;
	ao = xtcp_aokeys_get(sk, GFP_KERNEL_ACCOUNT);
	if (!ao)
		return -ENOMEM;
	if (!find_chosen(ao, cmd->set_current ? cmd->current_key : -1, cmd->set_rnext ? cmd->rnext : -1, &current_key,
			 &rnext_key))
		return -ENOENT;
	if (cmd->set_counters) {
		atomic64_set(&ao->good, cmd->pkt_good);
		atomic64_set(&ao->bad, cmd->pkt_bad);
		atomic64_set(&ao->key_not_found, cmd->pkt_key_not_found);
		atomic64_set(&ao->ao_required, cmd->pkt_ao_required);
		atomic64_set(&ao->dropped_icmps, cmd->pkt_dropped_icmp);
	}
	WRITE_ONCE(ao->required, cmd->ao_required);
	WRITE_ONCE(ao->accept_icmps, cmd->accept_icmps);
	xtcp_aokeys_choose(ao, current_key, rnext_key);
	return 0;
}

/**
 * xtcp_aoopt_set() - set TCP_AO_ADD_KEY, TCP_AO_DEL_KEY or TCP_AO_INFO
 * @sk: in any state
 * @optname: TCP_AO_ADD_KEY, TCP_AO_DEL_KEY or TCP_AO_INFO
 * @optval: a struct tcp_ao_add, tcp_ao_del or tcp_ao_info_opt
 * @optlen: the length of @optval
 *
 * Context: process, may sleep. Lock: socket, held.
 *
 * Return: 0; -EINVAL; -EFAULT; -E2BIG; -EISCONN when a connection has no TCP-AO; -ENOENT when there
 * is no such key or algorithm; -EEXIST when another key for some of these peers has one of the IDs;
 * -EKEYREJECTED when a key of TCP_MD5SIG excludes TCP-AO; -EMSGSIZE when the MAC is too long for a
 * SYN; -EBUSY when the key to remove is still Current_key or RNext_key; -ENOMEM without memory, or
 * beyond net.core.optmem_max.
 */
int xtcp_aoopt_set(struct sock *sk, int optname, sockptr_t optval, unsigned int optlen)
{
	union {
		struct tcp_ao_add add;
		struct tcp_ao_del del;
		struct tcp_ao_info_opt info;
	} cmd;
	unsigned int size = sizeof(cmd.info);
	int err;

	sock_owned_by_me(sk);
	if (!is_unconnected(sk) && !xtcp_ao_of(sk))
		return -EISCONN;
	if (optname == TCP_AO_ADD_KEY)
		size = sizeof(cmd.add);
	else if (optname == TCP_AO_DEL_KEY)
		size = sizeof(cmd.del);
	if (optlen < size)
		return -EINVAL;
	err = xtcp_aoopt_read(&cmd, size, optval, optlen);
	if (!err && optname == TCP_AO_ADD_KEY)
		err = add_key(sk, &cmd.add);
	else if (!err && optname == TCP_AO_DEL_KEY)
		err = remove_key(sk, &cmd.del);
	else if (!err)
		err = set_info(sk, &cmd.info);
	memzero_explicit(&cmd, sizeof(cmd));
	return err;
}
