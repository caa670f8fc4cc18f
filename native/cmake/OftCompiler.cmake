# Warnings, sanitizers, the compiler cache and the symbols a library shows.

add_library(oft_warnings INTERFACE)
target_compile_options(oft_warnings INTERFACE -Wall -Wextra -Wpedantic)
# Designated initializers leave the other fields at their defaults on purpose.
target_compile_options(
  oft_warnings INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-missing-field-initializers>)

if(OFT_SANITIZE)
  add_compile_options(-fsanitize=${OFT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  # libtorch hides the type information that -fsanitize=vptr looks for.
  add_compile_options(-fno-sanitize=vptr)
  add_link_options(-fsanitize=${OFT_SANITIZE})
endif()

find_program(OFT_CCACHE ccache)
mark_as_advanced(OFT_CCACHE)
if(OFT_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER "${OFT_CCACHE}")
  # Without these, ccache passes over every file that uses a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      "${CMAKE_COMMAND}" -E env CCACHE_SLOPPINESS=pch_defines,time_macros "${OFT_CCACHE}")
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
  endif()
endif()

# Hidden visibility does not reach templates of other libraries; a version script does.
function(oft_limit_exports target version_script)
  if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
    target_link_options(${target} PRIVATE "LINKER:--version-script=${version_script}"
                        LINKER:--no-undefined)
    set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS "${version_script}")
  endif()
endfunction()
