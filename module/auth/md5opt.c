// SPDX-License-Identifier: GPL-2.0
/* The socket options TCP_MD5SIG and TCP_MD5SIG_EXT, with the same errors as in Linux. */
#include "auth/md5opt.h"

#include <linux/string.h>
#include <linux/tcp.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "auth/aokeys.h"
#include "auth/keys.h"

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
