// SPDX-License-Identifier: GPL-2.0
/* Differential scenarios: io_uring. */
#include "lib/diff.h"
#include "lib/ring.h"

#define GROUP	7	/* of buffers that the ring chooses from */

static struct ring ring_make(void)
{
	struct ring r;

	diff_must(!ring_open(&r), "io_uring");
	return r;
}

static void ring_submit(struct ring *r, struct io_uring_sqe sqe)
{
	diff_must(!ring_give(r, &sqe), "io_uring_enter");
}

/* Waits for the next completion and records it. Its result. */
static int ring_says(struct ring *r, const char *label)
{
	struct io_uring_cqe cqe;

	diff_must(WAIT_FOR(ring_take(r, &cqe), DIFF_DEADLINE_MS), "no completion");
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
	diff_must(!connect(c, LO(1), ALEN), "connect");
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
	poll_in.poll_events = POLLIN;
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

/* Asks the ring to give up the request with this number, and waits for both completions. */
static void ring_cancel(struct ring *r, int number, const char *label)
{
	struct io_uring_sqe sqe = sqe_of(IORING_OP_ASYNC_CANCEL, -1, (void *)(long)number, 0);
	struct io_uring_cqe cqe[2];
	bool swapped;

	ring_submit(r, sqe);
	for (int i = 0; i < 2; i++)
		diff_must(WAIT_FOR(ring_take(r, &cqe[i]), DIFF_DEADLINE_MS), "no completion");
	swapped = !cqe[0].user_data;
	diff_say("%s: %d, cancel: %d", label, cqe[swapped].res, cqe[!swapped].res);
}

SCENARIO(ring_recv_waitall)
{
	struct ring r = ring_make();
	struct io_uring_sqe sqe;
	char b[10] = "";
	int c, s;

	diff_pair(&c, &s);
	sqe = sqe_of(IORING_OP_RECV, s, b, 6);
	sqe.msg_flags = MSG_WAITALL;
	ring_submit(&r, sqe);
	diff_put(c, "abc");
	QUEUES(c, -1, 0);
	ring_silent(&r, "half of it");
	diff_put(c, "def");
	diff_say("octets: %d", ring_says(&r, "all of it"));
	diff_say("received: %s", b);
	ring_submit(&r, sqe);
	diff_put(c, "ghi");
	QUEUES(c, -1, 0);
	RET(shutdown(c, SHUT_WR));
	diff_say("octets: %d", ring_says(&r, "the end"));
	sqe.fd = c;
	ring_submit(&r, sqe);
	diff_put(s, "ghi");
	QUEUES(s, -1, 0);
	diff_reset(s);
	diff_say("octets: %d", ring_says(&r, "a reset"));
	ring_submit(&r, sqe);
	ring_says(&r, "afterwards");
}

/* A worker of the ring waits inside the call, as a program does that may block. */
SCENARIO(ring_workers)
{
	static char big[100000];
	struct io_uring_sqe sqe = sqe_of(IORING_OP_CONNECT, diff_socket(), LO(1), 0);
	int l = diff_listener(1), c = sqe.fd, s;
	struct ring r = ring_make();
	char b[10] = "";

	sqe.off = ALEN;
	sqe.flags = IOSQE_ASYNC;
	ring_submit(&r, sqe);
	ring_says(&r, "connect");
	s = diff_accepted(l);
	sqe = sqe_of(IORING_OP_RECV, s, b, 3);
	sqe.flags = IOSQE_ASYNC;
	sqe.user_data = 1;
	ring_submit(&r, sqe);
	usleep(20000);
	diff_put(c, "abc");
	ring_says(&r, "recv");
	ring_submit(&r, sqe);
	usleep(20000);
	ring_cancel(&r, 1, "recv");
	sqe.fd = l;
	sqe.opcode = IORING_OP_ACCEPT;
	sqe.addr = 0;
	sqe.len = 0;
	ring_submit(&r, sqe);
	usleep(20000);
	ring_cancel(&r, 1, "accept");
	SET(c, SOL_SOCKET, SO_SNDBUF, 20000);
	diff_fill(c);
	sqe = sqe_of(IORING_OP_SEND, c, big, sizeof(big));
	sqe.flags = IOSQE_ASYNC;
	sqe.user_data = 1;
	ring_submit(&r, sqe);
	usleep(20000);
	ring_cancel(&r, 1, "send");
}

/* A connect that nobody answers: its time is over, in a worker and without one, and the socket is shut down. */
SCENARIO(ring_connect_waits)
{
	struct io_uring_sqe sqe = sqe_of(IORING_OP_CONNECT, 0, diff_addr(HOST_SILENT, 1), 0), out;
	struct __kernel_timespec ts = { .tv_nsec = 30000000 };
	struct ring r = ring_make();

	sqe.off = ALEN;
	for (int workers = 0; workers < 2; workers++) {
		sqe.fd = diff_socket();
		sqe.flags = IOSQE_IO_LINK | (workers ? IOSQE_ASYNC : 0);
		out = sqe_of(IORING_OP_LINK_TIMEOUT, -1, &ts, 1);
		ring_add(&r, &sqe);
		ring_submit(&r, out);
		ring_says(&r, "one of the two");
		ring_says(&r, "the other");
		STATE(sqe.fd, TCP_SYN_SENT);
		close(sqe.fd);
	}
	sqe.flags = 0;
	sqe.fd = diff_socket();
	ring_submit(&r, sqe);
	ring_silent(&r, "connect");
	RET(shutdown(sqe.fd, SHUT_RDWR));
	ring_says(&r, "connect");
	sqe.off = 4;
	sqe.fd = diff_socket();
	ring_submit(&r, sqe);
	ring_says(&r, "too short an address");
}

/* Each request begins when the one before it is done. */
SCENARIO(ring_chain)
{
	int l = diff_listener(1), c = diff_socket(), s, i;
	char b[10] = "";
	struct io_uring_sqe sqe[5] = {
		sqe_of(IORING_OP_CONNECT, c, LO(1), 0), sqe_of(IORING_OP_SEND, c, "abc", 3),
		sqe_of(IORING_OP_RECV, c, b, 3), sqe_of(IORING_OP_SHUTDOWN, c, NULL, SHUT_WR),
		sqe_of(IORING_OP_CLOSE, c, NULL, 0),
	};
	struct ring r = ring_make();

	sqe[0].off = ALEN;
	for (i = 0; i < 4; i++) {
		sqe[i].flags = IOSQE_IO_LINK;
		ring_add(&r, &sqe[i]);
	}
	ring_submit(&r, sqe[4]);
	s = diff_accepted(l);
	READ(s, 3, MSG_WAITALL);
	diff_put(s, "def");
	for (i = 0; i < 5; i++)
		diff_say("result: %d", ring_says(&r, "link"));
	diff_say("received: %s", b);
	READ(s, 3, 0);
}

SCENARIO(ring_splice)
{
	struct ring r = ring_make();
	struct io_uring_sqe sqe;
	int c, s, p[2];
	char b[10] = "";

	diff_pair(&c, &s);
	diff_must(!pipe(p), "pipe");
	sqe = sqe_of(IORING_OP_SPLICE, p[1], NULL, 10);
	sqe.off = -1;
	sqe.splice_off_in = -1;
	sqe.splice_fd_in = s;
	sqe.user_data = 1;
	ring_submit(&r, sqe);
	usleep(20000);
	ring_silent(&r, "splice");
	diff_put(c, "abcdef");
	diff_say("octets: %d", ring_says(&r, "splice"));
	RET(read(p[0], b, 10));
	diff_say("received: %s", b);
	ring_submit(&r, sqe);
	usleep(20000);
	ring_cancel(&r, 1, "splice");
	RET(write(p[1], "ghi", 3));
	sqe.fd = s;
	sqe.splice_fd_in = p[0];
	ring_submit(&r, sqe);
	diff_say("octets: %d", ring_says(&r, "splice into the socket"));
	READ(c, 3, 0);
}

/* The ring ends while requests wait for its sockets: polling, or with @flags in workers. */
static void leave_waiting(int l, int flags)
{
	struct io_uring_sqe sqe = sqe_of(IORING_OP_CONNECT, diff_socket(), diff_addr(HOST_SILENT, 1), 0);
	int c = diff_connected(1), s = diff_accepted(l);
	struct ring r = ring_make();
	char b[3];

	sqe.off = ALEN;
	sqe.flags = flags;
	ring_submit(&r, sqe);
	sqe = sqe_of(IORING_OP_ACCEPT, l, NULL, 0);
	sqe.flags = flags;
	ring_submit(&r, sqe);
	sqe = sqe_of(IORING_OP_POLL_ADD, s, NULL, IORING_POLL_ADD_MULTI);
	sqe.poll_events = POLLIN;
	ring_submit(&r, sqe);
	sqe = sqe_of(IORING_OP_RECV, s, b, sizeof(b));
	sqe.flags = flags;
	ring_submit(&r, sqe);
	usleep(20000);
	ring_silent(&r, "all");
	close(s);
	ring_close(&r);
	BITS(c, POLLRDHUP);
	close(c);
}

SCENARIO(ring_ends)
{
	int l = diff_listener(1), c;

	leave_waiting(l, 0);
	leave_waiting(l, IOSQE_ASYNC);
	c = diff_connected(1);
	diff_put(diff_accepted(l), "abc");
	READ(c, 3, 0);
}
