// SPDX-License-Identifier: GPL-2.0
/*
 * What a tracepoint of the module says of the row's connection. Kernel TCP has no such tracepoints, so both steps do
 * nothing there.
 *
 *   trace EVENT	record this event from now on
 *   traced N TEXT	so many of the events so far contain this text
 */
#include "test.h"
#include "wire.h"

/* The recorded event of this process; empty: none. */
static char event[48];

static const char *file_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "events/xtcp/%s/%s", event, name);
	return path;
}

int wire_traced_begin(struct wire *w, const char *name)
{
	char text[64];
	struct stat st;

	if (w->stack == WIRE_KERNEL)
		return 0;
	if (*event || stat("/proc/self/ns/net", &st))
		return wire_fail(w, "trace '%s'", name);
	snprintf(event, sizeof(event), "%s", name);
	snprintf(text, sizeof(text), "wire-%d", getpid());
	tracing_start(text);
	snprintf(text, sizeof(text), "netns==%lu", (unsigned long)st.st_ino);
	tracing_set(file_of("filter"), text);
	tracing_forget();
	tracing_set(file_of("enable"), "1");
	return 0;
}

/* Compare the number of events that contain a text. @args: the number and the text. */
int wire_traced_count(struct wire *w, char *args)
{
	char *text, *number = strtok_r(args, " ", &text), line[512], local[32];
	uint32_t want, found = 0;
	FILE *file;

	if (w->stack == WIRE_KERNEL)
		return 0;
	if (!*event || wire_text_u32(w, number, &want))
		return wire_fail(w, "nothing is traced");
	snprintf(local, sizeof(local), ":%u peer=", w->c.lport);
	file = tracing_open();
	while (fgets(line, sizeof(line), file))
		found += strstr(line, event) && strstr(line, local) && strstr(line, text);
	fclose(file);
	return found == want ? 0 : wire_fail(w, "%u events with '%s', want %u", found, text, want);
}

/** wire_traced_cleanup() - Record nothing any more. */
void wire_traced_cleanup(void)
{
	if (!*event)
		return;
	tracing_set(file_of("enable"), "0");
	tracing_set(file_of("filter"), "0");
	tracing_stop();
	*event = 0;
}
