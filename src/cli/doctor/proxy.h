/*
 * proxy - which proxy of the environment stands between here and the server, as libcurl sees it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_DOCTOR_PROXY_H
#define ZC_DOCTOR_PROXY_H

#include "core/url.h"
#include "findings.h"

/* True when a variable of the environment sends requests to `url` through a proxy; finds which. */
bool zc_proxy_check(const struct zn_url *url, struct zc_findings *findings);

#endif
