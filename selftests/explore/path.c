// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "ns.h"

#define DEVICE	"path0"
#define LARGEST	9216
#define BURST_US	100000	/* at most */

struct path_packet {
	struct path_packet *next;
	long long due_us;
	enum side to;
	bool is_corrupt;
	ssize_t len;
	uint8_t bytes[];
};

long long path_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

static int open_tun(void *unused)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI, .ifr_name = DEVICE };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	(void)unused;
	if (fd >= 0 && ioctl(fd, TUNSETIFF, &ifr)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int open_end(struct path *path, enum side side, const char *addr4, const char *addr6)
{
	int *ns = &path->ns[side];

	*ns = ns_make();
	if (*ns < 0)
		return -1;
	path->tun[side] = ns_call(*ns, open_tun, NULL);
	if (path->tun[side] < 0) {
		fprintf(stderr, "# path: /dev/net/tun: %s\n", strerror(errno));
		return -1;
	}
	return ns_sysctl_set(*ns, "net.ipv4.tcp_no_metrics_save", "1") ?: ns_link_gso_max_segs(*ns, DEVICE, 1) ?:
	       ns_link_up(*ns, DEVICE, true) ?: ns_addr_add(*ns, DEVICE, addr4) ?: ns_addr_add(*ns, DEVICE, addr6);
}

int path_open(struct path *path)
{
	memset(path, 0, sizeof(*path));
	return open_end(path, CLIENT, PATH_CLIENT4 "/24", PATH_CLIENT6 "/64") ?:
	       open_end(path, SERVER, PATH_SERVER4 "/24", PATH_SERVER6 "/64");
}

void path_begin(struct path *path, const struct scenario *scenario, unsigned int round, struct judge *judge,
		uint16_t port)
{
	struct path_packet *packet;

	while ((packet = path->queue)) {
		path->queue = packet->next;
		free(packet);
	}
	path->scenario = scenario;
	path->chance.state = ~scenario->seed - round;
	path->judge = judge;
	path->port = port;
	path->began_us = path_now_us();
	path->moved_us = path->began_us;
	memset(path->free_us, 0, sizeof(path->free_us));
	memset(path->last_due_us, 0, sizeof(path->last_due_us));
	memset(path->is_burst, 0, sizeof(path->is_burst));
	memset(path->corrupted, 0, sizeof(path->corrupted));
	path->packets = 0;
}

static void show(const struct path *path, enum side from, const struct segment *seg, const char *what)
{
	const struct judge *j = path->judge;
	int i;

	if (!path->show)
		return;
	printf("# %11.3f ms  %s  seq %u len %u%s%s%s ack %u win %u", (path_now_us() - path->began_us) / 1e3,
	       from == CLIENT ? "-->    " : "    <--", seg->seq - j->side[from].iss, seg->len,
	       seg->flags & SEGMENT_SYN ? " SYN" : "", seg->flags & SEGMENT_FIN ? " FIN" : "",
	       seg->flags & SEGMENT_RST ? " RST" : "", seg->ack - j->side[!from].iss, seg->window);
	for (i = 0; i < seg->sacks; i++)
		printf(" [%u %u]", seg->sack[i][0] - j->side[!from].iss, seg->sack[i][1] - j->side[!from].iss);
	printf("  %s\n", what);
}

/* Is the packet lost, by the network towards @to? */
static const char *why_lost(struct path *path, enum side to, size_t len, long long now)
{
	const struct network *n = &path->scenario->towards[to];
	const long long at_ms = (now - path->began_us) / 1000;

	if (n->silent_ms && at_ms >= n->silent_from_ms && at_ms < n->silent_from_ms + n->silent_ms)
		return "lost in the silence";
	if (path->is_burst[to] && now < path->burst_until_us[to]) {
		if (chance_ppm(&path->chance, 200000))
			path->is_burst[to] = false;
		return "lost in a burst";
	}
	if (chance_ppm(&path->chance, n->burst_ppm)) {
		path->is_burst[to] = true;
		path->burst_until_us[to] = now + BURST_US;
		return "lost, a burst begins";
	}
	if (chance_ppm(&path->chance, n->loss_ppm))
		return "lost";
	if (n->rate_bps && path->free_us[to] > now &&
	    (path->free_us[to] - now) * n->rate_bps / 8000000 + (long long)len > n->queue_octets + 1500)
		return "lost, the queue is full";
	return NULL;
}

/* When it arrives. */
static long long due_us(struct path *path, enum side to, size_t len, long long now)
{
	const struct network *n = &path->scenario->towards[to];
	long long due = now;

	if (n->rate_bps) {
		if (path->free_us[to] > due)
			due = path->free_us[to];
		due += len * 8000000LL / n->rate_bps;
		path->free_us[to] = due;
	}
	if (chance_ppm(&path->chance, n->reorder_ppm))
		return due + n->delay_us / 8;
	due += n->delay_us;
	if (n->jitter_us)
		due += chance_below(&path->chance, n->jitter_us);
	/* jitter alone does not reorder */
	if (due < path->last_due_us[to])
		due = path->last_due_us[to];
	path->last_due_us[to] = due;
	return due;
}

/* One bit of the TCP header. */
static void corrupt(struct chance *chance, uint8_t *tcp)
{
	tcp[chance_below(chance, 20)] ^= 1 << chance_below(chance, 8);
}

static void enqueue(struct path *path, enum side to, const uint8_t *bytes, ssize_t len, long long due)
{
	struct path_packet *packet = malloc(sizeof(*packet) + len), **at = &path->queue;

	packet->due_us = due;
	packet->to = to;
	packet->len = len;
	memcpy(packet->bytes, bytes, len);
	packet->is_corrupt = chance_ppm(&path->chance, path->scenario->towards[to].corrupt_ppm);
	if (packet->is_corrupt)
		corrupt(&path->chance, packet->bytes + (bytes[0] >> 4 == 6 ? 40 : 20));
	while (*at && (*at)->due_us <= due)
		at = &(*at)->next;
	packet->next = *at;
	*at = packet;
}

static void leaves(struct path *path, enum side from, const uint8_t *bytes, ssize_t len)
{
	const long long now = path_now_us();
	const char *wrong, *lost;
	struct segment seg;

	wrong = segment_parse(&seg, bytes, len);
	if (wrong && !*wrong)
		return;
	if ((from == CLIENT ? seg.dport : seg.sport) != path->port)
		return;
	path->packets++;
	path->moved_us = now;
	if (wrong)
		judge_unreadable(path->judge, from, wrong);
	else
		judge_leaves(path->judge, from, &seg, now - path->began_us);
	lost = why_lost(path, !from, len, now);
	show(path, from, &seg, lost ?: "");
	if (lost)
		return;
	enqueue(path, !from, bytes, len, due_us(path, !from, len, now));
	if (chance_ppm(&path->chance, path->scenario->towards[!from].duplicate_ppm))
		enqueue(path, !from, bytes, len, due_us(path, !from, len, now));
}

static void take(struct path *path)
{
	uint8_t bytes[LARGEST];
	ssize_t len;
	int side;

	for (side = 0; side < SIDES; side++) {
		while ((len = read(path->tun[side], bytes, sizeof(bytes))) > 0)
			leaves(path, side, bytes, len);
	}
}

void path_step(struct path *path)
{
	struct path_packet *packet;
	struct segment seg;

	take(path);
	while ((packet = path->queue) && packet->due_us <= path_now_us()) {
		path->queue = packet->next;
		judge_settle(path->judge);
		if (packet->is_corrupt)
			path->corrupted[packet->to]++;
		else if (!segment_parse(&seg, packet->bytes, packet->len))
			judge_arrives(path->judge, packet->to, &seg);
		if (write(path->tun[packet->to], packet->bytes, packet->len) < 0)
			perror("# path: tun");
		path->moved_us = path_now_us();
		free(packet);
		take(path);
	}
}

long long path_wait_us(const struct path *path)
{
	long long left;

	if (!path->queue)
		return -1;
	left = path->queue->due_us - path_now_us();
	return left > 0 ? left : 0;
}
