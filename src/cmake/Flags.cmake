# SPDX-License-Identifier: Apache-2.0
# zn_flags: how every target of ours is compiled and linked. Linked PRIVATE, never exported.

add_library(zn_flags INTERFACE)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
if(NOT ZN_STATIC) # its toolchain file says so
    set(CMAKE_POSITION_INDEPENDENT_CODE ON)
endif()

target_compile_definitions(zn_flags INTERFACE _GNU_SOURCE)
target_compile_options(zn_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wformat=2 -Wformat-nonliteral
    -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Wpointer-arith -Wwrite-strings -Wundef
    -Wvla -Wnull-dereference -Wimplicit-fallthrough -Wswitch-enum
    -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.
    $<$<BOOL:${ZN_WERROR}>:-Werror>)

if(ZN_SANITIZE)
    # Frames are larger under the sanitizers, and their runtime defines what -z defs would miss.
    set(sanitizers -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_compile_options(zn_flags INTERFACE ${sanitizers})
    target_link_options(zn_flags INTERFACE ${sanitizers})
else()
    target_compile_options(zn_flags INTERFACE -Wframe-larger-than=8192)
endif()

if(ZN_COVERAGE)
    target_compile_options(zn_flags INTERFACE --coverage -fprofile-update=atomic)
    target_link_options(zn_flags INTERFACE --coverage)
endif()

# Hardening belongs to what is shipped; _FORTIFY_SOURCE needs an optimising build.
if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
    include(CheckCCompilerFlag)
    check_c_compiler_flag(-fcf-protection=full ZN_HAVE_CF_PROTECTION)        # x86 only
    check_c_compiler_flag(-ftrivial-auto-var-init=zero ZN_HAVE_AUTO_VAR_INIT) # not clang before 16
    target_compile_options(zn_flags INTERFACE
        -fstack-protector-strong -fstack-clash-protection
        -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -ffunction-sections -fdata-sections
        $<$<BOOL:${ZN_HAVE_CF_PROTECTION}>:-fcf-protection=full>
        $<$<BOOL:${ZN_HAVE_AUTO_VAR_INIT}>:-ftrivial-auto-var-init=zero>)
    target_link_options(zn_flags INTERFACE
        LINKER:-z,relro,-z,now,-z,noexecstack,-z,defs,--gc-sections,--as-needed)
endif()
