// SPDX-License-Identifier: GPL-2.0
#include "stall.h"
#include <asm/ptrace.h>
#include <linux/bpf.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include "test.h"

#define COPIED		1048576	/* octets in each round */
#define ROUNDS_MAX	3500	/* the verifier follows at most 8,192 jumps, two in each round */
#define SOON_MS		50
#define SKC_NUM		14	/* where a struct sock has its local port: include/net/sock.h */
#if defined(__aarch64__)
#define FIRST_ARGUMENT	offsetof(struct user_pt_regs, regs[0])
#elif defined(__s390x__)
#define FIRST_ARGUMENT	offsetof(user_pt_regs, gprs[2])
#elif defined(__i386__)
#define FIRST_ARGUMENT	offsetof(struct pt_regs, eax)
#else
#define FIRST_ARGUMENT	offsetof(struct pt_regs, rdi)
#endif
#define INSN(c, d, s, o, i)	{ .code = c, .dst_reg = d, .src_reg = s, .off = o, .imm = i }
#define SET(reg, value)		INSN(BPF_ALU64 | BPF_MOV | BPF_K, reg, 0, 0, value)
#define COPY(to, from)		INSN(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0)
#define ADD(reg, value)		INSN(BPF_ALU64 | BPF_ADD | BPF_K, reg, 0, 0, value)
#define STORE(reg, off, value)	INSN(BPF_ST | BPF_MEM | BPF_W, reg, 0, off, value)
#define LOAD(size, to, reg, off) INSN(BPF_LDX | BPF_MEM | (size), to, reg, off, 0)
#define JUMP_IF(op, reg, value, over) INSN(BPF_JMP | (op) | BPF_K, reg, 0, over, value)
/* two instructions: the second one has the upper half of the number */
#define LOAD_WIDE(to, src, low)	INSN(BPF_LD | BPF_DW | BPF_IMM, to, src, 0, low)
#define CALL(function)		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, function)

enum state { IDLE, ARMED, HELD, LET_GO, WENT_ON };

/* The map's only value: what stall_begin() asks for; the program copies @octets onto themselves. */
struct shared {
	uint32_t state, port;
	uint64_t ns;
	uint8_t octets[COPIED];
};

static volatile struct shared *shared;
static int map = -1, program = -1, probe = -1;

static int bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int make_map(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = sizeof(uint32_t),
		.value_size = sizeof(struct shared),
		.max_entries = 1,
		.map_flags = BPF_F_MMAPABLE,
	};

	return bpf(BPF_MAP_CREATE, &attr);
}

static int load_program(void)
{
	const struct bpf_insn insns[] = {
		/* the function's first argument, a sock */
		LOAD(sizeof(long) == 8 ? BPF_DW : BPF_W, BPF_REG_6, BPF_REG_1, FIRST_ARGUMENT),
		STORE(BPF_REG_10, -4, 0),
		LOAD_WIDE(BPF_REG_1, BPF_PSEUDO_MAP_FD, map), { 0 },
		COPY(BPF_REG_2, BPF_REG_10),
		ADD(BPF_REG_2, -4),
		CALL(BPF_FUNC_map_lookup_elem),
		JUMP_IF(BPF_JEQ, BPF_REG_0, 0, 29),
		COPY(BPF_REG_8, BPF_REG_0),
		LOAD(BPF_W, BPF_REG_1, BPF_REG_8, 0),
		JUMP_IF(BPF_JNE, BPF_REG_1, ARMED, 26),
		/* its local port */
		COPY(BPF_REG_1, BPF_REG_10),
		ADD(BPF_REG_1, -8),
		SET(BPF_REG_2, sizeof(uint16_t)),
		COPY(BPF_REG_3, BPF_REG_6),
		ADD(BPF_REG_3, SKC_NUM),
		CALL(BPF_FUNC_probe_read_kernel),
		LOAD(BPF_H, BPF_REG_1, BPF_REG_10, -8),
		LOAD(BPF_W, BPF_REG_2, BPF_REG_8, offsetof(struct shared, port)),
		INSN(BPF_JMP | BPF_JNE | BPF_X, BPF_REG_1, BPF_REG_2, 17, 0),
		STORE(BPF_REG_8, 0, HELD),
		CALL(BPF_FUNC_ktime_get_ns),
		LOAD(BPF_DW, BPF_REG_9, BPF_REG_8, offsetof(struct shared, ns)),
		INSN(BPF_ALU64 | BPF_ADD | BPF_X, BPF_REG_9, BPF_REG_0, 0, 0),
		SET(BPF_REG_7, 0),
		/* a round */
		LOAD(BPF_W, BPF_REG_1, BPF_REG_8, 0),
		JUMP_IF(BPF_JNE, BPF_REG_1, HELD, 10),
		COPY(BPF_REG_1, BPF_REG_8),
		ADD(BPF_REG_1, offsetof(struct shared, octets)),
		SET(BPF_REG_2, COPIED),
		COPY(BPF_REG_3, BPF_REG_1),
		CALL(BPF_FUNC_probe_read_kernel),
		CALL(BPF_FUNC_ktime_get_ns),
		INSN(BPF_JMP | BPF_JGT | BPF_X, BPF_REG_0, BPF_REG_9, 2, 0),
		ADD(BPF_REG_7, 1),
		JUMP_IF(BPF_JLT, BPF_REG_7, ROUNDS_MAX, -11),
		STORE(BPF_REG_8, 0, WENT_ON),
		SET(BPF_REG_0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_KPROBE,
		.insns = (unsigned long)insns,
		.insn_cnt = sizeof(insns) / sizeof(insns[0]),
		.license = (unsigned long)"GPL",
	};

	return bpf(BPF_PROG_LOAD, &attr);
}

static int probe_type(void)
{
	FILE *file = fopen("/sys/bus/event_source/devices/kprobe/type", "r");
	int type = -1;

	if (!file)
		return -1;
	if (fscanf(file, "%d", &type) != 1)
		type = -1;
	fclose(file);
	return type;
}

static int probe_at(const char *function, int type)
{
	struct perf_event_attr attr = {
		.type = type,
		.size = sizeof(attr),
		.sample_period = 1,
		.kprobe_func = (unsigned long)function,
	};

	return syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
}

/* Once for all stalls: the verifier follows each round of the program, which takes seconds in an emulated machine. */
static void load_once(void)
{
	if (program >= 0)
		return;
	map = must_have(make_map(), "BPF_MAP_CREATE");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	must(shared != MAP_FAILED, "mmap");
	program = must_have(load_program(), "BPF_PROG_LOAD");
}

bool stall_begin(const char *function, int port, int ms, const char **why)
{
	int type = probe_type();

	must(probe < 0, "a stall at a time");
	*why = "has no kprobes for perf";
	if (type < 0)
		return false;
	load_once();
	shared->port = port;
	shared->ns = ms * 1000000ULL;
	probe = probe_at(function, type);
	*why = "has no such function";
	if (probe < 0 && errno == ENOENT)
		return false;
	must(probe >= 0, "perf_event_open");
	must(!ioctl(probe, PERF_EVENT_IOC_SET_BPF, program) && !ioctl(probe, PERF_EVENT_IOC_ENABLE, 0), "kprobe");
	shared->state = ARMED;
	return true;
}

bool stall_has_begun(void)
{
	return shared->state >= HELD;
}

bool stall_let_go(void)
{
	return __sync_bool_compare_and_swap(&shared->state, HELD, LET_GO);
}

void *stall_let_go_soon(void *arg)
{
	wait_until_ms(wait_now_ms() + SOON_MS);
	stall_let_go();
	return arg;
}

void stall_end(void)
{
	close(probe);
	probe = -1;
	shared->state = IDLE;
}

/* 0: there is none, or more than one. */
static uint64_t address_of(const char *name)
{
	unsigned long long address, found = 0;
	char line[512], symbol[256], of[64];
	FILE *file = fopen("/proc/kallsyms", "re");
	int many = 0;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%llx %*c %255s %63s", &address, symbol, of) == 3 && !strcmp(of, "[xtcp]") &&
		    !strcmp(symbol, name)) {
			found = address;
			many++;
		}
	}
	if (file)
		fclose(file);
	return many == 1 ? found : 0;
}

int watch_start(struct watch *watch, const char *name)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT, .size = sizeof(attr), .bp_type = HW_BREAKPOINT_W,
		.bp_addr = address_of(name), .bp_len = HW_BREAKPOINT_LEN_8, .pinned = 1,
	};
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	watch->n = 0;
	if (!attr.bp_addr || cpus > WATCH_CPUS) {
		errno = ENOENT;
		return -1;
	}
	while (watch->n < cpus) {
		int fd = syscall(SYS_perf_event_open, &attr, -1, watch->n, -1, PERF_FLAG_FD_CLOEXEC);

		if (fd < 0) {
			watch_end(watch);
			return -1;
		}
		watch->fds[watch->n++] = fd;
	}
	return 0;
}

void watch_end(struct watch *watch)
{
	while (watch->n)
		close(watch->fds[--watch->n]);
}

long long watch_writes(const struct watch *watch)
{
	long long all = 0;
	uint64_t count;

	for (int i = 0; i < watch->n; i++) {
		if (read(watch->fds[i], &count, sizeof(count)) != sizeof(count))
			return -1;
		all += count;
	}
	return all;
}

static FILE *file_of(int tid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/%s", tid, name);
	return fopen(path, "re");
}

/*
 * User Mode Linux has no file "syscall". It has one processor, and no preemption in the kernel: so a thread that is
 * about to sleep, and may yet find what it waits for, is never seen in this state.
 */
static bool sleeps(int tid)
{
	FILE *file = file_of(tid, "stat");
	char state = 0;
	bool ok;

	if (!file)
		return false;
	ok = fscanf(file, "%*d (%*[^)]) %c", &state) == 1 && state == 'S';
	fclose(file);
	return ok;
}

bool asleep_in(int tid, long number)
{
	char line[256];
	FILE *file;
	long is;
	bool ok;

	if (!tid)
		return false;
	file = file_of(tid, "syscall");
	if (!file)
		return errno == ENOENT && sleeps(tid);
	/* "running" while it is */
	ok = fgets(line, sizeof(line), file) && *line >= '0' && *line <= '9';
	is = ok ? strtol(line, NULL, 10) : -1;
	ok = is == number;
#ifdef SYS_socketcall
	/* the calls of sockets have one number there */
	ok = ok || is == SYS_socketcall;
#endif
	fclose(file);
	return ok;
}

static void *own(void *arg)
{
	struct asleep_owner *owner = arg;
	sigset_t all;

	/* a signal, as of the end of a child, keeps it from sleeping there */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	owner->tid = gettid();
	if (owner->listens)
		/* the first four octets are read before the program owns the socket */
		return setsockopt(owner->fd, IPPROTO_TCP, TCP_MD5SIG, owner->page - 4, sizeof(struct tcp_md5sig)) ?
		       owner : NULL;
	return send(owner->fd, owner->page, 100, 0) == 100 ? owner : NULL;
}

bool asleep_owner_begin(struct asleep_owner *owner, int fd)
{
	struct uffdio_register page = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_api api = { .api = UFFD_API };

	owner->fd = fd;
	owner->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (owner->uffd < 0)
		return false;
	owner->pages = mmap(NULL, 2 * getpagesize(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(owner->pages != MAP_FAILED, "mmap");
	*owner->pages = 0;
	owner->page = owner->pages + getpagesize();
	page.range.start = (uintptr_t)owner->page;
	page.range.len = getpagesize();
	owner->tid = 0;
	must(!ioctl(owner->uffd, UFFDIO_API, &api) && !ioctl(owner->uffd, UFFDIO_REGISTER, &page) &&
	     !pthread_create(&owner->thread, NULL, own, owner), "userfaultfd");
	must(WAIT_FOR(asleep_in(owner->tid, owner->listens ? SYS_setsockopt : SYS_sendto), STACK_DEADLINE_MS),
	     "a call that does not end");
	return true;
}

bool asleep_owner_end(struct asleep_owner *owner)
{
	void *done;

	close(owner->uffd);
	must(!pthread_join(owner->thread, &done), "join");
	munmap(owner->pages, 2 * getpagesize());
	return done;
}
