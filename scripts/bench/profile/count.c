// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin of QEMU that counts how often each block of instructions runs between two marks: it writes OUT.1 at the
 * second mark, OUT.2 at the fourth, and so on. A mark is an instruction that does nothing, bench.c's mark().
 *
 *	qemu-system-x86_64 -plugin count.so,out=OUT ...
 *
 * A line of OUT.N: address of the block, its instructions, how often it ran, and the address of its last instruction,
 * where it calls another function if it does. scripts/bench/profile/report.py reads it.
 *
 * Debian 12 has no header of QEMU's plugins: what is used of version 1 of their interface is declared here.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define BLOCKS (1 << 20)
#define SLOTS (2 * BLOCKS)
#define MARK "\x0f\x1f\x80xtcp"		/* nopl 0x70637478(%rax) */
#define MARK_LEN 7

enum { INLINE_ADD_U64 = 0, CB_NO_REGS = 0 };

struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void (*translated_fn)(uint64_t id, struct qemu_plugin_tb *tb);
typedef void (*executed_fn)(unsigned int cpu, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, translated_fn translated);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op, void *counter, uint64_t value);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, executed_fn executed, int flags, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);

EXPORT int qemu_plugin_version = 1;

struct block {
	uint64_t start, last, insns;
	uint64_t runs, runs_before;
};

static struct block blocks[BLOCKS];
static uint32_t slots[SLOTS];		/* number of a block, from 1 on */
static uint32_t used;
static unsigned int marks;
static const char *out = "profile";

/* The same code is translated more than once, as when a breakpoint has come and gone. */
static struct block *find_block(uint64_t start, uint64_t last, uint64_t insns)
{
	uint64_t slot = (start * 0x9e3779b97f4a7c15 ^ insns * 0xc2b2ae3d27d4eb4f) >> 20;
	struct block *block;

	for (; slots[slot % SLOTS]; slot++) {
		block = &blocks[slots[slot % SLOTS] - 1];
		if (block->start == start && block->last == last && block->insns == insns)
			return block;
	}
	if (used == BLOCKS) {
		fprintf(stderr, "count: more than %d blocks\n", BLOCKS);
		exit(1);
	}
	block = &blocks[used++];
	*block = (struct block){ .start = start, .last = last, .insns = insns };
	slots[slot % SLOTS] = used;
	return block;
}

static void write_runs(void)
{
	char name[4096];
	FILE *file;

	snprintf(name, sizeof(name), "%s.%u", out, marks / 2);
	file = fopen(name, "w");
	if (!file) {
		perror(name);
		exit(1);
	}
	for (struct block *block = blocks; block < blocks + used; block++)
		if (block->runs != block->runs_before)
			fprintf(file, "%" PRIx64 " %" PRIu64 " %" PRIu64 " %" PRIx64 "\n", block->start, block->insns,
				block->runs - block->runs_before, block->last);
	if (fclose(file)) {
		perror(name);
		exit(1);
	}
}

static void marked(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	if (++marks % 2 == 0) {
		write_runs();
		return;
	}
	for (struct block *block = blocks; block < blocks + used; block++)
		block->runs_before = block->runs;
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	size_t insns = qemu_plugin_tb_n_insns(tb);
	struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, insns - 1);
	struct block *block = find_block(qemu_plugin_tb_vaddr(tb), qemu_plugin_insn_vaddr(insn), insns);

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64, &block->runs, 1);
	for (size_t i = 0; i < insns; i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
		if (qemu_plugin_insn_size(insn) == MARK_LEN && !memcmp(qemu_plugin_insn_data(insn), MARK, MARK_LEN))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, marked, CB_NO_REGS, NULL);
	}
}

EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], "out=", 4)) {
			fprintf(stderr, "count: unknown argument %s\n", argv[i]);
			return -1;
		}
		out = strdup(argv[i] + 4);
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
