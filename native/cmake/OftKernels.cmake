# The kernels: raw pointers, no libtorch. An instruction set is a matter of the file's suffix;
# what is chosen at run time is up to isa.cpp.

file(GLOB oft_kernel_sources CONFIGURE_DEPENDS kernels/cpu/*.cpp)
add_library(oft_kernels OBJECT ${oft_kernel_sources})
target_include_directories(
  oft_kernels PUBLIC "${CMAKE_CURRENT_SOURCE_DIR}/kernels" "${CMAKE_CURRENT_SOURCE_DIR}/kernels/cpu")
target_link_libraries(oft_kernels PRIVATE oft_warnings)
set_target_properties(oft_kernels PROPERTIES POSITION_INDEPENDENT_CODE ON)

set(oft_avx2_options -mavx2 -mfma -mf16c)
set(oft_avx512_options -mavx512f -mavx512bw -mavx512dq -mavx512vl ${oft_avx2_options})
foreach(isa IN ITEMS scalar avx2 avx512)
  set(sources ${oft_kernel_sources})
  list(FILTER sources INCLUDE REGEX "_${isa}\\.cpp$")
  if(isa STREQUAL "scalar" OR CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    set_property(SOURCE ${sources} PROPERTY COMPILE_OPTIONS -O3 ${oft_${isa}_options})
  else()
    set_property(SOURCE ${sources} PROPERTY HEADER_FILE_ONLY ON)
  endif()
endforeach()

if(OFT_CUDA)
  file(GLOB oft_cuda_kernel_sources CONFIGURE_DEPENDS kernels/cuda/*.cu)
  add_library(oft_cuda_kernels OBJECT ${oft_cuda_kernel_sources})
  target_include_directories(oft_cuda_kernels PUBLIC "${CMAKE_CURRENT_SOURCE_DIR}/kernels")
  target_compile_options(oft_cuda_kernels PRIVATE -Xcompiler=-Wall,-Wextra)
  set_target_properties(
    oft_cuda_kernels PROPERTIES POSITION_INDEPENDENT_CODE ON CUDA_VISIBILITY_PRESET hidden)
endif()
