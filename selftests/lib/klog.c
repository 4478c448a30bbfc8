// SPDX-License-Identifier: GPL-2.0
#include "klog.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "kselftest.h"

static int log_fd = -1;

void klog_forget(void)
{
	if (log_fd < 0)
		log_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (log_fd < 0)
		ksft_exit_fail_msg("no kernel log: %s\n", strerror(errno));
	lseek(log_fd, 0, SEEK_END);
}

bool klog_has(const char *what)
{
	char record[4096];
	ssize_t len;

	/* EPIPE: the ring has overtaken the reader, who goes on with the oldest record */
	while ((len = read(log_fd, record, sizeof(record) - 1)) > 0 || errno == EPIPE) {
		if (len <= 0)
			continue;
		record[len] = 0;
		if (strstr(record, what))
			return true;
	}
	return false;
}
