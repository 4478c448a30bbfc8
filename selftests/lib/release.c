// SPDX-License-Identifier: GPL-2.0
#include "release.h"

#include <stdio.h>
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
