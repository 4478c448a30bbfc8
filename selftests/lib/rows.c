// SPDX-License-Identifier: GPL-2.0
#include "rows.h"
#include "test.h"

#define COLUMNS_SMALL	16
#define COLUMNS_FULL	21

static int parse(const char *line, struct row *row)
{
	int n;

	*row = (struct row){ .rto = -1, .ato = -1, .quick = -1, .cwnd = -1, .ssthresh = -1 };
	row->width = strlen(line);
	n = sscanf(line, "%d: %32[0-9A-F]:%x %32[0-9A-F]:%x %x %x:%x %x:%lx %x %u %d %lu %d %*s %ld %ld %d %d %d",
		   &row->number, row->local, &row->local_port, row->peer, &row->peer_port, &row->state,
		   &row->tx_queue, &row->rx_queue, &row->timer, &row->when, &row->retransmits, &row->uid,
		   &row->probes, &row->inode, &row->refcount, &row->rto, &row->ato, &row->quick, &row->cwnd,
		   &row->ssthresh);
	row->columns = n + (n >= COLUMNS_SMALL - 1);
	return row->columns == COLUMNS_SMALL || row->columns == COLUMNS_FULL ? 0 : -1;
}

int rows_read(int ns, const char *path, struct row **rows, char **header)
{
	char *text = ns_read_file(ns, path), *in_lines, *line;
	int count = 0;

	*rows = NULL;
	if (!text)
		return -1;
	line = strtok_r(text, "\n", &in_lines);
	if (header)
		*header = line ? strdup(line) : NULL;
	while (line && (line = strtok_r(NULL, "\n", &in_lines))) {
		if (!(count & (count + 1)) || !*rows)
			*rows = realloc(*rows, (2 * count + 2) * sizeof(**rows));
		if (parse(line, &(*rows)[count++])) {
			fprintf(stderr, "# rows: %s: %s\n", path, line);
			free(*rows);
			*rows = NULL;
			count = -1;
			break;
		}
	}
	free(text);
	return count;
}

int rows_find(int ns, const char *path, unsigned int local_port, unsigned int peer_port, struct row *row)
{
	struct row *rows;
	int count = rows_read(ns, path, &rows, NULL), found = 0, i;

	for (i = 0; i < count; i++)
		if ((!local_port || rows[i].local_port == local_port) &&
		    (!peer_port || rows[i].peer_port == peer_port) && !found++)
			*row = rows[i];
	free(rows);
	if (count < 0)
		return -1;
	return found > 1 ? -1 : found;
}

int rows_state(int ns, const char *path, unsigned int local_port, unsigned int peer_port)
{
	struct row row;
	int found = rows_find(ns, path, local_port, peer_port, &row);

	return found == 1 ? (int)row.state : found;
}

int rows_count(int ns, const char *path, unsigned int state, unsigned int port)
{
	struct row *rows;
	int n = rows_read(ns, path, &rows, NULL), found = 0, i;

	for (i = 0; i < n; i++)
		found += rows[i].state == state &&
			 (!port || rows[i].local_port == port || rows[i].peer_port == port);
	free(rows);
	return found;
}

struct listed_queues rows_queues(int ns, const char *addr)
{
	char *text = ns_read_file(ns, "/proc/net/xtcp_listen"), *at = text ? strchr(text, '\n') : NULL;
	struct listed_queues q;

	if (at && addr)
		at = strstr(at, addr);
	must(at && sscanf(at, "%*s %ld %ld %ld %ld %ld %ld %ld %ld %ld", &q.limit, &q.accept_len, &q.accept_peak,
			  &q.syn_len, &q.syn_peak, &q.overflows, &q.declined, &q.sent, &q.recv) == 9, "queues");
	free(text);
	return q;
}
