// SPDX-License-Identifier: GPL-2.0
/* deny GROUP create|connect: a BPF program refuses that in a control group until the group goes. */
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static long bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

int main(int argc, char **argv)
{
	const struct bpf_insn no[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr load = { .insns = (unsigned long)no, .insn_cnt = 2, .license = (unsigned long)"GPL" };
	union bpf_attr attach = {};
	int group = argc == 3 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (group < 0)
		return 2;
	if (!strcmp(argv[2], "create")) {
		load.prog_type = BPF_PROG_TYPE_CGROUP_SOCK;
		load.expected_attach_type = BPF_CGROUP_INET_SOCK_CREATE;
	} else {
		load.prog_type = BPF_PROG_TYPE_CGROUP_SOCK_ADDR;
		load.expected_attach_type = BPF_CGROUP_INET4_CONNECT;
	}
	attach.target_fd = group;
	attach.attach_type = load.expected_attach_type;
	attach.attach_bpf_fd = bpf(BPF_PROG_LOAD, &load);
	if (bpf(BPF_PROG_ATTACH, &attach)) {
		perror("deny");
		return 1;
	}
	return 0;
}
