// SPDX-License-Identifier: GPL-2.0
/*
 * The steps of a script that are socket calls. ERR is an errno by name; without it
 * the call must succeed.
 *
 *   fast N OCTETS|ERR [bad M]	sendto(MSG_FASTOPEN) of N octets to the peer takes so many; the last M are at
 *				an address that cannot be read
 *   user N			sockets that are made from now on are this user's
 *   device			SO_BINDTODEVICE to the tun device
 *   socket; bind; listen [BACKLOG|any|ERR]; connect [ERR [mcast|bcast]]; accept [ERR]
 *   disconnect [ERR]		connect() to AF_UNSPEC
 *   waits fast N; waited OCTETS|ERR	the same, behind connect, of a thread that waits; see wire_waits.c
 *   holds [read] N; gives OCTETS|ERR	send() or recv() of N octets has the lock until then; see wire_holds.c
 *   write N [more|urgent] [eor] [ERR]; read N|eof|ERR; peek N
 *   urgent N|ERR		recv(MSG_OOB) gives the peer's octet N
 *   passed N			RECEIVE goes over so many octets without a read
 *   atmark 0|1; inq N		SIOCATMARK, SIOCINQ
 *   shut; shutrd; close; abort; closelisten
 *   md5 KEY|none [ERR]; md5listener KEY|none [ERR]	TCP_MD5SIG for the peer, of the connection's
 *				socket or the listener's; md5prefix N KEY|none [ERR]: of the listener, by
 *				TCP_MD5SIG_EXT
 *   set, get, info, keep, dctcp	options; see wire_option.c
 *   err ERR|none		SO_ERROR, which reads once
 *   why REASON CAUSE FLAGS ERR|none [CODE PEN]	XTCP_ABORT; kernel TCP does not have it. What the peer's RST said; left
 *				out: it said nothing
 *   poll BITS			exactly these of IN OUT RDHUP HUP ERR PRI
 *   hup MS			wait until poll says HUP
 *   watch; woken		epoll says OUT, edge-triggered, since "watch"
 *
 * No call of these but "waits" blocks. The bytes written and expected are those of
 * wire_segment_byte().
 */
#include <linux/sockios.h>
#include <linux/types.h>
#include <sys/fsuid.h>
#include "test.h"
#include "wire.h"

#define LARGEST_CALL	1048576

static const struct { const char *name; int value; } errors[] = {
	{ "none", 0 }, { "EAGAIN", EAGAIN }, { "ECONNRESET", ECONNRESET },
	{ "EADDRNOTAVAIL", EADDRNOTAVAIL },
	{ "ECONNREFUSED", ECONNREFUSED }, { "EPIPE", EPIPE }, { "ETIMEDOUT", ETIMEDOUT },
	{ "EINPROGRESS", EINPROGRESS }, { "ENOTCONN", ENOTCONN }, { "EISCONN", EISCONN },
	{ "EHOSTUNREACH", EHOSTUNREACH }, { "ENETUNREACH", ENETUNREACH },
	{ "EADDRINUSE", EADDRINUSE }, { "EINVAL", EINVAL }, { "EMSGSIZE", EMSGSIZE },
	{ "ENOPROTOOPT", ENOPROTOOPT }, { "ENOMEM", ENOMEM }, { "EPROTO", EPROTO }, { "EALREADY", EALREADY },
	{ "EACCES", EACCES }, { "ENOENT", ENOENT }, { "EPERM", EPERM },
	{ "EOPNOTSUPP", EOPNOTSUPP }, { "ECONNABORTED", ECONNABORTED },
	{ "EKEYREJECTED", EKEYREJECTED }, { "EEXIST", EEXIST }, { "EBUSY", EBUSY },
};

#define ERRORS (sizeof(errors) / sizeof(*errors))

/* An errno by the name that scripts use. @err: errno, 0 is "none". Return: the name. */
const char *wire_socket_errno_name(int err)
{
	size_t i;

	for (i = 0; i < ERRORS; i++)
		if (errors[i].value == err)
			return errors[i].name;
	return strerror(err);
}

static int errno_value(const char *name)
{
	size_t i;

	for (i = 0; name && i < ERRORS; i++)
		if (!strcmp(errors[i].name, name))
			return errors[i].value;
	return -1;
}

/* Compare what a call did with the errno that the script names, if any. */
static int verdict(struct wire *w, const char *call, long ret, const char *want)
{
	const char *got = ret < 0 ? wire_socket_errno_name(errno) : "none";

	if (!want)
		want = "none";
	if (errno_value(want) < 0)
		return wire_fail(w, "no errno '%s'", want);
	if (!strcmp(got, want))
		return 0;
	return wire_fail(w, "%s: %s, want %s", call, got, want);
}

/* Compares a call's @ret and errno with the errno of the script (NULL: none). */
int wire_socket_verdict(struct wire *w, const char *call, long ret, const char *want)
{
	return verdict(w, call, ret, want);
}

static socklen_t make_address(const struct wire *w, const uint8_t *addr, uint16_t port,
			      struct sockaddr_storage *ss)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (w->ip == 4) {
		sin->sin_family = AF_INET;
		sin->sin_port = htons(port);
		memcpy(&sin->sin_addr, addr, 4);
		return sizeof(*sin);
	}
	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = htons(port);
	memcpy(&sin6->sin6_addr, addr, 16);
	return sizeof(*sin6);
}

static int new_socket(struct wire *w, int *fd)
{
	int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

	if (*fd >= 0)
		return 0;
	if (w->stack == WIRE_KERNEL)
		*fd = socket(w->ip == 4 ? AF_INET : AF_INET6, type, 0);
	else
		*fd = socket(AF_XTCP, type, w->ip == 6);
	return verdict(w, "socket", *fd, NULL);
}

static int do_listen(struct wire *w, const char *backlog)
{
	static const uint8_t wildcard[16];
	bool any = backlog && !strcmp(backlog, "any");
	struct sockaddr_storage ss;
	socklen_t len = make_address(w, any ? wildcard : w->local, w->c.lport, &ss);
	const char *err = NULL;

	if (any)
		backlog = NULL;
	if (backlog && *backlog == 'E') {
		err = backlog;
		backlog = NULL;
	}
	if (w->c.lfd >= 0 && backlog)
		return verdict(w, "listen", listen(w->c.lfd, atoi(backlog)), NULL);
	if (w->c.lfd >= 0)
		return 0;
	if (new_socket(w, &w->c.lfd))
		return -1;
	if (verdict(w, "bind", bind(w->c.lfd, (struct sockaddr *)&ss, len), err))
		return -1;
	if (err) {
		close(w->c.lfd);
		w->c.lfd = -1;
		return 0;
	}
	return verdict(w, "listen", listen(w->c.lfd, backlog ? atoi(backlog) : 16), NULL);
}

static int do_bind(struct wire *w, const char *want)
{
	struct sockaddr_storage ss;
	socklen_t len = make_address(w, w->local, w->c.lport, &ss);

	if (new_socket(w, &w->c.fd))
		return -1;
	w->c.bound = true;
	return verdict(w, "bind", bind(w->c.fd, (struct sockaddr *)&ss, len), want);
}

static int do_md5(struct wire *w, const char *verb, char *args)
{
	const bool wide = !strcmp(verb, "md5wide"), prefixed = wide || !strcmp(verb, "md5prefix");
	const bool of_listener = strcmp(verb, "md5") && !wide;
	char *next, *word = strtok_r(args, " ", &next), *key;
	int prefix = prefixed ? atoi(word) : -1;

	key = prefixed ? strtok_r(NULL, " ", &next) : word;
	if (!key || (of_listener && w->c.lfd < 0))
		return wire_fail(w, "no key, or no listener");
	if (!of_listener && new_socket(w, &w->c.fd))
		return -1;
	return verdict(w, verb, wire_sign_option(w, of_listener ? w->c.lfd : w->c.fd, key, prefix),
		       strtok_r(NULL, " ", &next));
}

static int do_connect(struct wire *w, char *args)
{
	char *next, *want = strtok_r(args, " ", &next), *group = strtok_r(NULL, " ", &next);
	struct sockaddr_storage ss;
	uint8_t to[16];
	socklen_t len;

	memcpy(to, w->peer, sizeof(to));
	if (group && wire_text_address(w, group, to))
		return -1;
	len = make_address(w, to, w->c.pport, &ss);
	if (new_socket(w, &w->c.fd))
		return -1;
	if (!want)
		want = "EINPROGRESS";
	/* the SYN tells which port the stack has chosen */
	if (!w->c.bound && (!w->c.irs_known || !strcmp(want, "EINPROGRESS")))
		w->c.lport = 0;
	return verdict(w, "connect", connect(w->c.fd, (struct sockaddr *)&ss, len), want);
}

static int do_device(struct wire *w)
{
	int fd = w->c.fd >= 0 ? w->c.fd : w->c.lfd;

	return verdict(w, "device", setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, WIRE_DEVICE, sizeof(WIRE_DEVICE)),
		       NULL);
}

static int do_user(struct wire *w, const char *arg)
{
	uint32_t uid;

	if (wire_text_u32(w, arg, &uid))
		return -1;
	setfsuid(uid);
	return setfsuid(-1) == (int)uid ? 0 : wire_fail(w, "cannot be the user %s", arg);
}

static int do_disconnect(struct wire *w, const char *want)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };

	return verdict(w, "disconnect", connect(w->c.fd, &none, sizeof(none)), want);
}

static int do_close(struct wire *w, bool abortive)
{
	struct linger l = { .l_onoff = 1 };
	int ret;

	if (abortive)
		setsockopt(w->c.fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	ret = close(w->c.fd);
	w->c.fd = -1;
	return verdict(w, "close", ret, NULL);
}

static int do_accept(struct wire *w, const char *want)
{
	int fd = accept4(w->c.lfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0 && w->c.fd >= 0)
		do_close(w, true);
	if (fd >= 0)
		w->c.fd = fd;
	return verdict(w, "accept", fd, want);
}

static int do_write(struct wire *w, char *args)
{
	static uint8_t data[LARGEST_CALL];
	char *next, *word = strtok_r(args, " ", &next);
	int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
	uint32_t n, i;
	ssize_t done;

	if (wire_text_u32(w, word, &n) || n > sizeof(data))
		return wire_fail(w, "write '%s'", args);
	word = strtok_r(NULL, " ", &next);
	if (word && !strcmp(word, "more")) {
		flags |= MSG_MORE;
		word = strtok_r(NULL, " ", &next);
	} else if (word && !strcmp(word, "urgent")) {
		flags |= MSG_OOB;
		word = strtok_r(NULL, " ", &next);
	}
	if (word && !strcmp(word, "eor")) {
		flags |= MSG_EOR;
		word = strtok_r(NULL, " ", &next);
	}
	for (i = 0; i < n; i++)
		data[i] = wire_segment_byte(1 + w->c.written + i);
	done = send(w->c.fd, data, n, flags);
	if (done > 0)
		w->c.written += done;
	if (done >= 0 && (size_t)done < n)
		return wire_fail(w, "write took %zd bytes", done);
	return verdict(w, "write", done, word);
}

/* A buffer that ends where no memory is: @n octets of it can be read. Return: NULL without memory. */
static uint8_t *at_the_end_of_memory(uint32_t n)
{
	static uint8_t *pages;
	const size_t page = sysconf(_SC_PAGESIZE);

	if (!pages) {
		pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (pages == MAP_FAILED || mprotect(pages + page, page, PROT_NONE))
			pages = NULL;
	}
	return pages && n <= page ? pages + page - n : NULL;
}

static int do_fast(struct wire *w, char *args)
{
	static uint8_t buffer[LARGEST_CALL];
	char *next, *word = strtok_r(args, " ", &next), *want = strtok_r(NULL, " ", &next);
	const char *bad_word = strtok_r(NULL, " ", &next);
	struct sockaddr_storage ss;
	socklen_t len = make_address(w, w->peer, w->c.pport, &ss);
	uint32_t n, i, taken, bad = 0;
	uint8_t *data = buffer;
	ssize_t done;

	if (wire_text_u32(w, word, &n) || n > sizeof(buffer) || !want)
		return wire_fail(w, "fast '%s'", args);
	if (bad_word) {
		if (wire_text_u32(w, strtok_r(NULL, " ", &next), &bad) || bad > n)
			return wire_fail(w, "fast: bad '%s'", args);
		data = at_the_end_of_memory(n - bad);
		if (!data)
			return wire_fail(w, "no memory");
	}
	if (!w->c.irs_known && !w->c.bound)
		w->c.lport = 0;
	if (new_socket(w, &w->c.fd))
		return -1;
	for (i = 0; i < n - bad; i++)
		data[i] = wire_segment_byte(1 + w->c.written + i);
	done = sendto(w->c.fd, data, n, MSG_FASTOPEN | MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&ss, len);
	if (done > 0)
		w->c.written += done;
	if (*want == 'E')
		return verdict(w, "sendto", done, want);
	if (wire_text_u32(w, want, &taken) || verdict(w, "sendto", done, NULL))
		return -1;
	return done == (ssize_t)taken ? 0 : wire_fail(w, "sendto took %zd octets, want %u", done, taken);
}

static int do_read(struct wire *w, char *args, int flags)
{
	static uint8_t data[LARGEST_CALL];
	uint32_t n = 1, got = 0, i;
	bool bytes = *args && !strchr("eE", *args);
	ssize_t done;

	if (bytes && (wire_text_u32(w, args, &n) || n > sizeof(data)))
		return wire_fail(w, "read '%s'", args);
	do {
		done = recv(w->c.fd, data + got, n - got, MSG_DONTWAIT | flags);
		if (done > 0)
			got += done;
	} while (done > 0 && got < n && !flags);
	if (!strcmp(args, "eof"))
		return done ? wire_fail(w, "read gave %zd, want the end", done) : 0;
	if (!bytes)
		return verdict(w, "read", done, args);
	if (got != n)
		return wire_fail(w, "read %u bytes, want %u: %s", got, n,
				 done ? strerror(errno) : "end");
	for (i = 0; i < n; i++)
		if (data[i] != (wire_segment_byte(1 + w->c.consumed + i) ^ w->c.tint))
			return wire_fail(w, "wrong byte at %u of the stream", w->c.consumed + i);
	if (!flags)
		w->c.consumed += n;
	return 0;
}

static int do_urgent(struct wire *w, const char *want)
{
	uint8_t octet = 0;
	ssize_t done = recv(w->c.fd, &octet, 1, MSG_OOB);
	uint32_t n;

	if (*want == 'E')
		return verdict(w, "recv(MSG_OOB)", done, want);
	if (wire_text_u32(w, want, &n) || verdict(w, "recv(MSG_OOB)", done, NULL))
		return -1;
	if (done == 1 && octet == (wire_segment_byte(n) ^ w->c.tint))
		return 0;
	return wire_fail(w, "recv(MSG_OOB): %zd octets, not octet %u", done, n);
}

static int do_passed(struct wire *w, const char *octets)
{
	uint32_t n;

	if (wire_text_u32(w, octets, &n))
		return -1;
	w->c.consumed += n;
	return 0;
}

static int do_ioctl(struct wire *w, unsigned long request, const char *want)
{
	uint32_t n;
	int got = -1;

	if (wire_text_u32(w, want, &n) || verdict(w, "ioctl", ioctl(w->c.fd, request, &got), NULL))
		return -1;
	return (uint32_t)got == n ? 0 : wire_fail(w, "ioctl gives %d, want %u", got, n);
}

static int do_err(struct wire *w, const char *want)
{
	int err = -1;
	socklen_t len = sizeof(err);

	if (verdict(w, "SO_ERROR", getsockopt(w->c.fd, SOL_SOCKET, SO_ERROR, &err, &len), NULL))
		return -1;
	if (err != errno_value(want))
		return wire_fail(w, "SO_ERROR is %s, want %s", wire_socket_errno_name(err), want);
	getsockopt(w->c.fd, SOL_SOCKET, SO_ERROR, &err, &len);
	return err ? wire_fail(w, "SO_ERROR reads twice") : 0;
}

static const char * const reasons[] = {
	[XTCP_ABORT_NONE] = "none", [XTCP_ABORT_RESET] = "reset", [XTCP_ABORT_ICMP] = "icmp",
	[XTCP_ABORT_TIMEOUT] = "timeout", [XTCP_ABORT_KEEPALIVE] = "keepalive",
	[XTCP_ABORT_LATE_DATA] = "late_data", [XTCP_ABORT_DISCONNECT] = "disconnect",
	[XTCP_ABORT_USER_TIMEOUT] = "user_timeout", [XTCP_ABORT_IDLE] = "idle",
	[XTCP_ABORT_HALF_CLOSED] = "half_closed", [XTCP_ABORT_USER_TIMEOUT_MS] = "user_timeout_ms",
	[XTCP_ABORT_KEEPALIVE_ALWAYS] = "keepalive_always",
};

static const char * const causes[] = {
	[XTCP_CAUSE_NONE] = "none", [XTCP_CAUSE_PEER] = "peer", [XTCP_CAUSE_PROGRAM] = "program",
	[XTCP_CAUSE_TIMER] = "timer", [XTCP_CAUSE_OPERATOR] = "operator", [XTCP_CAUSE_MEMORY] = "memory",
	[XTCP_CAUSE_NETWORK] = "network",
};

#define NAMED(names, value) ((value) < sizeof(names) / sizeof(*(names)) && (names)[value] ? (names)[value] : "?")

static int do_why(struct wire *w, char *args)
{
	char *next, *reason = strtok_r(args, " ", &next), *cause = strtok_r(NULL, " ", &next);
	char *flags = strtok_r(NULL, " ", &next), *error = strtok_r(NULL, " ", &next);
	char *code = strtok_r(NULL, " ", &next), *pen = strtok_r(NULL, " ", &next);
	struct xtcp_abort got = { .reserved = 1, .peer_code = 1, .reserved2 = 1, .peer_pen = 1 };
	socklen_t len = sizeof(got);
	int ret = getsockopt(w->c.fd, IPPROTO_TCP, XTCP_ABORT, &got, &len), want;

	if (w->stack == WIRE_KERNEL)
		return verdict(w, "XTCP_ABORT", ret, "ENOPROTOOPT");
	if (verdict(w, "XTCP_ABORT", ret, NULL))
		return -1;
	want = !error || !strcmp(error, "none") ? 0 : errno_value(error);
	if (!flags || len != sizeof(got) || got.reserved || strcmp(NAMED(reasons, got.reason), reason) ||
	    strcmp(NAMED(causes, got.cause), cause) || got.flags != wire_segment_flags(flags) ||
	    (int)got.error != want)
		return wire_fail(w, "XTCP_ABORT: reason %s, cause %s, flags %#x, error %u, %u octets",
				 NAMED(reasons, got.reason), NAMED(causes, got.cause), got.flags, got.error, len);
	if (got.reserved2 || got.peer_code != strtoul(code ? code : "0", NULL, 0) ||
	    got.peer_pen != strtoul(pen ? pen : "0", NULL, 0))
		return wire_fail(w, "XTCP_ABORT: the peer says %u, of %u", got.peer_code, got.peer_pen);
	return 0;
}

static int do_poll(struct wire *w, char *args)
{
	static const struct { const char *name; int bit; } bits[] = {
		{ "IN", POLLIN }, { "OUT", POLLOUT }, { "RDHUP", POLLRDHUP }, { "HUP", POLLHUP },
		{ "ERR", POLLERR }, { "PRI", POLLPRI },
	};
	struct pollfd p = { .fd = w->c.fd, .events = POLLIN | POLLOUT | POLLRDHUP | POLLPRI };
	char *next, *word, got[64] = "";
	int want = 0;
	size_t i;

	for (word = strtok_r(args, " ", &next); word; word = strtok_r(NULL, " ", &next))
		for (i = 0; i < sizeof(bits) / sizeof(*bits); i++)
			if (!strcmp(bits[i].name, word))
				want |= bits[i].bit;
	poll(&p, 1, 0);
	for (i = 0; i < sizeof(bits) / sizeof(*bits); i++)
		if (p.revents & bits[i].bit)
			sprintf(got + strlen(got), " %s", bits[i].name);
	return p.revents == want ? 0 : wire_fail(w, "poll gives%s", got);
}

/* Edge-triggered: only what happens from here on counts. */
static int do_watch(struct wire *w)
{
	struct epoll_event event = { .events = EPOLLOUT | EPOLLET };

	if (w->watch >= 0)
		close(w->watch);
	w->watch = epoll_create1(EPOLL_CLOEXEC);
	if (verdict(w, "watch", epoll_ctl(w->watch, EPOLL_CTL_ADD, w->c.fd, &event), NULL))
		return -1;
	return epoll_wait(w->watch, &event, 1, 0) ? wire_fail(w, "the socket is writable") : 0;
}

static int do_woken(struct wire *w)
{
	struct epoll_event event;

	return epoll_wait(w->watch, &event, 1, 0) == 1 ? 0 : wire_fail(w, "no writer was woken");
}

/* The error may come a moment before the end, and is counted under the lock, for which TCP_INFO waits. */
static int do_hup(struct wire *w, char *args)
{
	struct pollfd p = { .fd = w->c.fd };
	uint64_t end, ended, now;
	uint32_t ms;

	if (wire_text_u32(w, args, &ms))
		return -1;
	end = wire_now() + ms * 1000000ull;
	while (!(p.revents & POLLHUP)) {
		now = wire_now();
		if (now >= end || !wire_tun_wait(w, w->c.fd, 0, (end - now + 999999) / 1000000))
			return wire_fail(w, "the connection lives after %u ms", ms);
		poll(&p, 1, 0);
	}
	return wire_option_field(w, "state", &ended);
}

int wire_socket_step(struct wire *w, char *verb, char *args)
{
	const char *first = *args ? args : NULL;

	if (!strcmp(verb, "socket"))
		return new_socket(w, &w->c.fd);
	if (!strcmp(verb, "listen"))
		return do_listen(w, first);
	if (!strcmp(verb, "bind"))
		return do_bind(w, first);
	if (!strcmp(verb, "user"))
		return do_user(w, first);
	if (!strcmp(verb, "device"))
		return do_device(w);
	if (!strcmp(verb, "connect"))
		return do_connect(w, args);
	if (!strcmp(verb, "disconnect"))
		return do_disconnect(w, first);
	if (!strcmp(verb, "accept"))
		return do_accept(w, first);
	if (!strncmp(verb, "md5", 3))
		return do_md5(w, verb, args);
	if (!strncmp(verb, "mkt", 3) || !strncmp(verb, "ao", 2)) {
		if (!strncmp(verb, "mkt", 3) && !strstr(verb, "listener") && new_socket(w, &w->c.fd))
			return -1;
		return wire_ao_step(w, verb, args);
	}
	if (!strcmp(verb, "fast"))
		return do_fast(w, args);
	if (!strcmp(verb, "waits"))
		return wire_waits_begin(w, args);
	if (!strcmp(verb, "waited"))
		return wire_waits_end(w, args);
	if (!strcmp(verb, "holds"))
		return wire_holds_begin(w, args);
	if (!strcmp(verb, "gives"))
		return wire_holds_end(w, args);
	if (!strcmp(verb, "write"))
		return do_write(w, args);
	if (!strcmp(verb, "read") || !strcmp(verb, "peek"))
		return do_read(w, args, *verb == 'p' ? MSG_PEEK : 0);
	if (!strcmp(verb, "urgent"))
		return do_urgent(w, args);
	if (!strcmp(verb, "passed"))
		return do_passed(w, args);
	if (!strcmp(verb, "atmark") || !strcmp(verb, "inq"))
		return do_ioctl(w, *verb == 'a' ? SIOCATMARK : FIONREAD, args);
	if (!strcmp(verb, "shut"))
		return verdict(w, verb, shutdown(w->c.fd, SHUT_WR), first);
	if (!strcmp(verb, "shutrd"))
		return verdict(w, verb, shutdown(w->c.fd, SHUT_RD), first);
	if (!strcmp(verb, "close") || !strcmp(verb, "abort"))
		return do_close(w, *verb == 'a');
	if (!strcmp(verb, "closelisten")) {
		close(w->c.lfd);
		w->c.lfd = -1;
		return 0;
	}
	if (!strcmp(verb, "set") || !strcmp(verb, "get") || !strcmp(verb, "info") || !strcmp(verb, "dctcp") ||
	    !strcmp(verb, "keep"))
		return wire_option_step(w, verb, args);
	if (!strcmp(verb, "err"))
		return do_err(w, args);
	if (!strcmp(verb, "why"))
		return do_why(w, args);
	if (!strcmp(verb, "errqueue"))
		return wire_errqueue(w, args);
	if (!strcmp(verb, "poll"))
		return do_poll(w, args);
	if (!strcmp(verb, "watch"))
		return do_watch(w);
	if (!strcmp(verb, "woken"))
		return do_woken(w);
	if (!strcmp(verb, "hup"))
		return do_hup(w, args);
	return wire_fail(w, "no step '%s'", verb);
}

void wire_socket_cleanup(struct wire *w)
{
	struct wire_conn *c = &w->c;

	wire_waits_cleanup(w);
	wire_holds_cleanup(w);
	wire_traced_cleanup();
	if (c->fd >= 0)
		do_close(w, true);
	if (w->other.fd >= 0)
		close(w->other.fd);
	w->other.fd = -1;
	if (c->lfd >= 0)
		close(c->lfd);
	c->lfd = -1;
	if (w->watch >= 0)
		close(w->watch);
	w->watch = -1;
}
