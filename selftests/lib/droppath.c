// SPDX-License-Identifier: GPL-2.0
#include "droppath.h"
#include "segment.h"
#include "test.h"
#include "tun.h"

#define DEVICE		"path0"
#define LARGEST		2048
/*
 * The handshake is by this share faster: the shortest round trip that the sender knows. A repetition that seems to be
 * answered faster than that is no measure of RACK's (RFC 8985 section 6.2), and a path without jitter would leave it to
 * microseconds which it is.
 */
#define HANDSHAKE	8

struct droppath_packet {
	struct droppath_packet *next;
	long long due_us;
	int to;			/* which tun */
	ssize_t len;
	unsigned char bytes[];
};

static long long now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

static int open_end(int *ns, int *tun, const char *addr, unsigned int mtu)
{
	*ns = ns_make();
	if (*ns < 0)
		return -1;
	*tun = tun_open(*ns, DEVICE);
	if (*tun < 0)
		return -1;
	return ns_link_mtu(*ns, DEVICE, mtu) ?: ns_link_gso_max_segs(*ns, DEVICE, 1) ?:
	       ns_link_up(*ns, DEVICE, true) ?: ns_addr_add(*ns, DEVICE, addr);
}

int droppath_open(struct droppath *path, int delay_ms, unsigned int mtu)
{
	memset(path, 0, sizeof(*path));
	path->delay_us = delay_ms * 1000;
	path->end = &path->queue;
	return open_end(&path->a, &path->tun[0], DROPPATH_A "/24", mtu) ?:
	       open_end(&path->b, &path->tun[1], DROPPATH_B "/24", mtu);
}

void droppath_plan(struct droppath *path, const struct droppath_plan *plan)
{
	struct droppath_packet *packet;

	while ((packet = path->queue)) {
		path->queue = packet->next;
		free(packet);
	}
	path->end = &path->queue;
	path->plan = *plan;
	memset(&path->seen, 0, sizeof(path->seen));
	memset(path->copies, 0, sizeof(path->copies));
	memset(path->arrived, 0, sizeof(path->arrived));
	path->known = false;
	path->mss = 0;
	path->acks = 0;
}

static void show(const struct droppath *path, const struct wire_segment *seg, bool from_a, const char *what)
{
	if (!path->show)
		return;
	printf("# %9.3f %s %u(%u) %s\n", path->seen.began_us ? (now_us() - path->seen.began_us) / 1e3 : 0.0,
	       from_a ? "-->" : "   <-- ack", (from_a ? seg->seq : seg->ack) - path->first, seg->len, what);
}

/* Text on its way from a to b. True: it is to be dropped. */
static bool text_leaves(struct droppath *path, const struct wire_segment *seg)
{
	uint32_t from = seg->seq - path->first;
	unsigned int n;
	bool drop;

	if (!path->mss) {
		path->mss = seg->len;
		path->seen.began_us = now_us();
	}
	n = from / path->mss;
	if (n >= DROPPATH_SEGMENTS)
		return false;
	drop = path->copies[n]++ < path->plan.text[n];
	if (from < path->highest) {
		path->seen.resent++;
		path->seen.needless += path->arrived[n];
	}
	if (from + seg->len > path->highest)
		path->highest = from + seg->len;
	if (!drop)
		path->arrived[n] = true;
	show(path, seg, true, drop ? "dropped" : "");
	return drop;
}

static bool ack_leaves(struct droppath *path, const struct wire_segment *seg)
{
	bool drop = path->acks < 64 && path->plan.acks >> path->acks & 1;

	path->acks++;
	show(path, seg, false, drop ? "dropped" : "");
	return drop;
}

static bool leaves(struct droppath *path, const struct wire_segment *seg, bool from_a)
{
	const bool syn = seg->flags & WIRE_SYN;

	if (from_a && syn) {
		path->first = seg->seq + 1;
		path->highest = 0;
		path->known = true;
	}
	if (syn || !path->known)
		return false;
	if (from_a)
		return seg->len && text_leaves(path, seg);
	return path->mss && !seg->len && ack_leaves(path, seg);
}

static void take(struct droppath *path, int from)
{
	unsigned char bytes[LARGEST];
	struct droppath_packet *packet;
	struct wire_segment seg;
	ssize_t len;

	while ((len = read(path->tun[from], bytes, sizeof(bytes))) > 0) {
		if (!segment_parse(&seg, bytes, len) && leaves(path, &seg, !from)) {
			path->seen.dropped++;
			continue;
		}
		packet = malloc(sizeof(*packet) + len);
		packet->next = NULL;
		packet->due_us = now_us() + path->delay_us - (path->mss ? 0 : path->delay_us / HANDSHAKE);
		packet->to = !from;
		packet->len = len;
		memcpy(packet->bytes, bytes, len);
		*path->end = packet;
		path->end = &packet->next;
	}
}

static void arrives(struct droppath *path, const struct droppath_packet *packet)
{
	struct wire_segment seg;
	uint32_t acked;

	if (packet->to || !path->mss || segment_parse(&seg, packet->bytes, packet->len) || seg.flags & WIRE_SYN)
		return;
	acked = seg.ack - path->first;
	if (acked <= path->seen.acked || acked > path->highest)
		return;
	path->seen.acked = acked;
	path->seen.ended_us = now_us();
}

static void give(struct droppath *path)
{
	struct droppath_packet *packet;
	long long late;

	while ((packet = path->queue) && (late = now_us() - packet->due_us) >= 0) {
		path->queue = packet->next;
		if (!path->queue)
			path->end = &path->queue;
		if (late > path->seen.late_us)
			path->seen.late_us = late;
		arrives(path, packet);
		if (path->give ? path->give(path, packet->to, packet->bytes, packet->len) < 0 :
		    write(path->tun[packet->to], packet->bytes, packet->len) < 0)
			perror("# droppath: tun");
		free(packet);
		/* each packet's answer leaves when it was given */
		take(path, 0);
		take(path, 1);
	}
}

void droppath_step(struct droppath *path, int ms)
{
	struct pollfd p[2] = { { .fd = path->tun[0], .events = POLLIN }, { .fd = path->tun[1], .events = POLLIN } };
	long long wait_us = ms * 1000LL, left;
	struct timespec ts;

	if (path->queue) {
		left = path->queue->due_us - now_us();
		wait_us = left < 0 ? 0 : left < wait_us ? left : wait_us;
	}
	ts.tv_sec = wait_us / 1000000;
	ts.tv_nsec = wait_us % 1000000 * 1000;
	ppoll(p, 2, &ts, NULL);
	take(path, 0);
	take(path, 1);
	give(path);
}
