/* SPDX-License-Identifier: GPL-2.0 */
/* The parts of ao_calls: which stack is asked, over which IP, and what a test does repeatedly. */
#pragma once

#include "lib/aoopt.h"
#include "lib/must.h"
#include "lib/stack.h"

struct ao_calls {
	enum stack stack;
	int ns;
	const char *addr, *other;	/* the peer, which is this host, and a host that is none */
	bool fine;			/* nothing has been wrong in the test that runs */
};

extern struct ao_calls calls;

/* The call gives this errno, or 0. */
#define GIVES(call, want)	ao_calls_gives(#call, call, want)
#define HOLDS(condition)	ao_calls_holds(#condition, condition)

void ao_calls_gives(const char *call, int ret, int want);
void ao_calls_holds(const char *condition, bool is);

/* A socket that has nothing yet, one that listens, and a key for this host. */
int ao_calls_socket(void);
int ao_calls_listener(void);
struct aoopt_key ao_calls_key(int sndid, int rcvid);

/* What a program would do, with its result. */
int ao_calls_add(int fd, int sndid, int rcvid);
int ao_calls_del(int fd, int sndid, int rcvid);
int ao_calls_set(int fd, int option, const void *value, socklen_t len);
int ao_calls_set_info(int fd, const struct tcp_ao_info_opt *info);
int ao_calls_get_info(int fd, struct tcp_ao_info_opt *info);
int ao_calls_get_keys(int fd, struct tcp_ao_getsockopt *keys);
int ao_calls_set_md5(int fd, const char *peer);
int ao_calls_drop_md5(int fd, const char *peer);
int ao_calls_nr_keys(int fd);
bool ao_calls_is_v6(void);

/* ao_keys.c: what goes into a key, and what does not */
void ao_calls_add_lengths(void);
void ao_calls_add_fields(void);
void ao_calls_add_prefixes(void);
void ao_calls_identifiers(void);
void ao_calls_algorithms(void);
void ao_calls_del_errors(void);
void ao_calls_mapped(void);
void ao_calls_md5(void);

/* ao_info.c: what a socket tells and takes about all its keys */
void ao_calls_current(void);
void ao_calls_info(void);
void ao_calls_all_keys(void);

/* ao_live.c: listeners and connections */
void ao_calls_of_listener(void);
void ao_calls_pair(void);
void ao_calls_unsigned(void);
void ao_calls_refused(void);
void ao_calls_with_md5(void);
void ao_calls_by_md5(void);
void ao_calls_no_port(void);
void ao_calls_record(void);
void ao_calls_async(void);
void ao_calls_limit(void);
void ao_calls_again(void);
