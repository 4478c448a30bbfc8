// SPDX-License-Identifier: GPL-2.0
#include "test.h"
#include "tun.h"
#include "world.h"

#define DEVICE	PATH_DEVICE
#define QUEUE	20000	/* packets: all that leave between two looks */
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

/* When path_look_at_clock() was called last. In the laboratory each look costs a system call. */
static long long now_us;

void path_look_at_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now_us = ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

long long path_now_us(void)
{
	return now_us;
}

static const char * const addrs4[SIDES] = { PATH_CLIENT4 "/16", PATH_SERVER4 "/16" };
static const char * const addrs6[SIDES] = { PATH_CLIENT6 "/64", PATH_SERVER6 "/64" };

static int set_up(const struct path *path, int ns, const char *device)
{
	return ns_link_gso_max_segs(ns, device, 1) ?: ns_link_queue(ns, device, QUEUE) ?:
	       (path->scenario ? ns_link_mtu(ns, device, path->scenario->mtu) : 0) ?: ns_link_up(ns, device, true);
}

int path_open_device(struct path *path, enum side side)
{
	const int ns = path->ns[side];

	path->tun[side] = tun_open(ns, DEVICE);
	if (path->tun[side] < 0)
		return -1;
	return ns_sysctl_set(ns, "net.ipv6.conf." DEVICE ".keep_addr_on_down", "1") ?:
	       set_up(path, ns, DEVICE) ?:
	       ns_addr_add(ns, DEVICE, addrs4[side]) ?: ns_addr_add(ns, DEVICE, addrs6[side]);
}

int path_open_second(struct path *path, enum side side)
{
	const int ns = path->ns[side];

	path->second[side] = tun_open(ns, PATH_SECOND);
	if (path->second[side] < 0)
		return -1;
	return set_up(path, ns, PATH_SECOND) ?: ns_addr_add(ns, PATH_SECOND, "10.8.1.1/32") ?:
	       ns_addr_add(ns, PATH_SECOND, "fd00:8::1:1/128");
}

void path_end_second(struct path *path, enum side side)
{
	if (path->second[side] >= 0)
		close(path->second[side]);
	path->second[side] = -1;
}

void path_set_address(struct path *path, enum side side, bool on)
{
	const int ns = path->ns[side];

	if (on)
		must(!ns_addr_add(ns, DEVICE, addrs4[side]) && !ns_addr_add(ns, DEVICE, addrs6[side]), "addresses");
	else
		must(!ns_addr_del(ns, DEVICE, addrs4[side]) && !ns_addr_del(ns, DEVICE, addrs6[side]), "no addresses");
}

int path_open_host(struct path *path, enum side side)
{
	path->ns[side] = ns_make();
	if (path->ns[side] < 0)
		return -1;
	return ns_sysctl_set(path->ns[side], "net.ipv4.tcp_no_metrics_save", "1") ?: path_open_device(path, side) ?:
	       (side == CLIENT ? 0 : ns_route_local(path->ns[side], PATH_SERVERS4) ?:
				     ns_route_local(path->ns[side], PATH_SERVERS6));
}

void path_end_device(struct path *path, enum side side)
{
	close(path->tun[side]);
	path->tun[side] = -1;
}

void path_end_host(struct path *path, enum side side)
{
	path_end_device(path, side);
	path_end_second(path, side);
	close(path->ns[side]);
	path->ns[side] = -1;
}

void path_link_up(struct path *path, enum side side, bool up)
{
	if (path->ns[side] >= 0)
		must(!ns_link_up(path->ns[side], DEVICE, up), "a link goes down and up");
}

int path_open(struct path *path)
{
	memset(path, 0, sizeof(*path));
	path->second[CLIENT] = -1;
	path->second[SERVER] = -1;
	return path_open_host(path, CLIENT) ?: path_open_host(path, SERVER);
}

void path_begin(struct path *path, const struct scenario *scenario, unsigned int round, uint16_t port)
{
	struct path_packet *packet;

	while ((packet = path->queue)) {
		path->queue = packet->next;
		free(packet);
	}
	path->scenario = scenario;
	path->chance.state = ~scenario->seed - round;
	path->port = port;
	path_look_at_clock();
	path->began_us = path_now_us();
	path->moved_us = path->began_us;
	if (path->show && !path->shown_us)
		path->shown_us = path->began_us;
	memset(path->flow, 0, sizeof(path->flow));
	memset(path->free_us, 0, sizeof(path->free_us));
	memset(path->last_due_us, 0, sizeof(path->last_due_us));
	memset(path->is_burst, 0, sizeof(path->is_burst));
	memset(path->chosen, 0, sizeof(path->chosen));
	memset(path->number, 0, sizeof(path->number));
	memset(path->lost, 0, sizeof(path->lost));
	memset(path->left, 0, sizeof(path->left));
	memset(path->arrived, 0, sizeof(path->arrived));
	memset(path->foreign, 0, sizeof(path->foreign));
	memset(path->has_left, true, sizeof(path->has_left));
}

/* No system call: one would take time, and the scenario would be another one. */
static void show(const struct path *path, enum side from, const struct path_flow *flow, const struct wire_segment *seg,
		 const char *what)
{
	const struct judge *j = flow->judge;

	if (!path->show)
		return;
	printf("# %11.3f ms  %s  seq %u len %u%s%s%s%s%s%s ack %u win %u", (path->moved_us - path->began_us) / 1e3,
	       from == CLIENT ? "-->    " : "    <--", seg->seq - j->side[from].iss, seg->len,
	       seg->flags & WIRE_SYN ? " SYN" : "", seg->flags & WIRE_FIN ? " FIN" : "",
	       seg->flags & WIRE_RST ? " RST" : "", seg->ace & 4 ? " AE" : "", seg->ace & 2 ? " CWR" : "",
	       seg->ace & 1 ? " ECE" : "", seg->ack - j->side[!from].iss, seg->win);
	if (seg->cookie_len >= 0)
		printf(" cookie %d", seg->cookie_len);
	for (unsigned int i = 0; i < seg->sacks; i++)
		printf(" [%u %u]", seg->sack[i][0] - j->side[!from].iss, seg->sack[i][1] - j->side[!from].iss);
	if (path->scenario->connections > 1)
		printf("  connection %d", (int)(flow - path->flow));
	printf("  %s\n", what);
}

static bool is_listed(const struct drops *drops, int number)
{
	for (int i = 0; i < drops->n; i++) {
		if (drops->number[i] == number)
			return true;
	}
	return false;
}

/* Notes that chance took a packet. Returns @what. */
static const char *by_chance(struct path *path, enum side to, const char *what)
{
	struct drops *lost = &path->lost[to];

	if (lost->n < DROPS)
		lost->number[lost->n++] = path->number[to];
	return what;
}

static bool is_dropped_by_box(enum syn_box box, const struct wire_segment *seg)
{
	if (!(seg->flags & WIRE_SYN))
		return false;
	return (box == DROPS_TEXT && seg->len) || (box == DROPS_OPTION && seg->cookie_len >= 0);
}

static enum kind kind_of(const struct wire_segment *seg, bool is_again)
{
	if (seg->flags & WIRE_RST)
		return KIND_RST;
	if (seg->flags & WIRE_SYN)
		return KIND_SYN;
	if (seg->flags & WIRE_FIN)
		return KIND_FIN;
	if (!seg->len)
		return KIND_ACK;
	return is_again ? KIND_AGAIN : KIND_DATA;
}

/* Does the scenario lose this one? */
static bool is_chosen(struct path *path, enum side to, enum kind kind)
{
	const struct network *n = &path->scenario->towards[to];
	int nth;

	if (!n->lose || n->lose != kind)
		return false;
	nth = ++path->chosen[to];
	return nth >= n->lose_nth && nth < n->lose_nth + n->lose_n;
}

/* Is the packet lost, by the network towards @to? */
static const char *why_lost(struct path *path, enum side to, const struct wire_segment *seg, bool is_again, size_t len,
			    long long now)
{
	const struct network *n = &path->scenario->towards[to];
	const long long at_ms = (now - path->began_us) / 1000;

	if (n->silent_ms && at_ms >= n->silent_from_ms && at_ms < n->silent_from_ms + n->silent_ms)
		return "lost in the silence";
	if (n->mtu && at_ms >= n->mtu_from_ms && len > (size_t)n->mtu)
		return "lost, too long";
	if (is_dropped_by_box(n->syn_box, seg))
		return "lost, a middlebox drops it";
	if (is_chosen(path, to, kind_of(seg, is_again)))
		return by_chance(path, to, "lost by its kind");
	if (is_listed(&n->drops, path->number[to]))
		return "lost by its number";
	if (path->is_burst[to] && now < path->burst_until_us[to]) {
		if (chance_ppm(&path->chance, 200000))
			path->is_burst[to] = false;
		return by_chance(path, to, "lost in a burst");
	}
	if (chance_ppm(&path->chance, n->burst_ppm)) {
		path->is_burst[to] = true;
		path->burst_until_us[to] = now + BURST_US;
		return by_chance(path, to, "lost, a burst begins");
	}
	if (chance_ppm(&path->chance, n->loss_ppm))
		return by_chance(path, to, "lost");
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

/* One bit of the first @n octets of a TCP segment. */
static void corrupt(struct chance *chance, uint8_t *tcp, size_t n)
{
	tcp[chance_below(chance, n)] ^= 1 << chance_below(chance, 8);
}

static void enqueue(struct path *path, enum side to, const uint8_t *bytes, ssize_t len, long long due, bool is_corrupt)
{
	struct path_packet *packet = malloc(sizeof(*packet) + len), **at = &path->queue;
	const size_t ip = bytes[0] >> 4 == 6 ? 40 : 20;

	packet->due_us = due;
	packet->to = to;
	packet->len = len;
	memcpy(packet->bytes, bytes, len);
	if (chance_ppm(&path->chance, path->scenario->towards[to].ce_ppm))
		router_mark(packet->bytes);
	packet->is_corrupt = is_corrupt;
	if (packet->is_corrupt)
		corrupt(&path->chance, packet->bytes + ip, path->scenario->towards[to].corrupts_text ? len - ip : 20);
	while (*at && (*at)->due_us <= due)
		at = &(*at)->next;
	packet->next = *at;
	*at = packet;
}

static void carry(struct path *path, enum side to, const uint8_t *bytes, ssize_t len, long long now)
{
	const struct network *n = &path->scenario->towards[to];
	long long due = due_us(path, to, len, now);

	enqueue(path, to, bytes, len, due, chance_ppm(&path->chance, n->corrupt_ppm));
	if (!chance_ppm(&path->chance, n->duplicate_ppm))
		return;
	due = due_us(path, to, len, now);
	enqueue(path, to, bytes, len, due, chance_ppm(&path->chance, n->corrupt_ppm));
}

/* The router on the way to @to says that the packet is too long, if it sends ICMP. */
static void answer_too_long(struct path *path, enum side to, const uint8_t *bytes, ssize_t len, long long now)
{
	const struct network *n = &path->scenario->towards[to];
	uint8_t icmp[ICMP_LARGEST];
	ssize_t icmp_len;

	if (!n->mtu || !n->has_icmp || len <= n->mtu || (now - path->began_us) / 1000 < n->mtu_from_ms)
		return;
	icmp_len = router_too_long(icmp, bytes, len, n->mtu);
	if (icmp_len)
		enqueue(path, !to, icmp, icmp_len, now + n->delay_us, false);
}

static struct path_flow *flow_of(struct path *path, uint16_t port)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		if (port && path->flow[i].port == port)
			return &path->flow[i];
	}
	return NULL;
}

static void leaves(struct path *path, enum side from, uint8_t *bytes, ssize_t len, bool by_second)
{
	const long long now = path_now_us();
	struct path_flow *flow;
	struct wire_segment seg;
	unsigned int resent;
	const char *wrong = segment_parse(&seg, bytes, len), *lost;

	if (wrong && !*wrong)
		return;
	path->left[from]++;
	flow = flow_of(path, from == CLIENT ? seg.sport : seg.dport);
	if ((from == CLIENT ? seg.dport : seg.sport) != path->port || !flow) {
		path->foreign[from]++;
		return;
	}
	path->number[!from]++;
	path->moved_us = now;
	resent = flow->judge->side[from].resent;
	judge_way(flow->judge, from, by_second == path->by_second[from] || path->moves[from], bytes);
	if (wrong)
		judge_unreadable(flow->judge, from, wrong);
	else
		judge_leaves(flow->judge, from, &seg, now - path->began_us);
	lost = why_lost(path, !from, &seg, resent != flow->judge->side[from].resent, len, now);
	if (path->scenario->towards[!from].syn_box == STRIPS_OPTION && seg.flags & WIRE_SYN && seg.fastopen)
		router_strip_fastopen(bytes, len, &seg);
	show(path, from, flow, &seg, lost ?: "");
	if (lost)
		answer_too_long(path, !from, bytes, len, now);
	else
		carry(path, !from, bytes, len, now);
}

/* Takes what has left a device of @side. All of it has left at about the same time. */
static void take_from_device(struct path *path, enum side side, int tun)
{
	uint8_t bytes[LARGEST];
	ssize_t len = read(tun, bytes, sizeof(bytes));

	if (len <= 0)
		return;
	path_look_at_clock();
	do {
		leaves(path, side, bytes, len, tun != path->tun[side]);
		len = read(tun, bytes, sizeof(bytes));
	} while (len > 0);
}

/* The device of the route first: what has left by it is older, if the route changes now. */
static void take_from(struct path *path, enum side side)
{
	const bool by_second = path->by_second[side];

	if (by_second)
		take_from_device(path, side, path->second[side]);
	take_from_device(path, side, path->tun[side]);
	if (!by_second && path->second[side] >= 0)
		take_from_device(path, side, path->second[side]);
}

bool path_has_news(struct path *path)
{
	const unsigned int before = path->left[CLIENT] + path->left[SERVER];

	take_from(path, CLIENT);
	take_from(path, SERVER);
	return path->left[CLIENT] + path->left[SERVER] != before;
}

/* Delivers a packet. take_from() sees the answers later. */
static void deliver(struct path *path, const struct path_packet *packet)
{
	const enum side to = packet->to;
	struct path_flow *flow;
	struct wire_segment seg;

	for (flow = path->flow; flow < path->flow + CONNECTIONS && flow->judge; flow++)
		judge_settle(flow->judge);
	/* the link is down, the namespace has ended, memory is short, or IP drops it */
	if (write(path->by_second[to] ? path->second[to] : path->tun[to], packet->bytes, packet->len) < 0 ||
	    path->is_deaf[to])
		return;
	path->has_brought[to] = true;
	if (router_is_icmp(packet->bytes)) {
		for (flow = path->flow; flow < path->flow + CONNECTIONS && flow->judge; flow++)
			judge_too_long(flow->judge, to);
		return;
	}
	path->arrived[to]++;
	if (packet->is_corrupt || segment_parse(&seg, packet->bytes, packet->len))
		return;
	flow = flow_of(path, to == CLIENT ? seg.dport : seg.sport);
	if (flow)
		judge_arrives(flow->judge, to, &seg, path_now_us() - path->began_us);
}

void path_step(struct path *path)
{
	struct path_packet *packet;

	for (int side = 0; side < SIDES; side++) {
		path->has_brought[side] = false;
		if (path->has_left[side])
			take_from(path, side);
	}
	while ((packet = path->queue) && packet->due_us <= path_now_us()) {
		path->queue = packet->next;
		deliver(path, packet);
		path->moved_us = path_now_us();
		take_from(path, packet->to);
		free(packet);
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
