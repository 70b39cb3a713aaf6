# SPDX-License-Identifier: Apache-2.0
# The libraries that the product links, zn::curl and zn::cjson: the system's, or in a static build our own.

if(ZN_STATIC)
    include(StaticDependencies)
    # What the doctor looks for on the host, which is not the one that builds: Debian's folders.
    set(PAM_MODULE_DIR "/usr/lib/${CMAKE_SYSTEM_PROCESSOR}-linux-gnu/security")
    set(ZP_HELPER_PATH "/usr/libexec/zenml-login/zenml-pam-helper")
    return()
endif()

find_package(PkgConfig REQUIRED)
# 7.87 has CURLOPT_QUICK_EXIT, without which name resolution outlives the deadline.
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl>=7.87)
pkg_check_modules(CJSON REQUIRED IMPORTED_TARGET libcjson>=1.7.15)
add_library(zn::curl ALIAS PkgConfig::CURL)
add_library(zn::cjson ALIAS PkgConfig::CJSON)
pkg_check_modules(QRENCODE REQUIRED IMPORTED_TARGET libqrencode>=4.0)
add_library(zn::qrencode ALIAS PkgConfig::QRENCODE)

include(FindPAM)
