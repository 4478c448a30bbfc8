// SPDX-License-Identifier: GPL-2.0
/* The ways to write and to read: send(), urgent octets, sendfile(), splice(); MSG_ZEROCOPY is in end_zerocopy.c. */
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include "end.h"
#include "judge.h"
#include "test.h"

#define PIECE	65536

static _Thread_local uint8_t piece[PIECE];

static void fill(const struct end *end, long long from, long long n)
{
	for (long long i = 0; i < n; i++)
		piece[i] = judge_octet(end->tint, from + i);
}

static void make_file(struct end *end)
{
	long long at, n;

	end->file = must_have(memfd_create("stream", MFD_CLOEXEC), "memfd_create()");
	for (at = 0; at < end->program->total; at += n) {
		n = end->program->total - at < PIECE ? end->program->total - at : PIECE;
		fill(end, at, n);
		must(write(end->file, piece, n) == n, "the file for sendfile()");
	}
}

static ssize_t send_file(struct end *end, long long n)
{
	off_t at = end->written;

	if (end->file < 0)
		make_file(end);
	return sendfile(end->fd, end->file, &at, n);
}

/* The last octet is urgent now; a fast reader may have seen an earlier one as urgent. */
static ssize_t send_urgent(struct end *end)
{
	ssize_t done;

	fill(end, end->written, 1);
	/* it may leave before send() returns */
	end->urgent[end->nr_urgent++] = end->written;
	done = send(end->fd, piece, 1, MSG_NOSIGNAL | MSG_OOB);
	if (done != 1)
		end->nr_urgent--;
	return done;
}

/* RFC 7413: the first write sends the SYN. */
static int connect_by_write(struct end *end, const union stack_addr *addr)
{
	long long n = 1 + chance_below(&end->chance, end->program->write_max);
	ssize_t done;

	if (n > end->program->total)
		n = end->program->total;
	if (n > PIECE)
		n = PIECE;
	fill(end, 0, n);
	done = sendto(end->fd, piece, n, MSG_NOSIGNAL | MSG_FASTOPEN, &addr->sa, stack_addr_len(addr));
	if (done >= 0)
		end->written = done;
	return done >= 0 || errno == EINPROGRESS ? 0 : -1;
}

int end_connect(struct end *end, const char *addr, int port)
{
	const union stack_addr to = stack_addr(addr, port);
	const int one = 1;

	end->is_connecting = true;
	if (end->program->fastopen == 1 && end->program->total)
		return connect_by_write(end, &to);
	if (end->program->fastopen == 2 && end->program->total)
		must(!setsockopt(end->fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof(one)), "FASTOPEN_CONNECT");
	if (connect(end->fd, &to.sa, stack_addr_len(&to)))
		return errno == EINPROGRESS ? 0 : -1;
	/* the first write opens it */
	end->defers = end->program->fastopen == 2;
	end->is_connecting = !end->defers;
	end->can_write = end->defers;
	return 0;
}

ssize_t end_write(struct end *end, long long n)
{
	const int urgent = end->program->fastopen && !end->written ? 0 : end->program->urgent;
	ssize_t done;
	int more;

	if (urgent && end->nr_urgent < URGENT_OCTETS && !chance_below(&end->chance, urgent))
		return send_urgent(end);
	if (end->program->sendfile)
		return send_file(end, n);
	more = chance_ppm(&end->chance, end->program->more_ppm) ? MSG_MORE : 0;
	fill(end, end->written, n);
	if (end_zerocopy_wants(end)) {
		done = end_zerocopy_write(end, piece, n, more);
		/* too many notifications wait, or no memory for one more */
		if (done >= 0 || errno != ENOBUFS)
			return done;
	}
	return send(end->fd, piece, n, MSG_NOSIGNAL | more);
}

/*
 * MSG_PEEK gives what the next recv() gives. If a thread of its own reads, or both ends are on one machine, text may
 * come in between, and recv() may give more. Otherwise nothing comes in between.
 */
static ssize_t read_twice(struct end *end, uint8_t *to, long long n)
{
	const ssize_t peeked = recv(end->fd, piece, n, MSG_PEEK);
	const bool may_grow = peeked && (end->program->blocks || end->is_local);
	ssize_t done;

	/* an error is told once */
	if (peeked < 0)
		return -1;
	done = recv(end->fd, to, n, 0);
	if (done < peeked || (done > peeked && !may_grow) || memcmp(to, piece, peeked))
		end_wrong(end, "MSG_PEEK gave %zd octets, and recv() %zd or others", peeked, done);
	return done;
}

ssize_t end_read(struct end *end, uint8_t *to, long long n)
{
	ssize_t done;

	if (chance_ppm(&end->chance, end->program->peek_ppm))
		return read_twice(end, to, n);
	if (!end->program->splices)
		return recv(end->fd, to, n, 0);
	if (end->pipe[0] < 0)
		must(!pipe2(end->pipe, O_CLOEXEC | O_NONBLOCK), "pipe2()");
	done = splice(end->fd, NULL, end->pipe[1], NULL, n, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
	if (done <= 0)
		return done;
	must(read(end->pipe[0], to, done) == done, "what splice() gave the pipe");
	return done;
}

/*
 * Was the octet sent as urgent? In Linux 6.1, tcp_urg() may take an octet of the TCP header for it, when the next
 * segment arrives first, or the segment before it was dropped by PAWS: it counts from the header on.
 */
static bool is_urgent(const struct end *end, uint8_t octet)
{
	for (int i = 0; i < end->peer->nr_urgent; i++) {
		if (octet == judge_octet(end->peer_tint, end->peer->urgent[i]))
			return true;
	}
	return end->stack == KERNEL && end->wire->overtook[octet];
}

/* recv(MSG_OOB) must return an urgent octet, or say that there is none. */
void end_read_urgent(struct end *end)
{
	uint8_t octet;

	if (recv(end->fd, &octet, 1, MSG_OOB) == 1 && !is_urgent(end, octet))
		end_wrong(end, "MSG_OOB gives an octet that was not sent so");
}

bool end_peer_has_ended(const struct end *end)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	must(!getsockopt(end->fd, IPPROTO_TCP, TCP_INFO, &info, &len), "TCP_INFO");
	return info.tcpi_state == TCP_CLOSE_WAIT || info.tcpi_state == TCP_LAST_ACK ||
	       info.tcpi_state == TCP_CLOSING || info.tcpi_state == TCP_TIME_WAIT || info.tcpi_state == TCP_CLOSE;
}

void end_io_close(struct end *end)
{
	if (end->file >= 0)
		close(end->file);
	if (end->pipe[0] >= 0)
		close_each(end->pipe[0], end->pipe[1]);
	end->file = -1;
	end->pipe[0] = -1;
}
