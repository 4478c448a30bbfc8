// SPDX-License-Identifier: GPL-2.0
/* Differential scenarios: a socket as a file (ioctl, mmap, splice, sendfile, fcntl, fstat) and socketpair(). */
#include "lib/diff.h"
#include <net/if.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

static void ioctls(const char *what, int fd)
{
	static const struct {
		const char *name;
		unsigned long nr;
	} list[] = {
		{ "FIONREAD", FIONREAD }, { "SIOCOUTQ", SIOCOUTQ },
		{ "SIOCOUTQNSD", SIOCOUTQNSD }, { "SIOCATMARK", SIOCATMARK },
	};
	int val;

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		val = -1;
		errno = 0;
		if (ioctl(fd, list[i].nr, &val))
			diff_say("%s %s: -1 %s", list[i].name, what, strerrorname_np(errno));
		else
			diff_say("%s %s: %d", list[i].name, what, val);
		errno = 0;
		diff_say("%s %s to nowhere: %s", list[i].name, what, ioctl(fd, list[i].nr, (void *)8) ?
			 strerrorname_np(errno) : "0");
	}
}

SCENARIO(ioctl_queues)
{
	int c = diff_socket(), s;

	ioctls("fresh", c);
	RET(fcntl(c, F_SETFL, O_NONBLOCK));
	RET(connect(c, diff_addr(HOST_SILENT, 1), ALEN));
	ioctls("in SYN-SENT", c);
	ioctls("listening", diff_listener(2));
	diff_pair(&c, &s);
	ioctls("idle", c);
	diff_put(c, "abc");
	QUEUES(s, 3, -1);
	QUEUES(c, -1, 0);
	ioctls("with data", s);
	ioctls("after sending", c);
	RET(shutdown(c, SHUT_WR));
	STATE(c, TCP_FIN_WAIT2);
	BITS(s, POLLRDHUP);
	ioctls("with data and a FIN", s);
	ioctls("after a FIN", c);
	READ(s, 10, 0);
	ioctls("all read", s);
	diff_reset(s);
	BITS(c, POLLHUP);
	ioctls("reset", c);
}

SCENARIO_OF_PAIR(ioctl_others)
{
	struct ifreq ifr = {};
	struct timeval tv;
	int n = 0;

	RET(ioctl(c, 0x5555, &n));
	RET(ioctl(c, TIOCGWINSZ, &n) < 0);
	strcpy(ifr.ifr_name, "lo");
	RET(ioctl(c, SIOCGIFINDEX, &ifr));
	RET(ioctl(c, SIOCGIFFLAGS, &ifr));
	RET(ioctl(c, SIOCGIFADDR, &ifr));
	RET(ioctl(c, SIOCGIFMTU, &ifr));
	RET(ioctl(c, SIOCGPGRP, &n));
	n = 1;
	RET(ioctl(c, FIONBIO, &n));
	READ(c, 1, 0);
	n = 0;
	RET(ioctl(c, FIONBIO, &n));
	RET(ioctl(c, FIOCLEX));
	RET(ioctl(c, SIOCGSTAMP, &tv));
	RET(ioctl(c, SIOCDARP, &n));
	RET(ioctl(c, SIOCADDRT, NULL));
}

SCENARIO_OF_PAIR(file_status)
{
	struct stat st;
	char path[32], link[64] = "";

	RET(fstat(c, &st));
	diff_say("a socket: %d", S_ISSOCK(st.st_mode));
	diff_say("mode %o, size %ld", st.st_mode & 07777, (long)st.st_size);
	RET(lseek(c, 0, SEEK_SET));
	RET(pread(c, path, 1, 0));
	RET(ftruncate(c, 0));
	RET(fsync(c));
	RET(fcntl(c, F_GETFL));
	RET(fcntl(c, F_SETFL, O_APPEND | O_NONBLOCK));
	RET(fcntl(c, F_GETFL));
	RET(fcntl(c, F_GETPIPE_SZ));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", c);
	RET(readlink(path, link, 7));
	diff_say("link: %s", link);
	RET(open(path, O_RDWR));
}

SCENARIO(socketpair_unsupported)
{
	int domain = diff.stack == DIFF_XTCP ? diff_xtcp_family : diff.family;
	int fds[2];

	diff_ret("socketpair", socketpair(domain, SOCK_STREAM, 0, fds));
}

SCENARIO_OF_PAIR(mmap_socket)
{
	RET(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, c, 0) == MAP_FAILED);
	diff_say("errno: %s", strerrorname_np(errno));
	RET(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, c, 0) == MAP_FAILED);
	diff_say("errno with PROT_EXEC: %s", strerrorname_np(errno));
	RET(mmap(NULL, 4096, PROT_READ, MAP_SHARED, c, 0) != MAP_FAILED);
}

SCENARIO_OF_PAIR(splice_in)
{
	char b[16] = "";
	int p[2];

	RET(pipe(p));
	diff_put(c, "abcdefgh");
	QUEUES(s, 8, -1);
	RET(splice(s, NULL, p[1], NULL, 3, 0));
	RET(splice(s, NULL, p[1], NULL, 100, SPLICE_F_NONBLOCK));
	RET(read(p[0], b, 16));
	diff_say("bytes: %s", b);
	QUEUES(s, 0, -1);
	RET(fcntl(s, F_SETFL, O_NONBLOCK));
	RET(splice(s, NULL, p[1], NULL, 10, 0));
	RET(splice(s, &(loff_t){ 0 }, p[1], NULL, 10, 0));
	RET(shutdown(c, SHUT_WR));
	BITS(s, POLLRDHUP);
	RET(splice(s, NULL, p[1], NULL, 10, 0));
	diff_reset(c);
	RET(splice(diff_socket(), NULL, p[1], NULL, 10, 0));
	RET(splice(diff_listener(2), NULL, p[1], NULL, 10, 0));
}

SCENARIO_OF_PAIR(splice_in_blocks)
{
	struct timeval tv = { .tv_usec = 50000 };
	int p[2];

	RET(pipe(p));
	RET(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	RET(splice(s, NULL, p[1], NULL, 10, 0));
	diff_reset(c);
	BITS(s, POLLHUP);
	RET(splice(s, NULL, p[1], NULL, 10, 0));
	RET(splice(s, NULL, p[1], NULL, 10, 0));
}

SCENARIO_OF_PAIR(splice_out)
{
	int p[2];

	RET(pipe(p));
	RET(write(p[1], "through a pipe", 14));
	RET(splice(p[0], NULL, c, NULL, 7, 0));
	RET(splice(p[0], NULL, c, NULL, 100, SPLICE_F_NONBLOCK));
	QUEUES(s, 14, -1);
	READ(s, 20, 0);
	RET(write(p[1], "more", 4));
	RET(splice(p[0], NULL, c, NULL, 4, SPLICE_F_MORE));
	READ(s, 10, MSG_DONTWAIT);
	diff_put(c, ".");
	QUEUES(s, 5, -1);
	READ(s, 10, 0);
	RET(write(p[1], "lost", 4));
	RET(shutdown(c, SHUT_WR));
	signal(SIGPIPE, SIG_IGN);
	RET(splice(p[0], NULL, c, NULL, 4, 0));
	RET(splice(p[0], NULL, diff_socket(), NULL, 4, 0));
}

static int temporary_file(const char *text, size_t len)
{
	int fd = memfd_create("diff", 0);

	diff_must(fd >= 0 && write(fd, text, len) == (ssize_t)len, "memfd");
	return fd;
}

SCENARIO(sendfile_out)
{
	int c, s, f = temporary_file("from a file", 11);
	off_t off = 5;

	diff_pair(&c, &s);
	RET(sendfile(c, f, &off, 100));
	diff_say("offset %ld", (long)off);
	RET(sendfile(c, f, &off, 100));
	RET(lseek(f, 0, SEEK_SET));
	RET(sendfile(c, f, NULL, 4));
	QUEUES(s, 10, -1);
	READ(s, 20, 0);
	RET(sendfile(f, c, NULL, 4));
	RET(shutdown(c, SHUT_WR));
	signal(SIGPIPE, SIG_IGN);
	RET(sendfile(c, f, NULL, 4));
	RET(sendfile(diff_socket(), f, NULL, 4));
}

/* Programs ask for more than the file has: what it has leaves at once. A stack that waits gives up after 200 ms. */
SCENARIO(sendfile_beyond_end)
{
	int c, s, f = temporary_file("the whole file", 14);
	struct pollfd p = { .events = POLLIN };
	off_t off = 0;

	diff_pair(&c, &s);
	p.fd = s;
	RET(sendfile(c, f, &off, 1 << 30));
	RET(poll(&p, 1, 100));
	READ(s, 20, MSG_DONTWAIT);
	SET(c, IPPROTO_TCP, TCP_CORK, 1);
	off = 0;
	RET(sendfile(c, f, &off, 1 << 30));
	RET(poll(&p, 1, 20));
	SET(c, IPPROTO_TCP, TCP_CORK, 0);
	READ(s, 20, 0);
	off = 0;
	RET(shutdown(s, SHUT_WR));
	RET(sendfile(c, f, &off, 1 << 30));
	RET(poll(&p, 1, 100));
	READ(s, 20, MSG_DONTWAIT);
}

/* Large enough to fill the buffer several times. */
static void send_file(void *arg)
{
	static char text[1 << 20];
	int *fd = arg, f, i;

	for (i = 0; i < (int)sizeof(text); i++)
		text[i] = i * 7 + (i >> 8);
	f = temporary_file(text, sizeof(text));
	for (off_t off = 0; off < (off_t)sizeof(text);)
		diff_must(sendfile(fd[0], f, &off, sizeof(text)) > 0, "sendfile");
}

SCENARIO(sendfile_large)
{
	static char b[4096];
	int fd[2], n, i;
	unsigned int at = 0, wrong = 0;
	pid_t pid;

	diff_pair(&fd[0], &fd[1]);
	pid = diff_fork(send_file, fd);
	close(fd[0]);
	while ((n = recv(fd[1], b, sizeof(b), 0)) > 0)
		for (i = 0; i < n; i++, at++)
			wrong += b[i] != (char)(at * 7 + (at >> 8));
	diff_say("%u bytes", at);
	diff_say("%u wrong", wrong);
	diff_join(pid);
}

SCENARIO_OF_PAIR(vmsplice_out)
{
	struct iovec iov = { "user pages", 10 };
	int p[2];

	RET(pipe(p));
	RET(vmsplice(p[1], &iov, 1, 0));
	RET(splice(p[0], NULL, c, NULL, 10, 0));
	QUEUES(s, 10, -1);
	READ(s, 20, 0);
}

SCENARIO(copy_file_range_refused)
{
	int c, s, f = temporary_file("text", 4);

	diff_pair(&c, &s);
	RET(copy_file_range(f, NULL, c, NULL, 4, 0));
	RET(copy_file_range(s, NULL, f, NULL, 4, 0));
}
