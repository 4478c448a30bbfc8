// SPDX-License-Identifier: GPL-2.0
/* Recording for the differential runner: a line each, where what varies (numbers, ports, times) is replaced. */
#include "diff.h"
#include <stdarg.h>

struct diff_self diff = { .out = 1, .family = AF_INET };

static const char * const states[] = {
	[1] = "ESTABLISHED", [2] = "SYN_SENT", [3] = "SYN_RECV",
	[4] = "FIN_WAIT1", [5] = "FIN_WAIT2", [6] = "TIME_WAIT", [7] = "CLOSE",
	[8] = "CLOSE_WAIT", [9] = "LAST_ACK", [10] = "LISTEN", [11] = "CLOSING",
};

static const char *diff_state_text(int state)
{
	if (state < 1 || state > 11)
		return "?";
	return states[state];
}

const char *diff_poll_text(int bits)
{
	static const struct {
		int bit;
		const char *name;
	} names[] = {
		{ POLLIN, "IN" }, { POLLPRI, "PRI" }, { POLLOUT, "OUT" },
		{ POLLRDNORM, "RDNORM" }, { POLLRDBAND, "RDBAND" },
		{ POLLWRNORM, "WRNORM" }, { POLLWRBAND, "WRBAND" },
		{ POLLERR, "ERR" }, { POLLHUP, "HUP" }, { POLLNVAL, "NVAL" },
		{ POLLRDHUP, "RDHUP" },
	};
	static __thread char text[128];
	size_t i, n = 0;

	text[0] = 0;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (bits & names[i].bit)
			n += snprintf(text + n, sizeof(text) - n, "%s%s", n ? "|" : "", names[i].name);
	return n ? text : "0";
}

static void put_line(const char *fmt, va_list ap)
{
	char line[1024];
	int n = vsnprintf(line, sizeof(line) - 1, fmt, ap);

	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	for (char *p = line; p < line + n; p++)
		if (*p == '\n')
			*p = ' ';
	line[n] = '\n';
	if (write(diff.out, line, n + 1) != n + 1)
		_exit(3);
}

void diff_say(const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	va_start(ap, fmt);
	put_line(fmt, ap);
	va_end(ap);
	errno = saved;
}

/* Records errno and a FATAL line, which fails the scenario, and ends it. */
void diff_die(const char *fmt, ...)
{
	va_list ap;

	diff_say("FATAL (%s):", errno ? strerrorname_np(errno) : "no errno");
	va_start(ap, fmt);
	put_line(fmt, ap);
	va_end(ap);
	_exit(1);
}

long diff_ret(const char *label, long ret)
{
	int saved = errno;

	if (ret == -1)
		diff_say("%s: -1 %s", label, saved ? strerrorname_np(saved) : "without errno");
	else
		diff_say("%s: %ld", label, ret);
	errno = saved;
	return ret;
}

int diff_fd(const char *label, int fd)
{
	if (fd < 0)
		return diff_ret(label, fd);
	diff_say("%s: a descriptor", label);
	return fd;
}

/* Waits until poll() reports all of @want (0 asks once), and records all it reports. Return: the bits. */
int diff_bits(const char *label, int fd, int want)
{
	long long end = wait_now_ms() + DIFF_DEADLINE_MS;
	struct pollfd p = { .fd = fd, .events = 0x20ff };

	for (;;) {
		p.revents = 0;
		poll(&p, 1, 0);
		if ((p.revents & want) == want)
			break;
		if (wait_now_ms() > end) {
			diff_say("DEADLINE: poll wanted %s", diff_poll_text(want));
			break;
		}
		wait_tick();
	}
	diff_say("poll(%s): %s", label, diff_poll_text(p.revents));
	return p.revents;
}

void diff_info(const char *label, int fd, struct tcp_info *info)
{
	socklen_t len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	diff_must(!getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len), "TCP_INFO(%s)", label);
}

/* Waits until a listener has so many to accept: connect() returns before the third ACK has arrived. */
void diff_queued(int l, unsigned int n)
{
	struct tcp_info info;

	if (!WAIT_FOR((diff_info("l", l, &info), info.tcpi_unacked == n), DIFF_DEADLINE_MS))
		diff_say("DEADLINE: wanted %u connections to accept, got %u", n, info.tcpi_unacked);
}

/* Waits until TCP_INFO shows the state @want (0 asks once), and records what it shows. Return: the state. */
int diff_state(const char *label, int fd, int want)
{
	long long end = wait_now_ms() + DIFF_DEADLINE_MS;
	struct tcp_info info;

	for (;;) {
		diff_info(label, fd, &info);
		if (!want || info.tcpi_state == want)
			break;
		if (wait_now_ms() > end) {
			diff_say("DEADLINE: wanted state %s", diff_state_text(want));
			break;
		}
		wait_tick();
	}
	diff_say("state(%s): %s", label, diff_state_text(info.tcpi_state));
	return info.tcpi_state;
}

/* recv() and record the bytes. @len: at most this many bytes, up to 4096. Return: what recv() returned. */
ssize_t diff_read(const char *label, int fd, size_t len, int flags)
{
	char buf[4097];
	ssize_t n;

	errno = 0;
	n = recv(fd, buf, len < 4096 ? len : 4096, flags);
	if (n < 0) {
		diff_say("recv(%s): -1 %s", label, strerrorname_np(errno));
		return n;
	}
	if (n > 64) {
		diff_say("recv(%s): %zd bytes", label, n);
		return n;
	}
	buf[n] = 0;
	diff_say("recv(%s): %zd '%s'", label, n, buf);
	return n;
}

int diff_get(const char *label, const char *name, int fd, int level, int opt)
{
	socklen_t len = sizeof(int);
	int val = -1;

	errno = 0;
	if (getsockopt(fd, level, opt, &val, &len))
		diff_say("get(%s, %s): -1 %s", label, name, strerrorname_np(errno));
	else if (len == sizeof(int))
		diff_say("get(%s, %s): %d", label, name, val);
	else
		diff_say("get(%s, %s): %d, length %u", label, name, val, len);
	return val;
}

int diff_set(const char *label, const char *name, const char *text, int fd, int level, int opt, int val)
{
	int ret;

	errno = 0;
	ret = setsockopt(fd, level, opt, &val, sizeof(val));
	if (ret)
		diff_say("set(%s, %s, %s): -1 %s", label, name, text, strerrorname_np(errno));
	else
		diff_say("set(%s, %s, %s): 0", label, name, text);
	return ret;
}

static const char *port_text(int port)
{
	static __thread char text[16];

	if (port > diff.port_base && port < diff.port_base + 16)
		snprintf(text, sizeof(text), "P%d", port - diff.port_base);
	else if (port >= 32768 && port <= 60999)
		snprintf(text, sizeof(text), "ephemeral");
	else
		snprintf(text, sizeof(text), "%d", port);
	return text;
}

/* An address as text, its port normalised, in a static buffer. @len: as a system call gave it back. */
const char *diff_addr_text(const void *addr, socklen_t len)
{
	static __thread char text[160];
	const union diff_addr *a = addr;
	char host[INET6_ADDRSTRLEN];

	if (len == 0)
		return "none";
	if (a->sa.sa_family == AF_INET) {
		inet_ntop(AF_INET, &a->in.sin_addr, host, sizeof(host));
		snprintf(text, sizeof(text), "%s:%s (%u bytes)", host, port_text(ntohs(a->in.sin_port)), len);
	} else if (a->sa.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &a->in6.sin6_addr, host, sizeof(host));
		snprintf(text, sizeof(text), "[%s]:%s (%u bytes, scope %u, flow %x)",
			 host, port_text(ntohs(a->in6.sin6_port)), len,
			 a->in6.sin6_scope_id, a->in6.sin6_flowinfo);
	} else {
		snprintf(text, sizeof(text), "family %d (%u bytes)", a->sa.sa_family, len);
	}
	return text;
}

void diff_name(const char *label, int fd)
{
	union diff_addr a = {};
	socklen_t len = sizeof(a);

	if (getsockname(fd, &a.sa, &len))
		diff_say("getsockname(%s): -1 %s", label, strerrorname_np(errno));
	else
		diff_say("getsockname(%s): %s", label, diff_addr_text(&a, len));
}

void diff_peer(const char *label, int fd)
{
	union diff_addr a = {};
	socklen_t len = sizeof(a);

	if (getpeername(fd, &a.sa, &len))
		diff_say("getpeername(%s): -1 %s", label, strerrorname_np(errno));
	else
		diff_say("getpeername(%s): %s", label, diff_addr_text(&a, len));
}

/* Waits until FIONREAD and SIOCOUTQ say so, and records what they say. -1: any. */
void diff_queues(const char *label, int fd, int in, int out)
{
	long long end = wait_now_ms() + DIFF_DEADLINE_MS;
	int have_in, have_out;

	for (;;) {
		have_in = -1;
		have_out = -1;
		ioctl(fd, FIONREAD, &have_in);
		ioctl(fd, SIOCOUTQ, &have_out);
		if ((in < 0 || in == have_in) && (out < 0 || out == have_out))
			break;
		if (wait_now_ms() > end) {
			diff_say("DEADLINE: wanted queues %d %d", in, out);
			break;
		}
		wait_tick();
	}
	if (in >= 0)
		diff_say("FIONREAD(%s): %d", label, have_in);
	if (out >= 0)
		diff_say("SIOCOUTQ(%s): %d", label, have_out);
}
