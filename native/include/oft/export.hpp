#pragma once

/// Marks the C++ classes and functions that `liboft` exports; all else stays hidden.
#if defined(_WIN32)
#define OFT_EXPORT
#else
#define OFT_EXPORT __attribute__((visibility("default")))
#endif
