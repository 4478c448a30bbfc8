// SPDX-License-Identifier: GPL-2.0
/* TCP_REPAIR moves an open connection to another socket, of either stack; what arrives meanwhile waits outside. */
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include "test.h"
#include "world.h"

#define LARGEST	(64 << 10)	/* octets of a segment, before it is cut */
#define ROOM	(4 << 20)	/* octets for each queue */

struct saved {
	union stack_addr from, to;
	struct tcp_info info;
	struct tcp_repair_window window;
	uint8_t *text[TCP_QUEUES_NR];
	int len[TCP_QUEUES_NR], seq[TCP_QUEUES_NR];
	int unsent, mss, clock;
	char algorithm[16];
};

static void get(int fd, int option, void *value, socklen_t len)
{
	must(!getsockopt(fd, IPPROTO_TCP, option, value, &len), "an option of a connection");
}

static void set(int fd, int option, int value)
{
	must(!stack_set(fd, IPPROTO_TCP, option, value), "an option of a restored connection");
}

/* Linux 6.1 shows the first segment of the send queue as a whole, even if a part of it is acknowledged. */
static void take_queue(int fd, struct saved *saved, int queue, int request)
{
	int len, n;

	set(fd, TCP_REPAIR_QUEUE, queue);
	must(!ioctl(fd, request, &len), "the length of a queue");
	saved->text[queue] = malloc(len + LARGEST);
	n = len ? recv(fd, saved->text[queue], len + LARGEST, MSG_PEEK) : 0;
	must(n >= len, "the text of a queue");
	memmove(saved->text[queue], saved->text[queue] + n - len, len);
	saved->len[queue] = len;
	get(fd, TCP_QUEUE_SEQ, &saved->seq[queue], sizeof(int));
	saved->seq[queue] -= saved->len[queue];
}

static void take(int fd, struct saved *saved)
{
	socklen_t len = sizeof(saved->from);

	must(!getsockname(fd, &saved->from.sa, &len) && !getpeername(fd, &saved->to.sa, &len), "addresses");
	set(fd, TCP_REPAIR, TCP_REPAIR_ON);
	get(fd, TCP_INFO, &saved->info, sizeof(saved->info));
	get(fd, TCP_MAXSEG, &saved->mss, sizeof(int));
	get(fd, TCP_CONGESTION, saved->algorithm, sizeof(saved->algorithm));
	take_queue(fd, saved, TCP_RECV_QUEUE, SIOCINQ);
	take_queue(fd, saved, TCP_SEND_QUEUE, SIOCOUTQ);
	must(!ioctl(fd, SIOCOUTQNSD, &saved->unsent), "SIOCOUTQNSD");
	get(fd, TCP_TIMESTAMP, &saved->clock, sizeof(int));
	get(fd, TCP_REPAIR_WINDOW, &saved->window, sizeof(saved->window));
	/* Linux 6.1 forgets it when Fast Open, or a simultaneous open, is complete; it would not take its own word */
	if (saved->window.max_window < saved->window.snd_wnd)
		saved->window.max_window = saved->window.snd_wnd;
	must(!close(fd), "close()");
}

/* A call takes a part of much text. */
static void put_text(int fd, const uint8_t *text, int len)
{
	int at, n;

	for (at = 0; at < len; at += n) {
		n = send(fd, text + at, len - at, MSG_NOSIGNAL);
		must(n > 0, "the text of a restored connection");
	}
}

static void put_options(int fd, const struct saved *saved)
{
	const struct tcp_info *info = &saved->info;
	struct tcp_repair_opt opt[4] = { { TCPOPT_MAXSEG, saved->mss } };
	int n = 1;

	if (info->tcpi_options & TCPI_OPT_WSCALE)
		opt[n++] = (struct tcp_repair_opt){ TCPOPT_WINDOW,
						    info->tcpi_snd_wscale | info->tcpi_rcv_wscale << 16 };
	if (info->tcpi_options & TCPI_OPT_SACK)
		opt[n++].opt_code = TCPOPT_SACK_PERMITTED;
	if (info->tcpi_options & TCPI_OPT_TIMESTAMPS)
		opt[n++].opt_code = TCPOPT_TIMESTAMP;
	must(!setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_OPTIONS, opt, n * sizeof(opt[0])), "TCP_REPAIR_OPTIONS");
}

static void give(int fd, const struct saved *saved, bool asks)
{
	const int flying = saved->len[TCP_SEND_QUEUE] - saved->unsent;

	set(fd, TCP_REPAIR, TCP_REPAIR_ON);
	/* a server with Fast Open has all addresses of a network */
	if (saved->from.sa.sa_family == AF_INET6)
		must(!stack_set(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1), "IPV6_FREEBIND");
	must(!stack_set(fd, SOL_SOCKET, SO_SNDBUFFORCE, ROOM) && !stack_set(fd, SOL_SOCKET, SO_RCVBUFFORCE, ROOM) &&
	     !bind(fd, &saved->from.sa, stack_addr_len(&saved->from)), "bind() in repair mode");
	for (int queue = TCP_RECV_QUEUE; queue < TCP_QUEUES_NR; queue++) {
		set(fd, TCP_REPAIR_QUEUE, queue);
		set(fd, TCP_QUEUE_SEQ, saved->seq[queue]);
	}
	must(!connect(fd, &saved->to.sa, stack_addr_len(&saved->to)), "connect() in repair mode");
	put_options(fd, saved);
	set(fd, TCP_TIMESTAMP, saved->clock);
	/* the other stack may not have it */
	setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, saved->algorithm, strlen(saved->algorithm));
	set(fd, TCP_REPAIR_QUEUE, TCP_RECV_QUEUE);
	put_text(fd, saved->text[TCP_RECV_QUEUE], saved->len[TCP_RECV_QUEUE]);
	set(fd, TCP_REPAIR_QUEUE, TCP_SEND_QUEUE);
	put_text(fd, saved->text[TCP_SEND_QUEUE], flying);
	must(!setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_WINDOW, &saved->window, sizeof(saved->window)),
	     "TCP_REPAIR_WINDOW");
	set(fd, TCP_REPAIR, asks ? TCP_REPAIR_OFF : TCP_REPAIR_OFF_NO_WP);
	/* the mode has taken it away */
	must(!stack_set(fd, SOL_SOCKET, SO_REUSEADDR, 1), "SO_REUSEADDR");
	put_text(fd, saved->text[TCP_SEND_QUEUE] + flying, saved->unsent);
	free(saved->text[TCP_RECV_QUEUE]);
	free(saved->text[TCP_SEND_QUEUE]);
}

static void repair(struct world *w, struct lane *lane, enum side side)
{
	struct end *end = &lane->end[side];
	struct saved saved = { 0 };
	int fd;

	faults_pause(true);
	path_has_news(&w->path);
	take(end->fd, &saved);
	path_has_news(&w->path);
	if (w->s->host[side].repair_moves)
		end->stack = end->stack == KERNEL ? XTCP : KERNEL;
	judge_restored(&lane->judge, side, end->stack == KERNEL);
	fd = stack_socket(w->path.ns[side], end->stack, w->server);
	must(fd >= 0 && !fcntl(fd, F_SETFL, O_NONBLOCK), "a socket for a restored connection");
	end_prepare(end->program, fd);
	give(fd, &saved, chance_once_in(&end->chance, 2));
	end_reopen(end, fd);
	faults_pause(false);
}

/* Is it open, and without a FIN? */
static bool can_move(const struct world *w, const struct end *end, enum side side)
{
	return end->fd >= 0 && !end->is_connecting && !end->defers && !end->has_shut_read && end->repairs < REPAIRS &&
	       !w->is_down[side] && !w->has_other_route[side] && stack_state(end->fd) == TCP_ESTABLISHED;
}

void repair_step(struct world *w)
{
	const long long us = path_now_us() - w->path.began_us;

	for (int i = 0; i < w->lanes * SIDES; i++) {
		struct end *end = &w->lane[i / SIDES].end[i % SIDES];
		const long long each_us = 1000LL * w->s->host[i % SIDES].repair_ms;

		if (each_us && us >= each_us * (end->repairs + 1) && can_move(w, end, i % SIDES))
			repair(w, &w->lane[i / SIDES], i % SIDES);
	}
}
