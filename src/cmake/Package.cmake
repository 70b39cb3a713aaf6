# SPDX-License-Identifier: Apache-2.0
# Debian packages by `cpack --config BUILD/CPackConfig.cmake`: component cli is zenml-login, component pam libpam-zenml.
# Comes before the first install(), for which it sets the component.

set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME cli)
set(ZN_PACKAGE_MAINTAINER "zenml-login maintainers <zenml-login@localhost>" CACHE STRING
    "Name and address in the Debian packages")

# The path of the helper is compiled into the module, and dpkg has one idea of it.
if(NOT CMAKE_INSTALL_PREFIX STREQUAL "/usr")
    message(STATUS "no Debian packages: CMAKE_INSTALL_PREFIX is not /usr")
    return()
endif()

install(FILES "${CMAKE_SOURCE_DIR}/pam_zenml/packaging/copyright"
        DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/zenml-login" COMPONENT cli)
install(FILES "${CMAKE_SOURCE_DIR}/pam_zenml/packaging/copyright"
        DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/libpam-zenml" COMPONENT pam)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "${ZN_PACKAGE_MAINTAINER}")
set(CPACK_PACKAGE_DIRECTORY "${CMAKE_BINARY_DIR}/package")
set(CPACK_RESOURCE_FILE_LICENSE "${CMAKE_SOURCE_DIR}/LICENSE")
set(CPACK_COMPONENTS_ALL cli pam)
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS "${CMAKE_SOURCE_DIR}/src/cmake/PackageFolders.cmake")

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_CLI_PACKAGE_NAME zenml-login)
set(CPACK_DEBIAN_CLI_PACKAGE_RECOMMENDS ca-certificates)
set(CPACK_DEBIAN_CLI_DESCRIPTION
"Proves a ZenML API key or API token against the server, and hands it to the
later steps of a CI job or to the command of a container.")

set(CPACK_DEBIAN_PAM_PACKAGE_NAME libpam-zenml)
set(CPACK_DEBIAN_PAM_PACKAGE_DEPENDS "libpam-runtime (>= 1.1.3-2~)") # pam-auth-update
set(CPACK_DEBIAN_PAM_PACKAGE_RECOMMENDS ca-certificates)
set(CPACK_DEBIAN_PAM_PACKAGE_SUGGESTS "apparmor, fail2ban, zenml-login")
set(CPACK_DEBIAN_PAM_DESCRIPTION
"A PAM module that asks for a ZenML API key instead of a password, and lets the
local user in when the service account behind it may be that user. No PAM file
is changed before pam-auth-update --enable zenml.")
foreach(file IN ITEMS conffiles postinst prerm)
    list(APPEND CPACK_DEBIAN_PAM_PACKAGE_CONTROL_EXTRA "${CMAKE_SOURCE_DIR}/pam_zenml/packaging/${file}")
endforeach()

include(CPack)
