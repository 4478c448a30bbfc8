// SPDX-License-Identifier: GPL-2.0
/*
 * A module with one defect of each kind that the debug kernels must find. The parameter plant=NAME selects the defect
 * to commit. scripts/check/check-defects.sh compares the kernel's report. The module has no other use.
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

static char *plant = "";
module_param(plant, charp, 0444);
MODULE_PARM_DESC(plant, "the defect");

#define OBJECT 40	/* allocated from a slab of 64: the octets behind it belong to no object */

static void use_after_free(void)
{
	char *object = kmalloc(OBJECT, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(object);
	kfree(object);
	WRITE_ONCE(object[0], 1);
}

static void out_of_bounds(void)
{
	char *object = kmalloc(OBJECT, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(object);
	if (object)
		WRITE_ONCE(object[OBJECT], 1);
	kfree(object);
}

/* Several, since addresses of the first may stay in a register or on a stack, where kmemleak finds them. */
static void leak(void)
{
	int i;

	for (i = 0; i < 16; i++) {
		char *object = kmalloc(OBJECT, GFP_KERNEL);

		OPTIMIZER_HIDE_VAR(object);
	}
}

static DEFINE_SPINLOCK(one);
static DEFINE_SPINLOCK(other);

/* One thread does all this, so it cannot deadlock; two threads could. */
static void lock_inversion(void)
{
	spin_lock(&one);
	spin_lock(&other);
	spin_unlock(&other);
	spin_unlock(&one);

	spin_lock(&other);
	spin_lock(&one);
	spin_unlock(&one);
	spin_unlock(&other);
}

/* kmalloc() and not a mutex: lockdep would report the mutex itself and then turn itself off. */
static void sleep_in_atomic(void)
{
	spin_lock(&one);
	kfree(kmalloc(OBJECT, GFP_KERNEL));
	spin_unlock(&one);
}

static char __rcu *shared;

/* Without rcu_read_lock(). */
static void rcu_unannotated(void)
{
	rcu_dereference(shared);
}

static void never(struct timer_list *timer)
{
}

/* Freed while it runs. */
static void freed_timer(void)
{
	struct timer_list *timer = kmalloc(sizeof(*timer), GFP_KERNEL);

	if (!timer)
		return;
	timer_setup(timer, never, 0);
	mod_timer(timer, jiffies + 1000 * HZ);
	kfree(timer);
}

static void shift_too_far(void)
{
	int by = 40, value = 1;

	OPTIMIZER_HIDE_VAR(by);
	value <<= by;
	OPTIMIZER_HIDE_VAR(value);
}

static bool over;

/* Two threads, until KCSAN sets up a watchpoint: it does so every few thousand plain accesses. */
static void run_both(int (*one_thread)(void *), int (*other_thread)(void *))
{
	struct task_struct *first = kthread_run(one_thread, NULL, "defect"), *second;

	if (IS_ERR(first))
		return;
	second = kthread_run(other_thread, NULL, "defect");
	msleep(5000);
	WRITE_ONCE(over, true);
	kthread_stop(first);
	if (!IS_ERR(second))
		kthread_stop(second);
}

static int wait_for_stop(void)
{
	while (!kthread_should_stop())
		schedule_timeout_uninterruptible(1);
	return 0;
}

static int raced, seen;

static int race_write(void *unused)
{
	while (!READ_ONCE(over)) {
		raced++;
		barrier();
	}
	return wait_for_stop();
}

static int race_read(void *unused)
{
	while (!READ_ONCE(over)) {
		WRITE_ONCE(seen, raced);
		barrier();
	}
	return wait_for_stop();
}

#define LATE_TIMES 5000	/* writes per turn, so that KCSAN watches one of them */
static int late, late_is_there;

/* The flag says whose turn it is. No barrier orders the data before it: x86 needs none, others do. */
static int late_write(void *unused)
{
	int i;

	while (!READ_ONCE(over)) {
		/* pairs with late_read()'s smp_store_release() */
		if (smp_load_acquire(&late_is_there))
			continue;
		for (i = 0; i < LATE_TIMES; i++) {
			late = i;
			barrier();
		}
		WRITE_ONCE(late_is_there, 1);
	}
	return wait_for_stop();
}

static int late_read(void *unused)
{
	int i;

	while (!READ_ONCE(over)) {
		/* should pair with a release, which is missing */
		if (!smp_load_acquire(&late_is_there))
			continue;
		for (i = 0; i < LATE_TIMES; i++) {
			WRITE_ONCE(seen, late);
			barrier();
		}
		/* pairs with late_write()'s smp_load_acquire() */
		smp_store_release(&late_is_there, 0);
	}
	return wait_for_stop();
}

static void data_race_planted(void)
{
	run_both(race_write, race_read);
}

static void late_data(void)
{
	run_both(late_write, late_read);
}

static const struct {
	const char *name;
	void (*commit)(void);
} defects[] = {
	{ "rcu_unannotated", rcu_unannotated },
	{ "sleep_in_atomic", sleep_in_atomic },
	{ "lock_inversion", lock_inversion },
	{ "leak", leak },
	{ "freed_timer", freed_timer },
	{ "shift_too_far", shift_too_far },
	{ "use_after_free", use_after_free },
	{ "out_of_bounds", out_of_bounds },
	{ "data_race", data_race_planted },
	{ "late_write", late_data },
};

static int __init defects_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(defects); i++) {
		if (strcmp(plant, defects[i].name))
			continue;
		defects[i].commit();
		return 0;
	}
	return -EINVAL;
}

static void __exit defects_exit(void)
{
}

module_init(defects_init);
module_exit(defects_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Defects that the debug kernels have to find");
