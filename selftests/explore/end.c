// SPDX-License-Identifier: GPL-2.0
#include <netinet/tcp.h>
#include "end.h"
#include "judge.h"
#include "test.h"

#define PIECE	65536
#define REFUSED_US	10000	/* after EAGAIN where memory is short */
#define IDLE_US	1000
#define MOST_IDLE_US	200000

static uint8_t piece[PIECE];

void end_wrong(struct end *end, const char *format, ...)
{
	va_list args;

	if (end->wrong[0])
		return;
	va_start(args, format);
	vsnprintf(end->wrong, sizeof(end->wrong), format, args);
	va_end(args);
}

void end_begin(struct end *end, const struct program *program, uint64_t seed, uint8_t tint, uint8_t peer_tint,
	       const struct end *peer, const struct judge_side *wire)
{
	memset(end, 0, sizeof(*end));
	end->fd = -1;
	end->file = -1;
	end->pipe[0] = -1;
	end->epoll = -1;
	end->bell = -1;
	end->peer = peer;
	end->wire = wire;
	end->program = program;
	end->chance.state = seed;
	end->tint = tint;
	end->peer_tint = peer_tint;
}

void end_prepare(const struct program *program, int fd)
{
	const int one = 1, keep_intvl_s = 5, keep_cnt = 12;	/* more than all silences and links that are down */

	if (program->mss)
		setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &program->mss, sizeof(program->mss));
	if (program->keepalive_s)
		must(!setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one)) &&
		     !setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &program->keepalive_s, sizeof(program->keepalive_s)) &&
		     !setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &keep_intvl_s, sizeof(keep_intvl_s)) &&
		     !setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &keep_cnt, sizeof(keep_cnt)), "keepalive");
	if (program->user_timeout_ms)
		must(!setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &program->user_timeout_ms,
				 sizeof(program->user_timeout_ms)), "TCP_USER_TIMEOUT");
	if (program->sndbuf)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &program->sndbuf, sizeof(program->sndbuf));
	if (program->rcvbuf)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &program->rcvbuf, sizeof(program->rcvbuf));
	if (program->inline_urgent)
		setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &one, sizeof(one));
	if (program->lowat)
		setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &program->lowat, sizeof(program->lowat));
	if (program->nodelay)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

void end_open(struct end *end, int fd)
{
	struct epoll_event all = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET };

	end->fd = fd;
	end->was_open = true;
	end_zerocopy_on(end);
	if (!end->program->edges)
		return;
	end->epoll = epoll_create1(EPOLL_CLOEXEC);
	must(end->epoll >= 0 && !epoll_ctl(end->epoll, EPOLL_CTL_ADD, fd, &all), "epoll");
}

void end_reopen(struct end *end, int fd)
{
	if (end->epoll >= 0)
		close(end->epoll);
	end->epoll = -1;
	end_open(end, fd);
	end->repairs++;
	end->has_news = true;
	end->can_read = true;
	end->can_write = true;
}

static void kill_writer(struct end *end)
{
	if (!end->writer)
		return;
	must(!kill(end->writer, SIGKILL) && waitpid(end->writer, NULL, 0) == end->writer, "a writer that is killed");
	end->writer = 0;
}

void end_close(struct end *end)
{
	kill_writer(end);
	end_threads_stop(end);
	if (end->fd >= 0)
		close(end->fd);
	if (end->epoll >= 0)
		close(end->epoll);
	end_io_close(end);
	end_zerocopy_close(end);
	end->fd = -1;
	end->epoll = -1;
	end->is_done = true;
}

/* Only a child holds the socket, and the child is killed. */
static void die(struct end *end)
{
	pid_t child = fork();

	if (!child) {
		pause();
		_exit(0);
	}
	end_close(end);
	must(child > 0 && !kill(child, SIGKILL) && waitpid(child, NULL, 0) == child, "a process that is killed");
}

/* Writes the rest, and waits in send() as a program does that has nothing else to do. */
static void write_until_killed(struct end *end)
{
	struct program program = *end->program;
	long long n;

	/* the other sockets are not its own */
	must(!close_range(STDERR_FILENO + 1, end->fd - 1, 0) && !close_range(end->fd + 1, ~0U, 0), "close_range()");
	end->file = -1;
	program.urgent = 0;
	program.zerocopy_ppm = 0;
	end->program = &program;
	fcntl(end->fd, F_SETFL, fcntl(end->fd, F_GETFL) & ~O_NONBLOCK);
	while (end->written < program.total) {
		n = program.write_max < PIECE ? program.write_max : PIECE;
		if (n > program.total - end->written)
			n = program.total - end->written;
		n = end_write(end, n);
		if (n <= 0)
			break;
		end->written += n;
	}
	pause();
	_exit(0);
}

/* The child writes, and that counts as written. When it is killed, and where in the stream, follows from the seed. */
static void hand_to_writer(struct end *end, long long now_us)
{
	const int fd = end->fd;

	end->writer = fork();
	if (!end->writer)
		write_until_killed(end);
	must(end->writer > 0, "fork()");
	end->kill_at_us = now_us + chance_below(&end->chance, 500000);
	end->written = end->program->total;
	close(fd);
	end->fd = -1;
	if (end->epoll >= 0)
		close(end->epoll);
	end->epoll = -1;
}

static void fail(struct end *end, const char *call)
{
	end->error = errno;
	/* shutdown() of a connection that was reset */
	if (errno == ENOTCONN && !strcmp(call, "shutdown()"))
		end->error = ECONNRESET;
	if (end->error != ECONNRESET && end->error != EPIPE && end->error != ECONNREFUSED && end->error != ETIMEDOUT &&
	    !end->may_fail && !((end->error == ENETUNREACH || end->error == EHOSTUNREACH) && end->may_lose_route))
		end_wrong(end, "%s: %s", call, strerror(end->error));
	else
		api_error(end, call);
	end_close(end);
}

static void finish_writing(struct end *end)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };

	switch (end->program->ending) {
	case ORDERLY:
		if (shutdown(end->fd, end->program->shuts_both ? SHUT_RDWR : SHUT_WR))
			fail(end, "shutdown()");
		else if (api_shut(end))
			fail(end, "send()");
		end->has_shut = true;
		end->has_shut_read |= end->program->shuts_both;
		break;
	case ABORTED:
		setsockopt(end->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		end_close(end);
		break;
	case CLOSED:
		end_close(end);
		break;
	case KILLED:
	case CUT_OFF:
		die(end);
		break;
	}
}

static void write_some(struct end *end, long long now_us)
{
	const struct program *p = end->program;
	long long n;
	ssize_t done;

	if (end->written == p->total) {
		finish_writing(end);
		return;
	}
	if (p->ending == CUT_OFF && end->written >= p->total / 2) {
		hand_to_writer(end, now_us);
		return;
	}
	n = 1 + chance_below(&end->chance, p->write_max);
	if (n > p->total - end->written)
		n = p->total - end->written;
	done = end_write(end, n > PIECE ? PIECE : n);
	/* shutdown() before the SYN-ACK would end the connection */
	if (end->defers && (done > 0 || errno == EINPROGRESS)) {
		end->defers = false;
		end->is_connecting = true;
		end->can_write = false;
	}
	if (done < 0) {
		if (errno != EAGAIN && (!end->is_connecting || errno != EINPROGRESS)) {
			fail(end, "send()");
			return;
		}
		end->can_write = false;
		if (end->has_little_memory)
			end->write_at_us = now_us + REFUSED_US;
		return;
	}
	end->written += done;
	if (p->write_pause_us)
		end->write_at_us = now_us + chance_below(&end->chance, p->write_pause_us);
}

/* Did the peer send the next octet of the stream as urgent? Then it does not come with the others. */
static bool is_left_out(const struct end *end)
{
	for (int i = 0; i < end->peer->nr_urgent && !end->program->inline_urgent; i++) {
		if (end->peer->urgent[i] == end->read)
			return true;
	}
	return false;
}

/* A read begins behind the mark, never across it. */
static void check_octets(struct end *end, const uint8_t *octets, ssize_t n)
{
	while (octets[0] != judge_octet(end->peer_tint, end->read) && is_left_out(end))
		end->read++;
	for (ssize_t i = 0; i < n; i++) {
		if (octets[i] != judge_octet(end->peer_tint, end->read + i)) {
			end_wrong(end, "octet %lld is not what was written", end->read + i);
			break;
		}
	}
	end->read += n;
}

void end_take(struct end *end, const uint8_t *octets, ssize_t n)
{
	if (n) {
		check_octets(end, octets, n);
		return;
	}
	end->at_end = true;
	/* nothing comes behind the last ones */
	while (is_left_out(end))
		end->read++;
}

/* As in Linux, what comes after SHUT_RD can be read, but nothing waits for it. */
static void shut_read(struct end *end)
{
	struct pollfd p = { .fd = end->fd, .events = POLLIN | POLLRDHUP };

	if (shutdown(end->fd, SHUT_RD)) {
		fail(end, "shutdown()");
		return;
	}
	end->has_shut_read = true;
	if (poll(&p, 1, 0) != 1 || (p.revents & p.events) != p.events)
		end_wrong(end, "poll() gives %#x after SHUT_RD", p.revents);
}

/* After SHUT_RD an end that reads nothing may not be at the end of the stream. */
static void look_again_later(struct end *end, long long now_us)
{
	end->idle_us = !end->idle_us ? IDLE_US : end->idle_us < MOST_IDLE_US ? 2 * end->idle_us : MOST_IDLE_US;
	end->read_at_us = now_us + end->idle_us;
}

static void read_some(struct end *end, long long now_us)
{
	const struct program *p = end->program;
	const bool is_last = !end->has_shut_read || end_peer_has_ended(end);
	long long n = 1 + chance_below(&end->chance, p->read_max);
	ssize_t done;

	if (end->peer->program->urgent && chance_ppm(&end->chance, 250000))
		end_read_urgent(end);
	done = end_read(end, piece, n > PIECE ? PIECE : n);
	if (done < 0) {
		if (errno == EAGAIN)
			end->can_read = false;
		else
			fail(end, "recv()");
		return;
	}
	if (!done && !is_last) {
		look_again_later(end, now_us);
		return;
	}
	end->idle_us = 0;
	end_take(end, piece, done);
	if (!done && !end->has_shut_read)
		api_end(end);
	if (p->read_pause_us)
		end->read_at_us = now_us + chance_below(&end->chance, p->read_pause_us);
}

static bool finish_connect(struct end *end)
{
	struct pollfd p = { .fd = end->fd, .events = POLLOUT };
	socklen_t len = sizeof(end->error);
	union stack_addr peer;
	socklen_t peer_len = sizeof(peer);

	if (poll(&p, 1, 0) != 1)
		return false;
	end->is_connecting = getpeername(end->fd, &peer.sa, &peer_len);
	if (!end->is_connecting) {
		api_connected(end);
		return true;
	}
	/* before that the error may pass: a route may be missing for a while */
	getsockopt(end->fd, SOL_SOCKET, SO_ERROR, &end->error, &len);
	errno = end->error;
	fail(end, "connect()");
	return false;
}

static void take_news(struct end *end)
{
	struct epoll_event seen;

	if (!end->has_news)
		return;
	end->has_news = false;
	if (!end->program->edges) {
		end->can_read = true;
		end->can_write = true;
	} else if (epoll_wait(end->epoll, &seen, 1, 0) == 1) {
		if (!end->is_connecting)
			api_events(end, seen.events);
		if (seen.events & ~EPOLLOUT)
			end->can_read = true;
		if (seen.events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
			end->can_write = true;
	}
}

/* When does it want to write, and to read? -1: no more, or not before the peer's end. */
static long long write_at(const struct end *end)
{
	const struct program *p = end->program;

	if (p->shut_rd && p->ending == ORDERLY && end->written == p->total && !end->at_end)
		return -1;
	return end->has_shut ? -1 : end->write_at_us;
}

static long long read_at(const struct end *end)
{
	return end->program->ending != ORDERLY || end->at_end ? -1 : end->read_at_us;
}

static void step_threads(struct end *end)
{
	if (!end->threads) {
		end_threads_start(end);
		return;
	}
	/* one of two has ended: the bell does not ring on */
	if (end->busy) {
		if (end->has_news)
			end_threads_hear(end);
		return;
	}
	end_threads_stop(end);
	errno = end->failure;
	if (end->failure)
		fail(end, end->failed);
	else if (end->program->ending == ORDERLY)
		end_close(end);
	else
		finish_writing(end);
}

void end_step(struct end *end, long long now_us)
{
	if (end->writer && now_us >= end->kill_at_us)
		end_close(end);
	if (end->fd < 0)
		return;
	end_zerocopy_hear(end);
	if (end->threads) {
		step_threads(end);
		end->has_news = false;
		return;
	}
	take_news(end);
	if (end->is_connecting && (!end->can_write || !finish_connect(end)))
		return;
	if (end->program->blocks) {
		step_threads(end);
		return;
	}
	if (end->program->shut_rd && !end->has_shut_read && !end->defers && end->read + 1 >= end->program->shut_rd)
		shut_read(end);
	if (end->fd >= 0 && end->can_write && write_at(end) >= 0 && now_us >= write_at(end))
		write_some(end, now_us);
	if (end->fd >= 0 && end->can_read && read_at(end) >= 0 && now_us >= read_at(end))
		read_some(end, now_us);
	if (end->fd >= 0 && end->has_shut && end->at_end)
		end_close(end);
}

int end_poll(const struct end *end, long long now_us, short *events)
{
	*events = 0;
	if (end->threads) {
		*events = POLLIN;
		return end->bell;
	}
	if (end->fd >= 0 && end->program->edges) {
		*events = POLLIN;
		return end->epoll;
	}
	if (end->is_connecting) {
		*events = POLLOUT;
		return end->fd;
	}
	if (write_at(end) >= 0 && now_us >= write_at(end))
		*events |= POLLOUT;
	if (read_at(end) >= 0 && now_us >= read_at(end))
		*events |= POLLIN;
	/* an error would end the wait at once */
	return *events ? end->fd : -1;
}

/* Microseconds until it can act, as far as it knows; -1: an event has to tell it. */
static long long left_us(const struct end *end, bool can, long long at_us, long long now_us)
{
	if (at_us < 0)
		return -1;
	if (at_us > now_us)
		return at_us - now_us;
	return end->program->edges && can ? 0 : -1;
}

long long end_wait_us(const struct end *end, long long now_us)
{
	long long to_write, to_read;

	if (end->writer)
		return end->kill_at_us > now_us ? end->kill_at_us - now_us : 0;
	if (end->fd < 0 || end->is_connecting || end->threads)
		return -1;
	to_write = left_us(end, end->can_write, write_at(end), now_us);
	to_read = left_us(end, end->can_read, read_at(end), now_us);
	if (to_write < 0 || to_read < 0)
		return to_write < 0 ? to_read : to_write;
	return to_write < to_read ? to_write : to_read;
}
