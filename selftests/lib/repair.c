// SPDX-License-Identifier: GPL-2.0
#include "repair.h"
#include <linux/sockios.h>
#include "test.h"

#define LARGEST	(64 << 10)	/* octets of a segment, before it is cut */

uint32_t repair_number(int fd, int option)
{
	socklen_t len = sizeof(uint32_t);
	uint32_t number = 0;

	must(!getsockopt(fd, IPPROTO_TCP, option, &number, &len), "a number of a connection");
	return number;
}

void repair_choose(int fd, int queue)
{
	must(!stack_set(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, queue), "TCP_REPAIR_QUEUE");
}

/*
 * Linux 6.1 shows the first segment of the send queue as a whole, even if a part of it is acknowledged. Return: the
 * number of the first octet.
 */
static uint32_t take_queue(int fd, struct repair *r, int queue, int request)
{
	int len, n;

	repair_choose(fd, queue);
	must(!ioctl(fd, request, &len), "the length of a queue");
	r->text[queue] = malloc(len + LARGEST);
	n = len ? recv(fd, r->text[queue], len + LARGEST, MSG_PEEK | MSG_DONTWAIT) : 0;
	must_say(n >= len, "queue %d: %d of %d octets were shown", queue, n, len);
	memmove(r->text[queue], r->text[queue] + n - len, len);
	r->len[queue] = len;
	return repair_number(fd, TCP_QUEUE_SEQ) - len;
}

static void add_option(struct repair *r, uint32_t code, uint32_t value)
{
	r->numbers.options[r->n_options++] = (struct tcp_repair_opt){ code, value };
}

void repair_take(int fd, struct repair *r)
{
	struct repair_numbers *numbers = &r->numbers;
	socklen_t len = sizeof(r->from), peer_len = sizeof(r->to), window_len = sizeof(numbers->window);
	socklen_t algorithm_len = sizeof(r->algorithm);
	struct tcp_info info;

	*r = (struct repair) { };
	must(!getsockname(fd, &r->from.sa, &len) && !getpeername(fd, &r->to.sa, &peer_len), "addresses");
	must(!stack_set(fd, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON), "TCP_REPAIR");
	info = info_of(fd);
	must(!getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, r->algorithm, &algorithm_len), "TCP_CONGESTION");
	numbers->rcv_seq = take_queue(fd, r, TCP_RECV_QUEUE, SIOCINQ);
	numbers->snd_seq = take_queue(fd, r, TCP_SEND_QUEUE, SIOCOUTQ);
	must(!ioctl(fd, SIOCOUTQNSD, &r->unsent), "SIOCOUTQNSD");
	add_option(r, 2 /* MSS */, repair_number(fd, TCP_MAXSEG));
	if (info.tcpi_options & TCPI_OPT_WSCALE)
		add_option(r, 3, info.tcpi_snd_wscale | info.tcpi_rcv_wscale << 16);
	if (info.tcpi_options & TCPI_OPT_SACK)
		add_option(r, 4, 0);
	if (info.tcpi_options & TCPI_OPT_TIMESTAMPS)
		add_option(r, 8, 0);
	numbers->timestamp = repair_number(fd, TCP_TIMESTAMP);
	must(!getsockopt(fd, IPPROTO_TCP, TCP_REPAIR_WINDOW, &numbers->window, &window_len), "TCP_REPAIR_WINDOW");
	/* Linux 6.1 forgets it when Fast Open, or a simultaneous open, is complete; it would not take its own word */
	if (numbers->window.max_window < numbers->window.snd_wnd)
		numbers->window.max_window = numbers->window.snd_wnd;
	must(!close(fd), "close()");
}

/* A call takes a part of much text. */
static bool put_text(int fd, const uint8_t *text, int len)
{
	ssize_t n = 1;

	for (; len && n > 0; text += n, len -= n)
		n = send(fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	return n > 0;
}

bool repair_give(int fd, const struct repair *r, const struct repair_numbers *numbers, int mode)
{
	const int flying = r->len[TCP_SEND_QUEUE] - r->unsent;
	bool ok;

	must(!stack_set(fd, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON), "TCP_REPAIR");
	/* a server with Fast Open has all addresses of a network */
	if (r->from.sa.sa_family == AF_INET6)
		must(!stack_set(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1), "IPV6_FREEBIND");
	must(!bind(fd, &r->from.sa, stack_addr_len(&r->from)), "bind() in repair mode");
	repair_choose(fd, TCP_SEND_QUEUE);
	ok = !stack_set(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, numbers->snd_seq);
	repair_choose(fd, TCP_RECV_QUEUE);
	ok &= !stack_set(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, numbers->rcv_seq);
	must(!connect(fd, &r->to.sa, stack_addr_len(&r->to)), "connect() in repair mode");
	ok &= !setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_OPTIONS, numbers->options,
			  r->n_options * sizeof(*numbers->options));
	ok &= !stack_set(fd, IPPROTO_TCP, TCP_TIMESTAMP, numbers->timestamp);
	/* the other stack may not have it */
	setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, r->algorithm, strlen(r->algorithm));
	ok &= put_text(fd, r->text[TCP_RECV_QUEUE], r->len[TCP_RECV_QUEUE]);
	repair_choose(fd, TCP_SEND_QUEUE);
	ok &= put_text(fd, r->text[TCP_SEND_QUEUE], flying);
	ok &= !setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_WINDOW, &numbers->window, sizeof(numbers->window));
	ok &= !stack_set(fd, IPPROTO_TCP, TCP_REPAIR, mode);
	/* the mode has taken it away */
	must(!stack_set(fd, SOL_SOCKET, SO_REUSEADDR, 1), "SO_REUSEADDR");
	return put_text(fd, r->text[TCP_SEND_QUEUE] + flying, r->unsent) && ok;
}

void repair_free(struct repair *r)
{
	free(r->text[TCP_RECV_QUEUE]);
	free(r->text[TCP_SEND_QUEUE]);
}
