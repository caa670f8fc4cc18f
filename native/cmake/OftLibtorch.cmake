# Finds libtorch, in this order:
#   1. what the caller gives: Torch_DIR, CMAKE_PREFIX_PATH, or LIBTORCH in the environment
#   2. the torch of the python3 at hand, where it is the pinned version, built for the CPU
#   3. a cache per user, filled once from the pinned wheel by pip
# Ends with find_package(Torch), so that the target `torch` exists.

set(OFT_TORCH_VERSION 2.13.0)

if(DEFINED ENV{XDG_CACHE_HOME})
  set(OFT_CACHE_DIR "$ENV{XDG_CACHE_HOME}/oft4j")
else()
  set(OFT_CACHE_DIR "$ENV{HOME}/.cache/oft4j")
endif()
set(OFT_LIBTORCH_CACHE "${OFT_CACHE_DIR}/libtorch-${OFT_TORCH_VERSION}-cpu")

find_program(OFT_PYTHON NAMES python3 python)
mark_as_advanced(OFT_PYTHON)

function(oft_find_python_torch out_dir)
  set(${out_dir} "" PARENT_SCOPE)
  if(NOT OFT_PYTHON)
    return()
  endif()
  # version.py is run on its own: importing torch takes seconds.
  execute_process(
    COMMAND "${OFT_PYTHON}" -c "
import importlib.util, pathlib, runpy
spec = importlib.util.find_spec('torch')
if spec and spec.origin:
    torch = pathlib.Path(spec.origin).parent
    version = runpy.run_path(str(torch / 'version.py'))
    accelerator = version.get('cuda') or version.get('hip') or version.get('xpu') or 'cpu'
    print(version['__version__'].split('+')[0], accelerator, torch.as_posix(), sep=';')
"
    OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  list(LENGTH found fields)
  if(NOT fields EQUAL 3)
    return()
  endif()
  list(GET found 0 version)
  list(GET found 1 accelerator)
  list(GET found 2 dir)
  if(version VERSION_EQUAL OFT_TORCH_VERSION AND accelerator STREQUAL "cpu"
     AND EXISTS "${dir}/share/cmake/Torch/TorchConfig.cmake")
    set(${out_dir} "${dir}" PARENT_SCOPE)
  else()
    message(STATUS "Passing over torch ${version} (${accelerator}) of ${OFT_PYTHON}: "
                   "the pin is ${OFT_TORCH_VERSION} (cpu)")
  endif()
endfunction()

# Names and sizes of the libraries under `dir`: what the stamp of a complete cache holds.
function(oft_list_libraries dir out_text)
  file(GLOB_RECURSE libraries RELATIVE "${dir}" "${dir}/torch/lib/*" "${dir}/torch.libs/*")
  set(text "")
  foreach(library IN LISTS libraries)
    file(SIZE "${dir}/${library}" size)
    string(APPEND text "${size} ${library}\n")
  endforeach()
  set(${out_text} "${text}" PARENT_SCOPE)
endfunction()

function(oft_check_libtorch_cache out_complete)
  set(${out_complete} FALSE PARENT_SCOPE)
  set(stamp "${OFT_LIBTORCH_CACHE}/complete")
  if(EXISTS "${stamp}")
    file(READ "${stamp}" recorded)
    oft_list_libraries("${OFT_LIBTORCH_CACHE}" present)
    if(recorded STREQUAL present)
      set(${out_complete} TRUE PARENT_SCOPE)
    endif()
  endif()
endfunction()

# Downloads the CPU wheel into `dir`. The plain version comes from PyTorch's own index only, since
# elsewhere it may be the CUDA build.
function(oft_download_wheel dir)
  set(pip "${OFT_PYTHON}" -m pip download --quiet --disable-pip-version-check --no-deps
          --no-cache-dir --retries 0 --only-binary :all: --dest "${dir}")
  execute_process(COMMAND ${pip} "torch==${OFT_TORCH_VERSION}+cpu"
                  RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
  if(failed)
    execute_process(
      COMMAND ${pip} --index-url https://download.pytorch.org/whl/cpu "torch==${OFT_TORCH_VERSION}"
      RESULT_VARIABLE failed OUTPUT_QUIET ERROR_VARIABLE log)
  endif()
  if(failed)
    string(STRIP "${failed}\n${log}" log)
    string(REGEX REPLACE ".*\n" "" reason "${log}")
    message(FATAL_ERROR
      "libtorch ${OFT_TORCH_VERSION} is not at hand and pip could not download it (${reason}). "
      "Get libtorch ${OFT_TORCH_VERSION} (CPU) from pytorch.org, unpack it and set LIBTORCH to the "
      "folder that holds share/cmake/Torch.")
  endif()
endfunction()

function(oft_fill_libtorch_cache)
  file(MAKE_DIRECTORY "${OFT_CACHE_DIR}")
  file(LOCK "${OFT_LIBTORCH_CACHE}.lock" GUARD FUNCTION TIMEOUT 1800)
  oft_check_libtorch_cache(complete)
  if(complete)
    return()
  endif()
  message(STATUS "Downloading libtorch ${OFT_TORCH_VERSION} (CPU) into ${OFT_LIBTORCH_CACHE}, once")
  set(part "${OFT_LIBTORCH_CACHE}.part")
  file(REMOVE_RECURSE "${part}" "${OFT_LIBTORCH_CACHE}")
  oft_download_wheel("${part}/wheel")
  file(GLOB wheel "${part}/wheel/torch-*.whl")
  file(ARCHIVE_EXTRACT INPUT "${wheel}" DESTINATION "${part}"
       PATTERNS "torch/include/*" "torch/share/cmake/*" "torch?lib*/*")  # torch/lib, torch.libs
  file(GLOB unneeded "${part}/torch/lib/*torch_python*" "${part}/torch/lib/*shm*"
       "${part}/torch/lib/*_test.*" "${part}/torch/lib/libbackend_with_compiler.*")
  file(REMOVE_RECURSE ${unneeded} "${part}/wheel")
  oft_list_libraries("${part}" libraries)
  file(WRITE "${part}/complete" "${libraries}")
  file(RENAME "${part}" "${OFT_LIBTORCH_CACHE}")
endfunction()

function(oft_provide_libtorch out_dir)
  oft_find_python_torch(dir)
  if(NOT dir)
    oft_check_libtorch_cache(complete)
    if(NOT complete)
      oft_fill_libtorch_cache()
    endif()
    set(dir "${OFT_LIBTORCH_CACHE}/torch")
  endif()
  set(${out_dir} "${dir}" PARENT_SCOPE)
endfunction()

# A macro, since Torch's config sets variables. It also warns of a library that only static builds
# of libtorch have.
macro(oft_find_torch)
  set(CMAKE_MESSAGE_LOG_LEVEL ERROR)
  find_package(Torch CONFIG ${ARGN})
  unset(CMAKE_MESSAGE_LOG_LEVEL)
endmacro()

# Torch_DIR is remembered between runs; where it points into the cache, the cache is checked again.
cmake_path(IS_PREFIX OFT_LIBTORCH_CACHE "${Torch_DIR}" torch_dir_is_cached)
if(torch_dir_is_cached)
  unset(Torch_DIR CACHE)
endif()
oft_find_torch(QUIET HINTS "$ENV{LIBTORCH}")
if(NOT Torch_FOUND)
  if(DEFINED ENV{LIBTORCH})
    message(FATAL_ERROR "LIBTORCH=$ENV{LIBTORCH} holds no share/cmake/Torch/TorchConfig.cmake: "
                        "correct it, or unset it to let oft find or download libtorch.")
  endif()
  oft_provide_libtorch(provided)
  oft_find_torch(REQUIRED PATHS "${provided}" NO_DEFAULT_PATH)
endif()
message(STATUS "libtorch ${Torch_VERSION}: ${TORCH_INSTALL_PREFIX}")
if(NOT Torch_VERSION VERSION_EQUAL OFT_TORCH_VERSION)
  message(WARNING "oft is tested with libtorch ${OFT_TORCH_VERSION}; this is ${Torch_VERSION}")
endif()
