# SPDX-License-Identifier: GPL-2.0
#
# What kselftest's runner says, as it comes, and a total behind it; the exit status is 0 if nothing failed.

{ print; fflush() }
/^ok / { $0 ~ /# SKIP/ ? skipped++ : passed++ }
/^not ok / { failed++ }
END {
	printf "# Totals: pass:%d fail:%d xfail:0 xpass:0 skip:%d error:0\n", passed, failed, skipped
	exit failed > 0
}
