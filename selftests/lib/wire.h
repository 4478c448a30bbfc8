/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Raw-segment engine: one end of each connection is a socket of the stack under test, the other end is this program,
 * which writes TCP segments into a tun device and reads what the stack answers.
 *
 * A test is a row of a table (struct wire_row): a state to start from and a script of steps. The script language is
 * described in wire_script.c. The answer to a segment stands on the tun queue when the write() that injected it
 * returns, so nothing waits: "no answer" means that the answer to a sentinel (an ICMP echo request, which TCP's
 * counters do not see) came first.
 *
 * An int that a function returns is 0, or -1 after wire_fail(), unless the function says something else.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include "ao.h"
#include "segment.h"

#define WIRE_DEVICE	"wire0"
#define WIRE_MTU	1500	/* of the tun device unless a row changes it */
#define WIRE_PACKET_MAX	65600	/* bytes of one packet, IP header included */
#define WIRE_TEXT_MAX	64	/* octets of a "text" word */

enum wire_stack { WIRE_KERNEL, WIRE_XTCP, WIRE_STACKS };

/* Connection states, as bits so that a row can name several. */
enum wire_state {
	CLOSED		= 1 << 0,
	LISTEN		= 1 << 1,
	SYN_SENT	= 1 << 2,
	SYN_RECEIVED	= 1 << 3,
	ESTABLISHED	= 1 << 4,
	FIN_WAIT_1	= 1 << 5,
	FIN_WAIT_2	= 1 << 6,
	CLOSING		= 1 << 7,
	TIME_WAIT	= 1 << 8,
	CLOSE_WAIT	= 1 << 9,
	LAST_ACK	= 1 << 10,
};

#define SYNCHRONIZED	(ESTABLISHED | FIN_WAIT_1 | FIN_WAIT_2 | CLOSING | \
			 CLOSE_WAIT | LAST_ACK)

/* How the state was reached. */
enum wire_via { PASSIVE = 1, ACTIVE = 2, SIMULTANEOUS = 4 };

/* What a row expects; a NULL or 0 member of a row's kernel outcome means "the same". */
struct wire_outcome {
	const char *script;	/* stimuli and expected answers */
	const char *later;	/* the same after time has passed, see wire_row.c */
	int state;		/* afterwards; 0: that it started in, or ESTABLISHED if there is a socket */
	const char *err;	/* SO_ERROR afterwards by name; NULL: none */
	const char *counters;	/* "Name=delta kernel:Name=delta" over the script */
};

struct wire;

struct wire_row {
	const char *name;	/* a %s in it becomes the state that the row starts in */
	const char *rfc;	/* the section it comes from */
	const char *id;		/* requirement label, or NULL */
	int in;			/* states to start from; 0: the script does everything */
	int via;		/* opens to reach them by; 0: PASSIVE where possible */
	int only;		/* 4 or 6: the row exists for this IP version alone */
	const char *until;	/* the last series of kernels that can do this; NULL: all can */
	const char *pre;	/* steps before the state is built */
	const char *syn;	/* options of the peer's SYN; NULL: see $ in wire_script.c */
	const char *synwin;	/* window of the peer's SYN and default of later segments */
	int (*run)(struct wire *w);	/* instead of a script: 0 or -1 after wire_fail() */
	const void *with;	/* what tells rows with the same run() apart */
	struct wire_outcome want;
	const char *kernel_differs;	/* why kernel TCP does something else */
	struct wire_outcome kernel;	/* what it does */
	bool kernel_shrinks;	/* it moves the right edge of its window left */
	int still_ms;		/* a machine that is late by so much has stood still; 0: the usual 20 */
	uint32_t edge_step;	/* xtcp moves that edge right by so much at least, or not at all */
};

/* What the peer knows about the connection of the running row. */
struct wire_conn {
	int fd, lfd;		/* connected or connecting socket, listener; -1: none */
	uint16_t lport, pport;
	uint32_t iss, irs;	/* of the peer, of the socket */
	bool irs_known, bound;
	uint32_t rcv_nxt;	/* the socket's RCV.NXT, as last acknowledged */
	uint32_t edge;		/* right edge of the window it offers, highest seen */
	bool edge_known;
	uint32_t snd_nxt;	/* highest sequence number seen from it */
	uint32_t snd_una;	/* highest acknowledgment sent to it */
	uint32_t limit;		/* right edge of the window offered to it */
	int ws_in, ws_out;	/* shift of windows it sends, of those sent to it */
	bool ts_in, ts_out, ts_on;
	bool sack_in, sack_out;	/* SACK-permitted in its SYN, in the peer's */
	uint32_t tsval;		/* the peer's timestamp clock */
	uint32_t tsrecent;	/* last TSval seen from the socket */
	int syn_ws;		/* window scale in the peer's own SYN; -1: none */
	uint16_t syn_win;	/* window of that SYN */
	uint32_t written, consumed;	/* bytes through write and read steps */
	uint64_t mark;		/* ns */
	uint32_t label;		/* flow label of the last answer that was looked at */
	uint64_t kept;		/* value of the last keep step */
	uint8_t tint;		/* sets the octets that the peer sends apart from those before "reopen" */
};

/* Keys of TCP-AO that the peer has, see wire_sign.c. */
#define WIRE_AO_KEYS	4

struct wire_ao {
	unsigned int nr;	/* 0: it does not sign */
	struct wire_ao_key {
		int to, from;	/* KeyID in what is sent to the stack, in what it sends */
		struct ao_key key;
	} keys[WIRE_AO_KEYS];
	const struct wire_ao_key *use;	/* it signs with it */
	int rnext;		/* the key that it asks for */
	int want_from, want_to;	/* KeyID and RNextKeyID of what is sent to it */
};

struct wire {
	enum wire_stack stack;
	int ip;			/* 4 or 6 */
	int ns, tun;
	int watch;		/* epoll of the "watch" step; -1: none */
	unsigned int mtu;
	uint8_t local[16], peer[16];
	uint8_t home[16], second[16];	/* addresses of the stack: the link's, another one */
	unsigned int rows;	/* run so far: chooses ports and the peer's address */
	unsigned int sent;	/* TCP segments injected */
	uint64_t seed, rand;
	uint16_t echo;		/* sequence number of the last sentinel */
	bool bundles;		/* the stack may hand over more than a segment at a time */
	bool is_down;		/* the tun device */
	bool shared;		/* with rows that are played at the same time */
	char key[81];		/* of MD5 signatures, by which the peer signs; "": it does not */
	struct wire_ao ao;
	const struct wire_row *row;
	struct wire_conn c, other;	/* the row's connection, one to swap with */
	struct wire_conn previous;	/* its incarnation before "reopen" */
	bool failed;
	char why[512];
	char ladder[32768];
	size_t ladder_len;
	uint64_t started;
	uint64_t seen;			/* when the last step ended */
	uint64_t longest, total;	/* ns that what does not wait has taken */
	uint8_t packet[WIRE_PACKET_MAX];
};

/* A test of a whole program, beside its rows. */
struct wire_around {
	const char *name;
	void (*before)(void);	/* no lane has begun */
	bool (*after)(void);	/* all have ended: the verdict */
};

/* A function of wire_NAME.c, or of a part of it, has NAME in its own. */
int wire_tun_open(struct wire *w);
int wire_tun_mtu(struct wire *w, unsigned int mtu);
int wire_tun_link(struct wire *w, bool up);
int wire_tun_bundles(struct wire *w, uint32_t segments);
int wire_tun_write(struct wire *w, const void *packet, size_t len);
int wire_tun_wait(struct wire *w, int fd, short events, int ms);
int wire_tun_read(struct wire *w, int wait_ms);
int wire_tun_sentinel(struct wire *w);
bool wire_tun_sentinel_answer(const struct wire *w, const uint8_t *packet, size_t len);
int wire_tun_sysctl(struct wire *w, const char *name, const char *value);
void wire_tun_restore(struct wire *w);
uint64_t wire_now(void);
int wire_route_prefer(struct wire *w, const uint8_t *source);
int wire_route_lose(struct wire *w);
int wire_route_mark(struct wire *w, uint32_t mark);
int wire_route_user(struct wire *w, uint32_t uid);
int wire_route_detour(struct wire *w);
int wire_route_foreign(struct wire *w);
int wire_route_metrics(struct wire *w, char *args);

size_t wire_segment_build(const struct wire *w, const struct wire_segment *seg, uint8_t *p);
int wire_segment_parse(struct wire *w, const uint8_t *p, size_t len, struct wire_segment *seg);
int wire_segment_flags(const char *text);
void wire_segment_ladder(struct wire *w, bool in, const struct wire_segment *seg);
uint8_t wire_segment_byte(uint32_t offset);
int wire_sign_step(struct wire *w, const char *key);
void wire_sign_add(struct wire *w, struct wire_segment *seg);
void wire_sign_fill(const struct wire *w, const struct wire_segment *seg, uint8_t *t, size_t len);
int wire_sign_check(struct wire *w, const struct wire_segment *seg);
int wire_sign_option(const struct wire *w, int fd, const char *key, int prefix);
int wire_ao_turn(struct wire *w, const char *text, int *place);
int wire_ao_step(struct wire *w, const char *verb, char *args);

int wire_peer_send(struct wire *w, struct wire_segment *seg);
int wire_peer_receive(struct wire *w, struct wire_segment *seg, int wait_ms);
int wire_peer_icmp(struct wire *w, const char *kind, uint32_t seq, unsigned int mtu, bool mapped);
void wire_peer_forget(void);
void wire_peer_reset(struct wire *w, bool new_ports);
const char *wire_state_script(int state, int via, int step);
const char *wire_state_name(int state);
int wire_state_parse(const char *name);
void wire_state_row_name(const struct wire_row *row, int state, int via, char *out, size_t size);
bool wire_state_reachable(int state, int via);
int wire_state_in_proc(struct wire *w, int64_t *timer, int64_t *probes);
int wire_state_check(struct wire *w, int state);
int wire_state_check_socket(struct wire *w, int state);

int wire_socket_step(struct wire *w, char *verb, char *args);
int wire_socket_verdict(struct wire *w, const char *call, long ret, const char *want);
void wire_socket_cleanup(struct wire *w);
const char *wire_socket_errno_name(int err);

/* A SO_REUSEPORT group on the port of the row. Functions that return int: -1 after wire_fail() */
#define WIRE_MEMBERS	4

struct wire_members {
	int nr;			/* opened so far */
	int fd[WIRE_MEMBERS];	/* -1: not open */
};

int wire_members_open(struct wire *w, struct wire_members *m, int nr, int backlog);
/* One more. Returns its number. */
int wire_members_add(struct wire *w, struct wire_members *m, int backlog);
/* A BPF program chooses the member by the last bits of the peer's port; their number is a power of two. */
int wire_members_choose_by_port(struct wire *w, const struct wire_members *m);
void wire_members_end(struct wire_members *m, int i);
void wire_members_end_all(struct wire_members *m);
/* The engine looks at the connection from this port of the peer from here on. */
void wire_members_use(struct wire *w, int pport, uint32_t iss);
int wire_waits_begin(struct wire *w, char *args);
int wire_waits_end(struct wire *w, const char *want);
void wire_waits_cleanup(struct wire *w);
bool wire_holds_possible(void);
int wire_holds_begin(struct wire *w, const char *args);
int wire_holds_end(struct wire *w, const char *want);
void wire_holds_cleanup(struct wire *w);
void wire_traced_cleanup(void);

int wire_script_run(struct wire *w, const char *script);

__attribute__((format(printf, 1, 2))) char *wire_text(const char *format, ...);
int wire_text_number(struct wire *w, const char *text, uint64_t *value);
int wire_text_u32(struct wire *w, const char *text, uint32_t *value);
bool wire_text_compare(uint64_t a, const char *op, uint64_t b);
int wire_text_options(struct wire *w, const char *text, struct wire_segment *seg);
int wire_text_expect_options(struct wire *w, const char *text, const struct wire_segment *seg);
int wire_text_address(struct wire *w, const char *kind, uint8_t *out);

struct wire_counters {
	unsigned int n;
	struct { char name[48]; uint64_t value; } c[512];
};

int wire_counter_read(struct wire *w, struct wire_counters *counters);
uint64_t wire_counter_value(const struct wire_counters *counters, const char *name);
int wire_counter_check(struct wire *w, const struct wire_counters *before, const char *want);
extern const char * const wire_stack_names[WIRE_STACKS];

__attribute__((format(printf, 2, 3))) int wire_fail(struct wire *w, const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void wire_note(struct wire *w, const char *fmt, ...);
void wire_account(struct wire *w, bool waited);
void wire_account_late(struct wire *w, uint64_t ns);
uint32_t wire_random(struct wire *w);
int wire_main(int argc, char **argv, const struct wire_row *rows, size_t n);
int wire_main_xtcp(int argc, char **argv, const struct wire_row *rows, size_t n);
int wire_main_around(int argc, char **argv, const struct wire_row *rows, size_t n, const struct wire_around *around);

/* The program of a table; of one about what the kernel TCP of Linux 6.1 does not have. */
#define WIRE_MAIN(rows) \
	int main(int argc, char **argv) { exit(wire_main(argc, argv, rows, sizeof(rows) / sizeof(*rows))); }
#define WIRE_MAIN_XTCP(rows) \
	int main(int argc, char **argv) { exit(wire_main_xtcp(argc, argv, rows, sizeof(rows) / sizeof(*rows))); }
