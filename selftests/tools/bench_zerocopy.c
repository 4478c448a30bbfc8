// SPDX-License-Identifier: GPL-2.0
/*
 * From which size on MSG_ZEROCOPY pays (`make bench B=zerocopy`):
 *
 *	bench_zerocopy ROUNDS
 *		a stream of writes of 1 KB to 1 MB, with the flag and without, on each stack: nanoseconds for an octet,
 *		which are instructions where time is; the medians of ROUNDS
 *
 * The segments leave by a dummy device, which frees them without a look at their text, as a network card does. On a
 * veth or the loopback, the kernel would copy the text after all. The peer is this program: it acknowledges all that
 * was sent as soon as that is 128 KB, and reads the notifications of these writes. Its ACKs come by a tun device. Both
 * are the same with the flag and without. The buffer is one that was written to before, and is used again.
 *
 * Below 1.00x the flag pays. How long a real processor takes for a copy depends on where the text is, in which cache or
 * in none; instructions say nothing of that.
 */
#include <linux/sockios.h>
#include <net/ethernet.h>
#include "lib/measure.h"
#include "lib/test.h"
#include "lib/tun.h"
#include "lib/zerocopy.h"

#define SERVER		"10.8.0.1"
#define CLIENT		0x0a630001	/* 10.99.0.1 */
#define PORT		7000
#define ISS		1000	/* of the client */
#define LARGEST		(1024 * 1024)
#define STREAM		(8 * LARGEST)
#define WARM		(4 * LARGEST)
#define ACK_EACH	(128 * 1024)
#define OPTIONS		8

/* A connection whose client is this program. */
struct stream {
	int fd;			/* of the server, which sends */
	int port;		/* of the client */
	uint32_t first;		/* sequence number of the server's first octet */
	uint32_t written;
};

static int ns, tun, sink, next_port = 20000;
static char *buffer;

static void make_network(void)
{
	ns = ns_make();
	tun = ns < 0 ? -1 : tun_before_sink(ns, SERVER);
	measure_must(tun >= 0, "network");
}

/* A segment of the client comes, without text. */
static void arrives(const struct stream *s, bool syn, uint32_t ack)
{
	/* an MSS of 1460, a window scale of 14 */
	static const uint8_t options[OPTIONS] = { 2, 4, 1460 >> 8, 1460 & 0xff, 1, 3, 3, 14 };
	struct tun_segment p = tun_segment(CLIENT, s->port, SERVER, PORT);

	p.tcp.seq = htonl(ISS + !syn);
	p.tcp.ack_seq = htonl(ack);
	p.tcp.syn = syn;
	p.tcp.ack = !syn;
	if (syn) {
		p.tcp.doff += OPTIONS / 4;
		memcpy(p.rest, options, OPTIONS);
	}
	measure_must(tun_send(tun, &p, syn ? OPTIONS : 0), "write");
}

static int open_sink(void *unused)
{
	return socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL));
}

/* The sequence number of the SYN-ACK that has left. What listens to the sink costs a copy, so it ends here. */
static uint32_t synack_seq(int port)
{
	struct tun_segment p;

	while (recv(sink, &p, sizeof(p), 0) >= (ssize_t)(sizeof(p.ip) + sizeof(p.tcp)))
		if (p.ip.protocol == IPPROTO_TCP && p.tcp.syn && p.tcp.ack && p.tcp.dest == htons(port)) {
			close(sink);
			return ntohl(p.tcp.seq);
		}
	errno = ENOMSG;
	measure_die("SYN-ACK");
}

static void connect_stream(struct stream *s, enum stack stack)
{
	int listener = stack_listener(ns, stack, SERVER, PORT, true), room = 4 * LARGEST;

	*s = (struct stream){ .port = next_port++ };
	sink = ns_call(ns, open_sink, NULL);
	measure_must(listener >= 0 && sink >= 0, "listener");
	arrives(s, true, 0);
	s->first = synack_seq(s->port) + 1;
	arrives(s, false, s->first);
	s->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (s->fd < 0 || setsockopt(s->fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)))
		measure_die("accept");
	zerocopy_on(s->fd);
	close(listener);
}

static int queued(int fd, int which)
{
	int octets = -1;

	measure_must(!ioctl(fd, which, &octets), "ioctl");
	return octets;
}

/* All that is written is acknowledged, as soon as it has left; and the notifications are read. */
static void acknowledge(const struct stream *s, bool zerocopy)
{
	struct zerocopy_told told;

	while (queued(s->fd, SIOCOUTQ) > 0)
		arrives(s, false, s->first + s->written - queued(s->fd, SIOCOUTQNSD));
	while (zerocopy && zerocopy_told(s->fd, &told))
		measure_must(!told.copied, "the kernel made a copy");
}

/* Nanoseconds for an octet. */
static double send_octets(struct stream *s, int size, int octets, bool zerocopy)
{
	const int flags = MSG_NOSIGNAL | (zerocopy ? MSG_ZEROCOPY : 0);
	double begin = measure_now();
	int left, unacknowledged = 0;
	ssize_t n;

	for (left = octets; left > 0; left -= n) {
		n = send(s->fd, buffer, size, flags);
		if (n < 0 && errno != EAGAIN && errno != ENOBUFS)
			measure_die("send");
		n = n < 0 ? 0 : n;
		s->written += n;
		unacknowledged += n;
		if (!n || unacknowledged >= ACK_EACH) {
			acknowledge(s, zerocopy);
			unacknowledged = 0;
		}
	}
	acknowledge(s, zerocopy);
	return (measure_now() - begin) * 1e9 / octets;
}

static double cost(enum stack stack, int size, bool zerocopy)
{
	struct stream s;
	double ns_each;

	connect_stream(&s, stack);
	/* until its window is open */
	send_octets(&s, size < ACK_EACH / 2 ? ACK_EACH / 2 : size, WARM, zerocopy);
	ns_each = send_octets(&s, size, STREAM, zerocopy);
	stack_abort(s.fd);
	return ns_each;
}

static void measure(enum stack stack, int size, int rounds)
{
	double with[MEASURE_ROUNDS_MAX], without[MEASURE_ROUNDS_MAX], flag, copy;
	char name[64];

	for (int i = 0; i < rounds; i++) {
		without[i] = cost(stack, size, false);
		with[i] = cost(stack, size, true);
	}
	copy = measure_median(without, rounds);
	flag = measure_median(with, rounds);
	snprintf(name, sizeof(name), "MSG_ZEROCOPY, %s, writes of %d KB", stack_name(stack), size / 1024);
	printf("%-43s %5.2fx  (%.3f ns for an octet against %.3f with a copy)\n", name, flag / copy, flag, copy);
	fflush(stdout);
	measure_record(name, "ns", flag / copy, flag, copy);
}

static void tell_option(void)
{
	int fd = stack_socket(ns, XTCP, SERVER);

	printf("# SO_ZEROCOPY of xtcp's sockets: the kernel %s it\n",
	       stack_set(fd, SOL_SOCKET, SO_ZEROCOPY, 1) ? "refuses" : "takes");
	close(fd);
}

int main(int argc, char **argv)
{
	int rounds = argc == 2 ? atoi(argv[1]) : 0, size;

	measure_begin(rounds >= 1 && rounds <= MEASURE_ROUNDS_MAX, "bench_zerocopy ROUNDS");
	buffer = mmap(NULL, LARGEST, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	measure_must(buffer != MAP_FAILED, "mmap");
	memset(buffer, 'x', LARGEST);
	make_network();
	tell_option();
	/* what is cold the first time is no part of the figure */
	cost(KERNEL, ACK_EACH, true);
	cost(XTCP, ACK_EACH, true);
	for (size = 1024; size <= LARGEST; size *= 4) {
		measure(KERNEL, size, rounds);
		measure(XTCP, size, rounds);
	}
	return 0;
}
