// SPDX-License-Identifier: GPL-2.0
/* Differential scenarios: one socket in several descriptors, processes, threads. */
#include "lib/diff.h"
#include <pthread.h>

SCENARIO_OF_PAIR(dup_descriptor)
{
	int d = FD(dup(c));

	RET(close(c));
	diff_put(d, "through the copy");
	READ(s, 20, 0);
	RET(fcntl(d, F_SETFL, O_NONBLOCK));
	RET(close(d));
	BITS(s, POLLRDHUP);
	READ(s, 1, 0);
}

static void child_talks(void *arg)
{
	int *fd = arg;

	diff_put(fd[0], "from the child");
	close(fd[0]);
}

/* The connection ends with its last descriptor, in whichever process. */
SCENARIO(fork_descriptor)
{
	int fd[2];
	pid_t pid;

	diff_pair(&fd[0], &fd[1]);
	pid = diff_fork(child_talks, fd);
	READ(fd[1], 20, 0);
	diff_join(pid);
	STATE(fd[1], 0);
	BITS(fd[1], 0);
	diff_put(fd[0], "from the parent");
	READ(fd[1], 20, 0);
	RET(close(fd[0]));
	BITS(fd[1], POLLRDHUP);
	READ(fd[1], 1, 0);
}

static void child_shuts(void *arg)
{
	int *fd = arg;

	diff_must(!shutdown(fd[0], SHUT_WR), "shutdown");
}

/* shutdown() is for all who share the socket. */
SCENARIO(fork_shutdown)
{
	int fd[2];

	diff_pair(&fd[0], &fd[1]);
	diff_join(diff_fork(child_shuts, fd));
	RET(send(fd[0], "x", 1, MSG_NOSIGNAL));
	BITS(fd[1], POLLRDHUP);
	READ(fd[1], 1, 0);
}

static void child_accepts(void *arg)
{
	int s = diff_accepted(*(int *)arg);

	diff_put(s, "accepted");
}

SCENARIO(fork_accept)
{
	int l = diff_listener(1), c[3], i;
	pid_t pid[3];

	for (i = 0; i < 3; i++)
		pid[i] = diff_fork(child_accepts, &l);
	for (i = 0; i < 3; i++)
		c[i] = diff_connected(1);
	for (i = 0; i < 3; i++) {
		READ(c[i], 20, 0);
		READ(c[i], 20, 0);
	}
	for (i = 0; i < 3; i++)
		diff_join(pid[i]);
	BITS(l, 0);
}

static void send_right(int via, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec iov = { "!", 1 };
	struct msghdr m = MESSAGE(iov, control);
	struct cmsghdr *cm = CMSG_FIRSTHDR(&m);

	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cm), &fd, sizeof(fd));
	diff_must(sendmsg(via, &m, 0) == 1, "SCM_RIGHTS");
}

static int receive_right(int via)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, b;
	struct iovec iov = { &b, 1 };
	struct msghdr m = MESSAGE(iov, control);
	int fd;

	diff_must(recvmsg(via, &m, 0) == 1 && m.msg_controllen, "no descriptor came");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

static void child_receives(void *arg)
{
	int fd = receive_right(*(int *)arg);

	diff_put(fd, "from the receiver");
}

SCENARIO_OF_PAIR(pass_descriptor)
{
	int u[2];
	pid_t pid;

	diff_must(!socketpair(AF_UNIX, SOCK_STREAM, 0, u), "socketpair");
	send_right(u[0], c);
	RET(close(c));
	STATE(s, 0);
	BITS(s, 0);
	pid = diff_fork(child_receives, &u[1]);
	close(u[0]);
	close(u[1]);
	READ(s, 20, 0);
	diff_join(pid);
	BITS(s, POLLRDHUP);
	READ(s, 20, 0);
}

SCENARIO(pass_listener)
{
	int l = diff_listener(1), u[2], c;

	diff_must(!socketpair(AF_UNIX, SOCK_STREAM, 0, u), "socketpair");
	send_right(u[0], l);
	RET(close(l));
	c = diff_connected(1);
	l = receive_right(u[1]);
	FD(accept(l, NULL, NULL));
	STATE(c, 0);
	send_right(u[0], l);
	close(l);
	close(u[0]);
	close(u[1]);
	RET(connect(diff_socket(), LO(1), ALEN));
}

struct blocked {
	int fd, err;
	long ret;
	volatile pid_t tid;
};

static void *in_recv(void *arg)
{
	struct blocked *b = arg;
	char c;

	b->tid = gettid();
	b->ret = recv(b->fd, &c, 1, 0);
	b->err = errno;
	return NULL;
}

static void *in_accept(void *arg)
{
	struct blocked *b = arg;

	b->tid = gettid();
	b->ret = accept(b->fd, NULL, NULL);
	b->err = errno;
	return NULL;
}

static void *in_connect(void *arg)
{
	struct blocked *b = arg;

	b->tid = gettid();
	b->ret = connect(b->fd, diff_addr(HOST_SILENT, 1), ALEN);
	b->err = errno;
	return NULL;
}

static bool sleeps(struct blocked *b)
{
	char path[64], state = 0;
	FILE *f;

	if (!b->tid)
		return false;
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", b->tid);
	f = fopen(path, "r");
	if (!f)
		return false;
	if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	fclose(f);
	return state == 'S';
}

/* Returns when the thread is blocked in its call. */
static pthread_t start(void *(*body)(void *), struct blocked *b)
{
	pthread_t t;

	diff_must(!pthread_create(&t, NULL, body, b), "pthread_create");
	diff_must(WAIT_FOR(sleeps(b), DIFF_DEADLINE_MS), "the thread does not block");
	return t;
}

static void finish(pthread_t t, struct blocked *b, const char *what)
{
	pthread_join(t, NULL);
	errno = b->err;
	diff_ret(what, b->ret > 0 ? 1 : b->ret);
}

SCENARIO_OF_PAIR(thread_shutdown_wakes_recv)
{
	struct blocked b = {};
	pthread_t t;

	b.fd = c;
	t = start(in_recv, &b);
	RET(shutdown(c, SHUT_RD));
	finish(t, &b, "recv");
	STATE(c, 0);
}

SCENARIO(thread_shutdown_wakes_accept)
{
	struct blocked b = { .fd = diff_listener(1) };
	pthread_t t = start(in_accept, &b);

	RET(shutdown(b.fd, SHUT_RDWR));
	finish(t, &b, "accept");
	STATE(b.fd, 0);
}

static bool is_connecting(int fd)
{
	struct tcp_info info;

	diff_info("c", fd, &info);
	return info.tcpi_state == TCP_SYN_SENT;
}

SCENARIO(thread_shutdown_wakes_connect)
{
	struct blocked b = { .fd = diff_socket() };
	pthread_t t = start(in_connect, &b);

	diff_must(WAIT_FOR(is_connecting(b.fd), DIFF_DEADLINE_MS), "no SYN-SENT");
	RET(shutdown(b.fd, SHUT_RDWR));
	finish(t, &b, "connect");
	STATE(b.fd, 0);
	GET(b.fd, SOL_SOCKET, SO_ERROR);
}

SCENARIO_OF_PAIR(thread_disconnect_wakes_recv)
{
	struct sockaddr unspec = { .sa_family = AF_UNSPEC };
	struct blocked b = {};
	pthread_t t;

	b.fd = c;
	t = start(in_recv, &b);
	RET(connect(c, &unspec, sizeof(unspec)));
	finish(t, &b, "recv");
	STATE(c, 0);
	GET(c, SOL_SOCKET, SO_ERROR);
}

SCENARIO_OF_PAIR(thread_reset_wakes_recv)
{
	struct blocked b = {};
	pthread_t t;

	b.fd = c;
	t = start(in_recv, &b);
	diff_reset(s);
	finish(t, &b, "recv");
	GET(c, SOL_SOCKET, SO_ERROR);
}

/* close() does not wake who blocks: data does, although no descriptor is left. */
SCENARIO_OF_PAIR(thread_close_under_recv)
{
	struct blocked b = {};
	pthread_t t;

	b.fd = c;
	t = start(in_recv, &b);
	RET(close(c));
	BITS(s, 0);
	STATE(s, 0);
	diff_put(s, "x");
	finish(t, &b, "recv");
	BITS(s, POLLRDHUP);
	READ(s, 1, 0);
}

static void *in_writes(void *arg)
{
	struct blocked *b = arg;
	static const char text[] = "0123456789";

	b->tid = gettid();
	for (int i = 0; i < 1000; i++)
		b->ret += send(b->fd, text, 10, MSG_NOSIGNAL);
	b->err = errno;
	return NULL;
}

/* Writes of two threads do not mix. */
SCENARIO_OF_PAIR(thread_writers)
{
	struct blocked b[2] = {};
	pthread_t t[2];
	int all = 0, wrong = 0;
	char buf[10];

	b[0].fd = c;
	b[1].fd = c;
	diff_must(!pthread_create(&t[0], NULL, in_writes, &b[0]) &&
		  !pthread_create(&t[1], NULL, in_writes, &b[1]), "pthread_create");
	while (all < 20000 && recv(s, buf, 10, MSG_WAITALL) == 10) {
		all += 10;
		wrong += !!memcmp(buf, "0123456789", 10);
	}
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	diff_say("bytes: %d", all);
	diff_say("wrong: %d", wrong);
	diff_say("sent: %ld", b[0].ret + b[1].ret);
}
