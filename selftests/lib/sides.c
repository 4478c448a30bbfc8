// SPDX-License-Identifier: GPL-2.0
#include "sides.h"
#include "test.h"

static int add(struct sides *sides, enum stack client, enum stack server, bool v6)
{
	sides->client = client;
	sides->server = server;
	sides->addr = v6 ? NS_B6 : NS_B4;
	sides->client_addr = v6 ? NS_A6 : NS_A4;
	snprintf(sides->name, sizeof(sides->name), "%s to %s, IPv%d",
		 stack_name(client), stack_name(server), v6 ? 6 : 4);
	return 1;
}

static void usage(const char *program)
{
	fprintf(stderr, "usage: %s [-4|-6] [-s kernel|xtcp]\n", program);
	exit(2);
}

int sides_parse(int argc, char **argv, struct sides *sides)
{
	bool kernel = true, xtcp = true, want[2] = { true, true };
	int opt, v6, n = 0, fd;

	while ((opt = getopt(argc, argv, "46s:")) != -1) {
		if (opt == '4')
			want[1] = false;
		else if (opt == '6')
			want[0] = false;
		else if (opt == 's' && !strcmp(optarg, "kernel"))
			xtcp = false;
		else if (opt == 's' && !strcmp(optarg, "xtcp"))
			kernel = false;
		else
			usage(argv[0]);
	}
	if (optind != argc)
		usage(argv[0]);
	for (v6 = 0; v6 < 2; v6++) {
		if (!want[v6])
			continue;
		if (kernel && xtcp) {
			n += add(&sides[n], XTCP, KERNEL, v6);
			n += add(&sides[n], KERNEL, XTCP, v6);
		}
		n += add(&sides[n], xtcp ? XTCP : KERNEL, xtcp ? XTCP : KERNEL, v6);
	}
	fd = xtcp ? stack_socket(ns_home(), XTCP, NS_A4) : 0;
	must(fd >= 0, "no xtcp");
	if (fd)
		close(fd);
	return n;
}

/* What a child wrote, up to its end. */
struct child {
	pid_t pid;
	int out;
	char *text;
	size_t len;
};

static void child_start(struct child *c, const struct sides *s, void (*run)(const struct sides *s))
{
	int p[2];

	fflush(stdout);
	must(!pipe(p), "no pipe");
	c->pid = must_have(fork(), "no child");
	if (!c->pid) {
		dup2(p[1], 1);
		close_each(p[0], p[1]);
		run(s);
		fflush(stdout);
		_exit(0);
	}
	close(p[1]);
	c->out = p[0];
}

/* False at the end of its output. */
static bool child_read(struct child *c)
{
	ssize_t n;

	c->text = realloc(c->text, c->len + 4097);
	n = read(c->out, c->text + c->len, 4096);
	c->len += n > 0 ? n : 0;
	c->text[c->len] = 0;
	return n > 0;
}

static void child_report(struct child *c, const struct sides *s, int tests)
{
	char *line, *save;
	int status, seen = 0;

	waitpid(c->pid, &status, 0);
	for (line = strtok_r(c->text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		bool ok = !strncmp(line, "ok - ", 5);

		if (!ok && strncmp(line, "not ok - ", 9)) {
			printf("%s%s\n", line[0] == '#' ? "" : "# ", line);
			continue;
		}
		ksft_test_result(ok, "%s: %s\n", s->name, line + (ok ? 5 : 9));
		seen++;
	}
	if (status || seen != tests)
		ksft_test_result_fail("%s: ended with status %x after %d of %d tests\n", s->name, status, seen, tests);
	free(c->text);
}

int sides_each(const struct sides *sides, int n, int tests, void (*run)(const struct sides *s))
{
	struct child children[SIDES_MAX] = {};
	struct pollfd p[SIDES_MAX];
	int i, reported = 0;

	for (i = 0; i < n; i++) {
		child_start(&children[i], &sides[i], run);
		p[i] = (struct pollfd){ .fd = children[i].out, .events = POLLIN };
	}
	while (reported < n) {
		poll(p, n, -1);
		for (i = 0; i < n; i++) {
			if (p[i].revents && !child_read(&children[i])) {
				p[i].fd = -1;
				p[i].revents = 0;
			}
		}
		for (; reported < n && p[reported].fd < 0; reported++)
			child_report(&children[reported], &sides[reported], tests);
		fflush(stdout);
	}
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}

void sides_result(bool ok, const char *name)
{
	printf("%s - %s\n", ok ? "ok" : "not ok", name);
	fflush(stdout);
}

const char *sides_listing(enum stack stack, const char *addr)
{
	static const char * const v4[] = { "/proc/net/tcp", "/proc/net/xtcp", "/proc/net/" MODULE_SECOND };
	static const char * const v6[] = { "/proc/net/tcp6", "/proc/net/xtcp6", "/proc/net/" MODULE_SECOND "6" };

	return strchr(addr, ':') ? v6[stack] : v4[stack];
}

static void know(int ns, const char *addr, int its_ns)
{
	must_say(!ns_neighbour(ns, "veth0", addr, its_ns, "veth0"), "no neighbour %s", addr);
}

void sides_know_each_other(const struct ns_pair *pair)
{
	know(pair->a, NS_B4, pair->b);
	know(pair->a, NS_B6, pair->b);
	know(pair->b, NS_A4, pair->a);
	know(pair->b, NS_A6, pair->a);
}

bool sides_row(int ns, enum stack stack, const char *addr, int local_port, int peer_port, int row)
{
	const char *path = sides_listing(stack, addr);

	if (WAIT_FOR(rows_state(ns, path, local_port, peer_port) == row, STACK_DEADLINE_MS))
		return true;
	ksft_print_msg("%s port %d to %d: state %d, not %d\n", path, local_port, peer_port,
		       rows_state(ns, path, local_port, peer_port), row);
	return false;
}

bool sides_state(int ns, enum stack stack, const char *addr, int fd, int state, int local_port, int peer_port, int row)
{
	if (!WAIT_FOR(stack_state(fd) == state, STACK_DEADLINE_MS)) {
		ksft_print_msg("%s: TCP_INFO says %d, not %d\n", stack_name(stack), stack_state(fd), state);
		return false;
	}
	return sides_row(ns, stack, addr, local_port, peer_port, row);
}
