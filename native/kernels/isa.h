#ifndef OFT_KERNELS_ISA_H
#define OFT_KERNELS_ISA_H

namespace oft::kernels {

/// Instruction sets that a kernel may be compiled for, weakest first.
enum class Isa { kScalar = 0, kAvx2 = 1, kAvx512 = 2 };

/// "scalar", "avx2", "avx512".
const char* isa_name(Isa isa);

/// The strongest set that this processor and operating system offer and this build holds.
Isa best_isa();

/// The set in use: `best_isa()`, or what the environment variable OFT_FORCE_ISA names. Throws
/// std::runtime_error naming the value where that is unknown or not offered here.
Isa active_isa();

}  // namespace oft::kernels

#endif
