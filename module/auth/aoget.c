// SPDX-License-Identifier: GPL-2.0
/*
 * TCP_AO_GET_KEYS and TCP_AO_INFO, as getsockopt() answers them. As in Linux, a program can read
 * the keys of its socket.
 */
#include "auth/aoget.h"

#include <linux/string.h>
#include <linux/tcp.h>
#include <linux/xtcp_ao.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "auth/ao.h"
#include "auth/aokeys.h"
#include "auth/aoopt.h"
#include "base/tuple.h"

/* Reads the program's length into @len, and the program's struct into @cmd. */
static int read_question(void *cmd, unsigned int size, sockptr_t optval, sockptr_t optlen, int *len)
{
	if (copy_from_sockptr(len, optlen, sizeof(*len)))
		return -EFAULT;
	if (*len <= 0)
		return -EINVAL;
	return xtcp_aoopt_read(cmd, size, optval, *len);
}

/**
 * struct question - which keys a program asks for
 * @peers: only keys for these peers, if @by_address is set
 * @l3index: only keys for the VRF with this ifindex, or %XTCP_AO_ANY_L3INDEX
 * @asked: the struct that the program has passed
 * @by_address: the program asks for keys by peers and IDs; otherwise it asks for all keys, for the
 *	current key, or for the key with which we ask the peer to sign
 */
struct question {
	struct xtcp_peers peers;
	int l3index;
	const struct tcp_ao_getsockopt *asked;
	bool by_address;
};

/* Reads the peers for whose keys a program asks. Return: 0, -EINVAL, or -EAFNOSUPPORT. */
static int read_asked_peers(const struct tcp_ao_getsockopt *asked, struct xtcp_peers *peers)
{
	const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)&asked->addr;
	const struct sockaddr_in *sin = (const struct sockaddr_in *)&asked->addr;
	struct in6_addr masked;
	bool any;

	if (asked->addr.ss_family == AF_INET)
		ipv6_addr_set_v4mapped(sin->sin_addr.s_addr, &peers->addr);
	else if (asked->addr.ss_family == AF_INET6)
		peers->addr = sin6->sin6_addr;
	else
		return -EAFNOSUPPORT;
	peers->v4 = ipv6_addr_v4mapped(&peers->addr);
	any = peers->v4 ? !peers->addr.s6_addr32[3] : ipv6_addr_any(&peers->addr);
	if (!asked->prefix)
		return asked->addr.ss_family == AF_INET6 && peers->v4 ? -EINVAL : any ? 0 : -EINVAL;
	if (any || asked->prefix > (peers->v4 ? 32 : 128))
		return -EINVAL;
	peers->prefix = asked->prefix + (peers->v4 ? XTCP_MAPPED_BITS : 0);
	ipv6_addr_prefix(&masked, &peers->addr, peers->prefix);
	return ipv6_addr_equal(&masked, &peers->addr) ? 0 : -EINVAL;
}

static int read_asked(const struct tcp_ao_getsockopt *asked, struct question *question)
{
	if (asked->pkt_good || asked->pkt_bad || asked->reserved || asked->keyflags & ~TCP_AO_KEYF_IFINDEX)
		return -EINVAL;
	if (asked->ifindex && !(asked->keyflags & TCP_AO_KEYF_IFINDEX))
		return -EINVAL;
	if (asked->get_all && (asked->is_current || asked->is_rnext))
		return -EINVAL;
	question->asked = asked;
	question->l3index = asked->keyflags & TCP_AO_KEYF_IFINDEX ? asked->ifindex : XTCP_AO_ANY_L3INDEX;
	question->by_address = !asked->get_all && !asked->is_current && !asked->is_rnext;
	if (question->by_address)
		return read_asked_peers(asked, &question->peers);
	if (asked->addr.ss_family)
		return asked->addr.ss_family == AF_INET || asked->addr.ss_family == AF_INET6 ? -EINVAL : -EAFNOSUPPORT;
	return asked->prefix || asked->sndid || asked->rcvid ? -EINVAL : 0;
}

static bool is_asked_for(const struct xtcp_ao *ao, const struct xtcp_ao_key *key, const struct question *question)
{
	const struct tcp_ao_getsockopt *asked = question->asked;

	if (question->by_address)
		return key->sndid == asked->sndid && key->rcvid == asked->rcvid &&
		       xtcp_aokeys_matches(key, &question->peers, question->l3index, question->peers.prefix);
	return asked->get_all || (asked->is_current && key == READ_ONCE(ao->current_key)) ||
	       (asked->is_rnext && key == ao->rnext_key);
}

static void tell_key(const struct xtcp_ao *ao, const struct xtcp_ao_key *key, struct tcp_ao_getsockopt *told)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&told->addr;
	struct sockaddr_in *sin = (struct sockaddr_in *)&told->addr;

	memset(told, 0, sizeof(*told));
	if (key->peers.v4) {
		sin->sin_family = AF_INET;
		sin->sin_addr.s_addr = key->peers.addr.s6_addr32[3];
	} else {
		sin6->sin6_family = AF_INET6;
		sin6->sin6_addr = key->peers.addr;
	}
	strscpy(told->alg_name, xtcp_ao_algorithm_name(key->algorithm), sizeof(told->alg_name));
	memcpy(told->key, key->octets, key->keylen);
	told->is_current = key == READ_ONCE(ao->current_key);
	told->is_rnext = key == ao->rnext_key;
	told->sndid = key->sndid;
	told->rcvid = key->rcvid;
	told->prefix = key->peers.prefix - (key->peers.v4 ? XTCP_MAPPED_BITS : 0);
	told->maclen = key->maclen;
	told->keyflags = key->keyflags;
	told->keylen = key->keylen;
	told->ifindex = key->peers.l3index;
	told->pkt_good = atomic64_read(&key->good);
	told->pkt_bad = atomic64_read(&key->bad);
}

/**
 * xtcp_aoget_keys() - TCP_AO_GET_KEYS
 * @sk: the sock
 * @optval: an array of struct tcp_ao_getsockopt; the first element says which keys are asked for,
 *	and how many elements the array has. Receives one element for each matching key, until the
 *	array is full; nkeys of the first element receives the number of matching keys
 * @optlen: the size of an element in octets; receives the size that this module uses
 *
 * Context: process, may sleep. Lock: socket, held.
 *
 * Return: 0; -EINVAL; -EFAULT; -E2BIG; -EAFNOSUPPORT; -ENOENT when the sock has no TCP-AO.
 */
int xtcp_aoget_keys(struct sock *sk, sockptr_t optval, sockptr_t optlen)
{
	const struct xtcp_ao *ao = xtcp_ao_of(sk);
	struct tcp_ao_getsockopt asked, told;
	int len, err, size = sizeof(told);
	const struct xtcp_ao_key *key;
	struct question question = {};
	size_t at = 0;
	u32 n = 0;

	sock_owned_by_me(sk);
	if (!ao)
		return -ENOENT;
	err = read_question(&asked, sizeof(asked), optval, optlen, &len) ?: read_asked(&asked, &question);
	if (err)
		return err;
	hlist_for_each_entry(key, &ao->keys, node) {
		if (!is_asked_for(ao, key, &question) || n++ >= asked.nkeys)
			continue;
		tell_key(ao, key, &told);
		err = copy_to_sockptr_offset(optval, at, &told, min(len, size)) ? -EFAULT : 0;
		memzero_explicit(&told, sizeof(told));
		if (err)
			return err;
		at += len;
	}
	if (copy_to_sockptr(optlen, &size, sizeof(size)) ||
	    copy_to_sockptr_offset(optval, offsetof(struct tcp_ao_getsockopt, nkeys), &n, sizeof(n)))
		return -EFAULT;
	return 0;
}

/**
 * xtcp_aoget_info() - TCP_AO_INFO
 * @sk: the sock
 * @optval: a struct tcp_ao_info_opt, whose reserved fields are 0; receives the answer
 * @optlen: the length of @optval in octets; not changed
 *
 * Context: process, may sleep. Lock: socket, held.
 *
 * Return: 0; -EINVAL; -EFAULT; -E2BIG; -ENOENT when the sock has no TCP-AO.
 */
int xtcp_aoget_info(struct sock *sk, sockptr_t optval, sockptr_t optlen)
{
	const struct xtcp_ao *ao = xtcp_ao_of(sk);
	const struct xtcp_ao_key *current_key;
	struct tcp_ao_info_opt told;
	int len, err;

	sock_owned_by_me(sk);
	err = read_question(&told, sizeof(told), optval, optlen, &len);
	if (err)
		return err;
	if (told.reserved || told.reserved2)
		return -EINVAL;
	if (!ao)
		return -ENOENT;
	memset(&told, 0, sizeof(told));
	told.ao_required = ao->required;
	told.accept_icmps = ao->accept_icmps;
	told.pkt_good = atomic64_read(&ao->good);
	told.pkt_bad = atomic64_read(&ao->bad);
	told.pkt_key_not_found = atomic64_read(&ao->key_not_found);
	told.pkt_ao_required = atomic64_read(&ao->ao_required);
	told.pkt_dropped_icmp = atomic64_read(&ao->dropped_icmps);
	/* an arriving segment may change ao->current_key meanwhile: read this pointer only once */
	rcu_read_lock();
	current_key = READ_ONCE(ao->current_key);
	told.set_current = !!current_key;
	told.current_key = current_key ? current_key->sndid : 0;
	rcu_read_unlock();
	told.set_rnext = !!ao->rnext_key;
	told.rnext = ao->rnext_key ? ao->rnext_key->rcvid : 0;
	return copy_to_sockptr(optval, &told, min_t(int, len, sizeof(told))) ? -EFAULT : 0;
}
