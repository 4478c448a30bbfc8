/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The socket options of TCP-AO (RFC 5925), which Linux has since 6.7 in <linux/tcp.h>. This header
 * is for programs, and for kernels, whose <linux/tcp.h> is older; include it after that one. The
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

#define TCP_AO_KEYF_IFINDEX	1	/* ifindex counts */
#define TCP_AO_KEYF_EXCLUDE_OPT	2	/* the MAC covers no option but TCP-AO itself */

/* A new key (MKT). Fields named reserved are 0, here and below. */
struct tcp_ao_add {
	struct __kernel_sockaddr_storage addr;	/* the peers; their port is 0 */
	char	alg_name[64];		/* "hmac(sha1)", "cmac(aes128)", and others */
	__s32	ifindex;		/* the device of a VRF; 0 with the flag: outside of VRFs */
	__u32	set_current	:1,	/* sign by it from now on */
		set_rnext	:1,	/* ask the peer to sign by it */
		reserved	:30;
	__u16	reserved2;
	__u8	prefix;			/* how many bits of the address count */
	__u8	sndid;			/* KeyID of what we sign */
	__u8	rcvid;			/* KeyID of what the peer signs */
	__u8	maclen;			/* octets of the MAC; 0: 12 */
	__u8	keyflags;		/* TCP_AO_KEYF_* */
	__u8	keylen;			/* octets of the key */
	__u8	key[TCP_AO_MAXKEYLEN];
} __attribute__((aligned(8)));

/* Which key goes, and which others take its place. */
struct tcp_ao_del {
	struct __kernel_sockaddr_storage addr;
	__s32	ifindex;
	__u32	set_current	:1,	/* current_key counts */
		set_rnext	:1,	/* rnext counts */
		del_async	:1,	/* for listeners alone */
		reserved	:29;
	__u16	reserved2;
	__u8	prefix;
	__u8	sndid;
	__u8	rcvid;
	__u8	current_key;		/* the sndid by which to sign from now on */
	__u8	rnext;			/* the rcvid for which to ask the peer */
	__u8	keyflags;		/* TCP_AO_KEYF_IFINDEX or 0 */
} __attribute__((aligned(8)));

/* The state of TCP-AO on a socket. */
struct tcp_ao_info_opt {
	__u32	set_current	:1,	/* current_key counts; as an answer: there is one */
		set_rnext	:1,	/* rnext counts; as an answer: there is one */
		ao_required	:1,	/* drop unsigned segments of all peers */
		set_counters	:1,	/* set the counters to the values below */
		accept_icmps	:1,	/* believe ICMP errors that RFC 5925 section 7.8 says to ignore */
		reserved	:27;
	__u16	reserved2;
	__u8	current_key;		/* a sndid */
	__u8	rnext;			/* a rcvid */
	__u64	pkt_good;		/* segments with a valid MAC */
	__u64	pkt_bad;		/* segments with another one */
	__u64	pkt_key_not_found;	/* segments whose KeyID has no key */
	__u64	pkt_ao_required;	/* segments that should have had a MAC */
	__u64	pkt_dropped_icmp;	/* ICMP errors that were ignored */
} __attribute__((aligned(8)));

/* A key as getsockopt() tells it; the first one of the array says which ones are asked for. */
struct tcp_ao_getsockopt {
	struct __kernel_sockaddr_storage addr;
	char	alg_name[64];
	__u8	key[TCP_AO_MAXKEYLEN];
	__u32	nkeys;			/* of the first: room of the array; as an answer: how many match */
	__u16	is_current	:1,	/* asks for the key by which we sign */
		is_rnext	:1,	/* asks for the key that the peer should sign by */
		get_all		:1,	/* asks for all */
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
