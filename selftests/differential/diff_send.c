// SPDX-License-Identifier: GPL-2.0
/* Differential scenarios: sendmsg() with each flag, full buffers, SIGPIPE. */
#include "lib/diff.h"
#include <limits.h>
#include <sys/mman.h>
#include <signal.h>
#include <sys/wait.h>

SCENARIO_OF_PAIR(send_plain)
{
	struct iovec iov[3] = { { "ab", 2 }, { NULL, 0 }, { "cd", 2 } };

	RET(send(c, "hello", 5, 0));
	RET(send(c, "", 0, 0));
	RET(write(c, NULL, 0));
	RET(write(c, "-", 1));
	RET(writev(c, iov, 3));
	RET(writev(c, iov, 0));
	QUEUES(c, -1, 0);
	READ(s, 100, 0);
	RET(pwrite(c, "x", 1, 0));
}

SCENARIO_OF_PAIR(send_with_name)
{
	struct iovec iov = { "ab", 2 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	RET(sendto(c, "to", 2, 0, LO(2), ALEN));
	RET(sendto(c, "to", 2, 0, LO(2), 1));
	RET(sendto(c, "to", 2, 0, LO(2), sizeof(union diff_addr) + 1));
	m.msg_name = LO(3);
	m.msg_namelen = ALEN;
	RET(sendmsg(c, &m, 0));
	m.msg_name = (void *)8;
	RET(sendmsg(c, &m, 0));
	m.msg_name = NULL;
	RET(sendmsg(c, &m, 0));
	QUEUES(s, 8, -1);
	READ(s, 100, 0);
}

SCENARIO_OF_PAIR(send_odd_flags)
{
	RET(send(c, "a", 1, MSG_DONTWAIT));
	RET(send(c, "b", 1, MSG_DONTROUTE));
	RET(send(c, "c", 1, MSG_CONFIRM));
	RET(send(c, "d", 1, MSG_EOR));
	RET(send(c, "e", 1, MSG_PEEK | MSG_TRUNC | MSG_WAITALL));
	RET(send(c, "f", 1, 0x00100000));
	RET(send(c, "g", 1, MSG_ERRQUEUE));
	RET(send(c, "h", 1, MSG_ZEROCOPY));
	RET(send(c, "i", 1, MSG_CTRUNC | MSG_RST | MSG_FIN | MSG_SYN));
	QUEUES(s, 9, -1);
	READ(s, 20, 0);
}

SCENARIO_OF_PAIR(send_urgent)
{
	RET(send(c, "urgent", 6, MSG_OOB));
	RET(send(c, "", 0, MSG_OOB));
}

SCENARIO(send_fastopen)
{
	int l = diff_listener(1), c = diff_socket();

	RET(sendto(c, "early", 5, MSG_FASTOPEN, NULL, 0));
	RET(sendto(c, "early", 5, MSG_FASTOPEN, LO(1), 3));
	RET(sendto(c, "early", 5, MSG_FASTOPEN | MSG_NOSIGNAL, LO(1), ALEN));
	STATE(c, 0);
	RET(sendto(c, "again", 5, MSG_FASTOPEN | MSG_NOSIGNAL, LO(1), ALEN));
	RET(sendto(c, "again", 5, MSG_FASTOPEN | MSG_NOSIGNAL, NULL, 0));
	RET(close(l));
}

/* Text goes without a cookie, so connect() sends nothing; the listener does not take text. */
static int fast_socket(void)
{
	int c = diff_socket(), on = 1;

	setsockopt(c, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, &on, sizeof(on));
	RET(setsockopt(c, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on)));
	return c;
}

SCENARIO(send_fastopen_connect)
{
	int l = diff_listener(1), c = fast_socket(), s;
	struct pollfd p = { .fd = c, .events = POLLIN | POLLOUT };
	char octets[8];

	RET(connect(c, LO(1), ALEN));
	STATE(c, 0);
	RET(poll(&p, 1, 0));
	RET(p.revents);
	/* one that may wait would wait for the connection */
	fcntl(c, F_SETFL, O_NONBLOCK);
	RET(connect(c, LO(1), ALEN));
	fcntl(c, F_SETFL, 0);
	RET(listen(c, 1));
	RET(recv(c, octets, 1, MSG_DONTWAIT));
	QUEUES(c, 0, 0);
	RET(send(c, "early", 5, 0));
	STATE(c, 0);
	RET(connect(c, LO(1), ALEN));
	s = accept(l, NULL, NULL);
	READ(s, 5, 0);
	RET(send(c, "late", 4, 0));
	READ(s, 4, 0);
}

SCENARIO(send_fastopen_connect_ends)
{
	int l = diff_listener(1), c = fast_socket();
	union diff_addr none = {};

	RET(connect(c, LO(1), ALEN));
	RET(shutdown(c, SHUT_WR));
	STATE(c, 0);
	RET(send(c, "early", 5, MSG_NOSIGNAL));
	RET(connect(c, LO(1), ALEN));
	RET(connect(c, (struct sockaddr *)&none, sizeof(none)));
	STATE(c, 0);
	RET(connect(c, LO(1), ALEN));
	RET(close(c));
	RET(close(l));
	c = fast_socket();
	RET(connect(c, LO(1), ALEN));
	RET(send(c, "early", 5, MSG_NOSIGNAL));
	RET(send(c, "early", 5, MSG_NOSIGNAL));
}

SCENARIO_OF_PAIR(send_bad_buffer)
{
	struct iovec iov[2] = { { "ab", 2 }, { (void *)8, 2 } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 5000 };

	RET(send(c, (void *)8, 2, 0));
	RET(send(c, NULL, 1, 0));
	RET(writev(c, iov, 2));
	RET(sendmsg(c, &m, 0));
	RET(sendmsg(c, NULL, 0));
	RET(send(c, "end", 3, 0));
	QUEUES(c, -1, 0);
	RET(recv(s, &m, 100, MSG_PEEK | MSG_DONTWAIT));
	RET(writev(c, iov, -1));
	RET(writev(c, iov, 5000));
}

SCENARIO(send_control)
{
	char control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec iov = { "ab", 2 };
	struct msghdr m = MESSAGE(iov, control);
	struct cmsghdr *cm = CMSG_FIRSTHDR(&m);
	int c, s;

	diff_pair(&c, &s);
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int));
	RET(sendmsg(c, &m, 0));
	cm->cmsg_type = 9999;
	RET(sendmsg(c, &m, 0));
	cm->cmsg_level = IPPROTO_TCP;
	RET(sendmsg(c, &m, 0));
	cm->cmsg_level = IPPROTO_IP;
	RET(sendmsg(c, &m, 0));
	cm->cmsg_len = 1;
	RET(sendmsg(c, &m, 0));
	m.msg_controllen = 3;
	RET(sendmsg(c, &m, 0));
}

/* Several control messages, and the lengths that one may not have. */
SCENARIO(send_control_several)
{
	char control[3 * CMSG_SPACE(sizeof(int))] = {};
	struct iovec iov = { "ab", 2 };
	struct msghdr m = MESSAGE(iov, control);
	struct cmsghdr *cm[3];
	int c, s, i;

	diff_pair(&c, &s);
	for (i = 0; i < 3; i++) {
		cm[i] = (void *)(control + i * CMSG_SPACE(sizeof(int)));
		cm[i]->cmsg_level = SOL_SOCKET;
		cm[i]->cmsg_type = SO_MARK;
		cm[i]->cmsg_len = CMSG_LEN(sizeof(int));
	}
	RET(sendmsg(c, &m, 0));
	cm[2]->cmsg_type = 9999;
	RET(sendmsg(c, &m, 0));
	cm[2]->cmsg_level = IPPROTO_TCP;
	RET(sendmsg(c, &m, 0));
	cm[2]->cmsg_level = SOL_SOCKET;
	cm[2]->cmsg_type = SO_MARK;
	cm[2]->cmsg_len = CMSG_LEN(sizeof(int)) - 1;
	RET(sendmsg(c, &m, 0));
	cm[2]->cmsg_len = CMSG_LEN(sizeof(int)) + 8;
	RET(sendmsg(c, &m, 0));
	cm[2]->cmsg_len = (size_t)-1;
	RET(sendmsg(c, &m, 0));
	cm[2]->cmsg_len = sizeof(struct cmsghdr) - 1;
	RET(sendmsg(c, &m, 0));
	cm[2]->cmsg_len = 0;
	RET(sendmsg(c, &m, 0));
	/* the first one hides the others */
	cm[0]->cmsg_len = sizeof(control) + 1;
	RET(sendmsg(c, &m, 0));
	cm[0]->cmsg_len = 1 << 30;
	RET(sendmsg(c, &m, 0));
	cm[0]->cmsg_len = sizeof(control);
	RET(sendmsg(c, &m, 0));
	/* what is left has no room for a header: there is no further one */
	cm[0]->cmsg_len = CMSG_LEN(sizeof(int));
	m.msg_controllen = CMSG_SPACE(sizeof(int)) + sizeof(struct cmsghdr) - 1;
	RET(sendmsg(c, &m, 0));
	m.msg_controllen = 1 << 30;
	RET(sendmsg(c, &m, 0));
	m.msg_controllen = CMSG_SPACE(sizeof(int));
	m.msg_control = (void *)8;
	RET(sendmsg(c, &m, 0));
	/* of all these only what was taken */
	QUEUES(s, 6, -1);
}

SCENARIO_OF_PAIR(send_many)
{
	struct iovec iov[2] = { { "ab", 2 }, { "cd", 2 } };
	struct mmsghdr m[2] = {
		{ .msg_hdr = { .msg_iov = &iov[0], .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &iov[1], .msg_iovlen = 1 } },
	};

	RET(sendmmsg(c, m, 2, 0));
	diff_say("%u %u", m[0].msg_len, m[1].msg_len);
	RET(sendmmsg(c, m, 0, 0));
	QUEUES(s, 4, -1);
	READ(s, 10, 0);
}

static size_t drain(int fd, size_t want)
{
	static char b[65536];
	size_t all = 0;
	ssize_t n;

	while (all < want) {
		n = recv(fd, b, sizeof(b), 0);
		if (n <= 0)
			break;
		all += n;
	}
	return all;
}

#define IOV_MOST	1024	/* UIO_MAXIOV */

/* As many pieces as there may be, and one more, in both directions. */
SCENARIO_OF_PAIR(send_pieces)
{
	static char in[IOV_MOST + 1], out[IOV_MOST + 1];
	static struct iovec from[IOV_MOST + 1], to[IOV_MOST + 1];
	struct msghdr m = { .msg_iov = from, .msg_iovlen = IOV_MOST };
	int i;

	for (i = 0; i <= IOV_MOST; i++) {
		out[i] = i * 7 + i / 256;
		from[i] = (struct iovec){ &out[i], 1 };
		to[i] = (struct iovec){ &in[IOV_MOST - i], 1 };
	}
	RET(sendmsg(c, &m, 0));
	QUEUES(s, IOV_MOST, -1);
	m.msg_iov = to;
	RET(recvmsg(s, &m, 0));
	for (i = 0; i < IOV_MOST && in[IOV_MOST - i] == out[i]; i++)
		;
	diff_say("each in its place: %d", i == IOV_MOST);
	RET(writev(c, from, IOV_MOST));
	QUEUES(s, IOV_MOST, -1);
	RET(readv(s, to, IOV_MOST + 1));
	m.msg_iovlen = IOV_MOST + 1;
	RET(recvmsg(s, &m, 0));
	RET(readv(s, to, IOV_MOST));
	m.msg_iov = from;
	RET(sendmsg(c, &m, 0));
	RET(writev(c, from, IOV_MOST + 1));
	QUEUES(c, -1, 0);
	QUEUES(s, 0, -1);
}

#define GIB		(1024UL * 1024 * 1024)

/* Pieces of 2 GiB and more together, of which there is room for some, or text. */
SCENARIO(send_2_gib)
{
	char *space = mmap(NULL, GIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct iovec iov[4] = { { "first", 5 }, { space, GIB }, { space, GIB }, { space, GIB } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 4 };
	ssize_t n;
	int c, s;

	diff_pair(&c, &s);
	diff_must(space != MAP_FAILED, "mmap");
	n = sendmsg(c, &m, MSG_DONTWAIT);
	diff_say("part of it: %d", n > 5);
	READ(s, 5, 0);
	diff_say("all of it comes: %d", n <= 5 || drain(s, n - 5) == (size_t)n - 5);
	QUEUES(c, -1, 0);
	BITS(c, POLLOUT);
	n = writev(c, iov + 1, 0);
	diff_say("nothing: %zd", n);
	/* what comes is less than there is room for */
	diff_put(c, "abc");
	QUEUES(s, 3, -1);
	RET(readv(s, iov + 1, 3));
	diff_say("%.3s", space);
	diff_put(c, "def");
	QUEUES(s, 3, -1);
	m.msg_iov = iov + 1;
	m.msg_iovlen = 3;
	RET(recvmsg(s, &m, 0));
	diff_put(c, "ghi");
	QUEUES(s, 3, -1);
	RET(recv(s, space, 2 * GIB, 0));
	diff_put(c, "jkl");
	RET(shutdown(c, SHUT_WR));
	BITS(s, POLLRDHUP);
	RET(recv(s, space, 2 * GIB, MSG_WAITALL));
	/* more than a length can say */
	iov[2].iov_len = -1;
	RET(readv(s, iov + 1, 3));
	RET(recvmsg(s, &m, 0));
	RET(sendmsg(s, &m, MSG_DONTWAIT));
	iov[2].iov_len = SSIZE_MAX;
	RET(readv(s, iov + 1, 3));
	RET(recvmsg(s, &m, 0));
}

/* Held back until the cork is out, or a send without MSG_MORE. */
SCENARIO_OF_PAIR(send_more)
{
	RET(send(c, "abc", 3, MSG_MORE));
	RET(send(c, "def", 3, MSG_MORE));
	READ(s, 10, MSG_DONTWAIT);
	QUEUES(c, -1, 6);
	RET(send(c, "g", 1, 0));
	QUEUES(s, 7, -1);
	READ(s, 10, 0);
	RET(send(c, "held", 4, MSG_MORE));
	RET(shutdown(c, SHUT_WR));
	BITS(s, POLLRDHUP);
	READ(s, 10, 0);
}

SCENARIO_OF_PAIR(send_cork)
{
	GET(c, IPPROTO_TCP, TCP_CORK);
	SET(c, IPPROTO_TCP, TCP_CORK, 1);
	GET(c, IPPROTO_TCP, TCP_CORK);
	diff_put(c, "abc");
	diff_put(c, "def");
	READ(s, 10, MSG_DONTWAIT);
	QUEUES(c, -1, 6);
	SET(c, IPPROTO_TCP, TCP_CORK, 0);
	QUEUES(s, 6, -1);
	READ(s, 10, 0);
	SET(c, IPPROTO_TCP, TCP_CORK, 2);
	GET(c, IPPROTO_TCP, TCP_CORK);
	diff_put(c, "ghi");
	SET(c, IPPROTO_TCP, TCP_NODELAY, 1);
	GET(c, IPPROTO_TCP, TCP_NODELAY);
	QUEUES(s, 3, -1);
	READ(s, 10, 0);
	diff_put(c, "until the end");
	close(c);
	BITS(s, POLLRDHUP);
	READ(s, 20, 0);
}

/* The first small segment goes, the next waits for its ACK, then it goes too. */
SCENARIO_OF_PAIR(send_small)
{
	for (int i = 0; i < 5; i++)
		diff_put(c, "small");
	QUEUES(s, 25, -1);
	QUEUES(c, -1, 0);
	SET(c, IPPROTO_TCP, TCP_NODELAY, 1);
	for (int i = 0; i < 5; i++)
		diff_put(c, "small");
	QUEUES(s, 50, -1);
}

static void expect_sigpipe(void *arg)
{
	signal(SIGPIPE, SIG_DFL);
	if (write(*(int *)arg, "x", 1) != 1)
		_exit(9);
}

static void sigpipe_of(int fd)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		expect_sigpipe(&fd);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		diff_say("ended by SIG%s", sigabbrev_np(WTERMSIG(status)));
	else
		diff_say("exit status %d", WEXITSTATUS(status));
}

SCENARIO(send_sigpipe)
{
	int c, s;

	sigpipe_of(diff_socket());
	diff_pair(&c, &s);
	RET(shutdown(c, SHUT_WR));
	sigpipe_of(c);
	RET(send(c, "x", 1, MSG_NOSIGNAL));
	signal(SIGPIPE, SIG_IGN);
	RET(write(c, "x", 1));
	RET(send(c, "", 0, 0));
	RET(write(c, NULL, 0));
	GET(c, SOL_SOCKET, SO_ERROR);
	sigpipe_of(diff_listener(2));
	diff_reset(s);
	BITS(c, POLLHUP);
	signal(SIGPIPE, SIG_DFL);
	sigpipe_of(c);
	sigpipe_of(c);
}

/* The peer has closed: the first send is answered by a RST. */
SCENARIO_OF_PAIR(send_to_closed)
{
	close(s);
	BITS(c, POLLRDHUP);
	RET(send(c, "a", 1, MSG_NOSIGNAL));
	BITS(c, POLLHUP);
	STATE(c, 0);
	RET(send(c, "b", 1, MSG_NOSIGNAL));
	RET(send(c, "c", 1, MSG_NOSIGNAL));
	GET(c, SOL_SOCKET, SO_ERROR);
	READ(c, 1, 0);
	diff_pair(&c, &s);
	close(s);
	BITS(c, POLLRDHUP);
	RET(send(c, "a", 1, MSG_NOSIGNAL));
	BITS(c, POLLHUP);
	READ(c, 1, 0);
	READ(c, 1, 0);
}

SCENARIO_OF_PAIR(send_until_full)
{
	struct timeval tv = { .tv_usec = 50000 };
	size_t n = diff_fill(c);

	diff_say("something went: %d", n > 60000);
	RET(send(c, "x", 1, MSG_DONTWAIT));
	BITS(c, 0);
	RET(setsockopt(c, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
	RET(send(c, "x", 1, 0));
	RET(send(c, "", 0, 0));
	diff_say("all of it comes: %d", drain(s, n) == n);
	BITS(c, POLLOUT);
	QUEUES(c, -1, 0);
	RET(send(c, "room", 4, 0));
	QUEUES(s, 4, -1);
}

static void drain_slowly(void *arg)
{
	size_t *a = arg;

	if (drain(a[0], a[1]) != a[1])
		_exit(1);
}

SCENARIO_OF_PAIR(send_blocks)
{
	static char b[3 << 20];
	size_t a[2];
	pid_t pid;

	a[0] = s;
	a[1] = sizeof(b);
	pid = diff_fork(drain_slowly, a);
	RET(send(c, b, sizeof(b), 0));
	diff_join(pid);
	QUEUES(c, -1, 0);
	RET(recv(s, b, 1, MSG_DONTWAIT));
}

/* A timeout in the middle gives the bytes taken so far. */
SCENARIO_OF_PAIR(send_timeout_partial)
{
	static char b[16 << 20];
	struct timeval tv = { .tv_usec = 50000 };
	ssize_t n;

	SET(c, SOL_SOCKET, SO_SNDBUF, 20000);
	RET(setsockopt(c, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
	n = send(c, b, sizeof(b), 0);
	diff_say("part of it: %d", n > 0 && n < (ssize_t)sizeof(b));
	STATE(c, 0);
	diff_say("all of it comes: %d", (ssize_t)drain(s, n) == n);
}

/* Two pages, of which nobody can touch the second: the end of the first, @octets before it. */
static char *before_the_edge(size_t octets)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	char *at = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	diff_must(at != MAP_FAILED && !mprotect(at + page, page, PROT_NONE), "mmap: %s", strerror(errno));
	memset(at, 'e', page);
	return at + page - octets;
}

/* What cannot be read is not sent, what cannot be written stays in the queue, and the connection goes on. */
SCENARIO(send_and_recv_over_the_edge)
{
	char *edge = before_the_edge(3);
	struct iovec over = { edge, 10 }, two[2] = { { "ab", 2 }, { edge + 3, 10 } };
	struct msghdr m = { .msg_iov = &over, .msg_iovlen = 1 };
	int c, s;

	diff_pair(&c, &s);
	RET(send(c, edge + 3, 10, 0));
	RET(send(c, edge + 3, 10, MSG_OOB));
	RET(send(c, before_the_edge(100) + 100, 40000, 0));
	QUEUES(c, -1, 0);
	RET(send(c, "ok", 2, MSG_MORE));
	RET(send(c, edge + 3, 10, MSG_MORE));
	RET(send(c, "!", 1, 0));
	READ(s, 3, MSG_WAITALL);
	diff_put(c, "abcdefgh");
	QUEUES(s, 8, -1);
	RET(recv(s, edge + 3, 8, 0));
	RET(recv(s, edge + 3, 8, MSG_PEEK));
	RET(recv(s, edge + 3, 8, MSG_TRUNC | MSG_PEEK));
	RET(recv(s, edge, 8, 0));
	RET(recvmsg(s, &m, 0));
	m.msg_iov = two;
	m.msg_iovlen = 2;
	two[0].iov_base = edge;
	RET(recvmsg(s, &m, MSG_PEEK));
	QUEUES(s, 8, -1);
	READ(s, 8, 0);
	RET(recvfrom(s, edge, 1, MSG_DONTWAIT, NULL, (void *)8));
	diff_put(c, "more");
	READ(s, 4, MSG_WAITALL);
}

/* The first segments fit, and the next one does not: RECEIVE returns what it has, and waits for no more. */
SCENARIO(recv_waitall_over_the_edge)
{
	const int flags[] = { MSG_PEEK | MSG_WAITALL, MSG_WAITALL };
	struct timeval tv = { .tv_sec = 2 };
	char *edge = before_the_edge(2500), octets[100] = "";
	long long start;
	ssize_t n;
	int c, s;

	diff_pair(&c, &s);
	RET(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	/* no more than 17 of them become one skb */
	for (size_t i = 1; i <= 40; i++) {
		RET(send(c, octets, sizeof(octets), 0));
		QUEUES(s, i * sizeof(octets), -1);
	}
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		start = wait_now_ms();
		n = recv(s, edge, 4000, flags[i]);
		diff_say("a part of it: %d, at once: %d", n > 0 && n <= 2500, wait_now_ms() - start < 1000);
	}
}

/* Options to and from nowhere. */
SCENARIO(options_over_the_edge)
{
	char *edge = before_the_edge(2);
	struct tcp_info info;
	socklen_t len = sizeof(info);
	int c, s;

	diff_pair(&c, &s);
	RET(getsockopt(c, IPPROTO_TCP, TCP_INFO, edge, &len));
	RET(getsockopt(c, IPPROTO_TCP, TCP_INFO, &info, (socklen_t *)edge));
	RET(getsockopt(c, IPPROTO_TCP, TCP_CONGESTION, edge, &len));
	RET(getsockopt(c, IPPROTO_TCP, TCP_NODELAY, edge, &len));
	RET(setsockopt(c, IPPROTO_TCP, TCP_NODELAY, edge, sizeof(int)));
	RET(setsockopt(c, IPPROTO_TCP, TCP_CONGESTION, edge, 4));
	RET(setsockopt(c, IPPROTO_TCP, TCP_FASTOPEN_KEY, edge, 16));
	RET(getsockopt(c, IPPROTO_TCP, TCP_FASTOPEN_KEY, edge, &len));
}
