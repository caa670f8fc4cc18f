/** Adapters out of adapters, of checkpoints, in other formats. See oft/c_api.h for the rules. */
#ifndef OFT_C_API_ALGEBRA_H
#define OFT_C_API_ALGEBRA_H

#include "oft/c_api/adapter.h"
#include "oft/c_api/base.h"
#include "oft/c_api/config.h"

/**
 * One adapter from one or several, exact Cayley, orthogonal to rounding.
 * @param adapters [count]
 * @param weights  [count], what the angles of each are multiplied by
 * @param options  JSON {"rule": "group" | "ortho_merge", "base": path or null, "component": text,
 *                 "force": boolean, "dtype": "float32" | ... | null}; absent keys keep their
 *                 defaults, NULL all of them
 * @param out_adapter new
 * @param out_report  NULL, or new: JSON with rule, side, layers, largest_angle,
 *                    orthogonality_error, replaced, warnings
 * Returns: PARSE, INVALID_ARGUMENT where blocks, sides or other parameters do not go together, or
 * a plane is turned by half a turn.
 */
OFT_API oft_status oft_blend_adapters(const oft_adapter* const* adapters, const double* weights,
                                      size_t count, const char* options, size_t options_size,
                                      oft_adapter** out_adapter, oft_text** out_report,
                                      oft_error** out_error);

/**
 * The adapter that comes nearest to taking the weights of one checkpoint to those of another.
 * @param config   r or oft_block_size, target_modules and the like; exact Cayley without COFT
 * @param options  JSON {"component": text, "dtype": "float32" | ...}; as above
 * @param progress NULL, or called now and then with user_data, in bytes of the base
 * @param out_adapter new
 * @param out_report  NULL, or new: JSON with layers, explained, largest_angle, unchanged, changed,
 *                    missing, added, warnings, seconds
 * Returns: NOT_FOUND, IO, PARSE, INVALID_ARGUMENT where no targeted layer differs or a weight is
 * not finite, CANCELLED.
 */
OFT_API oft_status oft_extract_adapter(const char* base, size_t base_size, const char* tuned,
                                       size_t tuned_size, const oft_config* config,
                                       const char* options, size_t options_size,
                                       oft_progress* progress, void* user_data,
                                       oft_adapter** out_adapter, oft_text** out_report,
                                       oft_error** out_error);

/**
 * Writes an adapter in another format; the target appears whole or not at all.
 * @param target  a folder for "peft", "peft-0.15" and "lora", a .safetensors file for the others
 * @param options JSON {"to": "peft" | "peft-0.15" | "lycoris" | "lora" | "full", "formula":
 *                "cayley" | "cayley_neumann" | null, "base": path or null, "component": text,
 *                "rank": integer, "force": boolean, "dtype": "float32" | ... | null, "sync":
 *                boolean}; "to" is required
 * @param out_report NULL, or new: JSON with from, to, formula, exact, layers, error, energy_kept,
 *                   left_out, files, warnings, seconds
 * Returns: UNSUPPORTED with the reason where the format cannot say what the adapter does;
 * INVALID_ARGUMENT where a base is needed or does not fit, or the target exists; NOT_FOUND, IO,
 * PARSE.
 */
OFT_API oft_status oft_convert_adapter(const oft_adapter* adapter, const char* target,
                                       size_t target_size, const char* options, size_t options_size,
                                       oft_text** out_report, oft_error** out_error);

#endif
