/*
 * host - is there everything on this host that a PAM line of ours needs?
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_DOCTOR_HOST_H
#define ZC_DOCTOR_HOST_H

#include "hostcfg/options.h"
#include "pam_stack.h"

/* Finds a module that is not where the line says, or that others than root may write. */
void zc_host_check_module(const struct zc_pam_handler *handler, struct zc_findings *findings);

/* Finds a helper that the module would not start. */
void zc_host_check_helper(struct zc_findings *findings);

/*
 * Reads the arguments of the line, the configuration, the map and what else they name, and finds
 * what is wrong with them. `service` is the name of the PAM service. True when the configuration
 * is good; `*ret` is it.
 */
ZN_MUST_CHECK bool zc_host_check_config(const struct zc_pam_handler *handler, const char *service,
                                        struct zc_findings *findings, struct zh_config *ret);

#endif
