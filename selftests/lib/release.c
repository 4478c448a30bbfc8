// SPDX-License-Identifier: GPL-2.0
#include "release.h"
#include "test.h"

#include <sys/utsname.h>

int release_parse(const char *text)
{
	unsigned int major, minor;

	if (sscanf(text, "%u.%u", &major, &minor) != 2 || minor > 999)
		return 0;
	return major * 1000 + minor;
}

int release_series(void)
{
	struct utsname name;

	return uname(&name) ? 0 : release_parse(name.release);
}

bool release_is_rt(void)
{
	struct utsname name;

	return !uname(&name) && strstr(name.version, "PREEMPT_RT");
}

bool release_is_debug(void)
{
	return !access("/sys/kernel/debug/kmemleak", F_OK);
}

bool release_judges_kernel_tcp(void)
{
	return release_knows_kernel_tcp() && !release_is_debug();
}
