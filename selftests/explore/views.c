// SPDX-License-Identifier: GPL-2.0
/* What netlink, /proc and tracepoints say of xtcp's connections. A look costs twenty system calls: there are few. */
#include <linux/tcp.h>
#include "test.h"
#include "world.h"

#define INSTANCE	"explore"
#define EVENT		"events/xtcp/xtcp_segment_out/enable"
#define FILTER		"events/xtcp/xtcp_segment_out/filter"
#define STATS		"/sys/kernel/tracing/instances/" INSTANCE "/per_cpu/cpu0/stats"

/* Of the same connection, at about the same moment. */
struct views {
	struct tcp_info info;		/* TCP_INFO */
	struct tcp_info told;		/* netlink's */
	struct inet_diag_msg msg;
	unsigned int state, wqueue, rqueue;	/* in /proc */
};

static int take_info(int fd, struct tcp_info *info)
{
	socklen_t len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return getsockopt(fd, IPPROTO_TCP, 11 /* TCP_INFO */, info, &len);
}

/* Leaves out what a clock moves. */
static struct tcp_info without_times(const struct tcp_info *info)
{
	struct tcp_info rest = *info;

	rest.tcpi_last_data_sent = 0;
	rest.tcpi_last_data_recv = 0;
	rest.tcpi_last_ack_recv = 0;
	rest.tcpi_busy_time = 0;
	rest.tcpi_rwnd_limited = 0;
	rest.tcpi_sndbuf_limited = 0;
	return rest;
}

/* The first octet in which they differ; -1: none. */
static int difference(const struct tcp_info *a, const struct tcp_info *b)
{
	const struct tcp_info one = without_times(a), other = without_times(b);

	for (unsigned int i = 0; i < sizeof(one); i++) {
		if (((const char *)&one)[i] != ((const char *)&other)[i])
			return i;
	}
	return -1;
}

struct asking {
	const struct diag_query *query;
	const struct inet_diag_sockid *id;
	struct diag_copy *copy;
};

static int ask(void *arg)
{
	const struct asking *asking = arg;

	return diag_get(asking->query, asking->id, asking->copy);
}

static bool take_netlink(const struct world *w, enum side side, uint16_t client_port, struct views *v)
{
	static struct diag_copy copy;
	const uint16_t ports[SIDES] = { client_port, w->port };
	const struct diag_query query = { .stack = XTCP, .v6 = w->s->v6, .ext = 1 << (INET_DIAG_INFO - 1) };
	struct inet_diag_sockid id = { .idiag_cookie = { ~0U, ~0U } };
	struct asking asking = { &query, &id, &copy };
	const int family = w->s->v6 ? AF_INET6 : AF_INET;
	const char * const addr[SIDES] = { w->s->v6 ? PATH_CLIENT6 : PATH_CLIENT4, w->server };
	size_t len;

	id.idiag_sport = htons(ports[side]);
	id.idiag_dport = htons(ports[!side]);
	inet_pton(family, addr[side], id.idiag_src);
	inet_pton(family, addr[!side], id.idiag_dst);
	if (ns_call(w->path.ns[side], ask, &asking) || !copy.row.attr[INET_DIAG_INFO])
		return false;
	v->msg = copy.msg;
	memset(&v->told, 0, sizeof(v->told));
	len = copy.row.len[INET_DIAG_INFO];
	memcpy(&v->told, copy.row.attr[INET_DIAG_INFO], len < sizeof(v->told) ? len : sizeof(v->told));
	return true;
}

static bool take_proc(const struct world *w, enum side side, uint16_t client_port, struct views *v)
{
	char *table = ns_read_file(w->path.ns[side], w->s->v6 ? "/proc/net/xtcp6" : "/proc/net/xtcp");
	const unsigned int ports[SIDES] = { client_port, w->port };
	unsigned int local, remote;
	bool found = false;

	for (const char *line = table; line && !found; line = strchr(line + 1, '\n')) {
		found = sscanf(line, "%*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%x %x %x:%x", &local, &remote, &v->state,
			       &v->wqueue, &v->rqueue) == 5 && local == ports[side] && remote == ports[!side];
	}
	free(table);
	return found;
}

/* Octets, and a FIN, that wait for their ACK, or for the program. */
static bool is_queue(long long says, long long octets)
{
	return says == octets || says == octets + 1;
}

static void compare(struct world *w, const struct lane *lane, enum side side, const struct views *v)
{
	const struct end *end = &lane->end[side];
	const char *name = side_name(side);
	const int at = difference(&v->info, &v->told);

	if (at >= 0)
		verdict_wrong(w, "views: the %s: netlink and TCP_INFO differ at octet %d", name, at);
	if (v->msg.idiag_state != v->info.tcpi_state || v->state != v->info.tcpi_state)
		verdict_wrong(w, "views: the %s: TCP_INFO says state %u, netlink %u, /proc %u", name,
			      v->info.tcpi_state, v->msg.idiag_state, v->state);
	/* the program may be in the middle of a call */
	if (!end->program->blocks && !is_queue(v->msg.idiag_wqueue, end->written - (long long)v->info.tcpi_bytes_acked))
		verdict_wrong(w, "views: the %s: %u octets in its send queue, of %lld written and %llu acknowledged",
			      name, v->msg.idiag_wqueue, end->written, (unsigned long long)v->info.tcpi_bytes_acked);
	/* an urgent octet counts as read when the program has read past it */
	if (!end->peer->program->urgent && !end->program->splices && !end->program->blocks &&
	    !is_queue(v->msg.idiag_rqueue, (long long)v->info.tcpi_bytes_received - end->read))
		verdict_wrong(w, "views: the %s: %u octets in its receive queue, of %llu received and %lld read", name,
			      v->msg.idiag_rqueue, (unsigned long long)v->info.tcpi_bytes_received, end->read);
	/* a thread may read or write between the two */
	if (!end->program->blocks && (v->msg.idiag_wqueue != v->wqueue || v->msg.idiag_rqueue != v->rqueue))
		verdict_wrong(w, "views: the %s: the queues of netlink are %u and %u, those of /proc %u and %u", name,
			      v->msg.idiag_wqueue, v->msg.idiag_rqueue, v->wqueue, v->rqueue);
}

void views_look(struct world *w, const struct lane *lane, enum side side)
{
	const uint16_t port = w->path.flow[lane - w->lane].port;
	const int fd = lane->end[side].fd;
	struct tcp_info later;
	struct views v;

	if (take_info(fd, &v.info))
		return;
	if (!take_netlink(w, side, port, &v) || !take_proc(w, side, port, &v)) {
		verdict_wrong(w, "views: the %s: netlink or /proc does not show the connection", side_name(side));
		return;
	}
	/* a timer has done something meanwhile */
	if (take_info(fd, &later) || difference(&v.info, &later) >= 0 || path_has_news(&w->path))
		return;
	compare(w, lane, side, &v);
}

/* A namespace that has ended may live on for a while, and its connections still send. */
static void leave_out_others(const struct world *w)
{
	static ino_t known[SIDES];
	struct stat now[SIDES];
	char filter[64];

	must(!fstat(w->path.ns[CLIENT], &now[CLIENT]) && !fstat(w->path.ns[SERVER], &now[SERVER]), "namespaces");
	if (known[CLIENT] == now[CLIENT].st_ino && known[SERVER] == now[SERVER].st_ino)
		return;
	known[CLIENT] = now[CLIENT].st_ino;
	known[SERVER] = now[SERVER].st_ino;
	snprintf(filter, sizeof(filter), "netns == %lu || netns == %lu", known[CLIENT], known[SERVER]);
	tracing_set(FILTER, filter);
}

void views_begin(const struct world *w)
{
	static bool traces;

	if (!traces) {
		tracing_start(INSTANCE);
		tracing_set("buffer_size_kb", "16");
	}
	leave_out_others(w);
	if (!traces)
		tracing_set(EVENT, "1");
	traces = true;
}

/* The tracepoint counts what leaves xtcp; nobody reads its events. */
long long views_events(void)
{
	char text[1024], *at;
	long long entries = 0, overrun = 0;
	ssize_t len;
	int fd = open(STATS, O_RDONLY | O_CLOEXEC);

	must(fd >= 0, STATS);
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len > 0 ? len : 0] = 0;
	at = strstr(text, "entries: ");
	must(at && sscanf(at, "entries: %lld", &entries) == 1, "entries");
	at = strstr(text, "overrun: ");
	must(at && sscanf(at, "overrun: %lld", &overrun) == 1, "overrun");
	return entries + overrun;
}
