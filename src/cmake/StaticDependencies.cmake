# SPDX-License-Identifier: Apache-2.0
# The libraries of the static build: built from the sources of deps.lock by their own CMake, with our toolchain file,
# into dependencies/ of this tree. Targets: zn::curl, zn::cjson, zn::mbedtls, zn::qrencode.
# ZN_CA_BUNDLE is the PEM file to embed, ZN_CA_BUNDLE_VERSION its version.

include(ExternalProject)
find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)
set(ZN_SOURCES "${CMAKE_SOURCE_DIR}/build/sources" CACHE PATH "Folder of what deps.lock names")
set(zn_prefix "${CMAKE_BINARY_DIR}/dependencies")
set(zn_lock "${CMAKE_CURRENT_LIST_DIR}/deps.lock")
set(zn_deps_py "${CMAKE_CURRENT_LIST_DIR}/deps.py")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${zn_lock}" "${zn_deps_py}")
# Each fetch checks the hashes.
execute_process(COMMAND "${Python3_EXECUTABLE}" "${zn_deps_py}" fetch "${ZN_SOURCES}"
                        curl mbedtls cjson qrencode certifi
                COMMAND_ERROR_IS_FATAL ANY)

# zn_locked(NAME VERSION_VARIABLE FILE_VARIABLE): what the lock says about NAME; the file with its folder.
function(zn_locked name version_variable file_variable)
    file(STRINGS "${zn_lock}" line REGEX "^${name} ")
    separate_arguments(columns UNIX_COMMAND "${line}")
    list(GET columns 1 version)
    list(GET columns 3 file)
    set(${version_variable} "${version}" PARENT_SCOPE)
    set(${file_variable} "${ZN_SOURCES}/${file}" PARENT_SCOPE)
endfunction()

# zn_dependency(NAME LIBRARIES ... [DEPENDS ...] OPTIONS ...): builds NAME and installs it below ${zn_prefix}.
# OPTIONS are those of its CMake.
function(zn_dependency name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LIBRARIES;DEPENDS;OPTIONS")
    zn_locked(${name} version file)
    list(TRANSFORM arg_LIBRARIES REPLACE "(.+)" "${zn_prefix}/lib/lib\\1.a" OUTPUT_VARIABLE libraries)
    list(TRANSFORM arg_OPTIONS PREPEND "-D")
    ExternalProject_Add(zn_${name}
        URL "${file}"
        DOWNLOAD_EXTRACT_TIMESTAMP ON
        PREFIX "${zn_prefix}/${name}"
        INSTALL_DIR "${zn_prefix}"
        DEPENDS "${arg_DEPENDS}"
        CMAKE_ARGS --fresh -DCMAKE_TOOLCHAIN_FILE=${CMAKE_TOOLCHAIN_FILE} -DZN_STATIC=${ZN_STATIC} -DZN_ZIG=${ZN_ZIG}
                   -DCMAKE_BUILD_TYPE=${CMAKE_BUILD_TYPE} -DCMAKE_POLICY_VERSION_MINIMUM=3.5
                   -DCMAKE_INSTALL_PREFIX=<INSTALL_DIR> -DCMAKE_INSTALL_LIBDIR=lib
                   -DBUILD_SHARED_LIBS=OFF -DBUILD_TESTING=OFF ${arg_OPTIONS}
        BUILD_COMMAND "${CMAKE_COMMAND}" --build <BINARY_DIR> --target install
        INSTALL_COMMAND "" # byproducts belong to the build step
        BUILD_BYPRODUCTS ${libraries})
    ExternalProject_Add_StepDependencies(zn_${name} configure "${CMAKE_TOOLCHAIN_FILE}")
    file(MAKE_DIRECTORY "${zn_prefix}/include") # CMake wants it to exist when it configures
    add_library(zn::${name} INTERFACE IMPORTED GLOBAL)
    add_dependencies(zn::${name} zn_${name})
    target_include_directories(zn::${name} INTERFACE "${zn_prefix}/include")
    target_link_libraries(zn::${name} INTERFACE ${libraries})
endfunction()

zn_dependency(cjson
    LIBRARIES cjson
    OPTIONS ENABLE_CJSON_TEST=OFF ENABLE_CUSTOM_COMPILER_FLAGS=OFF ENABLE_TARGET_EXPORT=OFF ENABLE_PUBLIC_SYMBOLS=OFF)

zn_dependency(qrencode LIBRARIES qrencode OPTIONS WITH_TOOLS=NO WITH_TESTS=NO WITHOUT_PNG=ON)

# Our configuration takes the place of theirs, so that whoever includes a header of mbedTLS sees the same one.
set(config "${CMAKE_CURRENT_LIST_DIR}/mbedtls_config.h")
zn_dependency(mbedtls
    LIBRARIES mbedtls mbedx509 mbedcrypto everest p256m
    OPTIONS ENABLE_PROGRAMS=OFF ENABLE_TESTING=OFF GEN_FILES=OFF MBEDTLS_FATAL_WARNINGS=OFF)
ExternalProject_Add_Step(zn_mbedtls config
    COMMAND "${CMAKE_COMMAND}" -E copy "${config}" <SOURCE_DIR>/include/mbedtls/mbedtls_config.h
    DEPENDS "${config}" DEPENDEES patch DEPENDERS configure)

# HTTP(S) through proxies, and nothing that the transport does not use (src/core/http_curl.c). The threaded resolver
# keeps to the deadline, which musl's own does not know. The "verbose strings" are those of CURLOPT_VERBOSE: 76 KB.
zn_dependency(curl
    LIBRARIES curl
    DEPENDS zn_mbedtls
    OPTIONS
        BUILD_CURL_EXE=OFF BUILD_STATIC_LIBS=ON BUILD_LIBCURL_DOCS=OFF BUILD_MISC_DOCS=OFF BUILD_EXAMPLES=OFF
        ENABLE_CURL_MANUAL=OFF PICKY_COMPILER=OFF CURL_USE_PKGCONFIG=OFF CURL_USE_CMAKECONFIG=OFF
        CURL_USE_MBEDTLS=ON CURL_USE_OPENSSL=OFF HAVE_MBEDTLS_DES_CRYPT_ECB=OFF
        MBEDTLS_INCLUDE_DIR=${zn_prefix}/include MBEDTLS_LIBRARY=${zn_prefix}/lib/libmbedtls.a
        MBEDX509_LIBRARY=${zn_prefix}/lib/libmbedx509.a MBEDCRYPTO_LIBRARY=${zn_prefix}/lib/libmbedcrypto.a
        CURL_CA_BUNDLE=none CURL_CA_PATH=none
        HTTP_ONLY=ON ENABLE_THREADED_RESOLVER=ON ENABLE_UNIX_SOCKETS=OFF
        CURL_ZLIB=OFF CURL_BROTLI=OFF CURL_ZSTD=OFF USE_NGHTTP2=OFF USE_LIBIDN2=OFF CURL_USE_LIBPSL=OFF
        CURL_USE_LIBSSH2=OFF
        CURL_DISABLE_ALTSVC=ON CURL_DISABLE_AWS=ON CURL_DISABLE_BEARER_AUTH=ON CURL_DISABLE_BINDLOCAL=ON
        CURL_DISABLE_COOKIES=ON CURL_DISABLE_DIGEST_AUTH=ON CURL_DISABLE_DOH=ON CURL_DISABLE_FORM_API=ON
        CURL_DISABLE_GETOPTIONS=ON CURL_DISABLE_HEADERS_API=ON CURL_DISABLE_HSTS=ON CURL_DISABLE_HTTPSIG=ON
        CURL_DISABLE_KERBEROS_AUTH=ON CURL_DISABLE_LIBCURL_OPTION=ON CURL_DISABLE_MIME=ON
        CURL_DISABLE_NEGOTIATE_AUTH=ON CURL_DISABLE_NETRC=ON CURL_DISABLE_PARSEDATE=ON
        CURL_DISABLE_PROGRESS_METER=ON CURL_DISABLE_SHA512_256=ON CURL_DISABLE_SHUFFLE_DNS=ON
        CURL_DISABLE_VERBOSE_STRINGS=ON)
target_compile_definitions(zn::curl INTERFACE CURL_STATICLIB)
target_link_libraries(zn::curl INTERFACE zn::mbedtls)

# A wheel is a zip archive.
zn_locked(certifi ZN_CA_BUNDLE_VERSION wheel)
file(ARCHIVE_EXTRACT INPUT "${wheel}" DESTINATION "${zn_prefix}/certifi" PATTERNS certifi/cacert.pem)
set(ZN_CA_BUNDLE "${zn_prefix}/certifi/certifi/cacert.pem")
