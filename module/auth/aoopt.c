// SPDX-License-Identifier: GPL-2.0
/*
 * TCP_AO_ADD_KEY, TCP_AO_DEL_KEY, TCP_AO_INFO, TCP_MD5SIG and TCP_MD5SIG_EXT for setsockopt(), with
 * the same errors as in Linux; TCP_AO_GET_KEYS and TCP_AO_INFO for getsockopt(). As in Linux, a
 * program can read the TCP-AO keys of its socket.
 */
#include "auth/auth.h"

#include <linux/string.h>
#include <linux/tcp.h>
#include <linux/xtcp_ao.h>
#include <net/ipv6.h>
#include <net/sock.h>
#include <net/tcp_states.h>

#include "base/wire.h"

#define MACLEN_DEFAULT	12	/* octets (RFC 5926 section 2.1) */

/*
 * Read a program's struct, which may be of another version.
 * @size: size of the struct in this module, in octets
 * @optval: the struct of the program
 * @optlen: size of the struct in the program; if less than @size, the rest of @cmd is 0
 *
 * Return: 0; -EFAULT; -E2BIG when the program's struct is longer than @size, and one of the octets
 * beyond @size is not 0.
 */
static int xtcp_aoopt_read(void *cmd, unsigned int size, sockptr_t optval, unsigned int optlen)
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

#define V4_PREFIX	96	/* bits in front of the IPv4 address in a v4-mapped address */

/* Reads the address of the peers. Return: false when the address is not of the socket's family. */
static bool read_address(const struct sock *sk, const struct tcp_md5sig *cmd, struct xtcp_peers *peers)
{
	const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)&cmd->tcpm_addr;
	const struct sockaddr_in *sin = (const struct sockaddr_in *)&cmd->tcpm_addr;

	if (cmd->tcpm_addr.ss_family != sk->sk_family)
		return false;
	if (sk->sk_family == AF_INET)
		ipv6_addr_set_v4mapped(sin->sin_addr.s_addr, &peers->addr);
	else
		peers->addr = sin6->sin6_addr;
	peers->v4 = ipv6_addr_v4mapped(&peers->addr);
	return true;
}

static bool read_peers(const struct sock *sk, const struct tcp_md5sig *cmd, bool extended, struct xtcp_peers *peers)
{
	u8 most;

	if (!read_address(sk, cmd, peers))
		return false;
	most = peers->v4 ? 128 - V4_PREFIX : 128;
	peers->prefix = most;
	if (extended && cmd->tcpm_flags & TCP_MD5SIG_FLAG_PREFIX)
		peers->prefix = cmd->tcpm_prefixlen;
	if (peers->prefix > most)
		return false;
	if (peers->v4)
		peers->prefix += V4_PREFIX;
	/*
	 * as in Linux, TCP_MD5SIG accepts TCP_MD5SIG_FLAG_IFINDEX but does not read tcpm_ifindex:
	 * the key then holds only for peers outside of VRFs
	 */
	peers->in_l3 = cmd->tcpm_flags & TCP_MD5SIG_FLAG_IFINDEX;
	return !extended || !peers->in_l3 || !cmd->tcpm_ifindex || xtcp_keys_set_vrf(sk, cmd->tcpm_ifindex, peers);
}

/**
 * xtcp_md5opt_set() - add, replace or remove a TCP-MD5 key
 * @sk: in any state
 * @optname: TCP_MD5SIG or TCP_MD5SIG_EXT; only the latter uses prefix and device of @optval
 * @optval: a struct tcp_md5sig; a key length of 0 removes the key
 * @optlen: the length of @optval
 *
 * Context: process, may sleep. Lock: socket, held.
 *
 * Return: 0; -EINVAL; -EFAULT; -ENOENT when there is no key to remove; -ENOMEM as xtcp_keys_add();
 * -EKEYREJECTED when the peers have a key of TCP-AO, or TCP_AO_INFO demands a MAC from all peers.
 */
int xtcp_md5opt_set(struct sock *sk, int optname, sockptr_t optval, unsigned int optlen)
{
	struct xtcp_peers peers = {};
	struct xtcp_md5_key md5;
	struct tcp_md5sig cmd;
	int err = -EINVAL;

	sock_owned_by_me(sk);
	if (optlen < sizeof(cmd))
		return -EINVAL;
	if (copy_from_sockptr(&cmd, optval, sizeof(cmd)))
		return -EFAULT;
	if (!read_peers(sk, &cmd, optname == TCP_MD5SIG_EXT, &peers))
		goto out;
	if (!cmd.tcpm_keylen) {
		err = xtcp_keys_remove(sk, &peers);
	} else if (cmd.tcpm_keylen > TCP_MD5SIG_MAXKEYLEN) {
		err = -EINVAL;
	} else if (xtcp_aokeys_demands(xtcp_ao_of(sk), &peers.addr,
				       peers.in_l3 ? peers.l3index : XTCP_AO_ANY_L3INDEX)) {
		err = -EKEYREJECTED;
	} else {
		md5.len = cmd.tcpm_keylen;
		memcpy(md5.octets, cmd.tcpm_key, sizeof(md5.octets));
		err = xtcp_keys_add(sk, &peers, &md5, GFP_KERNEL);
		memzero_explicit(&md5, sizeof(md5));
	}
out:
	memzero_explicit(&cmd, sizeof(cmd));
	return err;
}
