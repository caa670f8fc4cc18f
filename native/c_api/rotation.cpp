#include "boundary.hpp"
#include "oft/merge.hpp"
#include "tensor_types.hpp"

using namespace oft::c_api;

namespace {

at::ScalarType compute_type_in(oft_dtype dtype) {
  if (dtype != OFT_DTYPE_FLOAT32 && dtype != OFT_DTYPE_FLOAT64)
    throw oft::Error(
        oft::Status::kInvalidArgument,
        "rotations are computed in float32 or float64, not in dtype " + std::to_string(dtype));
  return type_in(dtype);
}

oft::LayerKind kind_in(oft_layer_kind kind) {
  switch (kind) {
    case OFT_LAYER_LINEAR:
      return oft::LayerKind::kLinear;
    case OFT_LAYER_CONV1D:
      return oft::LayerKind::kConv1D;
    case OFT_LAYER_CONV_1D:
      return oft::LayerKind::kConv1d;
    case OFT_LAYER_CONV_2D:
      return oft::LayerKind::kConv2d;
    case OFT_LAYER_EMBEDDING:
      return oft::LayerKind::kEmbedding;
  }
  throw oft::Error(oft::Status::kInvalidArgument,
                   "layer kind " + std::to_string(kind) + " stands for nothing; see OFT_LAYER_*");
}

std::vector<oft::Rotation> rotations_in(const oft_rotation* const* rotations, size_t count) {
  std::vector<oft::Rotation> values;
  if (count != 0) deref(rotations, "rotations");
  for (size_t i = 0; i < count; ++i) values.push_back(deref(rotations[i], "a rotation").value);
  return values;
}

}  // namespace

oft_status oft_rotation_create(const oft_tensor* q, int64_t features, const oft_config* config,
                               const oft_tensor* row_scale, oft_rotation** out_rotation,
                               oft_error** out_error) {
  return boundary(out_error, [&] {
    give(out_rotation, "out_rotation",
         oft::Rotation(deref(q, "q").value, features,
                       oft::rotation_spec(deref(config, "config").value),
                       row_scale == nullptr ? at::Tensor() : row_scale->value));
  });
}

oft_status oft_rotation_to_json(const oft_rotation* rotation, char* buffer, size_t capacity,
                                size_t* out_size, oft_error** out_error) {
  return boundary(out_error, [&] {
    text_out(deref(rotation, "rotation").value.to_json(), buffer, capacity, out_size);
  });
}

oft_status oft_rotation_q(const oft_rotation* rotation, oft_tensor** out_q, oft_error** out_error) {
  return boundary(out_error,
                  [&] { give(out_q, "out_q", tensor_out(deref(rotation, "rotation").value.q())); });
}

oft_status oft_rotation_matrices(const oft_rotation* rotation, oft_dtype dtype,
                                 oft_tensor** out_matrices, oft_error** out_error) {
  return boundary(out_error, [&] {
    give(out_matrices, "out_matrices",
         tensor_out(deref(rotation, "rotation").value.matrices(compute_type_in(dtype))));
  });
}

oft_status oft_rotation_inverse(const oft_rotation* rotation, oft_dtype dtype,
                                oft_tensor** out_matrices, oft_error** out_error) {
  return boundary(out_error, [&] {
    give(out_matrices, "out_matrices",
         tensor_out(deref(rotation, "rotation").value.inverse(compute_type_in(dtype))));
  });
}

oft_status oft_rotation_power(const oft_rotation* rotation, double exponent,
                              oft_rotation** out_rotation, oft_error** out_error) {
  return boundary(out_error, [&] {
    give(out_rotation, "out_rotation", deref(rotation, "rotation").value.power(exponent));
  });
}

oft_status oft_rotation_angles(const oft_rotation* rotation, oft_tensor** out_angles,
                               oft_error** out_error) {
  return boundary(out_error, [&] {
    give(out_angles, "out_angles", tensor_out(deref(rotation, "rotation").value.angles()));
  });
}

oft_status oft_rotation_orthogonality_error(const oft_rotation* rotation, oft_dtype dtype,
                                            double* out_value, oft_error** out_error) {
  return boundary(out_error, [&] {
    deref(out_value, "out_value") =
        deref(rotation, "rotation").value.orthogonality_error(compute_type_in(dtype));
  });
}

oft_status oft_rotation_apply(const oft_rotation* rotation, const oft_tensor* x, oft_tensor** out_y,
                              oft_error** out_error) {
  return boundary(out_error, [&] {
    give(out_y, "out_y", tensor_out(deref(rotation, "rotation").value.apply(deref(x, "x").value)));
  });
}

oft_status oft_rotation_merge(const oft_rotation* const* rotations, size_t count,
                              const oft_tensor* weight, oft_layer_kind kind, int32_t safe,
                              oft_tensor** out_weight, oft_error** out_error) {
  return boundary(out_error, [&] {
    give(out_weight, "out_weight",
         tensor_out(oft::merge_weight(deref(weight, "weight").value, kind_in(kind),
                                      rotations_in(rotations, count), safe != 0)));
  });
}

oft_status oft_rotation_unmerge(const oft_rotation* const* rotations, size_t count,
                                const oft_tensor* weight, oft_layer_kind kind,
                                oft_tensor** out_weight, oft_error** out_error) {
  return boundary(out_error, [&] {
    give(out_weight, "out_weight",
         tensor_out(oft::unmerge_weight(deref(weight, "weight").value, kind_in(kind),
                                        rotations_in(rotations, count))));
  });
}

void oft_rotation_destroy(oft_rotation* rotation) { delete rotation; }
