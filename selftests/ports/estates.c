// SPDX-License-Identifier: GPL-2.0
/*
 * How many listeners may wait for a successor (net.xtcp.migrate_wait_ms): of a user, of a namespace, and of the guests
 * that any user can make. At a limit, a listener that is closed ends at once, as if the knob were 0.
 *
 * xtcp alone; kernel TCP has no such knob.
 */
#include "estate.h"
#include "test.h"

NEEDS_MODULE;

#define PORT		9800
#define LONG_MS		10000	/* the longest that there is */
#define SHORT_MS	300
#define OTHER		1001	/* another user */
/* of listen/handover.c */
#define ESTATES_MAX	64
#define OF_USER		16
#define OF_GUEST	4
#define OF_GUESTS	128

static int references;	/* to the module, without a socket of this program's */

static bool is_over(void)
{
	return WAIT_FOR(module_references() == references, STACK_DEADLINE_MS);
}

/* Each user has OF_USER ports in a row. The first user is OTHER, and the next users have the numbers after it. */
static void too_many(int ns, const char *text)
{
	const int users = ESTATES_MAX / OF_USER;
	int i, of_user, of_all;

	estate_knobs(ns, 1, LONG_MS);
	for (i = 0; i <= OF_USER; i++)
		close(estate_member_of(ns, OTHER, text, PORT + i));
	of_user = estate_in_use(ns, text, PORT, OF_USER + 1);
	ksft_test_result(of_user == OF_USER && estate_is_free(ns, text, PORT + OF_USER), "%s: %d of a user may wait\n",
			 text, OF_USER);

	for (i = OF_USER; i <= ESTATES_MAX; i++)
		close(estate_member_of(ns, OTHER + i / OF_USER, text, PORT + i));
	of_all = estate_in_use(ns, text, PORT, ESTATES_MAX + 1);
	estate_knobs(ns, 0, 0);
	for (i = 0; i < users * OF_USER; i++)
		close(estate_member_of(ns, OTHER + i / OF_USER, text, PORT + i));
	ksft_test_result(of_all == ESTATES_MAX &&
			 WAIT_FOR(!estate_in_use(ns, text, PORT, ESTATES_MAX), STACK_DEADLINE_MS) && is_over(),
			 "%s: %d of a namespace may wait\n", text, ESTATES_MAX);
}

/* A namespace that any user can make, with listeners that wait, and nothing else. */
static void namespace_ends(void)
{
	int guest = must_have(ns_make_guest(), "guest"), i, held;

	estate_knobs(guest, 1, LONG_MS);
	for (i = 0; i <= OF_GUEST; i++)
		close(estate_member(guest, "127.0.0.1", PORT + i));
	held = estate_in_use(guest, "127.0.0.1", PORT, OF_GUEST + 1);
	ksft_test_result(held == OF_GUEST && estate_is_free(guest, "127.0.0.1", PORT + OF_GUEST),
			 "%d of a guest may wait\n", OF_GUEST);
	estate_knobs(guest, 0, 0);
	for (i = 0; i < OF_GUEST; i++)
		close(estate_member(guest, "127.0.0.1", PORT + i));
	must(WAIT_FOR(!estate_in_use(guest, "127.0.0.1", PORT, OF_GUEST), STACK_DEADLINE_MS), "over");
	estate_knobs(guest, 1, SHORT_MS);
	close(estate_member(guest, "127.0.0.1", PORT));
	close(guest);
	ksft_test_result(ns_all_ended(STACK_DEADLINE_MS) && is_over(),
			 "a guest's namespace ends when its listener has waited\n");
}

/* In each guest, as many listeners as may wait are closed; with @wait_ms 0 all end. How many ports are in use? */
static int closed_in(const int *guest, int guests, int wait_ms)
{
	int i, k, held = 0;

	for (i = 0; i < guests; i++) {
		estate_knobs(guest[i], !!wait_ms, wait_ms);
		for (k = 0; k < OF_GUEST; k++)
			close(estate_member(guest[i], "127.0.0.1", PORT + k));
		held += estate_in_use(guest[i], "127.0.0.1", PORT, OF_GUEST);
	}
	return held;
}

static void make_guests(int *guest, int guests, uid_t uid)
{
	for (int i = 0; i < guests; i++)
		guest[i] = must_have(ns_make_guest_of(uid), "guest");
}

static void end_guests(int *guest, int guests)
{
	closed_in(guest, guests, 0);
	stack_close(guest, guests);
	must(is_over(), "over");
}

/* One user's guests get half of the places that all guests share, and another user finds some. Root's are apart. */
static void one_user_with_many_guests(void)
{
	enum { MANY = OF_GUESTS / OF_GUEST, MORE_THAN_HALF = MANY / 2 + 1 };
	int guest[MANY], other, of_user, of_other;
	long long begin;

	make_guests(guest, MANY, OTHER);
	make_guests(&other, 1, OTHER + 1);
	begin = wait_now_ms();
	of_user = closed_in(guest, MANY, LONG_MS);
	of_other = closed_in(&other, 1, LONG_MS);
	ksft_print_msg("%d of a user with %d guests, %d of another one, after %lld ms\n", of_user, MANY, of_other,
		       wait_now_ms() - begin);
	ksft_test_result(of_user == OF_GUESTS / 2, "one user with many guests gets %d places\n", OF_GUESTS / 2);
	ksft_test_result(of_other == OF_GUEST, "and leaves %d to another one\n", OF_GUEST);
	end_guests(guest, MANY);
	end_guests(&other, 1);

	make_guests(guest, MORE_THAN_HALF, 0);
	of_user = closed_in(guest, MORE_THAN_HALF, LONG_MS);
	ksft_test_result(of_user == MORE_THAN_HALF * OF_GUEST, "%d guests that root has made get %d places each\n",
			 MORE_THAN_HALF, OF_GUEST);
	end_guests(guest, MORE_THAN_HALF);
}

int main(void)
{
	static const char * const texts[] = { NS_A4, NS_A6 };
	struct ns_pair net;

	test_begin(2 * 2 + 5);
	references = module_references();
	must(!ns_pair_make(&net), "namespaces");
	for (int i = 0; i < 2; i++)
		too_many(net.a, texts[i]);
	namespace_ends();
	one_user_with_many_guests();
	ksft_finished();
}
