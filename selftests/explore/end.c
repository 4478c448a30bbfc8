// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "end.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "judge.h"

#define PIECE	65536

static uint8_t piece[PIECE];

__attribute__((format(printf, 2, 3)))
static void wrong(struct end *end, const char *format, ...)
{
	va_list args;

	if (end->wrong[0])
		return;
	va_start(args, format);
	vsnprintf(end->wrong, sizeof(end->wrong), format, args);
	va_end(args);
}

void end_begin(struct end *end, const struct program *program, uint64_t seed, uint8_t tint, uint8_t peer_tint)
{
	memset(end, 0, sizeof(*end));
	end->fd = -1;
	end->program = program;
	end->chance.state = seed;
	end->tint = tint;
	end->peer_tint = peer_tint;
}

void end_prepare(const struct program *program, int fd)
{
	const int one = 1;

	if (program->sndbuf)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &program->sndbuf, sizeof(program->sndbuf));
	if (program->rcvbuf)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &program->rcvbuf, sizeof(program->rcvbuf));
	if (program->nodelay)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void close_it(struct end *end)
{
	close(end->fd);
	end->fd = -1;
	end->is_done = true;
}

static void fail(struct end *end, const char *call)
{
	end->error = errno;
	/* shutdown() of a connection that was reset */
	if (errno == ENOTCONN && !strcmp(call, "shutdown()"))
		end->error = ECONNRESET;
	if (end->error != ECONNRESET && end->error != EPIPE && end->error != ECONNREFUSED && end->error != ETIMEDOUT)
		wrong(end, "%s: %s", call, strerror(end->error));
	close_it(end);
}

static void finish_writing(struct end *end)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };

	switch (end->program->ending) {
	case ORDERLY:
		if (shutdown(end->fd, SHUT_WR))
			fail(end, "shutdown()");
		end->has_shut = true;
		break;
	case ABORTED:
		setsockopt(end->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close_it(end);
		break;
	case CLOSED:
		close_it(end);
		break;
	}
}

static void write_some(struct end *end, long long now_us)
{
	const struct program *p = end->program;
	long long i, n;
	ssize_t done;

	if (end->written == p->total) {
		finish_writing(end);
		return;
	}
	n = 1 + chance_below(&end->chance, p->write_max);
	if (n > p->total - end->written)
		n = p->total - end->written;
	if (n > PIECE)
		n = PIECE;
	for (i = 0; i < n; i++)
		piece[i] = judge_octet(end->tint, end->written + i);
	done = send(end->fd, piece, n, MSG_NOSIGNAL);
	if (done < 0) {
		if (errno != EAGAIN)
			fail(end, "send()");
		return;
	}
	end->written += done;
	if (p->write_pause_us)
		end->write_at_us = now_us + chance_below(&end->chance, p->write_pause_us);
}

static void read_some(struct end *end, long long now_us)
{
	const struct program *p = end->program;
	long long n = 1 + chance_below(&end->chance, p->read_max);
	ssize_t i, done = recv(end->fd, piece, n > PIECE ? PIECE : n, 0);

	if (done < 0) {
		if (errno != EAGAIN)
			fail(end, "recv()");
		return;
	}
	if (!done)
		end->at_end = true;
	for (i = 0; i < done; i++) {
		if (piece[i] != judge_octet(end->peer_tint, end->read + i)) {
			wrong(end, "octet %lld is not what was written", end->read + i);
			break;
		}
	}
	end->read += done;
	if (p->read_pause_us)
		end->read_at_us = now_us + chance_below(&end->chance, p->read_pause_us);
}

static bool finish_connect(struct end *end)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(end->error), peer_len = sizeof(peer);

	getsockopt(end->fd, SOL_SOCKET, SO_ERROR, &end->error, &len);
	if (end->error) {
		errno = end->error;
		fail(end, "connect()");
		return false;
	}
	if (getpeername(end->fd, (struct sockaddr *)&peer, &peer_len))
		return false;
	end->is_connecting = false;
	return true;
}

void end_step(struct end *end, long long now_us)
{
	if (end->fd < 0 || (end->is_connecting && !finish_connect(end)))
		return;
	if (!end->has_shut && now_us >= end->write_at_us)
		write_some(end, now_us);
	if (end->fd >= 0 && end->program->ending == ORDERLY && !end->at_end && now_us >= end->read_at_us)
		read_some(end, now_us);
	if (end->fd >= 0 && end->has_shut && end->at_end)
		close_it(end);
}

short end_events(const struct end *end, long long now_us)
{
	short events = 0;

	if (end->is_connecting)
		return POLLOUT;
	if (!end->has_shut && now_us >= end->write_at_us)
		events |= POLLOUT;
	if (end->program->ending == ORDERLY && !end->at_end && now_us >= end->read_at_us)
		events |= POLLIN;
	return events;
}

long long end_wait_us(const struct end *end, long long now_us)
{
	long long wait = -1;

	if (end->fd < 0 || end->is_connecting)
		return -1;
	if (!end->has_shut && now_us < end->write_at_us)
		wait = end->write_at_us - now_us;
	if (!end->at_end && now_us < end->read_at_us && (wait < 0 || end->read_at_us - now_us < wait))
		wait = end->read_at_us - now_us;
	return wait;
}
