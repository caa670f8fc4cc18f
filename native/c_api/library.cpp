#include "boundary.hpp"
#include "oft/build_info.hpp"

using namespace oft::c_api;

uint32_t oft_abi_version(void) { return OFT_ABI_VERSION; }

const char* oft_status_name(oft_status status) {
  switch (status) {
    case OFT_STATUS_OK:
      return "OK";
    case OFT_STATUS_INVALID_ARGUMENT:
      return "INVALID_ARGUMENT";
    case OFT_STATUS_INVALID_STATE:
      return "INVALID_STATE";
    case OFT_STATUS_NOT_FOUND:
      return "NOT_FOUND";
    case OFT_STATUS_IO:
      return "IO";
    case OFT_STATUS_PARSE:
      return "PARSE";
    case OFT_STATUS_UNSUPPORTED:
      return "UNSUPPORTED";
    case OFT_STATUS_OUT_OF_MEMORY:
      return "OUT_OF_MEMORY";
    case OFT_STATUS_DEVICE:
      return "DEVICE";
    case OFT_STATUS_INTERNAL:
      return "INTERNAL";
    case OFT_STATUS_CANCELLED:
      return "CANCELLED";
  }
  return "UNKNOWN";
}

oft_status oft_build_info(char* buffer, size_t capacity, size_t* out_size, oft_error** out_error) {
  return boundary(out_error, [&] { text_out(oft::build_info(), buffer, capacity, out_size); });
}

oft_status oft_live_handles(int64_t* out_count, oft_error** out_error) {
  return boundary(out_error, [&] { deref(out_count, "out_count") = live_handles; });
}
