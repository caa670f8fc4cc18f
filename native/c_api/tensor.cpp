#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "boundary.hpp"
#include "gradients.hpp"
#include "tensor_types.hpp"

using namespace oft::c_api;

namespace {

at::IntArrayRef sizes_in(const int64_t* sizes, size_t dims, oft_dtype dtype) {
  if (dims != 0) deref(sizes, "sizes");
  const at::IntArrayRef shape(sizes, dims);
  auto count = static_cast<int64_t>(c10::elementSize(type_in(dtype)));
  for (const int64_t size : shape)
    if (size < 0 || __builtin_mul_overflow(count, std::max<int64_t>(size, 1), &count))
      throw oft::Error(
          oft::Status::kInvalidArgument,
          "tensor size " + std::to_string(size) + " is negative or makes the tensor too large");
  return shape;
}

}  // namespace

oft_status oft_tensor_create(oft_dtype dtype, const int64_t* sizes, size_t dims,
                             oft_tensor** out_tensor, oft_error** out_error) {
  return boundary(out_error, [&] {
    give(out_tensor, "out_tensor", at::zeros(sizes_in(sizes, dims, dtype), type_in(dtype)));
  });
}

oft_status oft_tensor_from_blob(void* data, size_t data_size, oft_dtype dtype, const int64_t* sizes,
                                size_t dims, oft_tensor** out_tensor, oft_error** out_error) {
  return boundary(out_error, [&] {
    const at::IntArrayRef shape = sizes_in(sizes, dims, dtype);
    const auto bytes =
        static_cast<size_t>(c10::multiply_integers(shape)) * c10::elementSize(type_in(dtype));
    if (bytes != data_size)
      throw oft::Error(oft::Status::kInvalidArgument, "data_size is " + std::to_string(data_size) +
                                                          " bytes, but the shape needs " +
                                                          std::to_string(bytes));
    if (bytes != 0) deref(static_cast<char*>(data), "data");
    give(out_tensor, "out_tensor", at::from_blob(data, shape, type_in(dtype)));
  });
}

oft_status oft_tensor_to(const oft_tensor* tensor, oft_dtype dtype, oft_tensor** out_tensor,
                         oft_error** out_error) {
  return boundary(out_error, [&] {
    give(out_tensor, "out_tensor", cpu_copy(deref(tensor, "tensor").value, type_in(dtype)));
  });
}

oft_status oft_tensor_dtype(const oft_tensor* tensor, oft_dtype* out_dtype, oft_error** out_error) {
  return boundary(out_error, [&] {
    deref(out_dtype, "out_dtype") = type_out(deref(tensor, "tensor").value.scalar_type());
  });
}

oft_status oft_tensor_sizes(const oft_tensor* tensor, int64_t* sizes, size_t capacity,
                            size_t* out_dims, oft_error** out_error) {
  return boundary(out_error, [&] {
    const at::IntArrayRef shape = deref(tensor, "tensor").value.sizes();
    size_t& dims = deref(out_dims, "out_dims");
    if (capacity != 0) deref(sizes, "sizes");
    std::copy_n(shape.begin(), std::min(capacity, shape.size()), sizes);
    dims = shape.size();
  });
}

oft_status oft_tensor_data(const oft_tensor* tensor, void** out_data, size_t* out_data_size,
                           oft_error** out_error) {
  return boundary(out_error, [&] {
    const at::Tensor& value = deref(tensor, "tensor").value;
    void*& data = deref(out_data, "out_data");
    deref(out_data_size, "out_data_size") = row_major(value).nbytes();
    data = value.nbytes() == 0 ? nullptr : value.data_ptr();
  });
}

oft_status oft_tensor_device(const oft_tensor* tensor, char* buffer, size_t capacity,
                             size_t* out_size, oft_error** out_error) {
  return boundary(out_error, [&] {
    text_out(deref(tensor, "tensor").value.device().str(), buffer, capacity, out_size);
  });
}

oft_status oft_tensor_requires_grad(const oft_tensor* tensor, int32_t* out_requires,
                                    oft_error** out_error) {
  return boundary(out_error, [&] {
    deref(out_requires, "out_requires") = deref(tensor, "tensor").value.requires_grad();
  });
}

oft_status oft_tensor_set_requires_grad(oft_tensor* tensor, int32_t requires_grad,
                                        oft_error** out_error) {
  return boundary(out_error, [&] {
    oft::set_requires_grad(deref(tensor, "tensor").value, requires_grad != 0);
  });
}

oft_status oft_tensor_backward(const oft_tensor* tensor, const oft_tensor* gradient,
                               int32_t retain_graph, oft_error** out_error) {
  return boundary(out_error, [&] {
    oft::backward(deref(tensor, "tensor").value,
                  gradient == nullptr ? at::Tensor() : gradient->value, retain_graph != 0);
  });
}

oft_status oft_tensor_grad(const oft_tensor* tensor, oft_tensor** out_grad, oft_error** out_error) {
  return boundary(out_error, [&] {
    give_if_defined(out_grad, "out_grad", oft::gradient_of(deref(tensor, "tensor").value));
  });
}

void oft_tensor_destroy(oft_tensor* tensor) { delete tensor; }
