// SPDX-License-Identifier: GPL-2.0
/*
 * --only-port and --not-port. A socket has no port when it is made, so it begins where most of them belong, and
 * changes the stack when bind() or connect() names a port that says otherwise.
 */
#include <netinet/in.h>
#include <stdlib.h>

#include "run.h"

#define RANGES 64

struct ports {
	int n;
	struct {
		unsigned int low;
		unsigned int high;
	} range[RANGES];
};

static struct ports only_ports, not_ports;

/* One number; false when there is none from 1 to 65535. */
static bool number(const char **at, unsigned int *value)
{
	unsigned long found;
	char *end;

	if (**at < '0' || **at > '9')
		return false;
	found = strtoul(*at, &end, 10);
	*at = end;
	*value = found;
	return found >= 1 && found <= 65535;
}

/* "80,8000-8100" */
static bool parse(struct ports *ports, const char *text)
{
	ports->n = 0;
	if (!text)
		return true;
	for (;; text++) {
		if (ports->n == RANGES || !number(&text, &ports->range[ports->n].low))
			return false;
		ports->range[ports->n].high = ports->range[ports->n].low;
		if (*text == '-') {
			text++;
			if (!number(&text, &ports->range[ports->n].high))
				return false;
		}
		if (ports->range[ports->n].high < ports->range[ports->n].low)
			return false;
		ports->n++;
		if (!*text)
			return true;
		if (*text != ',')
			return false;
	}
}

/* rules_set() - Take both lists; NULL is none. Return: false when one is no list of ports. */
bool rules_set(const char *only, const char *not)
{
	return parse(&only_ports, only) && parse(&not_ports, not);
}

bool rules_any(void)
{
	return only_ports.n || not_ports.n;
}

/* rules_start_on_xtcp() - Where a socket begins: with --only-port what never names such a port stays on kernel TCP. */
bool rules_start_on_xtcp(void)
{
	return !only_ports.n;
}

static bool has(const struct ports *ports, const struct sockaddr *addr)
{
	unsigned int port = 0;
	int i;

	if (addr && addr->sa_family == AF_INET)
		port = ntohs(((const struct sockaddr_in *)addr)->sin_port);
	else if (addr && addr->sa_family == AF_INET6)
		port = ntohs(((const struct sockaddr_in6 *)addr)->sin6_port);
	for (i = 0; i < ports->n; i++)
		if (port >= ports->range[i].low && port <= ports->range[i].high)
			return true;
	return false;
}

/* rules_want_xtcp() - Where a socket with these ends belongs; either may be NULL, or without a port. */
bool rules_want_xtcp(const struct sockaddr *local, const struct sockaddr *remote)
{
	if (has(&not_ports, local) || has(&not_ports, remote))
		return false;
	return !only_ports.n || has(&only_ports, local) || has(&only_ports, remote);
}
