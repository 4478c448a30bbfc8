// SPDX-License-Identifier: GPL-2.0
#include "contest.h"
#include "test.h"

#define PORT		5390
#define LOOK_MS		5
#define LOOKS_MAX	20000

static char piece[65536];
static int longer[LOOKS_MAX];	/* at each look of the last run, sorted */
static int looks;

int contest_choose(int fd, const char *algorithm)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, algorithm, strlen(algorithm));
}

int contest_enter(const struct router *r, struct contestant *c, int listener, int port)
{
	int err;

	c->received = 0;
	c->in = -1;
	c->out = stack_socket(r->sender, c->stack, ROUTER_RECEIVER4);
	if (c->out < 0)
		return -1;
	if (!contest_choose(c->out, c->algorithm) && !stack_connect(c->out, ROUTER_RECEIVER4, port))
		c->in = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (c->in >= 0 && !fcntl(c->out, F_SETFL, O_NONBLOCK))
		return 0;
	err = errno;
	close(c->out);
	c->out = -1;
	errno = err;
	return -1;
}

static void leave(struct contestant *c)
{
	if (c->out < 0)
		return;
	stack_reset_at_close(c->out);
	close_each(c->out, c->in);
}

static int round_trip_us(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) ? -1 : (int)info.tcpi_rtt;
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int run(struct contestant *all, int n, int settle_ms, int ms, int rtt_us)
{
	long long begin = wait_now_ms(), now, next = settle_ms;
	struct pollfd fds[2 * CONTEST_MAX];
	int i, got;

	looks = 0;
	for (i = 0; i < n; i++) {
		fds[2 * i] = (struct pollfd){ .fd = all[i].out, .events = POLLOUT };
		fds[2 * i + 1] = (struct pollfd){ .fd = all[i].in, .events = POLLIN };
	}
	while ((now = wait_now_ms() - begin) < settle_ms + ms) {
		poll(fds, 2 * n, 10);
		for (i = 0; i < n; i++) {
			send(all[i].out, piece, sizeof(piece), MSG_NOSIGNAL);
			while ((got = recv(all[i].in, piece, sizeof(piece), 0)) > 0)
				all[i].received += now >= settle_ms ? got : 0;
		}
		if (now >= next && looks < LOOKS_MAX) {
			longer[looks++] = round_trip_us(all[0].out) - rtt_us;
			next = now + LOOK_MS;
		}
	}
	qsort(longer, looks, sizeof(*longer), compare);
	return looks ? longer[looks / 2] : 0;
}

int contest_run(const struct router *r, struct contestant *all, int n, int settle_ms, int ms, int rtt_us,
		int *longer_us)
{
	int listener = stack_listener(r->receiver, KERNEL, ROUTER_RECEIVER4, PORT, true), entered = 0, err = 0, i;

	if (listener < 0)
		return -1;
	while (entered < n && !contest_enter(r, &all[entered], listener, PORT))
		entered++;
	if (entered == n)
		*longer_us = run(all, n, settle_ms, ms, rtt_us);
	else
		err = errno;
	for (i = 0; i < entered; i++)
		leave(&all[i]);
	close(listener);
	errno = err;
	return err ? -1 : 0;
}

int contest_share_above(int us)
{
	int below = 0;

	while (below < looks && longer[below] < us)
		below++;
	return looks ? (looks - below) * 100 / looks : 0;
}

double contest_mbit(const struct contestant *c, int ms)
{
	return c->received * 8.0 / 1000 / ms;
}
