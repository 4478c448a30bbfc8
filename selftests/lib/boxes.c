// SPDX-License-Identifier: GPL-2.0
#include "boxes.h"
#include "test.h"

#define BOUND	"/sys/module/xtcp/parameters/blackbox_mem"

char *boxes_text(int ns)
{
	char *text = ns_read_file(ns, BOXES_FILE);

	must(text, BOXES_FILE);
	return text;
}

int boxes_in(const char *text)
{
	int n = !strncmp(text, "box=", 4);

	while ((text = strstr(text, "\nbox="))) {
		text++;
		n++;
	}
	return n;
}

int boxes_of(int ns)
{
	char *text = boxes_text(ns);
	int n = boxes_in(text);

	free(text);
	return n;
}

void boxes_forget(int ns)
{
	must(!ns_shell(ns, "echo >" BOXES_FILE), "write to " BOXES_FILE);
}

const char *boxes_find(int ns, int port)
{
	static char *text;
	char *at, *line, *end, want[32];

	free(text);
	text = boxes_text(ns);
	at = text;
	snprintf(want, sizeof(want), ":%d peer=", port);
	while (!strncmp(at, "box=", 4)) {
		line = at + strcspn(at, "\n");
		end = strstr(at, "\nbox=");
		end = end ? end + 1 : at + strlen(at);
		if (memmem(at, line - at, want, strlen(want))) {
			*end = 0;
			return at;
		}
		at = end;
	}
	return "";
}

bool boxes_has_in_order(const char *box, const char * const *words)
{
	const char *at = box;

	for (; *words; words++) {
		at = strstr(at, *words);
		if (!at) {
			ksft_print_msg("no '%s' in\n%s", *words, box);
			return false;
		}
		at += strlen(*words);
	}
	return true;
}

void boxes_set_bound(int kib)
{
	FILE *file = fopen(BOUND, "w");

	must(file && fprintf(file, "%d\n", kib) > 0 && !fclose(file), BOUND);
}
