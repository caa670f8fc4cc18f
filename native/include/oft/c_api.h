/**
 * The C ABI of liboft: Orthogonal Finetuning (OFT) adapters, PEFT's format, on libtorch.
 *
 *     oft_<noun>_<verb>(inputs..., out_..., oft_error** out_error) -> oft_status
 *
 * Errors     OFT_STATUS_OK is 0, failures are negative. On failure, where out_error is not NULL,
 *            *out_error is a new error that the caller destroys; on success it is not written.
 *            Out-parameters are written on success only. No exception leaves this library.
 *            Every call can return INVALID_ARGUMENT (a NULL where a pointer is needed, a number
 *            that stands for nothing), OUT_OF_MEMORY and INTERNAL; comments name the other ones.
 * Handles    Opaque. "New": the caller owns it and destroys it, once; destroying NULL is fine.
 *            "Borrowed": valid as long as its owner.
 * Text in    UTF-8, pointer and length in bytes, no terminator; NULL only with length 0. Copied.
 * Text out   *out_size receives the length in bytes, no terminator; at most `capacity` bytes are
 *            written to `buffer`. NULL with capacity 0 asks for the length.
 * Threads    Handles are immutable unless a comment says otherwise: any number of threads may use
 *            one at once, but none while another destroys it. Nothing is kept per thread.
 */
#ifndef OFT_C_API_H
#define OFT_C_API_H

#include "oft/c_api/adapter.h"
#include "oft/c_api/algebra.h"
#include "oft/c_api/base.h"
#include "oft/c_api/checkpoint_merge.h"
#include "oft/c_api/config.h"
#include "oft/c_api/model.h"
#include "oft/c_api/operator.h"
#include "oft/c_api/optimizer.h"
#include "oft/c_api/random.h"
#include "oft/c_api/report.h"
#include "oft/c_api/rotation.h"
#include "oft/c_api/script.h"
#include "oft/c_api/tensor.h"
#include "oft/c_api/value.h"

#endif
