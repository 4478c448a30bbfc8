// SPDX-License-Identifier: GPL-2.0
/*
 * Differential scenarios: urgent data (RFC 9293 section 3.8.5, RFC 6093). Each runs three times: both ends on the stack
 * under test, kernel TCP as the sender, kernel TCP as the receiver. On kernel TCP's side the three are the same.
 */
#include "lib/diff.h"
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>

#define NOW	MSG_DONTWAIT

enum ends { OWN, FROM_KERNEL, TO_KERNEL, ENDS };

/* A socket of kernel TCP or of the stack under test. */
static int end_of(bool kernel)
{
	int fd = kernel ? socket(diff.family, SOCK_STREAM, 0) : diff_socket();

	diff_must(fd >= 0, "socket");
	return fd;
}

/* c sends, s receives. */
static void pair_of(enum ends ends, int *c, int *s)
{
	int l = end_of(ends == TO_KERNEL);

	*c = end_of(ends == FROM_KERNEL);
	if (bind(l, LO(1 + ends), ALEN) || listen(l, 1) || connect(*c, LO(1 + ends), ALEN))
		diff_die("connection");
	*s = diff_accepted(l);
	close(l);
}

#define URGENT(fn)							\
	static void fn##_between(int c, int s);				\
	SCENARIO(fn)							\
	{								\
		int ends, c, s;						\
									\
		for (ends = OWN; ends < ENDS; ends++) {			\
			diff_say("ends %d", ends);			\
			pair_of(ends, &c, &s);				\
			fn##_between(c, s);				\
			close(c);					\
			close(s);					\
		}							\
	}								\
	static void fn##_between(int c, int s)

/* All that was sent has been acknowledged, so it can be read. */
static void arrived(int c)
{
	int left = -1;

	if (!WAIT_FOR(!ioctl(c, SIOCOUTQ, &left) && !left, DIFF_DEADLINE_MS))
		diff_say("DEADLINE: %d octets on their way", left);
}

static void send_parts(int c, const char *text, const char *urgent, const char *more)
{
	if (*text)
		diff_put(c, text);
	RET(send(c, urgent, strlen(urgent), MSG_OOB));
	if (*more)
		diff_put(c, more);
	arrived(c);
}

static void at_mark(int s)
{
	int yes = -1;

	diff_say("SIOCATMARK: %ld", (long)ioctl(s, SIOCATMARK, &yes));
	diff_say("at the mark: %d", yes);
}

URGENT(urgent_read_apart)
{
	at_mark(s);
	READ(s, 10, MSG_OOB);
	send_parts(c, "abc", "d", "ef");
	BITS(s, POLLPRI);
	at_mark(s);
	QUEUES(s, 3, -1);
	READ(s, 10, NOW);
	at_mark(s);
	QUEUES(s, 0, -1);
	READ(s, 10, MSG_OOB | MSG_PEEK);
	READ(s, 10, MSG_OOB);
	BITS(s, 0);
	READ(s, 10, MSG_OOB);
	at_mark(s);
	READ(s, 10, NOW);
	at_mark(s);
	READ(s, 10, MSG_OOB);
	READ(s, 10, NOW);
	BITS(s, 0);
}

URGENT(urgent_passed_over)
{
	send_parts(c, "abc", "d", "ef");
	READ(s, 10, NOW);
	READ(s, 1, NOW);
	READ(s, 10, MSG_OOB);
	READ(s, 10, NOW);
	send_parts(c, "", "x", "");
	QUEUES(s, 0, -1);
	BITS(s, POLLPRI);
	READ(s, 10, NOW);
	at_mark(s);
	send_parts(c, "", "y", "z");
	READ(s, 10, MSG_OOB);
	READ(s, 10, NOW);
}

URGENT(urgent_in_line)
{
	SET(s, SOL_SOCKET, SO_OOBINLINE, 1);
	send_parts(c, "abc", "d", "ef");
	BITS(s, POLLPRI);
	QUEUES(s, 6, -1);
	READ(s, 10, MSG_OOB);
	READ(s, 10, NOW | MSG_PEEK);
	READ(s, 10, NOW);
	at_mark(s);
	BITS(s, 0);
	READ(s, 10, NOW);
	at_mark(s);
	BITS(s, 0);
	send_parts(c, "", "g", "");
	BITS(s, POLLPRI);
	at_mark(s);
	READ(s, 10, NOW);
	at_mark(s);
}

URGENT(urgent_changed_to_in_line)
{
	send_parts(c, "abc", "d", "ef");
	READ(s, 10, NOW);
	READ(s, 10, MSG_OOB);
	SET(s, SOL_SOCKET, SO_OOBINLINE, 1);
	QUEUES(s, 3, -1);
	READ(s, 10, NOW);
	SET(s, SOL_SOCKET, SO_OOBINLINE, 0);
	READ(s, 10, NOW);
}

URGENT(urgent_flags_of_recv)
{
	char b[10];
	struct iovec iov = { b, sizeof(b) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	send_parts(c, "abc", "d", "ef");
	READ(s, 10, NOW | MSG_PEEK);
	READ(s, 10, NOW | MSG_PEEK);
	READ(s, 0, MSG_OOB | MSG_PEEK);
	RET(recvmsg(s, &m, MSG_OOB | MSG_PEEK));
	diff_say("flags 0x%x", m.msg_flags);
	iov.iov_len = 0;
	RET(recvmsg(s, &m, MSG_OOB | MSG_PEEK));
	diff_say("flags 0x%x", m.msg_flags);
	RET(recv(s, NULL, 1, MSG_OOB | MSG_PEEK));
	READ(s, 10, MSG_OOB | MSG_TRUNC | MSG_PEEK);
	READ(s, 10, MSG_OOB | MSG_WAITALL | MSG_DONTWAIT | MSG_PEEK);
	READ(s, 6, MSG_WAITALL);
	READ(s, 10, NOW | MSG_PEEK);
	at_mark(s);
	RET(recv(s, NULL, 10, NOW | MSG_TRUNC));
	RET(recv(s, (void *)8, 1, MSG_OOB));
	at_mark(s);
}

URGENT(urgent_bad_memory)
{
	send_parts(c, "", "d", "ef");
	RET(recv(s, (void *)8, 1, MSG_OOB));
	READ(s, 10, MSG_OOB);
	RET(recv(s, (void *)8, 1, NOW));
	READ(s, 10, NOW);
}

URGENT(urgent_longer)
{
	send_parts(c, "abc", "urgent", "def");
	QUEUES(s, 8, -1);
	READ(s, 20, NOW);
	READ(s, 20, MSG_OOB);
	READ(s, 20, NOW);
}

URGENT(urgent_twice)
{
	send_parts(c, "a", "b", "c");
	send_parts(c, "d", "e", "f");
	READ(s, 10, NOW);
	READ(s, 10, MSG_OOB);
	READ(s, 10, NOW);
	READ(s, 10, NOW);
	send_parts(c, "", "g", "");
	READ(s, 10, MSG_OOB);
	send_parts(c, "", "h", "");
	READ(s, 10, MSG_OOB);
	at_mark(s);
	READ(s, 10, NOW);
	send_parts(c, "", "i", "");
	READ(s, 10, NOW);
	send_parts(c, "", "j", "k");
	READ(s, 10, NOW);
}

URGENT(urgent_octet_after_octet)
{
	char text[2] = "a";

	for (; *text < 'k'; ++*text) {
		send_parts(c, "", text, "");
		BITS(s, POLLPRI);
		READ(s, 10, MSG_OOB);
		BITS(s, 0);
		at_mark(s);
	}
	QUEUES(s, 0, -1);
	READ(s, 20, NOW);
	diff_put(c, "stream");
	arrived(c);
	READ(s, 20, NOW);
}

URGENT(urgent_while_corked)
{
	SET(c, IPPROTO_TCP, TCP_CORK, 1);
	diff_put(c, "abc");
	QUEUES(c, -1, 3);
	RET(send(c, "d", 1, MSG_OOB | MSG_MORE));
	BITS(s, POLLPRI);
	QUEUES(c, -1, 0);
	READ(s, 10, NOW);
	READ(s, 10, MSG_OOB);
	SET(c, IPPROTO_TCP, TCP_CORK, 0);
}

URGENT(urgent_before_the_end)
{
	send_parts(c, "abc", "d", "");
	RET(shutdown(c, SHUT_WR));
	BITS(s, POLLRDHUP);
	READ(s, 10, NOW);
	at_mark(s);
	READ(s, 10, MSG_OOB);
	READ(s, 10, NOW);
	READ(s, 10, NOW);
	READ(s, 10, MSG_OOB);
	at_mark(s);
	RET(send(c, "x", 1, MSG_OOB | MSG_NOSIGNAL));
}

URGENT(urgent_alone_before_the_end)
{
	send_parts(c, "", "d", "");
	RET(shutdown(c, SHUT_WR));
	BITS(s, POLLRDHUP);
	QUEUES(s, 0, -1);
	READ(s, 10, NOW);
	READ(s, 10, MSG_OOB);
	READ(s, 10, NOW);
}

URGENT(urgent_and_reset)
{
	struct linger now = { 1, 0 };

	send_parts(c, "abc", "d", "");
	BITS(s, POLLPRI);
	RET(setsockopt(c, SOL_SOCKET, SO_LINGER, &now, sizeof(now)));
	RET(shutdown(c, SHUT_WR));
	close(c);
	BITS(s, POLLHUP);
	READ(s, 10, MSG_OOB);
	READ(s, 10, NOW);
	READ(s, 10, MSG_OOB);
	at_mark(s);
}

URGENT(urgent_and_lowat)
{
	SET(s, SOL_SOCKET, SO_RCVLOWAT, 3);
	send_parts(c, "ab", "c", "");
	BITS(s, POLLPRI);
	READ(s, 10, 0);
	BITS(s, 0);
	send_parts(c, "de", "", "f");
	BITS(s, POLLIN);
	READ(s, 10, 0);
}

URGENT(urgent_wakes)
{
	struct epoll_event e = { .events = EPOLLPRI | EPOLLET };
	int ep = epoll_create1(0);
	fd_set set;

	RET(epoll_ctl(ep, EPOLL_CTL_ADD, s, &e));
	diff_put(c, "abc");
	arrived(c);
	diff_say("epoll: %d", epoll_wait(ep, &e, 1, 0));
	send_parts(c, "", "d", "");
	diff_say("epoll: %d, events 0x%x", epoll_wait(ep, &e, 1, 1000), e.events);
	diff_say("epoll: %d", epoll_wait(ep, &e, 1, 0));
	FD_ZERO(&set);
	FD_SET(s, &set);
	RET(select(s + 1, NULL, NULL, &set, NULL));
	READ(s, 10, MSG_OOB);
	FD_ZERO(&set);
	FD_SET(s, &set);
	RET(select(s + 1, NULL, NULL, &set, &(struct timeval){}));
	close(ep);
}

static volatile sig_atomic_t signals[3];

static void note_signal(int number, siginfo_t *info, void *context)
{
	signals[0]++;
	signals[1] = number;
	signals[2] = info->si_code;
}

URGENT(urgent_signal)
{
	struct sigaction a = { .sa_sigaction = note_signal, .sa_flags = SA_SIGINFO | SA_RESTART };

	sigaction(SIGURG, &a, NULL);
	signals[0] = 0;
	send_parts(c, "abc", "d", "");
	diff_say("nobody owns it: %d", (int)signals[0]);
	RET(fcntl(s, F_SETOWN, getpid()));
	diff_say("owner: %d", fcntl(s, F_GETOWN) == getpid());
	send_parts(c, "abc", "d", "");
	diff_say("signals: %d, SIGURG: %d", (int)signals[0], signals[1] == SIGURG);
	send_parts(c, "e", "f", "");
	diff_say("signals: %d", (int)signals[0]);
	RET(fcntl(s, F_SETOWN, 0));
	send_parts(c, "e", "f", "");
	diff_say("signals: %d", (int)signals[0]);
}

URGENT(urgent_signal_driven)
{
	struct sigaction a = { .sa_sigaction = note_signal, .sa_flags = SA_SIGINFO | SA_RESTART };

	sigaction(SIGRTMIN, &a, NULL);
	sigaction(SIGURG, &a, NULL);
	signals[0] = 0;
	RET(fcntl(s, F_SETOWN, getpid()));
	RET(fcntl(s, F_SETSIG, SIGRTMIN));
	RET(fcntl(s, F_SETFL, O_ASYNC));
	diff_put(c, "abc");
	arrived(c);
	diff_say("by data: %d, the one asked for: %d, POLL_IN: %d", signals[0] > 0, signals[1] == SIGRTMIN,
		 signals[2] == POLL_IN);
	RET(fcntl(s, F_SETFL, 0));
	signals[0] = 0;
	send_parts(c, "", "d", "");
	diff_say("SIGURG: %d", signals[1] == SIGURG);
	READ(s, 10, MSG_OOB);
}

URGENT(urgent_splice)
{
	int p[2];

	RET(pipe(p));
	send_parts(c, "abc", "d", "ef");
	RET(splice(s, NULL, p[1], NULL, 10, SPLICE_F_NONBLOCK));
	at_mark(s);
	RET(splice(s, NULL, p[1], NULL, 10, SPLICE_F_NONBLOCK));
	RET(fcntl(s, F_SETFL, O_NONBLOCK));
	RET(splice(s, NULL, p[1], NULL, 10, SPLICE_F_NONBLOCK));
	READ(s, 1, NOW);
	RET(splice(s, NULL, p[1], NULL, 10, SPLICE_F_NONBLOCK));
	close(p[0]);
	close(p[1]);
}

/* Far more than a segment on both sides of it, and more than the pointer can tell. */
URGENT(urgent_in_a_long_stream)
{
	static char b[200000];
	size_t before = 0, after = 0;
	ssize_t n;
	pid_t pid;

	memset(b, 'a', sizeof(b));
	pid = fork();
	if (!pid) {
		diff.out = -1;
		send(c, b, sizeof(b), 0);
		send(c, "!", 1, MSG_OOB);
		send(c, b, sizeof(b), 0);
		_exit(0);
	}
	while (before < sizeof(b) && (n = recv(s, b, sizeof(b), 0)) > 0)
		before += n;
	diff_say("before: %zu", before);
	BITS(s, POLLPRI | POLLIN);
	at_mark(s);
	READ(s, 10, MSG_OOB);
	while (after < sizeof(b) && (n = recv(s, b, sizeof(b), 0)) > 0)
		after += n;
	diff_say("after: %zu", after);
	diff_join(pid);
}

/* A message of which all is called urgent, longer than a segment and than the buffer. */
URGENT(urgent_long_message)
{
	static char b[1000000];
	size_t got = 0;
	ssize_t n;
	pid_t pid;

	memset(b, 'a', sizeof(b));
	SET(c, SOL_SOCKET, SO_SNDBUF, 20000);
	pid = fork();
	if (!pid) {
		send(c, b, sizeof(b), MSG_OOB);
		close(c);
		_exit(0);
	}
	close(c);
	SET(s, SOL_SOCKET, SO_OOBINLINE, 1);
	while ((n = recv(s, b, sizeof(b), 0)) > 0)
		got += n;
	diff_say("all: %zu", got);
	diff_join(pid);
}

URGENT(urgent_wrong_state)
{
	int l = diff_listener(5), f = diff_socket();

	RET(send(f, "x", 1, MSG_OOB | MSG_NOSIGNAL));
	READ(f, 1, MSG_OOB);
	at_mark(f);
	RET(send(l, "x", 1, MSG_OOB | MSG_NOSIGNAL));
	READ(l, 1, MSG_OOB);
	at_mark(l);
	close(l);
	close(f);
}

/* recvmsg() of @len octets, and what TCP_INQ says of those that are left. */
static void read_inq(int s, size_t len, int flags)
{
	char b[8], control[64];
	struct iovec iov = { b, len };
	struct msghdr m = MESSAGE(iov, control);
	ssize_t n = recvmsg(s, &m, flags | NOW);
	struct cmsghdr *cm = n >= 0 ? CMSG_FIRSTHDR(&m) : NULL;

	diff_say("%zu octets, flags %x: %zd %s, TCP_INQ %d", len, flags, n, n < 0 ? strerrorname_np(errno) : "-",
		 cm && cm->cmsg_type == TCP_CM_INQ ? *(int *)CMSG_DATA(cm) : -1);
}

/* TCP_INQ counts the urgent octet, and MSG_OOB tells it, too; so does a read of no octets. */
URGENT(urgent_inq)
{
	SET(s, IPPROTO_TCP, TCP_INQ, 1);
	diff_put(c, "ab");
	RET(send(c, "c", 1, MSG_OOB));
	diff_put(c, "de");
	arrived(c);
	read_inq(s, 0, 0);
	read_inq(s, 1, 0);
	read_inq(s, 1, MSG_OOB | MSG_PEEK);
	read_inq(s, 1, MSG_OOB);
	read_inq(s, 1, MSG_OOB);
	read_inq(s, 8, MSG_PEEK);
	read_inq(s, 8, 0);
	RET(shutdown(c, SHUT_WR));
	BITS(s, POLLRDHUP);
	read_inq(s, 1, 0);
	read_inq(s, 8, 0);
	read_inq(s, 8, 0);
}

/* If only the urgent octet is there, a read of no octets does not wait. */
URGENT(urgent_none)
{
	char b[1];

	RET(recv(s, b, 0, NOW));
	RET(send(c, "x", 1, MSG_OOB));
	arrived(c);
	RET(recv(s, b, 0, NOW));
	RET(recv(s, b, 0, NOW | MSG_PEEK));
	READ(s, 1, MSG_OOB);
	RET(recv(s, b, 0, 0));
	READ(s, 1, NOW);
	RET(recv(s, b, 0, NOW));
}
