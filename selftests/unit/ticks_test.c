// SPDX-License-Identifier: GPL-2.0
/* module/base/rto.h in user space: what getsockopt() tells of a time that was set, for each HZ of Linux. */
#include "base/rto.h"
#include "unit.h"

/* As the kernel's usecs_to_jiffies(), rounded up. */
static u32 ticks_of(u32 us, u32 hz)
{
	return ((u64)us * hz + 999999) / 1000000;
}

/* 200 ms, the largest that TCP_RTO_MIN_US takes, is a whole number of ticks with each HZ. */
UNIT(two_hundred_ms, "200 ms with each HZ")
{
	static const u32 all[] = { 100, 250, 300, 1000 };

	for (unsigned int i = 0; i < sizeof(all) / sizeof(*all); i++)
		UNIT_CHECK(xtcp_ticks_us(ticks_of(200000, all[i]), all[i]) == 200000);
}

/* Three ticks of 300 Hz are 10 ms. What is between two ticks is rounded up to the next one. */
UNIT(with_300_hz, "times with HZ 300")
{
	for (u32 ms = 10; ms <= 200; ms += 10)
		UNIT_CHECK(xtcp_ticks_us(ticks_of(ms * 1000, 300), 300) == ms * 1000);
	UNIT_CHECK(xtcp_ticks_us(ticks_of(20001, 300), 300) == 23333);
	UNIT_CHECK(xtcp_ticks_us(1, 300) == 3333 && xtcp_ticks_us(2, 300) == 6666);
}

/* Half an hour, the largest of net.xtcp.delack_max_us, does not overflow. */
UNIT(the_largest, "the largest time")
{
	UNIT_CHECK(xtcp_ticks_us(644245, 300) == 2147483333U);
	UNIT_CHECK(xtcp_ticks_us(2147483, 1000) == 2147483000U);
}

UNIT_MAIN
