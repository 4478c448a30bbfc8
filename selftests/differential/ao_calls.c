// SPDX-License-Identifier: GPL-2.0
/*
 * The options of TCP-AO, call by call: TCP_AO_ADD_KEY, TCP_AO_DEL_KEY, TCP_AO_INFO, TCP_AO_GET_KEYS, with every error
 * that they have, and what listeners, children, connect() and keys of MD5 make of them. Both stacks are asked the same
 * and have to answer the same; where the kernel TCP has no TCP-AO, xtcp alone is asked.
 *
 *	ao_calls [-s kernel|xtcp]
 */
#include "ao_calls.h"
#include "lib/test.h"

struct ao_calls calls;

void ao_calls_gives(const char *call, int ret, int want)
{
	const int got = ret < 0 ? errno : 0;

	if (got == want)
		return;
	calls.fine = false;
	ksft_print_msg("%s: %s, want %s\n", call, got ? strerrorname_np(got) : "0", want ? strerrorname_np(want) : "0");
}

void ao_calls_holds(const char *condition, bool is)
{
	if (is)
		return;
	calls.fine = false;
	ksft_print_msg("not true: %s\n", condition);
}

bool ao_calls_is_v6(void)
{
	return strchr(calls.addr, ':');
}

int ao_calls_socket(void)
{
	return must_have(stack_socket(calls.ns, calls.stack, calls.addr), "socket");
}

int ao_calls_listener(void)
{
	return must_have(stack_listener(calls.ns, calls.stack, calls.addr, 0, true), "listen");
}

struct aoopt_key ao_calls_key(int sndid, int rcvid)
{
	return (struct aoopt_key) { .addr = calls.addr, .sndid = sndid, .rcvid = rcvid };
}

int ao_calls_add(int fd, int sndid, int rcvid)
{
	struct aoopt_key k = ao_calls_key(sndid, rcvid);

	return aoopt_add(fd, &k);
}

int ao_calls_del(int fd, int sndid, int rcvid)
{
	struct aoopt_key k = ao_calls_key(sndid, rcvid);

	return aoopt_del(fd, &k);
}

int ao_calls_set(int fd, int option, const void *value, socklen_t len)
{
	return setsockopt(fd, IPPROTO_TCP, option, value, len);
}

int ao_calls_set_info(int fd, const struct tcp_ao_info_opt *info)
{
	return ao_calls_set(fd, TCP_AO_INFO, info, sizeof(*info));
}

int ao_calls_get_info(int fd, struct tcp_ao_info_opt *info)
{
	socklen_t len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return getsockopt(fd, IPPROTO_TCP, TCP_AO_INFO, info, &len);
}

int ao_calls_get_keys(int fd, struct tcp_ao_getsockopt *keys)
{
	socklen_t len = sizeof(*keys);

	return getsockopt(fd, IPPROTO_TCP, TCP_AO_GET_KEYS, keys, &len);
}

static int set_md5(int fd, const char *peer, int keylen)
{
	const union stack_addr to = stack_addr(peer, 0);
	struct tcp_md5sig cmd = { .tcpm_keylen = keylen, .tcpm_key = "secret" };

	memcpy(&cmd.tcpm_addr, &to, stack_addr_len(&to));
	return ao_calls_set(fd, TCP_MD5SIG, &cmd, sizeof(cmd));
}

int ao_calls_set_md5(int fd, const char *peer)
{
	return set_md5(fd, peer, strlen("secret"));
}

int ao_calls_drop_md5(int fd, const char *peer)
{
	return set_md5(fd, peer, 0);
}

int ao_calls_nr_keys(int fd)
{
	struct tcp_ao_getsockopt keys[8];

	return aoopt_keys(fd, keys, 8);
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "lengths and pointers of TCP_AO_ADD_KEY", ao_calls_add_lengths },
	{ "fields of TCP_AO_ADD_KEY", ao_calls_add_fields },
	{ "prefixes, and keys that overlap", ao_calls_add_prefixes },
	{ "identifiers", ao_calls_identifiers },
	{ "algorithms, lengths of keys and MACs", ao_calls_algorithms },
	{ "TCP_AO_DEL_KEY", ao_calls_del_errors },
	{ "current and next key of a closed socket", ao_calls_current },
	{ "TCP_AO_INFO", ao_calls_info },
	{ "TCP_AO_GET_KEYS", ao_calls_all_keys },
	{ "v4-mapped addresses", ao_calls_mapped },
	{ "keys of MD5 beside those of TCP-AO", ao_calls_md5 },
	{ "a listener", ao_calls_of_listener },
	{ "both ends of a signed connection", ao_calls_pair },
	{ "both ends of a connection without MACs", ao_calls_unsigned },
	{ "SYNs that are dropped, by exact counters", ao_calls_refused },
	{ "connect() with keys of MD5 for another host", ao_calls_with_md5 },
	{ "a connection that MD5 signs", ao_calls_by_md5 },
	{ "connect() that finds no port", ao_calls_no_port },
	{ "connect() without the right key to a TIME-WAIT", ao_calls_record },
	{ "a listener whose key was chosen before", ao_calls_async },
	{ "how many keys, for everybody", ao_calls_limit },
	{ "connect() again with the same keys", ao_calls_again },
};

#define TESTS	(sizeof(tests) / sizeof(*tests))

static void run(size_t i)
{
	const bool cannot = calls.stack == KERNEL && !aoopt_kernel_has();
	char name[128];

	snprintf(name, sizeof(name), "%s, IPv%d: %s", stack_name(calls.stack), ao_calls_is_v6() ? 6 : 4, tests[i].name);
	if (cannot) {
		ksft_test_result_skip("the kernel cannot sign by TCP-AO: %s\n", name);
		return;
	}
	calls.fine = true;
	tests[i].run();
	ksft_test_result(calls.fine, "%s\n", name);
}

int main(int argc, char **argv)
{
	const char *only = argc == 3 && !strcmp(argv[1], "-s") ? argv[2] : NULL;
	const enum stack last = only && !strcmp(only, "kernel") ? KERNEL : XTCP;
	enum stack first = only && !strcmp(only, "xtcp") ? XTCP : stack_first();
	size_t i;
	int v6;

	if (last == KERNEL)
		first = KERNEL;
	test_begin(TESTS * 2 * (last - first + 1));
	calls.ns = ns_make();
	must(calls.ns >= 0 && !ns_enter(calls.ns), "namespace");
	for (calls.stack = first; calls.stack <= last; calls.stack++)
		for (v6 = 0; v6 < 2; v6++) {
			calls.addr = v6 ? "::1" : "127.0.0.1";
			calls.other = v6 ? "fd00::77" : "10.0.0.77";
			for (i = 0; i < TESTS; i++)
				run(i);
		}
	ksft_finished();
}
