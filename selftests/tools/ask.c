// SPDX-License-Identifier: GPL-2.0
/*
 * What xtcp_run is tried with: does as its arguments say, one after the other, and says what kind of socket it
 * has got, past libc. Built twice, as ask and, linked statically, as ask_static.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <linux/io_uring.h>
#include <linux/userfaultfd.h>
#include <linux/xtcp.h>

#define XTCP_SK_PROTOCOL 0x206
#define BATCHES 20
#define FEW 50

static int fd = -1;
static char *program;

/* say() - The step, its error if it has one, and where the socket is now. */
static void say(const char *step, int ret)
{
	const char *error = ret < 0 ? strerrorname_np(errno) : NULL;
	int protocol = -1, flags;
	socklen_t len = sizeof(protocol);

	printf("%s", step);
	if (error)
		printf(" %s", error);
	if (fd >= 0 && !syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len)) {
		printf(" %s", protocol == XTCP_SK_PROTOCOL ? "xtcp" : protocol == IPPROTO_TCP ? "kernel" : "other");
		flags = fcntl(fd, F_GETFL);
		printf("%s%s", flags & O_NONBLOCK ? " nonblock" : "",
		       fcntl(fd, F_GETFD) & FD_CLOEXEC ? " cloexec" : "");
	}
	puts("");
	fflush(stdout);
}

/* What xtcp_run sets by --keepalive, --user-timeout, --idle and --half-closed. */
static void say_limits(void)
{
	static const int options[][2] = {
		{ SOL_SOCKET, SO_KEEPALIVE }, { IPPROTO_TCP, TCP_USER_TIMEOUT }, { IPPROTO_TCP, XTCP_IDLE_MS },
		{ IPPROTO_TCP, XTCP_HALF_CLOSED_MS },
	};
	socklen_t len;
	int i, value;

	printf("limits");
	for (i = 0; i < 4; i++) {
		value = -1;
		len = sizeof(value);
		syscall(SYS_getsockopt, fd, options[i][0], options[i][1], &value, &len);
		printf(" %d", value);
	}
	puts("");
	fflush(stdout);
}

/* PORT, or ADDRESS:PORT */
static struct sockaddr_in address(const char *word)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	char host[16] = "127.0.0.1";
	int port = 0;

	if (sscanf(word, "%15[0-9.]:%d", host, &port) == 2)
		addr.sin_port = htons(port);
	else
		addr.sin_port = htons(atoi(word));
	inet_pton(AF_INET, port ? host : "127.0.0.1", &addr.sin_addr);
	return addr;
}

static long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
	long long x = *(const long long *)a, y = *(const long long *)b;

	return (x > y) - (x < y);
}

/* ns of socket() and close(): the median of BATCHES, as the kernel does more in some. The first does not count. */
static void speed(int domain, int n)
{
	long long took[BATCHES];

	close(socket(domain, SOCK_STREAM, 0));
	for (int batch = 0; batch < BATCHES; batch++) {
		took[batch] = now_ns();
		for (int i = 0; i < n / BATCHES; i++) {
			fd = socket(domain, SOCK_STREAM, 0);
			if (fd < 0)
				exit(1);
			close(fd);
		}
		took[batch] = now_ns() - took[batch];
	}
	fd = -1;
	qsort(took, BATCHES, sizeof(took[0]), by_size);
	printf("%lld\n", took[BATCHES / 2] / (n / BATCHES));
}

/* One of each kind: a name, a struct, a time, an interface; what tools/carried.c tries all of. */
static int set_kinds(void)
{
	struct timeval three = { .tv_sec = 3 };
	struct linger linger = { 1, 5 };
	int one = 1, size = 30000;

	return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) ?:
	       setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) ?:
	       setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4) ?:
	       setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) ?:
	       setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &three, sizeof(three)) ?:
	       setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3);
}

static bool has_kinds(void)
{
	char name[16] = "", device[16] = "";
	struct timeval timeout = {};
	struct linger linger = {};
	socklen_t len = sizeof(name);

	getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len);
	len = sizeof(linger);
	getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len);
	len = sizeof(timeout);
	getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, &len);
	len = sizeof(device);
	getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, &len);
	return !strcmp(name, "reno") && linger.l_onoff == 1 && linger.l_linger == 5 && timeout.tv_sec == 3 &&
	       !strcmp(device, "lo");
}

static int option(const char *name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	if (!strcmp(name, "nodelay"))
		getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &len);
	else if (!strcmp(name, "rcvbuf"))
		getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, &len);
	else if (!strcmp(name, "kinds"))
		value = has_kinds();
	else if (!strcmp(name, "domain"))
		getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &value, &len);
	else if (!strcmp(name, "protocol"))
		getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &value, &len);
	return value;
}

/* Rows of a listing in the namespace where we are now; the first line is the names. */
static void count_lines(const char *path)
{
	FILE *file = fopen(path, "r");
	int c, lines = -1;

	while (file && (c = getc(file)) != EOF)
		lines += c == '\n';
	printf("lines %d\n", lines);
	if (file)
		fclose(file);
}

static const struct {
	const char *step;
	int domain;
	int type;
	int protocol;
} kinds[] = {
	{ "tcp4", AF_INET, SOCK_STREAM },
	{ "tcp6", AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP },
	{ "both", AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP },
	{ "mptcp", AF_INET, SOCK_STREAM, 262 },
	{ "udp", AF_INET, SOCK_DGRAM },
	{ "unix", AF_UNIX, SOCK_STREAM },
	{ "smc", AF_SMC, SOCK_STREAM },
	{ "smc4", AF_INET, SOCK_STREAM, 256 },
};

static bool opens(const char *step)
{
	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(step, kinds[i].step))
			continue;
		if (fd >= 0)
			close(fd);
		fd = socket(kinds[i].domain, kinds[i].type, kinds[i].protocol);
		say(step, fd);
		return true;
	}
	return false;
}

/* Addresses that are nowhere: how many calls say EFAULT. */
static int count_faults(void)
{
	struct sockaddr *nowhere = (struct sockaddr *)-4096L;
	struct msghdr msg = { .msg_name = nowhere, .msg_namelen = 16 };
	int n = 0;

	n += bind(fd, nowhere, 16) < 0 && errno == EFAULT;
	n += connect(fd, nowhere, 16) < 0 && errno == EFAULT;
	n += sendto(fd, "", 0, MSG_FASTOPEN, nowhere, 16) < 0 && errno == EFAULT;
	n += sendmsg(fd, &msg, MSG_FASTOPEN) < 0 && errno == EFAULT;
	n += sendmsg(fd, (struct msghdr *)nowhere, MSG_FASTOPEN) < 0 && errno == EFAULT;
	return n;
}

/* A socket by io_uring, so without socket(): of the ring's one entry, by its system calls. */
static int ring_socket(void)
{
	struct io_uring_params p = { };
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	unsigned char *queues;
	int ring = syscall(SYS_io_uring_setup, 1, &p);

	if (ring < 0)
		return -1;
	queues = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(*cqe), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING);
	sqe = mmap(NULL, sizeof(*sqe), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES);
	if (!(p.features & IORING_FEAT_SINGLE_MMAP) || queues == MAP_FAILED || sqe == MAP_FAILED)
		exit(2);
	/* the type is where an offset would be */
	*sqe = (struct io_uring_sqe){ .opcode = IORING_OP_SOCKET, .fd = AF_INET, .off = SOCK_STREAM };
	*(unsigned int *)(queues + p.sq_off.array) = 0;
	__atomic_store_n((unsigned int *)(queues + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		return -1;
	cqe = (struct io_uring_cqe *)(queues + p.cq_off.cqes);
	errno = cqe->res < 0 ? -cqe->res : 0;
	close(ring);
	return cqe->res < 0 ? -1 : cqe->res;
}

/* Keys for a peer at 127.0.0.1, as a BGP daemon has them. */
static int set_md5(void)
{
	struct tcp_md5sig md5 = { .tcpm_keylen = 6, .tcpm_key = "secret" };
	struct sockaddr_in addr = address("0");

	memcpy(&md5.tcpm_addr, &addr, sizeof(addr));
	return setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &md5, sizeof(md5));
}

static void *connect_there(void *where)
{
	int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	connect(other, where, sizeof(struct sockaddr_in));
	return NULL;
}

/* A thread connects to an address in memory that never comes: its reader waits. Returns when there is one. */
static int stick(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int faults = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK), len = sysconf(_SC_PAGESIZE);
	void *page = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct pollfd fault = { .fd = faults, .events = POLLIN };
	pthread_t thread;

	range.range.start = (unsigned long)page;
	range.range.len = len;
	if (faults < 0 || ioctl(faults, UFFDIO_API, &api) || ioctl(faults, UFFDIO_REGISTER, &range) ||
	    pthread_create(&thread, NULL, connect_there, page))
		return -1;
	return poll(&fault, 1, -1) == 1 && fault.revents == POLLIN ? 0 : -1;
}

/* One process after the other does stick() and ends; the reader waits on, as we have the descriptor, too. */
static int swarm(int n)
{
	int status, child;

	while (n--) {
		child = syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, 0UL);
		if (!child)
			_exit(!!stick());
		if (child < 0 || waitpid(child, &status, 0) != child || status)
			return -1;
	}
	return 0;
}

static bool calls(const char *step)
{
	struct rlimit four = { 4, 4 };
	int one = 1;

	if (!strcmp(step, "newnet"))
		say(step, unshare(CLONE_NEWNET));
	else if (!strcmp(step, "newuser"))
		say(step, unshare(CLONE_NEWUSER | CLONE_NEWNET));
	else if (!strcmp(step, "user"))
		say(step, setresuid(65534, 65534, 65534));
	else if (!strcmp(step, "full"))
		say(step, setrlimit(RLIMIT_NOFILE, &four));
	else if (!strcmp(step, "set"))
		say(step, set_kinds());
	else if (!strcmp(step, "limits"))
		say_limits();
	else if (!strcmp(step, "ttls"))
		say(step, setsockopt(fd, IPPROTO_IP, IP_RECVTTL, &one, sizeof(one)));
	else if (!strcmp(step, "zerocopy"))
		say(step, setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)));
	else if (!strcmp(step, "unseen"))
		say(step, prctl(PR_SET_DUMPABLE, 0));
	else if (!strcmp(step, "wild"))
		printf("wild %d\n", count_faults());
	else if (!strcmp(step, "uring"))
		say(step, syscall(SYS_io_uring_setup, 0, NULL));
	else if (!strcmp(step, "ring"))
		say(step, fd = ring_socket());
	else if (!strcmp(step, "md5"))
		say(step, set_md5());
	else if (!strcmp(step, "stuck"))
		say(step, stick());
	else if (!strcmp(step, "listen"))
		say(step, listen(fd, 1));
	else
		return false;
	return true;
}

static const char * const sends[] = { "sendto", "sendmsg", "sendmmsg" };

/* What sends and connects: MSG_FASTOPEN. */
static int fastopen(const char *call, struct sockaddr_in *addr)
{
	struct iovec iov = { "x", 1 };
	struct mmsghdr msgs = { .msg_hdr = {
		.msg_name = addr, .msg_namelen = sizeof(*addr), .msg_iov = &iov, .msg_iovlen = 1,
	} };

	if (!strcmp(call, "sendto"))
		return sendto(fd, "x", 1, MSG_FASTOPEN, (struct sockaddr *)addr, sizeof(*addr));
	if (!strcmp(call, "sendmsg"))
		return sendmsg(fd, &msgs.msg_hdr, MSG_FASTOPEN);
	return sendmmsg(fd, &msgs, 1, MSG_FASTOPEN);
}

static bool sends_with(const char *step, const char *word)
{
	struct sockaddr_in addr = address(word);

	for (unsigned int i = 0; i < sizeof(sends) / sizeof(*sends); i++) {
		if (strcmp(step, sends[i]))
			continue;
		say(step, fastopen(step, &addr));
		return true;
	}
	return false;
}

/* A process that nobody has waited for yet has no program any more. */
static bool has_ended(const char *pid)
{
	char path[300], program[2];

	snprintf(path, sizeof(path), "/proc/%s/exe", pid);
	return readlink(path, program, sizeof(program)) < 0 && (errno == ENOENT || errno == ESRCH);
}

/* How many processes have this name. @newest, unless NULL: the highest pid that still runs, or 0. */
static int processes_named(const char *name, int *newest)
{
	DIR *all = opendir("/proc");
	struct dirent *entry;
	char path[300], is[20];
	int found = 0, n = 0;
	FILE *file;

	while (all && (entry = readdir(all))) {
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		file = fopen(path, "r");
		if (file && fscanf(file, "%19s", is) == 1 && !strcmp(is, name)) {
			n++;
			if (atoi(entry->d_name) > found && !has_ended(entry->d_name))
				found = atoi(entry->d_name);
		}
		if (file)
			fclose(file);
	}
	if (all)
		closedir(all);
	if (newest)
		*newest = found;
	return n;
}

/* Waits until at most a few dozen processes have this name. False: there are more for too long. */
static bool wait_for_few(const char *name)
{
	int tries = 200;

	while (processes_named(name, NULL) > FEW && tries--)
		usleep(10000);
	return tries >= 0;
}

/* A process that ends has given its memory back. Then its user may look at it, but finds no descriptor. */
static bool is_ending(int pid)
{
	char path[40];
	long pages = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	file = fopen(path, "r");
	if (file) {
		if (fscanf(file, "%ld", &pages) != 1)
			pages = 0;
		fclose(file);
	}
	return !pages;
}

/* Takes a descriptor of the newest process of this name, as a debugger does. One that has yet to come is waited for. */
static int take_from(const char *name)
{
	int newest, pidfd, taken, error, tries = 200;

	for (;;) {
		processes_named(name, &newest);
		pidfd = syscall(SYS_pidfd_open, newest, 0);
		taken = syscall(SYS_pidfd_getfd, pidfd, 0, 0);
		error = errno;
		close(pidfd);
		if (taken >= 0 || !tries-- || !is_ending(newest))
			break;
		usleep(10000);
	}
	errno = error;
	return taken < 0 ? -1 : 0;
}

static int put(const char *folder, const char *name, const char *text)
{
	char path[200];
	int file, ret;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = open(path, O_WRONLY | O_CLOEXEC);
	ret = file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
	close(file);
	return ret;
}

/* Is a memory group charged for what we send unread? The kernel adds it up every two seconds. */
static bool is_charged(const char *group)
{
	static char text[65536];
	long long until = now_ns() + 20000000000LL;
	char path[200], name[64];
	long number, charged = 0;
	FILE *file;

	while (send(fd, text, sizeof(text), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
	snprintf(path, sizeof(path), "%s/memory.stat", group);
	while (charged < (long)sizeof(text) && now_ns() < until) {
		file = fopen(path, "r");
		while (file && fscanf(file, "%63s %ld", name, &number) == 2)
			charged = !strcmp(name, "sock") ? number : charged;
		if (file)
			fclose(file);
		usleep(10000);
	}
	return charged >= (long)sizeof(text);
}

static bool calls_with(const char *step, const char *word)
{
	struct sockaddr_in addr = address(word);
	struct stat is;
	const struct sockaddr *sa = (const struct sockaddr *)&addr;

	if (!strcmp(step, "get"))
		printf("%s %d\n", word, option(word));
	else if (!strcmp(step, "bind"))
		say(step, bind(fd, sa, sizeof(addr)));
	else if (!strcmp(step, "connect"))
		say(step, connect(fd, sa, sizeof(addr)));
	else if (!strcmp(step, "speed"))
		speed(AF_INET, atoi(word));
	else if (!strcmp(step, "bare"))
		speed(25, atoi(word));
	else if (!strcmp(step, "owner") && !fstat(fd, &is))
		printf("owner %d\n", is.st_uid == (unsigned int)atoi(word));
	else if (!strcmp(step, "lines"))
		count_lines(word);
	else if (!strcmp(step, "take"))
		say(step, take_from(word));
	else if (!strcmp(step, "few"))
		printf("few %d\n", wait_for_few(word));
	else if (!strcmp(step, "swarm"))
		say(step, swarm(atoi(word)));
	else if (!strcmp(step, "enter"))
		say(step, put(word, "cgroup.procs", "0"));
	else if (!strcmp(step, "enterthread"))
		say(step, put(word, "cgroup.threads", "0"));
	else if (!strcmp(step, "label"))
		say(step, put("/proc/thread-self/attr", "current", word));
	else if (!strcmp(step, "charged"))
		printf("charged %d\n", is_charged(word));
	else
		return false;
	return true;
}

/* Waits until somebody has given our user namespace its numbers, the users' last, and takes one of each. */
static int become(int number)
{
	int tries = 1000;

	while (setresuid(0, 0, 0) && tries--)
		usleep(10000);
	return setgroups(0, NULL) ?: setresgid(number, number, number) ?: setresuid(number, number, number);
}

static void *play(void *steps);

/* The other steps, by a thread that has a table of descriptors of its own. */
static int play_apart(char **steps)
{
	pthread_t thread;
	void *ret;

	return pthread_create(&thread, NULL, play, steps) || pthread_join(thread, &ret) || ret ? 2 : 0;
}

/* The other steps, by a process that is made in a namespace of its own, as container programs make theirs. */
static int play_cloned(char **steps)
{
	int status, child = syscall(SYS_clone, CLONE_NEWNET | SIGCHLD, NULL, NULL, NULL, 0UL);

	if (!child) {
		say("clone", 0);
		exit(play(steps) ? 2 : 0);
	}
	return child < 0 || waitpid(child, &status, 0) != child || status ? 2 : 0;
}

/* Return: NULL, or the step that is none. */
static void *play(void *steps)
{
	char **step = steps;

	if (!strcmp(step[-1], "thread"))
		say("thread", unshare(CLONE_FILES));
	for (; *step; step++) {
		if (!strcmp(*step, "thread"))
			return play_apart(step + 1) ? *step : NULL;
		if (!strcmp(*step, "clone"))
			return play_cloned(step + 1) ? *step : NULL;
		if (!strcmp(*step, "become") && step[1]) {
			say(*step, become(atoi(step[1])));
			/* by a new program, of which the new user may see what he is */
			step[1] = program;
			execv("/proc/self/exe", step + 1);
			return *step;
		}
		if (opens(*step) || calls(*step))
			continue;
		if (!step[1] || !(calls_with(step[0], step[1]) || sends_with(step[0], step[1])))
			return *step;
		step++;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	program = argv[0];
	return argc > 1 && play(argv + 1) ? 2 : 0;
}
