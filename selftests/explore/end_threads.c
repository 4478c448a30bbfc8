// SPDX-License-Identifier: GPL-2.0
/*
 * A program whose threads wait in their calls: one writes, and one reads. The machine has one processor, and computing
 * takes no time there, so another thread runs only while this one is in a system call.
 */
#include <sys/eventfd.h>
#include "end.h"
#include "test.h"

#define PIECE	65536
#define STACK	(256 << 10)

/* Ends the wait in a call. */
static void nothing(int signal)
{
}

static void pause_us(struct end *end, int longest_us)
{
	if (longest_us)
		usleep(chance_below(&end->chance, longest_us));
}

/* Is that what a call says after another one has told the error? A write that connects says what connect() says. */
static bool is_other_error(const struct end *end, const char *call, int error)
{
	if (!strcmp(call, "shutdown()"))
		return error == ENOTCONN;
	return error == EPIPE || (error == ECONNABORTED && end->program->fastopen && !end->written);
}

/* One call tells the error, then the others say EPIPE, and shutdown() ENOTCONN; they may return first. */
static void note_failure(struct end *end, const char *call, int error)
{
	const bool reads = !strcmp(call, "recv()");

	if (end->failure && !end->may_fail && !end->may_lose_route &&
	    !is_other_error(end, reads ? end->failed : call, reads ? end->failure : error))
		end_wrong(end, "an error is told twice: %s says %s, and %s says %s", end->failed,
			  strerror(end->failure), call, strerror(error));
	if (end->failure && !reads)
		return;
	end->failure = error;
	end->failed = call;
}

/* A call has failed. True: it was interrupted alone. */
static bool goes_on(struct end *end, const char *call)
{
	if (errno == EINTR)
		return !end->stops;
	note_failure(end, call, errno);
	return false;
}

static void over(struct end *end)
{
	const uint64_t one = 1;

	end->busy--;
	must(write(end->bell, &one, sizeof(one)) == sizeof(one), "eventfd");
}

static void *writes(void *arg)
{
	struct end *end = arg;
	const struct program *p = end->program;
	long long n;
	ssize_t done;

	while (!end->stops && end->written < p->total) {
		n = 1 + chance_below(&end->chance, p->write_max);
		if (n > p->total - end->written)
			n = p->total - end->written;
		done = end_write(end, n > PIECE ? PIECE : n);
		if (done < 0 && !goes_on(end, "send()"))
			break;
		if (done > 0)
			end->written += done;
		pause_us(end, p->write_pause_us);
	}
	if (!end->stops && end->written == p->total && p->ending == ORDERLY) {
		if (shutdown(end->fd, SHUT_WR))
			note_failure(end, "shutdown()", errno);
		end->has_shut = true;
	}
	over(end);
	return NULL;
}

static void *reads(void *arg)
{
	uint8_t *piece = malloc(PIECE);
	struct end *end = arg;
	long long n;
	ssize_t done;

	must(piece, "malloc()");
	while (!end->stops && !end->at_end) {
		n = 1 + chance_below(&end->chance, end->program->read_max);
		done = end_read(end, piece, n > PIECE ? PIECE : n);
		if (done < 0 && !goes_on(end, "recv()"))
			break;
		if (done >= 0)
			end_take(end, piece, done);
		pause_us(end, end->program->read_pause_us);
	}
	free(piece);
	over(end);
	return NULL;
}

static void make(struct end *end, void *(*body)(void *arg))
{
	pthread_attr_t attr;

	end->busy++;
	must(!pthread_attr_init(&attr) && !pthread_attr_setstacksize(&attr, STACK) &&
	     !pthread_create(&end->thread[end->threads++], &attr, body, end) && !pthread_attr_destroy(&attr),
	     "a thread");
}

void end_threads_hear(struct end *end)
{
	uint64_t n;

	if (read(end->bell, &n, sizeof(n)) < 0)
		must(errno == EAGAIN, "eventfd");
}

/* Who closes, or resets, reads nothing. */
void end_threads_start(struct end *end)
{
	const struct sigaction action = { .sa_handler = nothing };

	end->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	must(end->bell >= 0 && !sigaction(SIGUSR1, &action, NULL) &&
	     !fcntl(end->fd, F_SETFL, fcntl(end->fd, F_GETFL) & ~O_NONBLOCK), "a socket that waits");
	make(end, writes);
	if (end->program->ending == ORDERLY)
		make(end, reads);
}

/* A signal may come before the call that it has to interrupt. */
void end_threads_stop(struct end *end)
{
	end->stops = true;
	for (int i = 0; i < end->threads; i++) {
		while (pthread_tryjoin_np(end->thread[i], NULL)) {
			pthread_kill(end->thread[i], SIGUSR1);
			usleep(10);
		}
	}
	end->threads = 0;
	if (end->bell >= 0)
		close(end->bell);
	end->bell = -1;
}
