# OFT_CUDA=ON: kernels for NVIDIA devices, by nvcc, against a libtorch that was built for CUDA.

# Before libtorch is looked for.
macro(oft_enable_cuda)
  include(CheckLanguage)
  check_language(CUDA)
  if(NOT CMAKE_CUDA_COMPILER)
    message(FATAL_ERROR
      "OFT_CUDA=ON needs nvcc, and there is none: install the CUDA toolkit that libtorch was built "
      "with, set CUDACXX to its bin/nvcc, or build with OFT_CUDA=OFF")
  endif()
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES "80;90" CACHE STRING "Compute capabilities to compile for")
  endif()
  set(CMAKE_CUDA_STANDARD 17)  # CMake 3.25 knows no later one of nvcc
  set(CMAKE_CUDA_STANDARD_REQUIRED ON)
  set(CMAKE_CUDA_EXTENSIONS OFF)
  set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)  # the one of libtorch, not a second
  enable_language(CUDA)
  # Torch's config looks for the toolkit by itself, wants architectures in a notation of its own and
  # adds to the flags. What it says goes for its targets; ours are compiled as CMake has it.
  find_package(CUDAToolkit REQUIRED)
  if(NOT CUDA_TOOLKIT_ROOT_DIR)
    cmake_path(GET CUDAToolkit_BIN_DIR PARENT_PATH CUDA_TOOLKIT_ROOT_DIR)
  endif()
  set(oft_cuda_architectures "${CMAKE_CUDA_ARCHITECTURES}")
  set(oft_cuda_flags "${CMAKE_CUDA_FLAGS}")
  set(TORCH_CUDA_ARCH_LIST "8.0")
endmacro()

# After it was found.
macro(oft_check_cuda)
  if(NOT TARGET torch_cuda)
    message(FATAL_ERROR
      "OFT_CUDA=ON needs a libtorch that was built for CUDA, and ${TORCH_INSTALL_PREFIX} was not: "
      "let native/cuda/build.sh fetch one, set LIBTORCH to one, or build with OFT_CUDA=OFF")
  endif()
  set(CMAKE_CUDA_ARCHITECTURES "${oft_cuda_architectures}")
  set(CMAKE_CUDA_FLAGS "${oft_cuda_flags}")
endmacro()
