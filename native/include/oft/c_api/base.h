/** Statuses, errors, texts, progress, and the library itself. See oft/c_api.h for the rules. */
#ifndef OFT_C_API_BASE_H
#define OFT_C_API_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define OFT_EXTERN_C extern "C"
#else
#define OFT_EXTERN_C
#endif

#if defined(_WIN32)
#define OFT_API OFT_EXTERN_C
#else
#define OFT_API OFT_EXTERN_C __attribute__((visibility("default")))
#endif

/** Rises with every change that an existing caller could notice. */
#define OFT_ABI_VERSION 2

typedef int32_t oft_status;

/** Append only. */
enum oft_status_code {
  OFT_STATUS_OK = 0,
  OFT_STATUS_INVALID_ARGUMENT = -1,
  OFT_STATUS_INVALID_STATE = -2,
  OFT_STATUS_NOT_FOUND = -3,
  OFT_STATUS_IO = -4,
  OFT_STATUS_PARSE = -5,
  OFT_STATUS_UNSUPPORTED = -6,
  OFT_STATUS_OUT_OF_MEMORY = -7,
  OFT_STATUS_DEVICE = -8,
  OFT_STATUS_INTERNAL = -9,
  OFT_STATUS_CANCELLED = -10
};

typedef struct oft_error oft_error;
typedef struct oft_text oft_text;

/**
 * Progress of a long call: bytes or layers done, and all. Called on the thread that runs it.
 * Returns 0 to go on; anything else cancels. Must not unwind.
 */
typedef int32_t oft_progress(void* user_data, uint64_t done, uint64_t total);

/** The OFT_ABI_VERSION that the library was built with. */
OFT_API uint32_t oft_abi_version(void);

/** "OK", "INVALID_ARGUMENT", ...; "UNKNOWN" for any other number. Static, never NULL. */
OFT_API const char* oft_status_name(oft_status status);

/** JSON: versions of oft and libtorch, CUDA, compiler, instruction sets compiled and chosen. */
OFT_API oft_status oft_build_info(char* buffer, size_t capacity, size_t* out_size,
                                  oft_error** out_error);

/** How many handles of all types exist in this process, errors included. For leak tests. */
OFT_API oft_status oft_live_handles(int64_t* out_count, oft_error** out_error);

/** The category; OFT_STATUS_OK for NULL. */
OFT_API oft_status oft_error_status(const oft_error* error);

/** Text out; empty for NULL. Returns INVALID_ARGUMENT where out_size is NULL. */
OFT_API oft_status oft_error_message(const oft_error* error, char* buffer, size_t capacity,
                                     size_t* out_size);

OFT_API void oft_error_destroy(oft_error* error);

/** The bytes of a result that is too costly to compute twice: borrowed, without terminator. NULL
 *  and 0 for NULL. */
OFT_API const char* oft_text_data(const oft_text* text, size_t* out_size);

OFT_API void oft_text_destroy(oft_text* text);

#endif
