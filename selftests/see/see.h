/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What can be seen of xtcp: see.c has what stands in /proc, and what events say; see_programs.c what programs make
 * of it; see_shared.c has what they share with ladders.c, a program of its own.
 */
#pragma once

#include "kselftest.h"
#include "ns.h"
#include "rows.h"
#include "stack.h"

#define SOON	20000		/* ms; only a test that fails waits so long */
#define LIMIT	7		/* of the listeners */
#define HOLE4	"10.9.0.77"	/* addresses on the link that nobody has */
#define HOLE6	"fd00:9::77"

/* A stack to look at: sockets of it in the two namespaces, and where its rows are. */
struct see_view {
	const char *name;
	enum stack stack;
	const char *proc;
	const char *b;
	const char *hole;
	const char *b_hex;	/* b as /proc shows it */
};

#define SEE_VIEWS	4

extern const struct see_view see_views[SEE_VIEWS];

#define KERNEL4	(&see_views[0])
#define KERNEL6	(&see_views[1])
#define XTCP4	(&see_views[2])
#define XTCP6	(&see_views[3])

extern struct ns_pair see_net;
extern unsigned int see_problems;	/* of the case that runs */

/* Counts and prints what is not as it should be; the case goes on. */
#define CHECK(cond, format, ...)							\
	do {										\
		if (!(cond)) {								\
			see_problems++;							\
			ksft_print_msg("%s:%d: not " #cond ": " format "\n", __FILE__,	\
				       __LINE__, ##__VA_ARGS__);			\
		}									\
	} while (0)

/* see_shared.c */
void see_begin(unsigned int plan);
int see_end(void);
void see_report(const char *what, const char *about);
int see_must(int ret, const char *what);
unsigned int see_new_port(void);
int see_listen(int ns, const struct see_view *view, const char *addr, unsigned int port);
int see_connect(int ns, const struct see_view *view, const char *addr, unsigned int port);
unsigned long see_inode(int fd);
struct row see_wait_row(int ns, const struct see_view *view, unsigned int local, unsigned int peer, unsigned int state);
void see_send_syn(const struct see_view *view, const char *sender, unsigned int sender_port, unsigned int port);
void see_syn_options(const struct see_view *view);
void see_syn_dropped(const struct see_view *view);

/* see_programs.c */
char *see_output(int ns, int *status, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same of a line that has to end with this status. */
char *see_shell(int ns, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));
#define see_prints_nothing(ns, ...) CHECK(!*see_shell(ns, 0, __VA_ARGS__), "something is printed")
void see_says(const char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void see_counter_names(void);
void see_ss(void);
void see_ss_info(const struct see_view *view);
void see_ss_kill(void);
void see_ss_set(void);
void see_ss_netlink(void);
void see_nstat(void);
void see_run(void);
void see_watch(void);
