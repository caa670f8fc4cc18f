# `cmake --install` and find_package(oft).

include(CMakePackageConfigHelpers)

set(oft_config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/oft")
install(TARGETS oft EXPORT oft LIBRARY COMPONENT runtime NAMELINK_COMPONENT runtime)
# An installed library names the libtorch that it needs, not where one was.
set(oft_properties "${CMAKE_CURRENT_BINARY_DIR}/install/oft-build.properties")
file(WRITE "${oft_properties}" "torch.version=${Torch_VERSION}\n")
install(FILES "${oft_properties}" DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT runtime)
install(DIRECTORY include/oft DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT development)
install(EXPORT oft NAMESPACE oft:: FILE oftTargets.cmake DESTINATION "${oft_config_dir}"
        COMPONENT development)

configure_package_config_file(cmake/oftConfig.cmake.in oftConfig.cmake
                              INSTALL_DESTINATION "${oft_config_dir}")
write_basic_package_version_file(oftConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/oftConfig.cmake"
              "${CMAKE_CURRENT_BINARY_DIR}/oftConfigVersion.cmake"
        DESTINATION "${oft_config_dir}" COMPONENT development)
