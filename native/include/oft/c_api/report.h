/** What files hold, and whether they fit. See oft/c_api.h for the rules. */
#ifndef OFT_C_API_REPORT_H
#define OFT_C_API_REPORT_H

#include "oft/c_api/base.h"

/**
 * Matches an adapter with a checkpoint and measures each rotation.
 * @param out_report new: JSON with layers, missing, unused, replaced, problems, warnings
 * Returns: NOT_FOUND, IO, PARSE, UNSUPPORTED; what merely fails the check is in the report.
 */
OFT_API oft_status oft_check_adapter(const char* base, size_t base_size, const char* adapter,
                                     size_t adapter_size, double max_orthogonality_error,
                                     oft_text** out_report, oft_error** out_error);

/**
 * What a path holds: adapter folder, checkpoint, diffusers pipeline, TorchScript file.
 * @param path also the name of a model in the Hugging Face cache, "org/name[@revision][/folder]"
 * @param out_report new: JSON
 * Returns: NOT_FOUND, IO, PARSE, UNSUPPORTED (an adapter of another method).
 */
OFT_API oft_status oft_describe_path(const char* path, size_t path_size, oft_text** out_report,
                                     oft_error** out_error);

#endif
