/* SPDX-License-Identifier: GPL-2.0 */
/* What the socket API promises, compared with what one program sees. Each function notes the first promise broken. */
#pragma once

struct end;

/* poll() or epoll has told of these events. */
void api_events(struct end *end, unsigned int events);
/* connect() has succeeded. */
void api_connected(struct end *end);
/* recv() has returned 0. */
void api_end(struct end *end);
/* shutdown(SHUT_WR) has succeeded. 0, or -1 with errno if the connection has failed meanwhile. */
int api_shut(struct end *end);
/* @call has failed with end->error, and the socket is still open. */
void api_error(struct end *end, const char *call);
