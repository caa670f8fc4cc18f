#pragma once

#include <string>
#include <vector>

#include "encoder.h"
#include "job.h"
#include "process.h"
#include "unet.h"

/// Work in a process of its own: this very program, started with a verb of its own.
namespace oft::bench {

inline constexpr const char* kChildVerb = "child";

/// What a child does, given its whole command line.
void be_child(const std::vector<std::string>& words);

/// A process that loads libtorch and liboft and tells their versions.
Command version_child();
/// A process that merges and prints its peak memory.
Command merge_child(const Job& job);
/// Make a job's inputs, so that their memory is not this process's.
void write_linears_in_child(const Job& job, int layers, std::int64_t features,
                            std::int64_t block_size);
void write_unet_in_child(const Job& job, const UNetWidths& widths);
/// The peak memory of a process that does nothing but the first steps, in bytes.
double step_memory_of_child(const Encoder& encoder, const RotationSpec& spec);

}  // namespace oft::bench
