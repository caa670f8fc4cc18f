#ifndef OFT_KERNELS_ISA_H
#define OFT_KERNELS_ISA_H

namespace oft::kernels {

/// Instruction sets that a kernel may be compiled for, weakest first.
enum class Isa { kScalar = 0, kAvx2 = 1, kAvx512 = 2 };

/// "scalar", "avx2", "avx512".
const char* isa_name(Isa isa);

/// The set of that name. Throws std::runtime_error naming the value and the remedy where it is
/// unknown or not offered here.
Isa isa_by_name(const char* name);

/// The strongest set that this processor and operating system offer and this build holds.
Isa best_isa();

/// The set in use: `best_isa()`, or what the environment variable OFT_FORCE_ISA names (errors as
/// of `isa_by_name`; empty is as unset). Read once per process.
Isa active_isa();

}  // namespace oft::kernels

#endif
