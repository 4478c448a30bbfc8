// SPDX-License-Identifier: GPL-2.0
/*
 * When the last connection and the last TIME-WAIT record have ended, xtcp holds no more than before the first one. Each
 * look is at all of it: /proc/net, the slabs, the memory of sockets, the references to the module, and the ports, which
 * another socket can bind then. A timer that is left shows when it fires.
 */
#include "play.h"
#include "test.h"
#include "world.h"

#define PLACES	256
#define PAGES	256	/* a processor keeps so many of the memory of sockets for itself (SK_MEMORY_PCPU_RESERVE) */
#define LEAKS	"/sys/kernel/debug/kmemleak"
#define LEAK_LINES	40	/* are shown */
#define YOUNG_US	5500000	/* kmemleak leaves out younger objects */

#define TABLES	3

struct sockstat {
	long inuse, orphan, records, alloc, pages, inuse6;
};

/* What a namespace shows. */
struct shown {
	int rows[TABLES];
	struct sockstat sockstat;
};

struct place {
	enum side side;
	bool v6;
	int port;
};

static struct place places[PLACES];
static int nr_places;
static struct slabs slabs;
static int references;
static struct shown before[SIDES];
static long long events;

static const char * const tables[TABLES] = { "/proc/net/xtcp", "/proc/net/xtcp6", "/proc/net/xtcp_listen" };

static void sockstat_read(int ns, struct sockstat *now)
{
	char *text = ns_read_file(ns, "/proc/net/xtcp_sockstat");

	must(text && sscanf(text, "TCP: inuse %ld orphan %ld tw %ld alloc %ld mem %ld TCP6: inuse %ld", &now->inuse,
			    &now->orphan, &now->records, &now->alloc, &now->pages, &now->inuse6) == 6, "sockstat");
	free(text);
}

/* The rows of a table, below its heading. */
static int rows(int ns, const char *path)
{
	char *table = ns_read_file(ns, path), *at;
	int n = -1;

	must(table, path);
	for (at = table; (at = strchr(at, '\n')); at++)
		n++;
	free(table);
	return n;
}

static void look(int ns, struct shown *now)
{
	for (int i = 0; i < TABLES; i++)
		now->rows[i] = rows(ns, tables[i]);
	sockstat_read(ns, &now->sockstat);
}

void state_begin(const struct path *path)
{
	slabs_read(&slabs);
	references = module_references();
	look(path->ns[CLIENT], &before[CLIENT]);
	look(path->ns[SERVER], &before[SERVER]);
	nr_places = 0;
}

static void note(enum side side, bool v6, int port)
{
	if (port && nr_places < PLACES)
		places[nr_places++] = (struct place){ side, v6, port };
}

void state_note(const struct world *w)
{
	note(SERVER, w->s->v6, w->port);
	for (int i = 0; i < w->lanes; i++)
		note(CLIENT, w->s->v6, w->path.flow[i].port);
}

static bool are_tables_back(enum side side, const struct shown *now, char *why, size_t size)
{
	for (int i = 0; i < TABLES; i++) {
		if (now->rows[i] > before[side].rows[i]) {
			snprintf(why, size, "state: the %s's %s has %d rows, not %d", side_name(side), tables[i],
				 now->rows[i], before[side].rows[i]);
			return false;
		}
	}
	return true;
}

/* The memory and the number of all socks are those of all namespaces. */
static bool is_sockstat_back(enum side side, const struct sockstat *now, char *why, size_t size)
{
	const struct sockstat *old = &before[side].sockstat;
	const struct {
		const char *name;
		long now, most;
	} fields[] = {
		{ "inuse", now->inuse, old->inuse },
		{ "inuse of TCP6", now->inuse6, old->inuse6 },
		{ "orphan", now->orphan, old->orphan },
		{ "tw", now->records, old->records },
		{ "alloc", now->alloc, old->alloc },
		{ "mem", now->pages, old->pages + PAGES - 1 },
	};

	for (unsigned int i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (fields[i].now > fields[i].most) {
			snprintf(why, size, "state: the %s: sockstat says %s %ld, not %ld", side_name(side),
				 fields[i].name, fields[i].now, fields[i].most);
			return false;
		}
	}
	return true;
}

static bool is_shown_back(const struct path *path, char *why, size_t size)
{
	struct shown now;

	for (int side = 0; side < SIDES; side++) {
		look(path->ns[side], &now);
		if (!are_tables_back(side, &now, why, size) || !is_sockstat_back(side, &now.sockstat, why, size))
			return false;
	}
	return true;
}

/* Either stack: xtcp takes a port in the table of kernel TCP, too. */
static bool are_ports_free(const struct path *path, char *why, size_t size)
{
	const char *addr;
	enum stack stack;
	int i, fd;

	for (i = 0; i < nr_places; i++) {
		const struct place *p = &places[i];

		addr = p->v6 ? "::" : "0.0.0.0";
		stack = p->port & 1 ? XTCP : KERNEL;
		fd = stack_bound(path->ns[p->side], stack, addr, p->port, false);
		if (fd < 0) {
			snprintf(why, size, "state: port %d of the %s is not free for %s: %s", p->port,
				 side_name(p->side), stack_name(stack), strerror(errno));
			return false;
		}
		close(fd);
	}
	return true;
}

static bool are_slabs_back(const struct slabs *now, char *why, size_t size)
{
	for (int i = 0; i < SLABS_N; i++) {
		if (now->active[i] > slabs.active[i]) {
			snprintf(why, size, "state: %ld objects of %s are left, not %ld", now->active[i],
				 slabs_names[i], slabs.active[i]);
			return false;
		}
	}
	return true;
}

bool state_is_back(const struct path *path, char *why, size_t size)
{
	struct slabs now;
	int held;

	if (module_algorithm_unload()) {
		snprintf(why, size, "state: a closed socket holds a congestion control");
		return false;
	}
	held = module_references();
	/* a socket that tries a port is freed a grace period after its close() */
	slabs_read(&now);
	if (!is_shown_back(path, why, size) || !are_ports_free(path, why, size))
		return false;
	if (held > references) {
		snprintf(why, size, "state: the module is held %d times, not %d", held, references);
		return false;
	}
	if (!are_slabs_back(&now, why, size))
		return false;
	nr_places = 0;
	return true;
}

/* The addresses of the module's code, to tell its timers from others. */
static void filter_timers(void)
{
	char *text = ns_read_file(ns_home(), "/proc/modules"), filter[128];
	const char *line = text && !strncmp(text, "xtcp ", 5) ? text : text ? strstr(text, "\nxtcp ") : NULL;
	unsigned long from, size;

	must(line && sscanf(line, " xtcp %lu %*d %*s %*s %lx", &size, &from) == 2, "/proc/modules");
	snprintf(filter, sizeof(filter), "function >= 0x%lx && function < 0x%lx", from, from + size);
	tracing_set("events/timer/timer_expire_entry/filter", filter);
	tracing_set("events/timer/hrtimer_expire_entry/filter", filter);
	free(text);
}

void state_watch(bool on)
{
	if (on) {
		filter_timers();
		events = views_events();
	}
	tracing_set("events/timer/timer_expire_entry/enable", on ? "1" : "0");
	tracing_set("events/timer/hrtimer_expire_entry/enable", on ? "1" : "0");
}

bool state_is_still(char *why, size_t size)
{
	const long long fired = views_events() - events;

	if (fired)
		snprintf(why, size, "state: nothing lives, and timers of xtcp fire, or segments leave: %lld", fired);
	return !fired;
}

static void scan(void)
{
	const int fd = open(LEAKS, O_WRONLY | O_CLOEXEC);

	must(fd >= 0 && write(fd, "scan", 4) == 4, LEAKS);
	close(fd);
}

/* Two scans have to find an object unreferenced. */
bool state_has_no_leaks(char *why, size_t size)
{
	char *text, *line, *rest;
	int n = 0;

	if (access(LEAKS, F_OK))
		return true;
	scan();
	usleep(YOUNG_US);
	scan();
	text = ns_read_file(ns_home(), LEAKS);
	must(text, LEAKS);
	if (!*text) {
		free(text);
		return true;
	}
	for (line = strtok_r(text, "\n", &rest); line && n < LEAK_LINES; line = strtok_r(NULL, "\n", &rest), n++)
		printf("# %s\n", line);
	snprintf(why, size, "state: kmemleak found objects that nothing refers to");
	free(text);
	return false;
}
