// SPDX-License-Identifier: GPL-2.0
#include "test.h"
#include "world.h"

#define SERVERS	32000	/* addresses */

static struct scenario now;
static bool known;

static void sysctls(const struct world *w, const char *name, const char *value)
{
	char full[64];

	for (int side = 0; side < SIDES; side++) {
		snprintf(full, sizeof(full), "net.xtcp.%s", name);
		must(!ns_sysctl_set(w->path.ns[side], full, "%s", value), full);
		snprintf(full, sizeof(full), "net." MODULE_SECOND ".%s", name);
		must(!module_second_is_loaded() || !ns_sysctl_set(w->path.ns[side], full, "%s", value), full);
		snprintf(full, sizeof(full), "net.ipv4.tcp_%s", name);
		must(!ns_sysctl_set(w->path.ns[side], full, "%s", value), full);
	}
}

/* Kernel TCP has no AccECN before Linux 7.0. */
static void set_ecn(const struct world *w)
{
	for (int side = 0; side < SIDES; side++) {
		must(!ns_sysctl_set(w->path.ns[side], "net.xtcp.ecn", "%d", w->s->host[side].accecn ?: w->s->ecn ?: 2),
		     "net.xtcp.ecn");
		must(!ns_sysctl_set(w->path.ns[side], "net.ipv4.tcp_ecn", "%d", w->s->ecn ? 1 : 2), "tcp_ecn");
	}
}

static bool has_same_ecn(const struct scenario *s)
{
	return now.ecn == s->ecn && now.host[CLIENT].accecn == s->host[CLIENT].accecn &&
	       now.host[SERVER].accecn == s->host[SERVER].accecn;
}

/* Without ICMP only the search of path MTU probes finds the size. */
static bool has_black_hole(const struct scenario *s)
{
	return (s->towards[CLIENT].mtu && !s->towards[CLIENT].has_icmp) ||
	       (s->towards[SERVER].mtu && !s->towards[SERVER].has_icmp);
}

/* For both stacks and all namespaces: from half of it on memory is short. 0: as it was at the first call. */
static void set_memory(int pages)
{
	static char before[64];
	char *text;

	if (!before[0]) {
		text = ns_read_file(ns_home(), "/proc/sys/net/ipv4/tcp_mem");
		must(text && strlen(text) < sizeof(before), "tcp_mem");
		strcpy(before, text);
		free(text);
	}
	if (pages)
		must(!ns_sysctl_set(ns_home(), "net.ipv4.tcp_mem", "%d %d %d", pages / 4, pages / 2, pages), "tcp_mem");
	else
		must(!ns_sysctl_set(ns_home(), "net.ipv4.tcp_mem", "%s", before), "tcp_mem");
}

/* Writes only what differs from the scenario before: a file takes longer than a segment. */
void knobs_set(struct world *w)
{
	const struct scenario *s = w->s;
	char fastopen[16];

	snprintf(fastopen, sizeof(fastopen), "%d", s->fastopen ?: 1);
	if (!known || now.sack != s->sack)
		sysctls(w, "sack", s->sack ? "1" : "0");
	if (!known || now.timestamps != s->timestamps)
		sysctls(w, "timestamps", s->timestamps ? "1" : "0");
	if (!known || now.window_scaling != s->window_scaling)
		sysctls(w, "window_scaling", s->window_scaling ? "1" : "0");
	if (!known || !has_same_ecn(s))
		set_ecn(w);
	if (!known || has_black_hole(&now) != has_black_hole(s))
		sysctls(w, "mtu_probing", has_black_hole(s) ? "1" : "0");
	if (!known || !now.heir_ms != !s->heir_ms)
		sysctls(w, "migrate_req", s->heir_ms ? "1" : "0");
	if (!known || now.mem_pages != s->mem_pages)
		set_memory(s->mem_pages);
	if (!known || now.fastopen != s->fastopen)
		sysctls(w, "fastopen", fastopen);
	if (!known || !now.local != !s->local)
		must(!ns_sysctl_set(w->path.ns[CLIENT], "net.xtcp.local", "%d", !!s->local), "net.xtcp.local");
	for (int side = 0; side < SIDES && (!known || now.mtu != s->mtu); side++)
		must(!ns_link_mtu(w->path.ns[side], PATH_DEVICE, s->mtu), "MTU");
	now = *s;
	known = true;
}

void knobs_forget(void)
{
	known = false;
}

/* A client remembers what Fast Open has told it of a server, so each such scenario has another address. */
void knobs_choose_server(struct world *w)
{
	const int nth = w->port % SERVERS;

	if (w->s->local)
		snprintf(w->server, sizeof(w->server), "%s", w->s->v6 ? PATH_CLIENT6 : PATH_CLIENT4);
	else if (!w->s->fastopen)
		snprintf(w->server, sizeof(w->server), "%s", w->s->v6 ? PATH_SERVER6 : PATH_SERVER4);
	else if (w->s->v6)
		snprintf(w->server, sizeof(w->server), "fd00:8::1:%x", nth);
	else
		snprintf(w->server, sizeof(w->server), "10.8.%d.%d", 128 + nth / 256, nth % 256);
}
