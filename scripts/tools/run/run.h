/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the two parts of xtcp_run share. preload.c is a library in the program itself, which asks for AF_XTCP where the
 * program asks for TCP. start.c begins the program; behind it stands a second process (notify.c), which the kernel asks
 * when somebody calls socket() past the library.
 */
#ifndef XTCP_RUN_H
#define XTCP_RUN_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP		262
#endif
#define XTCP_SK_PROTOCOL	0x206	/* what SO_PROTOCOL reads from a socket of xtcp */
#define TYPE_FLAGS		(SOCK_NONBLOCK | SOCK_CLOEXEC)

/* How start.c tells the library, which has no other way to hear of it. */
#define ENV_FAMILY		"XTCP_FAMILY"
#define ENV_ONLY		"XTCP_RUN_ONLY_PORT"
#define ENV_NOT			"XTCP_RUN_NOT_PORT"
#define ENV_LOG			"XTCP_RUN_LOG"
#define ENV_LIMITS		"XTCP_RUN_LIMITS"
#define ENV_FALLBACK		"XTCP_RUN_FALLBACK"	/* set by xtcp_run --fallback, and by xtcp service */

/* rules.c: which ports are xtcp's */
bool rules_set(const char *only, const char *not);
bool rules_any(void);
bool rules_start_on_xtcp(void);
bool rules_want_xtcp(const struct sockaddr *local, const struct sockaddr *remote);

/* limits.c: options that each socket of xtcp gets */
enum limit_name {
	LIMIT_KEEPALIVE,
	LIMIT_USER_TIMEOUT,
	LIMIT_IDLE,
	LIMIT_HALF_CLOSED,
};

bool limits_set(unsigned int which, const char *text);
void limits_write(char *to, size_t size);
void limits_read(const char *from);
bool limits_any(void);
void limits_apply(int fd);

/* swap.c: the same socket on the other stack */
struct stack_calls {
	int (*socket)(int domain, int type, int protocol);
	int (*getsockopt)(int fd, int level, int name, void *value, socklen_t *len);
	int (*bind)(int fd, const struct sockaddr *addr, socklen_t len);
	void (*as_program)(bool on);	/* take the program's rights for a moment; NULL: we have no others */
	int family;			/* AF_XTCP's number */
};

union address {
	struct sockaddr sa;
	struct sockaddr_storage room;
};

bool swap_is_tcp(const struct stack_calls *calls, int fd, bool *is_xtcp);
int swap_prepare(const struct stack_calls *calls, int fd, bool to_xtcp, union address *bound, socklen_t *len);
bool address_is_bound(const struct sockaddr *addr);

/* carry.c: what that one takes along */
void carry_all(const struct stack_calls *calls, int from, int fresh, int to);

/* log.c: --verbose */
void log_begin(const char *where);
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* filter.c: which calls the kernel asks about */
int filter_install(bool strict, bool verbose);

/* bpf.c: the kernel's own hook */
int bpf_begin(int protocol, int *hook, int *held);
bool bpf_leave(void);
void bpf_undo(void);
int bpf_serve(int events, int hook, int held, int protocol);

/* notify.c: the process that is asked */
int notify_serve(int listener, int family, bool strict);

/* look.c: what a socket keeps of its maker */
#define LOOK_GROUPS		2048

struct look_ids {
	long uid, gid;
	size_t n;
	gid_t groups[LOOK_GROUPS];
};

bool look_begin(void);
int look_open(pid_t tid, const char *name);
bool look_same_net(int net);
bool look_same_group(pid_t tid);
int look_open_group(pid_t tid);
bool look_same_labels(pid_t tid);
bool look_ids(int status, struct look_ids *ids);
bool look_inside(pid_t tid, const struct look_ids *ids, struct look_ids *in);
bool look_same_ids(const struct look_ids *a, const struct look_ids *b);
bool look_status(pid_t tid, const char *key, long *first, long *last);

/* notify_make.c: sockets for somebody else */
bool make_begin(void);
void make_may_wait(void);
int make_socket(pid_t tid, int family, int type, int protocol);

#endif /* XTCP_RUN_H */
