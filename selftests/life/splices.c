// SPDX-License-Identifier: GPL-2.0
/* splice() from a connection to a pipe: each octet, however full the pipe, and none after another's disconnect. */
#include <sys/sendfile.h>
#include "sockcalls.h"
#include "test.h"

TEST_F_TIMEOUT(sock, splice_keeps_octets, TIMEOUT_S)
{
	unsigned char bytes[8192], want[8192];
	size_t len = 40000, sent = 0, moved = 0;
	int pipes[2];

	ASSERT_EQ(pipe(pipes), 0);
	while (sent < len) {
		fill(bytes, 5000, sent);
		ASSERT_EQ(send(self->c, bytes, 5000, 0), 5000);
		sent += 5000;
	}
	ASSERT_EQ(shutdown(self->c, SHUT_WR), 0);
	for (;;) {
		ssize_t n = splice(self->s, NULL, pipes[1], NULL, sizeof(bytes), 0);

		ASSERT_GE(n, 0);
		if (!n)
			break;
		ASSERT_EQ(read(pipes[0], bytes, n), n);
		fill(want, n, moved);
		ASSERT_EQ(memcmp(bytes, want, n), 0);
		moved += n;
	}
	EXPECT_EQ(moved, len);
	EXPECT_EQ(meminfo(self->s, SK_MEMINFO_RMEM_ALLOC), 0);
	close_each(pipes[0], pipes[1]);
}

struct splice_in {
	int fd;
	atomic_int tid;
	ssize_t sent;
};

static void *splice_in(void *arg)
{
	struct splice_in *w = arg;
	int pipes[2];

	if (pipe(pipes))
		return NULL;
	atomic_store(&w->tid, gettid());
	w->sent = splice(w->fd, NULL, pipes[1], NULL, 100, 0);
	close_each(pipes[0], pipes[1]);
	return NULL;
}

/* A thread sleeps in splice(), another one disconnects: no octet came, and none will. */
TEST_F_TIMEOUT(sock, disconnect_ends_a_splice, TIMEOUT_S)
{
	struct splice_in w = { .fd = self->c, .sent = 1 };
	pthread_t thread;

	ASSERT_EQ(pthread_create(&thread, NULL, splice_in, &w), 0);
	EXPECT_TRUE(WAIT_FOR(atomic_load(&w.tid) && asleep_in(atomic_load(&w.tid), SYS_splice), DEADLINE_MS));
	EXPECT_EQ(stack_disconnect(self->c), 0);
	ASSERT_EQ(pthread_join(thread, NULL), 0);
	EXPECT_LE(w.sent, 0);
}

/* A pipe with room for one page takes one at a time, and what it has no room for stays. */
TEST_F_TIMEOUT(sock, splice_fills_a_pipe, TIMEOUT_S)
{
	static unsigned char bytes[10000], got[sizeof(bytes)];
	size_t all = 0;
	int pipes[2];
	ssize_t n;

	ASSERT_EQ(pipe(pipes), 0);
	ASSERT_EQ(fcntl(pipes[1], F_SETPIPE_SZ, getpagesize()), getpagesize());
	fill(bytes, sizeof(bytes), 0);
	ASSERT_EQ(send(self->c, bytes, sizeof(bytes), 0), sizeof(bytes));
	ASSERT_TRUE(WAIT_FOR(queue(self->s, SIOCINQ) == sizeof(bytes), DEADLINE_MS));
	while (all < sizeof(bytes)) {
		n = splice(self->s, NULL, pipes[1], NULL, sizeof(bytes), 0);
		ASSERT_GT(n, 0);
		ASSERT_LE(n, getpagesize());
		ASSERT_EQ(read(pipes[0], got + all, sizeof(got) - all), n);
		all += n;
	}
	EXPECT_EQ(memcmp(got, bytes, sizeof(bytes)), 0);
	close_each(pipes[0], pipes[1]);
}

/* So does one with room for the first of two pages in which little stands. */
TEST_F_TIMEOUT(sock, splice_stops_between_pages, TIMEOUT_S)
{
	int pipes[2], file = memfd_create("text", MFD_CLOEXEC);
	char octets[8];

	ASSERT_EQ(pipe(pipes), 0);
	ASSERT_EQ(fcntl(pipes[1], F_SETPIPE_SZ, getpagesize()), getpagesize());
	ASSERT_EQ(write(file, "defg", 4), 4);
	ASSERT_EQ(lseek(file, 0, SEEK_SET), 0);
	ASSERT_EQ(send(self->c, "abc", 3, MSG_MORE), 3);
	ASSERT_EQ(sendfile(self->c, file, NULL, 4), 4);
	ASSERT_TRUE(WAIT_FOR(queue(self->s, SIOCINQ) == 7, DEADLINE_MS));
	EXPECT_EQ(splice(self->s, NULL, pipes[1], NULL, 100, 0), 3);
	EXPECT_EQ(read(pipes[0], octets, sizeof(octets)), 3);
	EXPECT_EQ(splice(self->s, NULL, pipes[1], NULL, 100, 0), 4);
	EXPECT_EQ(read(pipes[0], octets, sizeof(octets)), 4);
	EXPECT_EQ(memcmp(octets, "defg", 4), 0);
	close_each(file, pipes[0], pipes[1]);
}

TEST_HARNESS_MAIN
