// SPDX-License-Identifier: GPL-2.0
/*
 * SYNs, third ACKs and all that may come instead of them, from one thread, while listeners come and go in another:
 * nothing half open may outlive its listener, and the next connection is served as if nothing had been. The same with
 * text on the SYNs, for listeners that let them open fast.
 */
#include "lib/test.h"
#include "lib/wire.h"

#define ROUNDS		12	/* listeners */
#define PER_ROUND	100	/* segments at each of them */
#define DEADLINE_MS	60000
#define PORT		9
#define TEXT_MAX	1400	/* on a SYN */
#define OPT_FASTOPEN	34
#define FAST_MAX	9	/* connections of a listener that are up before their third ACK */

struct flood {
	struct wire *w;
	uint64_t rand;
	bool text;
	atomic_uint sent, answered, taken;
	atomic_bool stop;
	uint8_t out[WIRE_PACKET_MAX], in[WIRE_PACKET_MAX];
};

/* The engine's own generator belongs to the other thread. */
static uint32_t below(struct flood *f, uint32_t n)
{
	f->rand ^= f->rand << 13;
	f->rand ^= f->rand >> 7;
	f->rand ^= f->rand << 17;
	return f->rand % n;
}

static void inject(struct flood *f, struct wire_segment *seg)
{
	size_t n;

	seg->doff = -1;
	seg->cut = -1;
	n = wire_segment_build(f->w, seg, f->out);
	if (write(f->w->tun, f->out, n) == (ssize_t)n)
		atomic_fetch_add(&f->sent, 1);
}

static void send_syn(struct flood *f)
{
	static const uint8_t options[] = {
		2, 4, 5, 180, 1, 3, 3, 7, 1, 1, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0,
	};
	static const unsigned int lengths[] = { 0, 4, 8, 20 };
	struct wire_segment seg = { .flags = WIRE_SYN, .dport = PORT, .win = 5000 };

	memcpy(seg.dst, f->w->local, sizeof(seg.dst));
	memcpy(seg.src, f->w->local, sizeof(seg.src));
	seg.src[f->w->ip == 4 ? 3 : 15] = 2 + below(f, 200);
	seg.sport = 1024 + below(f, 60000);
	seg.seq = f->text ? below(f, 1 << 20) * TEXT_MAX : below(f, 0xffffffff);
	seg.optlen = lengths[below(f, 4)];
	memcpy(seg.opt, options, seg.optlen);
	if (f->text && below(f, 4)) {
		/* it asks, or has a cookie of some length, which may be none */
		seg.opt[seg.optlen] = OPT_FASTOPEN;
		seg.opt[seg.optlen + 1] = 2 + below(f, 19);
		seg.optlen += (seg.opt[seg.optlen + 1] + 3) & ~3;
	}
	if (f->text)
		seg.len = below(f, TEXT_MAX);
	inject(f, &seg);
}

/* What a peer may make of a SYN-ACK, of @len octets. */
static void react(struct flood *f, size_t len)
{
	struct wire_segment in, seg = { .win = 5000, .flags = WIRE_ACK };

	if (segment_parse(&in, f->in, len) || (in.flags & (WIRE_SYN | WIRE_ACK)) != (WIRE_SYN | WIRE_ACK))
		return;
	atomic_fetch_add(&f->answered, 1);
	/* the ISS of a SYN with text is a multiple of what it may have */
	if (f->text && in.ack % TEXT_MAX != 1)
		atomic_fetch_add(&f->taken, 1);
	memcpy(seg.dst, in.src, sizeof(seg.dst));
	memcpy(seg.src, in.dst, sizeof(seg.src));
	seg.sport = in.dport;
	seg.dport = in.sport;
	seg.seq = in.ack;
	seg.ack = in.seq + 1;
	switch (below(f, 10)) {
	case 0:
		return;
	case 1:
		seg.flags = WIRE_RST;
		break;
	case 2:
		seg.flags = WIRE_SYN;
		seg.seq -= f->text ? seg.seq % TEXT_MAX : 1;
		break;
	case 3:
		seg.flags |= WIRE_FIN;
		break;
	case 4:
		seg.ack++;
		break;
	case 5:
		seg.len = below(f, 100);
		break;
	case 6:
		seg.flags |= WIRE_SYN;
		break;
	}
	for (unsigned int i = 0; i <= below(f, 3); i++)
		inject(f, &seg);
}

static void *flood(void *arg)
{
	struct flood *f = arg;
	ssize_t n;

	while (!atomic_load(&f->stop)) {
		send_syn(f);
		while ((n = read(f->w->tun, f->in, sizeof(f->in))) > 0)
			react(f, n);
	}
	return NULL;
}

static int listener(struct wire *w, bool text)
{
	bool kernel = w->stack == WIRE_KERNEL;
	struct sockaddr_in6 any = {
		.sin6_family = w->ip == 4 ? AF_INET : AF_INET6,
		.sin6_port = htons(PORT),
	};
	int fd, one = 1, fast = text ? 1 + wire_random(w) % FAST_MAX : 0;

	fd = socket(kernel ? any.sin6_family : AF_XTCP, SOCK_STREAM, kernel || w->ip == 4 ? 0 : 1);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    (text && setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &fast, sizeof(fast))) ||
	    bind(fd, (struct sockaddr *)&any, w->ip == 4 ? sizeof(struct sockaddr_in) : sizeof(any)) ||
	    listen(fd, wire_random(w) % 9)) {
		wire_fail(w, "listen: %s", strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

/* One listener's life: some connections accepted, the rest left to its end. */
static int one_listener(struct wire *w, struct flood *f)
{
	/* a close() that has read all would wait for a third ACK, which may never come */
	const struct linger at_once = { .l_onoff = 1 };
	unsigned int goal = atomic_load(&f->sent) + PER_ROUND;
	int fd, taken = 0, most = f->text ? 3 : 20, err = 0, lfd = listener(w, f->text);
	uint8_t text[TEXT_MAX];

	if (lfd < 0)
		return -1;
	if (!WAIT_FOR((int)(atomic_load(&f->sent) - goal) >= 0, DEADLINE_MS))
		err = wire_fail(w, "the flood has stopped");
	while (taken < most && (fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		taken++;
		if (f->text && (setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) ||
				(taken % 2 && read(fd, text, sizeof(text)) < 0 && errno != EAGAIN &&
				 errno != ECONNRESET)))
			err = wire_fail(w, "what was accepted: %s", strerror(errno));
		close(fd);
	}
	if (taken < most && errno != EAGAIN)
		err = wire_fail(w, "accept: %s", strerror(errno));
	if (wire_random(w) % 2)
		shutdown(lfd, SHUT_RD);
	close(lfd);
	return err;
}

/* Rows of /proc in SYN-RECEIVED. */
static int half_open(struct wire *w)
{
	struct row *rows;
	int n = rows_read(w->ns, w->ip == 4 ? "/proc/net/xtcp" : "/proc/net/xtcp6", &rows, NULL), count = n < 0;

	while (n > 0)
		count += rows[--n].state == TCP_SYN_RECV;
	free(rows);
	return count;
}

static int flooded(struct wire *w, bool text, const char *script)
{
	static struct flood f;
	pthread_t thread;
	int i, err = 0;

	memset(&f, 0, sizeof(f));
	f.w = w;
	f.text = text;
	f.rand = w->seed | 1;
	if (pthread_create(&thread, NULL, flood, &f))
		return wire_fail(w, "no thread");
	for (i = 0; i < ROUNDS && !err; i++)
		err = one_listener(w, &f);
	atomic_store(&f.stop, true);
	pthread_join(thread, NULL);
	if (err)
		return err;
	if (!atomic_load(&f.answered))
		return wire_fail(w, "no SYN was answered");
	if (text && !atomic_load(&f.taken))
		return wire_fail(w, "no text was taken");
	/* kernel TCP's entries find out at their next timeout */
	if (w->stack == WIRE_XTCP && half_open(w))
		return wire_fail(w, "%d entries have outlived their listener", half_open(w));
	while (read(w->tun, f.in, sizeof(f.in)) > 0)
		;
	return wire_script_run(w, script);
}

static int plain(struct wire *w)
{
	return flooded(w, false, "listen; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept; write 10; > P. 1(10) ack 1");
}

static int with_text(struct wire *w)
{
	return flooded(w, true, "listen; set FASTOPEN 1; < S 0(10) $; > S. 0 ack 11; accept; read 10; write 10;"
				"> P. 1(10) ack 11; < . 11 ack 11; none");
}

static const struct wire_row rows[] = {
	{ "syn_flood_while_listeners_come_and_go", "RFC 4987 3", .run = plain, .want = { .state = ESTABLISHED } },
	{ "text_on_the_syns_while_listeners_come_and_go", "RFC 7413 5.1", .pre = "sysctl fastopen 514",
		.run = with_text,
		.want = { .state = ESTABLISHED } },
};

WIRE_MAIN(rows)
