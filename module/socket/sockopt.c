// SPDX-License-Identifier: GPL-2.0
/*
 * Socket options. intopt.c has those of TCP whose value is a number, ipopt.c those of IP and IPv6;
 * status.c reports TCP_INFO, ioctl and poll.
 *
 * Names, units, ranges and errors are those of kernel TCP. An IPPROTO_* option either works here or
 * is refused by ENOPROTOOPT; none is accepted and then ignored. The kernel's generic code handles
 * SOL_SOCKET, but refuses SO_ZEROCOPY for protocols that it does not know. Since Linux 6.5, that
 * code first calls this file, which accepts SO_ZEROCOPY. On older kernels, a program sets
 * XTCP_ZEROCOPY instead.
 */
#include "socket/sockopt.h"

#include <linux/inet_diag.h>
#include <linux/xtcp_ao.h>
#include <net/tcp.h>

#include "auth/aoget.h"
#include "auth/aoopt.h"
#include "auth/md5opt.h"
#include "base/abort.h"
#include "base/net.h"
#include "base/sock.h"
#include "compat.h"
#include "cong/algorithms.h"
#include "fastopen/fastopen.h"
#include "recv/recv.h"
#include "send/send.h"
#include "socket/coalesce.h"
#include "socket/intopt.h"
#include "socket/ipopt.h"
#include "socket/status.h"

static int set_congestion(struct sock *sk, sockptr_t optval, unsigned int optlen)
{
	char name[TCP_CA_NAME_MAX];
	int len, err;

	if (optlen < 1)
		return -EINVAL;
	len = strncpy_from_sockptr(name, optval, min_t(long, TCP_CA_NAME_MAX - 1, optlen));
	if (len < 0)
		return -EFAULT;
	name[len] = 0;

	lock_sock(sk);
	err = xtcp_algorithms_choose(sk, name, ns_capable(sock_net(sk)->user_ns, CAP_NET_ADMIN));
	release_sock(sk);
	return err;
}

static int set_fastopen_key(struct sock *sk, sockptr_t optval, unsigned int optlen)
{
	u8 keys[2 * XTCP_FASTOPEN_KEY_LEN];
	int err;

	if (optlen != XTCP_FASTOPEN_KEY_LEN && optlen != sizeof(keys))
		return -EINVAL;
	if (copy_from_sockptr(keys, optval, optlen))
		return -EFAULT;
	lock_sock(sk);
	err = xtcp_fastopen_set_keys(sk, keys, optlen / XTCP_FASTOPEN_KEY_LEN);
	release_sock(sk);
	memzero_explicit(keys, sizeof(keys));
	return err;
}

static bool is_key_option(int optname)
{
	switch (optname) {
	case TCP_MD5SIG:
	case TCP_MD5SIG_EXT:
	case TCP_AO_ADD_KEY:
	case TCP_AO_DEL_KEY:
	case TCP_AO_INFO:
		return true;
	}
	return false;
}

/*
 * Set, change or remove a key. A signature takes space in each segment, so on a connection the MSS
 * is computed anew.
 */
static int set_key(struct sock *sk, int optname, sockptr_t optval, unsigned int optlen)
{
	const bool md5 = optname == TCP_MD5SIG || optname == TCP_MD5SIG_EXT;
	int err;

	lock_sock(sk);
	err = md5 ? xtcp_md5opt_set(sk, optname, optval, optlen) : xtcp_aoopt_set(sk, optname, optval, optlen);
	if (!err && !((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN)))
		xtcp_mss_sync(sk, xtcp_sk(sk)->pmtu);
	release_sock(sk);
	return err;
}

/**
 * xtcp_sockopt_set() - proto.setsockopt: set an option
 * @sk: the sock, with a descriptor
 * @level: IPPROTO_*; since Linux 6.5 also SOL_SOCKET
 * @optname: the option
 * @optval: its value
 * @optlen: the length of @optval, octets
 *
 * RFC 9293 sections 3.9.1 and 3.8.4.
 *
 * Context: process. Takes the socket lock.
 *
 * Return: 0; -ENOPROTOOPT for an option that is not implemented; -EINVAL; -EFAULT; -ENOENT if
 * TCP_CONGESTION names an unknown algorithm, and -EPERM if only an administrator may choose it;
 * -ENOMEM for TCP_FASTOPEN_KEY; for a number what xtcp_intopt_set() returns; for keys what
 * xtcp_md5opt_set() and xtcp_aoopt_set() return; for SOL_SOCKET what sock_setsockopt() returns, and
 * for other levels what xtcp_ipopt_set() returns.
 */
int xtcp_sockopt_set(struct sock *sk, int level, int optname, sockptr_t optval, unsigned int optlen)
{
	int val, err;

	if (level == SOL_SOCKET) {
		if (optname != SO_ZEROCOPY)
			return sock_setsockopt(sk->sk_socket, level, optname, optval, optlen);
		level = SOL_TCP;
		optname = XTCP_ZEROCOPY;
	}
	xtcp_coalesce_flush(sk);
	if (level != SOL_TCP)
		return xtcp_ipopt_set(sk, level, optname, optval, optlen);
	if (optname == TCP_CONGESTION)
		return set_congestion(sk, optval, optlen);
	if (optname == TCP_FASTOPEN_KEY)
		return set_fastopen_key(sk, optval, optlen);
	if (optlen < sizeof(int))
		return -EINVAL;
	if (copy_from_sockptr(&val, optval, sizeof(val)))
		return -EFAULT;
	if (is_key_option(optname))
		return set_key(sk, optname, optval, optlen);

	lock_sock(sk);
	err = xtcp_intopt_set(sk, optname, val);
	release_sock(sk);
	return err;
}

static int put_octets(char __user *optval, int __user *optlen, const void *from, int len)
{
	if (put_user(len, optlen) || copy_to_user(optval, from, len))
		return -EFAULT;
	return 0;
}

/*
 * TCP_SAVED_SYN. A program can read the SYN once, and only as a whole. If its buffer is too small,
 * the call fails, and *@optlen receives the length that is needed.
 */
static int get_saved_syn(struct sock *sk, char __user *optval, int __user *optlen)
{
	const struct xtcp_saved_syn *syn;
	int len, err = 0;

	if (get_user(len, optlen))
		return -EFAULT;
	lock_sock(sk);
	syn = xtcp_sk(sk)->saved_syn;
	if (!syn) {
		err = put_user(0, optlen);
	} else if (len < (int)syn->len) {
		err = put_user((int)syn->len, optlen) ?: -EINVAL;
	} else {
		err = put_octets(optval, optlen, syn->octets, syn->len);
		if (!err)
			xtcp_savedsyn_drop(&xtcp_sk(sk)->saved_syn);
	}
	release_sock(sk);
	return err;
}

static int get_ao(struct sock *sk, int optname, char __user *optval, int __user *optlen)
{
	int err;

	lock_sock(sk);
	if (optname == TCP_AO_GET_KEYS)
		err = xtcp_aoget_keys(sk, USER_SOCKPTR(optval), USER_SOCKPTR(optlen));
	else
		err = xtcp_aoget_info(sk, USER_SOCKPTR(optval), USER_SOCKPTR(optlen));
	release_sock(sk);
	return err;
}

/**
 * xtcp_sockopt_get() - proto.getsockopt: read an option
 * @sk: the sock
 * @level: IPPROTO_*; never SOL_SOCKET
 * @optname: the option
 * @optval: receives the value, or as much of it as fits
 * @optlen: the size of @optval in octets; receives how many octets were written
 *
 * RFC 9293 section 3.10.6.
 *
 * Context: process. Takes the socket lock where needed.
 *
 * Return: 0; -ENOPROTOOPT for an option that is not implemented; -EINVAL; -EFAULT; for keys what
 * xtcp_aoget_keys() and xtcp_aoget_info() return; for other levels what xtcp_ipopt_get() returns.
 */
int xtcp_sockopt_get(struct sock *sk, int level, int optname, char __user *optval, int __user *optlen)
{
	u8 keys[2 * XTCP_FASTOPEN_KEY_LEN];
	char name[TCP_CA_NAME_MAX] = "";
	union tcp_cc_info cc_info;
	union xtcp_compat_info info;
	struct xtcp_abort abort;
	int len, val, err;

	xtcp_coalesce_flush(sk);
	if (level != SOL_TCP)
		return xtcp_ipopt_get(sk, level, optname, optval, optlen);
	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;

	switch (optname) {
	case TCP_INFO:
		xtcp_status_info(sk, &info);
		return put_octets(optval, optlen, &info, min_t(unsigned int, len, sizeof(info)));
	case XTCP_ABORT:
		xtcp_status_abort(sk, &abort);
		return put_octets(optval, optlen, &abort, min_t(unsigned int, len, sizeof(abort)));
	case TCP_CC_INFO:
		val = xtcp_algorithms_info(sk, &cc_info);
		return put_octets(optval, optlen, &cc_info, min(len, val));
	case TCP_FASTOPEN_KEY:
		val = xtcp_fastopen_get_keys(sk, keys);
		val = put_octets(optval, optlen, keys, min(len, val));
		memzero_explicit(keys, sizeof(keys));
		return val;
	case TCP_SAVED_SYN:
		return get_saved_syn(sk, optval, optlen);
	case TCP_AO_GET_KEYS:
	case TCP_AO_INFO:
		return get_ao(sk, optname, optval, optlen);
	case TCP_CONGESTION:
		strscpy(name, READ_ONCE(xtcp_sk(sk)->algorithm)->name, sizeof(name));
		return put_octets(optval, optlen, name, min_t(unsigned int, len, sizeof(name)));
	default:
		/* data_race(): if another thread sets the option now, either value is right */
		err = data_race(xtcp_intopt_get(sk, optname, &val));
		return err ?: put_octets(optval, optlen, &val, min_t(unsigned int, len, sizeof(val)));
	}
}

/**
 * xtcp_sockopt_set_rcvlowat() - proto_ops.set_rcvlowat: set SO_RCVLOWAT
 * @sk: the sock
 * @val: the new value, octets; not negative
 *
 * SO_RCVLOWAT becomes at most half of the largest size that the buffer may have. If the buffer is
 * smaller than twice SO_RCVLOWAT, the buffer grows to twice SO_RCVLOWAT. Without this growth, a
 * reader could wait for more text than the window admits.
 *
 * Context: process. Lock: socket, held.
 *
 * Return: 0.
 */
int xtcp_sockopt_set_rcvlowat(struct sock *sk, int val)
{
	bool fixed = sk->sk_userlocks & SOCK_RCVBUF_LOCK;
	int most = fixed ? sk->sk_rcvbuf : READ_ONCE(xtcp_net_of(sk)->sysctl.rmem[2]);

	sock_owned_by_me(sk);
	val = min(val, most >> 1);
	WRITE_ONCE(sk->sk_rcvlowat, val ?: 1);
	if (sk->sk_state != TCP_LISTEN)
		xtcp_text_wake(sk);
	if (!fixed && val << 1 > sk->sk_rcvbuf)
		WRITE_ONCE(sk->sk_rcvbuf, val << 1);
	return 0;
}

/**
 * xtcp_sockopt_set_peek_off() - proto_ops.set_peek_off: set SO_PEEK_OFF
 * @sk: the sock
 * @val: where the next MSG_PEEK begins, in octets from copied_seq; negative: MSG_PEEK always begins
 *	at copied_seq
 *
 * Context: process. The socket lock may or may not be held: newer kernels do not take it here.
 *
 * Return: 0.
 */
int xtcp_sockopt_set_peek_off(struct sock *sk, int val)
{
	WRITE_ONCE(sk->sk_peek_off, val);
	return 0;
}
