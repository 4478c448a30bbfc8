// SPDX-License-Identifier: GPL-2.0
/* A scenario as a row. */
#include "scenario.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char * const scenario_algorithms[] = { "cubic", "reno", "bbr", "dctcp", "prague", NULL };
static const char * const stacks[] = { "kernel", "xtcp", NULL };
static const char * const kinds[] = { "none", "data", "again", "ack", "syn", "fin", "rst", NULL };
static const char * const boxes[] = { "passes", "drops_text", "drops_option", "strips_option", NULL };
static const char * const routes[] = { "stays", "device", "gateway", "mtu", "unreachable", "address", NULL };
static const char * const endings[] = { "orderly", "close()", "reset", "killed", "cut_off", NULL };

struct field {
	const char *name;
	size_t at, size;
	const char * const *names;	/* of values */
	long long none;			/* the value if a row does not name the field */
};

#define FIELD(what, name, member, ...) \
	{ name, offsetof(struct what, member), sizeof(((struct what *)0)->member), __VA_ARGS__ }

static const struct field first_fields[] = {
	FIELD(scenario, "seed", seed),
	FIELD(scenario, "client", stack[CLIENT], stacks),
	FIELD(scenario, "server", stack[SERVER], stacks),
	FIELD(scenario, "connections", connections, NULL, 1),
	FIELD(scenario, "apart_ms", apart_ms),
	FIELD(scenario, "fail_ppm", fail_ppm),
	FIELD(scenario, "fail_after", fail_after),
	FIELD(scenario, "unlisten_ms", unlisten_ms),
	FIELD(scenario, "accept_ms", accept_ms),
	FIELD(scenario, "upgrade_ms", upgrade_ms),
	FIELD(scenario, "heir_ms", heir_ms),
	FIELD(scenario, "fastopen", fastopen),
	FIELD(scenario, "switch_ms", switch_ms),
	FIELD(scenario, "replace_ms", replace_ms),
	FIELD(scenario, "rekey_ms", rekey_ms),
	FIELD(scenario, "mem_pages", mem_pages),
	FIELD(scenario, "opens_both", opens_both),
	FIELD(scenario, "local", local),
};

static const struct field host_fields[] = {
	FIELD(host, "down_from_ms", down_from_ms),
	FIELD(host, "down_ms", down_ms),
	FIELD(host, "device_goes", device_goes),
	FIELD(host, "queue_kbit", queue_kbit),
	FIELD(host, "queue_octets", queue_octets),
	FIELD(host, "ends_ms", ends_ms),
	FIELD(host, "accecn", accecn),
	FIELD(host, "route", route, routes),
	FIELD(host, "route_from_ms", route_from_ms),
	FIELD(host, "route_ms", route_ms),
	FIELD(host, "route_mtu", route_mtu),
	FIELD(host, "repair_ms", repair_ms),
	FIELD(host, "repair_moves", repair_moves),
};

static const struct field network_fields[] = {
	FIELD(network, "delay_us", delay_us),
	FIELD(network, "jitter_us", jitter_us),
	FIELD(network, "rate_bps", rate_bps),
	FIELD(network, "queue_octets", queue_octets),
	FIELD(network, "loss_ppm", loss_ppm),
	FIELD(network, "burst_ppm", burst_ppm),
	FIELD(network, "duplicate_ppm", duplicate_ppm),
	FIELD(network, "reorder_ppm", reorder_ppm),
	FIELD(network, "corrupt_ppm", corrupt_ppm),
	FIELD(network, "corrupts_text", corrupts_text),
	FIELD(network, "ce_ppm", ce_ppm),
	FIELD(network, "silent_from_ms", silent_from_ms),
	FIELD(network, "silent_ms", silent_ms),
	FIELD(network, "mtu", mtu),
	FIELD(network, "mtu_from_ms", mtu_from_ms),
	FIELD(network, "icmp", has_icmp),
	FIELD(network, "syn_box", syn_box, boxes),
	FIELD(network, "lose", lose, kinds),
	FIELD(network, "lose_nth", lose_nth, NULL, 1),
	FIELD(network, "lose_n", lose_n, NULL, 1),
	FIELD(network, "drops", drops),
};

static const struct field program_fields[] = {
	FIELD(program, "octets", total),
	FIELD(program, "write_max", write_max, NULL, 65536),
	FIELD(program, "read_max", read_max, NULL, 65536),
	FIELD(program, "write_pause_us", write_pause_us),
	FIELD(program, "read_pause_us", read_pause_us),
	FIELD(program, "nodelay", nodelay),
	FIELD(program, "sndbuf", sndbuf),
	FIELD(program, "rcvbuf", rcvbuf),
	FIELD(program, "end", ending, endings),
	FIELD(program, "urgent", urgent),
	FIELD(program, "inline_urgent", inline_urgent),
	FIELD(program, "sendfile", sendfile),
	FIELD(program, "splices", splices),
	FIELD(program, "edges", edges),
	FIELD(program, "peek_ppm", peek_ppm),
	FIELD(program, "more_ppm", more_ppm),
	FIELD(program, "zerocopy_ppm", zerocopy_ppm),
	FIELD(program, "lowat", lowat),
	FIELD(program, "mss", mss),
	FIELD(program, "keepalive_s", keepalive_s),
	FIELD(program, "user_timeout_ms", user_timeout_ms),
	FIELD(program, "fastopen", fastopen),
	FIELD(program, "blocks", blocks),
	FIELD(program, "shut_rd", shut_rd),
	FIELD(program, "shuts_both", shuts_both),
};

static const struct field last_fields[] = {
	FIELD(scenario, "v6", v6),
	FIELD(scenario, "mtu", mtu, NULL, 1500),
	FIELD(scenario, "sack", sack),
	FIELD(scenario, "timestamps", timestamps),
	FIELD(scenario, "window_scaling", window_scaling),
	FIELD(scenario, "ecn", ecn),
	FIELD(scenario, "algorithm", algorithm, scenario_algorithms),
};

#define PART(table, ...)	{ table, sizeof(table) / sizeof((table)[0]), __VA_ARGS__ }

/* Where the fields of each part stand in a scenario, and how their names begin. */
static const struct part {
	const struct field *fields;
	unsigned int n;
	size_t at;
	const char *name;
} parts[] = {
	PART(first_fields, 0, ""),
	PART(host_fields, offsetof(struct scenario, host[CLIENT]), "client."),
	PART(host_fields, offsetof(struct scenario, host[SERVER]), "server."),
	PART(network_fields, offsetof(struct scenario, towards[SERVER]), "to_server."),
	PART(network_fields, offsetof(struct scenario, towards[CLIENT]), "to_client."),
	PART(program_fields, offsetof(struct scenario, program[CLIENT]), "client."),
	PART(program_fields, offsetof(struct scenario, program[SERVER]), "server."),
	PART(last_fields, 0, ""),
};

#define FIELDS	192

/* The fields of all parts. */
static struct field fields[FIELDS];
static unsigned int nr_fields;

static void join_parts(void)
{
	static char names[FIELDS][32];

	if (nr_fields)
		return;
	for (const struct part *part = parts; part < parts + sizeof(parts) / sizeof(parts[0]); part++) {
		for (unsigned int i = 0; i < part->n && nr_fields < FIELDS; i++) {
			struct field *f = &fields[nr_fields];

			*f = part->fields[i];
			f->at += part->at;
			snprintf(names[nr_fields], sizeof(names[0]), "%s%s", part->name, f->name);
			f->name = names[nr_fields++];
		}
	}
}

static bool is_drops(const struct field *f)
{
	return f->size == sizeof(struct drops);
}

static struct drops *drops_of(const struct scenario *s, const struct field *f)
{
	return (struct drops *)((char *)s + f->at);
}

static long long get(const struct scenario *s, const struct field *f)
{
	const char *at = (const char *)s + f->at;
	long long wide;
	int word;

	if (f->size == 1)
		return *at;
	if (f->size == sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		return word;
	}
	memcpy(&wide, at, sizeof(wide));
	return wide;
}

static void set(struct scenario *s, const struct field *f, long long value)
{
	char *at = (char *)s + f->at;
	int word = value;

	if (f->size == 1)
		*at = !!value;
	else if (f->size == sizeof(word))
		memcpy(at, &word, sizeof(word));
	else
		memcpy(at, &value, sizeof(value));
}

static void write_drops(const struct drops *drops, const char *name, FILE *out)
{
	if (drops->n)
		fprintf(out, " %s=%d", name, drops->number[0]);
	for (int i = 1; i < drops->n; i++)
		fprintf(out, ",%d", drops->number[i]);
}

void scenario_write(const struct scenario *s, FILE *out)
{
	join_parts();
	fprintf(out, "seed=%llu", (unsigned long long)s->seed);
	for (const struct field *f = fields + 1; f < fields + nr_fields; f++) {
		if (is_drops(f))
			write_drops(drops_of(s, f), f->name, out);
		else if (get(s, f) != f->none && f->names)
			fprintf(out, " %s=%s", f->name, f->names[get(s, f)]);
		else if (get(s, f) != f->none)
			fprintf(out, " %s=%lld", f->name, get(s, f));
	}
	fputc('\n', out);
}

static int read_drops(struct drops *drops, char *value)
{
	char *end;

	while (drops->n < DROPS) {
		drops->number[drops->n++] = strtol(value, &end, 10);
		if (end == value || (*end && *end != ','))
			return -1;
		if (!*end)
			return 0;
		value = end + 1;
	}
	return -1;
}

static int read_value(struct scenario *s, const struct field *f, char *value)
{
	char *end;

	if (is_drops(f))
		return read_drops(drops_of(s, f), value);
	for (int i = 0; f->names && f->names[i]; i++) {
		if (!strcmp(f->names[i], value)) {
			set(s, f, i);
			return 0;
		}
	}
	errno = 0;
	set(s, f, strtoull(value, &end, 10));
	return f->names || errno || end == value || *end ? -1 : 0;
}

int scenario_read(struct scenario *s, const char *row)
{
	char text[4096], *word, *value, *rest;
	const struct field *f;

	join_parts();
	memset(s, 0, sizeof(*s));
	for (f = fields; f < fields + nr_fields; f++) {
		if (!is_drops(f))
			set(s, f, f->none);
	}
	snprintf(text, sizeof(text), "%s", row);
	for (word = strtok_r(text, " \t\n", &rest); word; word = strtok_r(NULL, " \t\n", &rest)) {
		value = strchr(word, '=');
		if (value)
			*value++ = 0;
		for (f = fields; f < fields + nr_fields && strcmp(f->name, word); f++)
			;
		if (!value || f == fields + nr_fields || read_value(s, f, value)) {
			fprintf(stderr, "# row: %s%s%s means nothing\n", word, value ? "=" : "", value ?: "");
			return -1;
		}
	}
	return 0;
}

unsigned int scenario_fields(void)
{
	join_parts();
	return nr_fields;
}

bool scenario_leave_out(struct scenario *s, unsigned int nth)
{
	const struct field *f = &fields[nth];

	if (!nth || is_drops(f) || get(s, f) == f->none)
		return false;
	set(s, f, f->none);
	return true;
}

bool scenario_halve(struct scenario *s, unsigned int nth)
{
	const struct field *f = &fields[nth];

	if (!nth || is_drops(f) || f->names || f->size == 1 || get(s, f) / 2 <= f->none)
		return false;
	set(s, f, get(s, f) / 2);
	return true;
}
