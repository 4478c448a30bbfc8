// SPDX-License-Identifier: GPL-2.0
#include "flow.h"
#include <linux/sockios.h>
#include "test.h"

/* A prime length: no power of two at which streams could be cut gives the same octets. */
#define PATTERN 1048573
#define CHUNK 65536

static unsigned char pattern[PATTERN];
static pthread_once_t pattern_once = PTHREAD_ONCE_INIT;

static void make_pattern(void)
{
	unsigned int x = 2463534242u, i;

	for (i = 0; i < PATTERN; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		pattern[i] = x >> 11;
	}
}

static bool fail(struct flow *f, const char *wrong)
{
	f->wrong = wrong;
	f->error = errno;
	return true;
}

/* Sends what there is room for. True if anything happened. */
static bool move_out(struct flow *f)
{
	size_t at = (f->out + f->sent) % PATTERN, len = PATTERN - at;
	ssize_t n;

	if (f->shut)
		return false;
	if (f->sent == f->send) {
		if (shutdown(f->fd, SHUT_WR))
			return fail(f, "shutdown");
		f->shut = true;
		return true;
	}
	if ((long long)len > f->send - f->sent)
		len = f->send - f->sent;
	n = send(f->fd, pattern + at, len < 4 * CHUNK ? len : 4 * CHUNK, MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN ? false : fail(f, "send");
	f->sent += n;
	return true;
}

static bool as_sent(const struct flow *f, const unsigned char *got, size_t len)
{
	size_t at = (f->in + f->received) % PATTERN, part = PATTERN - at;

	if (part > len)
		part = len;
	return !memcmp(got, pattern + at, part) &&
		!memcmp(got + part, pattern, len - part);
}

static bool move_in(struct flow *f)
{
	unsigned char got[CHUNK];
	size_t room = f->slowly && f->slowly < sizeof(got) ? f->slowly : sizeof(got);
	ssize_t n;

	if (f->ended)
		return false;
	n = recv(f->fd, got, room, 0);
	errno = n < 0 ? errno : 0;
	if (n < 0)
		return errno == EAGAIN ? false : fail(f, "recv");
	if (!n) {
		f->ended = true;
		return f->received == f->receive ? true : fail(f, "the end came early");
	}
	if (f->received + n > f->receive)
		return fail(f, "more came than was sent");
	if (!as_sent(f, got, n))
		return fail(f, "octets differ");
	f->received += n;
	return true;
}

static bool finished(const struct flow *f)
{
	return f->wrong || (f->shut && f->ended);
}

static void start(struct flow *flows, int n)
{
	pthread_once(&pattern_once, make_pattern);
	for (int i = 0; i < n; i++)
		if (fcntl(flows[i].fd, F_SETFL, O_NONBLOCK))
			fail(&flows[i], "fcntl");
}

/* What each flow waits for; -1 in place of a finished one. */
static int want(struct flow *flows, int n, struct pollfd *p)
{
	int i, open = 0;

	for (i = 0; i < n; i++) {
		const struct flow *f = &flows[i];

		p[i].fd = finished(f) ? -1 : f->fd;
		p[i].events = (f->ended || f->idle ? 0 : POLLIN) | (f->shut ? 0 : POLLOUT);
		open += p[i].fd >= 0;
	}
	return open;
}

/* Waits at most @ms and moves what can move. True if anything did. */
static bool move_all(struct flow *flows, int n, struct pollfd *p, int ms)
{
	bool moved = false;

	poll(p, n, ms);
	for (int i = 0; i < n; i++) {
		if (p[i].fd < 0 || !p[i].revents)
			continue;
		if (!flows[i].idle)
			moved |= move_in(&flows[i]);
		if (!flows[i].wrong)
			moved |= move_out(&flows[i]);
	}
	return moved;
}

int flow_step(struct flow *flows, int n, int ms)
{
	struct pollfd *p = calloc(n, sizeof(*p));
	int i, open;

	start(flows, n);
	open = want(flows, n, p);
	if (open)
		move_all(flows, n, p, ms);
	free(p);
	for (i = 0; i < n; i++)
		if (flows[i].wrong)
			return -1;
	return open;
}

bool flow_run(struct flow *flows, int n, long long stall_ms)
{
	struct pollfd *p = calloc(n, sizeof(*p));
	long long end = wait_now_ms() + stall_ms;
	bool ok = true;

	start(flows, n);
	while (want(flows, n, p)) {
		if (move_all(flows, n, p, 1000))
			end = wait_now_ms() + stall_ms;
		if (wait_now_ms() < end)
			continue;
		for (int i = 0; i < n; i++)
			if (!finished(&flows[i]))
				fail(&flows[i], "nothing moves");
	}
	for (int i = 0; i < n; i++)
		ok &= !flows[i].wrong;
	free(p);
	return ok;
}

void flow_pair(struct flow *a, int fd_a, long long to_b, struct flow *b, int fd_b, long long to_a)
{
	*a = (struct flow){ .fd = fd_a, .send = to_b, .receive = to_a, .out = 1000, .in = 777777 };
	*b = (struct flow){ .fd = fd_b, .send = to_a, .receive = to_b, .out = 777777, .in = 1000 };
}

void flow_explain(const struct flow *flows, int n)
{
	for (int i = 0; i < n; i++)
		if (flows[i].wrong)
			ksft_print_msg("flow %d: %s (%s); sent %lld of %lld, received %lld of %lld\n", i,
				       flows[i].wrong, strerror(flows[i].error), flows[i].sent,
				       flows[i].send, flows[i].received, flows[i].receive);
}

static void *compare(void *arg)
{
	struct bulk_reader *r = arg;
	char c;

	r->right = stack_gives(r->fd, r->text, r->len) && recv(r->fd, &c, 1, 0) == 0;
	return NULL;
}

void bulk_compare(struct bulk_reader *r, const void *text, long len)
{
	r->text = text;
	r->len = len;
	must(!pthread_create(&r->thread, NULL, compare, r), "thread");
}

bool bulk_is_right(struct bulk_reader *r)
{
	must(!pthread_join(r->thread, NULL), "thread");
	return r->right;
}

void *bulk_swallow(void *fd)
{
	static char in[65536];

	while (recv(*(int *)fd, in, sizeof(in), 0) > 0)
		;
	return NULL;
}

void bulk_send(int fd, int len)
{
	static const char octets[65536];
	int n;

	for (; len; len -= n) {
		n = send(fd, octets, len < (int)sizeof(octets) ? len : (int)sizeof(octets), MSG_NOSIGNAL);
		must(n > 0, "send");
	}
}

int bulk_unacknowledged(int fd)
{
	int queued = -1;

	must(!ioctl(fd, SIOCOUTQ, &queued), "SIOCOUTQ");
	return queued;
}

static void *carry(void *arg)
{
	struct carrier *c = arg;

	while (!c->stop && !c->broken) {
		if (!stack_carries(c->client, c->server, 3000) || !stack_carries(c->server, c->client, 3000))
			c->broken = true;
		c->rounds++;
		wait_tick();
	}
	return NULL;
}

void carrier_start(struct carrier *c, const struct ns_pair *net, enum stack stack, int port)
{
	*c = (struct carrier){};
	stack_pair_or_die(net->a, KERNEL, net->b, stack, NS_B4, port, &c->client, &c->server);
	must(!pthread_create(&c->thread, NULL, carry, c), "no threads");
}

bool carrier_goes_on(struct carrier *c)
{
	int before = c->rounds;

	return WAIT_FOR(c->rounds > before + 2 || c->broken, STACK_DEADLINE_MS) && !c->broken;
}

bool carrier_stop(struct carrier *c)
{
	c->stop = true;
	pthread_join(c->thread, NULL);
	close_each(c->client, c->server);
	return !c->broken;
}
