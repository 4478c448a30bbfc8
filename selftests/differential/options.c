// SPDX-License-Identifier: GPL-2.0
/*
 * Every option number there is, and each that there is not, of SOL_SOCKET, IPPROTO_IP, IPPROTO_IPV6 and IPPROTO_TCP, on
 * both stacks: wrong and right lengths, bad pointers, values at each bound, in eight states. A program reads the option
 * with too little, the right and too much room, or none. It sets it with too few, the right and too many octets, to
 * values at and beyond each bound, at addresses where no int could stand, in CLOSED, LISTEN, SYN-SENT, ESTABLISHED and
 * CLOSE-WAIT, after shutdown(), after a reset, and as nobody; what kernel TCP refuses to set at all to no more than one
 * value.
 *
 * Both stacks are asked the same in the same order. Return value, errno, length and what is read back are the same, or
 * options_differ.c says what xtcp does instead, and why. A row there that no longer occurs fails.
 *
 * diff_option.c and diff_sockopt.c ask what the options do; this one, which there are.
 *
 * The numbers go from 0 to 90, and some beyond. In some of the states only an eighth of the values is tried.
 */
#include "options.h"
#include "lib/test.h"

#define NUMBERS		90	/* 0 to this, and those in far_numbers[] */
#define PROBES_MAX	180
#define ROOM		70000	/* more than any option takes */
#define NOBODY		65534
#define FEW		8	/* one in so many values is tried where only the state may matter */

#define ELEMENTS(a)	(sizeof(a) / sizeof((a)[0]))

enum state { CLOSED, LISTEN, ESTABLISHED, CLOSED_AS_NOBODY, SYN_SENT, CLOSE_WAIT, FIN_WAIT, RESET, STATES };

#define STATES_OF_IPV4	4	/* the others are tested only over IPv6, which has all levels, with few values */

static const char * const state_names[] = {
	"CLOSED", "LISTEN", "ESTABLISHED", "CLOSED, as nobody",
	"SYN-SENT", "CLOSE-WAIT", "FIN-WAIT-2", "CLOSED, after a reset",
};

static const struct {
	int number;
	const char *name;
} levels[] = {
	{ SOL_SOCKET, "SOL_SOCKET" },
	{ IPPROTO_IP, "IPPROTO_IP" },
	{ IPPROTO_IPV6, "IPPROTO_IPV6" },
	{ IPPROTO_TCP, "IPPROTO_TCP" },
};

/* Each bound of an option of Linux 6.1 to 7.2 and its neighbours, and some that are none. */
static const int values[] = {
	1, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 16, 30, 31, 32, 47, 48, 49, 60, 61, 64, 75, 87, 88, 89, 119, 120, 121, 127,
	128, 200, 254, 255, 256, 257, 511, 512, 1000, 1024, 1280, 1460, 2304, 4096, 4608, 5000, 7200, 10000, 20000,
	32766, 32767, 32768, 65534, 65535, 65536, 120000, 120001, 131072, 2000000, 2000001, 100000000, 1 << 30,
	INT_MAX - 1, INT_MAX, INT_MIN, INT_MIN + 1, -3, -2, -1,
};

static const int far_numbers[] = { -1, 91, 127, 128, 255, 256, 1000, INT_MAX, INT_MIN };
static const int lengths[] = { 0, 1, 2, 3, 4, 8, 12, 16, 36, 104, 256, ROOM, -1, INT_MIN };

struct seen {
	struct option_probe probe[PROBES_MAX];
	int n;
};

static int ns;
static const char *address;
static unsigned char room[ROOM];

static struct option_probe *note(struct seen *seen, const char *call, int length, int value)
{
	struct option_probe *p = &seen->probe[seen->n++];

	must(seen->n <= PROBES_MAX, "too many probes");
	memset(p, 0, sizeof(*p));
	p->call = call;
	p->length = length;
	p->value = value;
	return p;
}

static void probe_get(struct seen *seen, const char *call, int fd, int level, int opt, int length)
{
	struct option_probe *p = note(seen, call, length, 0);
	socklen_t len = length;

	memset(room, 0xee, OPTION_KEPT);
	p->error = getsockopt(fd, level, opt, room, &len) ? errno : 0;
	p->length_after = len;
	memcpy(p->octets, room, OPTION_KEPT);
}

static void probe_set(struct seen *seen, int fd, int level, int opt, int length, int value)
{
	struct option_probe *p = note(seen, "set", length, value);

	memset(room, 0, 256);
	memcpy(room, &value, sizeof(value));
	p->error = setsockopt(fd, level, opt, room, length) ? errno : 0;
}

static void probe_pointers(struct seen *seen, int fd, int level, int opt)
{
	struct option_probe *p = note(seen, "get into NULL", 4, 0);
	socklen_t len = 4;

	p->error = getsockopt(fd, level, opt, NULL, &len) ? errno : 0;
	p->length_after = len;
	p = note(seen, "get without a length", 0, 0);
	p->error = getsockopt(fd, level, opt, room, NULL) ? errno : 0;
	p = note(seen, "set from NULL", 4, 0);
	p->error = setsockopt(fd, level, opt, NULL, 4) ? errno : 0;
	p = note(seen, "set from NULL", 0, 0);
	p->error = setsockopt(fd, level, opt, NULL, 0) ? errno : 0;
	p = note(seen, "set from the kernel's memory", 4, 0);
	p->error = setsockopt(fd, level, opt, (void *)-4096L, 4) ? errno : 0;
}

/* Addresses where no int may be. */
static void probe_unaligned(struct seen *seen, int fd, int level, int opt)
{
	unsigned char length[sizeof(socklen_t) + 1];
	socklen_t len = sizeof(int);
	int one = 1;
	struct option_probe *p = note(seen, "get", sizeof(int), 0);

	memset(room, 0xee, OPTION_KEPT + 1);
	memcpy(length + 1, &len, sizeof(len));
	p->error = getsockopt(fd, level, opt, room + 1, (void *)(length + 1)) ? errno : 0;
	memcpy(&len, length + 1, sizeof(len));
	p->length_after = len;
	memcpy(p->octets, room + 1, OPTION_KEPT);
	p = note(seen, "set", sizeof(int), one);
	memcpy(room + 1, &one, sizeof(one));
	p->error = setsockopt(fd, level, opt, room + 1, sizeof(one)) ? errno : 0;
}

/* Is it ENOPROTOOPT to set the option, whatever the value? */
static bool is_refused(const struct seen *seen)
{
	for (const struct option_probe *p = seen->probe; p < seen->probe + seen->n; p++)
		if (!strcmp(p->call, "set") && p->length == sizeof(int))
			return p->error == ENOPROTOOPT;
	return false;
}

/* Asks for values by steps of @step; for none where @kernel has refused all. */
static void probe_all(struct seen *seen, int fd, int level, int opt, const struct option_differs *known, size_t step,
		      const struct seen *kernel)
{
	seen->n = 0;
	for (size_t i = 0; i < ELEMENTS(lengths); i++)
		probe_get(seen, "get", fd, level, opt, lengths[i]);
	probe_pointers(seen, fd, level, opt);
	probe_unaligned(seen, fd, level, opt);
	for (size_t i = 0; i < ELEMENTS(lengths); i++)
		probe_set(seen, fd, level, opt, lengths[i], 1);
	/* more than is needed, of a value that TCP_MAXSEG takes */
	probe_set(seen, fd, level, opt, 2 * sizeof(int), 1000);
	if ((known && known->is_name) || is_refused(kernel))
		return;
	for (size_t i = 0; i < ELEMENTS(values); i += step) {
		probe_set(seen, fd, level, opt, sizeof(int), values[i]);
		probe_get(seen, "get back", fd, level, opt, sizeof(int));
	}
}

/* A socket in @state; *peer is what else has to be closed, or -1. */
static int socket_in(enum state state, enum stack stack, int *peer)
{
	int fd, listener;

	*peer = -1;
	if (state == CLOSED || state == CLOSED_AS_NOBODY || state == SYN_SENT)
		fd = stack_socket(ns, stack, address);
	else
		fd = stack_listener(ns, stack, address, 0, false);
	must(fd >= 0, "socket");
	if (state == SYN_SENT) {
		must(!fcntl(fd, F_SETFL, O_NONBLOCK), "O_NONBLOCK");
		must(stack_connect(fd, address, 1) && errno == EINPROGRESS, "connect");
	}
	if (state < ESTABLISHED || state == CLOSED_AS_NOBODY || state == SYN_SENT)
		return fd;
	listener = fd;
	fd = must_have(stack_connected(ns, stack, address, stack_port(listener)), "connect");
	*peer = must_have(accept(listener, NULL, NULL), "accept");
	close(listener);
	if (state == CLOSE_WAIT)
		must(!shutdown(*peer, SHUT_WR) && WAIT_FOR(stack_state(fd) == TCP_CLOSE_WAIT, STACK_DEADLINE_MS),
		     "CLOSE-WAIT");
	/* an octet goes with the FIN, whose ACK would else be in no hurry */
	if (state == FIN_WAIT)
		must(send(fd, "", 1, MSG_MORE) == 1 && !shutdown(fd, SHUT_RDWR) &&
		     WAIT_FOR(stack_state(fd) == TCP_FIN_WAIT2, STACK_DEADLINE_MS), "FIN-WAIT-2");
	if (state == RESET) {
		must(!stack_abort(*peer) && WAIT_FOR(stack_state(fd) == TCP_CLOSE, STACK_DEADLINE_MS), "a reset");
		*peer = -1;
	}
	return fd;
}

static void ask(struct seen *seen, enum state state, enum stack stack, int level, int opt,
		const struct option_differs *known, const struct seen *kernel)
{
	int peer, fd = socket_in(state, stack, &peer);

	/* while an ACK is owed this one does more than to be set, and it is owed as long as the timer says */
	if (state == CLOSE_WAIT && level == IPPROTO_TCP && opt == TCP_QUICKACK)
		must(WAIT_FOR(stack_state(peer) == TCP_FIN_WAIT2, STACK_DEADLINE_MS), "FIN-WAIT-2");
	if (state == CLOSED_AS_NOBODY)
		must(!seteuid(NOBODY), "seteuid");
	probe_all(seen, fd, level, opt, known, state < STATES_OF_IPV4 ? 1 : FEW, kernel);
	if (state == CLOSED_AS_NOBODY)
		must(!seteuid(0), "seteuid");
	stack_abort(fd);
	if (peer >= 0)
		stack_abort(peer);
}

static bool same_value(const struct option_probe *a, const struct option_probe *b, const struct option_differs *known)
{
	if (a->length_after != b->length_after)
		return false;
	return (known && known->varies) || !memcmp(a->octets, b->octets, OPTION_KEPT);
}

static const char *error_text(int error)
{
	return error ? strerrorname_np(error) : "0";
}

static void say(const struct option_probe *k, const struct option_probe *x, int opt)
{
	int kernel_value, xtcp_value;

	memcpy(&kernel_value, k->octets, sizeof(int));
	memcpy(&xtcp_value, x->octets, sizeof(int));
	ksft_print_msg("option %d, %s, length %d, value %d: kernel TCP %s (%d, length %d), xtcp %s (%d, length %d)\n",
		       opt, k->call, k->length, k->value, error_text(k->error), kernel_value, k->length_after,
		       error_text(x->error), xtcp_value, x->length_after);
}

/* True if all that differs is what @known says. */
static bool compare(const struct seen *kernel, const struct seen *xtcp, int opt, struct option_differs *known)
{
	bool fine = true;
	int i, said = 0;

	for (i = 0; i < kernel->n; i++) {
		const struct option_probe *k = &kernel->probe[i], *x = &xtcp->probe[i];

		if (k->error == x->error && same_value(k, x, known))
			continue;
		if (known && known->differs && known->differs(k, x)) {
			known->occurred = true;
			continue;
		}
		fine = false;
		if (said++ < 6)
			say(k, x, opt);
	}
	return fine;
}

static struct option_differs *find(int level, int opt)
{
	for (struct option_differs *d = options_differ; d->name; d++)
		if (d->level == level && d->opt == opt && release_series() >= d->since &&
		    (!d->until || release_series() <= d->until))
			return d;
	return NULL;
}

/* Netfilter's, from its base on, are there if its modules are: no concern of TCP's. */
static bool is_netfilters(int level, int opt)
{
	if (level == IPPROTO_IP)
		return (opt >= 64 && opt <= 69) || (opt >= 80 && opt <= 83);
	return level == IPPROTO_IPV6 && ((opt >= 64 && opt <= 69 && opt != 66 && opt != 67) || opt == 80);
}

static bool same_answers(int level, enum state state, int opt)
{
	struct option_differs *known = find(level, opt);
	static struct seen kernel, xtcp;

	if (is_netfilters(level, opt))
		return true;
	ask(&kernel, state, KERNEL, level, opt, known, &kernel);
	ask(&xtcp, state, XTCP, level, opt, known, &kernel);
	return compare(&kernel, &xtcp, opt, known);
}

static void run(size_t level, enum state state, const char *text)
{
	bool fine = true;

	address = text;
	/* nobody hears a SYN then */
	must(state != SYN_SENT || !netem_gate(ns, "lo", false), "gate");
	for (int opt = 0; opt <= NUMBERS; opt++)
		fine &= same_answers(levels[level].number, state, opt);
	for (size_t i = 0; i < ELEMENTS(far_numbers); i++)
		fine &= same_answers(levels[level].number, state, far_numbers[i]);
	must(state != SYN_SENT || !netem_gate(ns, "lo", true), "gate");
	ksft_test_result(fine, "%s in %s, %s\n", levels[level].name, state_names[state],
			 strchr(text, ':') ? "IPv6" : "IPv4");
}

static bool all_occurred(void)
{
	bool fine = true;

	for (struct option_differs *d = options_differ; d->name; d++) {
		if (!d->differs || d->occurred || find(d->level, d->opt) != d)
			continue;
		ksft_print_msg("%s (level %d, option %d) no longer differs\n", d->name, d->level, d->opt);
		fine = false;
	}
	return fine;
}

/* Each name that no congestion control has would be a program that looks for its module; the gate needs one itself. */
static void let_nothing_load(void)
{
	must(!netem_gate(ns, "lo", false) && !netem_gate(ns, "lo", true), "gate");
	module_let_nothing_load();
}

/* SO_RESERVE_MEM is for sockets of a memory cgroup. Each test has a cgroup of its own: it becomes one. */
static void charge_memory(void)
{
	int fd = open("/sys/fs/cgroup/cgroup.subtree_control", O_WRONLY | O_CLOEXEC);

	must(fd >= 0 && write(fd, "+memory", 7) == 7, "memory cgroup");
	close(fd);
}

int main(void)
{
	cpu_set_t first = {};

	test_begin(ELEMENTS(levels) * (STATES + STATES_OF_IPV4) + 1);
	charge_memory();
	ns = ns_make();
	must(ns >= 0 && !ns_enter(ns), "namespace");
	/* SO_INCOMING_CPU says where a segment came */
	CPU_SET(0, &first);
	must(!sched_setaffinity(0, sizeof(first), &first), "affinity");
	let_nothing_load();
	for (size_t level = 0; level < ELEMENTS(levels); level++)
		for (int state = 0; state < STATES; state++) {
			if (state < STATES_OF_IPV4)
				run(level, state, "127.0.0.1");
			run(level, state, "::1");
		}
	/* what kernel TCP itself does is written down for one series */
	ksft_test_result(!release_knows_kernel_tcp() || all_occurred(), "each difference that is listed occurs\n");
	ksft_finished();
}
