// SPDX-License-Identifier: GPL-2.0
/* Differential scenarios: io_uring. */
#include "lib/diff.h"
#include "lib/ring.h"

#define GROUP	7	/* of buffers that the ring chooses from */

static struct ring ring_make(void)
{
	struct ring r;

	if (ring_open(&r))
		diff_die("io_uring");
	return r;
}

/* Hands one entry in; its completion is looked at by ring_says(). */
static void ring_submit(struct ring *r, struct io_uring_sqe sqe)
{
	if (ring_give(r, &sqe))
		diff_die("io_uring_enter");
}

/* Waits for the next completion and records it. Its result. */
static int ring_says(struct ring *r, const char *label)
{
	struct io_uring_cqe cqe;

	if (!WAIT_FOR(ring_take(r, &cqe), DIFF_DEADLINE_MS))
		diff_die("no completion");
	diff_say("%s: %s%s", label, cqe.res < 0 ? strerrorname_np(-cqe.res) : "done",
		 cqe.flags & IORING_CQE_F_MORE ? ", more to come" : "");
	return cqe.res;
}

static void ring_silent(struct ring *r, const char *label)
{
	diff_say("%s: %s", label, ring_is_empty(r) ? "waits" : "over");
}

static struct io_uring_sqe sqe_of(int op, int fd, const void *addr, unsigned int len)
{
	return (struct io_uring_sqe){ .opcode = op, .fd = fd, .addr = (unsigned long)addr, .len = len };
}

SCENARIO(ring_connect_accept)
{
	struct io_uring_sqe connect_to = sqe_of(IORING_OP_CONNECT, 0, LO(1), 0);
	int l = diff_listener(1), c, s;
	struct ring r = ring_make();

	ring_submit(&r, sqe_of(IORING_OP_ACCEPT, l, NULL, 0));
	ring_silent(&r, "accept");
	c = diff_socket();
	connect_to.fd = c;
	connect_to.off = ALEN;
	if (connect(c, LO(1), ALEN))
		diff_die("connect");
	s = ring_says(&r, "accept");
	diff_put(s, "abc");
	READ(c, 3, 0);
	connect_to.fd = diff_socket();
	ring_submit(&r, connect_to);
	ring_says(&r, "connect");
	ring_submit(&r, connect_to);
	ring_says(&r, "connect again");
	close(l);
	connect_to.fd = diff_socket();
	ring_submit(&r, connect_to);
	ring_says(&r, "connect to nobody");
}

SCENARIO(ring_accept_multishot)
{
	struct io_uring_sqe accept_all = sqe_of(IORING_OP_ACCEPT, diff_listener(1), NULL, 0);
	struct io_uring_sqe cancel = sqe_of(IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0);
	struct ring r = ring_make();
	int c[3], i;

	accept_all.ioprio = IORING_ACCEPT_MULTISHOT;
	accept_all.user_data = 1;
	ring_submit(&r, accept_all);
	for (i = 0; i < 3; i++) {
		c[i] = diff_connected(1);
		diff_put(ring_says(&r, "accept"), "x");
		READ(c[i], 1, 0);
	}
	ring_silent(&r, "accept");
	ring_submit(&r, cancel);
	ring_says(&r, "one of the two");
	ring_says(&r, "the other");
}

SCENARIO(ring_send_recv)
{
	struct ring r = ring_make();
	char b[10] = "";
	int c, s;

	diff_pair(&c, &s);
	ring_submit(&r, sqe_of(IORING_OP_RECV, s, b, sizeof(b)));
	ring_silent(&r, "recv");
	ring_submit(&r, sqe_of(IORING_OP_SEND, c, "hello", 5));
	diff_say("results: %d", ring_says(&r, "one of the two") + ring_says(&r, "the other"));
	diff_say("received: %s", b);
	ring_submit(&r, sqe_of(IORING_OP_RECV, s, b, sizeof(b)));
	RET(shutdown(c, SHUT_WR));
	diff_say("at the end: %d", ring_says(&r, "recv"));
	ring_submit(&r, sqe_of(IORING_OP_RECV, c, b, sizeof(b)));
	diff_reset(s);
	ring_says(&r, "recv");
	ring_submit(&r, sqe_of(IORING_OP_SEND, c, "hello", 5));
	ring_says(&r, "send");
}

/* A send that has no room waits for it. */
SCENARIO(ring_send_waits)
{
	static char b[1 << 20];
	struct ring r = ring_make();
	int c, s;

	diff_pair(&c, &s);
	SET(c, SOL_SOCKET, SO_SNDBUF, 20000);
	diff_fill(c);
	ring_submit(&r, sqe_of(IORING_OP_SEND, c, b, 1000));
	ring_silent(&r, "send");
	if (!WAIT_FOR((recv(s, b, sizeof(b), MSG_DONTWAIT), !ring_is_empty(&r)), DIFF_DEADLINE_MS))
		diff_say("DEADLINE: nothing was sent");
	diff_say("sent: %d", ring_says(&r, "send"));
}

static void give_buffers(struct ring *r, char (*b)[4], int n)
{
	struct io_uring_sqe give = sqe_of(IORING_OP_PROVIDE_BUFFERS, n, b, sizeof(*b));

	give.buf_group = GROUP;
	ring_submit(r, give);
	ring_says(r, "buffers");
}

/* One request for all that comes, each time into another of the buffers. */
static void receive_all(struct ring *r, int fd)
{
	struct io_uring_sqe sqe = sqe_of(IORING_OP_RECV, fd, NULL, 0);

	sqe.flags = IOSQE_BUFFER_SELECT;
	sqe.buf_group = GROUP;
	sqe.ioprio = IORING_RECV_MULTISHOT;
	ring_submit(r, sqe);
}

SCENARIO(ring_recv_multishot)
{
	static char b[4][4];
	struct ring r = ring_make();
	int c, s, i;

	diff_pair(&c, &s);
	give_buffers(&r, b, 4);
	receive_all(&r, s);
	for (i = 0; i < 3; i++) {
		diff_put(c, "abc");
		diff_say("octets: %d", ring_says(&r, "recv"));
	}
	RET(shutdown(c, SHUT_WR));
	ring_says(&r, "recv");
}

SCENARIO(ring_recv_multishot_without_buffers)
{
	static char b[1][4];
	struct ring r = ring_make();
	int c, s;

	diff_pair(&c, &s);
	give_buffers(&r, b, 1);
	receive_all(&r, s);
	diff_put(c, "abcdefgh");
	diff_say("octets: %d", ring_says(&r, "recv"));
	ring_says(&r, "recv");
	READ(s, 10, 0);
}

SCENARIO(ring_messages)
{
	char b[10] = "";
	struct iovec iov = { b, sizeof(b) }, out[2] = { { "ab", 2 }, { "cd", 2 } };
	struct msghdr in = { .msg_iov = &iov, .msg_iovlen = 1 }, m = { .msg_iov = out, .msg_iovlen = 2 };
	struct ring r = ring_make();
	int c, s;

	diff_pair(&c, &s);
	ring_submit(&r, sqe_of(IORING_OP_SENDMSG, c, &m, 1));
	diff_say("octets: %d", ring_says(&r, "sendmsg"));
	ring_submit(&r, sqe_of(IORING_OP_RECVMSG, s, &in, 1));
	diff_say("octets: %d", ring_says(&r, "recvmsg"));
	diff_say("received: %s", b);
	ring_submit(&r, sqe_of(IORING_OP_WRITE, c, "ef", 2));
	ring_says(&r, "write");
	ring_submit(&r, sqe_of(IORING_OP_READ, s, b, 2));
	ring_says(&r, "read");
	diff_say("received: %s", b);
}

SCENARIO(ring_poll_shutdown_close)
{
	struct ring r = ring_make();
	struct io_uring_sqe poll_in;
	int c, s;

	diff_pair(&c, &s);
	poll_in = sqe_of(IORING_OP_POLL_ADD, s, NULL, 0);
	poll_in.poll32_events = POLLIN;
	ring_submit(&r, poll_in);
	ring_silent(&r, "poll");
	diff_put(c, "abc");
	diff_say("POLLIN: %d", ring_says(&r, "poll") == POLLIN);
	ring_submit(&r, sqe_of(IORING_OP_SHUTDOWN, c, NULL, SHUT_WR));
	ring_says(&r, "shutdown");
	READ(s, 10, 0);
	READ(s, 10, 0);
	ring_submit(&r, sqe_of(IORING_OP_CLOSE, c, NULL, 0));
	ring_says(&r, "close");
	RET(send(s, "abc", 3, MSG_NOSIGNAL));
}

/* The socket goes while the ring waits for it. */
SCENARIO(ring_closed_while_it_waits)
{
	struct ring r = ring_make();
	char b[10];
	int c, s;

	diff_pair(&c, &s);
	ring_submit(&r, sqe_of(IORING_OP_RECV, s, b, sizeof(b)));
	ring_silent(&r, "recv");
	RET(shutdown(s, SHUT_RD));
	diff_say("octets: %d", ring_says(&r, "recv"));
	ring_submit(&r, sqe_of(IORING_OP_RECV, c, b, sizeof(b)));
	close(c);
	close(r.fd);
}
