#include "boundary.hpp"

using namespace oft::c_api;

oft_status oft_error_status(const oft_error* error) {
  return error == nullptr ? OFT_STATUS_OK : static_cast<oft_status>(error->status);
}

oft_status oft_error_message(const oft_error* error, char* buffer, size_t capacity,
                             size_t* out_size) {
  return boundary(nullptr, [&] {
    text_out(error == nullptr ? std::string_view() : error->message, buffer, capacity, out_size);
  });
}

void oft_error_destroy(oft_error* error) { delete error; }
