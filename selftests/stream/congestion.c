// SPDX-License-Identifier: GPL-2.0
/*
 * The choice of a congestion control: the three knobs, who may use what, and which one a socket has from its beginning,
 * from its listener, by TCP_CONGESTION. The same on both stacks, but for what stands in front of the names of the
 * knobs.
 */
#include "test.h"

#define PORT	7300

static enum stack stack;

/* Of the default "", "available", "allowed"; as the kernel calls its file. */
static const char *knob(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "net/%s%s%scongestion_control", stack == XTCP ? "xtcp/" : "ipv4/tcp_", name,
		 *name ? "_" : "");
	return path;
}

/* 0 or the errno. */
static int put(int ns, const char *name, const char *text)
{
	return ns_sysctl_set(ns, knob(name), "%s", text) ? errno : 0;
}

static bool is(int ns, const char *name, const char *text)
{
	char path[96], *got;
	bool same;

	snprintf(path, sizeof(path), "/proc/sys/%s", knob(name));
	got = ns_read_file(ns, path);
	must(got, path);
	got[strcspn(got, "\n")] = 0;
	same = !strcmp(got, text);
	if (!same)
		ksft_print_msg("%s: '%s', and not '%s'\n", path, got, text);
	free(got);
	return same;
}

static int choose(int fd, const char *name)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, strlen(name)) ? errno : 0;
}

static bool uses(int fd, const char *name)
{
	char got[32] = "";
	socklen_t len = sizeof(got);

	if (!getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, got, &len) && !strcmp(got, name))
		return true;
	ksft_print_msg("the socket has '%s' and not '%s'\n", got, name);
	return false;
}

/* As someone without CAP_NET_ADMIN. */
static int choose_as_nobody(int fd, const char *name)
{
	int error;

	must(!seteuid(65534), "seteuid");
	error = choose(fd, name);
	must(!seteuid(0), "seteuid");
	return error;
}

static int new_socket(int ns)
{
	return must_have(stack_socket(ns, stack, "127.0.0.1"), "socket");
}

#define RESULT(good, text)	ksft_test_result(good, "%s: %s\n", stack_name(stack), text)

static void knobs(void)
{
	/* kernel TCP's others are modules, which are not loaded */
	const char *available = stack == XTCP ? "reno bbr cubic dctcp prague" : "reno cubic";
	int home = ns_home(), a = ns_make(), b, c = -1;

	RESULT(is(home, "available", available) && is(home, "allowed", "reno cubic") && is(home, "", "cubic") &&
	       is(a, "available", available) && is(a, "allowed", "reno cubic") && is(a, "", "cubic"),
	       "what there is at first");
	b = ns_make();
	RESULT(!put(a, "", "reno") && is(a, "", "reno") && is(b, "", "cubic") && is(home, "", "cubic"),
	       "each namespace has its default");
	RESULT(!put(home, "", "reno") && is(b, "", "cubic") && (c = ns_make()) >= 0 && is(c, "", "reno") &&
	       !put(home, "", "cubic") && is(c, "", "reno"), "a namespace begins with that of the first one");
	RESULT(put(a, "", "nosuch") == ENOENT && put(a, "", "cubicc") == ENOENT && put(a, "", "\n") == ENOENT &&
	       is(a, "", "reno"), "an unknown default is refused and changes nothing");
	RESULT(put(home, "available", "reno") == EACCES && put(a, "available", "reno") == EACCES &&
	       put(a, "allowed", "reno") == EACCES, "what nobody can write, or only the first namespace");
	RESULT(put(home, "allowed", "reno nosuch") == ENOENT && put(home, "allowed", "cubic,reno") == ENOENT &&
	       is(home, "allowed", "reno cubic"), "an unknown name allows and forbids nothing");
	close_each(a, b, c);
}

static void permissions(void)
{
	int home = ns_home(), a = ns_make(), fd = new_socket(a), other = new_socket(a);

	RESULT(!put(home, "allowed", "reno") && is(home, "allowed", "reno") && is(a, "allowed", "reno"),
	       "what is allowed is so everywhere");
	RESULT(uses(fd, "cubic") && !choose_as_nobody(fd, "cubic") && !choose_as_nobody(fd, "reno") &&
	       choose_as_nobody(fd, "cubic") == EPERM && uses(fd, "reno"), "others cannot be chosen");
	RESULT(choose_as_nobody(fd, "nosuch") == ENOENT, "what does not exist is not forbidden");
	RESULT(!choose(fd, "cubic") && uses(fd, "cubic"), "an administrator may");
	RESULT(!put(a, "", "reno") && put(a, "", "cubic") == EPERM && is(a, "", "reno"),
	       "only the first namespace makes them its default");
	RESULT(!put(home, "", "cubic") && is(home, "allowed", "reno cubic") && !put(a, "", "cubic"),
	       "which allows them");
	RESULT(!put(home, "allowed", "cubic  reno") && is(home, "allowed", "cubic"), "the list ends at an empty name");
	RESULT(!put(home, "allowed", "\n") && is(home, "allowed", "") && choose_as_nobody(other, "reno") == EPERM,
	       "nothing may be allowed");
	RESULT(!put(home, "allowed", "cubic reno") && is(home, "allowed", "reno cubic"), "and all again");
	close_each(fd, other, a);
}

/* On a connection that lives: it goes on. */
static void live(int ns)
{
	int client, server, i;
	bool good = true;

	stack_pair_or_die(ns, stack, ns, stack, "127.0.0.1", PORT, &client, &server);
	for (i = 0; i < 6; i++) {
		good &= !choose(client, i & 1 ? "cubic" : "reno") && uses(client, i & 1 ? "cubic" : "reno");
		good &= stack_carries(client, server, 20000);
	}
	RESULT(good, "a connection changes it and goes on");
	close_each(client, server);
}

static int accepted(int ns, int listener, int port, int *client)
{
	*client = stack_connected(ns, stack, "127.0.0.1", port);
	return accept(listener, NULL, NULL);
}

static void sockets(void)
{
	int ns = ns_make(), plain, chosen, early, client, server, i;
	union stack_addr none = { 0 };
	bool good = true;

	plain = stack_listener(ns, stack, "127.0.0.1", PORT + 1, true);
	chosen = stack_socket(ns, stack, "127.0.0.1");
	early = stack_socket(ns, stack, "127.0.0.1");
	must(!choose(chosen, "cubic") && !put(ns, "", "reno"), "cannot choose");
	RESULT(uses(early, "cubic") && !stack_connect(early, "127.0.0.1", PORT + 1) && uses(early, "cubic"),
	       "a socket has the default of when it was made");
	server = accept(plain, NULL, NULL);
	RESULT(uses(plain, "cubic") && uses(server, "reno"), "what is accepted has that of when it is accepted");
	close(server);

	for (i = 0; i < 2; i++) {
		union stack_addr addr = stack_addr("127.0.0.1", PORT + 2);

		must(i != 1 || !choose(chosen, "reno"), "cannot choose");
		must(i != 0 || !(bind(chosen, &addr.sa, sizeof(addr.in)) || listen(chosen, 5)), "no listener");
		must(i != 1 || !put(ns, "", "cubic"), "no default");
		server = accepted(ns, chosen, PORT + 2, &client);
		good &= uses(server, i ? "reno" : "cubic") && uses(client, i ? "cubic" : "reno");
		close_each(server, client);
	}
	RESULT(good, "unless the listener's was chosen, which it inherits");

	client = stack_socket(ns, stack, "127.0.0.1");
	good = !choose(client, "reno");
	for (i = 0; i < 2; i++) {
		good &= !stack_connect(client, "127.0.0.1", PORT + 2) && uses(client, "reno");
		server = accept(chosen, NULL, NULL);
		good &= stack_carries(client, server, 5000);
		close(server);
		good &= !connect(client, &none.sa, sizeof(none.in)) && uses(client, "reno");
	}
	RESULT(good, "it is kept from one connection to the next");
	close_each(client, early, plain, chosen);
	live(ns);
	close(ns);
}

/* Tests that ran before may have loaded them. */
static void unload_others(void)
{
	static const char * const names[] = { "tcp_bbr", "tcp_dctcp" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (syscall(SYS_delete_module, names[i], O_NONBLOCK) && errno != ENOENT)
			ksft_print_msg("cannot unload %s: %s\n", names[i], strerror(errno));
}

int main(void)
{
	ksft_print_header();
	unload_others();
	ksft_set_plan(stack_count() * 20);
	for (stack = stack_first(); stack <= XTCP; stack++) {
		knobs();
		permissions();
		sockets();
	}
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
