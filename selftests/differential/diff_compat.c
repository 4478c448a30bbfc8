// SPDX-License-Identifier: GPL-2.0
/* Differential scenarios: calls of a 32-bit program, by a 64-bit one that uses int 0x80 and memory below 4 GiB. */
#include <linux/filter.h>
#include <linux/net_tstamp.h>
#include <linux/route.h>
#include <sys/mman.h>
#include "lib/diff.h"

/* System calls by their numbers of i386. */
enum { IOCTL32 = 54, GETSOCKOPT32 = 365, SETSOCKOPT32 = 366, SENDMSG32 = 370, RECVMSG32 = 372 };

struct iovec32 {
	uint32_t base, len;
};

struct msghdr32 {
	uint32_t name;
	int32_t namelen;
	uint32_t iov, iovlen, control, controllen, flags;
};

struct cmsghdr32 {
	uint32_t len;
	int32_t level, type;
};

struct rtentry32 {
	uint32_t pad1;
	struct sockaddr dst, gateway, genmask;
	uint16_t flags;
	int16_t pad2;
	uint32_t pad3;
	uint8_t tos, class;
	int16_t pad4;
	int16_t metric;
	uint32_t dev, mtu, window;
	uint16_t irtt;
};

#define LOW_ROOM	65536
#ifndef MAP_32BIT
#define MAP_32BIT	0	/* there can_call() says no */
#endif

static char *low_at;

/* Octets that a pointer of 32 bits reaches. */
static void *low(size_t len)
{
	static char *end;
	char *p;

	if (!low_at) {
		low_at = mmap(NULL, LOW_ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
		diff_must(low_at != MAP_FAILED, "memory below 4 GiB");
		end = low_at + LOW_ROOM;
	}
	p = low_at;
	low_at += (len + 15) & ~15ul;
	diff_must(low_at <= end, "memory below 4 GiB is used up");
	return p;
}

static uint32_t ptr(const void *p)
{
	return (uint32_t)(unsigned long)p;
}

static long call32(int number, long a, long b, long c, long d, long e)
{
	long ret;

#ifdef __x86_64__
	asm volatile("int $0x80" : "=a"(ret) : "a"((long)number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
		     : "memory", "r8", "r9", "r10", "r11");
	ret = (int)ret;
#else
	ret = number && a && b && c && d && e ? -ENOSYS : -EINVAL;
#endif
	if (ret < 0 && ret > -4096) {
		errno = -ret;
		return -1;
	}
	return ret;
}

/* The laboratory's kernel is one that cannot: there the number is one of another call. */
static bool can_call(void)
{
	if (!access("/proc/sys/abi/vsyscall32", F_OK))
		return true;
	diff_say("the kernel cannot run 32-bit programs");
	return false;
}

static void set32(int fd, const char *name, int opt, const void *from, int len)
{
	void *at = low(len);

	memcpy(at, from, len);
	errno = 0;
	diff_ret(name, call32(SETSOCKOPT32, fd, SOL_SOCKET, opt, ptr(at), len));
}

static void get32(int fd, const char *name, int level, int opt, int room)
{
	unsigned char *at = low(room ?: 1);
	uint32_t *len = low(4);
	char text[400] = "";

	memset(at, 0xee, room);
	*len = room;
	errno = 0;
	diff_ret(name, call32(GETSOCKOPT32, fd, level, opt, ptr(at), ptr(len)));
	for (int i = 0; i < (int)*len && i < 24; i++)
		sprintf(text + 3 * i, " %02x", at[i]);
	diff_say("%s: length %u:%s", name, *len, level == IPPROTO_TCP ? "" : text);
}

static long ioctl32(int fd, unsigned int cmd, const void *arg)
{
	return call32(IOCTL32, fd, cmd, ptr(arg), 0, 0);
}

static void ioctl_int(int fd, const char *name, unsigned int cmd)
{
	int *at = low(4);

	*at = 77;
	errno = 0;
	diff_ret(name, ioctl32(fd, cmd, at));
	diff_say("%s gives %d", name, *at);
}

SCENARIO(compat_timeouts)
{
	const int old[2] = { 3, 500000 }, negative[2] = { -1, 0 }, wrong[2] = { 1, 1000000 };
	const long long new[2] = { 5, 250000 };
	int c;

	if (!can_call())
		return;
	c = diff_socket();
	set32(c, "SO_RCVTIMEO", SO_RCVTIMEO, old, sizeof(old));
	get32(c, "SO_RCVTIMEO", SOL_SOCKET, SO_RCVTIMEO, 16);
	get32(c, "SO_RCVTIMEO, 4", SOL_SOCKET, SO_RCVTIMEO, 4);
	get32(c, "SO_RCVTIMEO_NEW", SOL_SOCKET, 66, 16);
	set32(c, "SO_SNDTIMEO_NEW", 67, new, sizeof(new));
	get32(c, "SO_SNDTIMEO", SOL_SOCKET, SO_SNDTIMEO, 16);
	set32(c, "SO_RCVTIMEO negative", SO_RCVTIMEO, negative, sizeof(negative));
	get32(c, "SO_RCVTIMEO", SOL_SOCKET, SO_RCVTIMEO, 16);
	set32(c, "SO_RCVTIMEO wrong", SO_RCVTIMEO, wrong, sizeof(wrong));
	set32(c, "SO_RCVTIMEO short", SO_RCVTIMEO, old, 4);
	get32(c, "SO_LINGER", SOL_SOCKET, SO_LINGER, 8);
}

SCENARIO(compat_filter)
{
	const struct sock_filter all = { BPF_RET | BPF_K, 0, 0, 0xffffffff };
	struct sock_filter *at;
	uint32_t prog[2] = { 1 };
	int c, s;

	if (!can_call())
		return;
	at = low(sizeof(*at));
	*at = all;
	prog[1] = ptr(at);
	diff_pair(&c, &s);
	set32(s, "SO_DETACH_FILTER", SO_DETACH_FILTER, prog, 4);
	set32(s, "SO_ATTACH_FILTER", SO_ATTACH_FILTER, prog, sizeof(prog));
	get32(s, "SO_GET_FILTER", SOL_SOCKET, SO_GET_FILTER, 1);
	diff_put(c, "abc");
	READ(s, 3, 0);
}

/* Each ioctl() whose argument is an int, and some that nobody knows. */
SCENARIO(compat_ioctls)
{
	static const struct {
		const char *name;
		unsigned int cmd;
	} ioctls[] = {
		{ "FIONREAD", FIONREAD }, { "SIOCATMARK", SIOCATMARK }, { "SIOCOUTQ", SIOCOUTQ },
		{ "SIOCOUTQNSD", SIOCOUTQNSD }, { "SIOCGSTAMP", 0x8906 }, { "SIOCGSTAMPNS", 0x8907 },
		{ "SIOCGPGRP", SIOCGPGRP }, { "SIOCPROTOPRIVATE", SIOCPROTOPRIVATE },
		{ "SIOCDEVPRIVATE", SIOCDEVPRIVATE }, { "SIOCETHTOOL", 0x8946 }, { "unknown", 0x1234 },
		{ "FIOASYNC", FIOASYNC }, { "FIONBIO", FIONBIO },
	};
	int c, s;

	if (!can_call())
		return;
	diff_pair(&c, &s);
	diff_must(send(c, "abcde", 5, 0) == 5 && send(c, "u", 1, MSG_OOB) == 1, "send");
	BITS(s, POLLPRI);
	QUEUES(c, -1, 0);
	ioctl_int(s, "FIONREAD before the mark", FIONREAD);
	READ(s, 5, 0);
	for (unsigned int i = 0; i < sizeof(ioctls) / sizeof(ioctls[0]); i++)
		ioctl_int(s, ioctls[i].name, ioctls[i].cmd);
	RET(ioctl32(s, FIONREAD, NULL));
	READ(s, 1, 0);
}

/* The route of a 32-bit program, from a socket over IPv4. */
SCENARIO(compat_routes)
{
	struct rtentry32 *rt;
	char *dev;
	int c;

	if (!can_call())
		return;
	diff_own_namespace();
	c = diff_socket();
	rt = low(sizeof(*rt));
	dev = low(8);
	RET(ioctl32(c, SIOCADDRT, NULL));
	RET(ioctl32(c, SIOCADDRT, rt));
	RET(ioctl32(c, SIOCDELRT, rt));
	if (diff.family == AF_INET6)
		return;
	strcpy(dev, "lo");
	rt->dst = *(struct sockaddr *)&(struct sockaddr_in){ AF_INET, 0, { htonl(0x0a050000) } };
	rt->genmask = *(struct sockaddr *)&(struct sockaddr_in){ AF_INET, 0, { htonl(0xffff0000) } };
	rt->flags = RTF_UP;
	rt->dev = ptr(dev);
	RET(ioctl32(c, SIOCADDRT, rt));
	RET(ioctl32(c, SIOCADDRT, rt));
	RET(ioctl32(c, SIOCDELRT, rt));
	RET(ioctl32(c, SIOCDELRT, rt));
}

/* Receives, and says what control messages there are and how long. */
static void recv32(int fd, const char *name, int room, int flags)
{
	struct msghdr32 *m = low(sizeof(*m));
	struct iovec32 *iov = low(sizeof(*iov));
	char *b = low(64), *control = low(512);
	uint32_t at = 0;
	long n;

	memset(control, 0, 512);
	*iov = (struct iovec32){ ptr(b), 64 };
	*m = (struct msghdr32){ .iov = ptr(iov), .iovlen = 1, .control = ptr(control), .controllen = room };
	errno = 0;
	n = diff_ret(name, call32(RECVMSG32, fd, ptr(m), flags, 0, 0));
	diff_say("%s: flags %#x, control %u, name %d", name, m->flags, m->controllen, m->namelen);
	while (n >= 0 && at + sizeof(struct cmsghdr32) <= m->controllen) {
		struct cmsghdr32 *h = (void *)(control + at);

		diff_say("level %d, type %d, length %u", h->level, h->type, h->len);
		if (h->level == IPPROTO_TCP)
			diff_say("TCP_INQ: %d", *(int *)(h + 1));
		if (h->len < sizeof(*h))
			break;
		at += (h->len + 3) & ~3u;
	}
}

/* The kernel begins to stamp what arrives a while after somebody has asked for it. */
static void wait_for_stamps(int c, int s)
{
	char b[64], control[256];
	struct iovec iov = { b, sizeof(b) };
	struct msghdr m;

	do {
		diff_put(c, "abc");
		m = (struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
				     .msg_controllen = sizeof(control) };
		diff_must(recvmsg(s, &m, 0) == 3, "recvmsg");
	} while (!m.msg_controllen);
}

SCENARIO(compat_control)
{
	int c, s;

	if (!can_call())
		return;
	diff_pair(&c, &s);
	SET(s, SOL_SOCKET, SO_TIMESTAMP, 1);
	wait_for_stamps(c, s);
	SET(s, IPPROTO_TCP, TCP_INQ, 1);
	diff_put(c, "abc");
	recv32(s, "SO_TIMESTAMP", 512, 0);
	SET(s, SOL_SOCKET, SO_TIMESTAMPNS, 1);
	diff_put(c, "abc");
	recv32(s, "SO_TIMESTAMPNS", 512, 0);
	SET(s, SOL_SOCKET, 63, 1);
	diff_put(c, "abc");
	recv32(s, "SO_TIMESTAMP_NEW", 512, 0);
	SET(s, SOL_SOCKET, 64, 1);
	SET(s, SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE);
	diff_put(c, "abc");
	recv32(s, "SO_TIMESTAMPING and SO_TIMESTAMPNS_NEW", 512, 0);
	SET(s, SOL_SOCKET, 64, 0);
	SET(s, SOL_SOCKET, 65, SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE);
	diff_put(c, "abc");
	recv32(s, "SO_TIMESTAMPING_NEW", 512, 0);
	diff_put(c, "abc");
	recv32(s, "no room", 0, 0);
	diff_put(c, "abc");
	recv32(s, "room for a header", 12, 0);
	diff_put(c, "abc");
	recv32(s, "room for 20", 20, 0);
	diff_put(c, "abc");
	recv32(s, "room for 13", 13, MSG_PEEK);
	recv32(s, "MSG_TRUNC", 512, MSG_TRUNC);
	recv32(s, "MSG_ERRQUEUE", 512, MSG_ERRQUEUE);
	recv32(s, "MSG_DONTWAIT", 512, MSG_DONTWAIT);
	recv32(s, "MSG_OOB", 512, MSG_OOB);
	close(c);
	recv32(s, "at the end", 512, 0);
}

SCENARIO(compat_send_control)
{
	static const struct {
		const char *name;
		int level, type;
		uint32_t len, total;
	} tries[] = {
		{ "SO_TIMESTAMPING", SOL_SOCKET, SO_TIMESTAMPING, 16, 16 },
		{ "SO_TIMESTAMPING, too long", SOL_SOCKET, SO_TIMESTAMPING, 20, 20 },
		{ "SCM_TXTIME", SOL_SOCKET, 61, 20, 20 },
		{ "SO_MARK", SOL_SOCKET, SO_MARK, 16, 16 },
		{ "unknown", SOL_SOCKET, 99, 16, 16 },
		{ "another level", SOL_IP, 1, 16, 16 },
		{ "too short", SOL_SOCKET, SO_TIMESTAMPING, 8, 16 },
		{ "longer than there is", SOL_SOCKET, SO_TIMESTAMPING, 40, 16 },
		{ "less than a header", SOL_SOCKET, SO_TIMESTAMPING, 16, 8 },
	};
	struct cmsghdr32 *h;
	struct iovec32 *iov;
	struct msghdr32 *m;
	int c, s;
	char *b;

	if (!can_call())
		return;
	diff_pair(&c, &s);
	for (unsigned int i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		m = low(sizeof(*m));
		iov = low(sizeof(*iov));
		h = low(64);
		b = low(8);
		memcpy(b, "abc", 3);
		*iov = (struct iovec32){ ptr(b), 3 };
		*h = (struct cmsghdr32){ tries[i].len, tries[i].level, tries[i].type };
		*(int *)(h + 1) = tries[i].type == SO_TIMESTAMPING ? SOF_TIMESTAMPING_TX_ACK : 0;
		*m = (struct msghdr32){ .iov = ptr(iov), .iovlen = 1, .control = ptr(h),
					.controllen = tries[i].total };
		errno = 0;
		diff_ret(tries[i].name, call32(SENDMSG32, c, ptr(m), 0, 0, 0));
	}
	READ(s, 9, MSG_WAITALL);
}

SCENARIO(compat_tcp_options)
{
	int c, s;

	if (!can_call())
		return;
	diff_pair(&c, &s);
	get32(c, "TCP_INFO 0", IPPROTO_TCP, TCP_INFO, 0);
	get32(c, "TCP_INFO 7", IPPROTO_TCP, TCP_INFO, 7);
	get32(c, "TCP_INFO 104", IPPROTO_TCP, TCP_INFO, 104);
	get32(c, "TCP_CC_INFO", IPPROTO_TCP, TCP_CC_INFO, 20);
	get32(c, "TCP_CONGESTION", IPPROTO_TCP, TCP_CONGESTION, 16);
	get32(c, "TCP_FASTOPEN_KEY", IPPROTO_TCP, TCP_FASTOPEN_KEY, 32);
	get32(c, "TCP_SAVED_SYN", IPPROTO_TCP, TCP_SAVED_SYN, 32);
	get32(c, "SO_PEERCRED", SOL_SOCKET, SO_PEERCRED, 12);
	get32(c, "SO_MEMINFO length", SOL_SOCKET, SO_MEMINFO, 0);
}
