// SPDX-License-Identifier: GPL-2.0
#include "klog.h"

#include "test.h"

static int log_fd = -1;

void klog_forget(void)
{
	if (log_fd < 0)
		log_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	must(log_fd >= 0, "no kernel log");
	lseek(log_fd, 0, SEEK_END);
}

/* The next record. Return: false at the end. */
static bool next_record(char *record, size_t size)
{
	ssize_t len;

	/* EPIPE: the ring has overtaken the reader, who goes on with the oldest record */
	do
		len = read(log_fd, record, size - 1);
	while (len <= 0 && errno == EPIPE);
	if (len <= 0)
		return false;
	record[len] = 0;
	return true;
}

bool klog_has(const char *what)
{
	char record[4096];

	while (next_record(record, sizeof(record)))
		if (strstr(record, what))
			return true;
	return false;
}

int klog_count(const char *what, const char *line, bool *has)
{
	char record[4096];
	int n = 0;

	*has = false;
	while (next_record(record, sizeof(record))) {
		n += !!strstr(record, what);
		*has |= !!strstr(record, line);
	}
	return n;
}
