/* SPDX-License-Identifier: GPL-2.0 */
/* The program at one end: it writes and reads as the scenario says, and checks what it reads. */
#pragma once

#include <pthread.h>
#include <sys/types.h>
#include "scenario.h"

#define END_SENDS	32	/* with MSG_ZEROCOPY, that nobody has told of */

/* A write with MSG_ZEROCOPY. */
struct end_send {
	uint8_t *pages;
	size_t len;
	long long end;		/* of the stream, behind it */
	bool is_told;		/* its pages are free, and those of an earlier one are not */
};

struct judge_side;

struct end {
	int fd;			/* -1: not open yet, or closed */
	const struct program *program;
	enum stack stack;
	struct chance chance;
	uint8_t tint, peer_tint;
	bool is_connecting, was_open;
	int repairs;		/* so often it has got another socket */
	bool defers;		/* TCP_FASTOPEN_CONNECT has left the SYN to the first write */
	long long written, read;	/* octets */
	long long urgent[URGENT_OCTETS];	/* offsets of the last ones that it wrote */
	int nr_urgent;
	struct end_send send[END_SENDS];
	unsigned int sends, told;	/* such writes, and those whose pages are free again */
	const struct end *peer;
	const struct judge_side *wire;	/* what has arrived here */
	int file, pipe[2];	/* for sendfile(), for splice(); -1: not open */
	int epoll;		/* -1: not open */
	bool has_news;		/* poll() says so, or a packet came: it may be able to read or write again */
	bool can_read, can_write;	/* until EAGAIN */
	long long write_at_us, read_at_us;	/* it waits until then */
	pid_t writer;		/* a process that writes in its place, until it is killed; 0: none */
	long long kill_at_us;
	bool has_shut, at_end, is_done;
	bool has_shut_read;
	long long idle_us;	/* after SHUT_RD nothing tells it that text comes, so it looks again and again */
	bool may_fail;		/* with any error, since allocations fail */
	bool has_queue;		/* its host's own queue may keep the copy of a segment that was acknowledged */
	bool is_local;		/* both ends are on one machine */
	bool has_little_memory;	/* as in Linux, poll() may say POLLOUT all the time, and send() EAGAIN */
	bool may_lose_route;	/* its link goes down: what gives up then says ENETUNREACH, as in Linux */
	pthread_t thread[SIDES];	/* the writer, and the reader */
	int threads, busy;	/* how many were made, and have not ended */
	bool stops;		/* they have to end */
	int bell;		/* eventfd: one has ended; -1: none */
	int failure;		/* errno of the thread's call that tells the connection's error; 0: none */
	const char *failed;	/* that call */
	int error;		/* errno of a call */
	char wrong[200];	/* the first thing that the socket API must not do */
};

void end_begin(struct end *end, const struct program *program, uint64_t seed, uint8_t tint, uint8_t peer_tint,
	       const struct end *peer, const struct judge_side *wire);
void end_open(struct end *end, int fd);
/* Gives it another one for the same connection. */
void end_reopen(struct end *end, int fd);
void end_close(struct end *end);
/* Options that have to be set before connect() or listen(). */
void end_prepare(const struct program *program, int fd);
/* Opens the connection, maybe with the first octets. 0: it is under way; -1 with errno. */
int end_connect(struct end *end, const char *addr, int port);
/* Does what can be done without waiting. */
void end_step(struct end *end, long long now_us);
/* The descriptor and events for poll(); -1: none. */
int end_poll(const struct end *end, long long now_us, short *events);
/* Microseconds until it wants to do something; -1: it waits for the socket alone. */
long long end_wait_us(const struct end *end, long long now_us);

/*
 * end_io.c: like send() and recv(), but with the calls that the program uses; -1 with errno.
 */
ssize_t end_write(struct end *end, long long n);
ssize_t end_read(struct end *end, uint8_t *to, long long n);
void end_read_urgent(struct end *end);
/* Nothing will come behind what has come. */
bool end_peer_has_ended(const struct end *end);
void end_io_close(struct end *end);
/* Takes @n octets that were read; 0: the end of the stream. */
void end_take(struct end *end, const uint8_t *octets, ssize_t n);

/* end_threads.c: a program that waits in its calls. hear() takes note of the bell. */
void end_threads_start(struct end *end);
void end_threads_stop(struct end *end);
void end_threads_hear(struct end *end);

/* end_zerocopy.c: MSG_ZEROCOPY. hear() reads the error queue; look() knows what is acknowledged, and the way empty. */
void end_zerocopy_on(const struct end *end);
bool end_zerocopy_wants(struct end *end);
ssize_t end_zerocopy_write(struct end *end, const uint8_t *octets, long long n, int flags);
void end_zerocopy_hear(struct end *end);
void end_zerocopy_look(struct end *end, long long acked);
void end_zerocopy_close(struct end *end);

/* Notes the first thing that the socket API must not do. */
void end_wrong(struct end *end, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What the socket API promises, compared with what one program sees. Each function notes the first promise broken. */

struct end;
void api_events(struct end *end, unsigned int events);
void api_connected(struct end *end);
/* recv() has returned 0. */
void api_end(struct end *end);
/* shutdown(SHUT_WR) has succeeded. 0, or -1 with errno if the connection has failed meanwhile. */
int api_shut(struct end *end);
/* @call has failed with end->error, and the socket is still open. */
void api_error(struct end *end, const char *call);
