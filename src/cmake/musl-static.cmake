# SPDX-License-Identifier: Apache-2.0
# Toolchain file of the static build: clang and musl of the zig that src/cmake/deps.lock pins. Our code and the
# libraries below it are compiled with the same flags, which name no folder: the same sources give the same bytes.
#
#   ZN_STATIC  the architecture, by Debian's name: amd64 or arm64
#   ZN_ZIG     the compiler; `./dev static` puts it below build/zig

set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES ZN_STATIC ZN_ZIG)
cmake_path(ABSOLUTE_PATH CMAKE_CURRENT_LIST_DIR BASE_DIRECTORY "${CMAKE_CURRENT_LIST_DIR}" OUTPUT_VARIABLE zn_root)
cmake_path(GET zn_root PARENT_PATH zn_root)
cmake_path(GET zn_root PARENT_PATH zn_root)
set(ZN_ZIG "${zn_root}/build/zig/ziglang/zig" CACHE FILEPATH "The zig of src/cmake/deps.lock")
if(NOT EXISTS "${ZN_ZIG}")
    message(FATAL_ERROR "there is no compiler ${ZN_ZIG}: ./dev static puts it there")
endif()

set(CMAKE_SYSTEM_NAME Linux)
if(ZN_STATIC STREQUAL "amd64")
    set(CMAKE_SYSTEM_PROCESSOR x86_64)
    set(zn_branch_protection -fcf-protection=none) # Linux enforces nothing of it without marks in all of musl
elseif(ZN_STATIC STREQUAL "arm64")
    set(CMAKE_SYSTEM_PROCESSOR aarch64)
    set(zn_branch_protection -mbranch-protection=standard)
else()
    message(FATAL_ERROR "ZN_STATIC is \"${ZN_STATIC}\"; it can be amd64 or arm64")
endif()

set(CMAKE_C_COMPILER "${ZN_ZIG}" cc -target ${CMAKE_SYSTEM_PROCESSOR}-linux-musl)
# CMAKE_AR takes no arguments, and the archiver of the build machine may not know the other architecture.
set(CMAKE_C_ARCHIVE_CREATE "\"${ZN_ZIG}\" ar qcD <TARGET> <OBJECTS>")
set(CMAKE_C_ARCHIVE_APPEND "\"${ZN_ZIG}\" ar qD <TARGET> <OBJECTS>")
set(CMAKE_C_ARCHIVE_FINISH "\"${ZN_ZIG}\" ranlib -D <TARGET>")

# For size: what takes the time is the arithmetic of mbedTLS, which its own CMake compiles with -O2. Not by build type:
# zig compiles musl once for each level, and try_compile would have another one.
# Signed overflow and an index beyond its array stop the program: free of cost with this compiler.
string(JOIN " " zn_compile_flags
    -Os -g0 -fPIE -ffunction-sections -fdata-sections \"-ffile-prefix-map=${zn_root}=.\"
    -fno-unwind-tables -fno-asynchronous-unwind-tables
    -fstack-protector-strong -fstack-clash-protection -ftrivial-auto-var-init=zero -fno-strict-aliasing
    ${zn_branch_protection}
    -fsanitize=bounds,signed-integer-overflow -fsanitize-trap=bounds,signed-integer-overflow)
# "-static-pie" is ignored by zig. -O2 is for the parts of the C library that zig adds: its memcpy() copies single bytes
# below that.
string(JOIN " " zn_link_flags
    -O2 -static -pie -s
    -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--gc-sections -Wl,--build-id=none)
# FORCE: a tree that is there already follows a change of this file.
set(CMAKE_C_FLAGS "${zn_compile_flags}" CACHE STRING "" FORCE)
set(CMAKE_C_FLAGS_RELEASE "" CACHE STRING "" FORCE)
set(CMAKE_EXE_LINKER_FLAGS "${zn_link_flags}" CACHE STRING "" FORCE)

# Nothing of the build machine's own libraries is found.
set(CMAKE_FIND_ROOT_PATH "${CMAKE_BINARY_DIR}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
