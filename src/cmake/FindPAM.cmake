# SPDX-License-Identifier: Apache-2.0
# PAM::PAM; PAM_MODULE_DIR, the folder in which libpam looks for modules; ZP_HELPER_PATH, the helper of ours.

if(TARGET PAM::PAM)
    return()
endif()
pkg_check_modules(PAM IMPORTED_TARGET pam)
add_library(PAM::PAM INTERFACE IMPORTED)
if(PAM_FOUND)
    target_link_libraries(PAM::PAM INTERFACE PkgConfig::PAM)
    pkg_get_variable(pam_library_dir pam libdir)
else() # Linux-PAM before 1.5 brings no pam.pc on some systems
    find_library(PAM_LIBRARY pam REQUIRED)
    find_path(PAM_INCLUDE_DIR security/pam_modules.h REQUIRED)
    target_link_libraries(PAM::PAM INTERFACE ${PAM_LIBRARY})
    target_include_directories(PAM::PAM INTERFACE ${PAM_INCLUDE_DIR})
endif()

# Below another prefix than /usr, libpam does not look: the PAM line needs the absolute path then.
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr" AND pam_library_dir)
    set(pam_modules "${pam_library_dir}/security")
else()
    set(pam_modules "${CMAKE_INSTALL_FULL_LIBDIR}/security")
endif()
set(PAM_MODULE_DIR "${pam_modules}" CACHE PATH "Folder of PAM modules")

set(ZP_HELPER_PATH "${CMAKE_INSTALL_FULL_LIBEXECDIR}/zenml-login/zenml-pam-helper" CACHE STRING
    "Where the module finds its helper; the file and all folders above it must be root's")
