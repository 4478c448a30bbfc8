// SPDX-License-Identifier: GPL-2.0
/*
 * xtcp_run --bpf: the kernel itself makes sockets of xtcp, for all programs of one control group. From Linux 6.6 on it
 * has a hook for that, update_socket_protocol(), where the number of a protocol can be replaced. The program below
 * gives it IPPROTO_XTCP for TCP and MPTCP. Another process stands behind the control group; with it the hook goes.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run.h"

#define CANNOT	125

/* One instruction each: R0 is what the hook returns, R6 its context, that is, its arguments. */
#define LOAD(to, arg)		{ BPF_LDX | BPF_MEM | BPF_DW, to, BPF_REG_6, (arg) * 8, 0 }
#define SET(to, value)		{ BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value }
#define AND(to, value)		{ BPF_ALU | BPF_AND | BPF_K, to, 0, 0, value }
#define IF_IS(reg, value, skip)	{ BPF_JMP32 | BPF_JEQ | BPF_K, reg, 0, skip, value }
#define IF_NOT(reg, value, skip) { BPF_JMP32 | BPF_JNE | BPF_K, reg, 0, skip, value }

static char *folder;	/* of the control group */

static int bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

/* The number of the hook in the kernel's BTF; libbpf comes with iproute2. */
static int find_hook(void)
{
	void *lib = dlopen("libbpf.so.1", RTLD_NOW);
	int (*find)(const char *name, int type) = lib ? dlsym(lib, "libbpf_find_vmlinux_btf_id") : NULL;
	void *(*set_print)(void *print) = lib ? dlsym(lib, "libbpf_set_print") : NULL;
	int id;

	if (!find || !set_print)
		errx(CANNOT, "--bpf needs libbpf.so.1");
	set_print(NULL);
	id = find("update_socket_protocol", BPF_MODIFY_RETURN);
	if (id <= 0)
		errx(CANNOT, "this kernel has no update_socket_protocol(): "
		     "Linux 6.6 or newer with CONFIG_MPTCP and BTF has");
	return id;
}

/* The folder of our control group, where the kernel has control groups of version 2. */
static char *own_group(void)
{
	char line[4096], mount[4096] = "", *path = NULL;
	FILE *file = fopen("/proc/self/mounts", "re");

	while (file && !*mount && fgets(line, sizeof(line), file))
		if (sscanf(line, "%*s %4095s cgroup2 ", mount) == 1 && !strstr(line, " cgroup2 "))
			*mount = 0;
	if (file)
		fclose(file);
	file = fopen("/proc/self/cgroup", "re");
	while (file && !path && fgets(line, sizeof(line), file))
		if (!strncmp(line, "0::/", 4) &&
		    asprintf(&path, "%s%.*s", mount, (int)strcspn(line + 3, "\n"), line + 3) < 0)
			err(CANNOT, "control group");
	if (file)
		fclose(file);
	if (!*mount || !path)
		errx(CANNOT, "--bpf needs control groups of version 2");
	return path;
}

/* Put this process into a control group. */
static bool enter(const char *group)
{
	char path[4200];
	bool in;
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	in = write(fd, "0", 1) == 1;
	close(fd);
	return in;
}

static int map_of(int group)
{
	union bpf_attr make = {
		.map_type = BPF_MAP_TYPE_CGROUP_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1
	};
	int map = bpf(BPF_MAP_CREATE, &make), at = 0;
	union bpf_attr set = { .map_fd = map, .key = (uintptr_t)&at, .value = (uintptr_t)&group };

	return map < 0 || bpf(BPF_MAP_UPDATE_ELEM, &set) ? -1 : map;
}

/* attach() - Return: a descriptor; the hook is there as long as it is open. */
static int attach(int id, int map, int protocol)
{
	const struct bpf_insn code[] = {
		{ BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_6, BPF_REG_1, 0, 0 },
		LOAD(BPF_REG_1, 0),
		IF_IS(BPF_REG_1, AF_INET, 1),
		IF_NOT(BPF_REG_1, AF_INET6, 14),
		LOAD(BPF_REG_1, 1),
		AND(BPF_REG_1, 0xf),			/* SOCK_TYPE_MASK */
		IF_NOT(BPF_REG_1, SOCK_STREAM, 11),
		LOAD(BPF_REG_1, 2),
		IF_IS(BPF_REG_1, 0, 2),
		IF_IS(BPF_REG_1, IPPROTO_TCP, 1),
		IF_NOT(BPF_REG_1, IPPROTO_MPTCP, 7),
		{ BPF_LD | BPF_IMM | BPF_DW, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map }, {},
		SET(BPF_REG_2, 0),
		{ BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_current_task_under_cgroup },
		IF_NOT(BPF_REG_0, 1, 2),
		SET(BPF_REG_0, protocol),
		{ BPF_JMP | BPF_EXIT },
		SET(BPF_REG_0, 0),			/* the kernel goes on with what was asked for */
		{ BPF_JMP | BPF_EXIT },
	};
	static char log[4096];
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_TRACING, .expected_attach_type = BPF_MODIFY_RETURN, .attach_btf_id = id,
		.insns = (uintptr_t)code, .insn_cnt = sizeof(code) / sizeof(*code), .license = (uintptr_t)"GPL",
		.log_buf = (uintptr_t)log, .log_size = sizeof(log), .log_level = 1,
	};
	int prog = bpf(BPF_PROG_LOAD, &load);
	union bpf_attr open = { .raw_tracepoint = { .prog_fd = prog } };

	if (prog < 0) {
		log_line("BPF_PROG_LOAD: %s: %s", strerror(errno), log);
		return -1;
	}
	return bpf(BPF_RAW_TRACEPOINT_OPEN, &open);
}

/*
 * bpf_begin() - Put us into a control group whose TCP sockets are xtcp's, as long as *@hook is open. *@held is a socket
 * that holds the module. Return: a descriptor that polls for the end of the group's last process.
 */
int bpf_begin(int protocol, int *hook, int *held)
{
	const int id = find_hook();
	char *own = own_group();
	int group, events;

	*held = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, protocol);
	if (*held < 0)
		err(CANNOT, "a socket of protocol %d", protocol);
	/* one that is left over from a process that had our number is empty */
	if (asprintf(&folder, "%s/xtcp_run.%d", own, getpid()) < 0 || (mkdir(folder, 0755) && errno != EEXIST))
		err(CANNOT, "a control group below %s", own);
	group = open(folder, O_DIRECTORY | O_CLOEXEC);
	events = openat(group, "cgroup.events", O_RDONLY | O_CLOEXEC);
	*hook = attach(id, map_of(group), protocol);
	if (*hook < 0 || events < 0 || !enter(folder)) {
		log_line("--bpf: %s", strerror(errno));
		rmdir(folder);
		errx(CANNOT, "the kernel takes no program for update_socket_protocol() here; --verbose says why");
	}
	close(group);
	return events;
}

/* bpf_leave() - Go back to where xtcp_run was. */
bool bpf_leave(void)
{
	char *own = strdup(folder);

	*strrchr(own, '/') = 0;
	return enter(own);
}

/* bpf_undo() - No process can stand behind the group. */
void bpf_undo(void)
{
	if (bpf_leave())
		rmdir(folder);
}

/*
 * bpf_serve() - Stay until the control group is empty. When the number of the protocol is gone, so is the hook: with it
 * the group had no TCP. @held is replaced each time, since after xtcp upgrade another build has the number.
 */
int bpf_serve(int events, int hook, int held, int protocol)
{
	struct pollfd change = { .fd = events, .events = POLLPRI };
	char text[64];
	ssize_t n;
	int fresh;

	do {
		poll(&change, 1, hook < 0 ? -1 : 1000);
		fresh = hook < 0 ? -1 : socket(AF_INET, SOCK_STREAM, protocol);
		if (hook >= 0 && (fresh >= 0 || errno == EPROTONOSUPPORT)) {
			close(held);
			held = fresh;
		}
		if (held < 0 && hook >= 0) {
			close(hook);
			hook = -1;
		}
		n = pread(events, text, sizeof(text) - 1, 0);
		text[n > 0 ? n : 0] = 0;
	} while (strstr(text, "populated 1"));
	return rmdir(folder);
}
