// SPDX-License-Identifier: GPL-2.0
/*
 * What a program learns of the keys of its socket: TCP_AO_GET_KEYS and TCP_AO_INFO, with Linux's
 * errors. As in Linux, it can read the TCP-AO keys themselves. A sock of another build learns all.
 */
#include "auth/auth.h"

/* Reads the program's length into @len, and the program's struct into @cmd. */
static int read_question(void *cmd, unsigned int size, sockptr_t optval, sockptr_t optlen, int *len)
{
	if (copy_from_sockptr(len, optlen, sizeof(*len)))
		return -EFAULT;
	if (*len <= 0)
		return -EINVAL;
	return xtcp_aoopt_read(cmd, size, optval, *len);
}

struct question {
	struct xtcp_peers peers;	/* only keys for these peers, if by_address is set */
	int l3index;	/* only keys for the VRF with this ifindex, or XTCP_AO_ANY_L3INDEX */
	const struct tcp_ao_getsockopt *asked;	/* the struct that the program has passed */
	bool by_address;	/* by peers and IDs; else all, the current one, or that by which the peer shall sign */
};

/* Reads the peers for whose keys a program asks. Return: 0, -EINVAL, or -EAFNOSUPPORT. */
static int read_asked_peers(const struct tcp_ao_getsockopt *asked, struct xtcp_peers *peers)
{
	if (asked->addr.ss_family != AF_INET && asked->addr.ss_family != AF_INET6)
		return -EAFNOSUPPORT;
	xtcp_peers_set_address(peers, &asked->addr, asked->addr.ss_family);
	if (!asked->prefix)
		return (asked->addr.ss_family == AF_INET6 && peers->v4) || !xtcp_peers_are_all(peers) ? -EINVAL : 0;
	if (xtcp_peers_are_all(peers) || asked->prefix > (peers->v4 ? 32 : 128))
		return -EINVAL;
	peers->prefix = asked->prefix + (peers->v4 ? XTCP_MAPPED_BITS : 0);
	return xtcp_peers_have_no_host_bits(peers) ? 0 : -EINVAL;
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

static void tell_address(const struct xtcp_peers *peers, bool v4, struct __kernel_sockaddr_storage *told)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)told;
	struct sockaddr_in *sin = (struct sockaddr_in *)told;

	if (v4) {
		sin->sin_family = AF_INET;
		sin->sin_addr.s_addr = peers->addr.s6_addr32[3];
	} else {
		sin6->sin6_family = AF_INET6;
		sin6->sin6_addr = peers->addr;
	}
}

/* As a program writes it. */
static u8 told_prefix(const struct xtcp_peers *peers)
{
	return peers->prefix - (peers->v4 ? XTCP_MAPPED_BITS : 0);
}

static void tell_key(const struct xtcp_ao *ao, const struct xtcp_ao_key *key, struct tcp_ao_getsockopt *told)
{
	memset(told, 0, sizeof(*told));
	tell_address(&key->peers, key->peers.v4, &told->addr);
	strscpy(told->alg_name, xtcp_ao_algorithms[key->algorithm].name, sizeof(told->alg_name));
	memcpy(told->key, key->octets, key->keylen);
	told->is_current = key == READ_ONCE(ao->current_key);
	told->is_rnext = key == ao->rnext_key;
	told->sndid = key->sndid;
	told->rcvid = key->rcvid;
	told->prefix = told_prefix(&key->peers);
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
 *	and how many elements the array has. Receives one element for each matching key, until
 *	the array is full; nkeys of the first element receives the number of matching keys
 * @optlen: the size of an element in octets; receives the size that this module uses
 * Context: process, may sleep.
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
 * Context: process, may sleep.
 * Return: 0; -EINVAL; -EFAULT; -E2BIG; -ENOENT when the sock has no TCP-AO.
 */
int xtcp_aoget_info(const struct sock *sk, sockptr_t optval, sockptr_t optlen)
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

static int give_md5(const struct hlist_node *node, struct sock *to, xtcp_keyopt_setter set)
{
	const struct xtcp_key *key = hlist_entry(node, struct xtcp_key, node);
	struct tcp_md5sig cmd = {
		.tcpm_flags = TCP_MD5SIG_FLAG_PREFIX | (key->peers.in_l3 ? TCP_MD5SIG_FLAG_IFINDEX : 0),
		.tcpm_prefixlen = told_prefix(&key->peers),
		.tcpm_keylen = key->md5.len,
		.tcpm_ifindex = key->peers.l3index,
	};
	int err;

	tell_address(&key->peers, to->sk_family == AF_INET, &cmd.tcpm_addr);
	memcpy(cmd.tcpm_key, key->md5.octets, key->md5.len);
	err = set(to, TCP_MD5SIG_EXT, KERNEL_SOCKPTR(&cmd), sizeof(cmd));
	memzero_explicit(&cmd, sizeof(cmd));
	return err;
}

static int give_ao(const struct hlist_node *node, struct sock *to, xtcp_keyopt_setter set)
{
	const struct xtcp_ao_key *key = hlist_entry(node, struct xtcp_ao_key, node);
	struct tcp_ao_add cmd = {
		.ifindex = key->peers.l3index,
		.prefix = told_prefix(&key->peers),
		.sndid = key->sndid,
		.rcvid = key->rcvid,
		.maclen = key->maclen,
		.keyflags = key->keyflags,
		.keylen = key->keylen,
	};
	int err;

	tell_address(&key->peers, to->sk_family == AF_INET, &cmd.addr);
	strscpy(cmd.alg_name, xtcp_ao_algorithms[key->algorithm].name, sizeof(cmd.alg_name));
	memcpy(cmd.key, key->octets, key->keylen);
	err = set(to, TCP_AO_ADD_KEY, KERNEL_SOCKPTR(&cmd), sizeof(cmd));
	memzero_explicit(&cmd, sizeof(cmd));
	return err;
}

/* The oldest first: the order of keys can decide. */
static int give_all(const struct hlist_head *keys, struct sock *to, xtcp_keyopt_setter set,
		    int (*give)(const struct hlist_node *node, struct sock *to, xtcp_keyopt_setter set))
{
	const struct hlist_node *node, *last = NULL;
	int err = 0;

	hlist_for_each(node, keys)
		last = node;
	for (node = last; node && !err;
	     node = node->pprev == &keys->first ? NULL : hlist_entry(node->pprev, struct hlist_node, next))
		err = give(node, to, set);
	return err;
}

/**
 * xtcp_keys_give() - give copies of all keys to a sock of another build
 * @sk: the sock that has them
 * @to: a sock of the same family, bound, without keys
 * @set: xtcp_keyopt_set() of that build, for @to
 * Context: process, may sleep.
 * Return: 0, or an error of @set; then @to may have some of the keys.
 */
int xtcp_keys_give(const struct sock *sk, struct sock *to, xtcp_keyopt_setter set)
{
	struct tcp_ao_info_opt info = {};
	int err, len = sizeof(info);

	err = xtcp_cold(sk) ? give_all(&xtcp_cold(sk)->keys, to, set, give_md5) : 0;
	if (err || !xtcp_ao_of(sk))
		return err;
	err = give_all(&xtcp_ao_of(sk)->keys, to, set, give_ao) ?:
	      xtcp_aoget_info(sk, KERNEL_SOCKPTR(&info), KERNEL_SOCKPTR(&len));
	info.set_current = 0;
	info.set_rnext = 0;
	info.set_counters = 1;
	return err ?: set(to, TCP_AO_INFO, KERNEL_SOCKPTR(&info), sizeof(info));
}
