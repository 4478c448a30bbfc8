/* SPDX-License-Identifier: GPL-2.0 */
/* Tracepoints: the one include for files that fire them. */
#ifndef XTCP_TRACE_H
#define XTCP_TRACE_H

#include <trace/events/xtcp.h>

#endif /* XTCP_TRACE_H */
