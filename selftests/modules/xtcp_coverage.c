// SPDX-License-Identifier: GPL-2.0
/*
 * Adds up what each load of xtcp.ko has counted (make coverage), since tests load the module again
 * and again. /sys/kernel/debug/xtcp_coverage shows the sums of the loads that have ended; a write
 * to it makes them 0. It has a line for each object, and one for each function of the object:
 *
 *   object FILE VERSION STAMP CHECKSUM
 *   function IDENT LINES GRAPH NUMBER VALUE...
 *
 * scripts/coverage/coverage.py turns them into files for gcov.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include "coverage.h"

/* One object: a copy of its description, since the module's own is freed. */
struct object {
	struct list_head list;
	char *filename;
	unsigned int version, stamp, checksum, n_functions;
	struct counted {
		unsigned int ident, lines, graph, num;
		s64 *values;
	} functions[];
};

static DEFINE_MUTEX(lock);
static LIST_HEAD(objects);
/* The modules that are loaded: xtcp, and in some tests a second build. */
static struct {
	struct module *module;
	struct gcov_info **first;
} met[2];
static struct dentry *file;

/**
 * xtcp_coverage_meet - remember where a module that is being loaded has its counters
 * @module: the module
 * @first: the pointers to its objects' counters, up to one that is NULL
 *
 * Context: Process context; takes lock.
 */
void xtcp_coverage_meet(struct module *module, struct gcov_info **first)
{
	unsigned int i;

	mutex_lock(&lock);
	for (i = 0; i < ARRAY_SIZE(met) && met[i].module; i++)
		;
	if (i == ARRAY_SIZE(met)) {
		pr_warn("WARNING: xtcp_coverage: too many modules\n");
	} else {
		met[i].module = module;
		met[i].first = first;
	}
	mutex_unlock(&lock);
}
EXPORT_SYMBOL_GPL(xtcp_coverage_meet);

static unsigned int checksum_of(const struct gcov_info *info)
{
#if __GNUC__ >= 12
	return info->checksum;
#else
	return 0;
#endif
}

static void free_object(struct object *object)
{
	unsigned int i;

	for (i = 0; i < object->n_functions; i++)
		vfree(object->functions[i].values);
	kfree(object->filename);
	kvfree(object);
}

static struct object *make_object(const struct gcov_info *info)
{
	struct object *object = kvzalloc(struct_size(object, functions, info->n_functions), GFP_KERNEL);
	unsigned int i;

	if (!object)
		return NULL;
	object->filename = kstrdup(info->filename, GFP_KERNEL);
	object->version = info->version;
	object->stamp = info->stamp;
	object->checksum = checksum_of(info);
	object->n_functions = info->n_functions;
	for (i = 0; i < info->n_functions; i++) {
		const struct gcov_function *function = info->functions[i];
		struct counted *copy = &object->functions[i];

		/* another object has this function */
		if (!function || function->key != info)
			continue;
		copy->ident = function->ident;
		copy->lines = function->lines;
		copy->graph = function->graph;
		copy->num = function->counters[0].num;
		copy->values = vzalloc(array_size(copy->num, sizeof(s64)));
		if (!copy->values)
			copy->num = 0;
	}
	list_add_tail(&object->list, &objects);
	return object;
}

static struct object *object_of(const struct gcov_info *info)
{
	struct object *object;

	list_for_each_entry(object, &objects, list)
		if (object->stamp == info->stamp && object->checksum == checksum_of(info) &&
		    object->n_functions == info->n_functions && !strcmp(object->filename ?: "", info->filename))
			return object;
	return make_object(info);
}

static void add_object(const struct gcov_info *info)
{
	struct object *object = object_of(info);
	unsigned int i, k;

	if (!object) {
		pr_warn("WARNING: xtcp_coverage: no memory\n");
		return;
	}
	for (i = 0; i < object->n_functions; i++) {
		struct counted *sum = &object->functions[i];

		for (k = 0; k < sum->num; k++)
			sum->values[k] += info->functions[i]->counters[0].values[k];
	}
}

/* The module's exit function has run, or its init has failed; its memory is still there. */
static int module_goes(struct notifier_block *block, unsigned long event, void *module)
{
	struct gcov_info **info;
	unsigned int i;

	mutex_lock(&lock);
	for (i = 0; i < ARRAY_SIZE(met); i++) {
		if (event != MODULE_STATE_GOING || module != met[i].module)
			continue;
		for (info = met[i].first; *info; info++)
			add_object(*info);
		met[i].module = NULL;
	}
	mutex_unlock(&lock);
	return NOTIFY_OK;
}

static struct notifier_block notifier = { .notifier_call = module_goes };

static int show(struct seq_file *seq, void *v)
{
	struct object *object;
	unsigned int i, k;

	mutex_lock(&lock);
	list_for_each_entry(object, &objects, list) {
		seq_printf(seq, "object %s %u %u %u\n", object->filename ?: "-", object->version, object->stamp,
			   object->checksum);
		for (i = 0; i < object->n_functions; i++) {
			const struct counted *sum = &object->functions[i];

			if (!sum->num)
				continue;
			seq_printf(seq, "function %u %u %u %u", sum->ident, sum->lines, sum->graph, sum->num);
			for (k = 0; k < sum->num; k++)
				seq_printf(seq, " %lld", sum->values[k]);
			seq_putc(seq, '\n');
		}
	}
	mutex_unlock(&lock);
	return 0;
}

static void clear(void)
{
	struct object *object, *next;

	mutex_lock(&lock);
	list_for_each_entry_safe(object, next, &objects, list)
		free_object(object);
	INIT_LIST_HEAD(&objects);
	mutex_unlock(&lock);
}

static int coverage_open(struct inode *inode, struct file *at)
{
	return single_open_size(at, show, NULL, 1 << 20);
}

static ssize_t coverage_write(struct file *at, const char __user *from, size_t len, loff_t *pos)
{
	clear();
	return len;
}

static const struct file_operations operations = {
	.owner		= THIS_MODULE,
	.open		= coverage_open,
	.read		= seq_read,
	.write		= coverage_write,
	.llseek		= seq_lseek,
	.release	= single_release,
};

static int __init coverage_init(void)
{
	int err = register_module_notifier(&notifier);

	if (err)
		return err;
	file = debugfs_create_file("xtcp_coverage", 0600, NULL, NULL, &operations);
	return 0;
}

static void __exit coverage_exit(void)
{
	debugfs_remove(file);
	unregister_module_notifier(&notifier);
	clear();
}

module_init(coverage_init);
module_exit(coverage_exit);

MODULE_DESCRIPTION("Adds up what the tests of xtcp reach");
MODULE_LICENSE("GPL");
