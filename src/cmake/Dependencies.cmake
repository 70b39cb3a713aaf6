# SPDX-License-Identifier: Apache-2.0
# The libraries that the product links, from the system.

find_package(PkgConfig REQUIRED)
# 7.87 has CURLOPT_QUICK_EXIT, without which name resolution outlives the deadline.
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl>=7.87)
pkg_check_modules(CJSON REQUIRED IMPORTED_TARGET libcjson>=1.7.15)

include(FindPAM)
