/* SPDX-License-Identifier: GPL-2.0 */
/* What a test needs besides root and the module: needs.c looks for it before main(), or skips the test. */
#pragma once

#include <stdbool.h>

/* Programs of scripts/ and of tools/. It needs python3, and runs where scripts/ and build/selftests/tools/ are. */
#define NEEDS_SCRIPTS	const bool needs_scripts __attribute__((weak)) = true
/* Programs in PATH, as in "ip nft". Each file that starts one names it. A shell and the core utilities are there. */
#define NEEDS_PROGRAMS(names)	static const char * const needs_programs_here		\
				__attribute__((used, section("needs_programs"))) = names
/* It loads the module again, from the file that XTCP_KO names; or another one, of which that is so. */
#define NEEDS_MODULE	const char * const needs_module = "XTCP_KO"
#define NEEDS_SECOND	const char * const needs_second = "XTCP_B_KO"
#define NEEDS_WRAPPER	const char * const needs_wrapper = "XTCP_WRAPPER_KO"
