/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The socket options of TCP-AO (RFC 5925), which Linux has since 6.7 in <linux/tcp.h>. This header
 * is for programs and kernels whose <linux/tcp.h> is older; include it after <linux/tcp.h>. The
 * layout is Linux's, so a program works on both stacks.
 */
#ifndef _UAPI_LINUX_XTCP_AO_H
#define _UAPI_LINUX_XTCP_AO_H

#include <linux/socket.h>
#include <linux/tcp.h>
#include <linux/types.h>

#ifndef TCP_AO_ADD_KEY

#define TCP_AO_ADD_KEY		38	/* struct tcp_ao_add */
#define TCP_AO_DEL_KEY		39	/* struct tcp_ao_del */
#define TCP_AO_INFO		40	/* struct tcp_ao_info_opt, to set and to get */
#define TCP_AO_GET_KEYS		41	/* an array of struct tcp_ao_getsockopt */

#define TCP_AO_MAXKEYLEN	80

#define TCP_AO_KEYF_IFINDEX	1	/* the field ifindex is used */
#define TCP_AO_KEYF_EXCLUDE_OPT	2	/* the MAC covers no option but TCP-AO itself */

/* A new key (MKT). Fields named reserved are 0, here and below. */
struct tcp_ao_add {
	struct __kernel_sockaddr_storage addr;	/* the peers; their port is 0 */
	char	alg_name[64];		/* "hmac(sha1)", "cmac(aes128)", and others */
	__s32	ifindex;		/* the device of a VRF; 0 with TCP_AO_KEYF_IFINDEX: outside of VRFs */
	__u32	set_current	:1,	/* we sign by this key from now on */
		set_rnext	:1,	/* we ask the peer to sign by this key */
		reserved	:30;
	__u16	reserved2;
	__u8	prefix;			/* how many bits of the address are compared */
	__u8	sndid;			/* KeyID in segments that we send */
	__u8	rcvid;			/* KeyID in segments that the peer sends */
	__u8	maclen;			/* octets of the MAC; 0: 12 */
	__u8	keyflags;		/* TCP_AO_KEYF_* */
	__u8	keylen;			/* octets of the key */
	__u8	key[TCP_AO_MAXKEYLEN];
} __attribute__((aligned(8)));

/* Which key to delete, and which keys to use from then on. */
struct tcp_ao_del {
	struct __kernel_sockaddr_storage addr;
	__s32	ifindex;
	__u32	set_current	:1,	/* current_key is valid */
		set_rnext	:1,	/* rnext is valid */
		del_async	:1,	/* only for listeners */
		reserved	:29;
	__u16	reserved2;
	__u8	prefix;
	__u8	sndid;
	__u8	rcvid;
	__u8	current_key;		/* the sndid by which to sign from now on */
	__u8	rnext;			/* the rcvid that the peer is asked to use */
	__u8	keyflags;		/* TCP_AO_KEYF_IFINDEX or 0 */
} __attribute__((aligned(8)));

/* The state of TCP-AO on a socket. */
struct tcp_ao_info_opt {
	__u32	set_current	:1,	/* current_key is valid */
		set_rnext	:1,	/* rnext is valid */
		ao_required	:1,	/* drop unsigned segments of all peers */
		set_counters	:1,	/* set the counters to the values below */
		accept_icmps	:1,	/* believe ICMP errors that RFC 5925 section 7.8 says to ignore */
		reserved	:27;
	__u16	reserved2;
	__u8	current_key;		/* a sndid */
	__u8	rnext;			/* a rcvid */
	__u64	pkt_good;		/* segments with a valid MAC */
	__u64	pkt_bad;		/* segments with an invalid MAC */
	__u64	pkt_key_not_found;	/* segments whose KeyID has no key */
	__u64	pkt_ao_required;	/* segments that lacked a required MAC */
	__u64	pkt_dropped_icmp;	/* ICMP errors that were ignored */
} __attribute__((aligned(8)));

/*
 * A key as getsockopt() returns it. In the call, the first element of the array says which keys are
 * wanted.
 */
struct tcp_ao_getsockopt {
	struct __kernel_sockaddr_storage addr;
	char	alg_name[64];
	__u8	key[TCP_AO_MAXKEYLEN];
	__u32	nkeys;			/* first element: size of the array; on return: how many keys match */
	__u16	is_current	:1,	/* return the key by which we sign */
		is_rnext	:1,	/* return the key by which the peer should sign */
		get_all		:1,	/* return all keys */
		reserved	:13;
	__u8	sndid;
	__u8	rcvid;
	__u8	prefix;
	__u8	maclen;
	__u8	keyflags;
	__u8	keylen;
	__s32	ifindex;
	__u64	pkt_good;
	__u64	pkt_bad;
} __attribute__((aligned(8)));

#endif /* TCP_AO_ADD_KEY */

#endif /* _UAPI_LINUX_XTCP_AO_H */
