// SPDX-License-Identifier: GPL-2.0
/*
 * Two clocks of a listener that answers by cookie, proved by waiting once, for both and for both IP versions together:
 *
 * - a cookie is good for 128 s at most (module/base/secret.c);
 * - an ACK without an entry is looked at until 120 s after the listener last declined an entry (module/listen/entry.c).
 *   Later it is nobody's, so nothing is counted, and kernel TCP resets it as for a port that nobody uses.
 *
 * Where time is virtual also that the key of cookies changes, and that those of the key before are good.
 *
 * Each lane, one IP version in a process and a namespace of its own, has two listeners. "busy" declines another entry
 * while the cookie of the first grows old, "quiet" does not. The passing of time is what this is about, so here it is
 * slept through, to moments of the monotonic clock. xtcp only: kernel TCP's clocks are others.
 */
#include "lib/test.h"
#include "lib/virtual.h"
#include "lib/wire.h"

#define DECLINE_S	100	/* after the first cookie "busy" gives out another: within 64 s of the end */
#define END_S		130	/* later than both clocks */

#define KEY_S		512	/* a key serves for cookies of this time, counted from the boot */
#define NEAR_S		10	/* so long before its end, and after it */

enum phase { SOON, TOO_OLD, NOT_BELIEVED, SERVES, KEYS, PARTS };

#define TO_THE_END	0x80	/* in a lane's exit status, beside the parts that failed */

static const char * const parts[PARTS] = {
	[SOON] = "cookie_that_comes_back_soon_opens",
	[TOO_OLD] = "cookie_older_than_128_s_is_bad",
	[NOT_BELIEVED] = "cookie_at_a_listener_that_declined_nothing_for_120_s_is_nobodys",
	[SERVES] = "listeners_serve_afterwards",
	[KEYS] = "cookies_of_this_key_and_of_the_one_before_are_good",
};

struct play {
	enum phase part;
	const char *script, *counters;
};

#define ANSWERED	"< S 0 $; > S. 0 ack 1; none; state listen; "
#define OPENS		"< . 1 ack 1; accept; state established; abort; > R. S ack N"
#define IS_REFUSED	"< . 1 ack 1; > R 1; none; state listen; accept EAGAIN"

static const struct play soon = {
	SOON, "listen; " ANSWERED OPENS,
	"SyncookiesSent=1 SyncookiesRecv=1 SyncookiesFailed=0 PassiveOpens=1 kernel:OutRsts=0"
};

static const struct play first_at_busy = {
	TOO_OLD, "fresh; " ANSWERED, "SyncookiesSent=1 SyncookiesRecv=0 SyncookiesFailed=0"
};

static const struct play first_at_quiet = {
	NOT_BELIEVED, "listen; " ANSWERED, "SyncookiesSent=1 SyncookiesRecv=0 SyncookiesFailed=0"
};

static const struct play declined_again = {
	TOO_OLD, "fresh; " ANSWERED, "SyncookiesSent=1 SyncookiesRecv=0 SyncookiesFailed=0"
};

static const struct play too_old = {
	TOO_OLD, "swap; " IS_REFUSED,
	"SyncookiesSent=0 SyncookiesRecv=0 SyncookiesFailed=1 PassiveOpens=0 OutRsts=0 kernel:OutRsts=1"
};

/* It was its age alone: the cookie given out since is good. */
static const struct play younger = {
	TOO_OLD, "swap; " OPENS, "SyncookiesSent=0 SyncookiesRecv=1 SyncookiesFailed=0 PassiveOpens=1 kernel:OutRsts=0"
};

static const struct play not_believed = {
	NOT_BELIEVED, IS_REFUSED,
	"SyncookiesSent=0 SyncookiesRecv=0 SyncookiesFailed=0 PassiveOpens=0 OutRsts=0 kernel:OutRsts=1"
};

static const struct play entry = {
	SERVES, "fresh; < S 0 $; > S. 0 ack 1; none; state syn_received; " OPENS,
	"SyncookiesSent=0 SyncookiesRecv=0 SyncookiesFailed=0 PassiveOpens=1 kernel:OutRsts=0"
};

static const struct play last_of_a_key = {
	KEYS, "fresh; " ANSWERED, "SyncookiesSent=1 SyncookiesRecv=0 SyncookiesFailed=0"
};

static const struct play first_of_a_key = {
	KEYS, "fresh; " ANSWERED OPENS, "SyncookiesSent=1 SyncookiesRecv=1 SyncookiesFailed=0 PassiveOpens=1"
};

static const struct play of_the_key_before = {
	KEYS, "swap; " OPENS, "SyncookiesSent=0 SyncookiesRecv=1 SyncookiesFailed=0 PassiveOpens=1 kernel:OutRsts=0"
};

/* Says why, and notes in @failed the part that it belongs to, when it does not go as it should. */
static void play(struct wire *w, const struct play *p, unsigned int *failed)
{
	const struct wire_row row = { .name = parts[p->part], .want.counters = p->counters };
	static struct wire_counters before;

	w->row = &row;
	w->failed = false;
	w->why[0] = 0;
	w->ladder[0] = 0;
	w->ladder_len = 0;
	w->started = wire_now();
	if (!wire_counter_read(w, &before) && !wire_script_run(w, p->script) && !wire_script_run(w, "none"))
		wire_counter_check(w, &before, p->counters);
	if (!w->failed)
		return;
	printf("%s# ipv%d, %s: %s\n", w->ladder, w->ip, parts[p->part], w->why);
	*failed |= 1 << p->part;
}

static void cookies_are(struct wire *w, const char *value)
{
	if (wire_tun_sysctl(w, "syncookies", value))
		ksft_exit_fail_msg("%s\n", w->why);
}

/* Until @ns of the monotonic clock: the time must pass, and nothing tells that it has. */
static void sleep_until(uint64_t ns)
{
	const struct timespec ts = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

/* A listener gives out cookies by another key, in time that costs nothing. */
static void keys(struct wire *w, unsigned int *failed)
{
	const uint64_t key_ns = KEY_S * 1000000000ull, near_ns = NEAR_S * 1000000000ull;
	const uint64_t end = (wire_now() + near_ns) / key_ns * key_ns + key_ns;

	sleep_until(end - near_ns);
	play(w, &last_of_a_key, failed);
	sleep_until(end + near_ns);
	play(w, &first_of_a_key, failed);
	play(w, &of_the_key_before, failed);
}

/* All of one IP version: the parts that failed, one bit each. */
static unsigned int lane(int ip, uint64_t seed)
{
	static struct wire busy, quiet;
	unsigned int failed = 0;
	uint64_t begin;

	busy = (struct wire) { .stack = WIRE_XTCP, .ip = ip, .tun = -1, .seed = seed, .rand = seed };
	if (wire_tun_open(&busy))
		ksft_exit_fail_msg("%s\n", busy.why);
	wire_peer_reset(&busy, true);
	quiet = busy;
	wire_peer_reset(&quiet, true);
	cookies_are(&busy, "2");

	play(&busy, &soon, &failed);
	play(&busy, &first_at_busy, &failed);
	play(&quiet, &first_at_quiet, &failed);
	begin = wire_now();
	sleep_until(begin + DECLINE_S * 1000000000ull);
	play(&busy, &declined_again, &failed);
	sleep_until(begin + END_S * 1000000000ull);
	play(&busy, &too_old, &failed);
	play(&busy, &younger, &failed);
	play(&quiet, &not_believed, &failed);
	if (virtual_is())
		keys(&busy, &failed);

	cookies_are(&busy, "1");
	play(&busy, &entry, &failed);
	play(&quiet, &entry, &failed);
	wire_socket_cleanup(&busy);
	wire_socket_cleanup(&quiet);
	return failed;
}

static pid_t start(int ip, uint64_t seed)
{
	pid_t pid = must_have(fork(), "fork");

	if (!pid) {
		/* the two lanes write to one stream: whole at the end */
		const unsigned int failed = lane(ip, seed);

		fflush(stdout);
		_exit(failed | TO_THE_END);
	}
	return pid;
}

static void report(pid_t pid, int ip)
{
	int status, i;
	bool ended = waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) & TO_THE_END;

	for (i = 0; i < PARTS; i++)
		if (i == KEYS && !virtual_is())
			ksft_test_result_skip("the kernel cannot let days pass: %s_ipv%d\n", parts[i], ip);
		else
			ksft_test_result(ended && !(WEXITSTATUS(status) & 1 << i), "%s_ipv%d\n", parts[i], ip);
}

int main(void)
{
	const char *given = getenv("SEED");
	const uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
	pid_t v4, v6;

	test_begin(2 * PARTS);
	printf("# SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
	v4 = start(4, seed);
	v6 = start(6, seed + 1);
	report(v4, 4);
	report(v6, 6);
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
